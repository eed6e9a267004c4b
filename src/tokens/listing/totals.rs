//! How many valid and how many expired tokens a list has, without filters.

use diesel::prelude::*;

use crate::db::keyset::Count;
use crate::tokens::listing::criteria::Criteria;
use crate::tokens::listing::index_read::{IndexRead, count_by_expiry};
use crate::tokens::listing::reader::{Gathered, Reader};
use crate::tokens::listing::row::ListedToken;
use crate::tokens::listing::{Limits, List, Within};

/// The totals of a list.
pub struct Totals {
    pub valid: Count,
    pub expired: Count,
    /// Every row of the list, if there are few and they had to be read to be counted.
    pub everything: Option<Vec<ListedToken>>,
}

impl Reader<'_> {
    /// Counts a list: from an index where it has one, otherwise by reading a limited number of rows.
    pub fn totals(&mut self) -> QueryResult<Totals> {
        let (list, within) = self.scope();
        let valid = Criteria::all((list, within), false, self.request.now);
        let expired = Criteria::all((list, within), true, self.request.now);
        match (list, within) {
            (List::ApiKeys | List::RefreshTokens, Within::Client(client)) if !self.takes_out => {
                let limit = self.request.limits.counted + 1;
                let (valid, expired) = count_by_expiry(self.conn, list, Some(client), (self.request.now, limit))?;
                let count = |n| Count::capped_at(n, limit - 1);
                Ok(Totals { valid: count(valid), expired: count(expired), everything: None })
            }
            (List::ApiKeys | List::RefreshTokens, Within::Client(_)) => Ok(Totals {
                valid: self.gathered(&[self.by_expiry(&valid)], &valid)?.count(self.request.limits),
                expired: self.gathered(&[self.by_expiry(&expired)], &expired)?.count(self.request.limits),
                everything: None,
            }),
            (List::ApiKeys | List::RefreshTokens, _) => self.totals_of(self.newest(list), &[&valid, &expired]),
            (List::AccessTokens, Within::RefreshToken(..)) => {
                let ended = Criteria::all((List::EndedTokens, within), true, self.request.now);
                let expired = self.gathered(&[self.newest(List::EndedTokens)], &ended)?.count(self.request.limits);
                Ok(Totals { expired, ..self.totals_of(self.newest(list), &[&valid])? })
            }
            (List::AccessTokens, _) => self.totals_of(self.newest(list), &[&valid]),
            (List::EndedTokens, _) => {
                let current = Criteria::all((List::AccessTokens, within), false, self.request.now);
                let valid = self.gathered(&[self.newest(List::AccessTokens)], &current)?.count(self.request.limits);
                Ok(Totals { valid, ..self.totals_of(self.newest(list), &[&expired])? })
            }
        }
    }

    // Reads once for all `sides`: what is valid, and what has expired.
    fn totals_of(&mut self, read: IndexRead, sides: &[&Criteria]) -> QueryResult<Totals> {
        let (rows, is_complete) = self.limited(&[read])?;
        let mut counts = sides.iter().map(|side| {
            let n = rows.iter().filter(|row| side.accept(row)).count() as i64;
            Count::at_least(n, is_complete, self.request.limits.counted)
        });
        let first = counts.next().unwrap_or_default();
        let second = counts.next().unwrap_or_default();
        let (valid, expired) = if sides[0].is_expired() { (second, first) } else { (first, second) };
        Ok(Totals { valid, expired, everything: is_complete.then_some(rows) })
    }
}

impl Gathered {
    fn count(&self, limits: Limits) -> Count {
        match self {
            Gathered::Complete(rows) => Count::at_least(rows.len() as i64, true, limits.counted),
            Gathered::Partial(n) => Count::at_least(*n, false, limits.counted),
        }
    }
}
