//! One page of a token list, with the number of matching tokens.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::keyset::{Count, Cursor, Place, Slice};
use crate::time::{DAY, Timestamp};
use crate::tokens::listing::criteria::Criteria;
use crate::tokens::listing::index_read::{IndexRead, Key, Order};
use crate::tokens::listing::row::{ListedToken, SortBy};
use crate::tokens::listing::{EXPIRING_SOON_DAYS, StatusFilter, TokenFilter, UNUSED_DAYS, Within, revoked};

/// Which tokens are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// API keys; expired ones until they are deleted.
    ApiKeys,
    /// Refresh tokens; expired ones until they are deleted.
    RefreshTokens,
    /// Valid access tokens, without API keys.
    AccessTokens,
    /// The expired access tokens of a refresh token.
    EndedTokens,
}

/// How much is read for one page.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A list with at most so many rows is read as a whole.
    pub gathered: i64,
    /// So many rows are looked through for one page.
    pub searched: i64,
    /// Counts are exact up to here.
    pub counted: i64,
    /// A filter that at most so many employees match is read by employee.
    pub employees: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { gathered: 1_000, searched: 5_000, counted: 1_000, employees: 20 }
    }
}

/// The page that is asked for.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The list.
    pub list: List,
    /// What its tokens belong to.
    pub within: Within,
    /// The filter. Access tokens are always valid, ended tokens always expired.
    pub filter: &'a TokenFilter,
    /// The sort order. A long list without an index for it is sorted by creation.
    pub sort: SortBy,
    /// Whether the largest value is first.
    pub descending: bool,
    /// Where the page is.
    pub cursor: Cursor,
    /// Rows on a page.
    pub page: usize,
    /// What is valid now.
    pub now: Timestamp,
    /// How much is read.
    pub limits: Limits,
}

/// A page, and counts for the text around it.
#[derive(Debug)]
pub struct TokenPage {
    /// The rows on the page.
    pub rows: Slice<ListedToken>,
    /// How many tokens match the filter.
    pub total: Count,
    /// How many valid tokens the list has without filters.
    pub valid: Count,
    /// How many expired tokens it has without filters.
    pub expired: Count,
    /// What the list is sorted by.
    pub sort: SortBy,
    /// Whether the largest value is first.
    pub descending: bool,
    /// The last place looked at, if the page is not full although there may be more: the next page continues there.
    pub stopped: Option<Place>,
}

/// Reads a page.
pub fn find(conn: &mut DbConnection, request: &Request<'_>) -> QueryResult<TokenPage> {
    let takes_out = revoked::are_being_deleted(conn)?;
    let mut reader = Reader { conn, request, takes_out };
    let totals = reader.totals()?;
    let expired = request.expired();
    let both = (totals.valid, totals.expired);
    let (own, others) = if expired { (both.1, both.0) } else { both };
    let filter = TokenFilter { expired, ..request.filter.clone() };
    let Some(criteria) = Criteria::of(reader.conn, reader.scope(), &filter, request.now)? else {
        return Ok(request.whole(Vec::new(), both));
    };
    if let Some(mut rows) = totals.everything {
        rows.retain(|row| criteria.accept(row));
        return Ok(request.whole(rows, both));
    }
    let is_sparse = !own.capped && others.seen() > own.n;
    let mut matching = 0;
    for reads in reader.narrow_reads(&criteria, is_sparse) {
        match reader.gathered(&reads, &criteria)? {
            Gathered::Complete(rows) => return Ok(request.whole(rows, both)),
            Gathered::Partial(n) => matching = matching.max(n),
        }
    }
    let mut page = reader.searched(&criteria)?;
    (page.valid, page.expired) = both;
    let known = if criteria.is_empty() { own } else { Count { n: matching, capped: true } };
    page.total = match known.capped {
        false => known,
        true => Count { n: page.total.n.max(known.n), ..page.total }.up_to(request.limits.counted),
    };
    Ok(page)
}

/// Counts the valid tokens of a list that has at most `limit` rows; `None` for a longer one.
pub fn count_few(conn: &mut DbConnection, request: &Request<'_>, limit: i64) -> QueryResult<Option<i64>> {
    let takes_out = revoked::are_being_deleted(conn)?;
    let few = Request { limits: Limits { gathered: limit, ..request.limits }, ..*request };
    let mut reader = Reader { conn, request: &few, takes_out };
    let criteria = Criteria::all(reader.scope(), false, request.now);
    Ok(match reader.gathered(&[reader.newest(request.list)], &criteria)? {
        Gathered::Complete(rows) => Some(rows.len() as i64),
        Gathered::Partial(_) => None,
    })
}

