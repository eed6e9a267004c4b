//! What was used when, written every few seconds and at the end. Only the very first use of an access token is written at once (`tokens::rotation`).

use diesel::QueryResult;

use crate::clients::{Client, ClientSecret};
use crate::connections::{Connection, ServiceKey};
use crate::db::{Db, DbConnection, WriteBehindBuffer};
use crate::error::Result;
use crate::id::{AccessTokenKey, ClientKey, ClientSecretKey, ConnectionKey, ResourceServerKey, ServiceKeyKey};
use crate::resource_servers::ResourceServer;
use crate::time::Timestamp;
use crate::tokens::AccessToken;

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
    fn touch(conn: &mut DbConnection, used: Used, at: Timestamp) -> QueryResult<usize> {
        match used {
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
pub struct LastUsed(WriteBehindBuffer<Used>);

impl LastUsed {
    /// A token was used; last before at `before`.
    pub fn token(&self, client: ClientKey, token: AccessTokenKey, before: Timestamp, now: Timestamp) {
        if before < now {
            self.0.note([Used::Token(token), Used::Client(client)], now);
        }
    }

    /// A client showed a secret.
    pub fn secret(&self, secret: ClientSecretKey, now: Timestamp) {
        self.0.note([Used::Secret(secret)], now);
    }

    /// A resource server asked.
    pub fn resource_server(&self, id: ResourceServerKey, now: Timestamp) {
        self.0.note([Used::ResourceServer(id)], now);
    }

    /// A call went through a connection, with one of its service keys.
    pub fn connection(&self, id: ConnectionKey, key: ServiceKeyKey, now: Timestamp) {
        self.0.note([Used::Connection(id), Used::ServiceKey(key)], now);
    }

    /// Writes what was collected. What could not be written waits for the next time.
    pub async fn flush(&self, db: &Db) -> Result<()> {
        self.0.flush(db, Used::touch).await
    }
}
