//! What each path is for, as the API describes itself.

use super::body::PATCHES;
use super::objects::filters;
use crate::fleet::Kind;
use serde_json::{Value, json};

/// One method of one path.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) group: &'static str,
    /// One line.
    pub(super) summary: String,
    pub(super) who: Who,
    pub(super) query: Vec<Parameter>,
    /// How it goes together with versions and dry runs.
    pub(super) nature: Nature,
    /// Media types, the schema, and an example.
    pub(super) body: Option<(Vec<&'static str>, Value, Value)>,
    /// Status, what it means, media type, schema.
    pub(super) answers: Vec<(u16, &'static str, &'static str, Value)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Anybody,
    /// Anybody on this host, and viewers elsewhere.
    Neighbour,
    Viewer,
    Operator,
    Admin,
    Panel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// Reads.
    Look,
    /// Reads one thing that has a version.
    Versioned,
    /// Changes, with `dry_run`, `force` and `If-Match`.
    Change,
    /// Changes what has no versions.
    Act,
}

#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) says: &'static str,
    pub(super) schema: Value,
    pub(super) required: bool,
}

const JSON: &str = "application/json";

pub(super) fn all() -> Vec<Endpoint> {
    let mut all: Vec<Endpoint> = Kind::ALL.into_iter().flat_map(of_kind).collect();
    all.extend(zones());
    all.extend(panels());
    all.extend(whole());
    all.extend(looking());
    all.extend(tokens());
    all.extend(open());
    all
}

/// The component of a kind's objects.
pub(super) fn component(kind: Kind) -> &'static str {
    match kind {
        Kind::Check => "Check",
        Kind::Region => "Region",
        Kind::Panel => "Panel",
        Kind::Set => "Set",
        Kind::Zone => "Zone",
        Kind::Hostname => "Hostname",
        Kind::Key => "Key",
    }
}

pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn of_kind(kind: Kind) -> Vec<Endpoint> {
    let (word, plural, shape) = (kind.word(), kind.plural(), component(kind));
    let group = plural;
    let one = format!("/v1/{plural}/{{{}}}", if kind == Kind::Zone { "zone" } else { "name" });
    let example = example(kind);
    let mut list = look(&format!("/v1/{plural}"), group, format!("List {plural}"));
    list.query = vec![text("after", "Begin after this name, as `next` says."), limit(), text("match", "Only names that contain this.")];
    list.query.extend(filters(kind).iter().map(|key| text(key, filter(key))));
    list.answers = vec![(200, "A page of them", JSON, page(reference(&format!("{shape}Named")), "string"))];
    vec![
        list,
        Endpoint { nature: Nature::Versioned, ..look(&one, group, format!("Show a {word}")) }.answer(200, "The object", reference(shape)),
        change("put", &one, group, format!("Make a {word}, or replace it"))
            .takes(vec![JSON], reference(shape), example.clone())
            .answer(200, "Changed, or the same as before", reference(shape))
            .answer(201, "Made", reference(shape)),
        change("patch", &one, group, format!("Change keys of a {word} (RFC 7396: null takes a key away)"))
            .takes(patches(), reference(&format!("{shape}Patch")), patch(kind))
            .answer(200, "Changed, or the same as before", reference(shape)),
        change("delete", &one, group, format!("Take a {word} away")).answer(204, "Gone", Value::Null),
    ]
}

