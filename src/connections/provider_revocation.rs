//! Revokes tokens at the provider (RFC 7009), after they are deleted here, so that deletion does not depend on it.

use futures_util::StreamExt;

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::connections::connection::Connection;
use crate::connections::event::{ConnectionEvent, EventKind};
use crate::connections::oauth_client::OAuthClient;
use crate::connections::provider::Provider;
use crate::connections::refresh::exchange;
use crate::connections::service::Connections;
use crate::db::DbConnection;
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::time::Timestamp;

// Concurrent revocations.
const MAX_AT_ONCE: usize = 16;

/// The outcome of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The connection had no tokens.
    NoTokens,
    /// The provider confirmed it.
    Confirmed,
    /// The provider has no revocation endpoint.
    Unsupported,
    /// The provider could not be reached or refused.
    Unconfirmed,
}

impl Revocation {
    /// Whether no token is left to revoke at the provider.
    pub fn is_complete(self) -> bool {
        matches!(self, Revocation::NoTokens | Revocation::Confirmed)
    }
}

/// Revokes the tokens of a connection at its provider; `connection` is its row before they were deleted.
pub async fn revoke(service: &Connections, connection: &Connection, client: &OAuthClient) -> Revocation {
    if !connection.has_token() {
        return Revocation::NoTokens;
    }
    let token = match connection.can_refresh() {
        true => connection.refresh_token(&service.vault),
        false => connection.access_token(&service.vault),
    };
    let outcome = async {
        let provider = Provider::of(client, &connection.domain_prefix, &service.hosts)?;
        revoke_token(service, &provider, client, token?.expose()).await
    };
    outcome.await.unwrap_or_else(|error| {
        log::warn!("connection {}: revoking its tokens at the provider failed: {error}", connection.id);
        Revocation::Unconfirmed
    })
}

/// Revokes one token.
pub async fn revoke_token(
    service: &Connections,
    provider: &Provider,
    client: &OAuthClient,
    token: &str,
) -> Result<Revocation> {
    if provider.revoke.is_none() {
        return Ok(Revocation::Unsupported);
    }
    let secret = client.secret(&service.vault)?;
    match exchange(service, provider, client, secret.expose(), service.clock.now()).revoke(token).await {
        true => Ok(Revocation::Confirmed),
        false => Ok(Revocation::Unconfirmed),
    }
}

/// Deletes the tokens of every connection that an employee authorized; returns their previous rows, for [`revoke_all`].
pub fn delete_tokens_authorized_by(
    conn: &mut DbConnection,
    (employee, reason): (EmployeeKey, &str),
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Vec<(Connection, OAuthClient)>> {
    let mut affected = Vec::new();
    for (connection, _) in Connection::authorized_by(conn, employee)? {
        if !connection.has_token() {
            continue;
        }
        Connection::delete_tokens(conn, connection.id, reason, now)?;
        ConnectionEvent::record(conn, connection.id, (EventKind::Lost, reason), actor.name(), now)?;
        NewActivity::new(Kind::ConnectionLost, actor.clone(), connection.subject())
            .from(client_ip)
            .with(Detail::note(reason))
            .record(conn, now)?;
        let client = OAuthClient::find(conn, connection.oauth_client_id)?;
        affected.push((connection, client));
    }
    Ok(affected)
}

/// Revokes the tokens of many connections; returns the names of those whose provider did not confirm it.
pub async fn revoke_all(service: &Connections, affected: &[(Connection, OAuthClient)]) -> Vec<String> {
    let outcomes = futures_util::stream::iter(affected).map(|(connection, client)| async move {
        let outcome = revoke(service, connection, client).await;
        (connection.name.clone(), outcome.is_complete())
    });
    let outcomes: Vec<(String, bool)> = outcomes.buffered(MAX_AT_ONCE).collect().await;
    outcomes.into_iter().filter(|(_, confirmed)| !confirmed).map(|(name, _)| name).collect()
}
