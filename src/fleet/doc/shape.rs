//! The objects as JSON and TOML have them, for whoever describes, writes or reads them from outside.
//! The readers beside this file decide what is right; a test holds the keys to theirs.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A whole number of seconds, or a time such as `5m`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Seconds {
    /// Seconds, up to 2147483647.
    Number(u32),
    /// Whole numbers with units, the largest first, such as `5m` or `1h30m`.
    Words(String),
}

/// How clients are spread over panels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Steer {
    Nearest,
    Failover,
    Weighted,
    RoundRobin,
    LeastLoaded,
}

/// What clients are kept inside of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fence {
    None,
    Region,
    Continent,
}

/// What the operator wants of a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Enabled,
    Draining,
    Disabled,
}

/// How a check asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckKind {
    Tcp,
    Http,
    Hls,
    PanelApi,
    Heartbeat,
}

/// A member of a set: a panel's name, or a panel with its tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Member {
    /// A panel of tier 1.
    Panel(String),
    Tiered(Tiered),
}

/// A panel and its tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tiered {
    /// The panel.
    pub panel: String,
    /// A tier serves only what those before it cannot. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100, default = 1)]
    pub tier: Option<u32>,
}

/// What a panel can bear beside connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Megabits a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0, maximum = 1000000000)]
    pub bandwidth_mbps: Option<f64>,
    /// A share of 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0, maximum = 1000000000)]
    pub cpu: Option<f64>,
    /// A share of 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0, maximum = 1000000000)]
    pub memory: Option<f64>,
}

/// Whose clients a region serves; the most exact match counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Serves {
    /// Codes such as `EU`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["EU"]))]
    pub continents: Option<Vec<String>>,
    /// Codes by ISO 3166-1 such as `DE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["MA", "TN"]))]
    pub countries: Option<Vec<String>>,
    /// Codes by ISO 3166-2 such as `US-CA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["US-CA"]))]
    pub subdivisions: Option<Vec<String>>,
    /// Networks such as `192.0.2.0/24`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["192.0.2.0/24"]))]
    pub networks: Option<Vec<String>>,
    /// Numbers of autonomous systems.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!([64500]))]
    pub asns: Option<Vec<u32>>,
}

/// Ports of the service, each of which adds records beside A and AAAA.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// Adds SRV records at `_http._tcp.NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 65535)]
    pub http: Option<u16>,
    /// Adds an HTTPS record at `_PORT._https.NAME`, and at the name itself where there is no `http`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 65535)]
    pub https: Option<u16>,
}

/// Who may transfer a zone and who is told of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Networks that may transfer unsigned. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<String>>,
    /// Addresses, or addresses with ports, that are told of changes. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<Vec<String>>,
    /// The key that may transfer. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Who may send RFC 2136 updates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// The key that may update. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Names that may be updated. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// Types that may be updated. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<String>>,
}

/// A check: how panels are asked whether they are well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// How it asks.
    pub kind: CheckKind,
    /// tcp: the port.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 65535)]
    pub port: Option<u32>,
    /// http, hls, panel-api: the URL; `{address}` and `{panel}` are filled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "http://{address}:8090/live/index.m3u8")]
    pub url: Option<String>,
    /// http, hls, panel-api: Host header and TLS name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Time between checks, from 10ms to 1d. Default: 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "10s")]
    pub interval: Option<String>,
    /// For the whole check with all its requests, from 10ms to 1d. Default: 3s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3s")]
    pub timeout: Option<String>,
    /// After a failure the next look comes so soon, from 10ms to 1d. Default: 500ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "500ms")]
    pub confirm: Option<String>,
    /// Failures until a panel is degraded. Default: 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000, default = 2)]
    pub degraded_after: Option<u32>,
    /// Failures until it is down and out of every answer. Default: 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000, default = 3)]
    pub down_after: Option<u32>,
    /// Successes in a row until it returns. Default: 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000, default = 2)]
    pub up_after: Option<u32>,
    /// A flapping panel returns ever more slowly. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(default = true)]
    pub hold_down: Option<bool>,
    /// Keep an idle connection open, and look at once when it breaks. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(default = true)]
    pub watch: Option<bool>,
    /// http: the method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// http, hls, panel-api: headers to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// http: statuses that are a success.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!([200]))]
    pub status: Option<Vec<u32>>,
    /// http: text that the body must contain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// http: JSON pointers into the body and the values that must be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, example = json!({"/user_info/auth": 1}))]
    pub json: Option<BTreeMap<String, serde_json::Value>>,
    /// http, hls, panel-api: a slower answer is degraded; from 10ms to 1d.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<String>,
    /// http, hls, panel-api: the certificate must be valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<bool>,
    /// http, hls, panel-api: a certificate that has fewer days left is degraded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 825)]
    pub certificate_days: Option<u32>,
    /// panel-api: the account that asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// panel-api: its password. A secret: shown as `********`, which sent back keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// panel-api: a file with its password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<String>,
}

