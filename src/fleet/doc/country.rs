//! Codes of countries: one reading for the fleet and for meridian.toml.

use crate::document::shown;
use crate::geo;

/// What is often written, and the code that is meant.
const SLIPS: [(&str, &str); 2] = [("UK", "GB"), ("EL", "GR")];

/// The code in capitals. The error says what is wrong and what would be right.
pub fn country_code(text: &str) -> Result<String, (String, String)> {
    let code = text.to_ascii_uppercase();
    if is_country(&code) {
        return Ok(code);
    }
    let hint = match SLIPS.iter().find(|(slip, _)| *slip == code) {
        Some((_, meant)) => format!("did you mean `{meant}`?"),
        None => "write two letters by ISO 3166-1, such as \"DE\" or \"GB\"".into(),
    };
    Err((format!("`{}` is not a country", shown(text)), hint))
}

fn is_country(code: &str) -> bool {
    <[u8; 2]>::try_from(code.as_bytes()).is_ok_and(|code| geo::country(code).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_table_in_capitals() {
        for (text, code) in [("DE", "DE"), ("gb", "GB"), ("Gr", "GR")] {
            assert_eq!(country_code(text), Ok(code.to_owned()));
        }
        for text in ["", "D", "DEU", "D1", "dé", "Germany", "49", "D E", "UK", "el", "EU", "XX", "AN"] {
            assert!(country_code(text).is_err(), "{text}");
        }
        assert_eq!(country_code("uk"), Err(("`uk` is not a country".into(), "did you mean `GB`?".into())));
        assert_eq!(country_code("EL").unwrap_err().1, "did you mean `GR`?");
    }
}
