//! /openapi.json, and /docs: the same for people, on one page.

use super::openapi::describe;
use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use std::fmt::Write;
use std::sync::LazyLock;

/// The page needs nothing but its own style, so nothing else is allowed.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Both, made when somebody first asks.
static PAGES: LazyLock<Pages> = LazyLock::new(Pages::new);

#[derive(Debug)]
struct Pages {
    openapi: Bytes,
    docs: Bytes,
}

impl Pages {
    fn new() -> Self {
        let document = describe();
        Self { openapi: document.to_string().into(), docs: page(&document).into() }
    }
}

pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], PAGES.openapi.clone()).into_response()
}

pub(super) async fn docs() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, PAGES.docs.clone()).into_response()
}

pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("docs.css")).into_response()
}

fn page(document: &Value) -> String {
    let mut body = String::new();
    let mut index = String::new();
    for (group, operations) in groups(document) {
        let _ = write!(index, "<li><a href=\"#{0}\">{0}</a></li>", escaped(&group.replace(' ', "-")));
        let _ = write!(body, "<h2 id=\"{}\">{}</h2>", escaped(&group.replace(' ', "-")), escaped(&group));
        for (method, path, operation) in operations {
            body += &section(document, &method, &path, operation);
        }
    }
    let _ = write!(body, "<h2 id=\"shapes\">Shapes</h2>");
    for (name, schema) in entries(&document["components"]["schemas"]) {
        let _ = write!(body, "<section id=\"{0}\"><h3>{0}</h3><p>{1}</p>", escaped(name), escaped(said(schema)));
        body += &keys(schema);
        body += "</section>";
    }
    let version = document["info"]["version"].as_str().unwrap_or_default();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Meridian API</title><link rel=\"stylesheet\" href=\"/docs.css\"></head><body><header><h1>Meridian API</h1><p>Version {}. {}</p>\
         <p>Send a token as <code>Authorization: Bearer TOKEN</code>. The same for programs: <a href=\"/openapi.json\">openapi.json</a>. \
         What goes wrong is told as a <a href=\"#Problem\">problem document</a>.</p>\
         <nav><ul>{index}<li><a href=\"#shapes\">shapes</a></li></ul></nav></header><main>{body}</main></body></html>",
        escaped(version),
        escaped(document["info"]["description"].as_str().unwrap_or_default()),
    )
}

type Operation<'d> = (String, String, &'d Value);

