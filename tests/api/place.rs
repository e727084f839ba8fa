//! A node of its own, with its directory, and the clients that ask it.

#[path = "../running/mod.rs"]
pub(crate) mod running;

pub(crate) use running::SOON;
use running::{Running, two};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

pub(crate) const ZONE: &str =
    "$TTL 60\n@ SOA ns1 host 7 1h 15m 2w 30\n@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.7\nwww A 192.0.2.8\nwww TXT \"two words\" x\n";

/// Every kind of object, each used by another.
pub(crate) const FLEET: &str = r#"
[defaults]
ttl = 20
[[check]]
name = "stream"
kind = "tcp"
port = 8090
[[check]]
name = "panel"
kind = "panel-api"
url = "http://{address}/"
user = "u"
password = "swordfish"
[[region]]
name = "eu"
at = [50.11, 8.68]
serves = { continents = ["EU"] }
then = ["us"]
[[region]]
name = "us"
at = [40.71, -74.0]
[[panel]]
name = "fra1"
region = "eu"
addresses = ["192.0.2.1"]
checks = ["stream"]
labels = { provider = "a" }
[[panel]]
name = "ams1"
region = "eu"
addresses = ["192.0.2.2", "2001:db8::2"]
checks = ["stream", "panel"]
[[panel]]
name = "nyc1"
region = "us"
addresses = ["192.0.2.3"]
[[set]]
name = "premium"
panels = ["fra1", "ams1"]
steer = "failover"
[[set]]
name = "budget"
panels = ["nyc1", { panel = "fra1", tier = 2 }]
steer = "failover"
[[zone]]
name = "z.example"
file = "z.zone"
[[hostname]]
name = "live.z.example"
set = "premium"
[[hostname]]
name = "vod.z.example"
set = "budget"
ttl = 30
"#;

/// A directory with meridian.toml, fleet.toml and z.zone, on an address that no other test has.
pub(crate) struct Place {
    path: PathBuf,
    pub(crate) dns: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) more: String,
    pub(crate) environment: Vec<(&'static str, &'static str)>,
}

impl Place {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let nth = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("api-{}-{nth}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        let ip = Ipv4Addr::new(127, 77, std::process::id() as u8, nth);
        let [dns, admin] = two(ip);
        let place = Self { path, dns, admin, more: String::new(), environment: Vec::new() };
        place.write("fleet.toml", FLEET);
        place.write("z.zone", ZONE);
        place
    }

    /// `more` goes to the end of meridian.toml.
    pub(crate) fn with(mut self, more: &str) -> Self {
        self.more = more.into();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meridian"));
        command.args(arguments).current_dir(&self.path).env_clear().envs(self.environment.iter().copied()).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn configure(&self) {
        let text = format!(
            "[node]\nname = \"n1\"\ndata = \"data\"\n[dns]\nworkers = 1\nlisten = [\"{}\"]\n[geoip]\ndatabases = []\n[health]\nnetworks = [\"127.0.0.0/8\", \"::1\"]\n[admin]\nlisten = \"{}\"\n{}",
            self.dns, self.admin, self.more
        );
        self.write("meridian.toml", &text);
    }

    pub(crate) fn start(&self) -> Node<'_> {
        let mut node = self.spawn();
        node.hears("answering on");
        // What is imported is imported when the API answers with it.
        if !self.more.contains("files") {
            node.until_imported();
        }
        node
    }

    pub(crate) fn spawn(&self) -> Node<'_> {
        self.configure();
        Node { place: self, running: Running::spawn(self.command(&["serve", "--config", "meridian.toml"])) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A running process. Dropping it kills that process.
pub(crate) struct Node<'p> {
    pub(crate) place: &'p Place,
    running: Running,
}

impl std::ops::Deref for Node<'_> {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl std::ops::DerefMut for Node<'_> {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.running
    }
}

impl Node<'_> {
    pub(crate) fn ended(self) -> (i32, String) {
        self.running.ended()
    }

    pub(crate) fn kill(self) -> String {
        self.running.kill()
    }

    /// The node may have imported nothing, because the store had all before.
    fn until_imported(&mut self) {
        if self.api().get("/v1/status").json()["truth"] != "store" {
            self.hears("imported the fleet");
        }
    }

    /// curl with the admin's token.
    pub(crate) fn api(&self) -> Api {
        let token = match self.place.environment.iter().find(|(key, _)| *key == "MERIDIAN_ADMIN_TOKEN") {
            Some((_, token)) => (*token).to_owned(),
            None => fs::read_to_string(self.place.path("data/admin.token")).unwrap().trim().to_owned(),
        };
        Api { url: format!("http://{}", self.place.admin), token, more: Vec::new() }
    }

    /// curl with a token that is made for it.
    pub(crate) fn api_of(&self, order: &Value) -> Api {
        let admin = self.api();
        let made = admin.post("/v1/tokens", order);
        assert_eq!(made.status, 201, "{made:?}");
        Api { token: made.json()["token"].as_str().unwrap().to_owned(), ..admin }
    }

    /// The answers' data, asked for once by dig.
    pub(crate) fn dig(&self, name: &str, rtype: &str) -> Vec<String> {
        dig(self.place.dns, name, rtype)
    }

    pub(crate) fn serial(&self, zone: &str) -> u32 {
        self.dig(zone, "SOA")[0].split(' ').nth(2).unwrap().parse().unwrap()
    }
}

