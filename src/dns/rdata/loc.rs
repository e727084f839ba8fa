//! Places on Earth (RFC 1876): `52 22 23.000 N 4 53 32.000 E -2.00m 1.00m 10000.00m 10.00m`.

use super::number::decimal;
use super::wire::{Checked, Wire};
use super::words::{Fault, Words};

/// The equator and the prime meridian, in thousandths of an arc second.
const MIDDLE: u32 = 1 << 31;
const PER_DEGREE: u32 = 3_600_000;
/// Altitudes count centimetres from 100 km below the spheroid.
const BELOW: i64 = 10_000_000;

pub(super) fn read(words: &mut Words<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let latitude = read_angle(words, "latitude", 90, b"N", b"S")?;
    let longitude = read_angle(words, "longitude", 180, b"E", b"W")?;
    const ALTITUDE: &str = "metres with up to two decimals, from -100000.00 to 42849672.95";
    let altitude = centimetres(words.bare("altitude")?).and_then(|cm| u32::try_from(cm + BELOW).ok());
    let altitude = altitude.ok_or_else(|| words.wrong("altitude", ALTITUDE))?;
    // The defaults of RFC 1876 §3: a metre across, 10 km and 10 m of doubt.
    let mut sizes = [0x12, 0x16, 0x13];
    for (size, label) in sizes.iter_mut().zip(["size", "horizontal precision", "vertical precision"]) {
        if words.peek().is_some() {
            let cm = centimetres(words.bare(label)?);
            *size = cm.and_then(to_size).ok_or_else(|| words.wrong(label, "metres, from 0.00 to 90000000.00"))?;
        }
    }
    out.extend_from_slice(&[0, sizes[0], sizes[1], sizes[2]]);
    for value in [latitude, longitude, altitude] {
        out.extend_from_slice(&value.to_be_bytes());
    }
    Ok(())
}

pub(super) fn check(wire: &mut Wire<'_>) -> Checked<()> {
    let [version, sizes @ ..] = wire.array::<4>()?;
    if version != 0 {
        return Err(format!("version {version} is not 0"));
    }
    if sizes.iter().any(|size| size >> 4 > 9 || size & 15 > 9 || (size >> 4 == 0 && size & 15 != 0)) {
        return Err("a size or precision is not a digit and a power of ten".into());
    }
    for (label, most) in [("latitude", 90), ("longitude", 180)] {
        if wire.u32()?.abs_diff(MIDDLE) > most * PER_DEGREE {
            return Err(format!("the {label} is beyond {most} degrees"));
        }
    }
    wire.u32().map(drop)
}

pub(super) fn show(wire: &mut Wire<'_>, out: &mut String) -> Checked<()> {
    let [_, sizes @ ..] = wire.array::<4>()?;
    for (plus, minus) in [('N', 'S'), ('E', 'W')] {
        let value = wire.u32()?;
        let (way, off) = if value < MIDDLE { (minus, MIDDLE - value) } else { (plus, value - MIDDLE) };
        let (degrees, minutes, milliseconds) = (off / PER_DEGREE, off / 60_000 % 60, off % 60_000);
        out.push_str(&format!("{degrees} {minutes} {}.{:03} {way} ", milliseconds / 1_000, milliseconds % 1_000));
    }
    let altitude = i64::from(wire.u32()?) - BELOW;
    let sign = if altitude < 0 { "-" } else { "" };
    out.push_str(&format!("{sign}{}.{:02}m", altitude.abs() / 100, altitude.abs() % 100));
    for size in sizes {
        let cm = u64::from(size >> 4) * 10u64.pow(u32::from(size & 15));
        out.push_str(&format!(" {}.{:02}m", cm / 100, cm % 100));
    }
    Ok(())
}

/// `d [m [s[.fff]]] N`.
fn read_angle(words: &mut Words<'_>, label: &str, most: u32, plus: &[u8], minus: &[u8]) -> Result<u32, Fault> {
    let must = format!("degrees (up to {most}), minutes, seconds, then {} or {}", char::from(plus[0]), char::from(minus[0]));
    let mut off = 0;
    for step in 0..4 {
        let text = words.bare(label)?;
        if step > 0 && (text.eq_ignore_ascii_case(plus) || text.eq_ignore_ascii_case(minus)) {
            let north_or_east = text.eq_ignore_ascii_case(plus);
            return if off > most * PER_DEGREE {
                Err(words.wrong(label, &must))
            } else {
                Ok(if north_or_east { MIDDLE + off } else { MIDDLE - off })
            };
        }
        let part = match step {
            0 => decimal(text).filter(|&v| v <= most).map(|v| v * PER_DEGREE),
            1 => decimal(text).filter(|&v| v < 60).map(|v| v * 60_000),
            2 => fixed(text, 3).and_then(|v| u32::try_from(v).ok()).filter(|&v| v < 60_000),
            _ => None,
        };
        off += part.ok_or_else(|| words.wrong(label, &must))?;
    }
    Err(words.wrong(label, &must))
}

/// A decimal number times ten to the `places`; more places than that are refused.
fn fixed(text: &[u8], places: usize) -> Option<i64> {
    let dot = text.iter().position(|&byte| byte == b'.');
    let (whole, part) = dot.map_or((text, &b""[..]), |dot| (&text[..dot], &text[dot + 1..]));
    if part.len() > places || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let digits = |digits: &[u8]| if digits.is_empty() { Some(0) } else { decimal(digits).map(i64::from) };
    Some(digits(whole)? * 10i64.pow(places as u32) + digits(part)? * 10i64.pow((places - part.len()) as u32))
}

fn centimetres(text: &[u8]) -> Option<i64> {
    let text = text.strip_suffix(b"m").or_else(|| text.strip_suffix(b"M")).unwrap_or(text);
    match text.strip_prefix(b"-") {
        Some(rest) => fixed(rest, 2).map(|cm| -cm),
        None => fixed(text, 2),
    }
}

/// One digit and a power of ten; what does not fit is rounded down, as all peers do.
fn to_size(cm: i64) -> Option<u8> {
    let (mut base, mut exponent) = (u64::try_from(cm).ok().filter(|&cm| cm <= 9_000_000_000)?, 0u8);
    while base > 9 {
        base /= 10;
        exponent += 1;
    }
    (exponent <= 9).then_some((base as u8) << 4 | exponent)
}