fn zones() -> Vec<Endpoint> {
    let file = "/v1/zones/{zone}/file";
    let set = "/v1/zones/{zone}/records/{name}/{type}";
    let mut list = look("/v1/zones/{zone}/records", "zones", "List the record sets of a zone");
    list.nature = Nature::Versioned;
    list.query = vec![
        text("name", "Only this name; `@` is the apex."),
        text("type", "Only this type."),
        text("after", "Begin after this one, written NAME/TYPE, as `next` says."),
        limit(),
    ];
    list.answers = vec![(200, "A page of them", JSON, page(reference("RecordSet"), "string"))];
    let mut show_file = look(file, "zones", "Show a zone's master file");
    show_file.nature = Nature::Versioned;
    show_file.answers = vec![(200, "The master file (RFC 4027)", "text/dns", json!({ "type": "string" }))];
    let sent = json!({ "ttl": 300, "data": ["192.0.2.7"] });
    vec![
        show_file,
        change("put", file, "zones", "Replace a zone's master file, or make a zone of it (up to 64 MiB)")
            .takes(vec!["text/dns", "text/plain", "application/octet-stream"], json!({ "type": "string" }), json!("@ 3600 IN SOA ..."))
            .answer(200, "Replaced, or the same as before", reference("Summary"))
            .answer(201, "The zone was made", reference("Summary")),
        list,
        Endpoint { nature: Nature::Versioned, ..look(set, "zones", "Show a record set") }.answer(
            200,
            "The records",
            reference("RecordSet"),
        ),
        change("put", set, "zones", "Make a record set, or replace it; the name is absolute without the last dot, `@` is the apex")
            .takes(vec![JSON], reference("RecordData"), sent)
            .answer(200, "Changed, or the same as before", reference("RecordSet"))
            .answer(201, "Made", reference("RecordSet")),
        change("delete", set, "zones", "Take a record set away").answer(204, "Gone", Value::Null),
    ]
}

fn panels() -> Vec<Endpoint> {
    let state = "/v1/panels/{name}/state";
    let order = json!({ "state": "draining", "reason": "new disks", "over": "10m", "for": "2h" });
    let report = json!({ "connections": 312, "cpu": 0.41, "memory": 0.6, "bandwidth_mbps": 840, "credits": 120 });
    let mut heartbeat = act("post", "/v1/panels/{name}/heartbeat", "panels", "Report how a panel is");
    heartbeat.who = Who::Panel;
    vec![
        look(state, "panels", "Show what is wanted of a panel for now").answer(200, "The state", reference("PanelState")),
        change("post", state, "panels", "Drain, disable or enable a panel, whatever the fleet says")
            .takes(vec![JSON], reference("StateOrder"), order)
            .answer(200, "The state", reference("PanelState")),
        change("delete", state, "panels", "Back to what the fleet says").answer(204, "Done", Value::Null),
        heartbeat.takes(vec![JSON], reference("Report"), report).answer(204, "Taken", Value::Null),
        look("/v1/panels/{name}/health", "panels", "Show how a panel is").answer(200, "Its health", reference("PanelHealth")),
        act("delete", "/v1/panels/{name}/hold", "panels", "Let a panel return at once that was held back because it fell again and again")
            .answer(204, "Done", Value::Null),
    ]
}

fn whole() -> Vec<Endpoint> {
    let mut show = look("/v1/fleet", "fleet", "Export the whole fleet");
    show.nature = Nature::Versioned;
    show.query = vec![flag("secrets", "With its secrets; for admins.")];
    let fleet = json!({ "region": [{ "name": "eu", "at": [50.11, 8.68] }] });
    let mut backup = look("/v1/backup", "fleet", "Back up the store: every document, one a line");
    backup.who = Who::Admin;
    backup.answers = vec![(200, "The backup", "application/x-ndjson", json!({ "type": "string" }))];
    let mut restore = change("post", "/v1/restore", "fleet", "Bring a backup back (up to 1 GiB)");
    restore.who = Who::Admin;
    vec![
        look("/v1/defaults", "fleet", "Show the policy where nothing else is said").versioned().answer(
            200,
            "The policy",
            reference("Defaults"),
        ),
        change("put", "/v1/defaults", "fleet", "Replace the policy where nothing else is said")
            .takes(vec![JSON], reference("Defaults"), json!({ "ttl": 30 }))
            .answer(200, "Changed, or the same as before", reference("Defaults"))
            .answer(201, "Made", reference("Defaults")),
        change("patch", "/v1/defaults", "fleet", "Change keys of the policy (RFC 7396: null takes a key away)")
            .takes(patches(), reference("DefaultsPatch"), json!({ "ttl": 30, "spread": null }))
            .answer(200, "Changed, or the same as before", reference("Defaults")),
        show.answer(200, "The fleet", reference("Fleet")),
        change("put", "/v1/fleet", "fleet", "Make the fleet what is sent, all at once or not at all (up to 64 MiB)")
            .takes(vec![JSON, "application/toml"], reference("Fleet"), fleet)
            .answer(200, "Done", reference("Summary")),
        change("post", "/v1/revert", "fleet", "Bring the objects of a change back to what they were before it")
            .takes(vec![JSON], reference("Revert"), json!({ "revision": 17 }))
            .answer(200, "What was changed", reference("Effect")),
        backup,
        restore.takes(vec!["application/x-ndjson", "application/octet-stream"], json!({ "type": "string" }), json!("...")).answer(
            200,
            "What was changed",
            reference("Effect"),
        ),
    ]
}

