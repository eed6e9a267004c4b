//! The counts in the client list, and what the tokens of a client can do at most. A background job counts, because counting a large client takes too long for a page.
//!
//! They are estimates as of a moment: at most about a minute old for a client of a few thousand tokens. Larger clients are
//! counted less often, so that counting reads a bounded number of rows a minute, however many tokens there are.

use std::collections::{HashMap, HashSet};

use diesel::dsl::count_star;
use diesel::prelude::*;

use crate::clients::AccessLevel;
use crate::db::DbConnection;
use crate::id::{ClientKey, EmployeeKey};
use crate::schema::{access_tokens, clients, employees, refresh_tokens};
use crate::scopes::{Role, Scope};
use crate::time::{HOUR, MINUTE, Timestamp};

// Maximum age of a count in seconds, if the client is not marked: a minute, and a second more for every hundred
// tokens, up to an hour.
const MAX_AGE: i64 = MINUTE;
const TOKENS_PER_SECOND: i64 = 100;
const MAX_AGE_OF_LARGE: i64 = HOUR;
// A client with more tokens is not counted at once when a token of it was issued or revoked.
const COUNTED_AT_ONCE: i64 = 10_000;
// Clients counted together.
const BATCH: i64 = 300;

// Whose token it is, and what it can do: its scope, the role of its employee, and whether they are locked or archived.
type Held = ((ClientKey, EmployeeKey), (Scope, Role, bool));

/// A client whose counts are out of date.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    /// The client.
    pub id: ClientKey,
    /// How many tokens it had at the last count.
    pub tokens: i64,
}

/// The counts of one client.
#[derive(Debug)]
pub struct ClientCounts {
    id: ClientKey,
    refresh_tokens: i64,
    access_tokens: i64,
    employees: usize,
    access_level: AccessLevel,
    // When it was counted before: a revocation meanwhile sets it to zero, and then these counts are out of date already.
    counted_at: Timestamp,
}

/// The clients to count next: those that are marked first, then the oldest counts. At most a few hundred, which had about
/// `tokens` tokens in all at their last counts. Marked clients leave half of that to the others, so that clients that are
/// marked again and again do not keep the others waiting.
pub fn due(conn: &mut DbConnection, tokens: i64, now: Timestamp) -> QueryResult<Vec<Due>> {
    let known = clients::valid_refresh_tokens + clients::valid_access_tokens;
    let is_old = (clients::counted_at + known / TOKENS_PER_SECOND).lt(now.plus(-MAX_AGE).0);
    let unrevoked = clients::table.filter(clients::revoked_at.is_null()).limit(BATCH);
    let columns = (clients::id, clients::valid_refresh_tokens, clients::valid_access_tokens);
    let marked: Vec<(ClientKey, i64, i64)> =
        unrevoked.filter(clients::counted_at.eq(Timestamp(0))).order(clients::id).select(columns).load(conn)?;
    let old: Vec<(ClientKey, i64, i64)> = unrevoked
        .filter(clients::counted_at.gt(Timestamp(0)))
        .filter(is_old.or(clients::counted_at.lt(now.plus(-MAX_AGE_OF_LARGE))))
        .order((clients::counted_at, clients::id))
        .select(columns)
        .load(conn)?;
    let (share, batch) = if old.is_empty() { (tokens, BATCH) } else { (tokens / 2, BATCH / 2) };
    let mut due = up_to(share, marked);
    due.truncate(batch as usize);
    let left = tokens - due.iter().map(|client| client.tokens).sum::<i64>();
    due.extend(up_to(left, old));
    due.truncate(BATCH as usize);
    Ok(due)
}

// The first of these clients that had about so many tokens in all, but at least one client.
fn up_to(tokens: i64, clients: Vec<(ClientKey, i64, i64)>) -> Vec<Due> {
    let mut sum = 0;
    let due = clients
        .into_iter()
        .map(|(id, refresh_tokens, access_tokens)| Due { id, tokens: refresh_tokens + access_tokens });
    due.take_while(|client| {
        let is_first = sum == 0;
        sum += client.tokens.max(1);
        is_first || sum <= tokens
    })
    .collect()
}

