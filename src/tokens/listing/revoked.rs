//! Removes revoked tokens, whose rows are still being deleted, from token lists.

use std::collections::{HashMap, HashSet};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::db::DbConnection;
use crate::id::{ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{bulk_revocations, clients, employees, purges, refresh_tokens};
use crate::tokens::listing::List;
use crate::tokens::listing::row::ListedToken;

/// Whether rows of a revocation are being deleted. Only then may a list contain revoked tokens.
pub fn are_being_deleted(conn: &mut DbConnection) -> QueryResult<bool> {
    let open = purges::table.filter(purges::finished_at.is_null()).select(purges::id);
    if open.first::<i64>(conn).optional()?.is_some() {
        return Ok(true);
    }
    // Literals, as in the condition of the partial index.
    let bulk = bulk_revocations::table.filter(sql::<Bool>("state IN ('counting', 'revoking', 'deleting')"));
    let marked = bulk.filter(bulk_revocations::confirmed_at.is_not_null()).select(bulk_revocations::id);
    Ok(marked.first::<i64>(conn).optional()?.is_some())
}

/// Takes out tokens whose client, refresh token or employee was revoked. The client is looked up unless the list is that of a
/// client. Looks up only what these rows belong to, because any
/// number of others may be marked.
pub fn take_out(
    conn: &mut DbConnection,
    (list, is_of_client): (List, bool),
    rows: &mut Vec<ListedToken>,
) -> QueryResult<()> {
    let grants: HashSet<RefreshTokenKey> = rows.iter().filter_map(|row| row.refresh_token).collect();
    let revoked: HashSet<RefreshTokenKey> = refresh_tokens::table
        .filter(refresh_tokens::id.eq_any(grants))
        .filter(refresh_tokens::revoked_at.is_not_null())
        .select(refresh_tokens::id)
        .load(conn)?
        .into_iter()
        .collect();
    rows.retain(|row| row.refresh_token.is_none_or(|id| !revoked.contains(&id)));
    if !is_of_client {
        let owners: HashSet<ClientKey> = rows.iter().map(|row| row.client).collect();
        let revoked: HashSet<ClientKey> = clients::table
            .filter(clients::id.eq_any(owners))
            .filter(clients::revoked_at.is_not_null())
            .select(clients::id)
            .load(conn)?
            .into_iter()
            .collect();
        rows.retain(|row| !revoked.contains(&row.client));
    }
    let people: HashSet<EmployeeKey> = rows.iter().map(|row| row.employee).collect();
    let through: HashMap<EmployeeKey, (i64, i64)> = employees::table
        .filter(employees::id.eq_any(people))
        .select((employees::id, (employees::revoked_refresh_tokens_through, employees::revoked_access_tokens_through)))
        .load(conn)?
        .into_iter()
        .collect();
    rows.retain(|row| {
        let (refresh, access) = through.get(&row.employee).copied().unwrap_or_default();
        let own = if list == List::RefreshTokens { refresh } else { access };
        row.id > own && row.refresh_token.is_none_or(|id| id.0 > refresh)
    });
    Ok(())
}
