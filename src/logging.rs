//! The log. This program logs at the configured level; libraries log at most warnings, so that none prints headers or
//! bodies. Control characters are replaced, so that each entry is one line.

use std::io::Write;

use log::LevelFilter;

use crate::text::one_line;

/// Starts the log on standard error.
pub fn start(level: LevelFilter) {
    let others = level.min(LevelFilter::Warn);
    let started = env_logger::Builder::new()
        .filter_level(others)
        .filter_module("client_api_access", level)
        .format(|out, record| {
            let message = one_line(&record.args().to_string());
            writeln!(out, "{} {:5} {} {message}", out.timestamp_seconds(), record.level(), record.target())
        })
        .try_init();
    // A second start in one process (tests) keeps the first logger.
    drop(started);
}
