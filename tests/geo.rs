//! Databases as files: what is read from them, and what is refused.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::{Reader, geoip2};
use meridian::document::{Network, Problem};
use meridian::geo::{self, Atlas, Cell, Database, Land, OVERRIDES, Override, Point, Ranges, continent_bit, continent_codes, distance_km};

#[path = "geo/writer.rs"]
mod writer;

use writer::{Link, Value, Writer, text};

#[test]
fn every_network_of_maxminds_city_database_is_where_its_record_says() {
    let bytes = fs::read(test_file("GeoIP2-City-Test.mmdb")).unwrap();
    assert!(compare(&bytes, 1) > 200);
}

#[test]
fn every_network_of_maxminds_country_database_is_where_its_record_says() {
    let bytes = fs::read(test_file("GeoIP2-Country-Test.mmdb")).unwrap();
    assert!(compare(&bytes, 1) > 300);
}

#[test]
fn the_shipped_database_says_what_its_records_say() {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/city.mmdb")).unwrap();
    assert!(compare(&bytes, 61) > 10_000);
}

#[test]
fn the_shipped_database_packed_says_what_it_says_flat() {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/city.mmdb")).unwrap();
    let atlas = Atlas::new(vec![read("city.mmdb", bytes)], &[]);
    let packed = atlas.ranges();
    assert!(atlas.cells().len() < usize::from(u16::MAX));
    let flat: Ranges<u16> = geo::map(packed, |cell| cell as u16);
    let v4 = packed.v4().step_by(13).map(|(start, _)| [start, start.saturating_sub(1)].map(|at| IpAddr::V4((at as u32).into())));
    let v6 = packed.v6().step_by(7).map(|(start, _)| [start, start.saturating_sub(1)].map(|at| IpAddr::V6(at.into())));
    let mut compared = 0;
    for address in v4.chain(v6).flatten() {
        let (packed, flat) = (packed.find(address), flat.find(address));
        assert_eq!((packed.value, packed.prefix), (flat.value.into(), flat.prefix), "{address}");
        compared += 1;
    }
    assert!(compared > 200_000, "{compared}");
    // Flat, each run would take nine bytes or more.
    let runs = packed.v4().count() + packed.v6().count();
    assert!(packed.memory() < 3 * runs, "{} bytes for {runs} runs", packed.memory());
}

/// Every so many networks, by the crate's own look-up. Gives the number of those that were compared.
fn compare(bytes: &[u8], step: usize) -> usize {
    let reader = Reader::from_source(bytes).unwrap();
    let atlas = Atlas::new(vec![read("city.mmdb", bytes.to_vec())], &[]);
    let networks = reader.networks(Default::default()).unwrap();
    let mut compared = 0;
    for result in networks.step_by(step) {
        let result = result.unwrap();
        let network = result.network().unwrap();
        let city: geoip2::City<'_> = result.decode().unwrap().unwrap();
        let code = city.country.iso_code.or(city.registered_country.iso_code);
        let country = code.and_then(|code| geo::country(code.as_bytes().try_into().unwrap()));
        let told = city.location.latitude.zip(city.location.longitude);
        let place = told.or(country.map(|country| country.centre));
        let edges = [network.network(), network.broadcast()];
        for address in edges {
            let hit = atlas.find(address);
            let cell = atlas.cell(hit.value);
            let land = atlas.land(cell.land);
            assert!(hit.prefix <= network.prefix(), "{network} {hit:?}");
            match place {
                None => assert_eq!(cell.point(), None, "{network}"),
                Some(place) => assert!(near(cell, place), "{network}: {cell:?} is not at {place:?}"),
            }
            assert_eq!(land.country, country.map(|country| country.code), "{network}");
            if let Some(code) = city.continent.code {
                assert_eq!(continent_codes(land.continents).collect::<Vec<_>>(), [code], "{network}");
            }
            let subdivision = city.subdivisions.first().and_then(|first| first.iso_code);
            assert_eq!(land.subdivision.as_ref().map(|code| code.as_str()), subdivision.filter(|_| country.is_some()), "{network}");
        }
        compared += 1;
    }
    compared
}

