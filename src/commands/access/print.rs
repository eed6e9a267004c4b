//! Prints objects, for scripts and for people.

use std::io::{ErrorKind, Write};

use serde_json::Value;

use crate::commands::access::failure::{FAILED, Failure, Result};
use crate::commands::access::table;
use crate::text::capitalized;
use crate::time::TimeFormat;

// The members that come first, in this order.
const FIRST: &[&str] = &[
    "name",
    "token",
    "rule",
    "id",
    "client_id",
    "type",
    "label",
    "title",
    "client",
    "employee",
    "email",
    "role",
    "status",
    "state",
    "severity",
    "count",
    "more",
    "advice",
];

/// What came of writing to standard output. A reader that has read enough, such as `head`, is no error.
pub(super) fn written(outcome: std::io::Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        outcome => outcome.map_err(|error| Failure::new(FAILED, format!("standard output: {error}"))),
    }
}

/// One line.
pub(super) fn json(value: &Value) -> String {
    value.to_string()
}

/// One object.
pub(super) fn object(value: &Value, is_json: bool, times: &TimeFormat) -> Result<()> {
    let text = match is_json {
        true => format!("{value:#}\n"),
        false => facts(value, times),
    };
    written(std::io::stdout().write_all(text.as_bytes()))
}

// One line for each member; a list of objects follows as a table.
fn facts(value: &Value, times: &TimeFormat) -> String {
    let Value::Object(members) = value else { return format!("{value}\n") };
    let mut lines = Vec::new();
    let mut tables = String::new();
    // What it is first; a JSON object has no order of its own.
    let place = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    let mut members: Vec<(&String, &Value)> = members.iter().collect();
    members.sort_by_key(|(name, _)| place(name));
    for (name, member) in members {
        match member {
            Value::Array(items) if items.iter().any(Value::is_object) => {
                tables.push('\n');
                tables.push_str(&table::Table::of_items(times.clone()).rows(items));
            }
            member => lines.push((label(name), table::cell(name, member, times))),
        }
    }
    let width = lines.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let lines: String = lines.iter().map(|(label, text)| format!("{label:width$}  {text}\n")).collect();
    lines + &tables
}

// `last_used_at` is "Last used".
fn label(name: &str) -> String {
    match name {
        "id" => "ID".into(),
        "client_id" => "Client ID".into(),
        "client_ip" => "Client IP".into(),
        "requires_pkce" => "Requires PKCE".into(),
        "redirect_uris" => "Redirect URIs".into(),
        "access_tokens_and_api_keys" => "Access tokens and API keys".into(),
        name => capitalized(&name.strip_suffix("_at").unwrap_or(name).replace('_', " ")),
    }
}
