//! The systemd unit that runs the agent, as text.

use std::fmt;

/// By this an installation knows what it has written itself.
pub(super) const MARK: &str = "# Written by `meridian agent install`";
/// Where the unit's credentials are, which it may read whoever it runs as.
const CREDENTIALS: &str = "${CREDENTIALS_DIRECTORY}";

/// What runs, with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Absolute.
    pub program: String,
    /// Behind `agent`; the token and the authorities are not among them.
    pub arguments: Vec<String>,
    /// Where the token lies on the host.
    pub token: String,
    /// Where the authorities lie on the host.
    pub ca: Option<String>,
    /// None: a user that exists while it runs.
    pub user: Option<String>,
    pub groups: Vec<String>,
}

/// What cannot stand in a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitError {
    Control(String),
    Plain(String),
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control(text) => {
                write!(f, "`{}` has a line break or another control character, which no unit holds", text.escape_debug())
            }
            Self::Plain(text) => write!(f, "`{}` may only have letters, digits and `_ . / @ : + -`", text.escape_debug()),
        }
    }
}

impl std::error::Error for UnitError {}

impl Unit {
    pub fn text(&self) -> Result<String, UnitError> {
        let mut start = format!("{} agent", plain(&self.program)?);
        for argument in &self.arguments {
            start = start + " " + &quoted(argument)?;
        }
        start += &format!(" --token-file {CREDENTIALS}/token");
        let mut credentials = format!("LoadCredential=token:{}\n", plain(&self.token)?);
        if let Some(ca) = &self.ca {
            start += &format!(" --ca {CREDENTIALS}/ca");
            credentials += &format!("LoadCredential=ca:{}\n", plain(ca)?);
        }
        let mut who = match &self.user {
            None => "DynamicUser=yes\n".to_owned(),
            Some(user) => format!("User={}\n", plain(user)?),
        };
        if !self.groups.is_empty() {
            let groups = self.groups.iter().map(|group| plain(group)).collect::<Result<Vec<_>, _>>()?;
            who += &format!("SupplementaryGroups={}\n", groups.join(" "));
        }
        Ok(format!("{MARK}; what is edited here is lost when that is run with --force.\n{HEAD}ExecStart={start}\n{credentials}{who}{TAIL}"))
    }
}

const HEAD: &str = "\
[Unit]
Description=Meridian agent: reports this panel's load
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
";

/// It reads /proc and sockets and speaks TCP. `/proc/stat` and `/proc/net` must stay in sight, and so must the host's network.
const TAIL: &str = "\
Restart=always
RestartSec=5
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectProc=invisible
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077
TasksMax=128
MemoryMax=256M

[Install]
WantedBy=multi-user.target
";

/// One word of a command line, whatever it holds (systemd.service(5), \"Command lines\").
fn quoted(argument: &str) -> Result<String, UnitError> {
    if argument.chars().any(char::is_control) {
        return Err(UnitError::Control(argument.into()));
    }
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return Ok(argument.into());
    }
    let mut quoted = String::from("\"");
    for letter in argument.chars() {
        match letter {
            '\\' => quoted += "\\\\",
            '"' => quoted += "\\\"",
            '%' => quoted += "%%",
            '$' => quoted += "$$",
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    Ok(quoted)
}

/// Paths and names stand in settings that know no quotes.
fn plain(text: &str) -> Result<&str, UnitError> {
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Ok(text),
        false => Err(UnitError::Plain(text.into())),
    }
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_./@:+-".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit() -> Unit {
        Unit {
            program: "/usr/local/bin/meridian".into(),
            arguments: vec!["--panel".into(), "fra1".into(), "--connections".into(), "command=ss -t | wc -l".into()],
            token: "/etc/meridian/agent.token".into(),
            ca: None,
            user: None,
            groups: Vec::new(),
        }
    }

    #[test]
    fn the_unit_says_what_runs_and_as_whom() {
        let lines = |unit: &Unit| {
            let text = unit.text().unwrap();
            assert!(text.starts_with(MARK));
            let keys = ["ExecStart=", "LoadCredential=", "DynamicUser=", "User=", "SupplementaryGroups="];
            let told = text.lines().filter(|line| keys.iter().any(|key| line.starts_with(key)));
            told.map(str::to_owned).collect::<Vec<_>>()
        };
        let start = "ExecStart=/usr/local/bin/meridian agent --panel fra1 --connections \"command=ss -t | wc -l\" --token-file ${CREDENTIALS_DIRECTORY}/token";
        assert_eq!(lines(&unit()), [start, "LoadCredential=token:/etc/meridian/agent.token", "DynamicUser=yes"]);
        let other =
            Unit { ca: Some("/etc/m/ca.pem".into()), user: Some("stats".into()), groups: vec!["haproxy".into(), "adm".into()], ..unit() };
        let expected = [
            &format!("{start} --ca ${{CREDENTIALS_DIRECTORY}}/ca"),
            "LoadCredential=token:/etc/meridian/agent.token",
            "LoadCredential=ca:/etc/m/ca.pem",
            "User=stats",
            "SupplementaryGroups=haproxy adm",
        ];
        assert_eq!(lines(&other), expected);
    }

    #[test]
    fn words_are_quoted_as_systemd_reads_them() {
        for (word, expected) in [
            ("fra1", "fra1"),
            ("https://ns1.example:8443", "https://ns1.example:8443"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("100%n $HOME ${X}", "\"100%%n $$HOME $${X}\""),
            (r#"awk '{print "x\n"}'"#, r#""awk '{print \"x\\n\"}'""#),
            (";", "\";\""),
            ("é", "\"é\""),
        ] {
            assert_eq!(quoted(word).unwrap(), expected, "{word}");
        }
    }

    #[test]
    fn what_no_unit_holds_is_refused() {
        for text in ["a\nb", "a\rb", "a\tb", "\u{85}", "a\0"] {
            assert_eq!(quoted(text), Err(UnitError::Control(text.into())));
        }
        for text in ["", "/opt/my meridian", "/opt/100%/meridian", "/opt/$x", "a\nUser=root"] {
            assert_eq!(Unit { program: text.into(), ..unit() }.text(), Err(UnitError::Plain(text.into())));
            assert_eq!(Unit { token: text.into(), ..unit() }.text(), Err(UnitError::Plain(text.into())));
            assert_eq!(Unit { user: Some(text.into()), ..unit() }.text(), Err(UnitError::Plain(text.into())));
            assert_eq!(Unit { groups: vec![text.into()], ..unit() }.text(), Err(UnitError::Plain(text.into())));
        }
    }
}
