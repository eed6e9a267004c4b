//! Finds the token a URL names, or says how it was revoked.

use crate::account::revoked_error;
use crate::activity::{Activity, Kind};
use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{AccessTokenKey, ClientKey, RefreshTokenKey};
use crate::pages::clients::client_detail::find as find_client;
use crate::tokens::{AccessToken, EndedToken, RefreshToken};

/// A URL of an access token: its client, the refresh token in the path if there is one, and its id.
pub type AccessTokenPath = (ClientKey, Option<RefreshTokenKey>, AccessTokenKey);

/// The result of a revocation.
pub enum Revocation<T> {
    Revoked(T),
    /// It was already revoked, for example because the button was pressed twice. Says by whom.
    AlreadyRevoked(String),
}

/// Turns "already revoked" errors into a result.
pub fn unless_already_revoked<T>(result: Result<T>) -> Result<Revocation<T>> {
    match result {
        Ok(revoked) => Ok(Revocation::Revoked(revoked)),
        Err(Error::Gone(message) | Error::Conflict(message)) => Ok(Revocation::AlreadyRevoked(message)),
        Err(error) => Err(error),
    }
}

/// The error for employees who may revoke only what they authorized themselves.
pub fn own_tokens_only() -> Error {
    Error::Forbidden(
        "You can revoke only tokens you authorized. Ask a store manager or an admin to revoke this one.".into(),
    )
}

/// Finds a refresh token, also one whose rows are still being deleted.
pub fn find_refresh_token(
    conn: &mut DbConnection,
    client: ClientKey,
    id: RefreshTokenKey,
) -> Result<(Client, RefreshToken)> {
    let client = find_client(conn, client)?;
    require_unrevoked(&client)?;
    match RefreshToken::find(conn, client.id, id).map_err(Error::from) {
        Ok(token) => {
            let employee = Employee::find(conn, token.employee_id)?;
            if employee.revoked_refresh_tokens_through >= id.0 {
                return Err(revoked_with_all_access(&employee));
            }
            Ok((client, token))
        }
        Err(Error::NotFound) => {
            Err(revoked_or_not_found(conn, &client, &[Kind::RefreshTokenRevoked], "refresh_token", id.0)?)
        }
        Err(error) => Err(error),
    }
}

/// Finds a refresh token that is not revoked.
pub fn find_unrevoked_refresh_token(
    conn: &mut DbConnection,
    client: ClientKey,
    id: RefreshTokenKey,
) -> Result<(Client, RefreshToken)> {
    let (client, token) = find_refresh_token(conn, client, id)?;
    match token.revoked_at {
        None => Ok((client, token)),
        Some(_) => {
            let message = format!("{} of {} was revoked and is being deleted.", token.mask, client.name);
            Err(Error::Conflict(message))
        }
    }
}

/// Finds an access token or API key that is not revoked.
pub fn find_access_token(conn: &mut DbConnection, (client, via, id): AccessTokenPath) -> Result<(Client, AccessToken)> {
    let client = match via {
        None => find_client(conn, client)?,
        Some(refresh_token) => find_unrevoked_refresh_token(conn, client, refresh_token)?.0,
    };
    require_unrevoked(&client)?;
    let found = AccessToken::find(conn, client.id, id).map_err(Error::from);
    let found = found.and_then(|token| match via {
        Some(_) if token.refresh_token_id != via => Err(Error::NotFound),
        _ => Ok(token),
    });
    match found {
        Ok(token) => {
            let employee = Employee::find(conn, token.employee_id)?;
            if employee.revoked_access_tokens_through >= id.0 {
                return Err(revoked_with_all_access(&employee));
            }
            if let Some(parent) = token.refresh_token_id {
                find_unrevoked_refresh_token(conn, client.id, parent)?;
            }
            Ok((client, token))
        }
        Err(Error::NotFound) => {
            let kinds = [Kind::AccessTokenRevoked, Kind::ApiKeyRevoked];
            Err(revoked_or_not_found(conn, &client, &kinds, "access_token", id.0)?)
        }
        Err(error) => Err(error),
    }
}

/// An access token with a row of its own, or one that has expired and was moved to the ended tokens.
pub enum FoundAccessToken {
    Current(AccessToken),
    Ended(EndedToken),
}

/// Finds an access token or API key that is not revoked, also an access token that has expired and was moved.
pub fn find_current_or_ended(
    conn: &mut DbConnection,
    path @ (client, via, id): AccessTokenPath,
) -> Result<(Client, FoundAccessToken)> {
    let not_found = match find_access_token(conn, path) {
        Ok((client, token)) => return Ok((client, FoundAccessToken::Current(token))),
        Err(error @ Error::NotFound) => error,
        Err(error) => return Err(error),
    };
    let Some(token) = EndedToken::find(conn, client, id)? else {
        return Err(not_found);
    };
    if via.is_some_and(|via| via != token.refresh_token_id) {
        return Err(not_found);
    }
    let (client, _) = find_unrevoked_refresh_token(conn, client, token.refresh_token_id)?;
    let employee = Employee::find(conn, token.employee_id)?;
    match employee.revoked_access_tokens_through >= id.0 {
        true => Err(revoked_with_all_access(&employee)),
        false => Ok((client, FoundAccessToken::Ended(token))),
    }
}

fn require_unrevoked(client: &Client) -> Result<()> {
    match client.revoked_at {
        None => Ok(()),
        Some(_) => Err(Error::Gone(format!("{} was revoked, together with all its tokens.", client.name))),
    }
}

// Says how a token was revoked, but only when it was a token of this client. The log stores such a token under the name
// "{mask} of {client}".
fn revoked_or_not_found(
    conn: &mut DbConnection,
    client: &Client,
    kinds: &[Kind],
    subject: &str,
    id: i64,
) -> Result<Error> {
    // On PostgreSQL another transaction may have deleted the client since it was read.
    find_client(conn, client.id)?;
    match Activity::latest_about(conn, kinds, subject, id)? {
        Some(entry) if entry.subject_name.ends_with(&format!(" of {}", client.name)) => {
            revoked_error(conn, kinds, subject, id)
        }
        _ => Ok(Error::NotFound),
    }
}

// The rows may still be there for a while.
fn revoked_with_all_access(employee: &Employee) -> Error {
    Error::Gone(format!("It was revoked, together with everything {} had authorized.", employee.name))
}
