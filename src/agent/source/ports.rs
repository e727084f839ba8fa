//! Connections to ports of this machine, as `/proc/net/tcp` and `tcp6` list them: read line by line, however many there are.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;

/// Established, as the kernel numbers it.
const ESTABLISHED: &[u8] = b"01";
/// The kernel gives so much at once at most.
const BUFFER: usize = 64 << 10;

pub(super) fn count(root: &Path, ports: &[u16]) -> Result<u64, String> {
    let mut sum = 0;
    for name in ["proc/net/tcp", "proc/net/tcp6"] {
        let path = root.join(name);
        let told = |error: std::io::Error| format!("{}: {error}", path.display());
        match File::open(&path) {
            Ok(file) => sum += established(BufReader::with_capacity(BUFFER, file), ports).map_err(told)?,
            // A machine without IPv6 has no such list.
            Err(error) if name == "proc/net/tcp6" && error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(told(error)),
        }
    }
    Ok(sum)
}

fn established(mut list: impl BufRead, ports: &[u16]) -> std::io::Result<u64> {
    let (mut count, mut line) = (0, Vec::with_capacity(256));
    loop {
        line.clear();
        // Lines have 150 bytes; one without an end is no list.
        if std::io::Read::take(&mut list, BUFFER as u64).read_until(b'\n', &mut line)? == 0 {
            return Ok(count);
        }
        count += u64::from(is_established(&line, ports));
    }
}

/// `sl local_address rem_address st …`, the addresses as `hex:port`.
fn is_established(line: &[u8], ports: &[u16]) -> bool {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (Some(local), Some(state)) = (words.nth(1), words.nth(1)) else { return false };
    let port = local.iter().rposition(|byte| *byte == b':').and_then(|at| std::str::from_utf8(&local[at + 1..]).ok());
    state == ESTABLISHED && port.and_then(|port| u16::from_str_radix(port, 16).ok()).is_some_and(|port| ports.contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F9A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1460 1 00000000d7ea59ef 100 0 0 10 0
   1: 0100007F:1F9A 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 1461 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:C350 0100007F:1F9A 01 00000000:00000000 00:00000000 00000000     0        0 1462 1 0000000000000000 20 4 30 10 -1
   3: 0100007F:1F9A 0100007F:C351 06 00000000:00000000 03:00000F00 00000000     0        0 0 3 0000000000000000
   4: 0100007F:01BB 0100007F:C352 01 00000000:00000000 00:00000000 00000000     0        0 1463 1 0000000000000000 20 4 30 10 -1
 100000: 0000000000000000FFFF00000100007F:1F9A 0000000000000000FFFF00000100007F:C353 01 00000000:00000000 00:00000000 00000000
";

    #[test]
    fn established_connections_to_the_ports_count() {
        let count = |ports: &[u16]| established(LIST.as_bytes(), ports).unwrap();
        assert_eq!([count(&[8090]), count(&[443]), count(&[443, 8090]), count(&[80]), count(&[])], [2, 1, 3, 0, 0]);
    }

    #[test]
    fn odd_lines_count_nothing() {
        let long = "x".repeat(3 * BUFFER);
        for text in ["", "\n\n", "a b", "0: 1F9A 0:0 01", "0: :1F9A 0:0", "0: :GGGG 0:0 01", "0: :1F9A1 0:0 01", long.as_str()] {
            assert_eq!(established(text.as_bytes(), &[0x1F9A]).unwrap(), 0, "{text}");
        }
        assert_eq!(established(&b"0: \xff:1F9A x 01"[..], &[0x1F9A]).unwrap(), 1);
    }

    #[test]
    fn a_machine_without_lists_is_told() {
        assert!(count(Path::new("/nonexistent"), &[80]).unwrap_err().contains("/nonexistent/proc/net/tcp: "));
    }
}