#[test]
fn every_asn_of_maxminds_database_is_read() {
    let bytes = fs::read(test_file("GeoLite2-ASN-Test.mmdb")).unwrap();
    let reader = Reader::from_source(&bytes[..]).unwrap();
    let atlas = Atlas::new(vec![read("asn.mmdb", bytes.clone())], &[]);
    let asns = atlas.asns().unwrap();
    let mut compared = 0;
    for result in reader.networks(Default::default()).unwrap() {
        let result = result.unwrap();
        let asn: geoip2::Asn<'_> = result.decode().unwrap().unwrap();
        let network = result.network().unwrap();
        assert_eq!(asns.find(network.network()).value, asn.autonomous_system_number.unwrap_or(0), "{network}");
        assert_eq!(asns.find(network.broadcast()).value, asn.autonomous_system_number.unwrap_or(0), "{network}");
        assert_eq!(atlas.find(network.network()).value, 0, "{network}");
        compared += 1;
    }
    assert!(compared > 400);
}

#[test]
fn each_of_the_databases_broken_on_purpose_is_refused() {
    let mut files: Vec<PathBuf> = fs::read_dir(test_file("bad")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.push(test_file("GeoIP2-City-Test-Broken-Double-Format.mmdb"));
    files.push(test_file("GeoIP2-City-Test-Invalid-Node-Count.mmdb"));
    assert_eq!(files.len(), 23);
    for file in files {
        let problem = geo::read("there.mmdb", fs::read(&file).unwrap()).err().unwrap_or_else(|| panic!("{} is read", file.display()));
        println!("{}: {problem}", file.file_name().unwrap().display());
        assert!(problem.is_error());
        assert_eq!(problem.file, "there.mmdb", "{}", file.display());
        assert!(!problem.what.is_empty() && !problem.hint.is_empty(), "{}", file.display());
    }
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let bytes = fs::read(test_file("GeoIP2-City-Test.mmdb")).unwrap();
    for length in 0..bytes.len() {
        assert!(geo::read("cut.mmdb", bytes[..length].to_vec()).is_err(), "{length} bytes");
    }
    // Something missing at the beginning moves everything.
    for start in 1..100 {
        let _ = geo::read("cut.mmdb", bytes[start..].to_vec());
    }
}

#[test]
fn a_file_with_flipped_bits_is_read_or_refused() {
    let mut seed = 1u64;
    let mut next = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let (mut sound, mut refused) = (0, 0);
    for name in ["GeoIP2-City-Test.mmdb", "GeoIP2-Country-Test.mmdb", "GeoLite2-ASN-Test.mmdb"] {
        let bytes = fs::read(test_file(name)).unwrap();
        for round in 0..400 {
            let mut bytes = bytes.clone();
            for _ in 0..1 + round % 8 {
                let at = next(bytes.len());
                bytes[at] ^= 1 << next(8);
            }
            match geo::read("flipped.mmdb", bytes) {
                Err(_) => refused += 1,
                Ok(database) => {
                    sound += 1;
                    let atlas = Atlas::new(vec![database], &[]);
                    for _ in 0..20 {
                        let half = (next(1 << 31) as u128) << 97 | next(1 << 31) as u128;
                        check_hit(&atlas, IpAddr::V6(half.into()));
                        check_hit(&atlas, IpAddr::V4((half as u32).into()));
                    }
                }
            }
        }
    }
    assert!(sound > 50 && refused > 50, "{sound} read, {refused} refused");
}

fn check_hit(atlas: &Atlas, address: IpAddr) {
    let hit = atlas.find(address);
    assert!((hit.value as usize) < atlas.cells().len());
    assert!(usize::from(atlas.cell(hit.value).land) < atlas.lands().len());
}

#[test]
fn trees_that_lead_nowhere_are_refused() {
    type Bend = fn(&mut Writer);
    let cases: [(&str, &str, Bend); 6] = [
        ("a node is its own child", "circle", |writer| {
            writer.link("11.0.0.0/8", Link::Node(0));
        }),
        ("both children are the root", "circle", |writer| {
            writer.link("11.0.0.0/8", Link::Node(0)).link("12.0.0.0/8", Link::Node(0));
        }),
        ("a tree deeper than an address", "circle", |writer| {
            let deep = writer.node("800::/5");
            writer.link("11.1.2.3/32", deep);
        }),
        ("a pointer to the zeros after the nodes", "between the nodes and the records", |writer| {
            let nodes = 16;
            writer.link("11.0.0.0/8", Link::Raw(nodes));
        }),
        ("a pointer behind the records", "invalid location", |writer| {
            writer.link("11.0.0.0/8", Link::Raw(0xff_ffff));
        }),
        ("a record in the middle of another", "not a sound mmdb database", |writer| {
            writer.link("11.0.0.0/8", Link::Record(9));
        }),
    ];
    for (what, why, bend) in cases {
        let mut writer = Writer::new("x", 4);
        writer.put("10.0.0.0/8", &flat("DE", 50.0, 8.0));
        bend(&mut writer);
        let problem = geo::read("x.mmdb", writer.bytes()).err().unwrap_or_else(|| panic!("{what} is read"));
        assert!(problem.what.contains(why), "{what}: {problem}");
    }
}

#[test]
fn a_circle_within_the_tree_of_ipv4_is_refused_and_an_alias_of_it_is_left_out() {
    let mut writer = Writer::new("x", 6);
    writer.put("10.0.0.0/8", &flat("DE", 50.0, 8.0));
    let v4 = writer.node("::/96");
    writer.link("2002::/16", v4).link("::ffff:0:0/96", v4).put("2001:db8::/32", &flat("FR", 48.0, 2.0));
    let atlas = Atlas::new(vec![read("x.mmdb", writer.bytes())], &[]);
    assert_eq!(country(&atlas, "10.1.1.1").as_deref(), Some("DE"));
    assert_eq!(country(&atlas, "::ffff:10.1.1.1").as_deref(), Some("DE"));
    assert_eq!(country(&atlas, "2001:db8::1").as_deref(), Some("FR"));
    assert_eq!(country(&atlas, "2002:a01:101::"), None);
    assert_eq!(country(&atlas, "::10.1.1.1"), None);

    writer.link("11.0.0.0/8", v4);
    let problem = geo::read("x.mmdb", writer.bytes()).err().unwrap();
    assert!(problem.what.contains("circle"), "{problem}");
}

#[test]
fn records_that_share_to_waste_time_are_refused() {
    // Sixty thousand values a record, all the same ones, in records a few bytes apart.
    let mut writer = Writer::new("x", 4);
    let many = writer.record(&Value::Array((0..200).map(|_| Value::Bool(true)).collect()));
    let more = writer.record(&Value::Array((0..200).map(|_| Value::Pointer(many)).collect()));
    for n in 0..2000u32 {
        let network = format!("{}.{}.0.0/16", 1 + n / 250, n % 250);
        writer.put(&network, &Value::Map(vec![("country_code", text("DE")), ("x", Value::Pointer(more))]));
    }
    let problem = geo::read("x.mmdb", writer.bytes()).err().unwrap();
    assert!(problem.what.contains("share more than any real ones do"), "{problem}");
}

#[test]
fn databases_of_something_else_are_refused_by_their_name() {
    let mut writer = Writer::new("GeoIP2-Connection-Type", 4);
    for n in 0..50 {
        writer.put(&format!("10.{n}.0.0/16"), &Value::Map(vec![("connection_type", text(if n == 7 { "Cable" } else { "Dialup" }))]));
    }
    let problem = geo::read("types.mmdb", writer.bytes()).err().unwrap().to_string();
    assert!(
        problem.starts_with(
            "types.mmdb: not a database of places or ASNs: its type is `GeoIP2-Connection-Type`, and 0 of its 50 records tell one;"
        ),
        "{problem}"
    );
    // One that looks like a place by accident does not make it one of places.
    writer.put("11.0.0.0/8", &flat("DE", 1.0, 1.0));
    assert!(geo::read("types.mmdb", writer.bytes()).is_err());
    assert!(geo::read("empty.mmdb", Writer::new("GeoLite2-City", 6).bytes()).is_err());
}

#[test]
fn both_schemas_tell_the_same_place_with_any_kind_of_number_and_any_size_of_tree() {
    let nested = |latitude: Value, longitude: Value| {
        Value::Map(vec![
            ("continent", Value::Map(vec![("code", text("NA"))])),
            ("country", Value::Map(vec![("names", Value::Map(vec![("en", text("x"))])), ("iso_code", text("US"))])),
            ("subdivisions", Value::Array(vec![Value::Map(vec![("iso_code", text("CA"))]), Value::Map(vec![("iso_code", text("ZZ"))])])),
            ("location", Value::Map(vec![("latitude", latitude), ("longitude", longitude), ("metro_code", Value::U16(807))])),
        ])
    };
    let whole = |latitude: Value, longitude: Value| {
        Value::Map(vec![("state1", text("California")), ("country_code", text("US")), ("latitude", latitude), ("longitude", longitude)])
    };
    let expected = Land { continents: continent_bit("NA"), country: Some(*b"US"), subdivision: geo::Subdivision::parse("CA") };
    for (record, place) in [
        (nested(Value::Double(37.5), Value::Double(-122.25)), (37.5, -122.25)),
        (nested(Value::Float(37.5), Value::Float(-122.25)), (37.5, -122.25)),
        (whole(Value::Float(37.422), Value::Float(-122.085)), (37.422, -122.085)),
        (whole(Value::Double(37.422), Value::Double(-122.085)), (37.422, -122.085)),
        (whole(Value::U16(37), Value::I32(-122)), (37.0, -122.0)),
    ] {
        for record_size in [24, 28, 32] {
            for (version, network, address) in
                [(4, "192.0.2.0/24", "192.0.2.1"), (6, "192.0.2.0/24", "192.0.2.1"), (6, "2001:db8::/80", "2001:db8::1")]
            {
                let mut writer = Writer::new("x", version);
                writer.record_size = record_size;
                let atlas = Atlas::new(vec![read("x.mmdb", writer.put(network, &record).bytes())], &[]);
                let hit = atlas.find(address.parse().unwrap());
                let cell = atlas.cell(hit.value);
                assert!(near(cell, place), "{cell:?} {place:?}");
                assert_eq!(atlas.land(cell.land), expected);
                assert_eq!(hit.prefix, network.split_once('/').unwrap().1.parse::<u8>().unwrap());
                assert_eq!(atlas.sources()[usize::from(cell.source)], "x.mmdb");
            }
        }
    }
}

#[test]
fn a_place_is_what_the_record_knows_of_it_and_never_the_null_island() {
    let germany = geo::country(*b"DE").unwrap().centre;
    let country = |code| Value::Map(vec![("iso_code", text(code))]);
    let at = |latitude, longitude| Value::Map(vec![("latitude", Value::Double(latitude)), ("longitude", Value::Double(longitude))]);
    let continent = |code| Value::Map(vec![("code", text(code))]);
    type Place = Option<(f64, f64)>;
    let cases: [(&str, Value, Place, Option<&str>, &str); 15] = [
        ("a country alone is at its centre", Value::Map(vec![("country", country("DE"))]), Some(germany), Some("DE"), "EU"),
        ("the flat one too", Value::Map(vec![("country_code", text("DE"))]), Some(germany), Some("DE"), "EU"),
        (
            "where it is registered, if nothing better is known",
            Value::Map(vec![("registered_country", country("DE"))]),
            Some(germany),
            Some("DE"),
            "EU",
        ),
        (
            "where it is, rather than where it is registered",
            Value::Map(vec![("registered_country", country("US")), ("country", country("DE"))]),
            Some(germany),
            Some("DE"),
            "EU",
        ),
        (
            "coordinates alone lie on the nearest country's continent",
            Value::Map(vec![("location", at(50.5, 9.5))]),
            Some((50.5, 9.5)),
            None,
            "EU",
        ),
        (
            "a continent that is told counts",
            Value::Map(vec![("continent", continent("AS")), ("country", country("TR")), ("location", at(41.0, 29.0))]),
            Some((41.0, 29.0)),
            Some("TR"),
            "AS",
        ),
        ("zero, zero is no place", Value::Map(vec![("location", at(0.0, 0.0))]), None, None, ""),
        ("nor in a country", Value::Map(vec![("country", country("DE")), ("location", at(0.0, 0.0))]), Some(germany), Some("DE"), "EU"),
        ("nor is one off the globe", Value::Map(vec![("location", at(91.0, 0.0))]), None, None, ""),
        ("nor is one that is no number", Value::Map(vec![("location", at(f64::NAN, 8.0))]), None, None, ""),
        ("half a place is none", Value::Map(vec![("latitude", Value::Float(50.0))]), None, None, ""),
        ("countries that are none", Value::Map(vec![("country_code", text("EU"))]), None, None, ""),
        ("a country that is no text", Value::Map(vec![("country_code", Value::U16(7))]), None, None, ""),
        ("the continent alone is known, but no place", Value::Map(vec![("continent", continent("AF"))]), None, None, "AF"),
        ("an empty record", Value::Map(vec![]), None, None, ""),
    ];
    let mut writer = Writer::new("x", 4);
    for (n, (_, record, ..)) in cases.iter().enumerate() {
        writer.put(&format!("10.{n}.0.0/16"), record);
    }
    let atlas = Atlas::new(vec![read("x.mmdb", writer.bytes())], &[]);
    for (n, (what, _, place, country, continent)) in cases.iter().enumerate() {
        let number = atlas.find(format!("10.{n}.1.1").parse().unwrap()).value;
        let (cell, land) = (atlas.cell(number), atlas.land(atlas.cell(number).land));
        match place {
            Some(place) => assert!(near(cell, *place), "{what}: {cell:?}"),
            None => assert_eq!(cell.point(), None, "{what}"),
        }
        assert_eq!(land.country, country.map(|code| code.as_bytes().try_into().unwrap()), "{what}");
        assert_eq!(land.continents, continent_bit(continent), "{what}");
        assert_eq!(number == 0, place.is_none() && continent.is_empty(), "{what}");
    }
    assert_eq!(atlas.find("192.168.1.1".parse().unwrap()).value, 0);
}

#[test]
fn the_first_that_knows_an_address_wins_and_overrides_before_all() {
    let mut first = Writer::new("a", 4);
    first.put("10.0.0.0/8", &flat("DE", 50.0, 8.0)).put("10.9.0.0/16", &Value::Map(vec![]));
    let mut second = Writer::new("b", 6);
    second.put("8.0.0.0/6", &flat("FR", 48.0, 2.0)).put("2001:db8::/32", &flat("JP", 35.0, 139.0));
    let mut third = Writer::new("c", 6);
    third.put("2000::/3", &flat("US", 40.0, -100.0));
    let databases = || vec![read("a.mmdb", first.bytes()), read("b.mmdb", second.bytes()), read("c.mmdb", third.bytes())];
    let said = |network: &str, at: Option<(f64, f64)>, country: Option<&str>| Override {
        network: Network::parse(network).unwrap(),
        at,
        country: country.map(|code| code.as_bytes().try_into().unwrap()),
    };
    let overrides = [
        said("10.1.0.0/16", Some((-33.0, 18.0)), Some("ZA")),
        said("10.1.1.0/24", None, Some("BR")),
        said("10.1.1.0/24", None, Some("AR")),
        said("2001:db8:1::/48", Some((52.0, 13.0)), None),
        said("10.2.0.0/16", None, None),
    ];
    let atlas = Atlas::new(databases(), &overrides);
    for (address, expected, source) in [
        ("10.0.0.1", Some("DE"), "a.mmdb"),
        ("10.9.0.1", Some("FR"), "b.mmdb"),
        ("9.0.0.1", Some("FR"), "b.mmdb"),
        ("10.1.0.1", Some("ZA"), OVERRIDES),
        ("10.1.1.1", Some("BR"), OVERRIDES),
        ("10.1.2.0", Some("ZA"), OVERRIDES),
        ("10.2.0.0", Some("DE"), "a.mmdb"),
        ("2001:db8::1", Some("JP"), "b.mmdb"),
        ("2001:db8:1::1", None, OVERRIDES),
        ("2001:db9::1", Some("US"), "c.mmdb"),
    ] {
        assert_eq!(country(&atlas, address).as_deref(), expected, "{address}");
        let cell = atlas.cell(atlas.find(address.parse().unwrap()).value);
        assert_eq!(atlas.sources()[usize::from(cell.source)], source, "{address}");
    }
    assert_eq!(country(&atlas, "192.0.2.1"), None);
    let brazil = atlas.cell(atlas.find("10.1.1.1".parse().unwrap()).value);
    assert!(near(brazil, geo::country(*b"BR").unwrap().centre));
    let berlin = atlas.cell(atlas.find("2001:db8:1::1".parse().unwrap()).value);
    assert_eq!(atlas.land(berlin.land).continents, continent_bit("EU"));
    // Without the overrides the databases speak.
    assert_eq!(country(&Atlas::new(databases(), &[]), "10.1.1.1").as_deref(), Some("DE"));
}

#[test]
fn a_database_in_two_files_is_as_good_as_one() {
    let (mut v4, mut v6) = (Writer::new("city ipv4", 4), Writer::new("city ipv6", 6));
    v4.put("10.0.0.0/8", &flat("DE", 50.0, 8.0));
    v6.put("2001:db8::/32", &flat("JP", 35.0, 139.0)).put("2001:db8::1/128", &flat("FR", 48.0, 2.0));
    let files = || [read("v4.mmdb", v4.bytes()), read("v6.mmdb", v6.bytes())];
    let [a, b] = files();
    let [c, d] = files();
    for atlas in [Atlas::new(vec![a, b], &[]), Atlas::new(vec![d, c], &[])] {
        assert_eq!(country(&atlas, "10.1.1.1").as_deref(), Some("DE"));
        assert_eq!(country(&atlas, "2001:db8::1").as_deref(), Some("FR"));
        assert_eq!(country(&atlas, "2001:db8::2").as_deref(), Some("JP"));
        assert_eq!(country(&atlas, "9.1.1.1"), None);
    }
}

#[test]
fn rules_for_networks_beat_those_for_asns() {
    let asn = |number| Value::Map(vec![("autonomous_system_number", Value::U32(number))]);
    let mut first = Writer::new("GeoLite2-ASN", 6);
    first.put("10.0.0.0/8", &asn(64500)).put("2001:db8::/32", &asn(64500));
    let mut second = Writer::new("GeoIP2-Enterprise", 4);
    second.put("8.0.0.0/5", &Value::Map(vec![("traits", asn(64501)), ("country", Value::Map(vec![("iso_code", text("DE"))]))]));
    let atlas = Atlas::new(vec![read("asn.mmdb", first.bytes()), read("all.mmdb", second.bytes())], &[]);
    let networks: Vec<_> =
        [("10.1.0.0/16", 1), ("10.1.1.0/24", 2), ("10.1.1.0/24", 3)].map(|(text, n)| (Network::parse(text).unwrap(), n)).into();
    let rules = geo::networks_overlay(&networks, &[(64500, 4), (64501, 5), (64500, 6), (0, 7)], &atlas);
    for (address, number, prefix) in
        [("10.1.0.1", 1, 24), ("10.1.1.1", 2, 24), ("10.2.0.0", 4, 15), ("9.0.0.0", 5, 7), ("2001:db8::1", 4, 32), ("192.0.2.1", 0, 1)]
    {
        let hit = rules.find(address.parse().unwrap());
        assert_eq!((hit.value, hit.prefix), (number, prefix), "{address}");
    }
    assert_eq!(country(&atlas, "9.0.0.0").as_deref(), Some("DE"));
    // Without a database of ASNs only networks count.
    let rules = geo::networks_overlay(&networks, &[(64500, 4)], &Atlas::default());
    assert_eq!(rules.find("10.2.0.0".parse().unwrap()).value, 0);
    assert_eq!(rules.find("10.1.1.1".parse().unwrap()).value, 2);
}

#[test]
fn an_atlas_of_nothing_knows_nothing() {
    let atlas = Atlas::default();
    for address in ["192.0.2.1", "2001:db8::1", "127.0.0.1", "::ffff:10.0.0.1"] {
        let hit = atlas.find(address.parse().unwrap());
        assert_eq!((hit.value, hit.prefix), (0, 0), "{address}");
        assert_eq!(atlas.cell(hit.value).point(), None);
    }
    assert!(atlas.asns().is_none());
    assert_eq!(atlas.cell(99), Cell::UNKNOWN);
}

fn flat(country: &str, latitude: f32, longitude: f32) -> Value {
    Value::Map(vec![("country_code", text(country)), ("latitude", Value::Float(latitude)), ("longitude", Value::Float(longitude))])
}

fn country(atlas: &Atlas, address: &str) -> Option<String> {
    let cell = atlas.cell(atlas.find(address.parse().unwrap()).value);
    atlas.land(cell.land).country.map(|code| String::from_utf8(code.to_vec()).unwrap())
}

/// A point of three f32 is a meter or two off.
fn near(cell: Cell, place: (f64, f64)) -> bool {
    cell.point().is_some_and(|point: Point| distance_km(point.degrees(), place) < 0.01)
}

fn read(name: &str, bytes: Vec<u8>) -> Database {
    geo::read(name, bytes).unwrap_or_else(|problem: Problem| panic!("{problem}"))
}

fn test_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/geoip").join(name)
}
