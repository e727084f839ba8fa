//! Where a set stands among the others.

use crate::dns::name::{self, Name};
use crate::dns::rtype::Type;

/// Compares as sets are listed: names in canonical order (RFC 4034 §6.1), then types ascending; at the apex SOA and NS come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Labels from the right in lower case, each ended by two zeros; a zero in a label is followed by 1. Bytes then compare as the names do,
    /// which a look-up in a million of them needs to be fast.
    owner: Box<[u8]>,
    rank: u32,
}

impl Place {
    /// `owner` in wire form.
    pub(super) fn of(owner: &[u8], rtype: Type, apex: &Name) -> Self {
        let rank = match rtype {
            Type::SOA | Type::NS if !owner.eq_ignore_ascii_case(apex.wire()) => 2 + u32::from(rtype.0),
            Type::SOA => 0,
            Type::NS => 1,
            _ => 2 + u32::from(rtype.0),
        };
        Self { owner: key(owner), rank }
    }

    /// Before and behind all sets of a name.
    pub(super) fn ends(owner: &[u8]) -> [Self; 2] {
        [0, u32::MAX].map(|rank| Self { owner: key(owner), rank })
    }
}

fn key(owner: &[u8]) -> Box<[u8]> {
    let labels: Vec<&[u8]> = name::labels(owner).collect();
    let mut key = Vec::with_capacity(owner.len() + labels.len());
    for label in labels.iter().rev() {
        for byte in *label {
            key.push(byte.to_ascii_lowercase());
            if *byte == 0 {
                key.push(1);
            }
        }
        key.extend_from_slice(&[0, 0]);
    }
    key.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_name() -> impl Strategy<Value = Name> {
        let byte = prop_oneof![Just(0u8), Just(1), Just(2), Just(b'a'), Just(b'A'), Just(b'['), any::<u8>()];
        proptest::collection::vec(proptest::collection::vec(byte, 1..4), 0..4).prop_map(|labels| {
            let mut wire: Vec<u8> = labels.iter().flat_map(|label| [&[label.len() as u8][..], label].concat()).collect();
            wire.push(0);
            Name::from_wire(&wire).unwrap()
        })
    }

    proptest! {
        #[test]
        fn places_compare_as_names_and_then_types(one in any_name(), other in any_name(), types in any::<(u16, u16)>()) {
            let apex = Name::parse("apex.test").unwrap();
            let place = |name: &Name, number| Place::of(name.wire(), Type(number), &apex);
            let expected = one.cmp(&other).then(types.0.cmp(&types.1));
            prop_assert_eq!(place(&one, types.0).cmp(&place(&other, types.1)), expected);
            let [before, behind] = Place::ends(one.wire());
            prop_assert!(before <= place(&one, types.0) && place(&one, types.0) < behind);
        }
    }
}
