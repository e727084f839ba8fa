//! The process, as the kernel sees it.

use crate::metrics::Page;
use std::fs;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    pub(super) started_s: u64,
    /// None where /proc does not tell.
    pub(super) resident_bytes: Option<u64>,
    pub(super) open_files: Option<u64>,
    pub(super) most_files: Option<u64>,
    pub(super) threads: Option<u64>,
}

impl Process {
    pub(super) fn read(started_s: u64) -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let most_files = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
        Self {
            started_s,
            resident_bytes: field(&status, "VmRSS:").map(|kib| kib << 10),
            // The one that reads the directory is among them.
            open_files: fs::read_dir("/proc/self/fd").ok().map(|files| (files.count() as u64).saturating_sub(1)),
            most_files,
            threads: field(&status, "Threads:"),
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        let mut put = |name, help, value: Option<u64>| {
            let mut samples = page.gauge(name, help);
            if let Some(value) = value {
                samples.put(&[], value);
            }
        };
        put("meridian_process_start_time_seconds", "When the process started, in seconds since 1970.", Some(self.started_s));
        put("meridian_process_resident_memory_bytes", "Memory that the process holds.", self.resident_bytes);
        put("meridian_process_open_fds", "Files and sockets that are open.", self.open_files);
        put("meridian_process_max_fds", "Files and sockets that may be open.", self.most_files);
        put("meridian_process_threads", "Threads.", self.threads);
    }
}

fn field(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_of_this_process() {
        let process = Process::read(7);
        let least = [(process.resident_bytes, 1 << 20), (process.open_files, 3), (process.most_files, 3), (process.threads, 1)];
        for (found, least) in least {
            assert!(found.is_some_and(|found| found >= least), "{process:?}");
        }
        assert_eq!(field("Name:\tx\nVmRSS:\t  1234 kB\n", "VmRSS:"), Some(1234));
    }
}
