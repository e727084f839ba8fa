//! The same answers behind hickory-server's `Server`, on any transport it has.
//!
//! For embedding and for differential tests; Meridian itself listens with its own sockets. Each answer is parsed and
//! written once more on its way, at some twenty times the cost.

use super::desk::{Desk, Outcome, Seeds};
use super::sys::ANSWER;
use crate::answer::{Ask, Over};
use crate::clock;
use crate::snapshot::Slot;
use hickory_proto::op::{Header, HeaderCounts, Message, Metadata, ResponseCode};
use hickory_server::net::runtime::Time;
use hickory_server::net::xfer::Protocol;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use std::sync::Arc;

/// Longest answer over anything but UDP.
const LONGEST: usize = 65_535;

/// A `RequestHandler` over the snapshot in a slot.
pub struct Front(Arc<Slot>);

impl Front {
    pub fn new(slot: Arc<Slot>) -> Self {
        Self(slot)
    }

    /// The answer as Meridian wrote it; nothing if none is to be sent.
    fn answer(&self, request: &Request) -> Option<Vec<u8>> {
        let (over, room) = match request.protocol() {
            Protocol::Udp => (Over::Udp, ANSWER),
            _ => (Over::Tcp, LONGEST),
        };
        let desk = Desk::new(Arc::clone(&self.0));
        let ask = Ask { bytes: request.as_slice(), peer: request.src(), over, seed: Seeds::new().draw(), path: None };
        let mut out = vec![0; room];
        match desk.answer(clock::now(), &desk.slot.load(), &ask, &mut out) {
            Outcome::Reply(reply) => {
                out.truncate(reply.len);
                Some(out)
            }
            Outcome::Drop | Outcome::Panic => None,
        }
    }
}

#[async_trait::async_trait]
impl RequestHandler for Front {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, mut response: R) -> ResponseInfo {
        let Some(wire) = self.answer(request) else { return unsent(request, ResponseCode::Refused) };
        let message = match Message::from_vec(&wire) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(%error, peer = %request.src(), "hickory cannot read our answer");
                return unsent(request, ResponseCode::ServFail);
            }
        };
        // Over UDP hickory cuts the answer to the payload size of this OPT, which is ours, and to 512 bytes without one.
        let mut built = MessageResponseBuilder::new(&request.queries, message.edns.as_ref()).build(
            message.metadata,
            message.answers.iter(),
            message.authorities.iter(),
            [],
            message.additionals.iter(),
        );
        if let Some(signature) = message.signature {
            built.set_signature(signature);
        }
        match response.send_response(built).await {
            Ok(info) => info,
            Err(error) => {
                tracing::debug!(%error, peer = %request.src(), "answer not sent");
                unsent(request, ResponseCode::ServFail)
            }
        }
    }
}

/// hickory wants to know how it ended even when nothing was said.
fn unsent(request: &Request, code: ResponseCode) -> ResponseInfo {
    let mut metadata = Metadata::response_from_request(&request.metadata);
    metadata.response_code = code;
    ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{self, Verdict};
    use crate::snapshot::Snapshot;
    use hickory_proto::op::{Edns, Query};
    use hickory_proto::rr::{Name, RecordType};
    use std::net::SocketAddr;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream, UdpSocket};
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_secs(10);

    fn queries() -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for (i, name) in ["example.org.", "wWw.ExAmPlE.oRg.", "."].into_iter().enumerate() {
            for rtype in [RecordType::A, RecordType::AAAA, RecordType::SOA, RecordType::Unknown(65_280)] {
                let mut message = Message::query();
                message.metadata.id = 1000 + i as u16;
                message.add_query(Query::query(Name::from_ascii(name).unwrap(), rtype));
                if i == 1 {
                    let mut edns = Edns::new();
                    edns.set_max_payload(4096);
                    message.edns = Some(edns);
                }
                all.push(message.to_vec().unwrap());
            }
        }
        all
    }

    fn direct(slot: &Slot, query: &[u8], peer: SocketAddr, over: Over) -> Message {
        let mut out = vec![0; LONGEST];
        let ask = Ask { bytes: query, peer, over, seed: 1, path: None };
        let Verdict::Reply(reply) = answer::handle(clock::now(), &slot.load(), &ask, &mut out) else { panic!("no answer") };
        Message::from_vec(&out[..reply.len]).unwrap()
    }

    #[tokio::test]
    async fn hickory_gives_the_same_answers() {
        let slot = Arc::new(Slot::new(Snapshot::default()));
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (udp_at, tcp_at) = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
        let mut server = hickory_server::Server::new(Front::new(Arc::clone(&slot)));
        server.register_socket(udp);
        server.register_listener(tcp, SOON, 32);

        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(tcp_at).await.unwrap();
        for query in queries() {
            let mut buffer = [0; 4096];
            client.send_to(&query, udp_at).await.unwrap();
            let len = timeout(SOON, client.recv(&mut buffer)).await.unwrap().unwrap();
            let got = Message::from_vec(&buffer[..len]).unwrap();
            assert_eq!(got, direct(&slot, &query, client.local_addr().unwrap(), Over::Udp));

            stream.write_u16(query.len() as u16).await.unwrap();
            stream.write_all(&query).await.unwrap();
            let len = timeout(SOON, stream.read_u16()).await.unwrap().unwrap();
            stream.read_exact(&mut buffer[..usize::from(len)]).await.unwrap();
            let got = Message::from_vec(&buffer[..usize::from(len)]).unwrap();
            assert_eq!(got, direct(&slot, &query, stream.local_addr().unwrap(), Over::Tcp));
        }
        server.shutdown_gracefully().await.unwrap();
    }
}