/// A region: where panels are, and whose clients they serve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Latitude and longitude in degrees.
    #[schema(value_type = Vec<f64>, min_items = 2, max_items = 2, example = json!([50.11, 8.68]))]
    pub at: [f64; 2],
    /// Whose clients it serves beside those who are near.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serves: Option<Serves>,
    /// Regions where its clients go when none of its panels can serve them, the first first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["us-east"]))]
    pub then: Option<Vec<String>>,
}

/// A panel: a server that clients are sent to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// The region it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "eu")]
    pub region: Option<String>,
    /// Latitude and longitude in degrees. Default: its region's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<f64>>, min_items = 2, max_items = 2, example = json!([50.11, 8.68]))]
    pub at: Option<[f64; 2]>,
    /// IPv4 and IPv6 addresses that clients connect to.
    #[schema(min_items = 1, max_items = 32, example = json!(["192.0.2.1"]))]
    pub addresses: Vec<String>,
    /// How it is asked whether it is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<String>>,
    /// Connections it is rated for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100000000)]
    pub capacity: Option<u32>,
    /// What it can bear beside connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Its share among the others. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 10000, default = 1)]
    pub weight: Option<f64>,
    /// Default: enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Anything to find it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!({"provider": "a"}))]
    pub labels: Option<BTreeMap<String, String>>,
}

/// A zone: its records are shown at `file` and `records`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Its records, as a master file: for a new zone, or to replace what it has. Shown at `file`, and in the whole fleet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Sign its answers. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(default = false)]
    pub dnssec: Option<bool>,
    /// Who may transfer it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Transfer>,
    /// Who may update it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<Update>,
}

/// A key for transfers and updates (TSIG).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// One of hmac-md5, hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512.
    #[schema(example = "hmac-sha256")]
    pub algorithm: String,
    /// Base64. A secret: shown as `********`, which sent back keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// A file with the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<String>,
}

/// The keys of a policy stand in three kinds of objects, and serde's flattening knows no closed ones.
macro_rules! with_policy {
    ($(#[$meta:meta])* pub struct $name:ident { $($fields:tt)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($fields)*
            /// How clients are spread over panels. Default: nearest.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub steer: Option<Steer>,
            /// nearest: panels up to this much farther than the nearest count as equally near. Default: 250km.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(pattern = "^[0-9][0-9.]* *(km|mi)$", example = "250km")]
            pub spread: Option<String>,
            /// nearest: what clients are kept inside of. Default: none.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub fence: Option<Fence>,
            /// A client's network keeps its panel while that can serve it. Default: true.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(default = true)]
            pub sticky: Option<bool>,
            /// Addresses of how many panels go into one answer. Default: 1.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 1, maximum = 8, default = 1)]
            pub answers: Option<u32>,
            /// Time to live while nothing is changing. Default: 60.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub ttl: Option<Seconds>,
            /// Time to live while a panel of the set is failing or returning. Default: 10.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub ttl_changing: Option<Seconds>,
            /// At or below this healthy share of the set, by weight, health is ignored. Default: 0.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 0, maximum = 1, default = 0)]
            pub panic: Option<f64>,
            /// A tier with less than this share of its weight up hands clients to the next one. Default: 0.5.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 0, maximum = 1, default = 0.5)]
            pub overflow: Option<f64>,
            /// Utilisation from which a panel loses clients. Default: 0.8.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 0, maximum = 10, default = 0.8)]
            pub shed_from: Option<f64>,
            /// Utilisation at which it gets no more. Default: 0.95.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 0, maximum = 10, default = 0.95)]
            pub shed_all: Option<f64>,
            /// A returning panel gets its share back over this time, up to 1d. Default: 30s.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(example = "30s")]
            pub slow_start: Option<String>,
        }
    };
}

