//! Token lists: filtered, sorted and paged the same way for refresh tokens and for access tokens and API keys, at a cost
//! that does not grow with the client.
//!
//! A page is found in two bounded steps. First only the nearest few thousand rows in the list's own order are looked at:
//! common filters fill a page there. Otherwise the filter's own index is entered: rare filters have few rows to sort.
//! Conditions are SQL text made of numbers and base62 characters only; names are resolved to ids before.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::db::DbConnection;
use crate::db::keyset::{Count, Keyset, PAGE, Place, Slice};
use crate::db::text_enum::text_enum;
use crate::employees::Employee;
use crate::id::{ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{employees, refresh_tokens};
use crate::time::{DAY, Timestamp};

/// Days without use after which a token counts as unused.
pub const UNUSED_DAYS: i64 = 30;
/// Days before its end from which a token counts as about to lapse.
pub const LAPSING_DAYS: i64 = 7;

const WINDOW: i64 = 4_000;
const CAP: i64 = 10_000;
const FILTERED_CAP: i64 = 1_000;

/// Which table is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Refresh tokens.
    RefreshTokens,
    /// Access tokens and API keys.
    AccessTokens,
}

/// Below what they are listed.
#[derive(Clone, Copy, Debug)]
pub enum Within {
    /// All of a client.
    Client(ClientKey),
    /// The access tokens a refresh token made.
    RefreshToken(ClientKey, RefreshTokenKey),
    /// Everything an employee granted.
    Employee(EmployeeKey),
}

text_enum! {
    /// API keys or access tokens.
    TokenType {
        /// API keys only.
        ApiKey = "api-key",
        /// Access tokens only.
        AccessToken = "access-token",
    }
}

text_enum! {
    /// What a status filter asks for; expired tokens have a list of their own.
    StatusFilter {
        /// The employee behind it can grant access.
        Working = "working",
        /// It was never used.
        NeverUsed = "never-used",
        /// It was used, but not for a month.
        Unused = "unused",
        /// It ends within a week; access tokens, which always do, excepted.
        Lapsing = "lapsing",
        /// The employee behind it is locked or archived.
        Stopped = "stopped",
    }
}

/// Which tokens are shown.
#[derive(Clone, Debug, Default)]
pub struct TokenFilter {
    /// The first characters of the value, case-sensitive, at most seven.
    pub token: String,
    /// A part of the employee's name.
    pub employee: String,
    /// Only this type.
    pub token_type: Option<TokenType>,
    /// Only in this state.
    pub status: Option<StatusFilter>,
    /// The expired ones instead of the live ones.
    pub expired: bool,
}

impl TokenFilter {
    /// Whether nothing is filtered; live or expired is not a filter.
    pub fn is_empty(&self) -> bool {
        self.token.is_empty() && self.employee.is_empty() && self.token_type.is_none() && self.status.is_none()
    }
}

