//! `/proc/meminfo`: how much is in use that cannot be had back.

/// In bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) total: u64,
    available: u64,
}

pub(super) fn read(meminfo: &str) -> Option<Memory> {
    let bytes = |key: &str| {
        let rest = meminfo.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        let mut words = rest.split_ascii_whitespace();
        let number: u64 = words.next()?.parse().ok()?;
        (words.next() == Some("kB")).then_some(number)?.checked_mul(1024)
    };
    let total = bytes("MemTotal").filter(|total| *total > 0)?;
    Some(Memory { total, available: bytes("MemAvailable")?.min(total) })
}

impl Memory {
    pub(super) fn used_share(&self) -> f64 {
        (self.total - self.available) as f64 / self.total as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_had_back_is_not_in_use() {
        let text = "MemTotal:       24684208 kB\nMemFree:         1000 kB\nMemAvailable:   18513156 kB\nBuffers:          1 kB\n";
        let memory = read(text).unwrap();
        assert_eq!((memory.total, memory.used_share()), (24_684_208 * 1024, 0.25));
    }

    #[test]
    fn odd_texts_are_none() {
        for text in [
            "",
            "MemTotal: 10 kB\n",
            "MemAvailable: 10 kB\n",
            "MemTotal: 0 kB\nMemAvailable: 0 kB\n",
            "MemTotal: x kB\nMemAvailable: 1 kB\n",
            "MemTotal: 10 MB\nMemAvailable: 1 MB\n",
            "MemTotal: 18446744073709551615 kB\nMemAvailable: 1 kB\n",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("MemTotal: 1 kB\nMemAvailable: 2 kB").unwrap().used_share(), 0.0);
    }
}
