//! Finds a token or a client secret by its value, and records who looked it up.

use diesel::OptionalExtension;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::clients::{Client, ClientSecret};
use crate::db::DbConnection;
use crate::employees::{Attempt, Attempts};
use crate::error::Result;
use crate::id::{AccessTokenKey, ClientKey, EmployeeKey, RefreshTokenKey};
use crate::secrets::{NotAToken, PlainToken, TokenHash};
use crate::time::Timestamp;
use crate::tokens::{AccessToken, EndedToken, RefreshToken};

/// What a value belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundToken {
    /// An access token or API key; it may have expired.
    AccessToken(ClientKey, AccessTokenKey),
    /// The current value of a refresh token.
    RefreshToken(ClientKey, RefreshTokenKey),
    /// An earlier value of a refresh token.
    ReplacedRefreshToken(ClientKey, RefreshTokenKey),
    /// A client secret.
    ClientSecret(ClientKey),
}

/// The result of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSearch {
    /// The value was found; the search is recorded.
    Found(FoundToken),
    /// No token or secret has this value.
    NotFound,
    /// Too many searches found nothing; seconds to wait.
    TooMany(i64),
}

/// What a person pasted, as hashes.
#[derive(Clone, Debug)]
pub struct PastedToken {
    hash: TokenHash,
    // Of the grant part, which also an older value of a refresh token has.
    grant_hash: Option<TokenHash>,
}

/// Reads what a person pasted: a token, with or without `Bearer`, or the SHA-256 of a token in hexadecimal, as secret
/// scanners report it.
pub fn parse_pasted_token(text: &str) -> std::result::Result<PastedToken, NotAToken> {
    let text = text.trim();
    let text = text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")).unwrap_or(text).trim();
    match (PlainToken::parse(text), TokenHash::from_hex(text)) {
        (Ok(token), _) => Ok(PastedToken { hash: token.hash(), grant_hash: token.grant_hash() }),
        (Err(_), Some(hash)) => Ok(PastedToken { hash, grant_hash: None }),
        (Err(error), None) => Err(error),
    }
}

/// Finds a token or client secret by its value and records the search. Searches that find nothing are rate limited per person.
pub fn find_token(
    conn: &mut DbConnection,
    pasted: &PastedToken,
    (viewer, actor): (EmployeeKey, &Actor),
    client_ip: &str,
    now: Timestamp,
) -> Result<TokenSearch> {
    let attempts = Attempts::of(&format!("find-token {viewer}"), "any", Some("page"));
    let found = look_up(conn, pasted)?;
    match (&found, attempts.begin(conn, now)?) {
        (_, Attempt::Wait(seconds)) => return Ok(TokenSearch::TooMany(seconds)),
        (Some(_), Attempt::Allowed) => attempts.succeeded(conn)?,
        (None, Attempt::Allowed) => {}
    }
    let Some((token, client, subject)) = found else {
        return Ok(TokenSearch::NotFound);
    };
    NewActivity::new(Kind::TokenLookedUp, actor.clone(), subject)
        .from(client_ip)
        .with(Detail::note(format!("of {}", client.name)))
        .record(conn, now)?;
    Ok(TokenSearch::Found(token))
}

// What a value belongs to, its client, and the subject of the activity entry.
type Found = (FoundToken, Client, Subject);

fn look_up(conn: &mut DbConnection, pasted: &PastedToken) -> Result<Option<Found>> {
    let hash = &pasted.hash;
    if let Some(token) = AccessToken::find_by_value(conn, hash)? {
        let client = Client::find(conn, token.client_id)?;
        let subject = Subject::token("access_token", token.id.0, &token.mask, &client.name, token.employee_id);
        return Ok(Some((FoundToken::AccessToken(client.id, token.id), client, subject)));
    }
    if let Some(owner) = ClientSecret::owner(conn, hash)? {
        let client = Client::find(conn, owner)?;
        let subject = client.subject();
        return Ok(Some((FoundToken::ClientSecret(owner), client, subject)));
    }
    let Some((token, is_current)) = RefreshToken::find_by_value(conn, hash, pasted.grant_hash.as_ref())? else {
        return look_up_ended(conn, hash);
    };
    let client = Client::find(conn, token.client_id)?;
    let subject = Subject::token("refresh_token", token.id.0, &token.mask, &client.name, token.employee_id);
    let found = match is_current {
        true => FoundToken::RefreshToken(client.id, token.id),
        false => FoundToken::ReplacedRefreshToken(client.id, token.id),
    };
    Ok(Some((found, client, subject)))
}

// An access token that has expired; nothing when its client or its refresh token is gone.
fn look_up_ended(conn: &mut DbConnection, hash: &TokenHash) -> Result<Option<Found>> {
    let Some(token) = EndedToken::find_by_value(conn, hash)? else {
        return Ok(None);
    };
    let Some(client) = Client::find(conn, token.client_id).optional()? else {
        return Ok(None);
    };
    if RefreshToken::find(conn, client.id, token.refresh_token_id).optional()?.is_none() {
        return Ok(None);
    }
    let subject = Subject::token("access_token", token.id.0, &token.mask, &client.name, token.employee_id);
    Ok(Some((FoundToken::AccessToken(client.id, token.id), client, subject)))
}
