//! MPEG transport streams (ISO/IEC 13818-1): the tables, the clock, and nothing to see.

use super::crc::crc32;
use std::time::Duration;

pub(super) const PACKET: usize = 188;
const SYNC: u8 = 0x47;
const PMT_PID: u16 = 0x1000;
const STREAM_PID: u16 = 0x0100;
const NULL_PID: u16 = 0x1fff;
const PROGRAM: u16 = 1;
/// Private data in PES packets: no player waits for a picture.
const STREAM_TYPE: u8 = 0x06;
/// ISO/IEC 13818-1 wants the clock at least ten times a second.
const CLOCK_EVERY: Duration = Duration::from_millis(100);
const CLOCK_HZ: u64 = 90_000;
/// The clock starts again after 2^33 ticks.
const CLOCK_BITS: u32 = 33;

/// How many bytes a segment has: whole packets, and room for the tables.
pub(super) fn size(bits_per_s: u64, length: Duration) -> usize {
    let bytes = u128::from(bits_per_s) * length.as_micros() / 8_000_000;
    (usize::try_from(bytes).unwrap_or(usize::MAX / 2) / PACKET).max(2 + clocks(length)) * PACKET
}

/// A segment of `size` bytes, the one with this number of those that are `length` long.
pub(super) fn segment(number: u64, length: Duration, size: usize) -> Vec<u8> {
    let packets = size / PACKET;
    let clocks = clocks(length);
    let start = u64::try_from(u128::from(number) * length.as_micros() * u128::from(CLOCK_HZ) / 1_000_000 % (1 << CLOCK_BITS)).unwrap_or(0);
    let ticks = u64::try_from(length.as_micros() * u128::from(CLOCK_HZ) / 1_000_000).unwrap_or(0);
    let mut bytes = Vec::with_capacity(size);
    // Tables stand once in a segment, so their counter is the segment's.
    let counter = (number & 0x0f) as u8;
    bytes.extend(table(0, counter, &pat()));
    bytes.extend(table(PMT_PID, counter, &pmt()));
    let rest = packets - 2;
    let mut told = 0;
    for at in 0..rest {
        // Spread over the segment, the first right behind the tables.
        if told < clocks && at == told * rest / clocks {
            bytes.extend(clock(start + ticks * told as u64 / clocks as u64));
            told += 1;
        } else {
            bytes.extend(null());
        }
    }
    bytes
}

fn clocks(length: Duration) -> usize {
    usize::try_from(length.as_millis().div_ceil(CLOCK_EVERY.as_millis())).unwrap_or(1).max(1)
}

fn header(pid: u16, starts: bool, control: u8, counter: u8) -> [u8; 4] {
    [SYNC, (u8::from(starts) << 6) | (pid >> 8) as u8, pid as u8, (control << 4) | counter]
}

/// A packet with one section.
fn table(pid: u16, counter: u8, section: &[u8]) -> [u8; PACKET] {
    let mut packet = [0xff; PACKET];
    packet[..4].copy_from_slice(&header(pid, true, 1, counter));
    // The section begins at once.
    packet[4] = 0;
    packet[5..5 + section.len()].copy_from_slice(section);
    packet
}

/// A section from its table id, what numbers it, and its body.
fn section(id: u8, number: u16, body: &[u8]) -> Vec<u8> {
    // Behind the length: number, version and section numbers (5), the body, the checksum (4).
    let length = (5 + body.len() + 4) as u16;
    let [high, low] = number.to_be_bytes();
    let mut bytes = vec![id, 0xb0 | (length >> 8) as u8, length as u8, high, low, 0xc1, 0, 0];
    bytes.extend(body);
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes
}

fn pat() -> Vec<u8> {
    let [high, low] = PMT_PID.to_be_bytes();
    let [program_high, program_low] = PROGRAM.to_be_bytes();
    section(0x00, 1, &[program_high, program_low, 0xe0 | high, low])
}

