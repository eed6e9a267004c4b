//! Refresh token rotation and reuse detection (RFC 9700 section 4.14). A client that lost a response can try again; a stolen
//! token that is used again revokes the refresh token.
//!
//! Each use of a refresh token's value issues the next generation. The row stores the newest generation *n*, when it was
//! issued, and whether a token of it was used.
//!
//! | the value sent belongs to | and | result |
//! |---|---|---|
//! | *n* | | issues *n+1* |
//! | *n* | it expired | refused; nothing is revoked |
//! | *n−1* | at most 30 s old | concurrent requests or a retry: issues another pair of *n*, at most five a minute |
//! | *n−1* | older, no token of *n* was used | the response was lost: withdraws the tokens of *n* and issues *n* again |
//! | *n−1* | older, a token of *n* was used | token reuse detected |
//! | none that is known, after a restore | *n* was issued before the restore | refused; nothing is revoked |
//! | *n−1* | it expired, and no token of *n* was used, or it is at most 30 s old | refused; nothing is revoked |
//! | an earlier generation, or it was withdrawn | | token reuse detected: revokes the refresh token, logs both client IPs |
//!
//! Only the values of *n* and *n−1* have rows. Every other value is recognised by its grant part, however old it is. Values
//! of the earlier format have no grant part; they keep their rows until 30 days after they expire.
//!
//! One conditional UPDATE decides each step. If another request changed the row first, it is read again.

use std::net::IpAddr;

use diesel::prelude::*;

use crate::account::Account;
use crate::activity::Kind;
use crate::clients::Client;
use crate::db::{DbConnection, tally};
use crate::error::{Error, Result};
use crate::id::{AccessTokenKey, RefreshTokenKey};
use crate::metrics::Act;
use crate::network;
use crate::schema::{access_tokens, refresh_token_values, refresh_tokens};
use crate::scopes::{Role, Scope};
use crate::secrets::{DerivedKey, GrantPart, PlainToken};
use crate::time::{MINUTE, Timestamp};
use crate::tokens::issue::{IssuedPair, Lifetimes, Next, PairExpiry};
use crate::tokens::presented::{MAX_PAIRS_PER_MINUTE, Presented, Standing};
use crate::tokens::refresh_token::RefreshToken;
use crate::tokens::revocation::Target;
use crate::tokens::{issue, revocation};

// How often the row is read again when other requests change it first.
const ATTEMPTS: u32 = 8;

/// A refresh request.
#[derive(Clone, Copy, Debug)]
pub struct Refresh<'a> {
    /// The client, authenticated and active.
    pub client: &'a Client,
    /// The refresh token it sent.
    pub value: &'a PlainToken,
    /// The key that grant parts are derived with when the value has the earlier format.
    pub grant_key: &'a DerivedKey,
    /// The requested scope; `None` for the whole scope of the grant.
    pub scope: Option<&'a Scope>,
    /// The client IP.
    pub client_ip: &'a str,
}

/// The result of a refresh request.
#[derive(Debug)]
pub enum Rotation {
    /// A new pair was issued, for this request.
    Issued(IssuedPair, Requested),
    /// Too many pairs in this minute; seconds to wait.
    TooMany(i64),
    /// Refused; nothing was changed.
    Refused(Refusal),
    /// Token reuse detected: the refresh token was revoked. When the value had been replaced.
    ReuseDetected(Timestamp),
}

/// What a refresh request that succeeded was for.
#[derive(Clone, Debug)]
pub struct Requested {
    /// The requested scope, or that of the grant if none was requested.
    pub scope: Scope,
    /// The current role of the employee who authorized it.
    pub role: Role,
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
    /// The value is unknown because the database was restored from a backup after it was issued.
    Restored,
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
    let Some(presented) = Presented::find(conn, refresh.value)? else {
        return Ok(Some(Rotation::Refused(Refusal::Unknown)));
    };
    if let Some(why) = presented.refusal(refresh.client.id) {
        return Ok(Some(Rotation::Refused(why)));
    }
    let standing = presented.standing(now);
    let (is_known, role, token) = (presented.is_known(), presented.employee.role, presented.token);
    match standing {
        Standing::Reused(_) if !is_known && was_restored(conn, &token)? => {
            return Ok(Some(Rotation::Refused(Refusal::Restored)));
        }
        Standing::Reused(replaced) => return reuse_detected(conn, refresh, token, replaced, now),
        Standing::Expired(at) => return Ok(Some(Rotation::Refused(Refusal::Expired(at)))),
        Standing::Current | Standing::Concurrent | Standing::ResponseLost => {}
    }
    if refresh.scope.is_some_and(|scope| !token.scope.holds(scope)) {
        return Ok(Some(Rotation::Refused(Refusal::WiderScope)));
    }
    let expiry = PairExpiry::of(refresh.client.grants_end_after, token.created_at, lifetimes, now);
    // An admin may have limited the client's grants after the value was issued.
    if expiry.refresh_token <= now {
        return Ok(Some(Rotation::Refused(Refusal::Expired(expiry.refresh_token))));
    }
    let derived = || GrantPart::derive(refresh.grant_key, token.id.0);
    let part = refresh.value.grant_part().unwrap_or_else(derived);
    let scope = refresh.scope.unwrap_or(&token.scope);
    let next = Next { token: &token, part: &part, scope, expiry, client_ip: refresh.client_ip };
    let pair = match standing {
        Standing::Concurrent => {
            if let Some(seconds) = seconds_to_wait(&token, now) {
                return Ok(Some(Rotation::TooMany(seconds)));
            }
            issue_another_pair(conn, &next, now)?
        }
        Standing::ResponseLost => reissue_generation(conn, &next, now)?,
        _ => issue::next_generation(conn, &next, now)?,
    };
    if pair.is_some() {
        tally(conn, Act::Refreshed, 1);
    }
    Ok(pair.map(|pair| Rotation::Issued(pair, Requested { scope: scope.clone(), role })))
}

