//! One page of the inventory, with the number of matching tokens.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::index_order::in_index_order;
use crate::db::keyset::{Count, Cursor, Place, Slice};
use crate::tokens::listing::index_read::{IndexRead, Key, Order, count_by_expiry};
use crate::tokens::listing::inventory::by_id;
use crate::tokens::listing::inventory::criteria::{Criteria, Scoped};
use crate::tokens::listing::inventory::filter::{InventoryFilter, Reach};
use crate::tokens::listing::inventory::scan::{Scan, Walk, place_of};
use crate::tokens::listing::row::{ListedToken, SortBy};
use crate::tokens::listing::{Limits, List, TokenPage, revoked};

/// A request for a page of the inventory.
#[derive(Clone, Copy, Debug)]
pub struct InventoryRequest<'a> {
    /// The filter.
    pub filter: &'a InventoryFilter,
    /// Whose tokens, and the time: tokens that expire later are valid.
    pub scoped: Scoped,
    /// The sort order. If the filter selects a long list by a date, that list is sorted by this date.
    pub sort: SortBy,
    /// Whether the largest value is first.
    pub descending: bool,
    /// Where the page is: a place of [`place_of`].
    pub cursor: Cursor,
    /// Rows on a page.
    pub page: usize,
    /// How much is read.
    pub limits: Limits,
}

/// Reads a page.
pub fn find(conn: &mut DbConnection, request: &InventoryRequest<'_>) -> QueryResult<TokenPage> {
    in_index_order(conn, |conn| {
        let criteria = Criteria::of(conn, request.filter, request.scoped)?;
        let takes_out = revoked::are_being_deleted(conn)?;
        Finder { conn, request, criteria, takes_out }.page()
    })
}

/// The matching tokens behind a place, in the order of a list that is too long to be read as a whole.
pub fn read_on(
    conn: &mut DbConnection,
    request: &InventoryRequest<'_>,
    start: Option<Place>,
    limits: (usize, i64),
) -> QueryResult<Scan> {
    in_index_order(conn, |conn| {
        let criteria = Criteria::of(conn, request.filter, request.scoped)?;
        match criteria.is_impossible() {
            true => Ok(Scan { found: Vec::new(), looked_at: 0, stopped: None }),
            false => request.walk(&criteria).scan(conn, &criteria, start, limits),
        }
    })
}

struct Finder<'a> {
    conn: &'a mut DbConnection,
    request: &'a InventoryRequest<'a>,
    criteria: Criteria,
    takes_out: bool,
}

// All matching rows, or how many of those that were read match.
enum Gathered {
    Complete(Vec<ListedToken>),
    Partial(i64),
}

