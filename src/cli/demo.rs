//! `meridian demo`

mod clients;
mod dig;
mod load;
mod order;
mod place;
mod session;
mod watch;

use super::check::read_fleet;
use super::log::{self, LogFormat};
use super::{WRONG_INPUT, say, serve};
use crate::document::Problem;
use crate::fleet::Fleet;
use crate::stage::{Options, Panel};
use crate::transport;
use place::Place;
use session::{Heard, Session};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// Run a node with the shipped fleet and five simulated panels, and break them.
///
/// The node is the one that `serve` runs; the panels serve real, advancing HLS on 127.0.1.1 to 127.0.1.5. What to try is printed, and a
/// prompt takes commands such as `kill fra1`; each change of what clients in five cities are answered is shown, with the seconds since the
/// command. All files are in a directory of their own, which is removed at the end. MERIDIAN_LOG=info shows the node's log.
///
/// With commands from a pipe, one per line, each that breaks or heals something waits until answers have moved, at most 45 s, and the end of
/// the pipe is the end of the demo. Where stdin has nothing at all, the demo runs until SIGTERM or Ctrl-C.
#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// Where the node answers DNS
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5300")]
    dns: SocketAddr,
    /// Where its API is
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    admin: SocketAddr,
    /// Where the panels serve
    #[arg(long, value_name = "PORT", default_value_t = place::PORT, value_parser = clap::value_parser!(u16).range(1..))]
    panels_port: u16,
}

/// How long a segment of the panels plays.
const SEGMENT: Duration = Duration::from_secs(2);
/// Of panels whose fleet names no capacity.
const CAPACITY: u32 = 500;

pub(super) fn demo(args: DemoArgs) -> ExitCode {
    transport::return_freed_memory();
    let started = log::start(LogFormat::Auto, "warn").map_err(|sentence| (WRONG_INPUT, sentence));
    let came = started.and_then(|log| {
        let came = run(&args);
        drop(log);
        came.map_err(|sentence| (super::FAILED, sentence))
    });
    came.unwrap_or_else(|(exit, sentence)| {
        say(format_args!("meridian: {sentence}"));
        ExitCode::from(exit)
    })
}

/// The error is a sentence.
fn run(args: &DemoArgs) -> Result<ExitCode, String> {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| format!("can't start the runtime: {error}"))?;
    let (heard, inbox) = channel();
    // Before anything is made that has to be removed again.
    hear_signals(&runtime, &heard)?;
    refuse_taken(args)?;
    let place = Place::new(args)?;
    let config = place.config()?;
    let (fleet, problems) = read_fleet(&place.fleet());
    if let Some(problem) = problems.iter().find(|problem| problem.is_error()) {
        return Err(problem.to_string());
    }
    let panels = Arc::new(start(&fleet, args.panels_port, &runtime)?);
    let session = Session::new(args, &place, Arc::clone(&panels), inbox, heard.clone());
    let session = thread::Builder::new().name("demo".into()).spawn(move || session.run());
    let session = session.map_err(|error| format!("can't start a thread: {error}"))?;
    // It runs until it is told to stop: by a signal, which is how the prompt stops it, too.
    let exit = serve::start(config, place.fleet()).map_err(|error| format!("{error:#}"));
    let _ = heard.send(Heard::Ended);
    let _ = session.join();
    exit
}

fn start(fleet: &Fleet, port: u16, runtime: &Runtime) -> Result<Vec<Panel>, String> {
    let panel = |panel: &crate::fleet::Panel| {
        let listen = panel.addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        let capacity = panel.capacity.unwrap_or(CAPACITY);
        Panel::start(Options { name: panel.name.to_string(), listen, segment: SEGMENT, tls: None, capacity }, runtime.handle())
    };
    let panels: Result<Vec<Panel>, _> = fleet.panels.iter().map(|it| panel(it)).collect();
    panels.map_err(|error| format!("a panel can't listen at {error}; stop what uses the port, or take another: --panels-port {}", port ^ 1))
}

/// A signal that comes before the node waits for it is not lost, and ends nothing halfway.
fn hear_signals(runtime: &Runtime, heard: &Sender<Heard>) -> Result<(), String> {
    let _inside = runtime.enter();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut came = signal(kind).map_err(|error| format!("can't wait for signals: {error}"))?;
        let heard = heard.clone();
        runtime.spawn(async move { while came.recv().await.is_some() && heard.send(Heard::Stop).is_ok() {} });
    }
    Ok(())
}

/// Said here, with what to do about it in a demo: nobody has written a config.
fn refuse_taken(args: &DemoArgs) -> Result<(), String> {
    let DemoArgs { dns, admin, .. } = args;
    let tries = [
        ("--dns", dns, UdpSocket::bind(dns).map(drop)),
        ("--dns", dns, TcpListener::bind(dns).map(drop)),
        ("--admin", admin, TcpListener::bind(admin).map(drop)),
    ];
    for (option, address, tried) in tries {
        tried.map_err(|error| {
            let (ip, port) = (address.ip(), address.port());
            let other = SocketAddr::new(ip, port ^ 1);
            format!("can't listen at {address}: {error}; stop what uses it (`ss -lpn 'sport = :{port}'` names it), or take another address: {option} {other}")
        })?;
    }
    Ok(())
}

/// The first error among problems.
fn sentence(problems: &[Problem]) -> String {
    problems.iter().find(|problem| problem.is_error()).map_or_else(|| "the shipped config is not sound".into(), ToString::to_string)
}
