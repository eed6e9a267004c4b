//! Counts that would take long: those of rules about tokens with many items.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use diesel::QueryResult;

use crate::access::attention::acknowledgement::Acknowledged;
use crate::access::attention::{Asked, Finding, Rule};
use crate::db::DbConnection;
use crate::id::EmployeeKey;
use crate::time::{MINUTE, Timestamp};

// How many are kept; of more, all are forgotten.
const KEPT: usize = 1_000;
// A rule with more items than these is not counted for each page.
const MANY: i64 = 100;

/// For a minute each, what a rule found when it found more than a hundred items. Everything smaller is counted each time.
#[derive(Debug, Default)]
pub struct LargeCounts(Mutex<HashMap<Asker, (Timestamp, Finding)>>);

// The word of a rule, and whom it was asked for.
type Asker = (&'static str, Option<EmployeeKey>);

impl LargeCounts {
    /// What the rule found within the last minute, unless the first of its items is no longer one. After a minute, whoever asks
    /// first gets `None` and counts again.
    pub(super) fn known(
        &self,
        conn: &mut DbConnection,
        rule: &'static Rule,
        asked: Asked,
        quiet: &Acknowledged,
    ) -> QueryResult<Option<Finding>> {
        let Some(finding) = self.recent(rule, asked) else { return Ok(None) };
        Ok(match &finding.first {
            Some(first) if !rule.still_finds(conn, first.subject, asked, quiet)? => None,
            _ => Some(finding),
        })
    }

    fn recent(&self, rule: &'static Rule, asked: Asked) -> Option<Finding> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (counted_at, finding) = all.get_mut(&(rule.word, asked.only))?;
        if asked.now.since(*counted_at) < MINUTE {
            return Some(finding.clone());
        }
        *counted_at = asked.now;
        None
    }

    /// Keeps what was found if there is much of it.
    pub(super) fn keep(&self, finding: &Finding, asked: Asked) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT {
            all.clear();
        }
        let key = (finding.rule.word, asked.only);
        let is_large = finding.count.capped || finding.count.n > MANY;
        match is_large && finding.rule.is_about_tokens() {
            true => all.insert(key, (asked.now, finding.clone())),
            false => all.remove(&key),
        };
    }
}
