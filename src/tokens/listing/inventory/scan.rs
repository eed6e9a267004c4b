//! Reads refresh tokens and API keys in one order, from the index that each of them has for it.

use std::collections::VecDeque;

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::keyset::Place;
use crate::time::Timestamp;
use crate::tokens::listing::index_read::{IndexRead, Key, Order};
use crate::tokens::listing::inventory::criteria::Criteria;
use crate::tokens::listing::inventory::filter::Expiry;
use crate::tokens::listing::row::{ListedToken, SortBy};
use crate::tokens::listing::{List, revoked};

// Rows of one read: at first as many as a page needs, then more.
const FIRST_CHUNK: i64 = 51;
const LARGEST_CHUNK: i64 = 2_000;

/// An order in which the tokens are read, and the part of the index that can match.
#[derive(Clone, Debug)]
pub struct Walk {
    pub(super) key: Key,
    pub(super) sort: SortBy,
    pub(super) descending: bool,
    pub(super) from: i64,
    pub(super) to: Option<i64>,
}

/// What a scan found.
#[derive(Debug)]
pub struct Scan {
    /// The tokens that match, in the order of the walk.
    pub found: Vec<ListedToken>,
    /// How many rows were looked at.
    pub looked_at: i64,
    /// The last place looked at; `None` when the end was reached.
    pub stopped: Option<Place>,
}

/// The place of a token among refresh tokens and API keys, whose ids are numbered apart: the last bit of the place's id tells
/// which of the two it is.
pub fn place_of(row: &ListedToken, sort: SortBy) -> Place {
    let value = match sort {
        SortBy::Created => row.created_at,
        SortBy::LastUsed => row.last_used_at,
        SortBy::Expires => row.expires_at,
    };
    Place { value: value.0, id: 2 * row.id + i64::from(row.refresh_token.is_none()) }
}

// The place in one of the two lists from which it continues behind a common place.
fn start_in(list: List, Place { value, id }: Place, descending: bool) -> Place {
    let bit = i64::from(list == List::ApiKeys);
    let id = match descending {
        false => id.saturating_sub(bit).div_euclid(2),
        true => -(bit.saturating_sub(id).div_euclid(2)),
    };
    Place { value, id }
}

impl Walk {
    /// The whole of the index that the filter's dates select, in the order of that index; the order asked for if it has none.
    /// `None` when no date is filtered.
    pub fn of_dates(criteria: &Criteria) -> Option<Walk> {
        let (filter, now) = (&criteria.filter, criteria.now);
        let walk = |sort, from: Timestamp, to: Option<Timestamp>| Walk {
            key: Key::All,
            sort,
            descending: false,
            from: from.0,
            to: to.map(|to| to.0),
        };
        let (never, first) = (Timestamp::NEVER_YET, Timestamp(0));
        match (filter.usage, filter.expiry, filter.created) {
            (Some(usage), ..) => {
                let to = usage.unused_since(now).map_or(never, |since| since.plus(-1));
                Some(walk(SortBy::LastUsed, first, Some(to)))
            }
            (_, Some(Expiry::Never), _) => Some(walk(SortBy::Expires, Timestamp::NO_END, None)),
            (_, Some(Expiry::Soon), _) => Some(walk(SortBy::Expires, now.plus(1), Some(criteria.soon()))),
            (_, Some(Expiry::Expired), None) => {
                Some(Walk { descending: true, ..walk(SortBy::Expires, first, Some(now)) })
            }
            (.., Some(created)) => Some(Walk { descending: true, ..walk(SortBy::Created, created.since(now), None) }),
            _ => None,
        }
    }

    /// All that can match, in an order in which a token never moves back while it is used or refreshed.
    pub fn ascending(criteria: &Criteria) -> Walk {
        let all = || Walk { key: Key::All, sort: SortBy::Created, descending: false, from: 0, to: None };
        let one = criteria.clients.as_ref().filter(|clients| clients.len() == 1).and_then(|one| one.iter().next());
        match (Walk::of_dates(criteria), one) {
            (Some(walk), _) => Walk { descending: false, ..walk },
            (None, Some(client)) => Walk { key: Key::Client(*client), sort: SortBy::LastUsed, ..all() },
            (None, None) => all(),
        }
    }

    /// The column whose order it follows.
    pub fn sort(&self) -> SortBy {
        self.sort
    }