/// What came of reading a set of rows as a whole.
pub enum Gathered {
    /// All matching rows.
    Complete(Vec<ListedToken>),
    /// There are more rows than may be read; so many of those that were read match.
    Partial(i64),
}

/// Reads the rows of one request.
pub struct Reader<'a> {
    pub conn: &'a mut DbConnection,
    pub request: &'a Request<'a>,
    /// Whether there may be revoked tokens to take out.
    pub takes_out: bool,
}

impl Reader<'_> {
    /// The list and what it is within.
    pub fn scope(&self) -> (List, Within) {
        (self.request.list, self.request.within)
    }

    /// Reads every matching row, unless there are too many rows.
    pub fn gathered(&mut self, reads: &[IndexRead], criteria: &Criteria) -> QueryResult<Gathered> {
        let (mut rows, is_complete) = self.limited(reads)?;
        rows.retain(|row| criteria.accept(row));
        Ok(if is_complete { Gathered::Complete(rows) } else { Gathered::Partial(rows.len() as i64) })
    }

    /// Reads rows up to the limit, and says whether these are all.
    pub fn limited(&mut self, reads: &[IndexRead]) -> QueryResult<(Vec<ListedToken>, bool)> {
        let limit = self.request.limits.gathered;
        let mut rows = Vec::new();
        for read in reads {
            let room = limit + 1 - rows.len() as i64;
            rows.extend(IndexRead { limit: room, ..read.clone() }.rows(self.conn)?);
            if rows.len() as i64 > limit {
                break;
            }
        }
        let is_complete = rows.len() as i64 <= limit;
        self.take_out(&mut rows)?;
        Ok((rows, is_complete))
    }

    fn take_out(&mut self, rows: &mut Vec<ListedToken>) -> QueryResult<()> {
        if self.takes_out && !rows.is_empty() { revoked::take_out(self.conn, self.scope(), rows) } else { Ok(()) }
    }

    /// All of a list, newest first.
    pub fn newest(&self, list: List) -> IndexRead {
        let sort = if list == List::EndedTokens { SortBy::Expires } else { SortBy::Created };
        IndexRead { list, ..self.read(self.request.key(), Order::By(sort)) }
    }

    /// The valid or the expired part of the list.
    pub fn by_expiry(&self, criteria: &Criteria) -> IndexRead {
        let read = self.read(self.request.key(), Order::By(SortBy::Expires));
        self.request.side(read, criteria.is_expired())
    }

    fn read(&self, key: Key, order: Order) -> IndexRead {
        IndexRead { list: self.request.list, key, order, from: None, to: None, descending: true, start: None, limit: 0 }
    }

    // The indexes of the filter, from the one with the fewest rows to expect. Each entry covers all matching rows.
    fn narrow_reads(&self, criteria: &Criteria, is_sparse: bool) -> Vec<Vec<IndexRead>> {
        let Within::Client(client) = self.request.within else { return Vec::new() };
        let mut all = Vec::new();
        if !criteria.prefix.is_empty() {
            all.push(vec![self.read(Key::Client(client), Order::Prefix(criteria.prefix.clone()))]);
        }
        if let Some(employees) = criteria.employees.as_ref().filter(|all| all.len() <= self.request.limits.employees) {
            let key = |employee| match self.request.list {
                List::RefreshTokens => Key::EmployeeOfClient(employee, client),
                _ => Key::Employee(employee),
            };
            all.push(employees.iter().map(|id| self.read(key(*id), Order::By(SortBy::Created))).collect());
        }
        if !self.request.is_indexed_by_time() {
            return all;
        }
        let used = |from, to| {
            let read = self.read(Key::Client(client), Order::By(SortBy::LastUsed));
            vec![IndexRead { from: Some(from), to: Some(to), ..read }]
        };
        match criteria.status {
            Some(StatusFilter::NeverUsed) => all.push(used(0, 0)),
            Some(StatusFilter::Unused) => all.push(used(1, self.request.now.plus(-UNUSED_DAYS * DAY).0)),
            Some(StatusFilter::ExpiringSoon) => {
                let soon = self.request.now.plus(EXPIRING_SOON_DAYS * DAY).0;
                let valid = self.by_expiry(criteria);
                all.push(vec![IndexRead { to: Some(valid.to.map_or(soon, |to| to.min(soon))), ..valid }]);
            }
            _ => {}
        }
        if is_sparse || !criteria.is_empty() {
            all.push(vec![self.by_expiry(criteria)]);
        }
        all
    }

    // Looks through the list in its own order, from where the page starts.
    fn searched(&mut self, criteria: &Criteria) -> QueryResult<TokenPage> {
        let request = self.request;
        let (sort, descending) = request.indexed_order();
        let mut read = self.read(request.key(), Order::By(sort));
        if sort == SortBy::Expires {
            read = request.side(read, criteria.is_expired());
        }
        read.descending = descending != request.cursor.is_backward();
        read.start = request.cursor.place();
        let (mut found, mut looked_at, mut chunk) = (Vec::new(), 0, request.page as i64 + 1);
        let (stopped, is_end) = loop {
            read.limit = chunk.min(request.limits.searched - looked_at);
            let mut rows = read.rows(self.conn)?;
            let is_end = (rows.len() as i64) < read.limit;
            looked_at += rows.len() as i64;
            read.start = rows.last().map(|row| row.place(sort));
            rows.retain(|row| criteria.accept(row));
            self.take_out(&mut rows)?;
            found.extend(rows);
            match () {
                () if found.len() > request.page || is_end => break (None, is_end),
                () if looked_at >= request.limits.searched => break (read.start, false),
                () => chunk = (4 * chunk).max(500),
            }
        };
        let is_whole = is_end && request.cursor.place().is_none();
        let total = Count { n: found.len() as i64, capped: !is_whole };
        let rows = Slice::from_scan(found, request.cursor, request.page);
        let (valid, expired) = Default::default();
        Ok(TokenPage { rows, total, valid, expired, sort, descending, stopped })
    }
}

