//! Bearer tokens: made, known again, and slowed where somebody guesses.

use super::{Caller, Role, Scope, TokenOrder};
use crate::document::Network;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// What the token in the environment is called.
pub(super) const ENVIRONMENT: &str = "environment";
/// So that a token is known for one wherever it turns up.
const PREFIX: &str = "mrd_";
const RANDOM_BYTES: usize = 32;
/// Wrong tokens of one client network that are answered at once.
const FREE_TRIES: u32 = 5;
/// What a network that goes on guessing waits at most.
const MAX_WAIT_S: u64 = 60;
/// A network that has not guessed for so long begins anew.
const FORGET_S: u64 = 15 * 60;
/// Networks that are remembered: whoever has more addresses to guess from than this makes old ones be forgotten.
const MAX_NETWORKS: usize = 10_000;
/// `last_used` is not more exact than this, so that reading does not write.
const USED_EVERY_S: u64 = 60;

/// What a token lets its bearer do, and for how long; times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub role: String,
    /// The panel whose reports a token of role `panel` brings.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub panel: Option<String>,
    /// Absent: all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub zones: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sets: Option<Vec<String>>,
    pub created: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_used: Option<u64>,
}

/// As it is listed: never the token itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenShown {
    pub name: String,
    #[serde(flatten)]
    pub terms: Terms,
}

/// As it is stored. The token itself is nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    #[serde(flatten)]
    pub terms: Terms,
    /// SHA-256, in hex.
    pub hash: String,
}

/// Every token there is.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    by_name: BTreeMap<String, Token>,
    by_hash: HashMap<String, String>,
    /// The hash of the one in the environment.
    of_environment: Option<String>,
}

