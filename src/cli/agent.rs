//! `meridian agent`: this host's load, reported to the nodes.

mod install;

use super::api::{plain_http, print, token_in, way};
use super::log::{self, LogFormat};
use super::{FAILED, UNAUTHORIZED, UNREACHABLE, WRONG_INPUT, say};
use crate::agent::{self, Gauging, Node, Options, Source, Token, Trouble};
use crate::config;
use crate::document::duration;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// A file that is longer holds no token, and no authorities either.
const MAX_FILE: u64 = 4 << 20;
const EVERY: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);
const SYSTEM_ROOT: &str = "/";

/// Report this host's load to the nodes, as the panel that runs on it.
///
/// Every --every it measures processor, memory and line, counts connections, and sends what it knows as a heartbeat to each --to.
/// What cannot be read in time is left out and named in the log; a node that does not answer is tried again, after 1 s at first and
/// 60 s at last, with the newest report. It runs until SIGTERM, and ends for nothing else.
///
/// cpu is the busy share of all cores (waiting for disks is idle, time the hypervisor took is busy), memory the share that cannot be had
/// back, each of the container's limit where that is lower (cgroup v2). bandwidth_mbps is the larger of what the line receives and sends.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_long_help = EXAMPLES)]
pub(super) struct AgentArgs {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    report: Report,
    /// Send one report to every node and end; the exit status tells whether all took it
    #[arg(long)]
    once: bool,
    /// Print what would be reported, and what is missing and why, and end; nothing is sent
    #[arg(long, conflicts_with = "once")]
    dry_run: bool,
    /// How the log on stderr looks
    #[arg(long, value_enum, default_value = "auto", value_name = "FORMAT")]
    log_format: LogFormat,
}

const EXAMPLES: &str = "\
On a node, once for each panel:
  meridian token make fra1-agent --role panel --panel fra1

On the panel's host, as root, with that token in the file fra1.token:
  meridian agent --dry-run --connections nginx=http://127.0.0.1/stub_status
  meridian agent install --panel fra1 --to https://ns1.example:8443 --to https://ns2.example:8443 \\
      --token-file fra1.token --connections nginx=http://127.0.0.1/stub_status

nginx:    location = /stub_status { stub_status; access_log off; allow 127.0.0.1; allow ::1; deny all; }
HAProxy:  stats socket /run/haproxy/meridian.sock mode 660 group haproxy level user";

#[derive(Debug, clap::Subcommand)]
enum What {
    Install(Box<install::Install>),
}

#[derive(Debug, clap::Args)]
struct Report {
    /// The panel that this host is, as the fleet names it
    #[arg(long, value_name = "PANEL")]
    panel: Option<String>,
    /// A node's admin address, such as https://ns1.example:8443; give every node that does not share a store with another
    #[arg(long, value_name = "URL")]
    to: Vec<String>,
    /// File that holds the panel's token; it is read again for each report [default: MERIDIAN_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// PEM file of the authorities that certificates of nodes and sources may come from [default: those of the system]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Send the token without TLS to another machine
    #[arg(long)]
    insecure_http: bool,
    /// Time between two reports, from 1s to 5m
    #[arg(long, value_name = "TIME", value_parser = every, default_value = "10s")]
    every: Duration,
    /// Interface of the line; several are added up [default: the one with the default route]
    #[arg(long = "interface", value_name = "NAME")]
    interfaces: Vec<String>,
    /// Where connections are counted; several are added up
    ///
    /// nginx=URL: the page of stub_status; waiting connections count too, for viewers wait
    /// between two segments, and the one that asks does not.
    /// haproxy=SOCKET or haproxy=URL: the stats socket, or the statistics page as CSV, such as
    /// http://127.0.0.1:8404/;csv: the current sessions of all frontends.
    /// command=LINE: for sh; the last line it prints is the number. It has two seconds, or half
    /// of --every if that is less, and is killed with all that it started.
    /// ports=80,443: established connections to these ports, IPv4 and IPv6, in this network
    /// namespace: those of containers with a bridge of their own are not seen.
    #[arg(long, value_name = "SOURCE", verbatim_doc_comment)]
    connections: Vec<Source>,
    /// What the panel has left of what it is paid in: command=LINE
    #[arg(long, value_name = "SOURCE", value_parser = credits)]
    credits: Option<Source>,
}

/// What went wrong, in a sentence, and the exit status for it.
type Wrong = (String, u8);

