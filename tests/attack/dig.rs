//! What the usual clients make of it.

use crate::flood::{Client, nobody};
use crate::place::Place;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

#[test]
fn dig_and_kdig_take_the_cookie_and_are_answered_and_without_one_they_go_over_to_tcp() {
    let place = Place::new();
    place.configure(&[place.dns], "[dns.limit]\nper_second = 5\nslip = 1");
    let _node = place.start();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let flooder = Client::at([127, 66, 9, 1], place.dns);
            let mut number = 0;
            while !is_over.load(Relaxed) {
                flooder.send(&nobody(number, None));
                number += 1;
                // An answer is a pace that the node can keep, and silence one of its own.
                flooder.waits(Duration::from_millis(1));
            }
        });
        let ended = Ended(&is_over);
        for (program, cookie, said) in [
            ("dig", "+cookie", "BADCOOKIE, retrying"),
            ("kdig", "+cookie", "BADCOOKIE"),
            ("dig", "+nocookie", "Truncated, retrying in TCP mode"),
            ("kdig", "+nocookie", "retrying"),
        ] {
            let port = place.dns.port().to_string();
            let output = Command::new(program)
                .args([&format!("@{}", place.dns.ip()), "-p", &port, "-b", "127.66.9.77", cookie, "+edns", "nobody.z.example", "A"])
                .output()
                .unwrap_or_else(|why| panic!("{program} ({why}); Debian has them in bind9-dnsutils and knot-dnsutils"));
            let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success() && text.contains("NXDOMAIN") && text.contains(said), "{program} {cookie}: {text}");
        }
        drop(ended);
    });
}

/// Ends the flood, also when a test fails: the scope waits for it.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
