//! A valid access token for a call: waits for a refresh in flight, or asks for one.

use std::time::{Duration, Instant};

use crate::connections::ApiType;
use crate::connections::connection::Connection;
use crate::connections::oauth_client::OAuthClient;
use crate::connections::refresh::POLL_INTERVAL;
use crate::connections::service::Connections;
use crate::connections::state::Pace;
use crate::error::Result;
use crate::id::ConnectionKey;
use crate::time::Timestamp;

// The longest time a call waits for a token: longer than a refresh may take.
const TIMEOUT: Duration = Duration::from_secs(13);

/// Why a connection has no usable access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// It is paused.
    Paused,
    /// It needs authorization; the reason.
    NeedsAuthorization(String),
    /// Its refresh failed; the error and the time of the next attempt.
    Retrying(String, Timestamp),
    /// It was refreshed seconds ago, and the provider refuses the new token.
    JustRefreshed,
    /// A refresh is in flight and takes too long.
    Busy,
}

/// A connection whose access token the provider has refused.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// The connection with that token.
    pub connection: &'a Connection,
    /// Whether the provider said that the token is invalid (RFC 6750 section 3.1), so that even a new one is refreshed.
    pub is_invalid_token: bool,
}

/// A connection with a valid access token, refreshed first if necessary. After a refusal, the result has another access
/// token than the one refused.
pub async fn ready(
    service: &Connections,
    id: ConnectionKey,
    refused: Option<Refused<'_>>,
) -> Result<std::result::Result<(Connection, OAuthClient), NotReady>> {
    let started = Instant::now();
    let mut was_refreshed = false;
    loop {
        let now = service.clock.now();
        let (connection, client) = service.db.lookup(move |conn| Ok(Connection::with_client(conn, id)?)).await?;
        if connection.paused_at.is_some() {
            return Ok(Err(NotReady::Paused));
        }
        if connection.needs_authorization_since.is_some() {
            return Ok(Err(NotReady::NeedsAuthorization(connection.reason)));
        }
        let in_flight = connection.is_in_flight(now);
        let is_other = refused.is_none_or(|refused| !connection.has_same_token_as(refused.connection));
        // X-Series revokes the current access token when it refreshes.
        let is_replaced = in_flight && client.api_type == ApiType::XSeries;
        if is_other && connection.is_fresh(now) && !is_replaced {
            return Ok(Ok((connection, client)));
        }
        if started.elapsed() > TIMEOUT {
            return Ok(Err(NotReady::Busy));
        }
        if in_flight {
            tokio::time::sleep(POLL_INTERVAL).await;
            continue;
        }
        if connection.failing_since.is_some() && connection.due_at > now {
            return Ok(Err(NotReady::Retrying(connection.last_error, connection.due_at)));
        }
        let asks_early = !is_other && refused.is_some_and(|refused| refused.is_invalid_token);
        let pace = match asks_early && connection.may_refresh_early(now) {
            true => Pace::Early { version: connection.version },
            false => Pace::Regular,
        };
        if was_refreshed || (pace == Pace::Regular && connection.lease_until > now) {
            return Ok(Err(match is_other {
                true => NotReady::Busy,
                false => NotReady::JustRefreshed,
            }));
        }
        service.refresher.run(id, pace).await;
        was_refreshed = true;
    }
}
