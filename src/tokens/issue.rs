//! Issues tokens. The caller gets the value once; the database stores its hash and its first characters.

use diesel::prelude::*;

use crate::clients::Client;
pub use crate::config::Lifetimes;
use crate::db::{DbConnection, tally};
use crate::employees::Employee;
use crate::error::Result;
use crate::id::{AccessTokenKey, ClientKey, EmployeeKey, RefreshTokenKey};
use crate::metrics::Act;
use crate::schema::{access_tokens, refresh_token_values, refresh_tokens};
use crate::scopes::Scope;
use crate::secrets::{GrantPart, PlainToken, TokenHash, TokenKind};
use crate::time::Timestamp;
use crate::tokens::flags::Flags;
use crate::tokens::refresh_token::RefreshToken;

/// What an employee allowed a client to access.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The client that gets access.
    pub client: ClientKey,
    /// The employee who allows it.
    pub employee: EmployeeKey,
    /// The scope they allow.
    pub scope: &'a Scope,
}

/// An access token and a refresh token, as the token endpoint returns them.
#[derive(Debug)]
pub struct IssuedPair {
    /// The id of the refresh token.
    pub refresh_token_id: RefreshTokenKey,
    /// Its new value.
    pub refresh_token: PlainToken,
    /// The id of the access token.
    pub access_token_id: AccessTokenKey,
    /// Its value.
    pub access_token: PlainToken,
    /// Seconds until the access token expires.
    pub expires_in: i64,
}

/// A new API key.
#[derive(Debug)]
pub struct IssuedKey {
    /// Its id.
    pub id: AccessTokenKey,
    /// Its value, which is shown once.
    pub value: PlainToken,
}

/// Issues the first pair of a new grant.
///
/// Errors: [`Error::Conflict`](crate::error::Error::Conflict) when the client is being deleted.
pub fn grant(conn: &mut DbConnection, grant: &Grant<'_>, lifetimes: Lifetimes, now: Timestamp) -> Result<IssuedPair> {
    let client = Client::find_unrevoked(conn, grant.client)?;
    let refresh_token = PlainToken::generate(TokenKind::RefreshToken);
    let expiry = PairExpiry::of(client.grants_end_after, now, lifetimes, now);
    let flags = Flags::of(grant.scope, &Employee::find(conn, grant.employee)?);
    let id = diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::client_id.eq(grant.client),
            refresh_tokens::employee_id.eq(grant.employee),
            refresh_tokens::prefix.eq(refresh_token.mask()),
            refresh_tokens::grant_hash.eq(refresh_token.grant_hash()),
            refresh_tokens::scope.eq(grant.scope),
            refresh_tokens::created_at.eq(now),
            refresh_tokens::expires_at.eq(expiry.refresh_token),
            refresh_tokens::generation.eq(1),
            refresh_tokens::rotated_at.eq(now),
            refresh_tokens::full_access.eq(flags.full_access),
            refresh_tokens::beyond_role.eq(flags.beyond_role),
            refresh_tokens::owner_inactive.eq(flags.owner_inactive),
        ))
        .returning(refresh_tokens::id)
        .get_result::<i64>(conn)?;
    tally(conn, Act::RefreshTokenIssued, 1);
    pair(conn, grant, (RefreshTokenKey(id), refresh_token), 1, expiry, now)
}

/// Issues the next pair of a grant to the holder of `value`, which must be one of its newest generation. One conditional
/// UPDATE decides: of two callers that read the same generation, one gets a pair and the other `None`.
///
/// The database holds only hashes, so the grant part of the next value comes from `value`; if that has the earlier format,
/// the grant gets a new grant part.
///
/// Errors: [`Error::Conflict`](crate::error::Error::Conflict) when the client is being deleted.
pub fn rotate(
    conn: &mut DbConnection,
    (token, value): (&RefreshToken, &PlainToken),
    lifetimes: Lifetimes,
    now: Timestamp,
) -> Result<Option<IssuedPair>> {
    let client = Client::find_unrevoked(conn, token.client_id)?;
    let expiry = PairExpiry::of(client.grants_end_after, token.created_at, lifetimes, now);
    let part = value.grant_part().unwrap_or_else(GrantPart::generate);
    next_generation(conn, &Next { token, part: &part, scope: &token.scope, expiry, client_ip: "" }, now)
}

/// What the next pair of a grant is issued with. The caller has already checked the client.
#[derive(Clone, Copy)]
pub(crate) struct Next<'a> {
    /// The grant, as it was read.
    pub token: &'a RefreshToken,
    /// The grant part of the next value.
    pub part: &'a GrantPart,
    /// The scope of the access token.
    pub scope: &'a Scope,
    /// When the pair expires.
    pub expiry: PairExpiry,
    /// The client IP.
    pub client_ip: &'a str,
}

// The columns of the last use with their new values.
type LastUse<'a> = (
    diesel::dsl::Eq<refresh_tokens::last_used_at, Timestamp>,
    diesel::dsl::Eq<refresh_tokens::last_used_address, &'a str>,
);

// The column with its new value, or `None` to leave it as it is.
type ChangedGrantHash = Option<diesel::dsl::Eq<refresh_tokens::grant_hash, Option<TokenHash>>>;

impl<'a> Next<'a> {
    /// Stores that the client refreshed the grant; in the same UPDATE that decides the step.
    pub(crate) fn last_use(&self, now: Timestamp) -> LastUse<'a> {
        (refresh_tokens::last_used_at.eq(now), refresh_tokens::last_used_address.eq(self.client_ip))
    }

    /// Stores the hash of the grant part where it is not stored yet; in the same UPDATE that decides the step.
    pub(crate) fn changed_grant_hash(&self) -> ChangedGrantHash {
        let hash = Some(self.part.hash(&self.token.mask));
        (self.token.grant_hash != hash).then(|| refresh_tokens::grant_hash.eq(hash))
    }
}