/// Counts the valid tokens of these clients and the employees who authorized them. A read: no writer waits for it.
pub fn count(conn: &mut DbConnection, ids: &[ClientKey], now: Timestamp) -> QueryResult<Vec<ClientCounts>> {
    // Read before the tokens: see `ClientCounts::counted_at`.
    let before: Vec<(ClientKey, Timestamp)> =
        clients::table.filter(clients::id.eq_any(ids)).select((clients::id, clients::counted_at)).load(conn)?;
    let grants = refresh_tokens::table
        .filter(refresh_tokens::client_id.eq_any(ids))
        .filter(refresh_tokens::expires_at.gt(now))
        .filter(refresh_tokens::revoked_at.is_null());
    let tokens =
        access_tokens::table.filter(access_tokens::client_id.eq_any(ids)).filter(access_tokens::expires_at.gt(now));
    let keys = tokens.clone().filter(access_tokens::refresh_token_id.is_null());
    let refresh_tokens: HashMap<ClientKey, i64> = grants
        .clone()
        .group_by(refresh_tokens::client_id)
        .select((refresh_tokens::client_id, count_star()))
        .load(conn)?
        .into_iter()
        .collect();
    let access_tokens: HashMap<ClientKey, i64> = tokens
        .group_by(access_tokens::client_id)
        .select((access_tokens::client_id, count_star()))
        .load(conn)?
        .into_iter()
        .collect();
    let mut people: HashMap<ClientKey, HashSet<EmployeeKey>> = HashMap::new();
    let mut levels: HashMap<ClientKey, AccessLevel> = HashMap::new();
    let of_grants = grants.inner_join(employees::table).select((
        (refresh_tokens::client_id, refresh_tokens::employee_id),
        (refresh_tokens::scope, employees::role, refresh_tokens::owner_inactive),
    ));
    let of_keys = keys.inner_join(employees::table).select((
        (access_tokens::client_id, access_tokens::employee_id),
        (access_tokens::scope, employees::role, access_tokens::owner_inactive),
    ));
    let of_keys: Vec<Held> = of_keys.distinct().load(conn)?;
    for ((client, employee), (scope, role, is_inactive)) in of_grants.distinct().load(conn)?.into_iter().chain(of_keys)
    {
        people.entry(client).or_default().insert(employee);
        if !is_inactive {
            let level = levels.entry(client).or_default();
            *level = AccessLevel::of(&scope, role).max(*level);
        }
    }
    let counts = before.into_iter().map(|(id, counted_at)| ClientCounts {
        id,
        refresh_tokens: refresh_tokens.get(&id).copied().unwrap_or_default(),
        access_tokens: access_tokens.get(&id).copied().unwrap_or_default(),
        employees: people.get(&id).map_or(0, HashSet::len),
        access_level: levels.get(&id).copied().unwrap_or_default(),
        counted_at,
    });
    Ok(counts.collect())
}

/// Stores counts for the client list, all of them in one statement. Diesel has no UPDATE with a list of values, hence SQL
/// text; it is built from numbers only.
pub fn store(conn: &mut DbConnection, counts: &[ClientCounts], now: Timestamp) -> QueryResult<usize> {
    if counts.is_empty() {
        return Ok(0);
    }
    let rows: Vec<String> = counts
        .iter()
        .map(|of| {
            let counts = [of.refresh_tokens, of.access_tokens, of.employees as i64, of.access_level as i64];
            let [refresh_tokens, access_tokens, employees, level] = counts;
            format!("({}, {refresh_tokens}, {access_tokens}, {employees}, {level}, {})", of.id, of.counted_at.0)
        })
        .collect();
    let sql = format!(
        "UPDATE clients SET valid_refresh_tokens = counted.column2, valid_access_tokens = counted.column3, \
         employee_count = counted.column4, access_level = counted.column5, counted_at = {} \
         FROM (VALUES {}) AS counted WHERE clients.id = counted.column1 AND clients.counted_at = counted.column6",
        now.0,
        rows.join(", ")
    );
    diesel::sql_query(sql).execute(conn)
}

/// Marks the counts of a client as out of date, so that the next run counts it. The counts of a large client stay as they
/// are until they are old: otherwise a few authorizations a minute would have it counted again and again.
pub fn recount(conn: &mut DbConnection, id: ClientKey) -> QueryResult<usize> {
    recount_all(conn, &[id])
}

/// The same for several clients.
pub fn recount_all(conn: &mut DbConnection, ids: &[ClientKey]) -> QueryResult<usize> {
    let counted = clients::table
        .filter(clients::id.eq_any(ids))
        .filter(clients::counted_at.gt(Timestamp(0)))
        .filter((clients::valid_refresh_tokens + clients::valid_access_tokens).le(COUNTED_AT_ONCE));
    diesel::update(counted).set(clients::counted_at.eq(Timestamp(0))).execute(conn)
}
