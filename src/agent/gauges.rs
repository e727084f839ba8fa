//! What a report says.

use serde_json::{Map, Value};

/// What is not known is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gauges {
    pub connections: Option<f64>,
    /// A share of 1, over all cores.
    pub cpu: Option<f64>,
    /// A share of 1.
    pub memory: Option<f64>,
    pub bandwidth_mbps: Option<f64>,
    pub credits: Option<f64>,
}

/// More digits say nothing about a machine.
const DIGITS: f64 = 1000.0;
/// Every whole number up to here is exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Gauges {
    /// The body of a heartbeat.
    pub fn json(&self) -> Value {
        let all = [
            ("connections", self.connections),
            ("cpu", self.cpu),
            ("memory", self.memory),
            ("bandwidth_mbps", self.bandwidth_mbps),
            ("credits", self.credits),
        ];
        let known = all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), number(value?)?)));
        Value::Object(known.collect::<Map<_, _>>())
    }
}

fn number(value: f64) -> Option<Value> {
    let rounded = (value * DIGITS).round() / DIGITS;
    match value.is_finite() && value >= 0.0 {
        true if value.fract() == 0.0 && value < EXACT => Some(Value::from(value as u64)),
        true if rounded.is_finite() => Some(Value::from(rounded)),
        true => Some(Value::from(value)),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_what_is_known_and_what_can_be() {
        let of = |gauges: Gauges| gauges.json().to_string();
        assert_eq!(of(Gauges::default()), "{}");
        let all =
            Gauges { connections: Some(312.0), cpu: Some(0.412_345), memory: Some(0.0), bandwidth_mbps: Some(840.5), credits: Some(12.25) };
        assert_eq!(of(all), r#"{"connections":312,"cpu":0.412,"memory":0,"bandwidth_mbps":840.5,"credits":12.25}"#);
        for value in [f64::NAN, f64::INFINITY, -0.1] {
            assert_eq!(of(Gauges { cpu: Some(value), ..Gauges::default() }), "{}", "{value}");
        }
        assert_eq!(of(Gauges { credits: Some(f64::MAX), ..Gauges::default() }), "{\"credits\":1.7976931348623157e+308}");
    }
}
