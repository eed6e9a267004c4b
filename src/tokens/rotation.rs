//! Refresh token rotation and reuse detection (RFC 9700 section 4.14). A client that lost a response can try again; a stolen
//! token that is used again revokes the refresh token.
//!
//! Each use of a refresh token's value issues the next generation. The row stores the newest generation *n*, when it was
//! issued, and whether a token of it was used.
//!
//! | the value sent belongs to | and | result |
//! |---|---|---|
//! | *n* | | issues *n+1* |
//! | *n−1* | at most 30 s old | concurrent requests or a retry: issues another pair of *n*, at most five a minute |
//! | *n−1* | older, no token of *n* was used | the response was lost: withdraws the tokens of *n* and issues *n* again |
//! | *n−1* | older, a token of *n* was used | token reuse detected |
//! | an earlier generation, or it was withdrawn | | token reuse detected: revokes the refresh token, logs both client IPs |
//! | an expired value | | refused; nothing is revoked |
//!
//! One conditional UPDATE decides each step. If another request changed the row first, it is read again.

use diesel::prelude::*;

use crate::activity::Kind;
use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{AccessTokenKey, RefreshTokenKey};
use crate::schema::{access_tokens, refresh_token_values, refresh_tokens};
use crate::scopes::Scope;
use crate::secrets::TokenHash;
use crate::time::{MINUTE, Timestamp};
use crate::tokens::issue::{IssuedPair, Lifetimes, PairExpiry};
use crate::tokens::refresh_token::RefreshToken;
use crate::tokens::revocation::Target;
use crate::tokens::{issue, revocation};

// For how long after a refresh the previous value still works, in seconds.
const GRACE_PERIOD: i64 = 30;
// How many pairs of one generation are issued in a minute.
const MAX_PAIRS_PER_MINUTE: i64 = 5;
// The grace period grows while many callers wait for a pair, by at most this many seconds.
const MAX_GRACE_EXTENSION: i64 = 10 * MINUTE;
// How often the row is read again when other requests change it first.
const ATTEMPTS: u32 = 8;

/// A refresh request.
#[derive(Clone, Copy, Debug)]
pub struct Refresh<'a> {
    /// The client, authenticated and active.
    pub client: &'a Client,
    /// The hash of the refresh token it sent.
    pub value: &'a TokenHash,
    /// The requested scope; `None` for the whole scope of the grant.
    pub scope: Option<&'a Scope>,
    /// The client IP.
    pub client_ip: &'a str,
}

/// The result of a refresh request.
#[derive(Debug)]
pub enum Rotation {
    /// A new pair was issued.
    Issued(IssuedPair),
    /// Too many pairs in this minute; seconds to wait.
    TooMany(i64),
    /// Refused; nothing was changed.
    Refused(Refusal),
    /// Token reuse detected: the refresh token was revoked. When the value had been replaced.
    ReuseDetected(Timestamp),
}

/// Why a refresh request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The value is unknown.
    Unknown,
    /// The value belongs to another client.
    WrongClient,
    /// The value expired at this time.
    Expired(Timestamp),
    /// The refresh token was revoked and is being deleted.
    Revoked,
    /// The employee who authorized it is locked.
    EmployeeLocked,
    /// The employee who authorized it is archived.
    EmployeeArchived,
    /// The requested scope exceeds the granted scope.
    WiderScope,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = refresh_token_values)]
struct Value {
    generation: i64,
    expires_at: Timestamp,
    replaced_at: Option<Timestamp>,
}

/// Handles a refresh request. The caller commits the transaction in every case, also when this revokes the refresh token.
pub fn refresh(
    conn: &mut DbConnection,
    refresh: &Refresh<'_>,
    lifetimes: Lifetimes,
    now: Timestamp,
) -> Result<Rotation> {
    for _ in 0..ATTEMPTS {
        if let Some(rotation) = attempt(conn, refresh, lifetimes, now)? {
            return Ok(rotation);
        }
    }
    Err(Error::Unavailable("too many concurrent requests with one refresh token"))
}

