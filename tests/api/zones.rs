//! Zones: their files and records, in and out, and their serials.

use crate::place::{Answer, Api, Place, ZONE};
use serde_json::json;

fn file(api: &Api, zone: &str, text: &str, query: &str) -> Answer {
    api.ask("PUT", &format!("/v1/zones/{zone}/file{query}"), &["Content-Type: text/dns"], Some(text.as_bytes()))
}

#[test]
fn files_come_out_as_they_went_in() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let read = api.get("/v1/zones/z.example/file").is(200);
    assert_eq!((read.body.as_str(), read.header("content-type")), (ZONE, Some("text/dns")));
    assert_eq!(node.serial("z.example"), 7, "the first serial is the one that is written");
    // A zone is made by its file.
    let odd = "; our zone\n$ORIGIN y.example.\n$TTL 1h\n@\tIN SOA ns1 host ( 2026010100 ; serial\n  1h 15m 2w 30 )\n@ NS ns1\nns1 A 192.0.2.53\nb\\.c TYPE65400 \\# 2 abcd\n";
    file(&api, "Y.Example.", odd, "").is(201);
    assert_eq!(api.get("/v1/zones/y.example/file").body, odd);
    assert_eq!(node.serial("y.example"), 2_026_010_100);
    let tag = api.get("/v1/zones/y.example/file").tag().to_owned();
    assert_eq!(api.ask("GET", "/v1/zones/y.example/file", &[&format!("If-None-Match: {tag}")], None).is(304).body, "");
    // The same once more is no change.
    let again = file(&api, "y.example", odd, "").is(200);
    assert_eq!((again.json()["changes"].as_u64(), again.tag()), (Some(0), tag.as_str()));
    let other = format!("{odd}www A 192.0.2.1\n");
    let put = |condition: &str| {
        let headers = ["Content-Type: text/dns", condition];
        api.ask("PUT", "/v1/zones/y.example/file", &headers, Some(other.as_bytes()))
    };
    put("If-Match: \"1\"").refuses(412, "stale");
    put("If-None-Match: *").refuses(412, "stale");
    assert_eq!(put(&format!("If-Match: {tag}")).is(200).json()["changes"], 1);
    put(&format!("If-Match: {tag}")).refuses(412, "stale");
    assert_eq!(node.serial("y.example"), 2_026_010_101, "bumped by itself");
    api.get("/v1/zones/x.example/file").refuses(404, "not-found");
}

#[test]
fn serials_move_with_what_is_said_and_never_back() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let mut last = node.serial("z.example");
    let mut moved = |what: &str, by: u32| {
        let now = node.serial("z.example");
        assert_eq!(now, last.wrapping_add(by), "{what}");
        last = now;
    };
    let records = "/v1/zones/z.example/records";
    api.put(&format!("{records}/new.z.example/A"), &json!({"ttl": 60, "data": ["192.0.2.9"]})).is(201);
    moved("a record", 1);
    api.put(&format!("{records}/new.z.example/A"), &json!({"ttl": 60, "data": ["192.0.2.9"]})).is(200);
    moved("the same record", 0);
    api.delete(&format!("{records}/new.z.example/A")).is(204);
    moved("a record gone", 1);
    file(&api, "z.example", ZONE, "").is(200);
    moved("the old file with its old serial", 0);
    file(&api, "z.example", &ZONE.replace("192.0.2.8", "192.0.2.88"), "").is(200);
    moved("another record under the old serial", 1);
    file(&api, "z.example", &format!("; a remark\n{}", ZONE.replace("192.0.2.8", "192.0.2.88")), "").is(200);
    moved("a remark", 0);
    file(&api, "z.example", &ZONE.replace("host 7", "host 100"), "").is(200);
    moved("a serial ahead", 90);
    file(&api, "z.example", &ZONE.replace("host 7", "host 3"), "").is(200);
    moved("a serial behind, and the same records", 0);
    api.put("/v1/hostnames/more.z.example", &json!({"set": "budget"})).is(201);
    moved("a hostname is not in the file", 0);
    assert_eq!(last, 100);
    let soa = api.get(&format!("{records}/@/SOA")).is(200).json();
    assert_eq!(soa["data"][0].as_str().unwrap().split(' ').nth(2), Some("3"), "the operator's own: {soa}");
}

