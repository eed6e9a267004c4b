//! The two ways to read a list: gather all rows of a filter's index, or search the list in its own order.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::keyset::{Count, Slice};
use crate::time::DAY;
use crate::tokens::listing::criteria::Criteria;
use crate::tokens::listing::index_read::{IndexRead, Key, Order};
use crate::tokens::listing::row::{ListedToken, SortBy};
use crate::tokens::listing::{
    EXPIRING_SOON_DAYS, List, Request, StatusFilter, TokenPage, UNUSED_DAYS, Within, revoked,
};

/// The result of reading a set of rows as a whole.
pub enum Gathered {
    /// All matching rows.
    Complete(Vec<ListedToken>),
    /// There are more rows than may be read; this many of the rows that were read match.
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
            // Always the same number, because it is part of the statement that stays prepared.
            rows.extend(IndexRead { limit: limit + 1, ..read.clone() }.rows(self.conn)?);
            if rows.len() as i64 > limit {
                break;
            }
        }
        let is_complete = rows.len() as i64 <= limit;
        self.take_out(&mut rows)?;
        Ok((rows, is_complete))
    }

    fn take_out(&mut self, rows: &mut Vec<ListedToken>) -> QueryResult<()> {
        let is_of_client = !matches!(self.request.within, Within::Employee(_));
        match self.takes_out && !rows.is_empty() {
            true => revoked::take_out(self.conn, (self.request.list, is_of_client), rows),
            false => Ok(()),
        }
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

    /// The indexes of the filter, from the one with the fewest rows to expect. Each entry covers all matching rows.
    pub fn narrow_reads(&self, criteria: &Criteria, is_sparse: bool) -> Vec<Vec<IndexRead>> {
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

    /// Searches the list in its own order, from where the page starts.
    pub fn searched(&mut self, criteria: &Criteria) -> QueryResult<TokenPage> {
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
