//! Flags of refresh tokens and API keys: what a query cannot compute from the text of a scope, and the state of the owner.
//!
//! They are stored when a token is issued. A change of the owner's role or state counts `employees.token_flags_due` up, in
//! the same statement or transaction; [`update`] then goes through the tokens of that owner in batches.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::index_order::{RowIs, in_index_order};
use crate::employees::Employee;
use crate::id::EmployeeKey;
use crate::schema::{access_tokens, employees, refresh_tokens};
use crate::scopes::Scope;
use crate::time::Timestamp;

/// What is stored with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// Its scope is everything that the owner may do.
    pub full_access: bool,
    /// Its scope has a part that the owner's role lacks the right for.
    pub beyond_role: bool,
    /// The owner is locked or archived.
    pub owner_inactive: bool,
}

/// How far the tokens of an owner have been gone through: the last refresh token, and the last API key with when it was
/// created, which is the order of its index.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    refresh_token: i64,
    api_key: (i64, i64),
}

impl Flags {
    /// The flags of a token with this scope.
    pub fn of(scope: &Scope, owner: &Employee) -> Flags {
        Flags {
            full_access: scope.is_full(),
            beyond_role: scope.exceeds(owner.role),
            owner_inactive: !owner.is_active(),
        }
    }
}

/// An owner whose tokens do not have the right flags yet.
pub fn due(conn: &mut DbConnection) -> QueryResult<Option<EmployeeKey>> {
    let due = employees::table.filter(employees::token_flags_due.gt(0)).order(employees::id).limit(1);
    due.select(employees::id).first(conn).optional()
}

type Stored = (i64, Timestamp, Scope, bool, bool, bool);

// Corrects those rows of a batch whose flags are wrong. Returns the last row when there may be more.
macro_rules! correct {
    ($conn:expr, $table:ident, $rows:expr, $owner:expr, $most:expr) => {{
        let rows: Vec<Stored> = $rows;
        for (id, _, scope, full_access, beyond_role, owner_inactive) in &rows {
            let flags = Flags::of(scope, $owner);
            if flags
                != (Flags { full_access: *full_access, beyond_role: *beyond_role, owner_inactive: *owner_inactive })
            {
                diesel::update($table::table.find(*id))
                    .set((
                        $table::full_access.eq(flags.full_access),
                        $table::beyond_role.eq(flags.beyond_role),
                        $table::owner_inactive.eq(flags.owner_inactive),
                    ))
                    .execute($conn)?;
            }
        }
        rows.last().map(|row| (row.0, row.1)).filter(|_| rows.len() as i64 == $most)
    }};
}

/// Corrects the flags of at most `most` refresh tokens and `most` API keys of an owner, from where the last batch ended.
/// Returns where the next batch starts; `None` when all tokens have the right flags.
pub fn update(conn: &mut DbConnection, owner: EmployeeKey, from: Progress, most: i64) -> QueryResult<Option<Progress>> {
    let Some(owner) = Employee::find(conn, owner).optional()? else { return Ok(None) };
    let due: i64 = employees::table.find(owner.id).select(employees::token_flags_due).first(conn)?;
    let grants = refresh_tokens::table
        .filter(refresh_tokens::employee_id.eq(owner.id))
        .filter(refresh_tokens::id.gt(from.refresh_token))
        .order(refresh_tokens::id)
        .limit(most)
        .select((
            refresh_tokens::id,
            refresh_tokens::created_at,
            refresh_tokens::scope,
            refresh_tokens::full_access,
            refresh_tokens::beyond_role,
            refresh_tokens::owner_inactive,
        ));
    let last_grant = correct!(conn, refresh_tokens, in_index_order(conn, |conn| grants.load(conn))?, &owner, most);
    let (at, id) = from.api_key;
    let later = RowIs { columns: vec!["created_at", "id"], operator: ">", values: vec![at, id] };
    let keys = access_tokens::table
        .filter(access_tokens::employee_id.eq(owner.id))
        .filter(access_tokens::refresh_token_id.is_null())
        .filter(later)
        .order((access_tokens::created_at, access_tokens::id))
        .limit(most)
        .select((
            access_tokens::id,
            access_tokens::created_at,
            access_tokens::scope,
            access_tokens::full_access,
            access_tokens::beyond_role,
            access_tokens::owner_inactive,
        ));
    let last_key = correct!(conn, access_tokens, in_index_order(conn, |conn| keys.load(conn))?, &owner, most);
    if last_grant.is_none() && last_key.is_none() {
        // Not when the owner changed again since.
        let row = employees::table.find(owner.id).filter(employees::token_flags_due.eq(due));
        diesel::update(row).set(employees::token_flags_due.eq(0)).execute(conn)?;
        return Ok(None);
    }
    const END: i64 = i64::MAX;
    Ok(Some(Progress {
        refresh_token: last_grant.map_or(END, |(id, _)| id),
        api_key: last_key.map_or((END, END), |(id, at)| (at.0, id)),
    }))
}
