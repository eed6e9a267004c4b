//! The impact of a revocation: how many tokens it revokes, whose they are, and when they were last used.
//!
//! Every read is bounded: counts stop at a thousand, and names come from the newest few hundred tokens.

use std::collections::HashSet;

use diesel::prelude::*;

use crate::activity::{Detail, TokenCount};
use crate::db::DbConnection;
use crate::db::index_order::in_index_order;
use crate::id::EmployeeKey;
use crate::schema::{access_tokens, employees, refresh_tokens};
use crate::time::Timestamp;
use crate::tokens::revocation::Target;
use crate::tokens::revocation::rows::{First, Owner, Rows};

/// A confirmation asks for the client's name when more tokens than this are revoked.
pub const NAME_REQUIRED_ABOVE: i64 = 100;

// How many of the newest tokens are read for the names of their employees, and for when they were last used.
const NEWEST: i64 = 500;

/// What a revocation would revoke.
#[derive(Clone, Debug)]
pub struct RevocationImpact {
    /// The counts, and the names of the employees.
    pub detail: Detail,
    /// When any of the tokens was last used.
    pub last_used_at: Timestamp,
    /// The newest tokens that were counted.
    pub seen: Seen,
}

/// The newest tokens a confirmation page counted. Tokens created later are named in the message after the revocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The highest refresh token id.
    pub refresh_tokens: i64,
    /// The highest id of an access token or API key.
    pub access_tokens: i64,
    /// The number of all tokens; each count stops at a thousand.
    pub total: i64,
}

impl RevocationImpact {
    /// Counts what would be revoked.
    pub fn of(conn: &mut DbConnection, target: &Target) -> QueryResult<RevocationImpact> {
        let rows = target.rows();
        in_index_order(conn, |conn| {
            let counted = Counted::of(conn, &rows)?;
            let last_used_at = last_used(conn, target)?;
            let detail = counted.detail(target.employees(conn, &rows, false)?);
            Ok(RevocationImpact { detail, last_used_at, seen: counted.seen })
        })
    }

    /// The number of refresh tokens, access tokens and API keys together; each count stops at a thousand.
    pub fn total(&self) -> i64 {
        self.seen.total
    }
}

/// Whether so many tokens are revoked that the confirmation asks for the name.
pub fn is_large(conn: &mut DbConnection, target: &Target) -> QueryResult<bool> {
    let (rows, limit) = (target.rows(), NAME_REQUIRED_ABOVE + 1);
    let total = in_index_order(conn, |conn| {
        Ok(rows.first_refresh_tokens(conn, limit)?.len() + rows.first_access_tokens(conn, limit)?.len())
    })?;
    Ok(total as i64 > NAME_REQUIRED_ABOVE)
}

/// Counts the tokens that were created since the confirmation page was shown.
pub(super) fn created_since(conn: &mut DbConnection, target: &Target, seen: Seen) -> QueryResult<Detail> {
    let rows = target.rows();
    let later = Rows {
        refresh_tokens: rows.refresh_tokens.after(seen.refresh_tokens),
        access_tokens: rows.access_tokens.after(seen.access_tokens),
        ..rows
    };
    in_index_order(conn, |conn| {
        let counted = Counted::of(conn, &later)?;
        match counted.seen.total {
            0 => Ok(Detail::default()),
            _ => Ok(counted.detail(target.employees(conn, &later, true)?)),
        }
    })
}

/// What is recorded of a revocation: the counts, the names, and the first characters of the newest tokens.
pub(super) fn recorded(conn: &mut DbConnection, target: &Target) -> QueryResult<Detail> {
    let rows = target.rows();
    in_index_order(conn, |conn| {
        let mut detail = Counted::of(conn, &rows)?.detail(target.employees(conn, &rows, false)?);
        let newest = rows.refresh_tokens(conn, First::Newest);
        detail.masks = newest.select(refresh_tokens::prefix).limit(Detail::MOST_NAMES).load(conn)?;
        let room = Detail::MOST_NAMES - detail.masks.len() as i64;
        if room > 0 {
            let newest = rows.access_tokens(conn, First::Newest);
            detail.masks.extend(newest.select(access_tokens::prefix).limit(room).load::<String>(conn)?);
        }
        Ok(detail)
    })
}

struct Counted {
    refresh_tokens: TokenCount,
    access_tokens: TokenCount,
    api_keys: TokenCount,
    seen: Seen,
}

