//! A fifth opinion: hickory-server's own catalog, where it is known to be right.
//!
//! Its wrong answers (wildcards, empty non-terminals, referrals) are why it is not the server; on a plain zone it agrees.

mod peers;

use hickory_proto::op::Message;
use hickory_proto::rr::{LowerName, Name, Record};
use hickory_server::server::Server;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use peers::questions::{self, Dice};
use peers::wire::{self, Answer, Question, Rr};
use peers::{Kind, ask, start_all, world};
use std::net::SocketAddr;
use std::sync::Arc;

const ZONE: &str = "plain.test.";

fn record(rr: &Rr) -> Record {
    let mut bytes = wire::header(0, wire::QR, [0, 1, 0, 0]);
    bytes.extend(&rr.name);
    bytes.extend([rr.rtype.to_be_bytes(), rr.class.to_be_bytes()].concat());
    bytes.extend(rr.ttl.to_be_bytes());
    bytes.extend((rr.rdata.len() as u16).to_be_bytes());
    bytes.extend(&rr.rdata);
    Message::from_vec(&bytes).expect("hickory reads what BIND sends").answers.remove(0)
}

async fn serve(records: &[Rr]) -> (Server<Catalog>, SocketAddr) {
    let origin = Name::from_ascii(ZONE).expect("a name");
    let mut zone: InMemoryZoneHandler = InMemoryZoneHandler::empty(origin.clone(), ZoneType::Primary, AxfrPolicy::Deny);
    for rr in records {
        zone.upsert_mut(record(rr), 1);
    }
    let mut catalog = Catalog::new();
    catalog.upsert(LowerName::new(&origin), vec![Arc::new(zone)]);
    let mut server = Server::new(catalog);
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a UDP port");
    let address = socket.local_addr().expect("its address");
    server.register_socket(socket);
    (server, address)
}

/// What both must say: rcode, AA and the answer, in any order.
fn essence(bytes: Option<&Vec<u8>>) -> Option<(u16, bool, Vec<Rr>)> {
    let Answer { mut answer, flags, .. } = wire::decode(bytes?).ok()?;
    answer.sort();
    Some((flags & 15, flags & wire::AA != 0, answer))
}

#[test]
fn agrees_with_hickory_on_a_plain_zone() {
    let servers = start_all(&[Kind::Bind, Kind::Meridian], &world("plain"));
    let records = ask::transfer(servers[0].address, ZONE);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (_server, hickory) = runtime.block_on(serve(&records));
    let asked: Vec<Question> = questions::about(&[records], &mut Dice::new(questions::seed()))
        .into_iter()
        .map(|question| Question { tcp: false, edns: Some(wire::Edns::of(1232)), ..question })
        .collect();
    assert!(asked.len() > 500, "{} questions are too few", asked.len());
    let theirs = ask::all(hickory, &asked);
    for server in &servers {
        for ((question, ours), theirs) in asked.iter().zip(ask::all(server.address, &asked)).zip(&theirs) {
            assert_eq!(essence(ours.as_ref()), essence(theirs.as_ref()), "{question}, {} and hickory", server.kind.title());
        }
    }
}
