//! A program that calls the admin API. It holds each answer against the OpenAPI document: its status, its format, and every
//! field of it.

use std::sync::OnceLock;

use client_api_access::scopes::Role;
use serde_json::Value;

use super::app::TestApp;
use super::browser::{Browser, Page};
use super::oauth::bearer;
use super::records::Person;

/// Every area, to write.
pub const ALL_AREAS: &str = "clients:write tokens:write employees:write connections:write resource_servers:write activity:write attention:write";

/// A program with an API token.
#[derive(Clone)]
pub struct Program {
    browser: Browser,
    document: &'static Value,
    /// The person that the token belongs to.
    pub person: Person,
    /// The value of the token.
    pub token: String,
}

impl TestApp {
    /// A program with an API token of a new person with this role, for every area.
    pub fn api(&self, role: Role) -> Program {
        let person = self.shop().employee(&format!("Pia Program ({})", role.word()), role);
        self.api_of(&person, role, ALL_AREAS)
    }

    /// A program with an API token of somebody.
    pub fn api_of(&self, person: &Person, role: Role, areas: &str) -> Program {
        let (_, token) = self.shop().api_token(person, role, areas);
        Program { browser: self.program(), document: document(self), person: person.clone(), token }
    }
}

/// The OpenAPI document.
pub fn document(app: &TestApp) -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| app.program().open("/api/v1/openapi.json").json())
}

impl Program {
    /// The same program at another node.
    #[must_use]
    pub fn at(&self, node: &TestApp) -> Program {
        Program { browser: node.program(), ..self.clone() }
    }

    /// Reads.
    pub fn get(&mut self, path: &str) -> Page {
        self.send("GET", path, &[], "")
    }

    /// Reads what must be there.
    pub fn read(&mut self, path: &str) -> Value {
        let page = self.get(path);
        assert_eq!(page.status, 200, "GET {path}: {}", page.body);
        page.json()
    }

    /// Every entry of a list, page by page.
    pub fn all(&mut self, path: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        for _ in 0..1_000 {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = self.read(&format!("{path}{join}cursor={cursor}"));
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = next.into(),
                None => return all,
            }
        }
        panic!("{path} has no end");
    }

    /// Acts, with an `Idempotency-Key`.
    pub fn post(&mut self, path: &str, key: &str, body: &Value) -> Page {
        self.send("POST", path, &[("idempotency-key".into(), key.into())], &body.to_string())
    }

    /// Acts once and must succeed.
    pub fn act(&mut self, path: &str, body: &Value) -> Value {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let key = format!("act {}", NEXT.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        let page = self.post(path, &key, body);
        assert!([200, 201].contains(&page.status), "POST {path}: {} {}", page.status, page.body);
        page.json()
    }

    /// Sends any request.
    pub fn send(&mut self, method: &str, path: &str, headers: &[(String, String)], body: &str) -> Page {
        let mut all = vec![bearer(&self.token)];
        if !body.is_empty() {
            all.push(("content-type".into(), "application/json".into()));
        }
        all.extend_from_slice(headers);
        let page = self.browser.send(method, path, &all, body);
        check(self.document, method, &page);
        page
    }
}

/// Holds an answer against the document.
pub fn check(document: &Value, method: &str, page: &Page) {
    let start: String = page.body.chars().take(1_000).collect();
    let about = format!("{method} {} answered {}: {start}", page.path, page.status);
    assert_eq!(page.header("cache-control"), Some("no-store"), "{about}");
    let kind = page.header("content-type").unwrap_or_default();
    if page.status >= 400 {
        assert_eq!(kind, "application/problem+json", "{about}");
        matches(document, &document["components"]["schemas"]["Problem"], &page.json(), &about);
    }
    let path = page.path.split('?').next().unwrap();
    let is_template = |template: &&String| {
        let (parts, own): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
        parts.len() == own.len() && parts.iter().zip(&own).all(|(part, own)| part == own || part.starts_with('{'))
    };
    let paths = document["paths"].as_object().unwrap();
    // `/clients/register` before `/clients/{client}`.
    let Some(template) = paths.keys().filter(is_template).min_by_key(|template| template.matches('{').count()) else {
        assert_eq!(page.status, 404, "not in the document: {about}");
        return;
    };
    let operation = &paths[template][method.to_lowercase().as_str()];
    if operation.is_null() {
        assert_eq!(page.status, 405, "not in the document: {about}");
        return;
    }
    let answer = &operation["responses"][page.status.to_string().as_str()];
    assert!(answer.is_object(), "this status is not in the document: {about}");
    let schema = &answer["content"][kind]["schema"];
    if page.status < 400 && kind == "application/json" {
        assert!(schema.is_object(), "this format is not in the document: {about}");
        matches(document, schema, &page.json(), &about);
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(name) => &document["components"]["schemas"][name.rsplit('/').next().unwrap()],
        None => schema,
    }
}

// The schemas whose members an object has.
fn parts<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let schema = resolved(document, schema);
    match schema["allOf"].as_array() {
        Some(all) => all.iter().flat_map(|part| parts(document, part)).collect(),
        None => vec![schema],
    }
}

fn matches(document: &Value, schema: &Value, value: &Value, about: &str) {
    let schema = resolved(document, schema);
    if schema.as_object().is_some_and(|schema| !schema.keys().any(|key| key != "description")) {
        // Any value: the document itself.
        return;
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let chosen = choices.iter().find(|choice| (choice["type"] == "null") == value.is_null());
        return matches(document, chosen.unwrap_or_else(|| panic!("{value} is no choice: {about}")), value, about);
    }
    let is =
        |kind: &str| schema["type"] == kind || schema["type"].as_array().is_some_and(|all| all.contains(&kind.into()));
    match value {
        Value::Null => assert!(is("null"), "{schema} is never null: {about}"),
        Value::String(_) => assert!(is("string"), "{value} for {schema}: {about}"),
        Value::Number(_) => assert!(is("integer") || is("number"), "{value} for {schema}: {about}"),
        Value::Bool(_) => assert!(is("boolean"), "{value} for {schema}: {about}"),
        Value::Array(all) => {
            assert!(is("array"), "{value} for {schema}: {about}");
            all.iter().for_each(|value| matches(document, &schema["items"], value, about));
        }
        Value::Object(members) => {
            let parts = parts(document, schema);
            for (name, value) in members {
                let member = parts.iter().map(|part| &part["properties"][name.as_str()]).find(|one| one.is_object());
                matches(
                    document,
                    member.unwrap_or_else(|| panic!("`{name}` is not documented: {about}")),
                    value,
                    about,
                );
            }
            let required = parts.iter().filter_map(|part| part["required"].as_array()).flatten();
            for name in required.filter_map(Value::as_str) {
                assert!(members.contains_key(name), "`{name}` is missing: {about}");
            }
        }
    }
}
