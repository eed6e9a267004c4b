//! When tokens, clients, secrets and connections were last used, and how often clients and API keys were used on each day:
//! collected in memory and written every few seconds and at shutdown. Only the first use of an access token is written
//! immediately (`tokens::rotation`).

use std::net::IpAddr;

use diesel::QueryResult;

use crate::access::token_access::Access;
use crate::access::usage::UseCounts;
use crate::api_tokens::{ApiToken, Caller};
use crate::clients::{Client, ClientSecret};
use crate::connections::{Connection, ServiceKey};
use crate::db::{Db, DbConnection, WriteBehindBuffer};
use crate::error::Result;
use crate::id::{
    AccessTokenKey, ApiTokenKey, ClientKey, ClientSecretKey, ConnectionKey, ResourceServerKey, ServiceKeyKey,
};
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
    ApiToken(ApiTokenKey),
}

// When something was used, and from where if that is stored.
type Use = (Timestamp, Option<IpAddr>);

impl Used {
    fn touch(conn: &mut DbConnection, used: Used, (at, from): Use) -> QueryResult<usize> {
        match used {
            Used::Token(id) => AccessToken::touch(conn, id, at, from),
            Used::Client(id) => Client::touch(conn, id, at),
            Used::Secret(id) => ClientSecret::touch(conn, id, at),
            Used::ResourceServer(id) => ResourceServer::touch(conn, id, at),
            Used::Connection(id) => Connection::touch(conn, id, at),
            Used::ServiceKey(id) => ServiceKey::touch(conn, id, at),
            Used::ApiToken(id) => ApiToken::touch(conn, id, at, from),
        }
    }
}

/// Uses that are not yet written to the database.
#[derive(Default)]
pub struct LastUsed {
    times: WriteBehindBuffer<Used, Use>,
    counts: UseCounts,
}

impl LastUsed {
    /// Records a call with a token from an address.
    pub fn token(&self, access: &Access, from: Option<IpAddr>, now: Timestamp) {
        let (client, token) = (access.client.id, &access.token);
        if token.last_used_at < now {
            self.times.note([Used::Token(token.id), Used::Client(client)], (now, from));
        }
        self.counts.call(client, token.is_api_key().then_some(token.id), now);
    }

    /// Records that a client refreshed a token.
    pub fn refresh(&self, client: ClientKey, now: Timestamp) {
        self.counts.refresh(client, now);
    }

    /// Records that a request of a client was refused.
    pub fn refusal(&self, client: ClientKey, now: Timestamp) {
        self.counts.refusal(client, now);
    }

    /// Records that a client authenticated with a secret.
    pub fn secret(&self, secret: ClientSecretKey, now: Timestamp) {
        self.times.note([Used::Secret(secret)], (now, None));
    }

    /// Records that a resource server validated a token.
    pub fn resource_server(&self, id: ResourceServerKey, now: Timestamp) {
        self.times.note([Used::ResourceServer(id)], (now, None));
    }

    /// Records a call through a connection with one of its service keys.
    pub fn connection(&self, id: ConnectionKey, key: ServiceKeyKey, now: Timestamp) {
        self.times.note([Used::Connection(id), Used::ServiceKey(key)], (now, None));
    }

    /// Records a call of the admin API from an address.
    pub fn api_token(&self, caller: &Caller, from: Option<IpAddr>, now: Timestamp) {
        if caller.last_used_at < now {
            self.times.note([Used::ApiToken(caller.id)], (now, from));
        }
    }

    /// Writes what was collected; what fails stays in the buffer.
    pub async fn flush(&self, db: &Db) -> Result<()> {
        self.times.flush(db, Used::touch).await?;
        self.counts.flush(db).await
    }
}
