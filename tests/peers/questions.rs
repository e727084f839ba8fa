//! Questions about a zone: every owner and its neighbourhood, many types, every way of asking.

use super::wire::{self, Edns, Name, Question, Rr};
use std::collections::{BTreeMap, BTreeSet};

/// A small generator (splitmix64), so that a seed means the same everywhere and for ever.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.roll() % n as u64) as usize
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// The seed of a run: SEED=n repeats one that failed.
pub(crate) fn seed() -> u64 {
    std::env::var("SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(20_260_401)
}

const FULL: [u16; 12] =
    [wire::A, wire::AAAA, wire::NS, wire::SOA, wire::CNAME, wire::DNAME, wire::MX, wire::TXT, wire::SRV, wire::DS, 65, wire::PRIVATE];
const FEW: [u16; 5] = [wire::A, wire::NS, wire::DS, wire::CNAME, wire::MX];

/// All that is asked about the zones whose records are given.
pub(crate) fn about(zones: &[Vec<Rr>], dice: &mut Dice) -> Vec<Question> {
    let mut wanted: BTreeMap<Name, BTreeSet<u16>> = BTreeMap::new();
    let mut want = |name: Option<Name>, types: &[u16]| {
        if let Some(name) = name {
            wanted.entry(name).or_default().extend(types);
        }
    };
    for zone in zones {
        let apex = &zone[0].name;
        want(under(b"zz", &parent(apex)), &FEW);
        want(Some(parent(apex)), &FEW);
        let owners: BTreeSet<&Name> = zone.iter().map(|rr| &rr.name).collect();
        for rr in zone {
            want(Some(rr.name.clone()), &[rr.rtype]);
            want(under(b"0", &rr.name), &[rr.rtype]);
        }
        for owner in owners {
            // The owner, and every empty non-terminal between it and the apex.
            let mut name = owner.clone();
            while name.len() > apex.len() && wire::labels(owner).len() < 40 {
                want(Some(name.clone()), &FULL);
                want(under(b"zz", &name), &FEW);
                name = parent(&name);
            }
            want(Some(owner.clone()), &FULL);
            for label in [&b"*"[..], b"zz", b"www", b"\x00", b"x"] {
                want(under(label, owner), &FEW);
            }
            want(under(b"b", owner).and_then(|n| under(b"a", &n)), &FEW);
            want(under(b"*", owner).and_then(|n| under(b"a", &n)), &FEW);
            for sibling in siblings(owner) {
                want(Some(sibling), &FEW[..2]);
            }
        }
    }
    let mut questions = Vec::new();
    for (name, types) in wanted {
        for rtype in types {
            questions.push(ask(name.clone(), rtype, dice));
        }
    }
    questions
}

/// The same about signed zones: their own types as well, and each question with and without DO.
pub(crate) fn about_signed(zones: &[Vec<Rr>], dice: &mut Dice) -> Vec<Question> {
    let mut questions = Vec::new();
    let mut names = BTreeSet::new();
    for plain in about(zones, dice) {
        if names.insert(plain.name.to_ascii_lowercase()) {
            let mut types = vec![wire::RRSIG, wire::NSEC];
            // Elsewhere NSEC3 is a type like any other, and at aliases each peer has a way of its own.
            if wire::labels(&plain.name).iter().any(|label| label.len() == 32) {
                types.push(wire::NSEC3);
            }
            questions.extend(types.into_iter().map(|rtype| with_do(Question { rtype, ..plain.clone() }, dice)));
        }
        questions.push(with_do(plain.clone(), dice));
        questions.push(plain);
    }
    questions
}

fn with_do(question: Question, dice: &mut Dice) -> Question {
    let size = *dice.pick(&[512, 1232, 1232, 4096, 700]);
    Question { edns: Some(Edns::of(size).with_do()), tcp: dice.chance(30), ..question }
}

/// One way of asking among all of them.
pub(crate) fn ask(mut name: Name, rtype: u16, dice: &mut Dice) -> Question {
    if dice.chance(30) {
        mix_case(&mut name, dice);
    }
    let size = *dice.pick(&[0, 512, 1232, 4096, 65_535, 900]);
    let edns = match dice.below(10) {
        0..=3 => None,
        4..=7 => Some(Edns::of(size)),
        _ => Some(Edns::of(size).with_do()),
    };
    let flags = if dice.chance(50) { wire::RD } else { 0 };
    Question { flags, edns, tcp: dice.chance(15), ..Question::of(name, rtype) }
}

fn mix_case(name: &mut [u8], dice: &mut Dice) {
    let mut at = 0;
    while name[at] != 0 {
        let end = at + 1 + usize::from(name[at]);
        for byte in &mut name[at + 1..end] {
            if dice.chance(50) {
                *byte = if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
            }
        }
        at = end;
    }
}

fn parent(name: &Name) -> Name {
    if name.len() == 1 { name.clone() } else { name[1 + usize::from(name[0])..].to_vec() }
}

/// `label` put before `name`, if that is still a name.
fn under(label: &[u8], name: &Name) -> Option<Name> {
    let mut made = vec![label.len() as u8];
    made.extend(label);
    made.extend(name);
    (made.len() <= 255).then_some(made)
}

/// Names just before and just after in the order of the zone.
fn siblings(name: &Name) -> Vec<Name> {
    if name.len() == 1 {
        return Vec::new();
    }
    let label = &name[1..1 + usize::from(name[0])];
    let parent = parent(name);
    let mut longer = label.to_vec();
    longer.push(0);
    let mut other = label.to_vec();
    *other.last_mut().expect("a label has a byte") ^= 1;
    let mut made = Vec::new();
    if longer.len() < 64 {
        made.extend(under(&longer, &parent));
    }
    if label.len() > 1 {
        made.extend(under(&label[..label.len() - 1], &parent));
    }
    made.extend(under(&other, &parent));
    made
}