impl Counted {
    // Reads ids, newest first, from the indexes alone.
    fn of(conn: &mut DbConnection, rows: &Rows) -> QueryResult<Counted> {
        const LIMIT: i64 = TokenCount::CAP + 1;
        let newest = rows.refresh_tokens(conn, First::Newest);
        let refresh: Vec<i64> = newest.select(refresh_tokens::id).limit(LIMIT).load(conn)?;
        let keys = match rows.owner {
            Owner::RefreshToken(..) => 0,
            _ => rows.first_api_keys(conn, LIMIT)?.len() as i64,
        };
        // No index holds access tokens without API keys, so the keys are subtracted. Beyond the cap it is not known how
        // many keys are among these rows: then the rows themselves say what they are.
        let window = LIMIT + keys;
        let newest = rows.access_tokens(conn, First::Newest).limit(window);
        let access: Vec<i64> = newest.select(access_tokens::id).load(conn)?;
        let read = access.len() as i64;
        let access_tokens = if keys <= TokenCount::CAP {
            TokenCount::capped(read - keys)
        } else {
            let newest = rows.access_tokens(conn, First::Newest).limit(window);
            let are_keys: Vec<bool> = newest.select(access_tokens::refresh_token_id.is_null()).load(conn)?;
            let n = are_keys.iter().filter(|is_key| !**is_key).count() as i64;
            if read == window { TokenCount::at_least(n.min(TokenCount::CAP)) } else { TokenCount::capped(n) }
        };
        let (refresh_tokens, api_keys) = (TokenCount::capped(refresh.len() as i64), TokenCount::capped(keys));
        let seen = Seen {
            refresh_tokens: refresh.first().copied().unwrap_or(0),
            access_tokens: access.first().copied().unwrap_or(0),
            total: refresh_tokens.n() + access_tokens.n() + api_keys.n(),
        };
        Ok(Counted { refresh_tokens, access_tokens, api_keys, seen })
    }

    fn detail(&self, (employees, has_more_employees): (Vec<(EmployeeKey, String)>, bool)) -> Detail {
        let (employee_ids, employees) = employees.into_iter().unzip();
        Detail {
            refresh_tokens: self.refresh_tokens,
            access_tokens: self.access_tokens,
            api_keys: self.api_keys,
            employees,
            employee_ids,
            has_more_employees,
            ..Detail::default()
        }
    }
}

impl Target {
    // The names of the employees whose tokens these are, at most a hundred, and whether there are more. An access token
    // belongs to the employee of its refresh token, so access tokens are read only if their refresh tokens are not.
    fn employees(
        &self,
        conn: &mut DbConnection,
        rows: &Rows,
        with_access_tokens: bool,
    ) -> QueryResult<(Vec<(EmployeeKey, String)>, bool)> {
        let client = match self {
            Target::Grants(employee) => return Ok((vec![(employee.id, employee.name.clone())], false)),
            Target::RefreshToken(_, token) => return Ok((names_of(conn, [token.employee_id])?, false)),
            Target::Client(client) => client,
        };
        let granted = rows.refresh_tokens(conn, First::Newest).limit(NEWEST);
        let granted: Vec<EmployeeKey> = granted.select(refresh_tokens::employee_id).load(conn)?;
        let others = match with_access_tokens {
            true => rows.access_tokens(conn, First::Newest),
            false => rows.api_keys().order((access_tokens::created_at.desc(), access_tokens::id.desc())),
        };
        let others = others.limit(NEWEST);
        let others: Vec<EmployeeKey> = others.select(access_tokens::employee_id).load(conn)?;
        let is_partial = [&granted, &others].iter().any(|read| read.len() as i64 == NEWEST);
        let mut known = HashSet::new();
        let mut ids: Vec<EmployeeKey> = granted.into_iter().chain(others).filter(|id| known.insert(*id)).collect();
        let has_more =
            ids.len() > Detail::MOST_NAMES as usize || is_partial && client.employee_count > ids.len() as i64;
        ids.truncate(Detail::MOST_NAMES as usize);
        Ok((names_of(conn, ids)?, has_more))
    }
}

// Names in alphabetical order.
fn names_of(
    conn: &mut DbConnection,
    ids: impl IntoIterator<Item = EmployeeKey>,
) -> QueryResult<Vec<(EmployeeKey, String)>> {
    let named = employees::table.filter(employees::id.eq_any(ids.into_iter().collect::<Vec<_>>()));
    let mut named: Vec<(String, EmployeeKey, String)> =
        named.select((employees::name_fold, employees::id, employees::name)).load(conn)?;
    named.sort();
    Ok(named.into_iter().map(|(_, id, name)| (id, name)).collect())
}

// A client's own time covers its access tokens: every use of a token is stored with its client's. Of a refresh token and of
// an employee, the newest tokens are read.
fn last_used(conn: &mut DbConnection, target: &Target) -> QueryResult<Timestamp> {
    let rows = target.rows();
    if let Target::Client(client) = target {
        let refreshed = refresh_tokens::table.filter(refresh_tokens::client_id.eq(client.id));
        let refreshed = refreshed.order((refresh_tokens::last_used_at.desc(), refresh_tokens::id.desc()));
        let refreshed = refreshed.select(refresh_tokens::last_used_at).limit(1).load::<Timestamp>(conn)?;
        return Ok(refreshed.into_iter().fold(client.last_used_at, Timestamp::max));
    }
    let refreshed = rows.refresh_tokens(conn, First::Newest).limit(NEWEST);
    let refreshed: Vec<Timestamp> = refreshed.select(refresh_tokens::last_used_at).load(conn)?;
    let used = rows.access_tokens(conn, First::Newest).limit(NEWEST);
    let used: Vec<Timestamp> = used.select(access_tokens::last_used_at).load(conn)?;
    Ok(refreshed.into_iter().chain(used).max().unwrap_or(Timestamp::NEVER_YET))
}
