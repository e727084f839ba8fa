//! Tokens made and dropped, by the one who changes things.

use super::begin::{ADMIN, forget_file};
use super::office::Office;
use super::refusal::sentence;
use super::tokens::{self, Token};
use super::writer::{Outcome, Writer};
use super::{Caller, Refusal, Role, TokenOrder};
use crate::document::shown;
use crate::fleet::Kind;
use crate::store::{Expect, Write};

impl Writer {
    pub(super) fn make_token(&mut self, caller: &Caller, order: &TokenOrder) -> Result<Outcome, Refusal> {
        let verb = "token make";
        let objects = vec![format!("tokens/{}", order.name)];
        if let Err(refusal) = self.may_make_token(caller, order) {
            self.refused(caller, verb, objects, sentence(&refusal));
            return Err(refusal);
        }
        let text = tokens::make().map_err(Refusal::Gone)?;
        let token = Token::of(order, tokens::hash(&text), Office::now_s());
        let bytes = serde_json::to_vec(&token).map_err(|error| Refusal::Gone(error.to_string()))?;
        let (_, doubt) = self.store(caller, verb, vec![Write { key: objects[0].clone(), expect: Expect::Absent, value: Some(bytes) }])?;
        let shown = token.shown(&order.name);
        self.office.tokens.write().put(&order.name, token);
        // In doubt it is a token all the same, but nobody may rely on it.
        doubt.map_or(Ok(Outcome::Token(text, shown)), Err)
    }

    fn may_make_token(&self, caller: &Caller, order: &TokenOrder) -> Result<(), Refusal> {
        if caller.role != Role::Admin || !caller.sees_all() {
            return Err(Refusal::Forbidden("tokens are an admin's business".into()));
        }
        let ends = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = &order.name;
        let is_sane = (1..=63).contains(&name.len())
            && name.starts_with(ends)
            && name.ends_with(ends)
            && name.chars().all(|c| ends(c) || c == '-' || c == '.');
        if !is_sane || ["environment", "node", "unknown"].contains(&name.as_str()) {
            return Err(Refusal::fault("/name", "that cannot be a token's name", "use 1 to 63 letters, digits, `-`, `_` and `.`"));
        }
        if self.office.tokens.read().get(name).is_some() {
            return Err(Refusal::fault("/name", "there is a token of this name", "drop that one first, or choose another name"));
        }
        if let Role::Panel(panel) = &order.role
            && self.office.ledger.read().item(Kind::Panel, panel).is_none()
        {
            return Err(Refusal::fault("/panel", format!("unknown panel `{}`", shown(panel)), "name one of the fleet's panels"));
        }
        Ok(())
    }

    pub(super) fn drop_token(&mut self, caller: &Caller, name: &str) -> Result<Outcome, Refusal> {
        let (verb, key) = ("token drop", format!("tokens/{name}"));
        if caller.role != Role::Admin || !caller.sees_all() {
            let refusal = Refusal::Forbidden("tokens are an admin's business".into());
            self.refused(caller, verb, vec![key], sentence(&refusal));
            return Err(refusal);
        }
        if self.office.tokens.read().get(name).is_none() {
            return Err(Refusal::NotFound(format!("there is no token `{}`", shown(name))));
        }
        if !self.office.tokens.read().has_admin_without(Some(name), Office::now_s()) {
            let what = format!("token {name} is the last that may make tokens; make another admin's first");
            return Err(Refusal::InUse { what, users: Vec::new(), hidden: 0 });
        }
        let (_, doubt) = self.store(caller, verb, vec![Write { key, expect: Expect::Any, value: None }])?;
        self.office.tokens.write().remove(name);
        if name == ADMIN {
            forget_file(&self.office.data);
        }
        doubt.map_or(Ok(Outcome::Nothing), Err)
    }
}