pub(super) fn make() -> Result<String, String> {
    let mut random = [0u8; RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(|error| format!("the system gives no random bytes: {error}"))?;
    Ok(PREFIX.chars().chain(hex(&random).chars()).collect())
}

pub(super) fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Tokens {
    pub(super) fn with_environment(token: Option<&str>) -> Self {
        Self { of_environment: token.map(hash), ..Self::default() }
    }

    pub(super) fn put(&mut self, name: &str, token: Token) {
        self.remove(name);
        self.by_hash.insert(token.hash.clone(), name.to_owned());
        self.by_name.insert(name.to_owned(), token);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Token> {
        let token = self.by_name.remove(name)?;
        self.by_hash.remove(&token.hash);
        Some(token)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Token> {
        self.by_name.get(name)
    }

    /// Somebody may make tokens, also when the one of this name is gone.
    pub(super) fn has_admin_without(&self, gone: Option<&str>, now_s: u64) -> bool {
        let is_admin = |token: &Token| token.terms.role == "admin" && token.terms.zones.is_none() && token.terms.sets.is_none();
        let holds = |token: &Token| token.terms.expires.is_none_or(|expires| now_s < expires);
        self.of_environment.is_some()
            || self.by_name.iter().any(|(name, token)| Some(name.as_str()) != gone && is_admin(token) && holds(token))
    }

    pub(super) fn shown(&self) -> Vec<TokenShown> {
        self.by_name.iter().map(|(name, token)| token.shown(name)).collect()
    }

    /// Whose it is, if it is anybody's and still holds.
    pub(super) fn caller(&self, bearer: &str, from: IpAddr, now_s: u64) -> Option<Caller> {
        let hash = hash(bearer);
        if self.of_environment.as_ref() == Some(&hash) {
            return Some(Caller { who: ENVIRONMENT.into(), role: Role::Admin, scope: Scope::All, from: Some(from) });
        }
        let name = self.by_hash.get(&hash)?;
        let token = self.by_name.get(name).filter(|token| token.terms.expires.is_none_or(|expires| now_s < expires))?;
        let scope = match (&token.terms.zones, &token.terms.sets) {
            (None, None) => Scope::All,
            (zones, sets) => {
                let all = |names: &Option<Vec<String>>| names.iter().flatten().cloned().collect();
                Scope::Named { zones: all(zones), sets: all(sets) }
            }
        };
        let role = match (token.terms.role.as_str(), &token.terms.panel) {
            ("admin", _) => Role::Admin,
            ("operator", _) => Role::Operator,
            ("viewer", _) => Role::Viewer,
            (_, Some(panel)) => Role::Panel(panel.clone()),
            _ => return None,
        };
        Some(Caller { who: name.clone(), role, scope, from: Some(from) })
    }

    /// Notes that it was used. The document to be kept, now and then.
    pub(super) fn used(&mut self, name: &str, now_s: u64) -> Option<Token> {
        let token = self.by_name.get_mut(name)?;
        let is_due = token.terms.last_used.is_none_or(|last| last + USED_EVERY_S <= now_s);
        is_due.then(|| {
            token.terms.last_used = Some(now_s);
            token.clone()
        })
    }

    pub(super) fn is_use_due(&self, name: &str, now_s: u64) -> bool {
        self.by_name.get(name).is_some_and(|token| token.terms.last_used.is_none_or(|last| last + USED_EVERY_S <= now_s))
    }
}

impl Token {
    pub(super) fn of(order: &TokenOrder, hash: String, now_s: u64) -> Self {
        let (zones, sets) = match &order.scope {
            Scope::All => (None, None),
            Scope::Named { zones, sets } => (Some(zones.iter().cloned().collect()), Some(sets.iter().cloned().collect())),
        };
        let terms = Terms {
            role: word(&order.role).into(),
            panel: if let Role::Panel(panel) = &order.role { Some(panel.clone()) } else { None },
            zones,
            sets,
            created: now_s,
            expires: order.expires_in_s.map(|seconds| now_s.saturating_add(seconds)),
            last_used: None,
        };
        Self { terms, hash }
    }

    pub(super) fn shown(&self, name: &str) -> TokenShown {
        TokenShown { name: name.into(), terms: self.terms.clone() }
    }
}

pub(super) fn word(role: &Role) -> &'static str {
    match role {
        Role::Panel(_) => "panel",
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Admin => "admin",
    }
}

/// Who has sent wrong tokens, by client network.
#[derive(Debug, Default)]
pub(super) struct Guessers {
    by_network: HashMap<Network, Guesser>,
    /// All wrong tokens there were.
    pub(super) count: u64,
    recorded_s: u64,
}

#[derive(Debug)]
struct Guesser {
    wrong: u32,
    last_s: u64,
    until_s: u64,
}

impl Guessers {
    /// Seconds until it is listened to again; None: now.
    pub(super) fn wait(&self, from: IpAddr, now_s: u64) -> Option<u64> {
        let guesser = self.by_network.get(&network(from))?;
        guesser.until_s.checked_sub(now_s).filter(|wait| *wait > 0)
    }

    /// One more wrong token. True when that is worth a line in the log: at most one a second.
    pub(super) fn wrong(&mut self, from: IpAddr, now_s: u64) -> bool {
        self.count += 1;
        if self.by_network.len() >= MAX_NETWORKS {
            self.by_network.retain(|_, guesser| guesser.last_s + FORGET_S > now_s);
            if self.by_network.len() >= MAX_NETWORKS {
                self.by_network.clear();
            }
        }
        let guesser = self.by_network.entry(network(from)).or_insert(Guesser { wrong: 0, last_s: now_s, until_s: 0 });
        if guesser.last_s + FORGET_S <= now_s {
            guesser.wrong = 0;
        }
        guesser.wrong += 1;
        guesser.last_s = now_s;
        if let Some(more) = guesser.wrong.checked_sub(FREE_TRIES) {
            guesser.until_s = now_s + 1u64.checked_shl(more).unwrap_or(MAX_WAIT_S).min(MAX_WAIT_S);
        }
        let is_told = self.recorded_s != now_s;
        self.recorded_s = now_s;
        is_told
    }

    pub(super) fn right(&mut self, from: IpAddr) {
        if !self.by_network.is_empty() {
            self.by_network.remove(&network(from));
        }
    }
}

/// Whoever has one address of it has them all.
fn network(from: IpAddr) -> Network {
    let from = from.to_canonical();
    Network::around(from, if from.is_ipv4() { 24 } else { 56 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(role: Role, scope: Scope, expires_in_s: Option<u64>) -> TokenOrder {
        TokenOrder { name: "ops".into(), role, scope, expires_in_s }
    }

    #[test]
    fn a_token_is_known_until_it_expires_or_is_dropped() {
        let (from, text) = (IpAddr::from([127, 0, 0, 1]), make().unwrap());
        assert_eq!((text.len(), text.starts_with(PREFIX)), (PREFIX.len() + 64, true));
        let mut tokens = Tokens::with_environment(Some("a long enough one"));
        let scope = Scope::Named { zones: ["x.test".to_owned()].into(), sets: Default::default() };
        tokens.put("ops", Token::of(&order(Role::Operator, scope.clone(), Some(60)), hash(&text), 1000));
        assert!(!serde_json::to_string(tokens.get("ops").unwrap()).unwrap().contains(&text));
        let caller = tokens.caller(&text, from, 1059).unwrap();
        assert_eq!((caller.who.as_str(), &caller.role, &caller.scope), ("ops", &Role::Operator, &scope));
        assert!(tokens.caller(&text, from, 1060).is_none() && tokens.caller(&text[1..], from, 1000).is_none());
        assert_eq!(tokens.caller("a long enough one", from, 9999).unwrap().who, "environment");
        assert!(tokens.used("ops", 1000).is_some() && tokens.used("ops", 1059).is_none() && tokens.used("ops", 1060).is_some());
        tokens.remove("ops");
        assert!(tokens.caller(&text, from, 1000).is_none() && tokens.has_admin_without(None, 1000));
        let mut tokens = Tokens::default();
        tokens.put("a", Token::of(&order(Role::Admin, Scope::All, Some(60)), hash("a"), 1000));
        assert!(
            tokens.has_admin_without(None, 1059) && !tokens.has_admin_without(None, 1060) && !tokens.has_admin_without(Some("a"), 1000)
        );
    }

    #[test]
    fn guessing_is_slowed_by_network_and_forgotten() {
        let mut guessers = Guessers::default();
        let [a, b, c] = ["192.0.2.1", "192.0.2.200", "192.0.3.1"].map(|text| text.parse::<IpAddr>().unwrap());
        for n in 0..FREE_TRIES - 1 {
            assert_eq!((guessers.wait(a, 100), guessers.wrong(a, 100)), (None, n == 0));
        }
        guessers.wrong(b, 100);
        assert_eq!((guessers.wait(a, 100), guessers.wait(a, 101), guessers.wait(c, 100)), (Some(1), None, None));
        for _ in 0..40 {
            guessers.wrong(a, 101);
        }
        assert_eq!(guessers.wait(a, 101), Some(MAX_WAIT_S));
        guessers.wrong(a, 101 + FORGET_S);
        assert_eq!(guessers.wait(a, 101 + FORGET_S), None);
        guessers.right(a);
        assert_eq!(guessers.count, u64::from(FREE_TRIES) + 41);
    }

    #[test]
    fn those_who_guess_do_not_fill_the_memory() {
        let mut guessers = Guessers::default();
        for n in 0..MAX_NETWORKS as u32 + 100 {
            guessers.wrong(IpAddr::from((n << 8).to_be_bytes()), 100);
        }
        assert!(guessers.by_network.len() <= MAX_NETWORKS);
    }
}
