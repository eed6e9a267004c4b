//! A refresh token, access token or API key by its id alone, as a command names it; or how it was revoked.

use diesel::prelude::*;

use crate::account::revoked_error;
use crate::activity::{Actor, Kind};
use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{AccessTokenKey, ClientKey, RefreshTokenKey};
use crate::schema::{access_tokens, refresh_tokens};
use crate::time::Timestamp;
use crate::tokens::revocation::{self, RevocationImpact, Revoked, Seen, Target};
use crate::tokens::{AccessToken, RefreshToken};

/// The id of a refresh token, or of an access token or API key: `r12`, `a34`, `k56`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenName {
    /// A refresh token.
    RefreshToken(RefreshTokenKey),
    /// An access token.
    AccessToken(AccessTokenKey),
    /// An API key.
    ApiKey(AccessTokenKey),
}

impl TokenName {
    /// Reads an id.
    pub fn parse(text: &str) -> Option<TokenName> {
        let (kind, digits) = text.split_at_checked(1)?;
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let id = digits.parse().ok().filter(|_| is_number)?;
        match kind {
            "r" => Some(TokenName::RefreshToken(RefreshTokenKey(id))),
            "a" => Some(TokenName::AccessToken(AccessTokenKey(id))),
            "k" => Some(TokenName::ApiKey(AccessTokenKey(id))),
            _ => None,
        }
    }
}

impl std::fmt::Display for TokenName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TokenName::RefreshToken(id) => write!(f, "r{id}"),
            TokenName::AccessToken(id) => write!(f, "a{id}"),
            TokenName::ApiKey(id) => write!(f, "k{id}"),
        }
    }
}

/// A token that is not revoked, with its client and the employee it acts for.
pub enum NamedToken {
    /// A refresh token.
    Refresh(Client, RefreshToken, Employee),
    /// An access token or API key.
    Access(Client, AccessToken, Employee),
}

/// Finds a token by its id. Errors: [`Error::Gone`] with who revoked it, [`Error::Conflict`] while its rows are being deleted,
/// [`Error::NotFound`].
pub fn find(conn: &mut DbConnection, name: TokenName) -> Result<NamedToken> {
    match name {
        TokenName::RefreshToken(id) => find_refresh_token(conn, id),
        TokenName::AccessToken(id) => find_access_token(conn, id, false),
        TokenName::ApiKey(id) => find_access_token(conn, id, true),
    }
}

fn find_refresh_token(conn: &mut DbConnection, id: RefreshTokenKey) -> Result<NamedToken> {
    let client = refresh_tokens::table.find(id).select(refresh_tokens::client_id).first::<ClientKey>(conn);
    let Some(client) = client.optional()? else {
        return Err(revoked_error(conn, &[Kind::RefreshTokenRevoked], "refresh_token", id.0)?);
    };
    let client = Client::find_unrevoked(conn, client)?;
    let token = RefreshToken::find(conn, client.id, id)?;
    let employee = Employee::find(conn, token.employee_id)?;
    if token.revoked_at.is_some() || employee.revoked_refresh_tokens_through >= id.0 {
        return Err(being_deleted(&token.mask.to_string(), &client));
    }
    Ok(NamedToken::Refresh(client, token, employee))
}

fn find_access_token(conn: &mut DbConnection, id: AccessTokenKey, is_key: bool) -> Result<NamedToken> {
    let row = access_tokens::table.find(id).select((access_tokens::client_id, access_tokens::refresh_token_id));
    let row: Option<(ClientKey, Option<RefreshTokenKey>)> = row.first(conn).optional()?;
    let Some((client, parent)) = row.filter(|(_, parent)| parent.is_none() == is_key) else {
        let kind = if is_key { Kind::ApiKeyRevoked } else { Kind::AccessTokenRevoked };
        return Err(revoked_error(conn, &[kind], "access_token", id.0)?);
    };
    let client = match parent {
        None => Client::find_unrevoked(conn, client)?,
        Some(parent) => match find_refresh_token(conn, parent)? {
            NamedToken::Refresh(client, ..) | NamedToken::Access(client, ..) => client,
        },
    };
    let token = AccessToken::find(conn, client.id, id)?;
    let employee = Employee::find(conn, token.employee_id)?;
    if employee.revoked_access_tokens_through >= id.0 {
        return Err(being_deleted(&token.mask.to_string(), &client));
    }
    Ok(NamedToken::Access(client, token, employee))
}

fn being_deleted(mask: &str, client: &Client) -> Error {
    Error::Conflict(format!("{mask} of {} was revoked and is being deleted.", client.name))
}

impl NamedToken {
    /// Its id.
    pub fn name(&self) -> TokenName {
        match self {
            NamedToken::Refresh(_, token, _) => TokenName::RefreshToken(token.id),
            NamedToken::Access(_, token, _) if token.is_api_key() => TokenName::ApiKey(token.id),
            NamedToken::Access(_, token, _) => TokenName::AccessToken(token.id),
        }
    }

    /// What it is, in a sentence: `refresh token Zk3f9aB *** REDACTED *** of Ledgerly (Anna Svensson)`.
    pub fn in_words(&self) -> String {
        let (noun, mask, client, employee) = match self {
            NamedToken::Refresh(client, token, employee) => ("refresh token", &token.mask, client, employee),
            NamedToken::Access(client, token, employee) => (token.type_noun(), &token.mask, client, employee),
        };
        format!("{noun} {mask} of {} ({})", client.name, employee.name)
    }

    /// What revoking it revokes: for a refresh token, also its access tokens.
    pub fn impact(&self, conn: &mut DbConnection) -> Result<Option<RevocationImpact>> {
        match self {
            NamedToken::Refresh(client, token, _) => {
                let target = Target::RefreshToken(client.clone(), token.clone());
                Ok(Some(RevocationImpact::of(conn, &target)?))
            }
            NamedToken::Access(..) => Ok(None),
        }
    }

    /// Revokes it; a refresh token with its access tokens. `seen` is what the question said. Returns what was revoked with a
    /// refresh token. Errors: [`Error::Conflict`] when it was revoked in the meantime.
    pub fn revoke(
        &self,
        conn: &mut DbConnection,
        seen: Option<Seen>,
        (actor, client_ip): (&Actor, &str),
        now: Timestamp,
    ) -> Result<Option<Revoked>> {
        match self {
            NamedToken::Refresh(client, token, _) => {
                let target = Target::RefreshToken(client.clone(), token.clone());
                revocation::revoke(conn, &target, seen, (actor, client_ip), now).map(Some)
            }
            NamedToken::Access(client, token, _) => {
                revocation::revoke_access_token(conn, (client, token), (actor, client_ip), now)?;
                Ok(None)
            }
        }
    }
}
