//! A question as a resolver asks it for a client, over UDP.

use crate::document::Network;
use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{ClientSubnet, EdnsCode, EdnsOption};
use hickory_proto::rr::{Name, RData, RecordType};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// A node on this machine answers within a millisecond.
const PATIENCE: Duration = Duration::from_millis(500);
const LARGEST: usize = 4096;
const UDP_SIZE: u16 = 1232;

/// What a client is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) addresses: Vec<Ipv4Addr>,
    pub(super) ttl: u32,
    /// Of the client's network, as far as the answer is good for.
    pub(super) scope: u8,
}

/// The error is a sentence.
pub(super) fn ask(node: SocketAddr, name: &str, client: Network) -> Result<Answer, String> {
    let mut name = Name::from_ascii(name).map_err(|error| error.to_string())?;
    name.set_fqdn(true);
    let mut question = Message::query();
    question.metadata.id = getrandom::u32().map_err(|error| error.to_string())? as u16;
    question.add_query(Query::query(name, RecordType::A));
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_SIZE);
    edns.options_mut().insert(EdnsOption::Subnet(ClientSubnet::new(client.address(), client.prefix(), 0)));
    question.edns = Some(edns);
    let bytes = question.to_vec().map_err(|error| error.to_string())?;
    let answer = exchange(node, &bytes).map_err(|error| format!("{node} does not answer: {error}"))?;
    read(&answer)
}

fn exchange(node: SocketAddr, question: &[u8]) -> std::io::Result<Vec<u8>> {
    let any: SocketAddr = if node.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any)?;
    // Others' packets do not come in, and that nobody listens is told at once.
    socket.connect(node)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(question)?;
    let mut buffer = vec![0; LARGEST];
    loop {
        let length = socket.recv(&mut buffer)?;
        if buffer[..length].starts_with(&question[..2]) {
            buffer.truncate(length);
            return Ok(buffer);
        }
    }
}

fn read(bytes: &[u8]) -> Result<Answer, String> {
    let message = Message::from_vec(bytes).map_err(|error| format!("the answer cannot be read: {error}"))?;
    if message.metadata.response_code != ResponseCode::NoError {
        return Err(message.metadata.response_code.to_string());
    }
    let subnet = message.edns.as_ref().and_then(|edns| match edns.option(EdnsCode::Subnet) {
        Some(EdnsOption::Subnet(subnet)) => Some(subnet.scope_prefix()),
        _ => None,
    });
    let mut answer = Answer { scope: subnet.unwrap_or(0), ..Answer::default() };
    for record in &message.answers {
        if let RData::A(address) = &record.data {
            answer.addresses.push(address.0);
            answer.ttl = record.ttl;
        }
    }
    match answer.addresses.is_empty() {
        true => Err("no address".into()),
        false => Ok(answer),
    }
}
