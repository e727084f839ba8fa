//! Writes small databases, sound and otherwise.

use std::net::IpAddr;

pub(crate) enum Value {
    Map(Vec<(&'static str, Value)>),
    Array(Vec<Value>),
    Text(String),
    Double(f64),
    Float(f32),
    U16(u16),
    U32(u32),
    I32(i32),
    U64(u64),
    Bool(bool),
    /// To another place in the data section.
    Pointer(u32),
}

pub(crate) struct Writer {
    pub(crate) kind: &'static str,
    pub(crate) ip_version: u16,
    /// 24, 28 or 32.
    pub(crate) record_size: u16,
    records: Vec<u8>,
    nodes: Vec<[Link; 2]>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Link {
    Nothing,
    Node(u32),
    Record(u32),
    /// What stands in the file, whatever it means.
    Raw(u32),
}

impl Writer {
    pub(crate) fn new(kind: &'static str, ip_version: u16) -> Self {
        Self { kind, ip_version, record_size: 24, records: Vec::new(), nodes: vec![[Link::Nothing; 2]] }
    }

    /// Gives each network, as `address/prefix`, a record of its own. Networks of IPv4 go to ::/96 of a tree of IPv6.
    pub(crate) fn put(&mut self, network: &str, record: &Value) -> &mut Self {
        let link = Link::Record(self.record(record));
        self.link(network, link)
    }

    /// Writes a record and gives its offset.
    pub(crate) fn record(&mut self, record: &Value) -> u32 {
        let at = self.records.len() as u32;
        encode(record, &mut self.records);
        at
    }

    /// Longer networks after shorter ones.
    pub(crate) fn link(&mut self, network: &str, link: Link) -> &mut Self {
        let (address, prefix) = network.split_once('/').unwrap();
        let prefix: u32 = prefix.parse().unwrap();
        let (bits, length) = match address.parse().unwrap() {
            IpAddr::V4(v4) if self.ip_version == 6 => (u128::from(v4.to_bits()), 96 + prefix),
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, prefix),
            IpAddr::V6(v6) => (v6.to_bits(), prefix),
        };
        let side = |depth: u32| (bits >> (127 - depth) & 1) as usize;
        let mut node = 0;
        for depth in 0..length - 1 {
            node = match self.nodes[node][side(depth)] {
                Link::Node(next) => next as usize,
                other => {
                    self.nodes.push([other; 2]);
                    self.nodes[node][side(depth)] = Link::Node(self.nodes.len() as u32 - 1);
                    self.nodes.len() - 1
                }
            };
        }
        self.nodes[node][side(length - 1)] = link;
        self
    }

    /// The node a network begins at, for links to it.
    pub(crate) fn node(&self, network: &str) -> Link {
        let (address, prefix) = network.split_once('/').unwrap();
        let IpAddr::V6(v6) = address.parse().unwrap() else { panic!("{network}: name nodes by IPv6") };
        (0..prefix.parse().unwrap()).fold(Link::Node(0), |link, depth: u32| match link {
            Link::Node(node) => self.nodes[node as usize][(v6.to_bits() >> (127 - depth) & 1) as usize],
            _ => panic!("{network}: no node there"),
        })
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let count = self.nodes.len() as u32;
        let number = |link: Link| match link {
            Link::Nothing => count,
            Link::Node(node) => node,
            Link::Record(offset) => count + 16 + offset,
            Link::Raw(number) => number,
        };
        let mut file = Vec::new();
        for [left, right] in &self.nodes {
            let (left, right) = (number(*left).to_be_bytes(), number(*right).to_be_bytes());
            match self.record_size {
                24 => file.extend([&left[1..], &right[1..]].concat()),
                28 => file.extend([&left[1..], &[left[0] << 4 | right[0] & 15], &right[1..]].concat()),
                _ => file.extend([left, right].concat()),
            }
        }
        file.extend([0; 16]);
        file.extend(&self.records);
        file.extend(b"\xab\xcd\xefMaxMind.com");
        let about = Value::Map(vec![
            ("binary_format_major_version", Value::U16(2)),
            ("binary_format_minor_version", Value::U16(0)),
            ("build_epoch", Value::U64(1_700_000_000)),
            ("database_type", text(self.kind)),
            ("description", Value::Map(vec![("en", text("made for a test"))])),
            ("ip_version", Value::U16(self.ip_version)),
            ("languages", Value::Array(vec![text("en")])),
            ("node_count", Value::U32(count)),
            ("record_size", Value::U16(self.record_size)),
        ]);
        encode(&about, &mut file);
        file
    }
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn encode(value: &Value, to: &mut Vec<u8>) {
    match value {
        Value::Map(entries) => {
            head(7, entries.len(), to);
            for (key, value) in entries {
                encode(&text(key), to);
                encode(value, to);
            }
        }
        Value::Array(items) => {
            head(11, items.len(), to);
            items.iter().for_each(|item| encode(item, to));
        }
        Value::Text(text) => bytes(2, text.as_bytes(), to),
        Value::Double(number) => bytes(3, &number.to_be_bytes(), to),
        Value::Float(number) => bytes(15, &number.to_be_bytes(), to),
        Value::U16(number) => bytes(5, &number.to_be_bytes(), to),
        Value::U32(number) => bytes(6, &number.to_be_bytes(), to),
        Value::I32(number) => bytes(8, &number.to_be_bytes(), to),
        Value::U64(number) => bytes(9, &number.to_be_bytes(), to),
        Value::Bool(yes) => head(14, usize::from(*yes), to),
        Value::Pointer(at) => {
            to.push(1 << 5 | 3 << 3);
            to.extend(at.to_be_bytes());
        }
    }
}

fn bytes(kind: u8, bytes: &[u8], to: &mut Vec<u8>) {
    head(kind, bytes.len(), to);
    to.extend(bytes);
}

fn head(kind: u8, size: usize, to: &mut Vec<u8>) {
    let (short, more) = match size {
        0..29 => (size as u8, vec![]),
        29..285 => (29, vec![(size - 29) as u8]),
        285..65821 => (30, ((size - 285) as u16).to_be_bytes().to_vec()),
        _ => (31, ((size - 65821) as u32).to_be_bytes()[1..].to_vec()),
    };
    match kind {
        0..8 => to.push(kind << 5 | short),
        _ => to.extend([short, kind - 7]),
    }
    to.extend(more);
}
