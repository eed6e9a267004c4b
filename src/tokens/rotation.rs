//! Rotation: what a value of a refresh token is answered with, so that no reply is lost and no theft forgiven.
//!
//! A grant keeps *n*, its newest generation, when *n* was first issued, and whether anything of *n* has been used.
//!
//! | the value is | and | so |
//! |---|---|---|
//! | of *n* | | *n+1* begins |
//! | of *n−1* | within 30 s | a racing worker or an impatient retry: another pair of *n*, five a minute |
//! | of *n−1*, later | nothing of *n* was used | the reply was lost: what *n* had is withdrawn, *n* begins anew |
//! | of *n−1*, later | *n* was used | a replay |
//! | withdrawn, or older | | a replay: the whole grant ends, and both callers are named |
//! | past its own end | | refused; nothing ends |
//!
//! One conditional UPDATE decides each step. When it finds something else than was read, everything is read again.

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
use crate::tokens::issue::{Ends, IssuedPair, Lifetimes};
use crate::tokens::refresh_token::RefreshToken;
use crate::tokens::revocation::Target;
use crate::tokens::{issue, revocation};

/// How long a value is forgiven after it was replaced, in seconds.
pub const GRACE: i64 = 30;
/// How many pairs of one generation are issued in a minute.
pub const PAIRS_A_MINUTE: i64 = 5;
// In seconds: for how long a crowd is told to wait before it counts as a replay after all.
const LONGEST_WAIT: i64 = 10 * MINUTE;
const ATTEMPTS: u32 = 8;

/// Who refreshes, for what, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Refresh<'a> {
    /// The client, authenticated and active.
    pub client: &'a Client,
    /// The value it shows.
    pub value: &'a TokenHash,
    /// A part of the grant's scope, when it asks for less.
    pub scope: Option<&'a Scope>,
    /// The address it calls from.
    pub client_ip: &'a str,
}

/// What became of it.
#[derive(Debug)]
pub enum Rotation {
    /// A new pair.
    Issued(IssuedPair),
    /// Too many pairs this minute: seconds to wait.
    TooMany(i64),
    /// Nothing; and nothing was changed.
    Refused(Refusal),
    /// Nothing; and the whole grant has ended. When what replaced the value was issued.
    Replayed(Timestamp),
}

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such value.
    Unknown,
    /// It belongs to another client.
    WrongClient,
    /// It ended at this moment.
    Expired(Timestamp),
    /// The grant was revoked, and is being deleted.
    Revoked,
    /// The employee who granted it is locked.
    EmployeeLocked,
    /// The employee who granted it is archived.
    EmployeeArchived,
    /// It asks for more than was granted.
    WiderScope,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = refresh_token_values)]
struct Value {
    generation: i64,
    expires_at: Timestamp,
    replaced_at: Option<Timestamp>,
}

/// Refreshes. What is decided is committed with the transaction, also when it ends the grant.
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
    Err(Error::Unavailable("a refresh token is being refreshed by too many at once"))
}

