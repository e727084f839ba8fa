//! /openapi.json: the API's description, made of the shapes in the code.

use super::endpoints::{self, Endpoint, Nature, Parameter, Who, component, flag, reference};
use super::problem::{Problem, Word};
use super::reply::{Effect, Summary};
use super::shapes;
use super::status::{Outside, Readiness};
use crate::fleet::Kind;
use crate::fleet::doc::shape;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

/// OpenAPI 3.1. The same each time.
pub(super) fn describe() -> Value {
    let mut paths = Map::new();
    for endpoint in endpoints::all() {
        let path = paths.entry(endpoint.path.clone()).or_insert_with(|| json!({}));
        path[endpoint.method] = operation(&endpoint);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Meridian",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Zones, panels, sets and hostnames of an authoritative DNS server that answers with the nearest panel that can serve the client.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "responses": problems(),
            "headers": headers(),
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut parameters: Vec<Value> = names(&endpoint.path).map(path_parameter).collect();
    parameters.extend(endpoint.query.iter().map(query_parameter));
    parameters.extend(versions(endpoint.nature, endpoint.method));
    let mut operation = json!({
        "operationId": identifier(endpoint),
        "tags": [endpoint.group],
        "summary": endpoint.summary,
        "description": who(endpoint.who),
        "parameters": parameters,
        "responses": responses(endpoint),
    });
    if let Some((types, schema, example)) = &endpoint.body {
        let content: Map<String, Value> = types
            .iter()
            .map(|media| {
                (
                    (*media).to_owned(),
                    if media.ends_with("json") {
                        json!({ "schema": schema, "example": example })
                    } else {
                        json!({ "schema": { "type": "string" } })
                    },
                )
            })
            .collect();
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    if endpoint.who == Who::Anybody {
        operation["security"] = json!([]);
    }
    if endpoint.who == Who::Neighbour {
        operation["security"] = json!([{ "bearer": [] }, {}]);
    }
    operation
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(name: &str) -> Value {
    let says = match name {
        "zone" => "The zone's name, in any case, with or without its last dot.",
        "type" => "The type of the records, such as A or TYPE65280.",
        "object" => "The object, such as panels/fra1.",
        _ => "The name.",
    };
    json!({ "name": name, "in": "path", "required": true, "description": says, "schema": { "type": "string", "minLength": 1 } })
}

fn query_parameter(parameter: &Parameter) -> Value {
    let Parameter { name, says, schema, required } = parameter;
    json!({ "name": name, "in": "query", "required": required, "description": says, "schema": schema })
}

/// What says which version is meant, and that nothing is to be changed.
fn versions(nature: Nature, method: &str) -> Vec<Value> {
    let header = |name: &str, says: &str, pattern: &str| {
        let schema = json!({ "type": "string", "pattern": pattern });
        json!({ "name": name, "in": "header", "required": false, "description": says, "schema": schema })
    };
    const TAGS: &str = r#"^(\*|(W/)?"[!#-~]*"([ ]*,[ ]*(W/)?"[!#-~]*")*)$"#;
    match nature {
        Nature::Look | Nature::Act => Vec::new(),
        Nature::Versioned => vec![header("If-None-Match", "Versions that the client has: 304 when it is one of them.", TAGS)],
        Nature::Change => {
            let mut all: Vec<Value> = vec![
                query_parameter(&flag("dry_run", "Tell what would be, and change nothing: 200 with the effect.")),
                query_parameter(&flag("force", "It may take away more than half of a zone or of a set.")),
                header("If-Match", "Only if it has one of these versions, or `*`: if it exists.", TAGS),
            ];
            if method == "put" {
                all.push(header("If-None-Match", "`*`: only if it does not exist.", r"^\*$"));
            }
            all
        }
    }
}

fn who(who: Who) -> &'static str {
    match who {
        Who::Anybody => "Needs no token.",
        Who::Neighbour => "For viewers, operators and admins; from the node's own host it needs no token.",
        Who::Viewer => "For viewers, operators and admins.",
        Who::Operator => "For operators and admins.",
        Who::Admin => "For admins.",
        Who::Panel => "For the panel's own token, operators and admins.",
    }
}

fn identifier(endpoint: &Endpoint) -> String {
    let path = endpoint.path.trim_start_matches("/v1").replace(['{', '}'], "");
    let words = path.split(['/', '.']).filter(|word| !word.is_empty());
    words.fold(endpoint.method.to_owned(), |id, word| format!("{id}_{word}"))
}

fn responses(endpoint: &Endpoint) -> Value {
    let mut responses = Map::new();
    for (status, says, media, schema) in &endpoint.answers {
        let mut response = json!({ "description": says });
        if !media.is_empty() {
            let mut content = Map::from_iter([((*media).to_owned(), json!({ "schema": schema }))]);
            let tells_dry_run = endpoint.nature == Nature::Change && *status == 200;
            if tells_dry_run && *schema != reference("Effect") {
                content["application/json"] = json!({ "schema": { "anyOf": [schema, reference("Effect")] } });
            }
            response["content"] = Value::Object(content);
        }
        if endpoint.nature == Nature::Change {
            response["headers"] = json!({ "Meridian-Revision": header("Revision"), "Meridian-Generation": header("Generation") });
        }
        if endpoint.nature == Nature::Versioned || (endpoint.nature == Nature::Change && *status != 204) {
            response["headers"]["ETag"] = header("Version");
        }
        responses.insert(status.to_string(), response);
    }
    // A dry run of what answers 204 has something to tell.
    if endpoint.nature == Nature::Change && !responses.contains_key("200") {
        let content = json!({ "application/json": { "schema": reference("Effect") } });
        let headers = json!({ "Meridian-Revision": header("Revision"), "Meridian-Generation": header("Generation") });
        responses.insert("200".into(), json!({ "description": "A dry run", "content": content, "headers": headers }));
    }
    if endpoint.nature == Nature::Versioned {
        responses.insert("304".into(), json!({ "description": "The client has this version", "headers": { "ETag": header("Version") } }));
    }
    for word in words(endpoint) {
        let status = word.said().1.as_u16().to_string();
        responses.entry(status.clone()).or_insert_with(|| json!({ "$ref": format!("#/components/responses/{status}") }));
    }
    Value::Object(responses)
}

fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// What can go wrong.
fn words(endpoint: &Endpoint) -> Vec<Word> {
    if endpoint.who == Who::Anybody {
        return vec![Word::HeaderTooLarge];
    }
    let mut words =
        vec![Word::BadRequest, Word::Unauthorized, Word::Forbidden, Word::NotFound, Word::Slowed, Word::HeaderTooLarge, Word::Busy];
    if matches!(endpoint.nature, Nature::Change | Nature::Act) {
        words.extend([Word::ReadOnly, Word::InUse, Word::Stale, Word::TooLarge, Word::Invalid, Word::StoreFull]);
    }
    if endpoint.body.is_some() {
        words.extend([Word::Timeout, Word::MediaType]);
    }
    words
}

/// One response a status: whatever the problem is, its document looks the same.
fn problems() -> Value {
    let mut responses: Map<String, Value> = Map::new();
    for word in Word::ALL {
        let (_, status, title) = word.said();
        let response = responses
            .entry(status.as_u16().to_string())
            .or_insert_with(|| json!({ "description": "", "content": { "application/problem+json": { "schema": reference("Problem") } } }));
        let said = response["description"].as_str().unwrap_or_default();
        response["description"] = if said.is_empty() { title.into() } else { format!("{said}; or: {title}").into() };
        for name in word.headers() {
            response["headers"][*name] = json!({ "schema": { "type": "string" } });
        }
    }
    Value::Object(responses)
}

fn headers() -> Value {
    json!({
        "Revision": { "description": "Of the store.", "schema": { "type": "integer", "minimum": 0 } },
        "Generation": { "description": "Of the answers that have it.", "schema": { "type": "integer", "minimum": 0 } },
        "Version": { "description": "What If-Match takes.", "schema": { "type": "string" } },
    })
}

fn schemas() -> Value {
    let mut all = Map::new();
    add::<Problem>(&mut all);
    add::<Effect>(&mut all);
    add::<Summary>(&mut all);
    add::<Readiness>(&mut all);
    add::<Outside>(&mut all);
    add::<shape::Defaults>(&mut all);
    add::<shape::Check>(&mut all);
    add::<shape::Region>(&mut all);
    add::<shape::Panel>(&mut all);
    add::<shape::Set>(&mut all);
    add::<shape::Zone>(&mut all);
    add::<shape::Key>(&mut all);
    add::<shape::Hostname>(&mut all);
    for schema in all.values_mut() {
        never_null(schema);
    }
    let mut fleet = Map::from_iter([("defaults".to_owned(), reference("Defaults"))]);
    for kind in Kind::ALL {
        let name = component(kind);
        let mut named = all[name].clone();
        name_it(&mut named);
        if kind == Kind::Zone {
            let mut whole = named.clone();
            whole["properties"]["text"] = json!({ "type": "string", "description": "Its master file." });
            all.insert("ZoneWhole".into(), whole);
        }
        all.insert(format!("{name}Named"), named);
        all.insert(format!("{name}Patch"), patch(&all[name]));
        let listed = if kind == Kind::Zone { "ZoneWhole".to_owned() } else { format!("{name}Named") };
        fleet.insert(kind.word().into(), json!({ "type": "array", "items": reference(&listed) }));
    }
    all.insert("DefaultsPatch".into(), patch(&all["Defaults"]));
    let says = "A whole fleet, in the form of fleet.toml.";
    let fleet = json!({ "type": "object", "description": says, "additionalProperties": false, "properties": fleet });
    all.insert("Fleet".into(), fleet);
    all.extend(shapes::by_hand());
    Value::Object(all)
}

fn add<T: ToSchema>(all: &mut Map<String, Value>) {
    let mut found: Vec<(String, RefOr<Schema>)> = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut found);
    all.extend(found.into_iter().filter_map(|(name, schema)| Some((name, serde_json::to_value(schema).ok()?))));
}

/// What may be left out is left out, and never null.
fn never_null(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|one| one != "null");
        if let [one] = types.as_slice() {
            schema["type"] = one.clone();
        }
    }
    if let Some(choices) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        choices.retain(|one| *one != json!({ "type": "null" }));
        if let [one] = choices.as_slice() {
            *schema = one.clone();
        }
    }
    match schema {
        Value::Object(parts) => parts.values_mut().for_each(never_null),
        Value::Array(parts) => parts.iter_mut().for_each(never_null),
        _ => {}
    }
}

