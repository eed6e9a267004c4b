//! Issuing: the one place where tokens are made. The value leaves in the answer; the row keeps its hash and its mask.

use diesel::prelude::*;

use super::refresh_token::RefreshToken;
use crate::clients::Client;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::{AccessTokenKey, ClientKey, EmployeeKey, RefreshTokenKey};
use crate::oauth::Scope;
use crate::schema::{access_tokens, refresh_token_values, refresh_tokens};
use crate::secret::{PlainToken, TokenKind};
use crate::time::{DAY, HOUR, Timestamp};

/// How long tokens live, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// An access token, from its issue.
    pub access_token: i64,
    /// A refresh token, from the last time it was refreshed.
    pub refresh_token: i64,
}

impl Default for Lifetimes {
    fn default() -> Lifetimes {
        Lifetimes { access_token: HOUR, refresh_token: 30 * DAY }
    }
}

/// Who lets whom reach what.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The client that is let in.
    pub client: ClientKey,
    /// The employee who consents.
    pub employee: EmployeeKey,
    /// What they agree to.
    pub scope: &'a Scope,
}

/// A pair, as the token endpoint answers it.
#[derive(Debug)]
pub struct IssuedPair {
    /// The refresh token's row.
    pub refresh_token_id: RefreshTokenKey,
    /// Its newest value.
    pub refresh_token: PlainToken,
    /// The access token's row.
    pub access_token_id: AccessTokenKey,
    /// Its value.
    pub access_token: PlainToken,
}

/// A key, to be shown once.
#[derive(Debug)]
pub struct IssuedKey {
    /// Its row.
    pub id: AccessTokenKey,
    /// Its value.
    pub value: PlainToken,
}

/// Issues the first pair of a new grant. Errors: [`Error::Conflict`] when the client is being deleted.
pub fn grant(conn: &mut DbConnection, grant: &Grant<'_>, lifetimes: Lifetimes, now: Timestamp) -> Result<IssuedPair> {
    Client::find_standing(conn, grant.client)?;
    let refresh_token = PlainToken::generate(TokenKind::RefreshToken);
    let id = diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::client_id.eq(grant.client),
            refresh_tokens::employee_id.eq(grant.employee),
            refresh_tokens::prefix.eq(refresh_token.mask()),
            refresh_tokens::scope.eq(grant.scope),
            refresh_tokens::created_at.eq(now),
            refresh_tokens::expires_at.eq(now.plus(lifetimes.refresh_token)),
            refresh_tokens::generation.eq(1),
            refresh_tokens::rotated_at.eq(now),
        ))
        .returning(refresh_tokens::id)
        .get_result::<i64>(conn)?;
    let refresh_token_id = RefreshTokenKey(id);
    issue_value(conn, refresh_token_id, &refresh_token, 1, lifetimes, now)?;
    let (access_token_id, access_token) = issue_access_token(conn, grant, refresh_token_id, 1, lifetimes, now)?;
    Ok(IssuedPair { refresh_token_id, refresh_token, access_token_id, access_token })
}

/// Issues the next pair of a grant. One conditional UPDATE decides: of two callers who saw the same generation, one
/// succeeds; the other gets nothing. Errors: [`Error::Conflict`] when the client is being deleted.
pub fn rotate(
    conn: &mut DbConnection,
    token: &RefreshToken,
    lifetimes: Lifetimes,
    now: Timestamp,
) -> Result<Option<IssuedPair>> {
    Client::find_standing(conn, token.client_id)?;
    let next = token.generation + 1;
    let row = refresh_tokens::table
        .find(token.id)
        .filter(refresh_tokens::generation.eq(token.generation))
        .filter(refresh_tokens::revoked_at.is_null());
    let rotated = diesel::update(row)
        .set((
            refresh_tokens::generation.eq(next),
            refresh_tokens::rotated_at.eq(now),
            refresh_tokens::generation_used_at.eq(None::<Timestamp>),
            refresh_tokens::last_used_at.eq(now),
            refresh_tokens::expires_at.eq(now.plus(lifetimes.refresh_token)),
        ))
        .execute(conn)?;
    if rotated == 0 {
        return Ok(None);
    }
    let refresh_token = PlainToken::with_mask(TokenKind::RefreshToken, &token.mask);
    issue_value(conn, token.id, &refresh_token, next, lifetimes, now)?;
    let grant = Grant { client: token.client_id, employee: token.employee_id, scope: &token.scope };
    let (access_token_id, access_token) = issue_access_token(conn, &grant, token.id, next, lifetimes, now)?;
    Ok(Some(IssuedPair { refresh_token_id: token.id, refresh_token, access_token_id, access_token }))
}

/// Issues an API key that ends at `expires_at`. Errors: [`Error::Conflict`] when the client is being deleted.
pub fn api_key(
    conn: &mut DbConnection,
    grant: &Grant<'_>,
    label: &str,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<IssuedKey> {
    Client::find_standing(conn, grant.client)?;
    let value = PlainToken::generate(TokenKind::ApiKey);
    let id = diesel::insert_into(access_tokens::table)
        .values((
            access_tokens::client_id.eq(grant.client),
            access_tokens::employee_id.eq(grant.employee),
            access_tokens::hash.eq(value.hash()),
            access_tokens::prefix.eq(value.mask()),
            access_tokens::scope.eq(grant.scope),
            access_tokens::label.eq(label),
            access_tokens::created_at.eq(now),
            access_tokens::expires_at.eq(expires_at),
        ))
        .returning(access_tokens::id)
        .get_result::<i64>(conn)?;
    Ok(IssuedKey { id: AccessTokenKey(id), value })
}

fn issue_value(
    conn: &mut DbConnection,
    refresh_token: RefreshTokenKey,
    value: &PlainToken,
    generation: i64,
    lifetimes: Lifetimes,
    now: Timestamp,
) -> Result<()> {
    diesel::insert_into(refresh_token_values::table)
        .values((
            refresh_token_values::refresh_token_id.eq(refresh_token),
            refresh_token_values::hash.eq(value.hash()),
            refresh_token_values::generation.eq(generation),
            refresh_token_values::created_at.eq(now),
            refresh_token_values::expires_at.eq(now.plus(lifetimes.refresh_token)),
        ))
        .execute(conn)
        .map(drop)
        .map_err(Error::from)
}

fn issue_access_token(
    conn: &mut DbConnection,
    grant: &Grant<'_>,
    refresh_token: RefreshTokenKey,
    generation: i64,
    lifetimes: Lifetimes,
    now: Timestamp,
) -> Result<(AccessTokenKey, PlainToken)> {
    let value = PlainToken::generate(TokenKind::AccessToken);
    let id = diesel::insert_into(access_tokens::table)
        .values((
            access_tokens::client_id.eq(grant.client),
            access_tokens::employee_id.eq(grant.employee),
            access_tokens::refresh_token_id.eq(Some(refresh_token)),
            access_tokens::hash.eq(value.hash()),
            access_tokens::prefix.eq(value.mask()),
            access_tokens::scope.eq(grant.scope),
            access_tokens::generation.eq(generation),
            access_tokens::created_at.eq(now),
            access_tokens::expires_at.eq(now.plus(lifetimes.access_token)),
        ))
        .returning(access_tokens::id)
        .get_result::<i64>(conn)?;
    Ok((AccessTokenKey(id), value))
}