impl Request<'_> {
    fn expired(&self) -> bool {
        match self.list {
            List::ApiKeys | List::RefreshTokens => self.filter.expired,
            List::AccessTokens => false,
            List::EndedTokens => true,
        }
    }

    fn key(&self) -> Key {
        match self.within {
            Within::Client(client) => Key::Client(client),
            Within::RefreshToken(client, id) => Key::RefreshToken(client, id),
            Within::Employee(employee) => Key::Employee(employee),
        }
    }

    fn is_indexed_by_time(&self) -> bool {
        matches!((self.list, self.within), (List::ApiKeys | List::RefreshTokens, Within::Client(_)))
    }

    // The order in which a list that cannot be read as a whole is sorted.
    fn indexed_order(&self) -> (SortBy, bool) {
        match self.list {
            List::EndedTokens => (SortBy::Expires, self.descending || self.sort != SortBy::Expires),
            _ if self.is_indexed_by_time() || self.sort == SortBy::Created => (self.sort, self.descending),
            _ => (SortBy::Created, true),
        }
    }

    fn side(&self, read: IndexRead, expired: bool) -> IndexRead {
        match expired {
            true => IndexRead { to: Some(self.now.0), ..read },
            false => IndexRead { from: Some(self.now.0 + 1), ..read },
        }
    }

    // A page of a list that was read as a whole.
    fn whole(&self, mut rows: Vec<ListedToken>, (valid, expired): (Count, Count)) -> TokenPage {
        let total = Count { n: rows.len() as i64, capped: false };
        let down = self.descending != self.cursor.is_backward();
        let key = |row: &ListedToken| {
            let Place { value, id } = row.place(self.sort);
            (value, id)
        };
        rows.sort_unstable_by_key(key);
        if down {
            rows.reverse();
        }
        if let Some(Place { value, id }) = self.cursor.place() {
            let value = if self.sort == SortBy::Created { id } else { value };
            rows.retain(|row| if down { key(row) < (value, id) } else { key(row) > (value, id) });
        }
        rows.truncate(self.page + 1);
        let rows = Slice::from_scan(rows, self.cursor, self.page);
        TokenPage { rows, total, valid, expired, sort: self.sort, descending: self.descending, stopped: None }
    }
}
