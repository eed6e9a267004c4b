//! The documentation page, from the OpenAPI document.

use actix_web::HttpRequest;
use askama::Template;
use serde_json::Value;

use crate::api::openapi::document;
use crate::api::problem::{Answer, Kind};
use crate::error::Result;
use crate::web::page::{Page, html};
use crate::web::route_table::RouteTable;

#[derive(Template)]
#[template(path = "api/docs.html")]
struct Docs {
    page: Page,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
    problems: &'static [Kind],
}

struct Group {
    id: String,
    about: String,
    operations: Vec<Operation>,
}

struct Operation {
    method: String,
    path: String,
    about: Vec<String>,
    parameters: Vec<Parameter>,
    // The schema of the body.
    body: Option<String>,
    // Status, meaning and schema of each answer.
    answers: Vec<(String, String, Option<String>)>,
}

struct Parameter {
    name: String,
    // `path`, `query` or `header`.
    place: String,
    about: String,
    is_required: bool,
}

struct Schema {
    name: String,
    about: String,
    // Name, type and meaning of each member.
    members: Vec<(String, String, String)>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

// Without the signs that mark code.
fn plain(value: &Value) -> String {
    text(value).replace('`', "")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn reference(value: &Value) -> Option<String> {
    let name = value["$ref"].as_str()?.rsplit('/').next()?;
    Some(name.to_string())
}

// The schema of a body or an answer.
fn schema_of(holder: &Value) -> Option<String> {
    members(&holder["content"]).find_map(|(_, content)| reference(&content["schema"]))
}

// `string`, `integer or null`, `list of Token`.
fn kind_of(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return name;
    }
    let or = |all: &[Value]| all.iter().map(kind_of).collect::<Vec<_>>().join(" or ");
    for key in ["oneOf", "anyOf", "allOf"] {
        if schema[key].is_array() {
            return or(list(&schema[key]));
        }
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("list of {}", kind_of(&schema["items"])),
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) if kinds.iter().any(|kind| kind == "array") => {
            format!("list of {} or null", kind_of(&schema["items"]))
        }
        Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
        _ => String::new(),
    }
}

impl Operation {
    fn of(path: &str, method: &str, operation: &Value) -> Operation {
        let about = format!("{}\n\n{}", plain(&operation["summary"]), plain(&operation["description"]));
        let answer = |(status, answer): (&String, &Value)| {
            (status.clone(), plain(&answer["description"]), schema_of(answer).filter(|name| name != "Problem"))
        };
        let mut answers: Vec<_> = members(&operation["responses"]).map(answer).collect();
        answers.sort();
        Operation {
            method: method.to_uppercase(),
            path: path.into(),
            about: about.split("\n\n").map(str::to_string).filter(|part| !part.trim().is_empty()).collect(),
            parameters: list(&operation["parameters"]).iter().map(Parameter::of).collect(),
            body: schema_of(&operation["requestBody"]),
            answers,
        }
    }
}

impl Parameter {
    fn of(parameter: &Value) -> Parameter {
        Parameter {
            name: text(&parameter["name"]),
            place: text(&parameter["in"]),
            about: plain(&parameter["description"]),
            is_required: parameter["required"] == true,
        }
    }
}

impl Schema {
    fn of(name: &str, schema: &Value, all: &Value) -> Schema {
        let parts = std::iter::once(schema).chain(list(&schema["allOf"]));
        let parts: Vec<&Value> = parts.map(|part| reference(part).map_or(part, |name| &all[name.as_str()])).collect();
        let member = |(name, schema): (&String, &Value)| (name.clone(), kind_of(schema), plain(&schema["description"]));
        Schema {
            name: name.into(),
            about: plain(&schema["description"]),
            members: parts.iter().flat_map(|part| members(&part["properties"])).map(member).collect(),
        }
    }
}

impl Docs {
    fn of(document: &Value) -> Docs {
        let group = |tag: &Value| {
            let name = text(&tag["name"]);
            let operations = members(&document["paths"]).flat_map(|(path, operations)| {
                members(operations).map(move |(method, operation)| (path, method, operation))
            });
            let own = operations.filter(|(_, _, operation)| operation["tags"][0] == name.as_str());
            Group {
                id: name.replace(' ', "-"),
                about: plain(&tag["description"]),
                operations: own.map(|(path, method, operation)| Operation::of(path, method, operation)).collect(),
            }
        };
        let all = &document["components"]["schemas"];
        Docs {
            page: Page::outside("Admin API", "Client API Access", String::new()),
            groups: list(&document["tags"]).iter().map(group).collect(),
            schemas: members(all).map(|(name, schema)| Schema::of(name, schema, all)).collect(),
            problems: Kind::ALL,
        }
    }
}

/// The documentation as a page.
#[utoipa::path(
    get, path = "/api/v1/docs", tag = "about",
    responses((status = 200, description = "This documentation", body = String, content_type = "text/html")),
)]
pub async fn page(request: HttpRequest) -> Answer {
    let document = document(RouteTable::of(&request)?)?;
    let answer: Result<_> = html(Docs::of(document));
    Ok(answer?)
}
