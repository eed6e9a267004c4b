//! When tokens, clients, secrets and connections were last used: collected in memory and written every few seconds and at
//! shutdown. Only the first use of an access token is written immediately (`tokens::rotation`).

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

/// Uses that are not yet written to the database.
#[derive(Default)]
pub struct LastUsed(WriteBehindBuffer<Used>);

impl LastUsed {
    /// Records that a token was used; `before` is its last use before that.
    pub fn token(&self, client: ClientKey, token: AccessTokenKey, before: Timestamp, now: Timestamp) {
        if before < now {
            self.0.note([Used::Token(token), Used::Client(client)], now);
        }
    }

    /// Records that a client authenticated with a secret.
    pub fn secret(&self, secret: ClientSecretKey, now: Timestamp) {
        self.0.note([Used::Secret(secret)], now);
    }

    /// Records that a resource server validated a token.
    pub fn resource_server(&self, id: ResourceServerKey, now: Timestamp) {
        self.0.note([Used::ResourceServer(id)], now);
    }

    /// Records a call through a connection with one of its service keys.
    pub fn connection(&self, id: ConnectionKey, key: ServiceKeyKey, now: Timestamp) {
        self.0.note([Used::Connection(id), Used::ServiceKey(key)], now);
    }

    /// Writes what was collected; what fails stays in the buffer.
    pub async fn flush(&self, db: &Db) -> Result<()> {
        self.0.flush(db, Used::touch).await
    }
}
