//! Names, numbers and places as people say them.

use crate::dns::name::Name;
use std::net::IpAddr;

/// Without the last dot, as the fleet has them.
pub(super) fn plain(name: &Name) -> String {
    let text = name.to_string();
    if text.len() > 1 { text.trim_end_matches('.').to_owned() } else { text }
}

/// `5,570 km`
pub(super) fn kilometres(km: f64) -> String {
    format!("{} km", thousands(km.round() as u64))
}

pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `51.5 N 0.1 W`
pub(super) fn degrees((latitude, longitude): (f64, f64)) -> String {
    let north = if latitude < 0.0 { 'S' } else { 'N' };
    let east = if longitude < 0.0 { 'W' } else { 'E' };
    format!("{:.1} {north} {:.1} {east}", latitude.abs(), longitude.abs())
}

/// 65,536 is 1; as many decimals as it needs, three at most.
pub(super) fn weight(units: u32) -> String {
    match number(f64::from(units) / 65_536.0) {
        text if text == "0" && units > 0 => "<0.001".into(),
        text => text,
    }
}

pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) fn percent(share: u32) -> String {
    format!("{} %", number((f64::from(share) * 1000.0 / 65_536.0).round() / 10.0))
}

/// `1st`, `2nd`, `3rd`, `4th`: nothing here counts to eleven.
pub(super) fn nth(n: usize) -> String {
    format!(
        "{n}{}",
        match n {
            1 => "st",
            2 => "nd",
            3 => "rd",
            _ => "th",
        }
    )
}

/// `a`, `a and b`, `a, b and c`
pub(super) fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

pub(super) fn counted(count: usize, word: &str) -> String {
    format!("{} {word}{}", thousands(count as u64), if count == 1 { "" } else { "s" })
}

/// What no database has a place for, and why.
pub(super) fn private(address: IpAddr) -> Option<&'static str> {
    let (is_private, is_loopback, is_local) = match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            (v4.is_private() || a == 100 && b & 0xc0 == 64, v4.is_loopback(), v4.is_link_local())
        }
        IpAddr::V6(v6) => (v6.is_unique_local(), v6.is_loopback(), v6.is_unicast_link_local()),
    };
    match (is_private, is_loopback, is_local) {
        (true, ..) => Some("a private address"),
        (_, true, _) => Some("a loopback address"),
        (.., true) => Some("a link-local address"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!([0.4, 999.6, 5_570.2, 1_234_567.0].map(kilometres), ["0 km", "1,000 km", "5,570 km", "1,234,567 km"]);
        assert_eq!([65_536, 32_768, 1, 0, 655_360_000].map(weight), ["1", "0.5", "<0.001", "0", "10000"]);
        assert_eq!([65_536, 32_768, 0].map(percent), ["100 %", "50 %", "0 %"]);
        assert_eq!(degrees((-33.87, 151.2)), "33.9 S 151.2 E");
        assert_eq!(degrees((51.5, -0.1)), "51.5 N 0.1 W");
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(counted(1, "panel") + &counted(1_000, "panel"), "1 panel1,000 panels");
    }

    #[test]
    fn addresses_of_ones_own() {
        for (address, what) in [
            ("10.1.2.3", Some("a private address")),
            ("100.64.0.1", Some("a private address")),
            ("fd00::1", Some("a private address")),
            ("127.0.0.1", Some("a loopback address")),
            ("fe80::1", Some("a link-local address")),
            ("81.2.69.142", None),
            ("100.128.0.1", None),
        ] {
            assert_eq!(private(address.parse().unwrap()), what, "{address}");
        }
    }
}