impl Finder<'_> {
    fn page(&mut self) -> QueryResult<TokenPage> {
        let (valid, expired) = self.counts()?;
        let own = if self.criteria.is_expired() { expired } else { valid };
        if self.criteria.is_impossible() {
            return Ok(self.whole(Vec::new(), (valid, expired)));
        }
        if let Some(rows) = self.beyond_role()? {
            return Ok(self.whole(rows, (valid, expired)));
        }
        let mut matching = 0;
        for reads in self.narrow_reads(own) {
            match self.gathered(&reads)? {
                Gathered::Complete(rows) => return Ok(self.whole(rows, (valid, expired))),
                Gathered::Partial(n) => matching = matching.max(n),
            }
        }
        let mut page = self.searched()?;
        (page.valid, page.expired) = (valid, expired);
        if self.criteria.takes_all() && !own.capped {
            page.total = own;
        } else if page.total.capped {
            let n = page.total.n.max(matching).max(if self.criteria.takes_all() { own.n } else { 0 });
            page.total = Count { n, capped: true }.up_to(self.request.limits.counted);
        }
        Ok(page)
    }

    // All matching rows of the filter that has a stored flag, unless they are too many.
    fn beyond_role(&mut self) -> QueryResult<Option<Vec<ListedToken>>> {
        if self.criteria.filter.reach != Some(Reach::BeyondRole) {
            return Ok(None);
        }
        let Some(mut rows) = by_id::beyond_role(self.conn, self.request.limits.gathered)? else { return Ok(None) };
        rows.retain(|row| self.criteria.accept(row));
        self.criteria.take_out_revoked(self.conn, &mut rows)?;
        Ok(Some(rows))
    }

    // The valid and the expired tokens of the type that is listed, whatever the other filters are.
    fn counts(&mut self) -> QueryResult<(Count, Count)> {
        let (mut valid, mut expired, limit) = (0, 0, self.request.limits.counted + 1);
        for list in self.criteria.lists() {
            let (more, others) = count_by_expiry(self.conn, *list, None, (self.criteria.now, limit))?;
            (valid, expired) = (valid + more, expired + others);
        }
        let count = |n| match self.takes_out {
            // Some of them may be revoked.
            true => Count { n: 0, capped: n > 0 },
            false => Count::capped_at(n, limit - 1),
        };
        Ok((count(valid), count(expired)))
    }

    // The indexes of the filter. Each entry covers all matching rows.
    fn narrow_reads(&self, own: Count) -> Vec<Vec<IndexRead>> {
        let (criteria, limits) = (&self.criteria, self.request.limits);
        let mut all = Vec::new();
        let of_keys = |keys: Vec<Key>| -> Vec<IndexRead> {
            let read = |key, list: &List| IndexRead {
                list: *list,
                key,
                order: Order::By(SortBy::Created),
                from: None,
                to: None,
                descending: true,
                start: None,
                limit: 0,
            };
            keys.into_iter().flat_map(|key| criteria.lists().iter().map(move |list| read(key, list))).collect()
        };
        if let Some(employees) = criteria.employees.as_ref().filter(|all| all.len() <= limits.employees) {
            all.push(of_keys(employees.iter().map(|id| Key::Employee(*id)).collect()));
        }
        if let Some(clients) = criteria.clients.as_ref().filter(|all| all.len() <= limits.employees) {
            all.push(of_keys(clients.iter().map(|id| Key::Client(*id)).collect()));
        }
        let of_walk = |walk: Walk| criteria.lists().iter().map(|list| walk.read(*list)).collect();
        all.extend(Walk::of_dates(criteria).map(of_walk));
        if !own.capped {
            let by_expiry = Walk { key: Key::All, ..Walk::in_order(criteria, SortBy::Expires, true) };
            let to = criteria.is_expired().then_some(criteria.now.0);
            all.push(of_walk(Walk { sort: SortBy::Expires, to, ..by_expiry }));
        }
        all
    }

    fn gathered(&mut self, reads: &[IndexRead]) -> QueryResult<Gathered> {
        let limit = self.request.limits.gathered;
        let mut all = Vec::new();
        let mut looked_at = 0;
        for read in reads {
            // Always the same number, because it is part of the statement that stays prepared.
            let mut rows = IndexRead { limit: limit + 1, ..read.clone() }.rows(self.conn)?;
            looked_at += rows.len() as i64;
            rows.retain(|row| self.criteria.accept(row));
            if self.takes_out && !rows.is_empty() {
                revoked::take_out(self.conn, (read.list, false), &mut rows)?;
            }
            all.extend(rows);
            if looked_at > limit {
                return Ok(Gathered::Partial(all.len() as i64));
            }
        }
        Ok(Gathered::Complete(all))
    }

    // A page of a list that was read as a whole.
    fn whole(&self, mut rows: Vec<ListedToken>, (valid, expired): (Count, Count)) -> TokenPage {
        let InventoryRequest { sort, descending, cursor, page, .. } = *self.request;
        let total = Count { n: rows.len() as i64, capped: false };
        let down = descending != cursor.is_backward();
        let key = |row: &ListedToken| {
            let Place { value, id } = place_of(row, sort);
            (value, id)
        };
        rows.sort_unstable_by_key(key);
        if down {
            rows.reverse();
        }
        if let Some(Place { value, id }) = cursor.place() {
            rows.retain(|row| if down { key(row) < (value, id) } else { key(row) > (value, id) });
        }
        rows.truncate(page + 1);
        let rows = Slice::from_scan(rows, cursor, page);
        TokenPage { rows, total, valid, expired, sort, descending, stopped: None }
    }

    // Searches in one order, from where the page starts.
    fn searched(&mut self) -> QueryResult<TokenPage> {
        let InventoryRequest { cursor, page, limits, .. } = *self.request;
        let Walk { sort, descending, .. } = self.request.walk(&self.criteria);
        let walk = Walk { descending: descending != cursor.is_backward(), ..self.request.walk(&self.criteria) };
        let scan = walk.scan(self.conn, &self.criteria, cursor.place(), (page + 1, limits.searched))?;
        let is_whole = scan.stopped.is_none() && cursor.place().is_none();
        let total = Count { n: scan.found.len() as i64, capped: !is_whole };
        let stopped = scan.stopped.filter(|_| scan.found.len() <= page);
        let rows = Slice::from_scan(scan.found, cursor, page);
        let (valid, expired) = Default::default();
        Ok(TokenPage { rows, total, valid, expired, sort, descending, stopped })
    }
}

impl InventoryRequest<'_> {
    /// The order in which a list is read that is too long to be read as a whole.
    pub fn walk(&self, criteria: &Criteria) -> Walk {
        match Walk::of_dates(criteria) {
            Some(walk) if walk.sort == self.sort => Walk { descending: self.descending, ..walk },
            Some(walk) => walk,
            None => Walk::in_order(criteria, self.sort, self.descending),
        }
    }
}