fn looking() -> Vec<Endpoint> {
    let mut explain = look("/v1/explain", "looking", "Say what a client is answered, and why");
    let name = text("name", "The name that is asked for.");
    explain.query = vec![
        Parameter { required: true, schema: json!({ "type": "string", "minLength": 1 }), ..name },
        text("type", "A, AAAA, HTTPS, SRV, TXT... Default: A."),
        text("client", "The client as the resolver names it: an address, or a network such as 203.0.113.0/24."),
        text("resolver", "Who asks. Default: the client itself."),
    ];
    let mut events =
        look("/v1/events", "looking", "Follow what happens (server-sent events: change, published, problem, state, verdict, reset)");
    events.query = vec![number("after", "Go on after the event of this id. `Last-Event-ID` counts before it.", 0, None)];
    events.answers = vec![(200, "Events as they happen", "text/event-stream", json!({ "type": "string" }))];
    let mut audit = look("/v1/audit", "looking", "List who did what, the newest first");
    audit.query = vec![
        text("since", "A time by RFC 3339, seconds since 1970, or a span before now such as 2h."),
        text("object", "Only of this object, such as panels/fra1."),
        number("before", "Begin before this sequence number, as `next` says.", 0, None),
        limit(),
    ];
    let mut history = look("/v1/history/{object}", "looking", "List who did what to one object, the newest first");
    history.query = vec![limit()];
    let entries = json!({ "type": "array", "items": reference("Entry") });
    let entries = json!({ "type": "object", "required": ["items"], "properties": { "items": entries } });
    vec![
        look("/v1/status", "looking", "Show how it all is").answer(
            200,
            "The state of the node and of what it serves",
            reference("NodeStatus"),
        ),
        explain.answer(200, "The answer, and what made it", reference("Explanation")),
        events,
        audit.answer(200, "A page of entries", page(reference("Entry"), "integer")),
        history.answer(200, "The entries", entries),
    ]
}

fn tokens() -> Vec<Endpoint> {
    let admin = |endpoint: Endpoint| Endpoint { who: Who::Admin, ..endpoint };
    let list = json!({ "type": "array", "items": reference("Token") });
    let order = json!({ "name": "deploy", "role": "operator", "zones": ["panels.example"], "sets": ["premium"], "expires": "30d" });
    let list = json!({ "type": "object", "required": ["items"], "properties": { "items": list } });
    vec![
        admin(look("/v1/tokens", "tokens", "List tokens, without themselves")).answer(200, "The tokens", list),
        admin(act("post", "/v1/tokens", "tokens", "Make a token; it is shown once"))
            .takes(vec![JSON], reference("TokenOrder"), order)
            .answer(201, "The token", reference("MadeToken")),
        admin(act("delete", "/v1/tokens/{name}", "tokens", "Take a token away")).answer(204, "Gone", Value::Null),
    ]
}

fn open() -> Vec<Endpoint> {
    let anybody = |path: &str, says: &str, media: &'static str, schema: Value| Endpoint {
        who: Who::Anybody,
        answers: vec![(200, "Yes", media, schema)],
        ..look(path, "the node itself", says)
    };
    let readiness = json!({ "anyOf": [reference("Readiness"), reference("Outside")] });
    let mut readyz = anybody("/readyz", "Whether it answers; from this host or with a token also why not", JSON, readiness.clone());
    readyz.answers.push((503, "No", JSON, readiness));
    vec![
        anybody("/livez", "Whether it lives", "text/plain", json!({ "type": "string" })),
        readyz,
        Endpoint { who: Who::Neighbour, ..anybody("/metrics", "Numbers for Prometheus", "text/plain", json!({ "type": "string" })) },
        anybody("/openapi.json", "This description", JSON, json!({ "type": "object" })),
        anybody("/docs", "This description for people", "text/html", json!({ "type": "string" })),
    ]
}

