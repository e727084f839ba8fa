//! `/proc/net/dev` and the routes: what goes over which interface.

const UP: u32 = 1;
const REJECT: u32 = 0x200;

/// Received and sent bytes of an interface.
pub(super) fn counters(dev: &str, interface: &str) -> Option<[u64; 2]> {
    // The name may touch its first number, and may hold a colon itself.
    let numbers = dev.lines().find_map(|line| line.trim_start().strip_prefix(interface)?.strip_prefix(':'))?;
    let mut words = numbers.split_ascii_whitespace();
    let received = words.next()?.parse().ok()?;
    Some([received, words.nth(7)?.parse().ok()?])
}

/// From `/proc/net/route`: the best of those that lead everywhere.
pub(super) fn default_v4(routes: &str) -> Option<String> {
    best(routes.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [interface, destination, _, flags, _, _, metric, mask, ..] = words[..] else { return None };
        let is_default = destination == "00000000" && mask == "00000000";
        let flags = u32::from_str_radix(flags, 16).ok().filter(|_| is_default)?;
        Some((interface, flags, metric.parse().ok()?))
    }))
}

/// From `/proc/net/ipv6_route`.
pub(super) fn default_v6(routes: &str) -> Option<String> {
    best(routes.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [destination, length, _, _, _, metric, _, _, flags, interface] = words[..] else { return None };
        let is_default = length == "00" && destination.bytes().all(|b| b == b'0');
        let flags = u32::from_str_radix(flags, 16).ok().filter(|_| is_default && interface != "lo")?;
        Some((interface, flags, u32::from_str_radix(metric, 16).ok()?))
    }))
}

fn best<'a>(routes: impl Iterator<Item = (&'a str, u32, u32)>) -> Option<String> {
    let usable = routes.filter(|(_, flags, _)| flags & UP != 0 && flags & REJECT == 0);
    usable.min_by_key(|(_, _, metric)| *metric).map(|(interface, ..)| interface.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 6346064990 29641580    0    0    0     0          0         0 6346064990 29641580    0    0    0     0       0          0
  eth0:18446744073709551615 5 0 0 0 0 0 0 7 1 0 0 0 0 0 0
eth0:1: 11 5 0 0 0 0 0 0 12 1 0 0 0 0 0 0
 short: 1 2 3
   odd: x 2 3 4 5 6 7 8 9
";

    #[test]
    fn an_interface_has_two_counters() {
        for (interface, expected) in [
            ("lo", Some([6_346_064_990, 6_346_064_990])),
            ("eth0", Some([u64::MAX, 7])),
            ("eth0:1", Some([11, 12])),
            ("eth", None),
            ("short", None),
            ("odd", None),
            ("", None),
        ] {
            assert_eq!(counters(DEV, interface), expected, "{interface}");
        }
    }

    #[test]
    fn the_default_route_is_the_best_of_those_that_work() {
        let v4 = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth1\t00000000\t010200C0\t0003\t0\t0\t200\t00000000\t0\t0\t0
wan0\t00000000\t010200C0\t0002\t0\t0\t1\t00000000\t0\t0\t0
dead\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0
half\t00000000\t010200C0\t0003\t0\t0\t0\t00000080\t0\t0\t0
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
";
        assert_eq!(default_v4(v4).as_deref(), Some("eth0"));
        assert_eq!(default_v4("Iface Destination\n"), None);
        let zero = "00000000000000000000000000000000";
        let v6 = format!(
            "fd000000000000000000000000000000 40 {zero} 00 {zero} 00000001 00000001 00000000 00000001     eth2\n\
             {zero} 00 {zero} 00 fd000000000000000000000000000001 00000400 00000003 00000000 00000003     eth0\n\
             {zero} 00 {zero} 00 fd000000000000000000000000000001 00000064 00000003 00000000 00000003     eth1\n\
             {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n"
        );
        assert_eq!(default_v6(&v6).as_deref(), Some("eth1"));
        assert_eq!(default_v6(v6.lines().last().unwrap()), None);
        assert_eq!(default_v6("x"), None);
    }
}