pub(super) fn agent(args: AgentArgs) -> ExitCode {
    let done = match &args.what {
        Some(What::Install(order)) => install::install(order),
        None if args.dry_run => dry_run(&args.report),
        None => report(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((sentence, exit)) => {
            say(format_args!("meridian: {sentence}"));
            ExitCode::from(exit)
        }
    }
}

fn report(args: &AgentArgs) -> Result<(), Wrong> {
    let options = args.report.options().map_err(wrong)?;
    let _log = log::start(args.log_format, "info").map_err(wrong)?;
    if !args.once {
        tracing::info!(panel = options.panel, nodes = options.nodes.len(), version = env!("CARGO_PKG_VERSION"), "reporting");
        return agent::run(options).map_err(failed);
    }
    let came = agent::once(options).map_err(failed)?.unwrap_or_default();
    let troubles: Vec<Trouble> = came.into_iter().filter_map(Result::err).collect();
    let Some((first, more)) = troubles.split_first() else { return Ok(()) };
    more.iter().for_each(|trouble| say(format_args!("meridian: {trouble}")));
    Err((first.to_string(), exit(first)))
}

fn exit(trouble: &Trouble) -> u8 {
    match trouble {
        Trouble::Unreachable(_) => UNREACHABLE,
        Trouble::Unauthorized(_) => UNAUTHORIZED,
        Trouble::Busy(..) | Trouble::Refused(_) => FAILED,
    }
}

fn dry_run(report: &Report) -> Result<(), Wrong> {
    let sampled = agent::sample(report.gauging().map_err(wrong)?).map_err(failed)?;
    if let Some((gauges, missing)) = sampled {
        missing.iter().for_each(|missing| say(format_args!("meridian: {missing}")));
        // Whoever closed stdout does not want it.
        let _ = print(&format!("{}\n", gauges.json()));
    }
    Ok(())
}

fn wrong(sentence: String) -> Wrong {
    (sentence, WRONG_INPUT)
}

fn failed(sentence: String) -> Wrong {
    (sentence, FAILED)
}

impl Report {
    fn options(&self) -> Result<Options, String> {
        let (panel, nodes) = (self.panel()?.to_owned(), self.nodes()?);
        let token = match &self.token_file {
            Some(path) => token_of_file(path.clone()),
            None => token_of_environment()?,
        };
        // A token that is wrong now may be right later; one that is not there is a mistake in the command.
        token()?;
        Ok(Options { panel, nodes, every: self.every, gauging: self.gauging()?, token })
    }

    fn panel(&self) -> Result<&str, String> {
        let panel = self.panel.as_deref().ok_or("--panel says for which panel this host speaks")?;
        match panel.is_empty() || panel.chars().any(char::is_control) {
            true => Err("--panel is not a panel's name".into()),
            false => Ok(panel),
        }
    }

    fn nodes(&self) -> Result<Vec<Node>, String> {
        if self.to.is_empty() {
            return Err("--to says which node takes the reports, such as --to https://ns1.example:8443".into());
        }
        let mut nodes: Vec<Node> = Vec::new();
        for url in &self.to {
            let (base, http) = way(url, self.ca.as_deref(), self.insecure_http)?;
            if nodes.iter().any(|node| node.base == base) {
                return Err(format!("--to {base} is given twice"));
            }
            nodes.push(Node { base, http });
        }
        Ok(nodes)
    }

    fn gauging(&self) -> Result<Gauging, String> {
        let is_https = |source: &Source| matches!(source, Source::Nginx(url) | Source::HaproxyPage(url) if url.starts_with("https:"));
        Ok(Gauging {
            interfaces: self.interfaces.clone(),
            connections: self.connections.clone(),
            credits: self.credits.clone(),
            http: plain_http(self.connections.iter().any(is_https), self.ca.as_deref())?,
            root: SYSTEM_ROOT.into(),
        })
    }

    /// All of it again, but for the token and the authorities.
    fn arguments(&self) -> Result<Vec<String>, String> {
        let mut words = vec!["--panel".to_owned(), self.panel()?.to_owned()];
        let mut add = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
        self.nodes()?.into_iter().for_each(|node| add("--to", node.base));
        add("--every", written(self.every));
        self.interfaces.iter().for_each(|name| add("--interface", name.clone()));
        self.connections.iter().for_each(|source| add("--connections", source.to_string()));
        self.credits.iter().for_each(|source| add("--credits", source.to_string()));
        words.extend(self.insecure_http.then(|| "--insecure-http".to_owned()));
        Ok(words)
    }
}

fn token_of_file(path: PathBuf) -> Token {
    Arc::new(move || token_in(&read(&path)?, &path.display().to_string()))
}

fn token_of_environment() -> Result<Token, String> {
    let token = std::env::var("MERIDIAN_TOKEN").map_err(|_| "no token; give the panel's by --token-file FILE or MERIDIAN_TOKEN")?;
    let token = token_in(&token, "MERIDIAN_TOKEN")?;
    Ok(Arc::new(move || Ok(token.clone())))
}

fn read(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE).read_to_string(&mut text));
    file.map_err(|error| config::unreadable(&path.display().to_string(), &error).to_string())?;
    Ok(text)
}

fn every(text: &str) -> Result<Duration, String> {
    duration(text).filter(|time| EVERY.contains(time)).ok_or_else(|| "write a time from 1s to 5m, such as 10s".into())
}

fn written(every: Duration) -> String {
    if every.subsec_nanos() == 0 { format!("{}s", every.as_secs()) } else { format!("{}ms", every.as_millis()) }
}

fn credits(text: &str) -> Result<Source, String> {
    match text.parse::<Source>()? {
        source @ Source::Command(_) => Ok(source),
        _ => Err("credits come from a command: write command=LINE".into()),
    }
}
