//! Checks an access token or API key: what it may access now, which is its scope limited by the role of its employee. A
//! token has no access when it expired, or when it, its refresh token, its client or its employee is revoked or inactive.

use std::net::IpAddr;

use diesel::prelude::*;

use crate::access::last_used::LastUsed;
pub use crate::access::refused_token::{Inactive, Refused};
pub use crate::access::token_row::{Token, TokenClient, TokenEmployee};
use crate::db::{Db, DbConnection};
use crate::error::{Error, Result};
use crate::id::ResourceServerKey;
use crate::resource_servers::ResourceServer;
use crate::schema::{access_tokens, clients, employees, refresh_tokens, resource_servers};
use crate::scopes::{Role, Scope};
use crate::secrets::{PlainToken, TokenHash, TokenKind};
use crate::time::{Clock, Timestamp};
use crate::tokens::{EndedToken, rotation};

/// A valid token with its client and employee; only the columns that every request needs.
#[derive(Clone, Debug)]
pub struct Access {
    /// The token.
    pub token: Token,
    /// The client it belongs to.
    pub client: TokenClient,
    /// The employee it acts for.
    pub employee: TokenEmployee,
}

type Row = (Token, TokenClient, TokenEmployee, Option<Timestamp>);

/// Checks tokens and records their use.
pub struct TokenChecks<'a> {
    /// The database.
    pub db: &'a Db,
    /// The clock.
    pub clock: &'a Clock,
    /// Collects when tokens were last used, and how often.
    pub last_used: &'a LastUsed,
}

impl TokenChecks<'_> {
    /// Checks a token and records its use from an address, or that it was refused. The first use is committed before this
    /// returns, because after it an earlier value of the refresh token counts as reuse.
    pub async fn use_token(&self, token: &str, from: Option<IpAddr>) -> Result<std::result::Result<Access, Inactive>> {
        match self.check(token).await? {
            Ok(access) => self.record_use(access, from).await,
            Err(refused) => {
                self.record_refusal(refused);
                Ok(Err(refused.why))
            }
        }
    }

    /// Records that a token was refused.
    pub fn record_refusal(&self, refused: Refused) {
        if let Some(client) = refused.client {
            self.last_used.refusal(client, self.clock.now());
        }
    }

    /// Checks a token without recording anything, for a caller that may not be allowed to see the result.
    pub async fn check(&self, token: &str) -> Result<std::result::Result<Access, Refused>> {
        let (hash, now) = (TokenHash::of(token), self.clock.now());
        let wanted = hash.clone();
        match self.db.lookup(move |conn| Ok(find(conn, &wanted)?)).await? {
            Some(row) => Ok(check(row, &hash, now)),
            None => Ok(Err(self.missing(token).await?)),
        }
    }

    // A value with our format and a valid checksum existed once: without a row, it was revoked, or it expired long ago.
    async fn missing(&self, token: &str) -> Result<Refused> {
        match PlainToken::parse(token) {
            Ok(token) if token.kind() == TokenKind::ApiKey => Ok(Refused { why: Inactive::Revoked, client: None }),
            Ok(token) if token.kind() == TokenKind::AccessToken => {
                let hash = token.hash();
                let client = self.db.lookup(move |conn| Ok(EndedToken::client_of(conn, &hash)?)).await?;
                let why = if client.is_some() { Inactive::NotVerified } else { Inactive::Revoked };
                Ok(Refused { why, client })
            }
            _ => Ok(Refused { why: Inactive::NotVerified, client: None }),
        }
    }

    /// Checks a token for a resource server that authenticates with its id and secret: both are read in one query. Returns
    /// `None` when the credentials are wrong, and no access when the token is not active; then the refusal is recorded.
    pub async fn check_for(
        &self,
        (id, secret): (&str, &str),
        token: &str,
    ) -> Result<Option<(ResourceServerKey, Option<Access>)>> {
        let (hash, secret, now) = (TokenHash::of(token), TokenHash::of(secret), self.clock.now());
        let Some(id) = ResourceServer::well_formed(id) else {
            return Ok(None);
        };
        let id = id.to_string();
        let wanted = hash.clone();
        let found = self.db.lookup(move |conn| Ok(find_for(conn, &id, &secret, &wanted)?)).await?;
        let Some((server, row)) = found else {
            return Ok(None);
        };
        let checked = match row {
            Some(row) => check(row, &hash, now),
            None => Err(self.missing(token).await?),
        };
        Ok(Some((server, checked.map_err(|refused| self.record_refusal(refused)).ok())))
    }

    /// Records a use from an address. The token may have been revoked, or may have expired, since the check.
    pub async fn record_use(
        &self,
        access: Access,
        from: Option<IpAddr>,
    ) -> Result<std::result::Result<Access, Inactive>> {
        let (token, now) = (&access.token, self.clock.now());
        if token.last_used_at == Timestamp::NEVER_YET && !token.is_api_key() {
            let (id, grant) = (token.id, token.refresh_token_id.map(|grant| (grant, token.generation)));
            match self.db.low_priority().write(move |conn| rotation::first_use(conn, id, grant, from, now)).await {
                Ok(()) => {}
                // It expired and was moved, or it was revoked.
                Err(Error::NotFound) => {
                    let is_expired = token.expires_at <= self.clock.now();
                    let why = if is_expired { Inactive::NotVerified } else { Inactive::Revoked };
                    self.record_refusal(Refused { why, client: Some(access.client.id) });
                    return Ok(Err(why));
                }
                Err(error) => return Err(error),
            }
        }
        self.last_used.token(&access, from, now);
        Ok(Ok(access))
    }
}

