//! `clients`, `tokens`, `keys`, `employees`, `connections`, `attention` and `activity list`: what the pages show and change, for
//! scripts and for people on a terminal.

mod acting;
mod failure;
mod interrupt;
mod items;
mod local;
mod print;
mod remote;
mod request;
mod source;
mod table;

pub use failure::Failure;

use std::io::Write;

use serde_json::Value;

use crate::commands::access::failure::{FAILED, Result};
use crate::commands::access::local::Local;
use crate::commands::access::remote::Remote;
use crate::commands::access::request::{Request, What};
use crate::commands::access::source::{Noun, Rows, Source};
use crate::commands::start;
use crate::config::access_cli::Place;
use crate::config::access_filters::Pairs;
use crate::time::TimeFormat;

// Rows that are read at once.
const AT_ONCE: usize = 50;

/// Runs one of these commands.
pub(super) fn answer(Request { place, what }: Request) -> Result<()> {
    let mut source = open(&place)?;
    let source = source.as_mut();
    match what {
        What::List { noun, filters, most, after } => list(source, noun, &filters, (most, after), place.json),
        What::Show { noun, name } => {
            let object = source.show(noun, &name)?;
            print::object(&object, place.json, &source.times())
        }
        What::Act { verb, names, confirm } => acting::act(source, &verb, &names, &confirm, place.json),
        What::RevokeMatching { noun, filters, confirm } => {
            acting::revoke_matching(source, noun, &filters, &confirm, place.json)
        }
    }
}

fn open(place: &Place) -> Result<Box<dyn Source>> {
    if let Some(address) = &place.server {
        let token = place.api_token().map_err(Failure::wrong_use)?;
        return Ok(Box::new(Remote::new(address, &token)?));
    }
    let settings = place.settings().map_err(|why| Failure::new(FAILED, why))?;
    Ok(Box::new(Local::open(start(&settings)?)?))
}

fn list(
    source: &mut dyn Source,
    noun: Noun,
    filters: &Pairs,
    (most, mut after): (Option<usize>, Option<String>),
    is_json: bool,
) -> Result<()> {
    let mut printer = RowPrinter::new(noun, is_json, source.times());
    let mut left = most.unwrap_or(usize::MAX);
    loop {
        let Rows { items, next } = source.list(noun, filters, after.as_deref(), left.min(AT_ONCE))?;
        left = left.saturating_sub(items.len());
        printer.add(items)?;
        after = next;
        if after.is_none() || left == 0 {
            break;
        }
    }
    printer.finish()?;
    if let Some(cursor) = after {
        // Beside the rows, so that a script that reads them does not get it.
        eprintln!("There are more. Add --all, or go on with --after {}", crate::text::one_line(&cursor));
    }
    Ok(())
}

// Prints rows as they come, so that a long list needs little memory.
struct RowPrinter {
    json: bool,
    count: usize,
    table: table::Table,
}

impl RowPrinter {
    fn new(noun: Noun, json: bool, times: TimeFormat) -> RowPrinter {
        RowPrinter { json, count: 0, table: table::Table::new(noun, times) }
    }

    fn add(&mut self, items: Vec<Value>) -> Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            for item in &items {
                let start = if self.count == 0 { "[\n" } else { ",\n" };
                print::written(write!(out, "{start}{}", print::json(item)))?;
                self.count += 1;
            }
            return Ok(());
        }
        self.count += items.len();
        print::written(out.write_all(self.table.rows(&items).as_bytes()))
    }

    fn finish(&self) -> Result<()> {
        let end = match (self.json, self.count) {
            (true, 0) => "[]\n",
            (true, _) => "\n]\n",
            (false, 0) => "No results.\n",
            (false, _) => "",
        };
        print::written(std::io::stdout().write_all(end.as_bytes()))
    }
}