#[test]
fn record_sets_are_read_and_written_alone() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let path = |name: &str, rtype: &str| format!("/v1/zones/z.example/records/{name}/{rtype}");
    assert_eq!(
        api.get(&path("www.z.example", "A")).is(200).json(),
        json!({"name": "www.z.example", "type": "A", "ttl": 60, "data": ["192.0.2.7", "192.0.2.8"]})
    );
    for (name, rtype, data, dug) in [
        ("a.z.example", "A", json!(["192.0.2.1", "192.0.2.2"]), &["192.0.2.1", "192.0.2.2"][..]),
        ("b.Z.example.", "aaaa", json!(["2001:db8::1"]), &["2001:db8::1"]),
        ("c.z.example", "CNAME", json!(["www.elsewhere.example."]), &["www.elsewhere.example."]),
        ("d.z.example", "MX", json!(["10 mail.z.example.", "20 mail2.z.example."]), &["10 mail.z.example.", "20 mail2.z.example."]),
        ("e.z.example", "TXT", json!(["\"two words\" more"]), &["\"two words\" \"more\""]),
        ("*.f.z.example", "TXT", json!(["x"]), &["\"x\""]),
        ("@", "CAA", json!(["0 issue \"ca.example\""]), &["0 issue \"ca.example\""]),
        ("_http._tcp.g.z.example", "SRV", json!(["0 5 80 www.z.example."]), &["0 5 80 www.z.example."]),
        ("h.z.example", "TYPE65400", json!(["\\# 2 abcd"]), &["\\# 2 ABCD"]),
        ("i.z.example", "HTTPS", json!(["1 . alpn=h2"]), &["1 . alpn=\"h2\""]),
    ] {
        let made = api.put(&path(name, rtype), &json!({"ttl": 300, "data": data})).is(201);
        let asked = if name == "@" { "z.example".to_owned() } else { name.replace('*', "star") };
        assert_eq!(node.dig(&asked, rtype), dug, "{name} {rtype}");
        let read = api.get(&path(name, rtype)).is(200);
        assert_eq!((read.json()["ttl"].as_u64(), read.json()["data"].as_array().unwrap().len()), (Some(300), dug.len()), "{}", read.body);
        // What was read can be written again, and is the same.
        let body = json!({"ttl": read.json()["ttl"], "data": read.json()["data"]});
        assert_eq!(api.put(&path(name, rtype), &body).is(200).revision(), made.revision());
        api.ask("PUT", &path(name, rtype), &["If-None-Match: *"], Some(body.to_string().as_bytes())).refuses(412, "stale");
    }
    let text = api.get("/v1/zones/z.example/file").body;
    assert!(text.contains("two words"), "{text}");
    let page = api.get("/v1/zones/z.example/records?type=A&limit=1").is(200).json();
    assert_eq!((page["items"].as_array().unwrap().len(), page["next"].is_string()), (1, true));
    let mut next = Some(String::new());
    let mut seen = Vec::new();
    while let Some(after) = next {
        let after = if after.is_empty() { after } else { format!("&after={after}") };
        let page = api.get(&format!("/v1/zones/z.example/records?limit=3{after}")).is(200).json();
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|set| format!("{}/{}", set["name"].as_str().unwrap(), set["type"].as_str().unwrap())),
        );
        next = page["next"].as_str().map(str::to_owned);
    }
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!((seen.len(), once.len()), (15, 15), "{seen:?}");
    assert_eq!(api.get("/v1/zones/z.example/records?name=@").json()["items"].as_array().unwrap().len(), 3);
    api.delete(&path("a.z.example", "A")).is(204);
    api.delete(&path("a.z.example", "A")).refuses(404, "not-found");
    assert_eq!(node.dig("a.z.example", "A"), Vec::<String>::new());
    for (name, rtype, body) in [
        ("a.elsewhere.example", "A", json!({"ttl": 60, "data": ["192.0.2.1"]})),
        ("a.z.example", "A", json!({"ttl": 60, "data": ["192.0.2"]})),
        ("a.z.example", "A", json!({"ttl": 60, "data": []})),
        ("a.z.example", "A", json!({"ttl": 60, "data": ["192.0.2.1"], "more": 1})),
        ("a.z.example", "A", json!({"ttl": 60, "data": ["192.0.2.1\nb A 192.0.2.2"]})),
        ("a.z.example", "A", json!({"ttl": 60, "data": ["192.0.2.1 ) ; ("]})),
        ("a.z.example", "TXT", json!({"ttl": 60, "data": ["x\n$INCLUDE /etc/passwd"]})),
        ("a.z.example", "NONSENSE", json!({"ttl": 60, "data": ["x"]})),
        ("www.z.example", "CNAME", json!({"ttl": 60, "data": ["x.z.example."]})),
        ("live.z.example", "A", json!({"ttl": 60, "data": ["192.0.2.1"]})),
        ("@", "SOA", json!({"ttl": 60, "data": ["ns1 host 1 1 1 1 1", "ns2 host 1 1 1 1 1"]})),
    ] {
        api.put(&path(name, rtype), &body).refuses(422, "invalid");
    }
    api.delete(&path("@", "SOA")).refuses(422, "invalid");
    api.delete(&path("@", "NS")).refuses(422, "invalid");
    api.put("/v1/zones/x.example/records/a.x.example/A", &json!({"ttl": 60, "data": ["192.0.2.1"]})).refuses(404, "not-found");
}

#[test]
fn a_bad_file_changes_nothing_and_its_lines_are_named() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let refused = file(&api, "z.example", &format!("{ZONE}www A 192.0.2\nx NONSENSE y\n"), "").refuses(422, "invalid").json();
    let lines: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|error| error["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [8, 9], "{refused}");
    for text in [
        "",
        "rubbish",
        "$INCLUDE /etc/passwd\n",
        &ZONE.replace("@ NS ns1\n", ""),
        &format!("{ZONE}live A 192.0.2.1\n"),
        &format!("{ZONE}live NS ns1\n"),
    ] {
        let refused = file(&api, "z.example", text, "?force=true").refuses(422, "invalid");
        assert!(!refused.body.contains("root:"), "{}", refused.body);
    }
    // Most of it gone is meant or not.
    let little = "$TTL 60\n@ SOA ns1 host 8 1h 15m 2w 30\n@ NS ns1.elsewhere.example.\n";
    file(&api, "z.example", little, "").refuses(409, "shrinks");
    api.put("/v1/sets/premium", &json!({"panels": []}));
    assert_eq!(api.get("/v1/zones/z.example/file").body, ZONE);
    assert_eq!(node.dig("www.z.example", "A").len(), 2);
    file(&api, "z.example", little, "?force=true").is(200);
    assert_eq!(node.dig("www.z.example", "A").len(), 0);
}
