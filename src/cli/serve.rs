//! `meridian serve`

use super::check::read_fleet;
use super::files::Files;
use super::log::{self, LogFormat};
use super::{WRONG_INPUT, say};
use crate::admin::{Certificate, CertificateFiles};
use crate::compile;
use crate::config::{self, Config};
use crate::document::{Problem, Severity};
use crate::geo;
use crate::node::{self, Reading};
use crate::snapshot::Manners;
use crate::transport::{self, TcpOptions};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

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
    let _log = match log::start(args.log_format) {
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
fn start(config: Config, fleet: PathBuf) -> anyhow::Result<ExitCode> {
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
    tracing::info!(node = config.node.name, version = env!("CARGO_PKG_VERSION"), fleet = %fleet.display(), "starting");
    let dns = &config.dns;
    let options = node::Options {
        transport: transport::Options {
            listen: dns.listen.clone(),
            workers: dns.workers as usize,
            tcp: TcpOptions { connections: dns.tcp.connections as usize, per_client: dns.tcp.per_client as usize, idle: dns.tcp.idle },
        },
        admin: config.admin.listen,
        certificate: certificate(&config.admin),
        places: places(&config.geoip),
        files: vec![fleet.clone(), secrets.clone()],
    };
    node::run(&options, Box::new(move || read(&config, &fleet, &secrets)))
}

/// What the API is secured with.
pub(super) fn certificate(admin: &config::Admin) -> Option<CertificateFiles> {
    let (certificate, key) = admin.certificate.clone()?;
    Some(CertificateFiles { certificate, key })
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

/// Everything that may change while the node runs.
fn read(config: &Config, fleet_path: &Path, secrets_path: &Path) -> Reading {
    let (fleet, mut problems) = read_fleet(fleet_path);
    let manners = match config::load_cookie_secrets(secrets_path) {
        Ok(cookie_secrets) => Some(manners(config, cookie_secrets)),
        Err(found) => {
            // The old secrets stay, and so may the fleet change.
            problems.extend(found.into_iter().map(|problem| Problem { severity: Severity::Warning, ..problem }));
            None
        }
    };
    Reading { plan: compile::plan::plan(&fleet_path.display().to_string(), fleet), problems, manners }
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
