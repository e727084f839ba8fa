//! `/proc/stat`: how busy the cores were.

/// Ticks since the machine started, over all cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Processor {
    busy: u64,
    idle: u64,
    pub(super) cores: u32,
}

/// What a core waits for a disk it could compute in, so iowait is idle. What the hypervisor steals it could not, so steal is busy: a panel
/// whose host is full is full. The time of guests is in user and nice already.
pub(super) fn read(stat: &str) -> Option<Processor> {
    let mut found = None;
    let mut cores = 0;
    for line in stat.lines() {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("cpu") => found = ticks(words),
            Some(word) if word.strip_prefix("cpu").is_some_and(|number| number.parse::<u32>().is_ok()) => cores += 1,
            _ => {}
        }
    }
    let (busy, idle) = found?;
    Some(Processor { busy, idle, cores })
}

fn ticks<'a>(words: impl Iterator<Item = &'a str>) -> Option<(u64, u64)> {
    let mut numbers = [0u64; 8];
    let mut count = 0;
    for (number, word) in numbers.iter_mut().zip(words) {
        *number = word.parse().ok()?;
        count += 1;
    }
    let [user, nice, system, idle, iowait, irq, softirq, steal] = numbers;
    let sum = |parts: &[u64]| parts.iter().fold(0u64, |sum, part| sum.saturating_add(*part));
    // Kernels older than all that run have four.
    (count >= 4).then(|| (sum(&[user, nice, system, irq, softirq, steal]), sum(&[idle, iowait])))
}

impl Processor {
    /// None when the counters stood still or began anew.
    pub(super) fn busy_since(&self, before: &Self) -> Option<f64> {
        let busy = self.busy.checked_sub(before.busy)?;
        // The kernel's iowait may go back a little.
        let idle = self.idle.saturating_sub(before.idle);
        let all = busy.saturating_add(idle);
        (all > 0).then(|| busy as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iowait_is_idle_and_steal_is_busy() {
        let text =
            "cpu  100 20 30 1000 50 6 7 8 90 1\ncpu0 50 10 15 500 25 3 3 4 45 0\ncpu1 50 10 15 500 25 3 4 4 45 1\nintr 1 2 3\nctxt 9\n";
        let first = read(text).unwrap();
        assert_eq!(first, Processor { busy: 171, idle: 1050, cores: 2 });
        let later = Processor { busy: 171 + 30, idle: 1050 + 10, cores: 2 };
        assert_eq!(later.busy_since(&first), Some(0.75));
        let less_iowait = Processor { busy: 172, idle: 1049, cores: 2 };
        assert_eq!(less_iowait.busy_since(&first), Some(1.0));
        assert_eq!(first.busy_since(&first), None);
        assert_eq!(first.busy_since(&later), None, "a machine that was restored counts from before");
    }

    #[test]
    fn odd_texts_are_none() {
        for text in
            ["", "cpu", "cpu 1 2 3", "cpu a b c d", "cpu -1 2 3 4", "cpu0 1 2 3 4", "cpufreq 1 2 3 4", "cpu 1 2 3 99999999999999999999"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("cpu 1 2 3 4"), Some(Processor { busy: 6, idle: 4, cores: 0 }));
        assert!(read(&format!("cpu {0} {0} {0} {0}", u64::MAX)).is_some());
    }
}