impl Endpoint {
    fn takes(mut self, types: Vec<&'static str>, schema: Value, example: Value) -> Self {
        self.body = Some((types, schema, example));
        self
    }

    fn answer(mut self, status: u16, says: &'static str, schema: Value) -> Self {
        self.answers.push((status, says, if schema.is_null() { "" } else { JSON }, schema));
        self
    }

    fn versioned(self) -> Self {
        Self { nature: Nature::Versioned, ..self }
    }
}

fn endpoint(method: &'static str, path: &str, group: &'static str, summary: String, who: Who, nature: Nature) -> Endpoint {
    Endpoint { method, path: path.to_owned(), group, summary, who, query: Vec::new(), nature, body: None, answers: Vec::new() }
}

fn look(path: &str, group: &'static str, summary: impl Into<String>) -> Endpoint {
    endpoint("get", path, group, summary.into(), Who::Viewer, Nature::Look)
}

fn change(method: &'static str, path: &str, group: &'static str, summary: impl Into<String>) -> Endpoint {
    endpoint(method, path, group, summary.into(), Who::Operator, Nature::Change)
}

fn act(method: &'static str, path: &str, group: &'static str, summary: impl Into<String>) -> Endpoint {
    endpoint(method, path, group, summary.into(), Who::Operator, Nature::Act)
}

fn text(name: &'static str, says: &'static str) -> Parameter {
    Parameter { name, says, schema: json!({ "type": "string" }), required: false }
}

pub(super) fn flag(name: &'static str, says: &'static str) -> Parameter {
    Parameter { name, says, schema: json!({ "type": "boolean", "default": false }), required: false }
}

fn number(name: &'static str, says: &'static str, least: u64, most: Option<u64>) -> Parameter {
    let mut schema = json!({ "type": "integer", "minimum": least });
    if let Some(most) = most {
        schema["maximum"] = json!(most);
    }
    Parameter { name, says, schema, required: false }
}

fn limit() -> Parameter {
    number("limit", "How many at most. Default: 100.", 1, Some(super::objects::MAX_PAGE))
}

fn patches() -> Vec<&'static str> {
    PATCHES.split(", ").collect()
}

fn page(item: Value, next: &str) -> Value {
    let next = json!({ "type": [next, "null"], "description": "Where the next page begins; null on the last." });
    let items = json!({ "type": "array", "items": item });
    json!({ "type": "object", "required": ["items", "next"], "properties": { "items": items, "next": next } })
}

fn filter(key: &str) -> &'static str {
    match key {
        "region" => "Only of this region.",
        "set" => "Only of this set.",
        "check" => "Only with this check.",
        "state" => "Only in this state.",
        "label" => "Only with this label, written key:value.",
        "zone" => "Only of this zone.",
        "panel" => "Only with this panel.",
        _ => "Only of this kind.",
    }
}

fn example(kind: Kind) -> Value {
    match kind {
        Kind::Check => json!({ "kind": "tcp", "port": 8090, "interval": "10s" }),
        Kind::Region => json!({ "at": [50.11, 8.68], "serves": { "continents": ["EU"] } }),
        Kind::Panel => json!({ "region": "eu", "addresses": ["192.0.2.1"] }),
        Kind::Set => json!({ "panels": ["fra1", { "panel": "nyc1", "tier": 2 }] }),
        Kind::Zone => json!({ "dnssec": false }),
        Kind::Hostname => json!({ "set": "premium", "ttl": 30 }),
        Kind::Key => json!({ "algorithm": "hmac-sha256", "secret": "c2VjcmV0" }),
    }
}

fn patch(kind: Kind) -> Value {
    match kind {
        Kind::Check => json!({ "interval": "5s" }),
        Kind::Region => json!({ "then": null }),
        Kind::Panel => json!({ "weight": 2 }),
        Kind::Set | Kind::Hostname => json!({ "ttl": 30 }),
        Kind::Zone => json!({ "dnssec": false }),
        Kind::Key => json!({ "secret": "c2VjcmV0" }),
    }
}
