//! Token lists: filtered, sorted and paged the same way for refresh tokens and for access tokens and API keys, at a cost
//! that does not grow with the client.
//!
//! A page is found in two bounded steps. First only the nearest few thousand rows in the list's own order are looked at:
//! common filters fill a page there. Otherwise the filter's own index is entered: rare filters have few rows to sort.
//! Conditions are SQL text made of numbers and base62 characters only; names are resolved to ids before; [`crate::tokens::scan`]
//! reads them.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::keyset::{Count, Keyset, Place, Slice};
use crate::db::text_enum::text_enum;
use crate::employees::Employee;
use crate::id::{ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{clients, employees, refresh_tokens};
use crate::time::{DAY, Timestamp};
use crate::tokens::scan;
use crate::tokens::scan::{Row, Scan, all_of, quiet};

/// Days without use after which a token counts as unused.
pub const UNUSED_DAYS: i64 = 30;
/// Days before its end from which a token counts as about to lapse.
pub const EXPIRING_SOON_DAYS: i64 = 7;

const OTHERS_CAP: i64 = 1_000;

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

/// Finds the page that `keyset` names.
pub fn find(
    conn: &mut DbConnection,
    (table, within): (Table, Within),
    filter: &TokenFilter,
    keyset: &Keyset,
    now: Timestamp,
) -> QueryResult<Listed> {
    let ended = ended(conn, table, within)?;
    let life = |expired: bool| {
        if expired { format!("expires_at <= {now}", now = now.0) } else { format!("expires_at > {}", now.0) }
    };
    let (base, other) = (within.condition(table), life(!filter.expired));
    let other = if matches!(within, Within::Client(_)) { other } else { quiet(&other) };
    let others = scan::count(conn, table, &all_of(&[&[base, other], &ended[..]].concat()), OTHERS_CAP)?;
    let Some((narrowing, is_common)) = narrowing(conn, (table, filter), now)? else {
        let none = Slice { rows: Vec::new(), has_previous: false, has_next: false };
        return Ok(Listed { ids: none, total: Count::default(), others });
    };
    let scan = Scan { table, within, life: life(filter.expired), narrowing, ended, filter, is_common };
    let total = scan.count(conn)?;
    let ids = scan.page(conn, keyset)?.into_iter().map(|row| row.id).collect();
    Ok(Listed { ids: Slice::from_scan(ids, keyset.cursor), total, others })
}

/// The place of a row in a list sorted by `column`, for links to the pages beside it.
pub fn place(conn: &mut DbConnection, table: Table, column: &str, id: i64) -> QueryResult<Place> {
    let sql = format!("SELECT id, {column} AS value FROM {} WHERE id = {id}", table.name());
    let row = diesel::sql_query(sql).get_result::<Row>(conn)?;
    Ok(Place { value: row.value, id: row.id })
}

// The filter as conditions, and whether the employees it names are many; nothing at all when it cannot match.
fn narrowing(
    conn: &mut DbConnection,
    (table, filter): (Table, &TokenFilter),
    now: Timestamp,
) -> QueryResult<Option<(Vec<String>, bool)>> {
    // Of a hundred employees who is found often enough along the list itself.
    const MANY: i64 = 5;
    let mut conditions = Vec::new();
    let mut is_common = true;
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
        let everybody: i64 = employees::table.count().get_result(conn)?;
        is_common = ids.len() as i64 * 100 >= MANY * everybody;
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
            // An access token lives for hours: only what was made to last longer than the warning can be about to lapse.
            let soon = format!("expires_at < {}", now.plus(EXPIRING_SOON_DAYS * DAY).0);
            conditions.push(format!("expires_at - created_at > {}", EXPIRING_SOON_DAYS * DAY));
            match table {
                Table::RefreshTokens => conditions.push(soon),
                Table::AccessTokens => conditions.extend([quiet(&soon), "refresh_token_id IS NULL".into()]),
            }
        }
    }
    Ok(Some((conditions, is_common)))
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
        .filter(employees::revoked_access_tokens_through.gt(0).or(employees::revoked_refresh_tokens_through.gt(0)))
        .select((employees::id, employees::revoked_refresh_tokens_through, employees::revoked_access_tokens_through))
        .load(conn)?;
    for (employee, refresh, access) in marks {
        let through = if table == Table::RefreshTokens { refresh } else { access };
        conditions.push(format!("NOT (employee_id = {employee} AND id <= {through})"));
    }
    if matches!(within, Within::Employee(_)) {
        let revoked = clients::table.filter(clients::revoked_at.is_not_null()).select(clients::id);
        let revoked: Vec<i64> = revoked.load(conn)?;
        if !revoked.is_empty() {
            conditions.push(format!("client_id NOT IN ({})", joined(revoked)));
        }
    }
    // By their few ids, because every index holds those.
    let revoked = refresh_tokens::table.filter(refresh_tokens::revoked_at.is_not_null());
    let revoked: Vec<i64> = revoked.select(refresh_tokens::id).load(conn)?;
    match (table, within) {
        _ if revoked.is_empty() => {}
        (Table::RefreshTokens, _) => conditions.push(format!("id NOT IN ({})", joined(revoked))),
        (Table::AccessTokens, Within::RefreshToken(..)) => {}
        (Table::AccessTokens, _) => {
            let tokens_below = format!("refresh_token_id NOT IN ({})", joined(revoked));
            conditions.push(format!("(refresh_token_id IS NULL OR {tokens_below})"));
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
