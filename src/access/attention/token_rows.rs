//! Reads refresh tokens and API keys for the rules: each read follows one index and stops at a limit.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use crate::db::index_order::{InOrder, RowIs, in_index_order, needs_row_ranges};
use crate::db::{Backend, DbConnection};
use crate::id::{ClientKey, EmployeeKey};
use crate::schema::{access_tokens, clients, employees, refresh_tokens};
use crate::secrets::Mask;
use crate::time::Timestamp;
use crate::tokens::flags::Flags;

/// A part of an index.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// What expires in this period.
    Expires(Timestamp, Timestamp),
    /// What was last used in this period.
    LastUsed(Timestamp, Timestamp),
    /// What has full access.
    FullAccess,
    /// What is beyond the role of its employee.
    BeyondRole,
    /// What belongs to a locked or archived employee.
    OwnerInactive,
    /// What this employee authorized, newest first.
    Employee(EmployeeKey),
    /// The row with this id.
    One(i64),
}

/// Which table, and which part of it.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    pub part: Part,
    pub is_api_key: bool,
}

/// What the rules need of a token.
#[derive(Debug)]
pub struct Row {
    pub id: i64,
    pub client: ClientKey,
    pub employee: EmployeeKey,
    pub mask: Mask,
    pub label: String,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
    pub flags: Flags,
    pub is_api_key: bool,
}

type Loaded = (
    (i64, ClientKey, EmployeeKey, Mask, String),
    (Timestamp, Timestamp, Timestamp),
    (bool, bool, bool),
    Option<Timestamp>,
);

macro_rules! part_of {
    ($table:ident, $created:ident, $query:expr, $part:expr, ($is_row_range:expr, $columns:expr)) => {{
        let query = $query.into_boxed::<Backend>();
        match $part {
            // Both ends, also of a single value: from an equality PostgreSQL would choose any index in the order of ids.
            Part::Expires(from, to) => query
                .filter($table::expires_at.ge(from))
                .filter($table::expires_at.le(to))
                .order(($table::expires_at.asc(), $table::id.asc())),
            Part::LastUsed(from, to) => query
                .filter($table::last_used_at.ge(from))
                .filter($table::last_used_at.le(to))
                .order(($table::last_used_at.asc(), $table::id.asc())),
            Part::FullAccess => query.filter($table::full_access).order($table::id.asc()),
            Part::BeyondRole => query.filter($table::beyond_role).order($table::id.asc()),
            Part::OwnerInactive => query.filter($table::owner_inactive).order($table::id.asc()),
            Part::One(id) => query.filter($table::id.eq(id)),
            Part::Employee(id) if $is_row_range => {
                let (low, high, order) = rows_of(id, $columns);
                query.filter(low).filter(high).order(order)
            }
            Part::Employee(id) => {
                query.filter($table::employee_id.eq(id)).order(($table::$created.desc(), $table::id.desc()))
            }
        }
    }};
}

// All rows of an employee in an index with these columns, newest first.
fn rows_of<const N: usize>(employee: EmployeeKey, columns: [&'static str; N]) -> (RowIs, RowIs, InOrder) {
    let columns = columns.to_vec();
    let row = |end: i64| [vec![employee.0], vec![end; N - 1]].concat();
    (
        RowIs { columns: columns.clone(), operator: ">=", values: row(i64::MIN) },
        RowIs { columns: columns.clone(), operator: "<=", values: row(i64::MAX) },
        InOrder { columns, descending: true },
    )
}

/// Reads at most `limit` rows. Refresh tokens whose revocation is being carried out are left out.
pub fn read(conn: &mut DbConnection, source: Source, limit: i64) -> QueryResult<Vec<Row>> {
    let is_row_range = needs_row_ranges(conn);
    let rows: Vec<Loaded> = in_index_order(conn, |conn| match source.is_api_key {
        true => {
            use access_tokens as t;
            let keys = t::table.filter(t::refresh_token_id.is_null()).select((
                (t::id, t::client_id, t::employee_id, t::prefix, t::label),
                (t::created_at, t::last_used_at, t::expires_at),
                (t::full_access, t::beyond_role, t::owner_inactive),
                // Always NULL here: API keys have no mark of their own.
                t::refresh_token_id,
            ));
            part_of!(access_tokens, created_at, keys, source.part, (is_row_range, ["employee_id", "created_at", "id"]))
                .limit(limit)
                .load(conn)
        }
        false => {
            use refresh_tokens as t;
            let grants = t::table.select((
                (t::id, t::client_id, t::employee_id, t::prefix, "".into_sql::<diesel::sql_types::Text>()),
                (t::created_at, t::last_used_at, t::expires_at),
                (t::full_access, t::beyond_role, t::owner_inactive),
                t::revoked_at,
            ));
            part_of!(refresh_tokens, id, grants, source.part, (is_row_range, ["employee_id", "id"]))
                .limit(limit)
                .load(conn)
        }
    })?;
    let row = |(identity, dates, flags, revoked): Loaded| {
        let (id, client, employee, mask, label) = identity;
        let (created_at, last_used_at, mut expires_at) = dates;
        let (full_access, beyond_role, owner_inactive) = flags;
        // As expired: no rule lists it, and the number of rows still says whether everything was read.
        if revoked.is_some() {
            expires_at = Timestamp::NEVER_YET;
        }
        let flags = Flags { full_access, beyond_role, owner_inactive };
        let is_api_key = source.is_api_key;
        Row { id, client, employee, mask, label, created_at, last_used_at, expires_at, flags, is_api_key }
    };
    Ok(rows.into_iter().map(row).collect())
}

/// The name of an employee, and the ids up to which their tokens are revoked.
pub struct Owner {
    pub name: String,
    pub refresh_tokens_through: i64,
    pub access_tokens_through: i64,
}

/// The names of the active clients of these tokens, and their employees.
pub fn owners(
    conn: &mut DbConnection,
    rows: &[Row],
) -> QueryResult<(HashMap<ClientKey, String>, HashMap<EmployeeKey, Owner>)> {
    let ids: HashSet<ClientKey> = rows.iter().map(|row| row.client).collect();
    let active = clients::table
        .filter(clients::id.eq_any(ids))
        .filter(clients::approved_at.is_not_null())
        .filter(clients::suspended_at.is_null())
        .filter(clients::revoked_at.is_null())
        .select((clients::id, clients::name));
    let clients = active.load(conn)?.into_iter().collect();
    let ids: HashSet<EmployeeKey> = rows.iter().map(|row| row.employee).collect();
    let found: Vec<(EmployeeKey, String, i64, i64)> = employees::table
        .filter(employees::id.eq_any(ids))
        .select((
            employees::id,
            employees::name,
            employees::revoked_refresh_tokens_through,
            employees::revoked_access_tokens_through,
        ))
        .load(conn)?;
    let owner = |(id, name, refresh_tokens_through, access_tokens_through)| {
        (id, Owner { name, refresh_tokens_through, access_tokens_through })
    };
    Ok((clients, found.into_iter().map(owner).collect()))
}
