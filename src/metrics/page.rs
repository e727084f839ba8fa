//! The text exposition format: families of samples under their help and type.

use super::Histogram;
use std::fmt::Write;

pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page as it grows; families and samples stand in the order in which they come.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
}

/// What a sample is worth: counters are whole, and stay exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Whole(u64),
    Real(f64),
}

impl Page {
    pub fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes) }
    }

    /// What goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &str) -> Samples<'_> {
        self.head(name, help, "gauge");
        Samples { text: &mut self.text, name }
    }

    /// What only grows; its name ends in `_total`.
    pub fn counter(&mut self, name: &'static str, help: &str) -> Samples<'_> {
        self.head(name, help, "counter");
        Samples { text: &mut self.text, name }
    }

    pub fn histogram(&mut self, name: &'static str, help: &str) -> Histograms<'_> {
        self.head(name, help, "histogram");
        Histograms { text: &mut self.text, name }
    }

    pub fn into_text(self) -> String {
        self.text
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        self.text += "# HELP ";
        self.text += name;
        self.text.push(' ');
        escape(&mut self.text, help, false);
        self.text += "\n# TYPE ";
        self.text += name;
        self.text.push(' ');
        self.text += kind;
        self.text.push('\n');
    }
}

/// A family of gauges or counters.
#[derive(Debug)]
pub struct Samples<'p> {
    text: &'p mut String,
    name: &'static str,
}

impl Samples<'_> {
    pub fn put(&mut self, labels: &[(&str, &str)], value: impl Into<Number>) -> &mut Self {
        sample(self.text, self.name, "", labels, None, value.into());
        self
    }
}

#[derive(Debug)]
pub struct Histograms<'p> {
    text: &'p mut String,
    name: &'static str,
}

impl Histograms<'_> {
    pub fn put(&mut self, labels: &[(&str, &str)], histogram: &Histogram) -> &mut Self {
        for (bound, count) in histogram.buckets() {
            sample(self.text, self.name, "_bucket", labels, Some(bound), count.into());
        }
        sample(self.text, self.name, "_bucket", labels, Some(f64::INFINITY), histogram.count().into());
        sample(self.text, self.name, "_sum", labels, None, histogram.sum().into());
        sample(self.text, self.name, "_count", labels, None, histogram.count().into());
        self
    }
}

fn sample(text: &mut String, name: &str, suffix: &str, labels: &[(&str, &str)], le: Option<f64>, value: Number) {
    text.push_str(name);
    text.push_str(suffix);
    let mut before = '{';
    for (label, value) in labels {
        text.push(before);
        before = ',';
        text.push_str(label);
        text.push_str("=\"");
        escape(text, value, true);
        text.push('"');
    }
    if let Some(le) = le {
        text.push(before);
        before = ',';
        text.push_str("le=\"");
        write(text, Number::Real(le));
        text.push('"');
    }
    text.push_str(if before == ',' { "} " } else { " " });
    write(text, value);
    text.push('\n');
}

fn write(text: &mut String, number: Number) {
    // Writing to a string never fails.
    let _ = match number {
        // Most of a long page, and quicker without a formatter.
        Number::Whole(digit @ 0..=9) => {
            text.push(char::from(b'0' + digit as u8));
            Ok(())
        }
        Number::Whole(whole) => write!(text, "{whole}"),
        Number::Real(real) if real.is_nan() => write!(text, "NaN"),
        Number::Real(real) if real.is_infinite() => write!(text, "{}Inf", if real > 0.0 { '+' } else { '-' }),
        Number::Real(real) => write!(text, "{real}"),
    };
}

/// A backslash and a line's end in any text, a quotation mark in a label's value.
fn escape(text: &mut String, raw: &str, is_quoted: bool) {
    let mut rest = raw;
    // Bytes are looked at, as those three are never part of another letter.
    while let Some(at) = rest.bytes().position(|byte| byte == b'\\' || byte == b'\n' || is_quoted && byte == b'"') {
        text.push_str(&rest[..at]);
        text.push_str(match rest.as_bytes()[at] {
            b'\n' => "\\n",
            b'"' => "\\\"",
            _ => "\\\\",
        });
        rest = &rest[at + 1..];
    }
    text.push_str(rest);
}

impl From<u64> for Number {
    fn from(whole: u64) -> Self {
        Self::Whole(whole)
    }
}

impl From<usize> for Number {
    fn from(whole: usize) -> Self {
        Self::Whole(whole as u64)
    }
}

impl From<f64> for Number {
    fn from(real: f64) -> Self {
        Self::Real(real)
    }
}

impl From<bool> for Number {
    fn from(is_so: bool) -> Self {
        Self::Whole(is_so.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_families_of_samples() {
        let mut page = Page::default();
        page.gauge("up", "Is it?\nYes\\no \"so\".")
            .put(&[], true)
            .put(&[("panel", "a\"b\\c\nd")], false)
            .put(&[("x", ""), ("y", "é")], 0.25);
        page.counter("asked_total", "How often.").put(&[("over", "udp")], u64::MAX).put(&[("over", "tcp")], 7_usize);
        let mut histogram = Histogram::new(&[0.5, 1.0]);
        [0.25, 0.75, 8.0].into_iter().for_each(|value| histogram.observe(value));
        page.histogram("took_seconds", "How long.").put(&[], &histogram).put(&[("check", "c")], &Histogram::new(&[1.0]));
        let expected = r#"# HELP up Is it?\nYes\\no "so".
# TYPE up gauge
up 1
up{panel="a\"b\\c\nd"} 0
up{x="",y="é"} 0.25
# HELP asked_total How often.
# TYPE asked_total counter
asked_total{over="udp"} 18446744073709551615
asked_total{over="tcp"} 7
# HELP took_seconds How long.
# TYPE took_seconds histogram
took_seconds_bucket{le="0.5"} 1
took_seconds_bucket{le="1"} 2
took_seconds_bucket{le="+Inf"} 3
took_seconds_sum 9
took_seconds_count 3
took_seconds_bucket{check="c",le="1"} 0
took_seconds_bucket{check="c",le="+Inf"} 0
took_seconds_sum{check="c"} 0
took_seconds_count{check="c"} 0
"#;
        assert_eq!(page.into_text(), expected);
    }

    #[test]
    fn every_number_has_a_form() {
        for (number, expected) in
            [(f64::NAN, "NaN"), (f64::INFINITY, "+Inf"), (f64::NEG_INFINITY, "-Inf"), (-0.5, "-0.5"), (1e21, "1000000000000000000000")]
        {
            let mut text = String::new();
            write(&mut text, number.into());
            assert_eq!(text, expected);
        }
    }
}
