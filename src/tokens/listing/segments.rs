//! How the rows of a token list are read: which index is used and how far it is followed, so that the first and the last
//! page of a client with a million tokens cost the same.
//!
//! SQLite has no statistics here and guesses the best index, wrongly when one client owns half of all rows. So the SQL
//! says it: `(…) IS TRUE` keeps the planner from using an index for a condition, `+ 0` from using one for an ORDER BY.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::db::DbConnection;
use crate::db::keyset::{Count, Keyset, PAGE, Place};
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

impl ListQuery<'_> {
    /// The page that `keyset` names plus one row, in the direction the list is read.
    pub fn page(&self, conn: &mut DbConnection, keyset: &Keyset) -> QueryResult<Vec<Row>> {
        let mut rows = self.rows(conn, keyset)?;
        rows.truncate(PAGE + 1);
        Ok(rows)
    }

    /// How many rows match, up to a cap.
    pub fn count(&self, conn: &mut DbConnection) -> QueryResult<Count> {
        let cap = if self.filter.is_empty() { CAP } else { FILTERED_CAP };
        count(conn, self.table, &self.matching(), cap)
    }

    fn rows(&self, conn: &mut DbConnection, keyset: &Keyset) -> QueryResult<Vec<Row>> {
        let select = |conditions: &str, order: &str, tail: &str| {
            let (name, column) = (self.table.name(), keyset.column);
            format!("SELECT id, {column} AS value FROM {name} WHERE {conditions} ORDER BY {order} {tail}")
        };
        let (order, limit) = (keyset.order(), format!("LIMIT {}", PAGE + 1));
        let entry = keyset.entry().unwrap_or_default();
        if self.is_read_in_order() {
            let start = self.start(&entry, keyset.column);
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
        let all = all_of(&[self.matching(), without_index(&entry)]);
        diesel::sql_query(select(&all, &sorted, &limit)).load(conn)
    }

    // Whether to read in sort order first. Filters with few rows and their own index are faster through that index.
    fn is_read_in_order(&self) -> bool {
        let by_status = match self.filter.status {
            Some(StatusFilter::Unused | StatusFilter::EmployeeInactive) => false,
            Some(StatusFilter::ExpiringSoon) => self.table == Table::RefreshTokens,
            Some(StatusFilter::EmployeeActive | StatusFilter::NeverUsed) | None => true,
        };
        matches!(self.within, Within::Client(_))
            && by_status
            && self.filter.token.is_empty()
            && self.filter.token_type != Some(TokenType::ApiKey)
            && (self.filter.employee.is_empty() || self.has_common_employees)
    }

    // The conditions at which the index of the sort order is entered.
    fn start(&self, entry: &str, column: &str) -> String {
        let never_used = self.filter.status == Some(StatusFilter::NeverUsed) && column != "expires_at";
        all_of(&[
            self.within.condition(self.table),
            entry.into(),
            if never_used { "last_used_at = 0".into() } else { String::new() },
            if column == "expires_at" { self.expiry.clone() } else { String::new() },
        ])
    }

    // Everything that matches, written for the filter's own index or, without one, for the index on `expires_at`.
    fn matching(&self) -> String {
        let by_use = self.filter.status == Some(StatusFilter::NeverUsed) && self.filter.employee.is_empty();
        let is_selective = by_use || !self.is_read_in_order() || !self.filter.employee.is_empty();
        let expiry = if is_selective { without_index(&self.expiry) } else { self.expiry.clone() };
        let base = self.within.condition(self.table);
        all_of(&[&[base, expiry], &self.conditions[..], &self.not_revoked[..]].concat())
    }
}
