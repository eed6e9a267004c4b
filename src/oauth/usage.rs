//! What was used when: collected in memory, written in one batch every few seconds and at the end, so that using a token
//! costs no write. Only the very first use of an access token is written at once (`tokens::rotation`).

use std::collections::HashMap;
use std::sync::Mutex;

use crate::clients::{Client, ClientSecret};
use crate::connections::{Connection, ServiceKey};
use crate::db::Db;
use crate::error::Result;
use crate::id::{AccessTokenKey, ClientKey, ClientSecretKey, ConnectionKey, ResourceServerKey, ServiceKeyKey};
use crate::resource_servers::ResourceServer;
use crate::time::Timestamp;
use crate::tokens::AccessToken;

#[derive(Default)]
struct Seen {
    tokens: HashMap<AccessTokenKey, Timestamp>,
    clients: HashMap<ClientKey, Timestamp>,
    secrets: HashMap<ClientSecretKey, Timestamp>,
    resource_servers: HashMap<ResourceServerKey, Timestamp>,
    connections: HashMap<ConnectionKey, Timestamp>,
    service_keys: HashMap<ServiceKeyKey, Timestamp>,
}

/// Uses that are on their way to the database.
#[derive(Default)]
pub struct Usage(Mutex<Seen>);

impl Usage {
    // Tokens written in one transaction: more would make others wait.
    const BATCH: usize = 500;

    /// A token was used; last before at `before`.
    pub fn token(&self, client: ClientKey, token: AccessTokenKey, before: Timestamp, now: Timestamp) {
        if before < now
            && let Ok(mut seen) = self.0.lock()
        {
            seen.tokens.insert(token, now);
            seen.clients.insert(client, now);
        }
    }

    /// A client showed a secret.
    pub fn secret(&self, secret: ClientSecretKey, now: Timestamp) {
        if let Ok(mut seen) = self.0.lock() {
            seen.secrets.insert(secret, now);
        }
    }

    /// A resource server asked.
    pub fn resource_server(&self, id: ResourceServerKey, now: Timestamp) {
        if let Ok(mut seen) = self.0.lock() {
            seen.resource_servers.insert(id, now);
        }
    }

    /// A call went through a connection, with one of its service keys.
    pub fn connection(&self, id: ConnectionKey, key: ServiceKeyKey, now: Timestamp) {
        if let Ok(mut seen) = self.0.lock() {
            seen.connections.insert(id, now);
            seen.service_keys.insert(key, now);
        }
    }

    /// Writes what was collected.
    pub async fn flush(&self, db: &Db) -> Result<()> {
        let seen = match self.0.lock() {
            Ok(mut seen) => std::mem::take(&mut *seen),
            Err(_) => return Ok(()),
        };
        let mut tokens: Vec<(AccessTokenKey, Timestamp)> = seen.tokens.into_iter().collect();
        // In one order on every node: two that write at once do not stand in each other's way.
        tokens.sort_unstable();
        for batch in tokens.chunks(Self::BATCH).map(<[_]>::to_vec) {
            let written = db.write(move |conn| {
                for (id, at) in &batch {
                    AccessToken::touch(conn, *id, *at)?;
                }
                Ok(())
            });
            written.await?;
        }
        let (mut clients, secrets, servers) = (Vec::from_iter(seen.clients), seen.secrets, seen.resource_servers);
        let (connections, keys) = (seen.connections, seen.service_keys);
        if clients.is_empty() && secrets.is_empty() && servers.is_empty() && connections.is_empty() {
            return Ok(());
        }
        clients.sort_unstable();
        db.write(move |conn| {
            for (id, at) in &clients {
                Client::touch(conn, *id, *at)?;
            }
            for (id, at) in &secrets {
                ClientSecret::touch(conn, *id, *at)?;
            }
            for (id, at) in &servers {
                ResourceServer::touch(conn, *id, *at)?;
            }
            for (id, at) in &connections {
                Connection::touch(conn, *id, *at)?;
            }
            for (id, at) in &keys {
                ServiceKey::touch(conn, *id, *at)?;
            }
            Ok(())
        })
        .await
    }
}
