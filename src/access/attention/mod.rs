//! What needs attention: a table of rules, and the items that each one finds.
//!
//! An item is a token, a client, a connection or an activity entry. It can be acknowledged with a reason and a date, and is
//! quiet until then. Every search is bounded: it reads at most [`LOOKED_AT`] rows of one index, and lists [`MOST`] items.

mod acknowledgement;
mod api_tokens;
mod clients;
mod connections;
mod item;
mod large_counts;
mod reuse;
mod rules;
mod token_rows;
mod tokens;

pub use acknowledgement::{Acknowledged, Acknowledgement, LONGEST_QUIET, acknowledge, listed, withdraw};
pub use item::{Item, Moment, Subject};
pub use large_counts::LargeCounts;
pub use rules::{Act, RULES, Rule, Severity};
pub use tokens::{NEVER_USED_DAYS, UNUSED_DAYS};

use crate::db::DbConnection;
use crate::db::keyset::Count;
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::time::Timestamp;

/// The most items of a rule that are counted and listed.
pub const MOST: usize = 1_000;
/// The most rows that a search reads.
pub const LOOKED_AT: i64 = 5_000;

/// For whom and when a rule is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Only what this employee authorized; `None` for everything.
    pub only: Option<EmployeeKey>,
    /// The current time.
    pub now: Timestamp,
}

/// What a rule finds.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The items, at most [`MOST`], without acknowledged ones.
    pub items: Vec<Item>,
    /// Whether there may be more.
    pub capped: bool,
}

impl Found {
    // From a search that may have found more than are listed. `is_end`: whether it read everything.
    fn new(mut items: Vec<Item>, is_end: bool) -> Found {
        let capped = items.len() > MOST || !is_end;
        items.truncate(MOST);
        Found { items, capped }
    }

    /// How many there are: exact up to [`MOST`].
    pub fn count(&self) -> Count {
        Count { n: self.items.len() as i64, capped: self.capped }
    }
}

/// A rule that found something.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// How many items.
    pub count: Count,
    /// The first item; `None` if the search stopped before it found one.
    pub first: Option<Item>,
}

impl Finding {
    /// How many items there are and what is with them: `2 tokens were used twice`.
    pub fn title(&self) -> String {
        format!("{} {}", self.count, self.rule.noun(self.count))
    }
}

/// Asks every rule that concerns the viewer; rules that find nothing are left out. What `large` knows is not counted again.
pub fn findings(conn: &mut DbConnection, asked: Asked, large: &LargeCounts) -> Result<Vec<Finding>> {
    let quiet = Acknowledged::load(conn, asked.now)?;
    let mut findings = Vec::new();
    for rule in RULES.iter().filter(|rule| rule.concerns(asked.only)) {
        let finding = match large.known(conn, rule, asked, &quiet)? {
            Some(finding) => finding,
            None => {
                let found = rule.find(conn, asked, &quiet)?;
                let finding = Finding { rule, count: found.count(), first: found.items.into_iter().next() };
                large.keep(&finding, asked);
                finding
            }
        };
        // A search that stopped before it found anything says nothing.
        findings.extend(finding.first.is_some().then_some(finding));
    }
    Ok(findings)
}
