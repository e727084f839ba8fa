//! Networks as operators write them: `192.0.2.0/24`, `2001:db8::/32`, or one address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address has no bit beyond the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The error says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let bad = |hint: &str| (format!("`{}` is not a network", super::shown(text)), hint.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad("write address/prefix, such as 192.0.2.0/24 or 2001:db8::/32"))?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => width,
            Some(digits) if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) => {
                return Err(bad("a whole number belongs after the slash, such as 192.0.2.0/24"));
            }
            Some(digits) => digits
                .parse::<u8>()
                .ok()
                .filter(|&prefix| prefix <= width)
                .ok_or_else(|| bad(&format!("a prefix of this family is at most {width}")))?,
        };
        let network = Self { address: mask(address, prefix), prefix };
        if network.address == address {
            Ok(network)
        } else {
            Err((format!("`{text}` has bits beyond its prefix"), format!("write {network}")))
        }
    }

    /// Of all whose first `prefix` bits are those of `address`; a longer prefix than there are bits means all of them.
    pub fn around(address: IpAddr, prefix: u8) -> Self {
        let prefix = prefix.min(if address.is_ipv4() { 32 } else { 128 });
        Self { address: mask(address, prefix), prefix }
    }

    /// All of IPv4 and all of IPv6.
    pub fn everywhere() -> [Self; 2] {
        [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()].map(|address| Self { address, prefix: 0 })
    }

    pub fn address(&self) -> IpAddr {
        self.address
    }

    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && mask(address, self.prefix) == self.address
    }
}

fn mask(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)).into()),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)).into()),
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_shown() {
        for (text, shown) in [
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("2001:db8::1", "2001:db8::1/128"),
        ] {
            assert_eq!(Network::parse(text).unwrap().to_string(), shown);
        }
        for text in ["", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/+8", "x/8", "10.0.0/8", "10.0.0.0/8/8"] {
            assert!(Network::parse(text).is_err(), "{text}");
        }
        assert_eq!(Network::parse("10.0.0.1/8").unwrap_err().1, "write 10.0.0.0/8");
    }

    #[test]
    fn a_network_knows_its_addresses() {
        let network = Network::parse("192.0.2.0/24").unwrap();
        assert!(network.contains("192.0.2.255".parse().unwrap()));
        assert!(!network.contains("192.0.3.0".parse().unwrap()));
        assert!(!network.contains("::1".parse().unwrap()));
        assert!(Network::parse("::/0").unwrap().contains("2001:db8::1".parse().unwrap()));
        for (address, prefix, shown) in
            [("192.0.2.77", 24, "192.0.2.0/24"), ("192.0.2.77", 99, "192.0.2.77/32"), ("2001:db8::1", 0, "::/0")]
        {
            assert_eq!(Network::around(address.parse().unwrap(), prefix).to_string(), shown);
        }
    }
}