impl Access {
    /// The scope it may use now; may be empty.
    pub fn scope(&self) -> Scope {
        self.token.scope.effective(self.employee.role)
    }

    /// Whether it may use the scope `word`.
    pub fn allows(&self, word: &str) -> bool {
        self.token.scope.allows(word, self.employee.role)
    }

    /// The employee's current role.
    pub fn role(&self) -> Role {
        self.employee.role
    }
}

// One statement for the token and its client, employee and refresh token: it reads two indexes, that of the values and the small
// one of previous values of API keys. Compiled for each database separately, so that its text is not built for every request.
// Without a LIMIT: SQLite would plan the statement again each time one is bound.
fn find(conn: &mut DbConnection, hash: &TokenHash) -> QueryResult<Option<Row>> {
    crate::db::on_each!(conn, |conn| {
        access_tokens::table
            .inner_join(clients::table)
            .inner_join(employees::table)
            .left_join(refresh_tokens::table)
            .filter(access_tokens::hash.eq(hash).or(access_tokens::previous_hash.eq(hash)))
            .select((
                Token::as_select(),
                TokenClient::as_select(),
                TokenEmployee::as_select(),
                refresh_tokens::revoked_at.nullable(),
            ))
            .get_result(conn)
            .optional()
    })
}

// The same, with the resource server that asks. A second query reads the resource server if the token is unknown.
fn find_for(
    conn: &mut DbConnection,
    id: &str,
    secret: &TokenHash,
    hash: &TokenHash,
) -> QueryResult<Option<(ResourceServerKey, Option<Row>)>> {
    type Found = (Token, TokenClient, TokenEmployee, Option<Timestamp>, Option<(ResourceServerKey, TokenHash)>);
    let found: Option<Found> = crate::db::on_each!(conn, |conn| {
        access_tokens::table
            .inner_join(clients::table)
            .inner_join(employees::table)
            .left_join(refresh_tokens::table)
            .left_join(resource_servers::table.on(resource_servers::resource_server_id.eq(id)))
            .filter(access_tokens::hash.eq(hash).or(access_tokens::previous_hash.eq(hash)))
            .select((
                Token::as_select(),
                TokenClient::as_select(),
                TokenEmployee::as_select(),
                refresh_tokens::revoked_at.nullable(),
                (resource_servers::id, resource_servers::hash).nullable(),
            ))
            .get_result(conn)
            .optional()
    })?;
    Ok(match found {
        Some((token, client, employee, grant_revoked, Some((server, stored)))) => {
            stored.matches(secret).then_some((server, Some((token, client, employee, grant_revoked))))
        }
        Some((.., None)) => None,
        None => ResourceServer::authenticate(conn, id, secret)?.map(|server| (server.id, None)),
    })
}

fn check(row: Row, hash: &TokenHash, now: Timestamp) -> std::result::Result<Access, Refused> {
    let (mut token, client, employee, grant_revoked) = row;
    let refused = |why| Err(Refused { why, client: Some(client.id) });
    let is_previous = token.previous_hash.as_ref() == Some(hash);
    let is_replaced = is_previous && token.previous_expires_at <= now;
    if is_previous {
        token.expires_at = token.expires_at.min(token.previous_expires_at);
    }
    match () {
        () if is_replaced => refused(Inactive::Revoked),
        () if token.expires_at <= now => refused(Inactive::NotVerified),
        () if !client.may_act() || grant_revoked.is_some() || !employee.allows(&token) => refused(Inactive::Revoked),
        () => Ok(Access { token, client, employee }),
    }
}
