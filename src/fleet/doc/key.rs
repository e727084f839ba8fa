//! `[[key]]`: who may transfer and update (TSIG).

use crate::document::{At, TableReader};

const ALGORITHMS: [&str; 6] = ["hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"];

#[derive(Clone)]
pub struct Key {
    pub algorithm: Option<At<&'static str>>,
    pub secret: Option<At<String>>,
    pub secret_file: Option<At<String>>,
}

/// Never shows the secret: what is printed for debugging ends up in logs.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

pub(super) fn read(table: &mut TableReader<'_>) -> Key {
    table.needs("algorithm", "name it: algorithm = \"hmac-sha256\"");
    let algorithm = table.word("algorithm", &ALGORITHMS.map(|word| (word, word)));
    let secret = table.secret("secret");
    let secret_file = table.text("secret_file");
    match (&secret, &secret_file) {
        (None, None) if !table.has("secret") && !table.has("secret_file") => {
            table.error(table.line(), "secret", "the key has no secret", "give it secret = \"base64...\" or secret_file = \"path\"");
        }
        (Some(_), Some(file)) => table.error(file.line, "secret_file", "`secret` is given as well", "keep one of the two"),
        // The text is not shown: what is almost a secret may be one.
        (Some(secret), None) if !is_base64(secret) => {
            table.error(secret.line, "secret", "not base64", "write it as `openssl rand -base64 32` makes it");
        }
        _ => {}
    }
    Key { algorithm, secret, secret_file }
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    !digits.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}
