//! The transports from outside: what ten thousand idle connections and the want of files do to everybody else.
//!
//! In a process of its own, because it uses up what a process may open.

use meridian::snapshot::{Slot, Snapshot};
use meridian::transport::{Options, Running, TcpOptions, bind, raise_nofile};
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// When a test gives up. Nothing waits so long unless it is broken.
const SOON: Duration = Duration::from_secs(30);

/// Files of the test process that are not idle connections.
const SPARE_FILES: u64 = 400;

fn options(connections: usize, per_client: usize) -> Options {
    let listen = vec!["0.0.0.0:0".parse().unwrap()];
    Options { listen, workers: 1, tcp: TcpOptions { connections, per_client, idle: Duration::from_secs(600) }, limit: None }
}

fn serve(connections: usize, per_client: usize) -> (Running, SocketAddr) {
    let running =
        bind(&options(connections, per_client)).unwrap().serve(Arc::new(Slot::new(Snapshot::default())), &Handle::current()).unwrap();
    let port = running.addresses()[0].port();
    (running, ([127, 0, 0, 1], port).into())
}

/// `. A`, to be answered somehow.
fn query(id: u16) -> Vec<u8> {
    let [a, b] = id.to_be_bytes();
    vec![a, b, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]
}

async fn asks(stream: &mut TcpStream, id: u16) -> std::io::Result<()> {
    let query = query(id);
    timeout(SOON, async {
        stream.write_all(&[&(query.len() as u16).to_be_bytes()[..], &query].concat()).await?;
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        assert_eq!(answer[..2], id.to_be_bytes());
        Ok(())
    })
    .await
    .expect("an answer or an end")
}

fn asks_udp(at: SocketAddr, id: u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let mut answer = [0; 512];
    socket.send_to(&query(id), at).unwrap();
    socket.recv(&mut answer).unwrap();
    assert_eq!(answer[..2], id.to_be_bytes());
}

async fn connect_from(host: [u8; 4], at: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((host, 0).into())?;
    timeout(SOON, socket.connect(at)).await.expect("connected or refused")
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap().trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_idle_connections_keep_nobody_from_being_answered() {
    // Both ends are in this process: two files a connection.
    let limit = raise_nofile(2 * 10_000 + SPARE_FILES).or_else(|_| raise_nofile(0)).unwrap();
    let count = ((limit - SPARE_FILES) / 2).min(10_000) as usize;
    assert!(count >= 5_000, "{limit} open files are too few for this test: raise the hard limit to 10,400");
    let (running, at) = serve(count, 250);
    let before = resident_kib();
    let mut idle = Vec::with_capacity(count);
    for i in 0..count {
        idle.push(connect_from([127, 1, (i / 200) as u8, 1 + (i % 200) as u8], at).await.unwrap());
    }
    timeout(SOON, async {
        while running.counters().connections.accepted < count as u64 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    let open = running.counters().connections.open;
    let each = (resident_kib() - before) * 1024 / count as u64;
    eprintln!("{count} connections, {open} open, {each} bytes resident each, both ends");
    assert!(each < 8 << 10, "{each} bytes for an idle connection");
    for id in 0..50 {
        asks_udp(at, id);
        let mut new = connect_from([127, 2, 0, 1], at).await.unwrap();
        asks(&mut new, id).await.unwrap();
    }
    // The latest of the idle ones are still there, and answer.
    for stream in idle.iter_mut().rev().take(100) {
        asks(stream, 7).await.unwrap();
    }
    assert_eq!(running.drain(SOON).await.cut, 0);
}

/// Runs in a child that may open 100 files and has all but eight: connections beyond that must neither stop UDP nor the
/// newest connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by without_files_the_idlest_goes, with a limit of open files"]
async fn child_with_few_files() {
    let (running, at) = serve(1000, 1000);
    assert_eq!(bind(&options(1000, 1000)).unwrap().connections(), 25, "lowered to what 100 files leave room for");
    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    files.truncate(files.len() - 8);
    println!("listening {at}");
    let before = cpu_ticks();
    timeout(SOON, async {
        while running.counters().connections.exhausted < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    let counts = running.counters();
    assert!(counts.connections.evicted >= 8, "{counts:?}");
    assert!(cpu_ticks() - before < 100, "no more than a second of CPU");
    println!("exhausted {}", counts.connections.exhausted);
    // The parent says when it is done.
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await.unwrap().unwrap();
}

/// User and system time in hundredths of a second.
fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    after_name.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_files_the_idlest_goes() {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let exe = std::env::current_exe().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 100 && exec \"$0\" --exact child_with_few_files --ignored --nocapture"])
        .arg(exe)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = tokio::net::unix::pipe::Receiver::from_owned_fd(child.stdout.take().unwrap().into()).unwrap();
    let mut lines = BufReader::new(stdout).lines();
    let mut next = async |wanted: &str| loop {
        let line = timeout(SOON, lines.next_line()).await.expect("the child speaks").unwrap().expect("the child lives");
        if let Some((_, rest)) = line.split_once(wanted) {
            return rest.trim().to_owned();
        }
    };
    let at: SocketAddr = next("listening").await.parse().unwrap();
    let mut streams = Vec::new();
    for i in 0..75 {
        streams.push(connect_from([127, 3, 0, 1 + i], at).await.unwrap());
    }
    next("exhausted").await;
    asks_udp(at, 1);
    // The newest gets its turn, as idler ones make room.
    asks(streams.last_mut().unwrap(), 2).await.unwrap();
    drop(child.stdin.take());
    assert!(tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap().success());
}
