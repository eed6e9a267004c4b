//! What admins do with app credentials: add, edit and delete them.

use crate::activity::{Detail, Kind, NewActivity, Subject};
use crate::connections::state::changed_concurrently;
use crate::connections::{
    ApiType, Connection, ConnectionEvent, Connections, EventKind, OAuthClient, OAuthClientFields, Requester,
};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::OAuthClientKey;
use crate::time::Timestamp;

const SERVER_CHANGED: &str = "Its server has changed.";

/// App credentials as an admin enters them.
#[derive(Clone)]
pub struct AppCredentials {
    /// The API type; it cannot be changed later.
    pub api_type: ApiType,
    /// The last part of the redirect URI; it cannot be changed later.
    pub callback: String,
    /// The other fields.
    pub fields: OAuthClientFields,
    /// The client secret; none keeps the stored one.
    pub secret: Option<String>,
}

impl Connections {
    /// Adds app credentials. Errors: [`Error::Invalid`] if the name is taken, [`Error::Conflict`] if the redirect URI is.
    pub async fn add_app_credentials(&self, new: AppCredentials, by: Requester) -> Result<OAuthClient> {
        let (now, vault) = (self.clock.now(), self.vault.clone());
        self.db
            .write(move |conn| {
                if new.api_type == ApiType::Other && OAuthClient::has_callback(conn, &new.callback)? {
                    return Err(Error::Conflict(
                        "This form is already saved. Open the list of app credentials.".into(),
                    ));
                }
                let secret = new.secret.as_deref().unwrap_or_default();
                let kind = (new.api_type, new.callback.as_str());
                let client = OAuthClient::create(conn, &vault, kind, &new.fields, secret, now)?;
                NewActivity::new(Kind::OAuthClientAdded, by.actor(), subject(&client))
                    .from(&by.client_ip)
                    .record(conn, now)?;
                Ok(client)
            })
            .await
    }

    /// Edits app credentials. If the server has changed, connections lose their tokens, which belong to the old server;
    /// returns how many. Errors: [`Error::Invalid`] if the name is taken; [`Error::Conflict`] if the stored secret would be
    /// sent to another URL, because somebody else changed it meanwhile.
    pub async fn change_app_credentials(
        &self,
        id: OAuthClientKey,
        change: AppCredentials,
        by: Requester,
    ) -> Result<i64> {
        let (now, vault) = (self.clock.now(), self.vault.clone());
        self.db
            .write(move |conn| {
                let before = OAuthClient::find(conn, id)?;
                let keeps_urls = before.api_type != ApiType::Other || before.keeps_secret_urls(&change.fields);
                if change.secret.is_none() && !keeps_urls {
                    return Err(changed_concurrently());
                }
                OAuthClient::change(conn, id, &change.fields)?;
                if let Some(secret) = &change.secret {
                    OAuthClient::change_secret(conn, &vault, id, secret, now)?;
                }
                let moved = before.api_type == ApiType::Other && !before.keeps_token_servers(&change.fields);
                let reset = if moved { delete_tokens(conn, id, &by.name, now)? } else { 0 };
                let note = if change.secret.is_some() { "with a new secret" } else { "" };
                NewActivity::new(Kind::OAuthClientChanged, by.actor(), subject(&before))
                    .from(&by.client_ip)
                    .with(Detail::note(note))
                    .record(conn, now)?;
                Ok(reset)
            })
            .await
    }

    /// Deletes app credentials; returns their name. Errors: [`Error::Conflict`] while connections use them.
    pub async fn delete_app_credentials(&self, id: OAuthClientKey, by: Requester) -> Result<String> {
        let now = self.clock.now();
        self.db
            .write(move |conn| {
                let client = OAuthClient::find(conn, id)?;
                OAuthClient::delete(conn, id)?;
                NewActivity::new(Kind::OAuthClientDeleted, by.actor(), subject(&client))
                    .from(&by.client_ip)
                    .record(conn, now)?;
                Ok(client.name)
            })
            .await
    }
}

fn subject(client: &OAuthClient) -> Subject {
    Subject::named("oauth_client", client.id.0, &client.name)
}

// Deletes the tokens of the connections that use app credentials; returns how many had some.
fn delete_tokens(conn: &mut DbConnection, id: OAuthClientKey, by: &str, now: Timestamp) -> Result<i64> {
    let mut reset = 0;
    for (id, _) in OAuthClient::users(conn, id)? {
        if Connection::find(conn, id)?.has_token() {
            Connection::delete_tokens(conn, id, SERVER_CHANGED, now)?;
            ConnectionEvent::record(conn, id, (EventKind::Lost, SERVER_CHANGED), by, now)?;
            reset += 1;
        }
    }
    Ok(reset)
}