with_policy! {
    /// What holds where a set or a hostname says nothing else.
    pub struct Defaults {}
}

with_policy! {
    /// A set: panels that carry the same content, and its policy.
    pub struct Set {
        /// Its panels.
        #[schema(max_items = 1024, example = json!(["fra1", {"panel": "nyc1", "tier": 2}]))]
        pub panels: Vec<Member>,
    }
}

with_policy! {
    /// A hostname: a name that is answered with panels of a set, and its policy.
    pub struct Hostname {
        /// The set that serves it.
        #[schema(example = "premium")]
        pub set: String,
        /// Ports of the service.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ports: Option<Ports>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;
    use utoipa::PartialSchema;

    /// The keys that a shape has.
    fn shape<T: PartialSchema>() -> BTreeSet<String> {
        let schema = serde_json::to_value(T::schema()).unwrap();
        assert_eq!(schema["additionalProperties"], false, "{schema}");
        for (key, property) in schema["properties"].as_object().unwrap() {
            let described = property["description"].is_string() || property["oneOf"][0]["description"].is_string();
            assert!(described || property["$ref"].is_string(), "{key} is not described: {property}");
        }
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    }

    /// The keys that the reader of a table knows: whatever is near to none of them is answered with all.
    fn known(document: &str) -> BTreeSet<String> {
        let (_, problems) = crate::fleet::parse("f", document.as_bytes(), Path::new(""));
        let problem = problems.iter().find(|problem| problem.what == "unknown key").unwrap();
        problem.hint.strip_prefix("known here: ").unwrap().split(", ").map(str::to_owned).collect()
    }

    #[test]
    fn shapes_have_the_keys_that_are_read() {
        let odd = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq = 1\n";
        let of = |kind: &str| known(&format!("[[{kind}]]\nname = \"a\"\n{odd}"));
        let inside = |kind: &str, key: &str| known(&format!("[[{kind}]]\nname = \"a\"\n[{kind}.{key}]\n{odd}"));
        let without = |mut keys: BTreeSet<String>, left_out: &[&str]| {
            left_out.iter().for_each(|key| assert!(keys.remove(*key), "{key} is not read"));
            keys
        };
        assert_eq!(shape::<Defaults>(), known(&format!("[defaults]\n{odd}")));
        assert_eq!(shape::<Check>(), without(of("check"), &["name"]));
        assert_eq!(shape::<Region>(), without(of("region"), &["name"]));
        assert_eq!(shape::<Panel>(), without(of("panel"), &["name"]));
        assert_eq!(shape::<Set>(), without(of("set"), &["name"]));
        // The API reads no file of the server.
        assert_eq!(shape::<Zone>(), without(of("zone"), &["name", "file"]));
        assert_eq!(shape::<Key>(), without(of("key"), &["name"]));
        assert_eq!(shape::<Hostname>(), without(of("hostname"), &["name"]));
        assert_eq!(shape::<Serves>(), inside("region", "serves"));
        assert_eq!(shape::<Limits>(), inside("panel", "limits"));
        assert_eq!(shape::<Ports>(), inside("hostname", "ports"));
        assert_eq!(shape::<Transfer>(), inside("zone", "transfer"));
        assert_eq!(shape::<Update>(), inside("zone", "update"));
        assert_eq!(shape::<Tiered>(), known("[[set]]\nname = \"a\"\npanels = [{ qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq = 1 }]\n"));
    }
}
