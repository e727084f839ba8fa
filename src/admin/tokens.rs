//! `/v1/tokens`.

use super::bearer::{Asked, dns_name};
use super::body::MAX_BODY;
use super::fields::Fields;
use super::objects::Doorway;
use super::problem::Trouble;
use super::reply::Answer;
use crate::control::{Role, Scope, TokenOrder, TokenShown};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::{Value, json};

/// Ten years; whoever means for ever leaves it out.
const LONGEST_S: u64 = 3660 * 86_400;

/// A token that was made. It is shown here and never again; not `Debug`, so that no log has it.
#[derive(Serialize)]
struct Made {
    token: String,
    #[serde(flatten)]
    shown: TokenShown,
}

pub(super) async fn list(State(door): Doorway, mut asked: Asked) -> Answer {
    asked.finish()?;
    Ok(Json(json!({ "items": door.control.tokens(&asked.caller)? })).into_response())
}

pub(super) async fn make(State(door): Doorway, mut asked: Asked) -> Answer {
    asked.finish()?;
    let order = read_order(asked.json(MAX_BODY).await?)?;
    let (token, shown) = door.control.make_token(&asked.caller, order).await?;
    Ok((StatusCode::CREATED, Json(Made { token, shown })).into_response())
}

pub(super) async fn delete(State(door): Doorway, mut asked: Asked) -> Answer {
    asked.finish()?;
    door.control.drop_token(&asked.caller, asked.name(0)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn read_order(body: Value) -> Result<TokenOrder, Trouble> {
    let mut fields = Fields::new(body)?;
    fields.needs("name", "say whose it is: \"name\": \"deploy\"");
    fields.needs("role", "write one of viewer, operator, admin, panel");
    let name = fields.text("name").unwrap_or_default();
    let word = fields.word("role", &["viewer", "operator", "admin", "panel"]);
    let panel = fields.text("panel");
    let (zones, sets) = (fields.texts("zones"), fields.texts("sets"));
    let expires_in_s = fields.span("expires", LONGEST_S);
    match (word, &panel) {
        (Some("panel"), None) => fields.wrong("panel", "a token of role panel is for one panel", "name it: \"panel\": \"fra1\""),
        (Some("panel"), Some(_)) if zones.is_some() || sets.is_some() => {
            fields.wrong("zones", "a token of role panel has no scope", "leave out `zones` and `sets`");
        }
        (Some("viewer" | "operator" | "admin"), Some(_)) => {
            fields.wrong("panel", "only a token of role panel is for one panel", "leave it out, or write \"role\": \"panel\"");
        }
        _ => {}
    }
    fields.finish()?;
    let role = match (word, panel) {
        (Some("admin"), _) => Role::Admin,
        (Some("operator"), _) => Role::Operator,
        (Some("panel"), Some(panel)) => Role::Panel(panel),
        _ => Role::Viewer,
    };
    let scope = match (zones, sets) {
        (None, None) => Scope::All,
        (zones, sets) => Scope::Named {
            zones: zones.unwrap_or_default().iter().map(|zone| dns_name(zone)).collect(),
            sets: sets.unwrap_or_default().into_iter().collect(),
        },
    };
    Ok(TokenOrder { name, role, scope, expires_in_s })
}

#[cfg(test)]
mod tests {
    use super::super::problem::Word;
    use super::*;

    #[test]
    fn an_order_says_who_and_what() {
        let order = read_order(json!({"name": "deploy", "role": "operator", "zones": ["Panels.Example."], "expires": "30d"})).unwrap();
        let scope = Scope::Named { zones: ["panels.example".to_owned()].into(), sets: [].into() };
        let expected = TokenOrder { name: "deploy".into(), role: Role::Operator, scope, expires_in_s: Some(30 * 86_400) };
        assert_eq!(order, expected);
        for (body, role) in [
            (json!({"name": "a", "role": "viewer"}), Role::Viewer),
            (json!({"name": "a", "role": "admin"}), Role::Admin),
            (json!({"name": "a", "role": "panel", "panel": "fra1"}), Role::Panel("fra1".into())),
        ] {
            let order = read_order(body).unwrap();
            assert_eq!((order.role, order.scope, order.expires_in_s), (role, Scope::All, None));
        }
        // No zone and no set is a scope, not all of them.
        let order = read_order(json!({"name": "a", "role": "viewer", "zones": []})).unwrap();
        assert_eq!(order.scope, Scope::Named { zones: [].into(), sets: [].into() });
    }

    #[test]
    fn a_mistake_never_makes_a_token() {
        for body in [
            json!({}),
            json!({"name": "a"}),
            json!({"role": "admin"}),
            json!({"name": "a", "role": "root"}),
            json!({"name": "a", "role": "panel"}),
            json!({"name": "a", "role": "panel", "panel": "fra1", "zones": []}),
            json!({"name": "a", "role": "admin", "panel": "fra1"}),
            json!({"name": "a", "role": "viewer", "zones": "panels.example"}),
            json!({"name": "a", "role": "viewer", "zone": ["panels.example"]}),
            json!({"name": "a", "role": "viewer", "expires": "0s"}),
            json!({"name": "a", "role": "viewer", "expires": null}),
        ] {
            assert_eq!(read_order(body.clone()).unwrap_err().word(), Word::Invalid, "{body}");
        }
    }
}
