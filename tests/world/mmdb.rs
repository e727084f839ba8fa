//! A database of places in the flat schema, made from a few lines.

use std::net::IpAddr;

pub(crate) struct Entry {
    pub(crate) address: IpAddr,
    pub(crate) prefix: u8,
    pub(crate) place: Option<(f64, f64)>,
    pub(crate) country: Option<String>,
    /// Without the country.
    pub(crate) subdivision: Option<String>,
    pub(crate) asn: Option<u32>,
}

/// A node's two branches.
type Node = [Branch; 2];

#[derive(Clone, Copy)]
enum Branch {
    Nothing,
    Node(u32),
    /// The record's place in the data section.
    Record(u32),
}

/// Later entries may lie within earlier ones, not the other way round.
pub(crate) fn write(entries: &[Entry]) -> Vec<u8> {
    let (mut nodes, mut data): (Vec<Node>, Vec<u8>) = (vec![[Branch::Nothing; 2]], Vec::new());
    for entry in entries {
        let (bits, prefix) = match entry.address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), 96 + entry.prefix),
            IpAddr::V6(v6) => (v6.to_bits(), entry.prefix),
        };
        let record = Branch::Record(data.len() as u32);
        data.extend(map(&fields(entry)));
        let mut node = 0;
        for depth in 0..prefix {
            let side = (bits >> (127 - depth) & 1) as usize;
            if depth + 1 == prefix {
                nodes[node][side] = record;
                break;
            }
            node = match nodes[node][side] {
                Branch::Node(next) => next as usize,
                around => {
                    nodes.push([around; 2]);
                    let next = nodes.len() - 1;
                    nodes[node][side] = Branch::Node(next as u32);
                    next
                }
            };
        }
    }
    let count = nodes.len() as u32;
    let number = |branch: &Branch| match branch {
        Branch::Nothing => count,
        Branch::Node(node) => *node,
        Branch::Record(at) => count + 16 + at,
    };
    let mut bytes: Vec<u8> = nodes.iter().flatten().flat_map(|branch| number(branch).to_be_bytes()).collect();
    bytes.extend([0; 16]);
    bytes.extend(data);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    bytes.extend(map(&[
        ("binary_format_major_version", short(2)),
        ("binary_format_minor_version", short(0)),
        ("build_epoch", vec![4, 2, 0x5c, 0xf7, 0x9f, 0x11]),
        ("database_type", text("Places")),
        ("description", map(&[])),
        ("ip_version", short(6)),
        ("languages", vec![0, 4]),
        ("node_count", unsigned(count)),
        ("record_size", short(32)),
    ]));
    bytes
}

fn fields(entry: &Entry) -> Vec<(&'static str, Vec<u8>)> {
    let mut fields = Vec::new();
    if let Some((latitude, longitude)) = entry.place {
        fields.push(("latitude", double(latitude)));
        fields.push(("longitude", double(longitude)));
    }
    fields.extend(entry.country.as_ref().map(|country| ("country_code", text(country))));
    fields.extend(entry.subdivision.as_ref().map(|part| ("state1", text(part))));
    fields.extend(entry.asn.map(|asn| ("autonomous_system_number", unsigned(asn))));
    fields
}

fn text(text: &str) -> Vec<u8> {
    assert!(text.len() < 29, "{text}");
    [&[2 << 5 | text.len() as u8], text.as_bytes()].concat()
}

fn double(number: f64) -> Vec<u8> {
    [&[3 << 5 | 8][..], &number.to_be_bytes()].concat()
}

fn unsigned(number: u32) -> Vec<u8> {
    [&[6 << 5 | 4][..], &number.to_be_bytes()].concat()
}

fn short(number: u16) -> Vec<u8> {
    [&[5 << 5 | 2][..], &number.to_be_bytes()].concat()
}

fn map(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![7 << 5 | fields.len() as u8];
    for (key, value) in fields {
        bytes.extend(text(key));
        bytes.extend(value);
    }
    bytes
}
