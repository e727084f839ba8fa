//! What a container may use (cgroup v2, as it is seen from within).

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Limits {
    /// In cores.
    cores: Option<f64>,
    usage_us: Option<u64>,
    memory: Option<(u64, u64)>,
}

impl Limits {
    /// `file` gives the text of a file of the cgroup; on a machine of one's own there are none.
    pub(super) fn of(file: impl Fn(&str) -> Option<String>) -> Self {
        let stat = |name: &str, key: &str| {
            let text = file(name)?;
            text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse::<u64>().ok())
        };
        let cores = file("cpu.max").and_then(|text| {
            let (quota, period) = text.trim().split_once(' ')?;
            let (quota, period) = (quota.parse::<u64>().ok()?, period.parse::<u64>().ok().filter(|period| *period > 0)?);
            Some(quota as f64 / period as f64).filter(|cores| *cores > 0.0)
        });
        let bytes = |name: &str| file(name)?.trim().parse::<u64>().ok();
        let memory = bytes("memory.max").filter(|most| *most > 0).and_then(|most| {
            // Files that nobody has looked at lately are given back before anything fails.
            let kept = bytes("memory.current")?.saturating_sub(stat("memory.stat", "inactive_file").unwrap_or(0));
            Some((kept, most))
        });
        Self { cores, usage_us: stat("cpu.stat", "usage_usec"), memory }
    }

    /// The used share of the limit. None where there is no limit below the machine's cores, or no telling.
    pub(super) fn cpu_since(&self, before: &Self, elapsed_ms: u64, cores: u32) -> Option<f64> {
        let allowed = self.cores.filter(|allowed| *allowed < f64::from(cores))?;
        let used_us = self.usage_us?.checked_sub(before.usage_us?)?;
        // Bursts may go over it.
        (elapsed_ms > 0).then(|| (used_us as f64 / 1000.0 / elapsed_ms as f64 / allowed).min(1.0))
    }

    /// Bytes in use, and how many there may be.
    pub(super) fn memory(&self) -> Option<(u64, u64)> {
        self.memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(files: &[(&str, &str)]) -> Limits {
        Limits::of(|name| files.iter().find(|(file, _)| *file == name).map(|(_, text)| (*text).to_owned()))
    }

    #[test]
    fn limits_are_those_of_the_cgroup() {
        let before = limits(&[("cpu.max", "150000 100000\n"), ("cpu.stat", "usage_usec 1000\n")]);
        let now = limits(&[("cpu.max", "150000 100000\n"), ("cpu.stat", "nr_periods 1\nusage_usec 751000\n")]);
        assert_eq!(now.cpu_since(&before, 1000, 4), Some(0.5));
        assert_eq!(now.cpu_since(&before, 100, 4), Some(1.0));
        assert_eq!(now.cpu_since(&before, 1000, 1), None, "the machine has less than the limit");
        assert_eq!(now.cpu_since(&before, 0, 4), None);
        assert_eq!(before.cpu_since(&now, 1000, 4), None);
        let memory = [("memory.max", "1000\n"), ("memory.current", "700\n"), ("memory.stat", "file 3\ninactive_file 200\n")];
        assert_eq!(limits(&memory).memory(), Some((500, 1000)));
        assert_eq!(limits(&memory[..2]).memory(), Some((700, 1000)));
    }

    #[test]
    fn no_limit_is_none() {
        for files in [
            &[][..],
            &[("cpu.max", "max 100000\n"), ("memory.max", "max\n"), ("memory.current", "7\n")],
            &[("cpu.max", "0 0"), ("memory.max", "0")],
            &[("cpu.max", ""), ("memory.max", "-1")],
        ] {
            let found = limits(files);
            assert_eq!((found.cores, found.memory()), (None, None), "{files:?}");
        }
    }
}