/// Operations by group, in the order of the paths.
fn groups(document: &Value) -> Vec<(String, Vec<Operation<'_>>)> {
    let mut groups: Vec<(String, Vec<Operation<'_>>)> = Vec::new();
    for (path, operations) in entries(&document["paths"]) {
        for (method, operation) in entries(operations) {
            let group = operation["tags"][0].as_str().unwrap_or_default();
            let entry = (method.to_uppercase(), path.clone(), operation);
            match groups.iter_mut().find(|(name, _)| name == group) {
                Some((_, operations)) => operations.push(entry),
                None => groups.push((group.to_owned(), vec![entry])),
            }
        }
    }
    groups
}

fn section(document: &Value, method: &str, path: &str, operation: &Value) -> String {
    let id = escaped(operation["operationId"].as_str().unwrap_or_default());
    let mut html =
        format!("<section id=\"{id}\"><h3><b class=\"{}\">{method}</b> <code>{}</code></h3>", method.to_lowercase(), escaped(path));
    let _ = write!(html, "<p>{}. {}</p>", escaped(operation["summary"].as_str().unwrap_or_default()), escaped(said(operation)));
    let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    if !parameters.is_empty() {
        html += "<dl>";
        for parameter in parameters {
            let place = match parameter["in"].as_str() {
                Some("header") => "header, ",
                Some("path") => "path, ",
                _ => "",
            };
            let (name, says) = (parameter["name"].as_str().unwrap_or_default(), said(parameter));
            let _ = write!(
                html,
                "<dt><code>{}</code> <i>{place}{}</i></dt><dd>{}</dd>",
                escaped(name),
                kind(&parameter["schema"]),
                escaped(says)
            );
        }
        html += "</dl>";
    }
    let content = &operation["requestBody"]["content"];
    for (media, body) in entries(content) {
        let _ = write!(html, "<p>Body: <code>{}</code>, {}</p>", escaped(media), kind(&body["schema"]));
    }
    let _ = write!(html, "<pre>{}</pre>", escaped(&curl(document, method, path, content, operation)));
    html += "<ul>";
    for (status, response) in entries(&operation["responses"]) {
        let response = response["$ref"].as_str().and_then(|to| document.pointer(to.trim_start_matches('#'))).unwrap_or(response);
        let shapes: Vec<String> = entries(&response["content"]).map(|(_, body)| kind(&body["schema"])).collect();
        let _ = write!(html, "<li><code>{}</code> {} {}</li>", escaped(status), escaped(said(response)), shapes.join(", "));
    }
    html + "</ul></section>"
}

/// The request as somebody would try it.
fn curl(document: &Value, method: &str, path: &str, content: &Value, operation: &Value) -> String {
    let path = path
        .replace("/records/{name}/{type}", "/records/www.panels.example/A")
        .replace("{zone}", "panels.example")
        .replace("{object}", "panels/fra1")
        .replace("{type}", "A");
    let name = match () {
        () if path.contains("/panels/") => "fra1",
        () if path.contains("/hostnames/") => "live.panels.example",
        () if path.contains("/sets/") => "premium",
        () if path.contains("/regions/") => "eu",
        () if path.contains("/checks/") => "stream",
        () => "acme",
    };
    let query = if path == "/v1/explain" { "?name=live.panels.example&client=203.0.113.7" } else { "" };
    let mut command = String::from("curl");
    if method != "GET" {
        let _ = write!(command, " -X {method}");
    }
    if operation["security"].as_array() != Some(&Vec::new()) && !document["security"].is_null() {
        command += " -H \"Authorization: Bearer $MERIDIAN_TOKEN\"";
    }
    if let Some((media, body)) = entries(content).next() {
        let _ = write!(command, " \\\n  -H 'Content-Type: {media}'");
        match body.get("example") {
            Some(example) => drop(write!(command, " -d '{example}'")),
            None => command += " --data-binary @file",
        }
    }
    let _ = write!(command, " \\\n  'http://127.0.0.1:8080{}{query}'", path.replace("{name}", name));
    command
}

/// The keys of an object, as a list.
fn keys(schema: &Value) -> String {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut html = String::new();
    for (key, property) in entries(&schema["properties"]) {
        let must = if required.contains(&key.as_str()) { ", required" } else { "" };
        let _ = write!(
            html,
            "<dt><code>{}</code> <i>{}{must}</i></dt><dd>{}{}</dd>",
            escaped(key),
            kind(property),
            escaped(said(property)),
            range(property)
        );
    }
    let choices: Vec<String> =
        ["oneOf", "anyOf"].iter().flat_map(|word| schema[*word].as_array().into_iter().flatten()).map(kind).collect();
    let words = if schema["enum"].is_array() { kind(schema) } else { choices.join(" or ") };
    let words = if words.is_empty() { words } else { format!("<p><i>{words}</i></p>") };
    if html.is_empty() { words } else { format!("<dl>{html}</dl>{words}") }
}

fn range(schema: &Value) -> String {
    let bound = |key: &str| schema.get(key).filter(|value| value.is_number()).map(Value::to_string);
    match (bound("minimum"), bound("maximum")) {
        (Some(from), Some(to)) => format!(" From {from} to {to}."),
        (Some(from), None) if from != "0" => format!(" At least {from}."),
        _ => String::new(),
    }
}

/// What a value is, in a word or two, with links to shapes.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
        return format!("<a href=\"#{0}\">{0}</a>", escaped(name));
    }
    for word in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[word].as_array() {
            return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().filter_map(Value::as_str).map(escaped).collect::<Vec<_>>().join(" | ");
    }
    let one = |word: &str| match word {
        "array" => format!("list of {}", kind(&schema["items"])),
        word => escaped(word),
    };
    match &schema["type"] {
        Value::String(word) => one(word),
        Value::Array(words) => words.iter().filter_map(Value::as_str).map(one).collect::<Vec<_>>().join(" or "),
        _ => "anything".into(),
    }
}

fn said(value: &Value) -> &str {
    value["description"].as_str().unwrap_or_default()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::endpoints;
    use super::*;

    #[test]
    fn every_endpoint_and_every_shape_stands_on_the_page() {
        let document = describe();
        let page = page(&document);
        for endpoint in endpoints::all() {
            let heading = format!(">{}</b> <code>{}</code>", endpoint.method.to_uppercase(), endpoint.path);
            assert!(page.contains(&heading), "{heading}");
        }
        // Every link on the page leads somewhere on it, and every heading is there once.
        for part in page.split("href=\"#").skip(1) {
            let to = part.split('"').next().unwrap();
            assert_eq!(page.matches(&format!("id=\"{to}\"")).count(), 1, "{to}");
        }
        assert!(!page.contains("src=") && !page.contains("<script") && !page.contains("style=\""));
    }

    #[test]
    fn text_is_text() {
        assert_eq!(escaped("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }
}
