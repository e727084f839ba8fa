//! Processor, memory and line, as Linux tells them in `/proc` and `/sys/fs/cgroup`. Any of these files may be missing or odd.

mod cpu;
mod limits;
mod memory;
mod traffic;

use super::Gauges;
use super::told::{Told, Worth};
use cpu::Processor;
use limits::Limits;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use tracing::{info, warn};

/// `/proc/stat` of a machine with thousands of cores and interrupts is below one; more is no such file.
const MAX_FILE: u64 = 8 << 20;

/// What is measured on this machine, from one reading to the next.
#[derive(Debug)]
pub(super) struct Host {
    root: PathBuf,
    interfaces: Vec<String>,
    before: Reading,
    gauges: [(&'static str, Told, Option<String>); 3],
}

/// Counters as they stood at one time.
#[derive(Clone, Debug)]
struct Reading {
    at_ms: u64,
    cpu: Option<Processor>,
    limits: Limits,
    /// By interface: received and sent bytes.
    traffic: Result<BTreeMap<String, [u64; 2]>, String>,
}

impl Host {
    pub(super) fn new(root: PathBuf, interfaces: Vec<String>, now_ms: u64) -> Self {
        let before = Reading::take(&root, &interfaces, now_ms);
        Self { root, interfaces, before, gauges: ["cpu", "memory", "bandwidth_mbps"].map(|name| (name, Told::default(), None)) }
    }

    /// Since the last time.
    pub(super) fn measure(&mut self, now_ms: u64) -> Gauges {
        let now = Reading::take(&self.root, &self.interfaces, now_ms);
        let found = [cpu(&self.before, &now), memory(&self.root, &now.limits), bandwidth(&self.before, &now)];
        self.before = now;
        for ((name, told, missing), found) in self.gauges.iter_mut().zip(&found) {
            *missing = found.as_ref().err().cloned();
            match found {
                Ok(_) if told.works() == Worth::Back => info!("{name} can be measured again"),
                Ok(_) => {}
                Err(why) if told.fails_anew(why, now_ms) => warn!("{name} is left out of the reports until it can be measured: {why}"),
                Err(_) => {}
            }
        }
        let [cpu, memory, bandwidth_mbps] = found.map(Result::ok);
        Gauges { cpu, memory, bandwidth_mbps, ..Gauges::default() }
    }

    pub(super) fn missing(&self) -> Vec<String> {
        self.gauges.iter().filter_map(|(name, _, missing)| Some(format!("{name}: {}", missing.as_ref()?))).collect()
    }
}

impl Reading {
    fn take(root: &Path, interfaces: &[String], at_ms: u64) -> Self {
        let text = |name: &str| read(root, name).unwrap_or_default();
        let cpu = cpu::read(&text("proc/stat"));
        let limits = Limits::of(|name| read(root, &format!("sys/fs/cgroup/{name}")).ok());
        Self { at_ms, cpu, limits, traffic: traffic_of(root, interfaces) }
    }
}

/// The share of what this machine, or the container, may use.
fn cpu(before: &Reading, now: &Reading) -> Result<f64, String> {
    let (old, new) = before.cpu.zip(now.cpu).ok_or("/proc/stat does not tell it")?;
    let elapsed_ms = now.at_ms.saturating_sub(before.at_ms);
    if let Some(share) = now.limits.cpu_since(&before.limits, elapsed_ms, new.cores) {
        return Ok(share);
    }
    new.busy_since(&old).ok_or_else(|| "the counters of /proc/stat stood still or began anew".into())
}

fn memory(root: &Path, limits: &Limits) -> Result<f64, String> {
    let found = memory::read(&read(root, "proc/meminfo").unwrap_or_default());
    match (limits.memory(), found) {
        (Some((used, most)), found) if found.is_none_or(|memory| most < memory.total) => Ok((used as f64 / most as f64).min(1.0)),
        (_, Some(memory)) => Ok(memory.used_share()),
        (_, None) => Err("/proc/meminfo does not tell it".into()),
    }
}

/// The larger of what is received and what is sent: a line is as full as its fuller direction, and streams break in either.
fn bandwidth(before: &Reading, now: &Reading) -> Result<f64, String> {
    let new = now.traffic.as_ref().map_err(Clone::clone)?;
    let old = before.traffic.as_ref().map_err(|_| "it is measured from the next report on")?;
    let elapsed_ms = now.at_ms.checked_sub(before.at_ms).filter(|elapsed| *elapsed > 0).ok_or("no time went by")?;
    let mut moved = [0u64; 2];
    for (name, counters) in new {
        let was = old.get(name).ok_or_else(|| format!("{name} is new; it is measured from the next report on"))?;
        for ((sum, now), was) in moved.iter_mut().zip(counters).zip(was) {
            let bytes = now.checked_sub(*was).ok_or_else(|| format!("the counters of {name} began anew"))?;
            *sum = sum.saturating_add(bytes);
        }
    }
    // Bits a millisecond are kilobits a second.
    Ok(moved[0].max(moved[1]) as f64 * 8.0 / elapsed_ms as f64 / 1000.0)
}

fn traffic_of(root: &Path, interfaces: &[String]) -> Result<BTreeMap<String, [u64; 2]>, String> {
    let all = read(root, "proc/net/dev")?;
    let named = match interfaces {
        [] => {
            let [v4, v6] = ["proc/net/route", "proc/net/ipv6_route"].map(|name| read(root, name).unwrap_or_default());
            let found = traffic::default_v4(&v4).or_else(|| traffic::default_v6(&v6));
            vec![found.ok_or("no interface has the default route; name one by --interface")?]
        }
        named => named.to_vec(),
    };
    let counters = |name: String| match traffic::counters(&all, &name) {
        Some(counters) => Ok((name, counters)),
        None => Err(format!("there is no interface {name}")),
    };
    named.into_iter().map(counters).collect()
}

/// The error is a sentence.
fn read(root: &Path, name: &str) -> Result<String, String> {
    let path = root.join(name);
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes));
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A directory with such files.
    struct Machine(PathBuf);