pub(crate) fn dig(server: SocketAddr, name: &str, rtype: &str) -> Vec<String> {
    let (at, port) = (format!("@{}", server.ip()), server.port().to_string());
    let output = Command::new("dig")
        .args([&at, "-p", &port, name, rtype, "+tries=1", "+time=10", "+short", "+norecurse"])
        .output()
        .expect("dig; Debian has it in bind9-dnsutils");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !said.contains(";;"), "{said}");
    let mut lines: Vec<String> = said.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// curl, before one node with one token.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) url: String,
    pub(crate) token: String,
    /// Further arguments.
    pub(crate) more: Vec<String>,
}

impl Api {
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: token.into(), ..self.clone() }
    }

    /// `headers` as curl takes them; `body` is sent as it is.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[&str], body: Option<&[u8]>) -> Answer {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--include", "--path-as-is", "--globoff", "--max-time", "60"]);
        match method {
            "HEAD" => command.arg("--head"),
            method => command.args(["--request", method]),
        };
        if !self.token.is_empty() {
            command.args(["--header", &format!("Authorization: Bearer {}", self.token)]);
        }
        command.args(&self.more).args(["--header", "Expect:"]);
        for header in headers {
            command.args(["--header", header]);
        }
        if body.is_some() {
            command.args(["--data-binary", "@-"]);
            if !headers.iter().any(|header| header.to_ascii_lowercase().starts_with("content-type")) {
                command.args(["--header", "Content-Type: application/json"]);
            }
        }
        command.arg(format!("{}{path}", self.url));
        command.stdin(if body.is_some() { Stdio::piped() } else { Stdio::null() }).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("curl; Debian has it in the package of that name");
        if let Some(body) = body {
            // The node may close before it has taken all of it.
            let _ = child.stdin.take().unwrap().write_all(body);
        }
        Answer::read(&child.wait_with_output().unwrap())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], None)
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, &[], None)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        self.ask("PUT", path, &[], Some(body.to_string().as_bytes()))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        self.ask("PATCH", path, &[], Some(body.to_string().as_bytes()))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &[], Some(body.to_string().as_bytes()))
    }

    pub(crate) fn fleet(&self) -> Value {
        self.get("/v1/fleet").is(200).json()
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In small letters.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// All of it, as it came.
    pub(crate) raw: String,
}

impl Answer {
    fn read(output: &Output) -> Self {
        let raw = String::from_utf8_lossy(&output.stdout).into_owned();
        let (head, body) = raw.split_once("\r\n\r\n").unwrap_or((&raw, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no answer: {raw}{}", String::from_utf8_lossy(&output.stderr)));
        let headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(key, value)| (key.to_ascii_lowercase(), value.to_owned())).collect();
        Self { status, headers, body: body.to_owned(), raw: raw.clone() }
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.raw);
        self
    }

    /// A problem document of this kind.
    #[track_caller]
    pub(crate) fn refuses(self, status: u16, word: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.raw);
        let json = answer.json();
        assert_eq!((json["type"].as_str(), json["status"].as_u64()), (Some(&*format!("/problems/{word}")), Some(status.into())), "{json}");
        answer
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|why| panic!("{why}: {}", self.raw))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn tag(&self) -> &str {
        self.header("etag").unwrap_or_else(|| panic!("no ETag: {}", self.raw))
    }

    #[track_caller]
    pub(crate) fn revision(&self) -> u64 {
        self.header("meridian-revision").and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no revision: {}", self.raw))
    }

    /// Pointer, what is wrong, and the hint, of each error.
    pub(crate) fn errors(&self) -> Vec<[String; 3]> {
        let json = self.json();
        let of = |error: &Value| ["pointer", "detail", "hint"].map(|key| error[key].as_str().unwrap_or_default().to_owned());
        json["errors"].as_array().map(|errors| errors.iter().map(of).collect()).unwrap_or_default()
    }
}
