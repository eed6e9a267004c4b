//! Rows of JSON as a table.

use serde_json::Value;

use crate::commands::access::source::Noun;
use crate::text::one_line;
use crate::time::{TimeFormat, Timestamp, thousands};

// The heading of a column, and where its value is: `client.name`.
type Column = (&'static str, &'static str);

const CLIENTS: &[Column] = &[
    ("ID", "id"),
    ("NAME", "name"),
    ("STATUS", "status"),
    ("ACCESS", "access"),
    ("EMPLOYEES", "employees"),
    ("REFRESH TOKENS", "refresh_tokens"),
    ("KEYS AND TOKENS", "access_tokens_and_api_keys"),
    ("LAST USED", "last_used_at"),
];
const TOKENS: &[Column] = &[
    ("ID", "id"),
    ("TOKEN", "token"),
    ("TYPE", "type"),
    ("CLIENT", "client.name"),
    ("EMPLOYEE", "employee.name"),
    ("LABEL", "label"),
    ("LAST USED", "last_used_at"),
    ("EXPIRES", "expires_at"),
    ("STATUS", "status"),
];
const KEYS: &[Column] = &[
    ("ID", "id"),
    ("API KEY", "token"),
    ("CLIENT", "client.name"),
    ("EMPLOYEE", "employee.name"),
    ("LABEL", "label"),
    ("LAST USED", "last_used_at"),
    ("EXPIRES", "expires_at"),
    ("STATUS", "status"),
];
const EMPLOYEES: &[Column] = &[
    ("ID", "id"),
    ("NAME", "name"),
    ("E-MAIL", "email"),
    ("ROLE", "role"),
    ("TOKENS", "tokens"),
    ("LAST SIGNED IN", "last_signed_in_at"),
    ("STATE", "state"),
];
const CONNECTIONS: &[Column] = &[
    ("ID", "id"),
    ("NAME", "name"),
    ("TYPE", "type"),
    ("BUSINESS", "business"),
    ("AUTHORIZED BY", "authorized_by"),
    ("REFRESHED", "last_refreshed_at"),
    ("LAST USED", "last_used_at"),
    ("STATUS", "status"),
];
const ATTENTION: &[Column] = &[("RULE", "rule"), ("SEVERITY", "severity"), ("WHAT", "title")];
const ACTIVITY: &[Column] = &[
    ("TIME", "at"),
    ("WHO", "actor"),
    ("WHAT", "what"),
    ("TO", "subject.name"),
    ("DETAIL", "detail"),
    ("FROM", "client_ip"),
];
const ITEMS: &[Column] = &[
    ("ID", "id"),
    ("TYPE", "type"),
    ("NAME", "name"),
    ("LABEL", "label"),
    ("CLIENT", "client.name"),
    ("EMPLOYEE", "employee.name"),
    ("SINCE", "at"),
];

/// A table that is printed in parts: the widths are those of the first part, and grow.
pub(super) struct Table {
    columns: &'static [Column],
    widths: Vec<usize>,
    times: TimeFormat,
}

impl Table {
    pub(super) fn new(noun: Noun, times: TimeFormat) -> Table {
        let columns = match noun {
            Noun::Clients => CLIENTS,
            Noun::Tokens => TOKENS,
            Noun::Keys => KEYS,
            Noun::Employees => EMPLOYEES,
            Noun::Connections => CONNECTIONS,
            Noun::Attention => ATTENTION,
            Noun::Activity => ACTIVITY,
        };
        Table { columns, widths: Vec::new(), times }
    }

    /// Of the items of an attention rule.
    pub(super) fn of_items(times: TimeFormat) -> Table {
        Table { columns: ITEMS, widths: Vec::new(), times }
    }

    /// The next rows, with the headings before the first.
    pub(super) fn rows(&mut self, items: &[Value]) -> String {
        if items.is_empty() {
            return String::new();
        }
        let cells = |item: &Value| -> Vec<String> {
            self.columns.iter().map(|(_, path)| cell(path, member(item, path), &self.times)).collect()
        };
        let mut rows: Vec<Vec<String>> = items.iter().map(cells).collect();
        if self.widths.is_empty() {
            rows.insert(0, self.columns.iter().map(|(heading, _)| (*heading).to_string()).collect());
            self.widths = vec![0; self.columns.len()];
        }
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        rows.iter().map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &[String]) -> String {
        let padded = row.iter().zip(&self.widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = padded.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    }
}

fn member<'a>(item: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(item, |value, name| &value[name])
}

/// A value as people read it. Control characters are replaced, so that a name cannot steer the terminal.
pub(super) fn cell(path: &str, value: &Value, times: &TimeFormat) -> String {
    match value {
        Value::Null => absent(path),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(number) if path == "id" => number.to_string(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.to_string(), thousands),
        Value::String(text) => match Timestamp::parse(text).filter(|_| is_time(path)) {
            Some(at) if path == "expires_at" => times.until(at).text,
            Some(at) if path == "at" => times.exact(at).text,
            Some(at) => times.ago(at).text,
            None => one_line(text),
        },
        Value::Array(items) if items.is_empty() => "none".into(),
        Value::Array(items) => items.iter().map(|item| cell("", item, times)).collect::<Vec<_>>().join(", "),
        Value::Object(members) => match members.get("name").and_then(Value::as_str) {
            Some(name) => one_line(name),
            None => "–".into(),
        },
    }
}

fn is_time(path: &str) -> bool {
    path == "at" || path.ends_with("_at") || path.ends_with("_since")
}

fn absent(path: &str) -> String {
    match path {
        "last_used_at" | "last_signed_in_at" | "last_refreshed_at" => "never".into(),
        "expires_at" => "never".into(),
        _ => "–".into(),
    }
}