    impl Machine {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("meridian-host-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }

        fn has(&self, name: &str, text: &str) {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        /// Busy and idle ticks of two cores, and bytes in and out of eth0.
        fn counts(&self, busy: u64, idle: u64, received: u64, sent: u64) {
            self.has("proc/stat", &format!("cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0\ncpu1 0 0 0 0 0 0 0\n"));
            let header = "Inter-|   Receive  |  Transmit\n face |bytes    packets errs |bytes\n";
            self.has(
                "proc/net/dev",
                &format!("{header}    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0: {received} 1 0 0 0 0 0 0 {sent} 1 0 0 0 0 0 0\n"),
            );
        }
    }

    impl Drop for Machine {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_machine_is_measured_from_one_reading_to_the_next() {
        let machine = Machine::new("measured");
        machine.has("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 250 kB\n");
        machine.has(
            "proc/net/route",
            "Iface Destination Gateway Flags RefCnt Use Metric Mask\neth0 00000000 0100000A 0003 0 0 0 00000000 0 0 0\n",
        );
        machine.counts(100, 100, 1000, 1000);
        let mut host = Host::new(machine.0.clone(), Vec::new(), 0);
        machine.counts(130, 170, 1000 + 250_000, 1000 + 1_250_000);
        let gauges = host.measure(1000);
        assert_eq!(gauges, Gauges { cpu: Some(0.3), memory: Some(0.75), bandwidth_mbps: Some(10.0), ..Gauges::default() });
        // More came than went.
        machine.counts(130, 180, 1000 + 2_750_000, 1000 + 1_250_000);
        assert_eq!(host.measure(3000).bandwidth_mbps, Some(10.0));
        assert_eq!(host.missing(), Vec::<String>::new());
    }

    #[test]
    fn a_container_is_measured_by_what_it_may_use() {
        let machine = Machine::new("container");
        machine.has("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 250 kB\n");
        machine.has("sys/fs/cgroup/cpu.max", "50000 100000\n");
        machine.has("sys/fs/cgroup/cpu.stat", "usage_usec 1000000\nuser_usec 1\n");
        machine.has("sys/fs/cgroup/memory.max", "512000\n");
        machine.has("sys/fs/cgroup/memory.current", "356000\n");
        machine.has("sys/fs/cgroup/memory.stat", "anon 1\ninactive_file 100000\n");
        machine.counts(100, 100, 0, 0);
        let mut host = Host::new(machine.0.clone(), Vec::new(), 0);
        // A quarter of a core, of half a core; on the machine nothing is left.
        machine.has("sys/fs/cgroup/cpu.stat", "usage_usec 1500000\nuser_usec 1\n");
        machine.counts(200, 100, 0, 0);
        let gauges = host.measure(2000);
        assert_eq!((gauges.cpu, gauges.memory), (Some(0.5), Some(0.5)));
        // Limits above what there is are none.
        machine.has("sys/fs/cgroup/cpu.max", "300000 100000\n");
        machine.has("sys/fs/cgroup/memory.max", "99999999999\n");
        machine.counts(300, 200, 0, 0);
        let gauges = host.measure(4000);
        assert_eq!((gauges.cpu, gauges.memory), (Some(0.5), Some(0.75)));
    }

    #[test]
    fn what_cannot_be_measured_is_left_out_and_named() {
        let machine = Machine::new("missing");
        let mut host = Host::new(machine.0.clone(), Vec::new(), 0);
        assert_eq!(host.measure(1000), Gauges::default());
        let missing = host.missing();
        assert!(missing.len() == 3 && missing[2].contains("proc/net/dev"), "{missing:?}");
        // An interface that goes, comes, and counts from the start again.
        machine.counts(0, 0, 500, 500);
        let mut host = Host::new(machine.0.clone(), vec!["eth0".into(), "lo".into()], 0);
        machine.counts(0, 0, 1500, 500);
        assert_eq!(host.measure(8).bandwidth_mbps, Some(1.0));
        machine.has("proc/net/dev", "Inter-|\n face |\n    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n");
        assert_eq!(host.measure(16).bandwidth_mbps, None);
        assert_eq!(host.missing()[2], "bandwidth_mbps: there is no interface eth0");
        machine.counts(0, 0, 10, 10);
        assert_eq!(host.measure(24).bandwidth_mbps, None);
        machine.counts(0, 0, 5, 1010);
        assert_eq!(host.measure(32).bandwidth_mbps, None);
        assert_eq!(host.missing()[2], "bandwidth_mbps: the counters of eth0 began anew");
        machine.counts(0, 0, 5, 2010);
        assert_eq!(host.measure(40).bandwidth_mbps, Some(1.0));
        assert_eq!(host.measure(40).bandwidth_mbps, None, "no time went by");
    }
}