/// A page of ids, and the counts around it.
#[derive(Debug)]
pub struct Listed {
    /// The ids on the page.
    pub ids: Slice<i64>,
    /// How many match.
    pub total: Count,
    /// How many there are of the other kind: expired beside live, live beside expired; all filters off.
    pub others: Count,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Finds the page that `keyset` names.
pub fn find(
    conn: &mut DbConnection,
    (table, within): (Table, Within),
    filter: &TokenFilter,
    keyset: &Keyset,
    now: Timestamp,
) -> QueryResult<Listed> {
    let ended = ended(conn, table, within)?;
    let base = within.condition(table);
    let life = |expired: bool| {
        if expired { format!("expires_at <= {now}", now = now.0) } else { format!("expires_at > {}", now.0) }
    };
    let others = [vec![base.clone(), life(!filter.expired)], ended.clone()].concat();
    let others = count(conn, table, &others, CAP)?;
    let Some(narrowing) = narrowing(conn, filter, now)? else {
        let none = Slice { rows: Vec::new(), has_previous: false, has_next: false };
        return Ok(Listed { ids: none, total: Count::default(), others });
    };
    let conditions = [vec![base.clone(), life(filter.expired)], narrowing, ended].concat();
    let cap = if filter.is_empty() { CAP } else { FILTERED_CAP };
    let total = count(conn, table, &own_index(&conditions, filter, &base), cap)?;
    let rows = page(conn, table, (within, &base), filter, &conditions, keyset)?;
    Ok(Listed { ids: Slice::from_scan(rows, keyset.cursor), total, others })
}

/// The place of a row in a list sorted by `column`, for links to the pages beside it.
pub fn place(conn: &mut DbConnection, table: Table, column: &str, id: i64) -> QueryResult<Place> {
    let sql = format!("SELECT id, {column} AS value FROM {} WHERE id = {id}", table.name());
    let row = diesel::sql_query(sql).get_result::<Row>(conn)?;
    Ok(Place { value: row.value, id: row.id })
}

fn page(
    conn: &mut DbConnection,
    table: Table,
    (within, base): (Within, &String),
    filter: &TokenFilter,
    conditions: &[String],
    keyset: &Keyset,
) -> QueryResult<Vec<i64>> {
    let entry: Vec<String> = keyset.entry().into_iter().collect();
    let select = |conditions: &[String], order: &str, tail: &str| {
        let (name, column) = (table.name(), keyset.column);
        format!("SELECT id, {column} AS value FROM {name} WHERE {} ORDER BY {order} {tail}", conditions.join(" AND "))
    };
    let fits = format!("LIMIT {}", PAGE + 1);
    let order = keyset.order();
    // A client's list may be long; a few characters of a token, and what one grant or one employee has, are few rows.
    if matches!(within, Within::Client(_)) && filter.token.len() < 2 {
        let start = [vec![base.clone()], entry.clone()].concat();
        let edge = select(&start, &order, &format!("LIMIT 1 OFFSET {WINDOW}"));
        let edge = diesel::sql_query(edge).get_result::<Row>(conn).optional()?;
        let stop = edge.as_ref().map(|row| keyset.until(Place { value: row.value, id: row.id }));
        let near = [conditions.to_vec(), entry.clone(), stop.into_iter().collect()].concat();
        let rows: Vec<Row> = diesel::sql_query(select(&near, &order, &fits)).load(conn)?;
        if edge.is_none() || rows.len() > PAGE {
            return Ok(rows.into_iter().map(|row| row.id).collect());
        }
    }
    // Adding nothing to the sort column keeps the databases from walking the list's order in search of a few rows.
    let sorted = order.replace(" ASC", " + 0 ASC").replace(" DESC", " + 0 DESC");
    let all = [own_index(conditions, filter, base), entry].concat();
    let rows: Vec<Row> = diesel::sql_query(select(&all, &sorted, &fits)).load(conn)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

// With a few characters of the token given, the index on those finds fewer rows than the one on the client.
fn own_index(conditions: &[String], filter: &TokenFilter, base: &String) -> Vec<String> {
    let hide = |condition: &String| match condition == base && filter.token.len() >= 2 {
        true => format!("+{}", condition.replace(" AND ", " AND +")),
        false => condition.clone(),
    };
    conditions.iter().map(hide).collect()
}

fn count(conn: &mut DbConnection, table: Table, conditions: &[String], cap: i64) -> QueryResult<Count> {
    let (name, conditions) = (table.name(), conditions.join(" AND "));
    let sql = format!(
        "SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM {name} WHERE {conditions} LIMIT {}) AS counted",
        cap + 1
    );
    diesel::sql_query(sql).get_result::<Counted>(conn).map(|counted| Count::capped_at(counted.n, cap))
}

// The filter as conditions; nothing at all when it cannot match.
fn narrowing(conn: &mut DbConnection, filter: &TokenFilter, now: Timestamp) -> QueryResult<Option<Vec<String>>> {
    let mut conditions = Vec::new();
    if !filter.token.is_empty() {
        let Some(range) = prefix_range(&filter.token) else {
            return Ok(None);
        };
        conditions.push(range);
    }
    if !filter.employee.is_empty() {
        let ids = Employee::named(conn, &filter.employee)?;
        if ids.is_empty() {
            return Ok(None);
        }
        conditions.push(format!("employee_id IN ({})", joined(ids.iter().map(|id| id.0))));
    }
    match filter.token_type {
        None => {}
        Some(TokenType::ApiKey) => conditions.push("refresh_token_id IS NULL".into()),
        Some(TokenType::AccessToken) => conditions.push("refresh_token_id IS NOT NULL".into()),
    }
    const STOPPED: &str = "SELECT id FROM employees WHERE locked_at IS NOT NULL OR archived_at IS NOT NULL";
    match filter.status {
        None => {}
        Some(StatusFilter::Working) => conditions.push(format!("employee_id NOT IN ({STOPPED})")),
        Some(StatusFilter::Stopped) => conditions.push(format!("employee_id IN ({STOPPED})")),
        Some(StatusFilter::NeverUsed) => conditions.push("last_used_at = 0".into()),
        Some(StatusFilter::Unused) => {
            conditions.push(format!("last_used_at > 0 AND last_used_at < {}", now.plus(-UNUSED_DAYS * DAY).0));
        }
        Some(StatusFilter::Lapsing) => {
            let soon = now.plus(LAPSING_DAYS * DAY).0;
            // An access token lives an hour: only what was made to last longer than the warning can be about to lapse.
            conditions.push(format!("expires_at < {soon} AND expires_at - created_at > {}", LAPSING_DAYS * DAY));
        }
    }
    Ok(Some(conditions))
}

// Masks are base62, so a range over them is a comparison of characters.
fn prefix_range(start: &str) -> Option<String> {
    if start.len() > 7 || !start.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    if start.len() == 7 {
        return Some(format!("prefix = '{start}'"));
    }
    let (head, last) = start.split_at(start.len() - 1);
    let after = char::from(last.as_bytes()[0] + 1);
    Some(format!("prefix >= '{start}' AND prefix < '{head}{after}'"))
}

// What has been revoked but is still being deleted must not be shown.
fn ended(conn: &mut DbConnection, table: Table, within: Within) -> QueryResult<Vec<String>> {
    let mut conditions = Vec::new();
    let marks: Vec<(EmployeeKey, i64, i64)> = employees::table
        .filter(employees::ended_access_tokens_through.gt(0).or(employees::ended_refresh_tokens_through.gt(0)))
        .select((employees::id, employees::ended_refresh_tokens_through, employees::ended_access_tokens_through))
        .load(conn)?;
    for (employee, refresh, access) in marks {
        let through = if table == Table::RefreshTokens { refresh } else { access };
        conditions.push(format!("NOT (employee_id = {employee} AND id <= {through})"));
    }
    match (table, within) {
        (Table::RefreshTokens, _) => conditions.push("revoked_at IS NULL".into()),
        (Table::AccessTokens, Within::RefreshToken(..)) => {}
        (Table::AccessTokens, _) => {
            let revoked: Vec<i64> = refresh_tokens::table
                .filter(refresh_tokens::revoked_at.is_not_null())
                .select(refresh_tokens::id)
                .load(conn)?;
            if !revoked.is_empty() {
                let ids = joined(revoked);
                conditions.push(format!("(refresh_token_id IS NULL OR refresh_token_id NOT IN ({ids}))"));
            }
        }
    }
    Ok(conditions)
}

fn joined(ids: impl IntoIterator<Item = i64>) -> String {
    ids.into_iter().map(|id| id.to_string()).collect::<Vec<_>>().join(",")
}

impl Table {
    /// Its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Table::RefreshTokens => "refresh_tokens",
            Table::AccessTokens => "access_tokens",
        }
    }
}

impl Within {
    /// The rows below it, as a condition on `table`.
    pub fn condition(self, table: Table) -> String {
        match (self, table) {
            (Within::Client(client), _) => format!("client_id = {client}"),
            (Within::RefreshToken(_, id), Table::RefreshTokens) => format!("id = {id}"),
            (Within::RefreshToken(client, id), Table::AccessTokens) => {
                format!("refresh_token_id = {id} AND client_id = {client}")
            }
            (Within::Employee(employee), _) => format!("employee_id = {employee}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_filter_is_a_range_of_characters_and_nothing_else_gets_through() {
        assert_eq!(prefix_range("Zk3").as_deref(), Some("prefix >= 'Zk3' AND prefix < 'Zk4'"));
        assert_eq!(prefix_range("z").as_deref(), Some("prefix >= 'z' AND prefix < '{'"));
        assert_eq!(prefix_range("Zk3f9aB").as_deref(), Some("prefix = 'Zk3f9aB'"));
        assert_eq!(prefix_range("' OR 1"), None);
        assert_eq!(prefix_range("Zk3f9aBx"), None);
    }
}
