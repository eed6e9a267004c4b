//! What was used when: collected in memory, written in one batch every few seconds and at the end, so that using a token
//! costs no write. Only the very first use of an access token is written at once (`tokens::rotation`).

use std::collections::BTreeMap;
use std::sync::Mutex;

use diesel::QueryResult;

use crate::clients::{Client, ClientSecret};
use crate::connections::{Connection, ServiceKey};
use crate::db::{Db, DbConnection};
use crate::error::Result;
use crate::id::{AccessTokenKey, ClientKey, ClientSecretKey, ConnectionKey, ResourceServerKey, ServiceKeyKey};
use crate::resource_servers::ResourceServer;
use crate::time::Timestamp;
use crate::tokens::AccessToken;

// In the order in which they are written, the same on every node: two that write at once do not stand in each other's way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Used {
    Token(AccessTokenKey),
    Client(ClientKey),
    Secret(ClientSecretKey),
    ResourceServer(ResourceServerKey),
    Connection(ConnectionKey),
    ServiceKey(ServiceKeyKey),
}

impl Used {
    fn touch(self, conn: &mut DbConnection, at: Timestamp) -> QueryResult<usize> {
        match self {
            Used::Token(id) => AccessToken::touch(conn, id, at),
            Used::Client(id) => Client::touch(conn, id, at),
            Used::Secret(id) => ClientSecret::touch(conn, id, at),
            Used::ResourceServer(id) => ResourceServer::touch(conn, id, at),
            Used::Connection(id) => Connection::touch(conn, id, at),
            Used::ServiceKey(id) => ServiceKey::touch(conn, id, at),
        }
    }
}

/// Uses that are on their way to the database.
#[derive(Default)]
pub struct Usage(Mutex<BTreeMap<Used, Timestamp>>);

impl Usage {
    // Written in one transaction: more would make others wait.
    const BATCH: usize = 500;

    /// A token was used; last before at `before`.
    pub fn token(&self, client: ClientKey, token: AccessTokenKey, before: Timestamp, now: Timestamp) {
        if before < now {
            self.note([Used::Token(token), Used::Client(client)], now);
        }
    }

    /// A client showed a secret.
    pub fn secret(&self, secret: ClientSecretKey, now: Timestamp) {
        self.note([Used::Secret(secret)], now);
    }

    /// A resource server asked.
    pub fn resource_server(&self, id: ResourceServerKey, now: Timestamp) {
        self.note([Used::ResourceServer(id)], now);
    }

    /// A call went through a connection, with one of its service keys.
    pub fn connection(&self, id: ConnectionKey, key: ServiceKeyKey, now: Timestamp) {
        self.note([Used::Connection(id), Used::ServiceKey(key)], now);
    }

    fn note<const N: usize>(&self, used: [Used; N], now: Timestamp) {
        if let Ok(mut seen) = self.0.lock() {
            seen.extend(used.map(|one| (one, now)));
        }
    }

    /// Writes what was collected. What could not be written waits for the next time.
    pub async fn flush(&self, db: &Db) -> Result<()> {
        let mut waiting = match self.0.lock() {
            Ok(mut seen) => std::mem::take(&mut *seen),
            Err(_) => return Ok(()),
        };
        while !waiting.is_empty() {
            let next = waiting.keys().nth(Self::BATCH).copied();
            let mut rest = next.map_or_else(BTreeMap::new, |next| waiting.split_off(&next));
            let batch = waiting.clone();
            let written = db.write(move |conn| {
                for (used, at) in &batch {
                    used.touch(conn, *at)?;
                }
                Ok(())
            });
            if let Err(error) = written.await {
                if let Ok(mut seen) = self.0.lock() {
                    waiting.append(&mut rest);
                    // What was used again meanwhile is newer.
                    waiting.append(&mut seen);
                    *seen = waiting;
                }
                return Err(error);
            }
            waiting = rest;
        }
        Ok(())
    }
}
