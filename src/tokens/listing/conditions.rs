//! SQL conditions that token lists have in common.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::EmployeeKey;
use crate::schema::{clients, employees, refresh_tokens};
use crate::tokens::listing::{Table, Within};

/// Conditions that leave out revoked tokens whose rows are still being deleted.
pub fn not_revoked(conn: &mut DbConnection, table: Table, within: Within) -> QueryResult<Vec<String>> {
    let mut conditions = Vec::new();
    let revoked_through: Vec<(EmployeeKey, i64, i64)> = employees::table
        .filter(employees::revoked_access_tokens_through.gt(0).or(employees::revoked_refresh_tokens_through.gt(0)))
        .select((employees::id, employees::revoked_refresh_tokens_through, employees::revoked_access_tokens_through))
        .load(conn)?;
    for (employee, refresh, access) in revoked_through {
        let through = if table == Table::RefreshTokens { refresh } else { access };
        conditions.push(format!("NOT (employee_id = {employee} AND id <= {through})"));
    }
    if matches!(within, Within::Employee(_)) {
        let revoked = clients::table.filter(clients::revoked_at.is_not_null()).select(clients::id);
        let revoked: Vec<i64> = revoked.load(conn)?;
        if !revoked.is_empty() {
            conditions.push(format!("client_id NOT IN ({})", comma_separated(revoked)));
        }
    }
    // A list of the few revoked ids, because every index contains the id.
    let revoked = refresh_tokens::table.filter(refresh_tokens::revoked_at.is_not_null());
    let revoked: Vec<i64> = revoked.select(refresh_tokens::id).load(conn)?;
    match (table, within) {
        _ if revoked.is_empty() => {}
        (Table::RefreshTokens, _) => conditions.push(format!("id NOT IN ({})", comma_separated(revoked))),
        (Table::AccessTokens, Within::RefreshToken(..)) => {}
        (Table::AccessTokens, _) => {
            let others = format!("refresh_token_id NOT IN ({})", comma_separated(revoked));
            conditions.push(format!("(refresh_token_id IS NULL OR {others})"));
        }
    }
    Ok(conditions)
}

/// Joins conditions with AND; leaves out empty ones.
pub fn all_of(conditions: &[String]) -> String {
    let conditions: Vec<&str> = conditions.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    conditions.join(" AND ")
}

/// The condition in a form that no index can serve, so the database does not choose an index for it.
pub fn without_index(condition: &str) -> String {
    if condition.is_empty() { String::new() } else { format!("({condition}) IS TRUE") }
}

/// Ids as the inside of an IN list.
pub fn comma_separated(ids: impl IntoIterator<Item = i64>) -> String {
    ids.into_iter().map(|id| id.to_string()).collect::<Vec<_>>().join(",")
}
