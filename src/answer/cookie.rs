//! DNS cookies that other servers of the same anycast set can check (RFC 7873, RFC 9018).

use siphasher::sip::SipHasher24;
use std::hash::Hasher;
use std::net::IpAddr;

pub(super) const CLIENT: usize = 8;
pub(super) const SERVER: usize = 16;
/// A server cookie may be 8 to 32 bytes long (RFC 7873 §4).
const SERVER_LENGTHS: std::ops::RangeInclusive<usize> = 8..=32;
/// Older ones are not accepted (RFC 9018 §4.3).
const TOO_OLD_S: u32 = 3600;
/// From a clock that runs ahead of ours; beyond this they are not accepted (RFC 9018 §4.3).
const TOO_NEW_S: u32 = 300;
/// Older ones are replaced (RFC 9018 §4.3).
const RENEW_S: u32 = 1800;
const VERSION: u8 = 1;

/// What the client sent, judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Judged {
    /// What goes back: client cookie and server cookie.
    pub reply: [u8; CLIENT + SERVER],
    pub valid: bool,
    /// A server cookie was sent, right or wrong.
    pub sent: bool,
}

/// `None`: the option has an impossible length. There is at least one secret.
pub(super) fn judge(option: &[u8], peer: IpAddr, secrets: &[[u8; 16]], now_s: u32) -> Option<Judged> {
    let (client, server) = option.split_at_checked(CLIENT)?;
    if !server.is_empty() && !SERVER_LENGTHS.contains(&server.len()) {
        return None;
    }
    let mut reply = [0; CLIENT + SERVER];
    reply[..CLIENT].copy_from_slice(client);
    let known = know(server, client, peer, secrets, now_s);
    match known {
        Some((age, 0)) if age <= RENEW_S as i32 => reply[CLIENT..].copy_from_slice(server),
        // Also one made with the other secret: that one is on its way out.
        _ => reply[CLIENT..].copy_from_slice(&make(client, peer, &secrets[0], now_s)),
    }
    Some(Judged { reply, valid: known.is_some(), sent: !server.is_empty() })
}

/// The age in seconds of a cookie that is ours and of these days, and which secret made it.
fn know(server: &[u8], client: &[u8], peer: IpAddr, secrets: &[[u8; 16]], now_s: u32) -> Option<(i32, usize)> {
    let server: &[u8; SERVER] = server.try_into().ok()?;
    let stamp = u32::from_be_bytes([server[4], server[5], server[6], server[7]]);
    // Serial arithmetic, as the RFC asks: the stamp wraps in 2106.
    let age = now_s.wrapping_sub(stamp).cast_signed();
    let in_time = age <= TOO_OLD_S as i32 && age >= -(TOO_NEW_S as i32);
    if !in_time || server[0] != VERSION {
        return None;
    }
    let secret = secrets.iter().position(|secret| hash(client, &server[..8], peer, secret) == server[8..])?;
    Some((age, secret))
}

fn make(client: &[u8], peer: IpAddr, secret: &[u8; 16], now_s: u32) -> [u8; SERVER] {
    let mut server = [0; SERVER];
    server[0] = VERSION;
    server[4..8].copy_from_slice(&now_s.to_be_bytes());
    let hash = hash(client, &server[..8], peer, secret);
    server[8..].copy_from_slice(&hash);
    server
}

fn hash(client: &[u8], head: &[u8], peer: IpAddr, secret: &[u8; 16]) -> [u8; 8] {
    let mut hasher = SipHasher24::new_with_key(secret);
    hasher.write(client);
    hasher.write(head);
    match peer {
        IpAddr::V4(address) => hasher.write(&address.octets()),
        IpAddr::V6(address) => hasher.write(&address.octets()),
    }
    hasher.finish().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        std::array::from_fn(|n| u8::from_str_radix(&hex[n * 2..n * 2 + 2], 16).unwrap())
    }

    #[test]
    fn vectors_of_rfc_9018() {
        let secret = bytes::<16>("e5e973e5a6b2a43f48e7dc849e37bfcf");
        let client = bytes::<8>("2464c4abcf10c957");
        // A.1: learning a new server cookie.
        let made = judge(&client, "198.51.100.100".parse().unwrap(), &[secret], 1_559_731_985).unwrap();
        assert_eq!(made.reply, bytes::<24>("2464c4abcf10c957010000005cf79f111f8130c3eee29480"));
        assert!(!made.valid && !made.sent);
        // A.2: the same client learning a renewed one.
        let sent = bytes::<24>("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
        let renewed = judge(&sent, "198.51.100.100".parse().unwrap(), &[secret], 1_559_734_385).unwrap();
        assert_eq!(renewed.reply, bytes::<24>("2464c4abcf10c957010000005cf7a871d4a564a1442aca77"));
        assert!(renewed.valid);
        // A.3: another client, reserved bytes that are not zero, 203.0.113.203.
        let sent = bytes::<24>("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
        let peer = "203.0.113.203".parse().unwrap();
        assert!(judge(&sent, peer, &[secret], 0x5cf7_8f71).unwrap().valid);
        let renewed = judge(&sent, peer, &[secret], 1_559_734_700).unwrap();
        assert_eq!(renewed.reply, bytes::<24>("fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"));
        // A.4: IPv6, and a rotated secret.
        let old = bytes::<16>("dd3bdf9344b678b185a6f5cb60fca715");
        let new = bytes::<16>("445536bcd2513298075a5d379663c962");
        let sent = bytes::<24>("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
        let peer = "2001:db8:220:1:59de:d0f4:8769:82b8".parse().unwrap();
        let renewed = judge(&sent, peer, &[new, old], 1_559_741_961).unwrap();
        assert!(renewed.valid);
        assert_eq!(renewed.reply, bytes::<24>("22681ab97d52c298010000005cf7c609a6bb79d16625507a"));
    }

    #[test]
    fn edges_of_age_and_length() {
        let secret = [7; 16];
        let peer = "192.0.2.1".parse().unwrap();
        let made = judge(&[1; 8], peer, &[secret], 10_000).unwrap().reply;
        for (now, valid) in [(10_000, true), (13_600, true), (13_601, false), (9_700, true), (9_699, false)] {
            assert_eq!(judge(&made, peer, &[secret], now).unwrap().valid, valid, "{now}");
        }
        assert!(!judge(&made, "192.0.2.2".parse().unwrap(), &[secret], 10_000).unwrap().valid);
        assert!(!judge(&made, peer, &[[8; 16]], 10_000).unwrap().valid);
        assert!(judge(&made, peer, &[[8; 16], secret], 10_000).unwrap().valid);
        for (len, possible) in [(0, false), (7, false), (8, true), (9, false), (15, false), (16, true), (40, true), (41, false)] {
            assert_eq!(judge(&[0; 64][..len], peer, &[secret], 0).is_some(), possible, "{len}");
        }
    }
}
