//! `meridian serve`

use super::check::read_fleet_as_json;
use super::files::Files;
use super::log::{self, LogFormat};
use super::{WRONG_INPUT, say};
use crate::admin::{Certificate, CertificateFiles};
use crate::compile;
use crate::config::{self, Config};
use crate::control::{self, Control};
use crate::document::{Problem, Severity};
use crate::geo;
use crate::node::{self, FleetRead, Reading};
use crate::snapshot::{Manners, Slot, Snapshot};
use crate::transport::{self, LimitOptions, TcpOptions};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Run a node: answer queries until SIGTERM.
///
/// SIGHUP and changed files reload what is served. A file that is wrong never replaces one that was right.
#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    files: Files,
    /// How the log on stderr looks
    #[arg(long, value_enum, default_value = "auto", value_name = "FORMAT")]
    log_format: LogFormat,
}

pub(super) fn serve(args: ServeArgs) -> ExitCode {
    // Before there is a second thread, which would have a heap of its own.
    transport::return_freed_memory();
    let _log = match log::start(args.log_format, "info") {
        Ok(log) => log,
        Err(sentence) => {
            say(format_args!("meridian: {sentence}"));
            return ExitCode::from(WRONG_INPUT);
        }
    };
    let (config, problems) = config::load(&args.files.config());
    for problem in &problems {
        say(problem);
    }
    let Some(config) = config else { return ExitCode::from(WRONG_INPUT) };
    match start(config, args.files.fleet()) {
        Ok(exit) => exit,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Where the node takes over.
pub(super) fn start(config: Config, fleet: PathBuf) -> anyhow::Result<ExitCode> {
    let _claim = node::data::claim(&config.node.data)?;
    let secrets = match &config.dns.cookie_secrets {
        Some(path) => path.clone(),
        None => node::data::own_cookie_secrets(&config.node.data)?,
    };
    if let Err(problems) = config::load_cookie_secrets(&secrets) {
        let own = config.dns.cookie_secrets.is_none();
        for problem in problems {
            say(if own { problem.hint("remove the file, and the next start makes a new one") } else { problem });
        }
        return Ok(ExitCode::from(WRONG_INPUT));
    }
    // Before the node takes over: what is wrong with a file is wrong input, and stops nothing later.
    if let Some(Err(error)) = certificate(&config.admin).map(Certificate::load) {
        say(&error);
        return Ok(ExitCode::from(WRONG_INPUT));
    }
    let slot = Arc::new(Slot::new(Snapshot::default()));
    let opening = control::begin(
        &control::Options {
            data: config.node.data.clone(),
            node: config.node.name.clone(),
            is_files: config.store == config::Store::Files,
            admin_token: std::env::var("MERIDIAN_ADMIN_TOKEN").ok().filter(|token| !token.is_empty()),
        },
        Arc::clone(&slot),
    );
    let control::Opening { control, fleet: stored, problems, posts } = opening.map_err(anyhow::Error::msg)?;
    tracing::info!(node = config.node.name, version = env!("CARGO_PKG_VERSION"), fleet = %fleet.display(), "starting");
    let dns = &config.dns;
    let options = node::Options {
        data: config.node.data.clone(),
        seed: u64::from(std::process::id()),
        networks: config.health.networks.clone(),
        transport: transport::Options {
            listen: dns.listen.clone(),
            workers: dns.workers as usize,
            tcp: TcpOptions { connections: dns.tcp.connections as usize, per_client: dns.tcp.per_client as usize, idle: dns.tcp.idle },
            limit: limit(&dns.limit),
        },
        admin: config.admin.listen,
        certificate: certificate(&config.admin),
        places: places(&config.geoip),
        fleet_files: vec![fleet.clone()],
        files: vec![secrets.clone()],
        imports: config.store == config::Store::Embedded,
    };
    let afterwards: Option<node::Afterwards> = stored.is_some().then(|| -> node::Afterwards {
        let (control, fleet) = (control.clone(), fleet.clone());
        Box::new(move || say_if_they_differ(&control, &fleet))
    });
    let door = node::Door { control: control.clone(), posts, slot, problems, afterwards };
    let mut stored = stored.map(|fleet| compile::plan::plan("", Arc::unwrap_or_clone(fleet)));
    let read = move || {
        let (manners, mut problems) = read_manners(&config, &secrets);
        let fleet = match (control.is_files(), stored.take()) {
            (_, Some(plan)) => Some(FleetRead { plan, json: None }),
            (true, None) => {
                let (read, json, found) = read_fleet_as_json(&fleet);
                problems.splice(0..0, found);
                Some(FleetRead { plan: compile::plan::plan(&fleet.display().to_string(), read), json: Some(json) })
            }
            (false, None) => None,
        };
        Reading { fleet, problems, manners }
    };
    node::run(&options, Box::new(read), door)
}

/// Once the store is the truth nobody reads the file again, and whoever edits it should know.
fn say_if_they_differ(control: &Control, path: &Path) {
    if !path.exists() {
        return;
    }
    let (_, json, problems) = read_fleet_as_json(path);
    let is_sound = !problems.iter().any(Problem::is_error);
    let shown = path.display();
    let how = format!("`meridian apply -f {shown}` makes the node match the file, `meridian export` prints what the node has");
    match control.differs_from(&json).ok().filter(|_| is_sound) {
        Some(0) => {}
        Some(1) => tracing::warn!("{shown} differs from the store in one object, and the store is what counts; {how}"),
        Some(count) => tracing::warn!("{shown} differs from the store in {count} objects, and the store is what counts; {how}"),
        None => tracing::warn!(problems = problems.len(), "{shown} is not sound, and the store is what counts; {how}"),
    }
}

/// What the API is secured with.
pub(super) fn certificate(admin: &config::Admin) -> Option<CertificateFiles> {
    let (certificate, key) = admin.certificate.clone()?;
    Some(CertificateFiles { certificate, key })
}

/// None: off.
fn limit(limit: &config::Limit) -> Option<LimitOptions> {
    (limit.per_second > 0).then_some(LimitOptions { per_second: limit.per_second, slip: limit.slip })
}

/// Where the node learns where clients are.
pub(super) fn places(geoip: &config::Geoip) -> node::places::Options {
    let code = |text: &String| <[u8; 2]>::try_from(text.as_bytes()).ok();
    let overrides = geoip.overrides.iter().map(|said| geo::Override {
        network: said.network,
        at: said.at,
        country: said.country.as_ref().and_then(code),
    });
    node::places::Options {
        databases: geoip.databases.iter().map(|path| path.it.clone()).collect(),
        overrides: overrides.collect(),
        is_default: geoip.databases.iter().all(|path| path.line == 0),
    }
}

/// None when the secrets are not sound: the old ones stay.
fn read_manners(config: &Config, secrets_path: &Path) -> (Option<Manners>, Vec<Problem>) {
    match config::load_cookie_secrets(secrets_path) {
        Ok(cookie_secrets) => (Some(manners(config, cookie_secrets)), Vec::new()),
        // The fleet may change all the same.
        Err(found) => (None, found.into_iter().map(|problem| Problem { severity: Severity::Warning, ..problem }).collect()),
    }
}

/// How the node presents itself.
pub(super) fn manners(config: &Config, cookie_secrets: Vec<[u8; 16]>) -> Manners {
    Manners {
        udp_size: config.dns.udp_size,
        name: config.node.name.clone(),
        version: concat!("meridian ", env!("CARGO_PKG_VERSION")).into(),
        cookie_secrets,
        // Units of 100 ms (RFC 7828 §3.1).
        tcp_idle: u16::try_from(config.dns.tcp.idle.as_millis() / 100).unwrap_or(u16::MAX),
        ecs_from: config.dns.ecs_from.clone(),
    }
}
