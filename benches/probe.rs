//! What probing costs this side: 10,000 panels on 127.0.0.0/8, each asked every 5 s, by TCP and by HTTP.
//! CPU is that of the prober's own threads, from /proc; the panels are in the same process and do not count.

use meridian::fleet::{Asking, Check, CheckKind, Expect, Request};
use meridian::health::{Errand, Outcome, Target};
use meridian::probe::{Heard, Options, Prober};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;

const PANELS: u64 = 10_000;
const A_SECOND: u64 = 2_000;
const SECONDS: u64 = 10;
/// Checks go out in so many lots a second.
const LOTS: u64 = 100;

fn main() {
    // Called by `cargo test --benches` as well, which wants nothing measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("panels").enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(serve(listener));
        let asking = Asking { timeout: Duration::from_secs(3), confirm: Duration::from_millis(500), watch: false };
        let request = Request {
            url: format!("http://{{address}}:{port}/status?panel={{panel}}"),
            host: Some("live.panels.example".into()),
            headers: vec![("x-token".into(), "secret".into())],
            latency: Some(Duration::from_secs(1)),
            verify: true,
            certificate_days: 14,
        };
        let expect = Expect { method: "GET".into(), status: vec![200], body: Some("well".into()), json: Vec::new() };
        measure("tcp", CheckKind::Tcp { asking, port }).await;
        measure("http", CheckKind::Http { asking, request, expect }).await;
    });
}

async fn serve(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut buffer = [0; 2048];
            if stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\nall is well").await;
            }
        });
    }
}

async fn measure(name: &str, kind: CheckKind) {
    let check = Arc::new(Check {
        name: name.into(),
        interval: Duration::from_secs(5),
        degraded_after: 2,
        down_after: 3,
        up_after: 2,
        hold_down: true,
        kind,
    });
    let (sender, mut heard) = unbounded_channel();
    let prober = Prober::start(Options { concurrency: 512, vigils: 0 }, sender).unwrap();
    let panels: Vec<Arc<str>> = (0..PANELS).map(|number| format!("panel{number}").into()).collect();
    let before = cpu_ms();
    let mut tick = tokio::time::interval(Duration::from_millis(1000 / LOTS));
    let mut number = 0;
    let (mut good, mut longest, mut reports) = (0, Duration::ZERO, 0);
    let mut count = |heard| match heard {
        Heard::Report { report, .. } => {
            reports += 1;
            good += u64::from(report.outcome == Outcome::Good);
            longest = longest.max(report.took);
            reports
        }
        other => panic!("{other:?}"),
    };
    for _ in 0..LOTS * SECONDS {
        tick.tick().await;
        for _ in 0..A_SECOND / LOTS {
            let panel = number % PANELS;
            let address = Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + u32::try_from(panel).unwrap());
            prober.ask(Errand {
                target: Target(panel),
                panel: Arc::clone(&panels[usize::try_from(panel).unwrap()]),
                address: IpAddr::V4(address),
                check: Arc::clone(&check),
            });
            number += 1;
        }
        while let Ok(heard) = heard.try_recv() {
            count(heard);
        }
    }
    // Whatever still waits counts as well.
    while count(heard.recv().await.unwrap()) < number {}
    let spent = cpu_ms() - before;
    let percent = spent as f64 / (SECONDS * 10) as f64;
    println!("{name}: {A_SECOND} checks a second for {SECONDS} s, {good} of {number} good, longest {longest:?}, {percent:.1} % of a core");
}

/// User and system time of the threads named `probe`, in milliseconds.
fn cpu_ms() -> u64 {
    let mut ticks = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let Some((name, rest)) = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')) else { continue };
        if name == "probe" {
            let fields: Vec<&str> = rest.split_whitespace().collect();
            ticks += fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        }
    }
    // Linux counts in hundredths of a second wherever people run it.
    ticks * 10
}