    /// All tokens in this order, of one client if only one matches and has an index for the order.
    pub fn in_order(criteria: &Criteria, sort: SortBy, descending: bool) -> Walk {
        let one = criteria.clients.as_ref().filter(|clients| clients.len() == 1).and_then(|one| one.iter().next());
        let (key, sort, descending) = match (one, sort) {
            (None, _) => (Key::All, sort, descending),
            // Refresh tokens of a client have no index by creation time.
            (Some(client), SortBy::Created) => (Key::Client(*client), SortBy::LastUsed, true),
            (Some(client), _) => (Key::Client(*client), sort, descending),
        };
        let from = if sort == SortBy::Expires && !criteria.is_expired() { criteria.now.0 + 1 } else { 0 };
        Walk { key, sort, descending, from, to: None }
    }

    /// A read of one of the two lists along this walk.
    pub fn read(&self, list: List) -> IndexRead {
        IndexRead {
            list,
            key: self.key,
            order: Order::By(self.sort),
            from: Some(self.from),
            to: self.to,
            descending: self.descending,
            start: None,
            limit: 0,
        }
    }

    /// Reads from behind `start` until `want` tokens match or `most` rows were looked at.
    pub fn scan(
        &self,
        conn: &mut DbConnection,
        criteria: &Criteria,
        start: Option<Place>,
        (want, most): (usize, i64),
    ) -> QueryResult<Scan> {
        let takes_out = revoked::are_being_deleted(conn)?;
        let stream = |list: &List| Stream {
            read: IndexRead { start: start.map(|at| start_in(*list, at, self.descending)), ..self.read(*list) },
            rows: VecDeque::new(),
            is_at_end: false,
            chunk: FIRST_CHUNK.min(most),
        };
        let mut streams: Vec<Stream> = criteria.lists().iter().map(stream).collect();
        let (mut found, mut looked_at, mut last) = (Vec::new(), 0, None);
        while found.len() < want && looked_at < most {
            for stream in &mut streams {
                stream.fill(conn, (criteria, takes_out), self.sort)?;
            }
            let heads = streams.iter_mut().filter(|stream| !stream.rows.is_empty());
            let key = |stream: &&mut Stream| stream.rows.front().map(|(Place { value, id }, _)| (*value, *id));
            let Some(first) = (if self.descending { heads.max_by_key(key) } else { heads.min_by_key(key) }) else {
                return Ok(Scan { found, looked_at, stopped: None });
            };
            if let Some((place, row)) = first.rows.pop_front() {
                (last, looked_at) = (Some(place), looked_at + 1);
                found.extend(row);
            }
        }
        Ok(Scan { found, looked_at, stopped: last })
    }
}

// One of the two lists, read in chunks. Rows that do not match have only their place.
struct Stream {
    read: IndexRead,
    rows: VecDeque<(Place, Option<ListedToken>)>,
    is_at_end: bool,
    chunk: i64,
}

impl Stream {
    fn fill(
        &mut self,
        conn: &mut DbConnection,
        (criteria, takes_out): (&Criteria, bool),
        sort: SortBy,
    ) -> QueryResult<()> {
        if !self.rows.is_empty() || self.is_at_end {
            return Ok(());
        }
        let rows = IndexRead { limit: self.chunk, ..self.read.clone() }.rows(conn)?;
        self.is_at_end = (rows.len() as i64) < self.chunk;
        self.chunk = (4 * self.chunk).min(LARGEST_CHUNK);
        let places: Vec<Place> = rows.iter().map(|row| place_of(row, sort)).collect();
        if let Some(last) = places.last() {
            self.read.start = Some(start_in(self.read.list, *last, self.read.descending));
        }
        let mut matching: Vec<ListedToken> = rows.into_iter().filter(|row| criteria.accept(row)).collect();
        if takes_out && !matching.is_empty() {
            revoked::take_out(conn, (self.read.list, false), &mut matching)?;
        }
        let mut matching = matching.into_iter().peekable();
        self.rows =
            places.into_iter().map(|place| (place, matching.next_if(|row| place_of(row, sort) == place))).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lists_continue_behind_a_common_place() {
        // Refresh token 7 has the place 14, API key 7 has 15.
        let start = |list, id, descending| start_in(list, Place { value: 0, id }, descending).id;
        for (id, ascending, descending) in [(14, [7, 6], [7, 7]), (15, [7, 7], [8, 7])] {
            for (list, n) in [(List::RefreshTokens, 0), (List::ApiKeys, 1)] {
                assert_eq!(start(list, id, false), ascending[n], "after {id}");
                assert_eq!(start(list, id, true), descending[n], "before {id}");
            }
        }
    }
}