fn attempt(
    conn: &mut DbConnection,
    refresh: &Refresh<'_>,
    lifetimes: Lifetimes,
    now: Timestamp,
) -> Result<Option<Rotation>> {
    let refused = |why| Ok(Some(Rotation::Refused(why)));
    // Without a LIMIT, which SQLite would plan anew for whenever it is bound. A hash is unique.
    let found = crate::db::on_each!(conn, |conn| {
        refresh_token_values::table
            .inner_join(refresh_tokens::table)
            .filter(refresh_token_values::hash.eq(refresh.value))
            .select((Value::as_select(), RefreshToken::as_select()))
            .get_result::<(Value, RefreshToken)>(conn)
            .optional()
    })?;
    let Some((value, token)) = found else {
        return refused(Refusal::Unknown);
    };
    if token.client_id != refresh.client.id {
        return refused(Refusal::WrongClient);
    }
    let employee = Employee::find(conn, token.employee_id)?;
    if token.revoked_at.is_some() || employee.revoked_refresh_tokens_through >= token.id.0 {
        return refused(Refusal::Revoked);
    }
    if value.expires_at <= now {
        return refused(Refusal::Expired(value.expires_at));
    }
    if employee.archived_at.is_some() {
        return refused(Refusal::EmployeeArchived);
    }
    if employee.locked_at.is_some() {
        return refused(Refusal::EmployeeLocked);
    }
    let scope = refresh.scope.unwrap_or(&token.scope);
    if !token.scope.holds(scope) {
        return refused(Refusal::WiderScope);
    }
    let ends = Ends::of(refresh.client.grants_end_after, token.created_at, lifetimes, now);
    // The client's end may have been set since the value was issued.
    if ends.refresh_token <= now {
        return refused(Refusal::Expired(ends.refresh_token));
    }
    let elapsed = now.since(token.rotated_at);
    let pair = match value {
        Value { replaced_at: Some(at), .. } => return replayed(conn, refresh, token, at, now),
        Value { generation, .. } if generation == token.generation => {
            issue::next_generation(conn, &token, scope, ends, refresh.client_ip, now)?
        }
        Value { generation, .. } if generation == token.generation - 1 && is_forgiven(&token, elapsed) => {
            let minutes = elapsed.max(0) / MINUTE;
            if token.pairs >= PAIRS_A_MINUTE * (minutes + 1) {
                return Ok(Some(Rotation::TooMany(MINUTE * (minutes + 1) - elapsed)));
            }
            sibling(conn, &token, scope, ends, now)?
        }
        Value { generation, .. } if generation == token.generation - 1 && token.generation_used_at.is_none() => {
            begin_anew(conn, &token, scope, ends, refresh.client_ip, now)?
        }
        Value { .. } => {
            let replaced = token.rotated_at;
            return replayed(conn, refresh, token, replaced, now);
        }
    };
    Ok(pair.map(Rotation::Issued))
}

// Whoever was told to wait until a full minute is over has as long to come back; a crowd of fifty is served in that time,
// and whoever asks on and on with an old value does not keep it alive.
fn is_forgiven(token: &RefreshToken, elapsed: i64) -> bool {
    elapsed <= GRACE + (MINUTE * (token.pairs / PAIRS_A_MINUTE)).min(LONGEST_WAIT)
}

// Another pair of the newest generation, unless somebody else got one since the row was read.
fn sibling(
    conn: &mut DbConnection,
    token: &RefreshToken,
    scope: &Scope,
    ends: Ends,
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
        _ => issue::another_pair(conn, token, scope, token.generation, ends, now).map(Some),
    }
}

// The reply with the newest generation was lost: what it had is withdrawn, and it is issued again. Its first moment is
// set anew, so that two workers who retry together are forgiven like two who refresh together.
fn begin_anew(
    conn: &mut DbConnection,
    token: &RefreshToken,
    scope: &Scope,
    ends: Ends,
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
        refresh_tokens::expires_at.eq(ends.refresh_token),
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
    issue::another_pair(conn, token, scope, token.generation, ends, now).map(Some)
}

fn replayed(
    conn: &mut DbConnection,
    refresh: &Refresh<'_>,
    token: RefreshToken,
    replaced: Timestamp,
    now: Timestamp,
) -> Result<Option<Rotation>> {
    let newest = match token.rotated_from.as_str() {
        "" => "an unknown address",
        from => from,
    };
    let note =
        format!("a value that had been replaced was shown from {}; the newest had gone to {newest}", refresh.client_ip);
    let target = Target::RefreshToken(refresh.client.clone(), token);
    let kind = (Kind::RefreshTokenReuseDetected, note.as_str());
    match revocation::revoke_as(conn, &target, kind, None, (&refresh.client.actor(), refresh.client_ip), now) {
        Ok(_) => Ok(Some(Rotation::Replayed(replaced))),
        // Somebody else ended it in this very moment.
        Err(Error::Conflict(_)) => Ok(Some(Rotation::Refused(Refusal::Unknown))),
        Err(error) => Err(error),
    }
}

/// Notes the first use of an access token, and with it of its refresh token's generation (`grant`): from then on, an earlier value of the refresh
/// token is a replay. Errors: [`Error::NotFound`] when the token was withdrawn meanwhile; then nothing is noted.
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
