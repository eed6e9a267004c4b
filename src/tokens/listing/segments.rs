//! How the rows of a token list are read: which index is used and how far it is followed, so that the first and the last
//! page of a client with a million tokens cost the same.
//!
//! SQLite has no statistics here and guesses the best index, wrongly when one client owns half of all rows. So the SQL
//! says it: `(…) IS TRUE` keeps the planner from using an index for a condition, `+ 0` from using one for an ORDER BY.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::db::DbConnection;
use crate::db::keyset::{Count, Keyset, PAGE, Place};
use crate::id::AccessTokenKey;
use crate::schema::{access_tokens, clients};
use crate::time::{HOUR, Timestamp};
use crate::tokens::listing::conditions::{all_of, without_index};
use crate::tokens::listing::count::count;
use crate::tokens::listing::{StatusFilter, Table, TokenFilter, TokenType, Within};

// How many rows are read in the list's sort order before the filter's index is used instead.
const WINDOW: i64 = 2_000;
const CAP: i64 = 10_000;
const FILTERED_CAP: i64 = 1_000;

/// A row of a list, by the columns that give its position.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub struct Row {
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The value of the sort column.
    #[diesel(sql_type = BigInt)]
    pub value: i64,
}

/// A list, as SQL conditions.
pub struct ListQuery<'a> {
    pub table: Table,
    pub within: Within,
    /// Selects live or expired tokens.
    pub expiry: String,
    /// What the filter selects.
    pub conditions: Vec<String>,
    /// Leaves out tokens that are being deleted.
    pub not_revoked: Vec<String>,
    pub filter: &'a TokenFilter,
    /// Whether the employees the filter matches own a good share of all tokens.
    pub has_common_employees: bool,
}

// A segment of a list, as a condition.
#[derive(Clone, Debug, Default)]
struct Segment {
    bounds: String,
    distribution: Distribution,
}

// How a segment's rows are distributed in sort order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Distribution {
    // In one piece, before or after the rows of every other segment.
    #[default]
    Contiguous,
    // So far apart that reading in sort order does not find them.
    Scattered,
    // Mixed with the rows of the other segments.
    Interleaved,
}

