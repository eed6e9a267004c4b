//! Compares what was measured at several sizes of data.

use std::time::Duration;

use super::table::{Table, ms};

/// How much longer the slowest size may take than the fastest.
const FLAT: f64 = 1.3;

/// The time of each page or endpoint, by name.
pub type Measured = Vec<(String, Duration)>;

/// Prints the median of each at every size, and the ratio of the largest size to the smallest.
pub fn print(what: &str, sizes: &[(String, Measured)]) {
    let headings = sizes.iter().map(|(size, _)| format!("{size}: p50 ms"));
    let headings: Vec<String> = [what.to_string()].into_iter().chain(headings).chain(["ratio".to_string()]).collect();
    let mut table = Table::new(&headings.iter().map(String::as_str).collect::<Vec<_>>());
    let Some((_, smallest)) = sizes.first() else { return };
    for (name, first) in smallest {
        let of = |(_, measured): &(String, Measured)| {
            measured.iter().find(|(other, _)| other == name).map(|(_, time)| *time)
        };
        let times: Vec<Option<Duration>> = sizes.iter().map(of).collect();
        let last = times.last().copied().flatten();
        let ratio = last.map(|last| last.as_secs_f64() / first.as_secs_f64().max(1e-9));
        let cell = match ratio {
            Some(ratio) if ratio > FLAT => format!("! {ratio:.2}"),
            Some(ratio) => format!("{ratio:.2}"),
            None => String::new(),
        };
        let cells = times.iter().map(|time| time.map(ms).unwrap_or_default());
        table.row([name.clone()].into_iter().chain(cells).chain([cell]).collect());
    }
    println!("Goal: the largest within {FLAT} × of the smallest.\n");
    table.print();
}