fn pmt() -> Vec<u8> {
    let [high, low] = STREAM_PID.to_be_bytes();
    // The clock's packets are the stream's; neither program nor stream is described further.
    section(0x02, PROGRAM, &[0xe0 | high, low, 0xf0, 0, STREAM_TYPE, 0xe0 | high, low, 0xf0, 0])
}

/// A packet that holds the time and nothing else, so its counter stands still.
fn clock(ticks: u64) -> [u8; PACKET] {
    let mut packet = [0xff; PACKET];
    packet[..4].copy_from_slice(&header(STREAM_PID, false, 2, 0));
    packet[4] = (PACKET - 5) as u8;
    packet[5] = 0x10;
    let base = ticks % (1 << CLOCK_BITS);
    packet[6..10].copy_from_slice(&((base >> 1) as u32).to_be_bytes());
    packet[10] = ((base & 1) << 7) as u8 | 0x7e;
    packet[11] = 0;
    packet
}

fn null() -> [u8; PACKET] {
    let mut packet = [0xff; PACKET];
    packet[..4].copy_from_slice(&header(NULL_PID, false, 1, 0));
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pids(bytes: &[u8]) -> Vec<u16> {
        bytes.chunks(PACKET).map(|packet| u16::from_be_bytes([packet[1] & 0x1f, packet[2]])).collect()
    }

    #[test]
    fn a_segment_is_whole_packets_that_begin_with_the_tables() {
        let length = Duration::from_secs(2);
        let size = size(256_000, length);
        assert_eq!((size % PACKET, size.abs_diff(64_000) < PACKET), (0, true));
        let bytes = segment(7, length, size);
        assert_eq!(bytes.len(), size);
        assert!(bytes.chunks(PACKET).all(|packet| packet.len() == PACKET && packet[0] == SYNC));
        let pids = pids(&bytes);
        assert_eq!(pids[..3], [0, PMT_PID, STREAM_PID]);
        assert_eq!(pids.iter().filter(|pid| **pid == STREAM_PID).count(), 20);
        assert!(pids[2..].iter().all(|pid| [STREAM_PID, NULL_PID].contains(pid)));
        // The counters of tables go on from segment to segment.
        assert_eq!((bytes[3], segment(8, length, size)[3], segment(16, length, size)[3]), (0x17, 0x18, 0x10));
    }

    #[test]
    fn a_segment_of_no_length_still_has_its_tables() {
        for length in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(101)] {
            let size = size(1000, length);
            assert!(pids(&segment(0, length, size)).starts_with(&[0, PMT_PID, STREAM_PID]), "{length:?}");
        }
    }

    #[test]
    fn the_clock_runs_on_and_starts_again() {
        let read = |packet: &[u8]| {
            let high = u64::from(u32::from_be_bytes([packet[6], packet[7], packet[8], packet[9]]));
            (high << 1) | u64::from(packet[10] >> 7)
        };
        let length = Duration::from_secs(2);
        let size = size(256_000, length);
        let times = |number| -> Vec<u64> {
            let bytes = segment(number, length, size);
            bytes.chunks(PACKET).filter(|packet| pids(packet) == [STREAM_PID]).map(read).collect()
        };
        assert_eq!(times(3)[0], 3 * 180_000);
        assert!(times(3).windows(2).all(|pair| pair[1] - pair[0] == 9_000));
        assert_eq!(read(&clock((1 << CLOCK_BITS) + 5)), 5);
    }

    #[test]
    fn the_tables_are_those_of_one_program() {
        assert_eq!(pat(), [0x00, 0xb0, 0x0d, 0x00, 0x01, 0xc1, 0x00, 0x00, 0x00, 0x01, 0xf0, 0x00, 0x2a, 0xb1, 0x04, 0xb2]);
        // Over a section and its checksum the sum is nothing.
        assert_eq!((crc32(&pat()), crc32(&pmt())), (0, 0));
        assert_eq!(pmt()[..3], [0x02, 0xb0, 18]);
    }
}
