//! Taking back at a provider what it gave: tried after what is held here is gone, so that nothing waits for it.

use futures_util::StreamExt;

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::connections::connection::Connection;
use crate::connections::event::{ConnectionEvent, EventKind};
use crate::connections::oauth_client::OAuthClient;
use crate::connections::provider::Provider;
use crate::connections::refresh::exchange;
use crate::connections::service::Connections;
use crate::connections::state;
use crate::db::DbConnection;
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::time::Timestamp;
use crate::web::page::Tone;

// Revocations on their way at once.
const MAX_AT_ONCE: usize = 16;

/// What a provider made of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// There was nothing to take back.
    NothingHeld,
    /// It says that it is done.
    Confirmed,
    /// It has no way.
    NoWay,
    /// It could not be reached, or refused.
    Unconfirmed,
}

impl Revocation {
    /// How urgently a person has to know.
    pub fn tone(self) -> Tone {
        match self {
            Revocation::NothingHeld | Revocation::Confirmed => Tone::Good,
            Revocation::NoWay | Revocation::Unconfirmed => Tone::Warn,
        }
    }

    /// What a person is told.
    pub fn sentence(self) -> &'static str {
        match self {
            Revocation::NothingHeld => "It held no tokens, so there was nothing to revoke at the provider.",
            Revocation::Confirmed => "The provider confirmed that its tokens are revoked.",
            Revocation::NoWay => {
                "This provider offers no way to revoke tokens from here: also remove the access in your account there."
            }
            Revocation::Unconfirmed => {
                "The provider did not confirm that its tokens are revoked: also remove the access in your account there."
            }
        }
    }
}

/// Revokes at its provider what a connection held; `connection` is its row as it was before.
pub async fn revoke(service: &Connections, connection: &Connection, client: &OAuthClient) -> Revocation {
    if !connection.holds_a_token() {
        return Revocation::NothingHeld;
    }
    let held = match connection.can_refresh() {
        true => connection.refresh_token(&service.vault),
        false => connection.access_token(&service.vault),
    };
    let outcome = async {
        let provider = Provider::of(client, &connection.domain_prefix, &service.hosts)?;
        revoke_token(service, &provider, client, held?.expose()).await
    };
    outcome.await.unwrap_or_else(|error| {
        log::warn!("connection {}: its tokens could not be revoked at the provider: {error}", connection.id);
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
        return Ok(Revocation::NoWay);
    }
    let secret = client.secret(&service.vault)?;
    match exchange(service, provider, client, secret.expose(), service.clock.now()).revoke(token).await {
        true => Ok(Revocation::Confirmed),
        false => Ok(Revocation::Unconfirmed),
    }
}

/// Drops what every connection holds that a person authorized; returns them as they were, for [`revoke_all`].
pub fn end_authorized_by(
    conn: &mut DbConnection,
    (person, reason): (EmployeeKey, &str),
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Vec<(Connection, OAuthClient)>> {
    let mut ended = Vec::new();
    for (connection, _) in Connection::authorized_by(conn, person)? {
        if !connection.holds_a_token() {
            continue;
        }
        Connection::forget(conn, connection.id, reason, now)?;
        ConnectionEvent::record(conn, connection.id, (EventKind::Lost, reason), actor.name(), now)?;
        NewActivity::new(Kind::ConnectionLost, actor.clone(), state::subject(&connection))
            .from(client_ip)
            .with(Detail::note(reason))
            .record(conn, now)?;
        let client = OAuthClient::find(conn, connection.oauth_client_id)?;
        ended.push((connection, client));
    }
    Ok(ended)
}

/// Revokes what many connections held; returns the names of those whose provider did not confirm it.
pub async fn revoke_all(service: &Connections, ended: &[(Connection, OAuthClient)]) -> Vec<String> {
    let tried = futures_util::stream::iter(ended).map(|(connection, client)| async move {
        let outcome = revoke(service, connection, client).await;
        (connection.name.clone(), outcome.tone() == Tone::Good)
    });
    let tried: Vec<(String, bool)> = tried.buffered(MAX_AT_ONCE).collect().await;
    tried.into_iter().filter(|(_, confirmed)| !confirmed).map(|(name, _)| name).collect()
}
