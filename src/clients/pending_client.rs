//! A client that is pending approval, with what helps an admin to decide about it.

use diesel::prelude::*;

use crate::activity::{Activity, Kind};
use crate::clients::client::Client;
use crate::clients::redirect_uri::RedirectUri;
use crate::db::DbConnection;
use crate::db::keyset::PAGE;
use crate::id::ClientKey;
use crate::schema::clients;

/// A client that is pending approval.
#[derive(Clone, Debug)]
pub struct PendingClient {
    /// The client.
    pub client: Client,
    /// Where its users return: hosts, or schemes of apps, each once.
    pub redirect_hosts: Vec<String>,
    /// The client IP of whoever registered it, as the activity log has it; may be empty.
    pub registered_from: String,
}

impl PendingClient {
    /// The most that are loaded, or decided about, at a time.
    pub const MOST: usize = PAGE;

    /// Adds to each client where its users return and where it was registered from.
    pub fn of(conn: &mut DbConnection, clients: Vec<Client>) -> QueryResult<Vec<PendingClient>> {
        let keys: Vec<ClientKey> = clients.iter().map(|client| client.id).collect();
        let ids: Vec<i64> = keys.iter().map(|key| key.0).collect();
        let uris = RedirectUri::of_clients(conn, &keys)?;
        let entries = Activity::about_each(conn, Kind::ClientRegistered, "client", &ids)?;
        let pending = |client: Client| {
            let mut redirect_hosts = Vec::new();
            for (_, uri) in uris.iter().filter(|(key, _)| *key == client.id) {
                let host = RedirectUri::host_or_scheme(uri);
                if !redirect_hosts.contains(&host) {
                    redirect_hosts.push(host);
                }
            }
            let entry = entries.iter().find(|entry| entry.subject_id == client.id.0);
            let registered_from = entry.map(|entry| entry.client_ip.clone()).unwrap_or_default();
            PendingClient { client, redirect_hosts, registered_from }
        };
        Ok(clients.into_iter().map(pending).collect())
    }

    /// Those of `ids` that are pending approval, newest first; at most [`PendingClient::MOST`].
    pub fn among(conn: &mut DbConnection, ids: &[ClientKey]) -> QueryResult<Vec<PendingClient>> {
        let clients = clients::table
            .filter(clients::id.eq_any(ids))
            .filter(clients::approved_at.is_null())
            .filter(clients::revoked_at.is_null())
            .order(clients::id.desc())
            .limit(Self::MOST as i64)
            .select(Client::as_select())
            .load(conn)?;
        Self::of(conn, clients)
    }
}