// `None` when another request changed the row after it was read.
fn attempt(
    conn: &mut DbConnection,
    refresh: &Refresh<'_>,
    lifetimes: Lifetimes,
    now: Timestamp,
) -> Result<Option<Rotation>> {
    // Without a LIMIT: SQLite would plan the statement again each time one is bound. The hash is unique.
    let found = crate::db::on_each!(conn, |conn| {
        refresh_token_values::table
            .inner_join(refresh_tokens::table)
            .filter(refresh_token_values::hash.eq(refresh.value))
            .select((Value::as_select(), RefreshToken::as_select()))
            .get_result::<(Value, RefreshToken)>(conn)
            .optional()
    })?;
    let Some((value, token)) = found else {
        return Ok(Some(Rotation::Refused(Refusal::Unknown)));
    };
    if let Some(why) = refusal(conn, refresh, &value, &token, now)? {
        return Ok(Some(Rotation::Refused(why)));
    }
    let expiry = PairExpiry::of(refresh.client.grants_end_after, token.created_at, lifetimes, now);
    // An admin may have limited the client's grants after the value was issued.
    if expiry.refresh_token <= now {
        return Ok(Some(Rotation::Refused(Refusal::Expired(expiry.refresh_token))));
    }
    rotate(conn, refresh, &value, token, expiry, now)
}

fn refusal(
    conn: &mut DbConnection,
    refresh: &Refresh<'_>,
    value: &Value,
    token: &RefreshToken,
    now: Timestamp,
) -> Result<Option<Refusal>> {
    if token.client_id != refresh.client.id {
        return Ok(Some(Refusal::WrongClient));
    }
    let employee = Employee::find(conn, token.employee_id)?;
    let is_revoked = token.revoked_at.is_some() || employee.revoked_refresh_tokens_through >= token.id.0;
    Ok(match () {
        () if is_revoked => Some(Refusal::Revoked),
        () if value.expires_at <= now => Some(Refusal::Expired(value.expires_at)),
        () if employee.archived_at.is_some() => Some(Refusal::EmployeeArchived),
        () if employee.locked_at.is_some() => Some(Refusal::EmployeeLocked),
        () if refresh.scope.is_some_and(|scope| !token.scope.holds(scope)) => Some(Refusal::WiderScope),
        () => None,
    })
}

fn rotate(
    conn: &mut DbConnection,
    refresh: &Refresh<'_>,
    value: &Value,
    token: RefreshToken,
    expiry: PairExpiry,
    now: Timestamp,
) -> Result<Option<Rotation>> {
    if let Some(replaced_at) = value.replaced_at {
        return reuse_detected(conn, refresh, token, replaced_at, now);
    }
    let scope = refresh.scope.unwrap_or(&token.scope);
    let elapsed = now.since(token.rotated_at);
    let is_previous = value.generation == token.generation - 1;
    let pair = if value.generation == token.generation {
        issue::next_generation(conn, &token, scope, expiry, refresh.client_ip, now)?
    } else if is_previous && is_in_grace_period(&token, elapsed) {
        let minutes = elapsed.max(0) / MINUTE;
        if token.pairs >= MAX_PAIRS_PER_MINUTE * (minutes + 1) {
            return Ok(Some(Rotation::TooMany(MINUTE * (minutes + 1) - elapsed)));
        }
        issue_another_pair(conn, &token, scope, expiry, now)?
    } else if is_previous && token.generation_used_at.is_none() {
        reissue_generation(conn, &token, scope, expiry, refresh.client_ip, now)?
    } else {
        return reuse_detected(conn, refresh, token.clone(), token.rotated_at, now);
    };
    Ok(pair.map(Rotation::Issued))
}

// A caller that had to wait for the next minute gets that minute on top of the grace period. The extension is limited, so
// repeated requests with an old value do not keep it valid.
fn is_in_grace_period(token: &RefreshToken, elapsed: i64) -> bool {
    elapsed <= GRACE_PERIOD + (MINUTE * (token.pairs / MAX_PAIRS_PER_MINUTE)).min(MAX_GRACE_EXTENSION)
}

