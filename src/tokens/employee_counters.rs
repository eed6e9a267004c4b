//! The number of valid refresh tokens and API keys of each employee, for the list of employees. A background job counts, so
//! that the list can be sorted by it.
//!
//! They are estimates as of a moment, about two minutes old at most if there are not very many employees.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::index_order::in_index_order;
use crate::employees::Employee;
use crate::id::EmployeeKey;
use crate::schema::{access_tokens, employees, refresh_tokens};
use crate::time::{MINUTE, Timestamp};

/// Counting stops beyond this number.
pub const COUNTED: i64 = 1_000;
// How many of the newest rows of a kind are read, expired ones included.
const READ: i64 = 2_000;
// Employees counted together.
const BATCH: i64 = 100;
// No employee is counted again before.
const MIN_AGE: i64 = MINUTE;

/// The count of one employee.
#[derive(Clone, Copy, Debug)]
pub struct EmployeeCount {
    id: EmployeeKey,
    tokens: i64,
}

/// The employees to count next: the oldest counts first, at most a hundred.
pub fn due(conn: &mut DbConnection, now: Timestamp) -> QueryResult<Vec<Employee>> {
    employees::table
        .filter(employees::grants_counted_at.le(now.plus(-MIN_AGE).0))
        .order((employees::grants_counted_at, employees::id))
        .limit(BATCH)
        .select(Employee::as_select())
        .load(conn)
}

/// Counts the valid refresh tokens and API keys of these employees. A read: no writer waits for it. Also returns how many rows
/// it read.
pub fn count(conn: &mut DbConnection, all: &[Employee], now: Timestamp) -> QueryResult<(Vec<EmployeeCount>, i64)> {
    let (mut counts, mut read) = (Vec::new(), 0);
    for employee in all {
        let grants = refresh_tokens::table
            .filter(refresh_tokens::employee_id.eq(employee.id))
            .filter(refresh_tokens::id.gt(employee.revoked_refresh_tokens_through))
            .order(refresh_tokens::id.desc())
            .limit(READ)
            .select((refresh_tokens::expires_at, refresh_tokens::revoked_at));
        let grants: Vec<(Timestamp, Option<Timestamp>)> = in_index_order(conn, |conn| grants.load(conn))?;
        let keys = access_tokens::table
            .filter(access_tokens::employee_id.eq(employee.id))
            .filter(access_tokens::refresh_token_id.is_null())
            .order((access_tokens::created_at.desc(), access_tokens::id.desc()))
            .limit(READ)
            .select((access_tokens::expires_at, access_tokens::id));
        let keys: Vec<(Timestamp, i64)> = in_index_order(conn, |conn| keys.load(conn))?;
        read += (grants.len() + keys.len()) as i64;
        let grants = grants.iter().filter(|(expires, revoked)| *expires > now && revoked.is_none()).count();
        let revoked_through = employee.revoked_access_tokens_through;
        let keys = keys.iter().filter(|(expires, id)| *expires > now && *id > revoked_through).count();
        counts.push(EmployeeCount { id: employee.id, tokens: ((grants + keys) as i64).min(COUNTED + 1) });
    }
    Ok((counts, read))
}

/// Stores counts, all of them in one statement. Diesel has no UPDATE with a list of values, hence SQL text; it is built from
/// numbers only.
pub fn store(conn: &mut DbConnection, counts: &[EmployeeCount], now: Timestamp) -> QueryResult<usize> {
    if counts.is_empty() {
        return Ok(0);
    }
    let rows: Vec<String> = counts.iter().map(|of| format!("({}, {})", of.id, of.tokens)).collect();
    let sql = format!(
        "UPDATE employees SET grant_count = counted.column2, grants_counted_at = {} FROM (VALUES {}) AS counted \
         WHERE employees.id = counted.column1",
        now.0,
        rows.join(", ")
    );
    diesel::sql_query(sql).execute(conn)
}