/// Issues the next pair of a grant, and deletes the values that are older than the previous one.
pub(crate) fn next_generation(conn: &mut DbConnection, next: &Next<'_>, now: Timestamp) -> Result<Option<IssuedPair>> {
    let token = next.token;
    let generation = token.generation + 1;
    let row = refresh_tokens::table
        .find(token.id)
        .filter(refresh_tokens::generation.eq(token.generation))
        .filter(refresh_tokens::revoked_at.is_null());
    let change = (
        refresh_tokens::generation.eq(generation),
        refresh_tokens::rotated_at.eq(now),
        refresh_tokens::generation_used_at.eq(None::<Timestamp>),
        next.last_use(now),
        refresh_tokens::expires_at.eq(next.expiry.refresh_token),
        refresh_tokens::pairs.eq(1),
        refresh_tokens::rotated_from.eq(next.client_ip),
        next.changed_grant_hash(),
    );
    // Compiled for each database separately, so that SQLite caches the prepared statements.
    if crate::db::on_each!(conn, |conn| diesel::update(row).set(change).execute(conn))? == 0 {
        return Ok(None);
    }
    if token.generation > 1 {
        let older = refresh_token_values::table
            .filter(refresh_token_values::refresh_token_id.eq(token.id))
            .filter(refresh_token_values::generation.lt(token.generation))
            .filter(refresh_token_values::earlier_format.eq(false));
        crate::db::on_each!(conn, |conn| diesel::delete(older).execute(conn))?;
    }
    another_pair(conn, next, generation, now).map(Some)
}

/// Issues a pair that belongs to the given generation of a grant.
pub(crate) fn another_pair(
    conn: &mut DbConnection,
    next: &Next<'_>,
    generation: i64,
    now: Timestamp,
) -> Result<IssuedPair> {
    let token = next.token;
    let value = PlainToken::refresh_token(&token.mask, next.part);
    let grant = Grant { client: token.client_id, employee: token.employee_id, scope: next.scope };
    pair(conn, &grant, (token.id, value), generation, next.expiry, now)
}

/// When the two tokens of a pair expire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PairExpiry {
    /// When the value of the refresh token expires.
    pub refresh_token: Timestamp,
    /// When the access token expires.
    pub access_token: Timestamp,
}

impl PairExpiry {
    /// Computes both. If the client limits how long a grant lasts, neither token expires after that limit.
    pub fn of(max_grant_seconds: Option<i64>, granted: Timestamp, lifetimes: Lifetimes, now: Timestamp) -> PairExpiry {
        let last = max_grant_seconds.map_or(Timestamp::NO_END, |seconds| granted.plus(seconds));
        PairExpiry {
            refresh_token: now.plus(lifetimes.refresh_token).min(last),
            access_token: now.plus(lifetimes.access_token).min(last),
        }
    }
}

/// Issues an API key.
///
/// Errors: [`Error::Conflict`](crate::error::Error::Conflict) when the client is being deleted.
pub fn api_key(
    conn: &mut DbConnection,
    grant: &Grant<'_>,
    label: &str,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<IssuedKey> {
    Client::find_unrevoked(conn, grant.client)?;
    let value = PlainToken::generate(TokenKind::ApiKey);
    let flags = Flags::of(grant.scope, &Employee::find(conn, grant.employee)?);
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
            access_tokens::full_access.eq(flags.full_access),
            access_tokens::beyond_role.eq(flags.beyond_role),
            access_tokens::owner_inactive.eq(flags.owner_inactive),
        ))
        .returning(access_tokens::id)
        .get_result::<i64>(conn)?;
    tally(conn, Act::ApiKeyIssued, 1);
    Ok(IssuedKey { id: AccessTokenKey(id), value })
}

fn pair(
    conn: &mut DbConnection,
    grant: &Grant<'_>,
    (refresh_token_id, refresh_token): (RefreshTokenKey, PlainToken),
    generation: i64,
    expiry: PairExpiry,
    now: Timestamp,
) -> Result<IssuedPair> {
    let value = (
        refresh_token_values::refresh_token_id.eq(refresh_token_id),
        refresh_token_values::hash.eq(refresh_token.hash()),
        refresh_token_values::generation.eq(generation),
        refresh_token_values::created_at.eq(now),
        refresh_token_values::expires_at.eq(expiry.refresh_token),
        refresh_token_values::earlier_format.eq(false),
    );
    // Compiled for each database separately, so that SQLite caches the prepared INSERT.
    crate::db::on_each!(conn, |conn| diesel::insert_into(refresh_token_values::table).values(value).execute(conn))?;
    let access_token = PlainToken::generate(TokenKind::AccessToken);
    let row = (
        access_tokens::client_id.eq(grant.client),
        access_tokens::employee_id.eq(grant.employee),
        access_tokens::refresh_token_id.eq(Some(refresh_token_id)),
        access_tokens::hash.eq(access_token.hash()),
        access_tokens::prefix.eq(access_token.mask()),
        access_tokens::scope.eq(grant.scope),
        access_tokens::generation.eq(generation),
        access_tokens::created_at.eq(now),
        access_tokens::expires_at.eq(expiry.access_token),
    );
    let id = crate::db::on_each!(conn, |conn| {
        diesel::insert_into(access_tokens::table).values(row).returning(access_tokens::id).get_result::<i64>(conn)
    })?;
    tally(conn, Act::AccessTokenIssued, 1);
    let expires_in = expiry.access_token.since(now);
    Ok(IssuedPair { refresh_token_id, refresh_token, access_token_id: AccessTokenKey(id), access_token, expires_in })
}