fn name_it(schema: &mut Value) {
    schema["properties"]["name"] = json!({ "type": "string", "description": "The name." });
    match schema["required"].as_array_mut() {
        Some(required) => required.insert(0, json!("name")),
        None => schema["required"] = json!(["name"]),
    }
}

/// Any of the keys, null to take one away; a patch of an object within is a patch as well.
fn patch(schema: &Value) -> Value {
    let mut patch = schema.clone();
    if let Some(parts) = patch.as_object_mut() {
        parts.remove("required");
        if let Some(keys) = parts.get_mut("properties").and_then(Value::as_object_mut) {
            for key in keys.values_mut() {
                let inner = key["$ref"]
                    .as_str()
                    .is_some_and(|name| ["Limits", "Serves", "Ports", "Transfer", "Update"].iter().any(|part| name.ends_with(part)));
                *key = match inner || key["type"] == "object" {
                    true => json!({ "type": ["object", "null"], "description": key["description"] }),
                    false => json!({ "anyOf": [key, { "type": "null" }] }),
                };
            }
        }
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_description_is_the_golden_one() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/openapi.json");
        let text = serde_json::to_string_pretty(&describe()).unwrap() + "\n";
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        let differs = golden.lines().zip(text.lines()).position(|(old, new)| old != new);
        assert!(golden == text, "tests/golden/openapi.json differs at line {differs:?}; UPDATE_GOLDEN=1 writes it anew");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
            match value {
                Value::Object(parts) => {
                    found.extend(parts.get("$ref").and_then(Value::as_str));
                    parts.values().for_each(|part| references(part, found));
                }
                Value::Array(parts) => parts.iter().for_each(|part| references(part, found)),
                _ => {}
            }
        }
        let document = describe();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100);
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }

    #[tokio::test]
    async fn what_is_described_is_there_and_what_is_there_is_described() {
        let document = describe();
        for (path, operations) in document["paths"].as_object().unwrap() {
            let real = path.replace("{object}", "panels/fra1").replace(['{', '}'], "");
            for method in ["get", "put", "patch", "post", "delete"] {
                let (response, body) = super::super::tests::ask(&method.to_uppercase(), &real, &[], "").await;
                let is_described = operations.get(method).is_some();
                assert_eq!(response.status() != 405, is_described, "{method} {path}");
                let is_nowhere = body["detail"].as_str().is_some_and(|text| text.starts_with("there is nothing at"));
                assert!(!is_nowhere, "{method} {path}");
                if is_described {
                    let status = response.status().as_u16().to_string();
                    assert!(operations[method]["responses"].get(&status).is_some(), "{method} {path}: {status} is not described");
                }
            }
        }
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let mut names: Vec<String> = endpoints::all().iter().map(identifier).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
