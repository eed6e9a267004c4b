//! Client secrets and failed token requests: one client is replacing its secret and still uses the previous one, another
//! had failed refreshes this morning.

use crate::clients::token_failure::TokenFailure;
use crate::clients::{Client, ClientSecret};
use crate::demo::fill::Ids;
use crate::demo::integrations::{LEDGERLY, SHELFWISE};
use crate::error::Result;
use crate::id::ClientKey;
use crate::resource_servers::ResourceServer;
use crate::time::{DAY, HOUR, MINUTE, Timestamp};
use crate::web::state::State;

const MAX_AT_ONCE: usize = 100;
const CLIENT_IP: &str = "203.0.113.24";

// Age in seconds, grant type, error and hint.
const FAILURES: [(i64, &str, &str, &str); 4] = [
    (9 * DAY, "authorization_code", "invalid_grant", "Authorization code has expired"),
    (
        2 * DAY + 5 * HOUR,
        "refresh_token",
        "invalid_client",
        "Unknown client or wrong secret. Check `client_id` and `client_secret`",
    ),
    (
        3 * HOUR,
        "refresh_token",
        "invalid_grant",
        "The employee who authorized access is locked. The token works again when they are unlocked",
    ),
    (
        40 * MINUTE,
        "refresh_token",
        "temporarily_unavailable",
        "This refresh token was used too often within a minute. Another of your processes has the new one: use that, or \
         try again later",
    ),
];

/// Creates a secret for each client, and details for the clients that people open first.
pub async fn write(app: &State, ids: &Ids, now: Timestamp) -> Result<()> {
    for some in ids.clients.chunks(MAX_AT_ONCE).map(<[ClientKey]>::to_vec) {
        app.db
            .with_long_timeout()
            .write(move |conn| {
                for id in &some {
                    let client = Client::find(conn, *id)?;
                    ClientSecret::issue(conn, client.id, 0, client.created_at)?;
                    if let [secret] = ClientSecret::of_client(conn, client.id, now)?.as_slice() {
                        ClientSecret::touch(conn, secret.id, client.last_used_at)?;
                    }
                }
                Ok(())
            })
            .await?;
    }
    let one = |i: usize| ids.clients.get(i).copied();
    let (ledgerly, shelfwise) = (one(LEDGERLY), one(SHELFWISE));
    app.db
        .write(move |conn| {
            if let Some(client) = shelfwise {
                ClientSecret::issue(conn, client, DAY, now.plus(-3 * HOUR))?;
                if let [_, earlier] = ClientSecret::of_client(conn, client, now)?.as_slice() {
                    ClientSecret::touch(conn, earlier.id, now.plus(-5 * MINUTE))?;
                }
            }
            for (ago, grant_type, error, hint) in FAILURES {
                let Some(client) = ledgerly else { break };
                let failure = TokenFailure {
                    at: now.plus(-ago),
                    grant_type: grant_type.into(),
                    error: error.into(),
                    hint: hint.into(),
                    client_ip: CLIENT_IP.into(),
                };
                failure.record(conn, client)?;
            }
            let (server, _) = ResourceServer::create(conn, "Shop API gateway", now.plus(-200 * DAY))?;
            ResourceServer::touch(conn, server.id, now.plus(-MINUTE))?;
            Ok(())
        })
        .await
}