impl ListQuery<'_> {
    /// The page that `keyset` names plus one row, in the direction the list is read.
    pub fn page(&self, conn: &mut DbConnection, keyset: &Keyset) -> QueryResult<Vec<Row>> {
        let mut rows: Vec<Row> = Vec::new();
        for segment in self.segments(conn, keyset)? {
            let found = self.page_of(conn, &segment, keyset)?;
            let is_full = found.len() > PAGE;
            rows.extend(found);
            if is_full && segment.distribution != Distribution::Interleaved {
                break;
            }
        }
        rows.sort_unstable_by_key(|row| (row.value, row.id));
        if keyset.scans_down() {
            rows.reverse();
        }
        rows.truncate(PAGE + 1);
        Ok(rows)
    }

    /// How many rows match, up to a cap.
    pub fn count(&self, conn: &mut DbConnection) -> QueryResult<Count> {
        if self.filter.is_empty() {
            return count(conn, self.table, &self.matching(&Segment::default()), CAP);
        }
        let by_id = Keyset { column: "id", descending: true, cursor: Default::default() };
        let mut n = 0;
        for segment in self.segments(conn, &by_id)? {
            if n <= FILTERED_CAP {
                n += count(conn, self.table, &self.matching(&segment), FILTERED_CAP - n)?.seen();
            }
        }
        Ok(Count::capped_at(n, FILTERED_CAP))
    }

    fn page_of(&self, conn: &mut DbConnection, segment: &Segment, keyset: &Keyset) -> QueryResult<Vec<Row>> {
        let select = |conditions: &str, order: &str, tail: &str| {
            let (name, column) = (self.table.name(), keyset.column);
            format!("SELECT id, {column} AS value FROM {name} WHERE {conditions} ORDER BY {order} {tail}")
        };
        let (order, limit) = (keyset.order(), format!("LIMIT {}", PAGE + 1));
        let entry = keyset.entry().unwrap_or_default();
        if self.is_read_in_order(segment) {
            let start = self.start(segment, &entry, keyset.column);
            let edge = diesel::sql_query(select(&start, &order, &format!("LIMIT 1 OFFSET {WINDOW}")));
            let edge = edge.get_result::<Row>(conn).optional()?;
            let stop = edge.map(|row| keyset.until(Place { value: row.value, id: row.id })).unwrap_or_default();
            let matching = without_index(&all_of(
                &[std::slice::from_ref(&self.expiry), &self.conditions[..], &self.not_revoked[..]].concat(),
            ));
            let nearest = all_of(&[start, stop, matching]);
            let rows: Vec<Row> = diesel::sql_query(select(&nearest, &order, &limit)).load(conn)?;
            if edge.is_none() || rows.len() > PAGE {
                return Ok(rows);
            }
        }
        let sorted = order.replace(" ASC", " + 0 ASC").replace(" DESC", " + 0 DESC");
        let all = all_of(&[self.matching(segment), without_index(&entry)]);
        diesel::sql_query(select(&all, &sorted, &limit)).load(conn)
    }

    // Whether to read in sort order first. Filters with few rows and their own index are faster through that index.
    fn is_read_in_order(&self, segment: &Segment) -> bool {
        let by_status = match self.filter.status {
            Some(StatusFilter::Unused | StatusFilter::EmployeeInactive) => false,
            Some(StatusFilter::ExpiringSoon) => self.table == Table::RefreshTokens,
            Some(StatusFilter::EmployeeActive | StatusFilter::NeverUsed) | None => true,
        };
        matches!(self.within, Within::Client(_))
            && segment.distribution != Distribution::Scattered
            && by_status
            && self.filter.token.is_empty()
            && self.filter.token_type != Some(TokenType::ApiKey)
            && (self.filter.employee.is_empty() || self.has_common_employees)
    }

    // The conditions at which the index of the sort order is entered.
    fn start(&self, segment: &Segment, entry: &str, column: &str) -> String {
        let never_used = self.filter.status == Some(StatusFilter::NeverUsed) && column != "expires_at";
        all_of(&[
            self.within.condition(self.table),
            segment.bounds.clone(),
            entry.into(),
            if never_used { "last_used_at = 0".into() } else { String::new() },
            if column == "expires_at" { self.expiry.clone() } else { String::new() },
        ])
    }

    // Everything that matches, written for the filter's own index or, without one, for the index on `expires_at`.
    fn matching(&self, segment: &Segment) -> String {
        let by_use = self.filter.status == Some(StatusFilter::NeverUsed) && self.filter.employee.is_empty();
        let is_indexed = by_use || segment.distribution == Distribution::Scattered;
        let bounds = if is_indexed { segment.bounds.clone() } else { without_index(&segment.bounds) };
        let is_selective = by_use || !self.is_read_in_order(&Segment::default()) || !self.filter.employee.is_empty();
        let expiry = if is_selective { without_index(&self.expiry) } else { self.expiry.clone() };
        let base = self.within.condition(self.table);
        all_of(&[&[base, bounds, expiry], &self.conditions[..], &self.not_revoked[..]].concat())
    }

    // The segments of a list, in the order they are read. A client has many more expired than live access tokens, and
    // `live_from` marks the first live one, so each list skips the rows it does not show. API keys can be old and live:
    // they are a segment of their own.
    fn segments(&self, conn: &mut DbConnection, keyset: &Keyset) -> QueryResult<Vec<Segment>> {
        let (Table::AccessTokens, Within::Client(client)) = (self.table, self.within) else {
            return Ok(vec![Segment::default()]);
        };
        let from: i64 = clients::table.find(client).select(clients::live_from).first(conn).optional()?.unwrap_or(0);
        if from == 0 || keyset.column == "expires_at" || (keyset.column != "id" && self.filter.expired) {
            return Ok(vec![Segment::default()]);
        }
        // When that token was created, minus an hour because the clocks of two nodes may differ.
        let first = access_tokens::table.filter(access_tokens::id.ge(AccessTokenKey(from)));
        let created = first.order(access_tokens::id).select(access_tokens::created_at);
        let created: Option<Timestamp> = created.first(conn).optional()?;
        let created = created.map_or(1, |created| created.plus(-HOUR).0.max(1));
        let segment = |distribution: Distribution, bounds: String| Segment { bounds, distribution };
        let mut segments = match (self.filter.expired, keyset.column) {
            // A token does not expire before it was created.
            (true, _) => vec![
                segment(Distribution::Contiguous, format!("id < {from}")),
                segment(Distribution::Scattered, format!("expires_at > {created} AND (id >= {from}) IS TRUE")),
            ],
            (false, "id") => vec![segment(Distribution::Contiguous, format!("id >= {from}"))],
            // Nor is it used before it was created.
            (false, _) => vec![
                segment(Distribution::Contiguous, format!("last_used_at = 0 AND id >= {from}")),
                segment(Distribution::Contiguous, format!("last_used_at >= {created} AND id >= {from}")),
            ],
        };
        if keyset.scans_down() {
            segments.reverse();
        }
        if !self.filter.expired {
            segments.insert(0, segment(Distribution::Interleaved, format!("refresh_token_id IS NULL AND id < {from}")));
        }
        Ok(segments)
    }
}
