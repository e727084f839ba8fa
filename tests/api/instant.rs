//! A change is in the answers when its response is sent.

use crate::place::Place;
use serde_json::json;

const ROUNDS: u32 = 10;

#[test]
fn whoever_asks_after_a_change_sees_it() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let zone = "/v1/zones/z.example";
    // A new address that is checked is used only once there is a first word on it, unless nothing else is left.
    api.patch("/v1/panels/fra1", &json!({"checks": []})).is(200);
    for round in 1..=ROUNDS {
        let at = |last: &str| format!("10.0.{round}.{last}");
        let sees =
            |name: &str, rtype: &str, expected: &[&str]| assert_eq!(node.dig(name, rtype), expected, "{name} {rtype}, round {round}");
        api.patch("/v1/panels/fra1", &json!({"addresses": [at("1")]})).is(200);
        sees("live.z.example", "A", &[&at("1")]);
        api.post("/v1/panels/fra1/state", &json!({"state": "disabled"})).is(200);
        sees("live.z.example", "A", &["192.0.2.2"]);
        api.delete("/v1/panels/fra1/state").is(204);
        sees("live.z.example", "A", &[&at("1")]);
        api.patch("/v1/sets/premium", &json!({"panels": ["ams1", "fra1"]})).is(200);
        sees("live.z.example", "A", &["192.0.2.2"]);
        api.patch("/v1/sets/premium", &json!({"panels": ["fra1", "ams1"]})).is(200);
        sees("live.z.example", "A", &[&at("1")]);
        api.patch("/v1/hostnames/live.z.example", &json!({"set": "budget"})).is(200);
        sees("live.z.example", "A", &["192.0.2.3"]);
        api.patch("/v1/hostnames/live.z.example", &json!({"set": "premium"})).is(200);
        let name = format!("h{round}.z.example");
        api.put(&format!("/v1/hostnames/{name}"), &json!({"set": "budget"})).is(201);
        sees(&name, "A", &["192.0.2.3"]);
        api.delete(&format!("/v1/hostnames/{name}")).is(204);
        sees(&name, "A", &[]);
        api.put(&format!("{zone}/records/{name}/TXT"), &json!({"ttl": round, "data": ["x"]})).is(201);
        sees(&name, "TXT", &["\"x\""]);
        api.delete(&format!("{zone}/records/{name}/TXT")).is(204);
        sees(&name, "TXT", &[]);
        let text = format!("$TTL 60\n@ SOA ns1 host 7 1h 15m 2w 30\n@ NS ns1\nns1 A 192.0.2.53\nwww A {}\nwww A {}\n", at("3"), at("4"));
        api.ask("PUT", &format!("{zone}/file"), &["Content-Type: text/dns"], Some(text.as_bytes())).is(200);
        sees("www.z.example", "A", &[&at("3"), &at("4")]);
        let fresh = format!("/v1/zones/r{round}.example");
        api.put(&fresh, &json!({"text": text})).is(201);
        sees(&format!("www.r{round}.example"), "A", &[&at("3"), &at("4")]);
        api.delete(&fresh).is(204);
        sees(&format!("www.r{round}.example"), "A", &[]);
        let mut fleet = api.fleet();
        fleet["panel"][0]["addresses"] = json!([at("5")]);
        api.put("/v1/fleet", &fleet).is(200);
        sees("live.z.example", "A", &[&at("5")]);
        let revision = api.patch("/v1/panels/fra1", &json!({"addresses": [at("6")]})).is(200).revision();
        sees("live.z.example", "A", &[&at("6")]);
        api.post("/v1/revert", &json!({"revision": revision})).is(200);
        sees("live.z.example", "A", &[&at("5")]);
    }
}
