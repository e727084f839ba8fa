//! Any bytes as a database: read or refused, never a panic; and what is read says no more than the crate's own look-up does.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use meridian::geo::{self, Atlas, Ranges};

fuzz_target!(|bytes: &[u8]| {
    let Ok(database) = geo::read("fuzz.mmdb", bytes.to_vec()) else { return };
    let reader = maxminddb::Reader::from_source(bytes).expect("what was read is a database");
    let atlas = Atlas::new(vec![database], &[]);
    let ranges = atlas.ranges();
    for runs in [ranges.v4().collect::<Vec<_>>(), ranges.v6().collect()] {
        assert_eq!(runs[0].0, 0);
        assert!(runs.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1));
    }
    let starts = ranges.v4().take(50).map(|(start, _)| IpAddr::V4((start as u32).into()));
    for address in starts.chain(ranges.v6().take(50).map(|(start, _)| IpAddr::V6(start.into()))) {
        one_value(ranges, address);
        let cell = atlas.cell(atlas.find(address).value);
        let land = atlas.land(cell.land);
        assert!(cell.point().is_none_or(|point| point.x.is_finite() && point.y.is_finite() && point.z.is_finite()));
        assert!(land.country.is_none_or(|code| geo::country(code).is_some()));
        // Every record that is reached was decoded, and places come from records only.
        if address.is_ipv4() {
            let found = reader.lookup(address).expect("a sound tree");
            assert!(found.has_data() || atlas.find(address).value == 0);
        }
    }
});

/// All of the network of a hit has its value, and one twice as large has not.
fn one_value(ranges: &Ranges<u32>, address: IpAddr) {
    let hit = ranges.find(address);
    let (bits, width) = match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let host = u128::MAX.checked_shr(u32::from(hit.prefix)).unwrap_or(0);
    let to = |bits: u128| if width == 32 { IpAddr::V4(((bits >> 96) as u32).into()) } else { IpAddr::V6(bits.into()) };
    assert!(hit.prefix <= width);
    for edge in [bits & !host, bits | host] {
        assert_eq!(ranges.find(to(edge)), hit);
    }
}
