//! The log: our modules at the level asked for, everybody else's capped at warn, so that no library prints a header or a
//! body. One line an entry, whatever somebody sent.

use std::io::Write;

use log::LevelFilter;

/// Starts the log on standard error.
pub fn start(level: LevelFilter) {
    let others = level.min(LevelFilter::Warn);
    let started = env_logger::Builder::new()
        .filter_level(others)
        .filter_module("client_api_access", level)
        .format(|out, record| {
            let message: String =
                record.args().to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            writeln!(out, "{} {:5} {} {message}", out.timestamp_seconds(), record.level(), record.target())
        })
        .try_init();
    // A second start in one process (tests) keeps the first.
    drop(started);
}
