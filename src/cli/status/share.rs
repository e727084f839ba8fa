//! Shares as people read them.

use serde_json::Value;

/// `99.95 %`: at most two decimals, and never rounded up to all.
pub(super) fn percent(share: &Value) -> Option<String> {
    let share = known(share)?;
    // 0.57 is a little less than 57 hundredths.
    let text = format!("{:.2}", (share * 10_000.0 + 1e-6).floor() / 100.0);
    Some(format!("{} %", text.trim_end_matches('0').trim_end_matches('.')))
}

/// `97 %, sheds 40 %`
pub(super) fn load(panel: &Value) -> Option<String> {
    let whole = |share: f64| format!("{:.0} %", share * 100.0);
    let shed = known(&panel["shed"]).filter(|shed| *shed > 0.0).map(|shed| format!("sheds {}", whole(shed)));
    let parts: Vec<String> = known(&panel["utilisation"]).map(whole).into_iter().chain(shed).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn known(share: &Value) -> Option<f64> {
    share.as_f64().filter(|share| share.is_finite() && *share >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shares_are_told_in_per_cent() {
        for (share, expected) in [
            (json!(1), Some("100 %")),
            (json!(0.99999), Some("99.99 %")),
            (json!(0.57), Some("57 %")),
            (json!(0.9995), Some("99.95 %")),
            (json!(0.0), Some("0 %")),
            (json!(null), None),
            (json!(-1), None),
        ] {
            assert_eq!(percent(&share).as_deref(), expected, "{share}");
        }
    }

    #[test]
    fn load_says_what_is_shed() {
        for (panel, expected) in [
            (json!({"utilisation": 0.625, "shed": 0.0}), Some("62 %")),
            (json!({"utilisation": 1.2, "shed": 0.4}), Some("120 %, sheds 40 %")),
            (json!({"utilisation": null, "shed": 0.4}), Some("sheds 40 %")),
            (json!({"utilisation": null, "shed": 0}), None),
            (json!({}), None),
        ] {
            assert_eq!(load(&panel).as_deref(), expected, "{panel}");
        }
    }
}
