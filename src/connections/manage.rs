//! What admins do with a connection: pause, resume and disconnect it, create and revoke its service keys.

use crate::activity::{Detail, Kind, NewActivity};
use crate::connections::provider_revocation::{Revocation, revoke};
use crate::connections::{Connection, Connections, OAuthClient, Requester, ServiceKey, or_gone};
use crate::error::{Error, Result};
use crate::id::{ConnectionKey, ServiceKeyKey};
use crate::time::count;

impl Connections {
    /// Pauses or resumes a connection; false if it already was.
    pub async fn set_paused(&self, id: ConnectionKey, paused: bool, by: Requester) -> Result<bool> {
        let now = self.clock.now();
        self.db
            .write(move |conn| {
                let connection = or_gone(Connection::find(conn, id), conn, id)?;
                if connection.paused_at.is_some() == paused {
                    return Ok(false);
                }
                let kind = match paused {
                    true => connection.pause(conn, &by.name, now).map(|()| Kind::ConnectionPaused)?,
                    false => connection.resume(conn, &by.name, now).map(|()| Kind::ConnectionResumed)?,
                };
                NewActivity::new(kind, by.actor(), connection.subject()).from(&by.client_ip).record(conn, now)?;
                Ok(true)
            })
            .await
    }

    /// Deletes a connection, then revokes its tokens at the provider; returns its name and the outcome there.
    pub async fn disconnect(&self, id: ConnectionKey, by: Requester) -> Result<(String, Revocation)> {
        let now = self.clock.now();
        let (connection, client) = self
            .db
            .write(move |conn| {
                let (connection, client) = or_gone(Connection::with_client(conn, id), conn, id)?;
                let keys = ServiceKey::of_connection(conn, id)?.len();
                if !Connection::delete(conn, id)? {
                    return Err(Error::NotFound);
                }
                NewActivity::new(Kind::ConnectionDisconnected, by.actor(), connection.subject())
                    .from(&by.client_ip)
                    .with(Detail::note(disconnection_note(&connection, &client, keys)))
                    .record(conn, now)?;
                Ok((connection, client))
            })
            .await?;
        let revocation = revoke(self, &connection, &client).await;
        Ok((connection.name, revocation))
    }

    /// Revokes a service key; returns its label, or nothing if it was already revoked.
    pub async fn revoke_service_key(
        &self,
        id: ConnectionKey,
        key: ServiceKeyKey,
        by: Requester,
    ) -> Result<Option<String>> {
        let now = self.clock.now();
        self.db
            .write(move |conn| {
                let connection = or_gone(Connection::find(conn, id), conn, id)?;
                let Some(key) = ServiceKey::revoke(conn, id, key)? else {
                    return Ok(None);
                };
                NewActivity::new(Kind::ServiceKeyRevoked, by.actor(), connection.subject())
                    .from(&by.client_ip)
                    .with(Detail::note(format!("{} ({})", key.label, key.mask.characters())))
                    .record(conn, now)?;
                Ok(Some(key.label))
            })
            .await
    }
}

fn disconnection_note(connection: &Connection, client: &OAuthClient, keys: usize) -> String {
    let account = match connection.account_name.as_str() {
        "" => String::new(),
        name => format!(", account {name}"),
    };
    format!("{}{account}, {}", client.api_type.full_name(), count(keys as i64, "service key"))
}
