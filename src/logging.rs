//! The log. This program logs at the configured level; libraries log at most warnings, so that none prints headers or
//! bodies. Control characters are replaced, so that each entry is one line.

use std::io::Write;

use env_logger::fmt::Formatter;
use log::kv::{self, Key, Value, VisitSource};
use log::{LevelFilter, Record};
use serde_json::{Map, json};

use crate::text::one_line;

/// The format of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts the log on standard error.
pub fn start(level: LevelFilter, format: LogFormat) {
    let others = level.min(LevelFilter::Warn);
    let mut builder = env_logger::Builder::new();
    builder.filter_level(others).filter_module("client_api_access", level);
    match format {
        LogFormat::Text => builder.format(text),
        LogFormat::Json => builder.format(object),
    };
    // A second start in one process (tests) keeps the first logger.
    drop(builder.try_init());
}

fn text(out: &mut Formatter, record: &Record<'_>) -> std::io::Result<()> {
    let message = one_line(&record.args().to_string());
    writeln!(out, "{} {:5} {} {message}", out.timestamp_seconds(), record.level(), record.target())
}

// One object a line: time, level, module and text; and the fields of the entry, such as a request's route and status.
fn object(out: &mut Formatter, record: &Record<'_>) -> std::io::Result<()> {
    let mut object = Map::new();
    object.insert("time".into(), json!(out.timestamp_millis().to_string()));
    object.insert("level".into(), json!(record.level().as_str().to_ascii_lowercase()));
    object.insert("module".into(), json!(record.target()));
    object.insert("message".into(), json!(one_line(&record.args().to_string())));
    // It never fails: see below.
    drop(record.key_values().visit(&mut Fields(&mut object)));
    writeln!(out, "{}", serde_json::Value::Object(object))
}

struct Fields<'a>(&'a mut Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let value = match value.to_u64() {
            Some(number) => json!(number),
            None => json!(one_line(&value.to_string())),
        };
        self.0.insert(key.as_str().into(), value);
        Ok(())
    }
}
