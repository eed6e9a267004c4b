//! What admins do with connections: create, edit, pause, resume and disconnect them, and create and revoke their service
//! keys.

use crate::activity::{Detail, Kind, NewActivity};
use crate::connections::provider_revocation::{Revocation, revoke};
use crate::connections::{
    Connection, ConnectionEvent, ConnectionFields, Connections, EventKind, OAuthClient, Requester, ServiceKey, or_gone,
};
use crate::db::nonce;
use crate::error::{Error, Result};
use crate::id::{ConnectionKey, OAuthClientKey, ServiceKeyKey};
use crate::secrets::PlainToken;
use crate::time::count;

const ALREADY_SHOWN: &str = "The service key of this form was already shown, and it is shown only once. If you lost it, revoke \
                             it and create a new one.";

/// What an edit changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionChange {
    /// Nothing.
    Nothing,
    /// The scope, which takes effect with the next authorization.
    Scope,
    /// The server; the old tokens were deleted and revoked with this outcome.
    Server(Revocation),
    /// Other fields only.
    OtherFields,
}

impl Connections {
    /// Creates a connection. Errors: the name is taken.
    pub async fn create(&self, client: OAuthClientKey, fields: ConnectionFields, by: Requester) -> Result<Connection> {
        let now = self.clock.now();
        self.db
            .write(move |conn| {
                let connection = Connection::create(conn, client, &fields, now)?;
                ConnectionEvent::record(conn, connection.id, (EventKind::Changed, "Created."), &by.name, now)?;
                NewActivity::new(Kind::ConnectionCreated, by.actor(), connection.subject())
                    .from(&by.client_ip)
                    .record(conn, now)?;
                Ok(connection)
            })
            .await
    }

    /// Edits a connection. If its server changes, its tokens are deleted and revoked. Errors: the name is taken.
    pub async fn update(
        &self,
        id: ConnectionKey,
        client: OAuthClientKey,
        fields: ConnectionFields,
        by: Requester,
    ) -> Result<ConnectionChange> {
        let now = self.clock.now();
        let (before, previous_client, changed) = self
            .db
            .write(move |conn| {
                let (before, previous_client) = or_gone(Connection::with_client(conn, id), conn, id)?;
                let changed = changed_fields(&before, client, &fields);
                if !changed.is_empty() {
                    let names = changed.iter().map(|field| field.name()).collect::<Vec<_>>().join(", ");
                    Connection::change(conn, &before, client, &fields, now)?;
                    let details = format!("Changed: {names}.");
                    ConnectionEvent::record(conn, id, (EventKind::Changed, &details), &by.name, now)?;
                    NewActivity::new(Kind::ConnectionChanged, by.actor(), before.subject())
                        .from(&by.client_ip)
                        .with(Detail::note(names))
                        .record(conn, now)?;
                }
                Ok((before, previous_client, changed))
            })
            .await?;
        Ok(match () {
            () if changed.is_empty() => ConnectionChange::Nothing,
            () if changed.contains(&Field::Server) => {
                ConnectionChange::Server(revoke(self, &before, &previous_client).await)
            }
            () if changed.contains(&Field::Scope) && before.can_refresh() => ConnectionChange::Scope,
            () => ConnectionChange::OtherFields,
        })
    }

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

    /// Creates a service key for a program, named by `label`. `nonce` is the form's, which works once. Returns the
    /// connection and the plain key, which is returned only here. Errors: [`Error::Conflict`] if the form was already sent.
    pub async fn create_service_key(
        &self,
        id: ConnectionKey,
        label: String,
        nonce: String,
        by: Requester,
    ) -> Result<(Connection, PlainToken)> {
        let now = self.clock.now();
        self.db
            .write(move |conn| {
                nonce::spend(conn, &nonce, ALREADY_SHOWN, now)?;
                let connection = or_gone(Connection::find(conn, id), conn, id)?;
                let key = ServiceKey::create(conn, id, (&label, &by.name), now)?;
                NewActivity::new(Kind::ServiceKeyCreated, by.actor(), connection.subject())
                    .from(&by.client_ip)
                    .with(Detail::note(&label))
                    .record(conn, now)?;
                Ok((connection, key))
            })
            .await
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Server,
    Scope,
    Business,
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Field::Name => "name",
            Field::Server => "server",
            Field::Scope => "scope",
            Field::Business => "business",
        }
    }
}

fn changed_fields(before: &Connection, client: OAuthClientKey, fields: &ConnectionFields) -> Vec<Field> {
    let other_server = before.oauth_client_id != client || before.domain_prefix != fields.domain_prefix;
    [
        (Field::Name, before.name != fields.name),
        (Field::Server, other_server),
        (Field::Scope, before.scope != fields.scope),
        (Field::Business, before.business_id != fields.business),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(field, _)| field)
    .collect()
}

fn disconnection_note(connection: &Connection, client: &OAuthClient, keys: usize) -> String {
    let account = match connection.account_name.as_str() {
        "" => String::new(),
        name => format!(", account {name}"),
    };
    format!("{}{account}, {}", client.api_type.full_name(), count(keys as i64, "service key"))
}