// Issues another pair of the newest generation; `None` if another request issued one since the row was read.
fn issue_another_pair(
    conn: &mut DbConnection,
    token: &RefreshToken,
    scope: &Scope,
    expiry: PairExpiry,
    now: Timestamp,
) -> Result<Option<IssuedPair>> {
    let row = refresh_tokens::table
        .find(token.id)
        .filter(refresh_tokens::generation.eq(token.generation))
        .filter(refresh_tokens::pairs.eq(token.pairs))
        .filter(refresh_tokens::revoked_at.is_null());
    let change = (refresh_tokens::pairs.eq(token.pairs + 1), refresh_tokens::last_used_at.eq(now));
    match diesel::update(row).set(change).execute(conn)? {
        0 => Ok(None),
        _ => issue::another_pair(conn, token, scope, token.generation, expiry, now).map(Some),
    }
}

// The response with the newest generation was lost: withdraws its tokens and issues the generation again. The grace
// period restarts, so two concurrent retries both get a pair.
fn reissue_generation(
    conn: &mut DbConnection,
    token: &RefreshToken,
    scope: &Scope,
    expiry: PairExpiry,
    client_ip: &str,
    now: Timestamp,
) -> Result<Option<IssuedPair>> {
    let row = refresh_tokens::table
        .find(token.id)
        .filter(refresh_tokens::generation.eq(token.generation))
        .filter(refresh_tokens::pairs.eq(token.pairs))
        .filter(refresh_tokens::rotated_at.eq(token.rotated_at))
        .filter(refresh_tokens::generation_used_at.is_null())
        .filter(refresh_tokens::revoked_at.is_null());
    let change = (
        refresh_tokens::rotated_at.eq(now),
        refresh_tokens::pairs.eq(1),
        refresh_tokens::last_used_at.eq(now),
        refresh_tokens::expires_at.eq(expiry.refresh_token),
        refresh_tokens::rotated_from.eq(client_ip),
    );
    if diesel::update(row).set(change).execute(conn)? == 0 {
        return Ok(None);
    }
    let withdrawn = refresh_token_values::table
        .filter(refresh_token_values::refresh_token_id.eq(token.id))
        .filter(refresh_token_values::generation.eq(token.generation))
        .filter(refresh_token_values::replaced_at.is_null());
    diesel::update(withdrawn).set(refresh_token_values::replaced_at.eq(Some(now))).execute(conn)?;
    let unused = access_tokens::table
        .filter(access_tokens::refresh_token_id.eq(Some(token.id)))
        .filter(access_tokens::generation.eq(token.generation));
    diesel::delete(unused).execute(conn)?;
    issue::another_pair(conn, token, scope, token.generation, expiry, now).map(Some)
}

fn reuse_detected(
    conn: &mut DbConnection,
    refresh: &Refresh<'_>,
    token: RefreshToken,
    replaced: Timestamp,
    now: Timestamp,
) -> Result<Option<Rotation>> {
    let newest = if token.rotated_from.is_empty() { "an unknown IP" } else { &token.rotated_from };
    let note =
        format!("a replaced refresh token was used from {}; the newest was issued to {newest}", refresh.client_ip);
    let target = Target::RefreshToken(refresh.client.clone(), token);
    let kind = (Kind::RefreshTokenReuseDetected, note.as_str());
    match revocation::revoke_as(conn, &target, kind, None, (&refresh.client.actor(), refresh.client_ip), now) {
        Ok(_) => Ok(Some(Rotation::ReuseDetected(replaced))),
        // Another request revoked it at the same time.
        Err(Error::Conflict(_)) => Ok(Some(Rotation::Refused(Refusal::Unknown))),
        Err(error) => Err(error),
    }
}

/// Stores the first use of an access token and of its refresh token's generation (`grant`); earlier values count as reuse
/// from then on. Errors: [`Error::NotFound`] when the token was withdrawn in the meantime; then nothing is stored.
pub fn first_use(
    conn: &mut DbConnection,
    token: AccessTokenKey,
    grant: Option<(RefreshTokenKey, i64)>,
    now: Timestamp,
) -> Result<()> {
    if let Some((refresh_token, generation)) = grant {
        let row = refresh_tokens::table
            .find(refresh_token)
            .filter(refresh_tokens::generation.eq(generation))
            .filter(refresh_tokens::generation_used_at.is_null());
        diesel::update(row).set(refresh_tokens::generation_used_at.eq(Some(now))).execute(conn)?;
    }
    let row = access_tokens::table.find(token);
    match diesel::update(row).set(access_tokens::last_used_at.eq(now)).execute(conn)? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}