// Whether the database was restored from a backup since the grant's last refresh that it knows. Then an unknown value may be
// newer than the backup.
fn was_restored(conn: &mut DbConnection, token: &RefreshToken) -> QueryResult<bool> {
    Ok(Account::restored_at(conn)?.is_some_and(|restored| token.rotated_at <= restored))
}

// How long to wait for another pair of the newest generation, when as many were issued as the minutes so far allow.
fn seconds_to_wait(token: &RefreshToken, now: Timestamp) -> Option<i64> {
    let elapsed = now.since(token.rotated_at);
    let minutes = elapsed.max(0) / MINUTE;
    (token.pairs >= MAX_PAIRS_PER_MINUTE * (minutes + 1)).then(|| MINUTE * (minutes + 1) - elapsed)
}

// Issues another pair of the newest generation; `None` if another request issued one since the row was read.
fn issue_another_pair(conn: &mut DbConnection, next: &Next<'_>, now: Timestamp) -> Result<Option<IssuedPair>> {
    let token = next.token;
    let row = refresh_tokens::table
        .find(token.id)
        .filter(refresh_tokens::generation.eq(token.generation))
        .filter(refresh_tokens::pairs.eq(token.pairs))
        .filter(refresh_tokens::revoked_at.is_null());
    let change = (refresh_tokens::pairs.eq(token.pairs + 1), next.last_use(now), next.changed_grant_hash());
    match crate::db::on_each!(conn, |conn| diesel::update(row).set(change).execute(conn))? {
        0 => Ok(None),
        _ => issue::another_pair(conn, next, token.generation, now).map(Some),
    }
}

// The response with the newest generation was lost: withdraws its tokens and issues the generation again. The grace
// period restarts, so two concurrent retries both get a pair.
fn reissue_generation(conn: &mut DbConnection, next: &Next<'_>, now: Timestamp) -> Result<Option<IssuedPair>> {
    let token = next.token;
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
        next.last_use(now),
        refresh_tokens::expires_at.eq(next.expiry.refresh_token),
        refresh_tokens::rotated_from.eq(next.client_ip),
        next.changed_grant_hash(),
    );
    if diesel::update(row).set(change).execute(conn)? == 0 {
        return Ok(None);
    }
    let withdrawn = refresh_token_values::table
        .filter(refresh_token_values::refresh_token_id.eq(token.id))
        .filter(refresh_token_values::generation.eq(token.generation));
    diesel::delete(withdrawn.filter(refresh_token_values::earlier_format.eq(false))).execute(conn)?;
    // Only its row tells a withdrawn value of the earlier format from an unknown one.
    let kept = withdrawn.filter(refresh_token_values::replaced_at.is_null());
    diesel::update(kept).set(refresh_token_values::replaced_at.eq(Some(now))).execute(conn)?;
    let unused = access_tokens::table
        .filter(access_tokens::refresh_token_id.eq(Some(token.id)))
        .filter(access_tokens::generation.eq(token.generation));
    diesel::delete(unused).execute(conn)?;
    issue::another_pair(conn, next, token.generation, now).map(Some)
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
        Ok(_) => {
            tally(conn, Act::RefreshTokenReused, 1);
            Ok(Some(Rotation::ReuseDetected(replaced)))
        }
        // Another request revoked it at the same time.
        Err(Error::Conflict(_)) => Ok(Some(Rotation::Refused(Refusal::Unknown))),
        Err(error) => Err(error),
    }
}

/// Stores the first use of an access token, from an address, and that of its refresh token's generation (`grant`); earlier
/// values count as reuse from then on. Errors: [`Error::NotFound`] when the token was withdrawn in the meantime; then nothing is stored.
pub fn first_use(
    conn: &mut DbConnection,
    token: AccessTokenKey,
    grant: Option<(RefreshTokenKey, i64)>,
    from: Option<IpAddr>,
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
    let change = (access_tokens::last_used_at.eq(now), access_tokens::last_used_address.eq(network::stored(from)));
    match diesel::update(row).set(change).execute(conn)? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}
