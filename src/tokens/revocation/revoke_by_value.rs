//! Revokes the refresh token, access token or API key that a value belongs to, for the client that holds it.

use crate::clients::Client;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::secrets::PlainToken;
use crate::time::Timestamp;
use crate::tokens::revocation::{Target, revoke, revoke_access_token};
use crate::tokens::{AccessToken, RefreshToken};

/// Revokes what `value` belongs to. Any value of a refresh token revokes it with its access tokens, however old the value
/// is; an access token or API key is revoked alone. Does nothing when the value is unknown, has expired or belongs to
/// another client.
pub fn revoke_by_value(
    conn: &mut DbConnection,
    client: &Client,
    value: &PlainToken,
    client_ip: &str,
    now: Timestamp,
) -> Result<()> {
    let (actor, hash) = (client.actor(), value.hash());
    let outcome = match RefreshToken::find_by_value(conn, &hash, value.grant_hash().as_ref())? {
        Some((found, _)) if found.client_id == client.id => {
            revoke(conn, &Target::RefreshToken(client.clone(), found), None, (&actor, client_ip), now).map(drop)
        }
        Some(_) => Ok(()),
        None => match AccessToken::find_by_value(conn, &hash)? {
            Some(found) if found.client_id == client.id => {
                revoke_access_token(conn, (client, &found), (&actor, client_ip), now)
            }
            _ => Ok(()),
        },
    };
    match outcome {
        // Another request has revoked it in the meantime.
        Err(Error::Conflict(_)) => Ok(()),
        outcome => outcome,
    }
}
