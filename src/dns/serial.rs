//! Serials of zones: numbers that go round (RFC 1982).

/// Whether a secondary that has `old` takes `new` for newer. Of two that are exactly half the circle apart neither is.
pub fn is_after(new: u32, old: u32) -> bool {
    matches!(new.wrapping_sub(old), 1..=0x7fff_ffff)
}

/// The one after it. Behind the last comes 1, as in BIND: to some servers a serial of 0 means that there is no zone yet.
pub fn next(serial: u32) -> u32 {
    serial.checked_add(1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1982 §5.2 has numbers of eight bits; moved to the top of 32 they compare the same.
    #[test]
    fn numbers_compare_as_in_the_rfc() {
        let wide = |number: u32| number << 24;
        for (new, old) in [(1, 0), (44, 0), (100, 0), (100, 44), (200, 100), (255, 200), (0, 255), (100, 255), (0, 200), (44, 200)] {
            assert!(is_after(wide(new), wide(old)), "{new} is after {old}");
            assert!(!is_after(wide(old), wide(new)), "{old} is not after {new}");
        }
        for (one, other) in [(0, 128), (1, 129), (127, 255)] {
            assert!(!is_after(wide(one), wide(other)) && !is_after(wide(other), wide(one)), "{one} and {other} have no order");
        }
        assert!(is_after(0x7fff_ffff, 0) && !is_after(0x8000_0000, 0) && !is_after(7, 7));
    }

    #[test]
    fn the_next_is_after_and_never_0() {
        for (serial, then) in [(0, 1), (1, 2), (2_026_112_001, 2_026_112_002), (0x7fff_ffff, 0x8000_0000), (u32::MAX, 1)] {
            assert_eq!(next(serial), then);
            assert!(is_after(then, serial));
        }
    }
}
