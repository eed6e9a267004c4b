//! An outbound connection: the server it calls, its tokens and its status.

use diesel::prelude::*;

use crate::activity::Subject;
use crate::connections::oauth_client::OAuthClient;
use crate::connections::remote_account::RemoteAccount;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::{BusinessKey, ConnectionKey, EmployeeKey, OAuthClientKey};
use crate::schema::connections;
use crate::secrets::sealed::{Opened, Place, Sealed, Vault};
use crate::time::Timestamp;

/// A row of `connections`.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = connections, belongs_to(OAuthClient, foreign_key = oauth_client_id))]
pub struct Connection {
    /// Its id; reconnecting does not change it.
    pub id: ConnectionKey,
    /// The name admins gave it.
    pub name: String,
    /// The app credentials it uses.
    pub oauth_client_id: OAuthClientKey,
    /// The business it belongs to.
    pub business_id: Option<BusinessKey>,
    /// X-Series: the retailer's domain prefix.
    pub domain_prefix: String,
    /// The scope it requests.
    pub scope: String,
    /// The scope that the provider granted.
    pub granted_scope: String,
    pub(crate) access_token: Option<Sealed>,
    pub(crate) refresh_token: Option<Sealed>,
    /// When the access token expires.
    pub access_expires_at: Timestamp,
    /// When the refresh token expires without use, where that is known.
    pub refresh_expires_at: Timestamp,
    /// The lifetime of the access token at issue, in seconds.
    pub access_life: i64,
    /// When its next refresh or expiry check is due.
    pub due_at: Timestamp,
    pub(crate) version: i64,
    pub(crate) lease_until: Timestamp,
    pub(crate) attempted_at: Option<Timestamp>,
    /// Failed refreshes in a row.
    pub failures: i64,
    /// The error of the last one.
    pub last_error: String,
    /// When the first of them failed.
    pub failing_since: Option<Timestamp>,
    /// Since when it needs authorization.
    pub needs_authorization_since: Option<Timestamp>,
    /// Why it needs authorization.
    pub reason: String,
    /// When the notice about its current incident was sent.
    pub incident_since: Option<Timestamp>,
    /// When it was paused.
    pub paused_at: Option<Timestamp>,
    /// The id of the account at the provider.
    pub account_id: String,
    /// The name of that account.
    pub account_name: String,
    /// The employee who authorized it.
    pub authorized_by: Option<EmployeeKey>,
    /// When it was authorized.
    pub authorized_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its tokens were last refreshed, or 0.
    pub last_refreshed_at: Timestamp,
    /// When a call last used it, to within a few seconds, or 0.
    pub last_used_at: Timestamp,
}

/// The fields of a connection that an admin fills in.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFields {
    /// Its name.
    pub name: String,
    /// The business it belongs to.
    pub business: Option<BusinessKey>,
    /// X-Series: the retailer's domain prefix.
    pub domain_prefix: String,
    /// The scope to request, separated by spaces.
    pub scope: String,
}

/// The reason stored for a connection that was never authorized.
pub const NOT_YET: &str = "It has not been authorized yet.";

/// The connections that need authorization and are not paused; a partial index covers them.
#[diesel::dsl::auto_type]
pub(crate) fn connections_needing_attention() -> _ {
    connections::table
        .filter(connections::needs_authorization_since.is_not_null())
        .filter(connections::paused_at.is_null())
}

/// The connections whose refreshes fail and are retried, without paused ones; a partial index covers them.
#[diesel::dsl::auto_type]
pub(crate) fn failing_connections() -> _ {
    connections::table
        .filter(connections::failing_since.is_not_null())
        .filter(connections::needs_authorization_since.is_null())
        .filter(connections::paused_at.is_null())
}

fn name_taken(error: diesel::result::Error) -> Error {
    match Error::from(error) {
        error if error.is_duplicate() => {
            Error::Invalid("A connection with this name already exists. Choose another name.".into())
        }
        error => error,
    }
}

impl Connection {
    /// Creates a connection that needs authorization. Errors: the name is taken.
    pub fn create(
        conn: &mut DbConnection,
        client: OAuthClientKey,
        fields: &ConnectionFields,
        now: Timestamp,
    ) -> Result<Connection> {
        let id = diesel::insert_into(connections::table)
            .values((
                connections::name.eq(&fields.name),
                connections::name_fold.eq(fields.name.to_lowercase()),
                connections::oauth_client_id.eq(client),
                connections::business_id.eq(fields.business),
                connections::domain_prefix.eq(&fields.domain_prefix),
                connections::scope.eq(&fields.scope),
                connections::needs_authorization_since.eq(now),
                connections::reason.eq(NOT_YET),
                connections::created_at.eq(now),
            ))
            .returning(connections::id)
            .get_result::<i64>(conn)
            .map_err(name_taken)?;
        Ok(Self::find(conn, ConnectionKey(id))?)
    }

    /// Updates its fields. Different app credentials or another prefix mean another server, so its tokens are deleted and
    /// it needs authorization again. Errors: the name is taken.
    pub fn change(
        conn: &mut DbConnection,
        before: &Connection,
        client: OAuthClientKey,
        fields: &ConnectionFields,
        now: Timestamp,
    ) -> Result<()> {
        let row = connections::table.find(before.id);
        let change = (
            connections::name.eq(&fields.name),
            connections::name_fold.eq(fields.name.to_lowercase()),
            connections::oauth_client_id.eq(client),
            connections::business_id.eq(fields.business),
            connections::domain_prefix.eq(&fields.domain_prefix),
            connections::scope.eq(&fields.scope),
        );
        if diesel::update(row).set(change).execute(conn).map_err(name_taken)? == 0 {
            return Err(Error::NotFound);
        }
        if client != before.oauth_client_id || fields.domain_prefix != before.domain_prefix {
            Self::delete_tokens(conn, before.id, "Its server has changed.", now)?;
            diesel::update(row)
                .set((connections::account_id.eq(""), connections::account_name.eq("")))
                .execute(conn)?;
        }
        Ok(())
    }

    /// Its entry in the activity log.
    pub fn subject(&self) -> Subject {
        Subject::named("connection", self.id.0, &self.name)
    }

    /// Finds a connection.
    pub fn find(conn: &mut DbConnection, id: ConnectionKey) -> QueryResult<Connection> {
        // Typed against each database, because every call through the broker runs this query.
        crate::db::on_each!(conn, |conn| connections::table.find(id).select(Connection::as_select()).get_result(conn))
    }

    /// Finds a connection and its app credentials.
    pub fn with_client(conn: &mut DbConnection, id: ConnectionKey) -> QueryResult<(Connection, OAuthClient)> {
        let connection = Self::find(conn, id)?;
        let client = OAuthClient::find(conn, connection.oauth_client_id)?;
        Ok((connection, client))
    }

    /// Deletes it with its history and its service keys; false when it did not exist.
    pub fn delete(conn: &mut DbConnection, id: ConnectionKey) -> QueryResult<bool> {
        diesel::delete(connections::table.find(id)).execute(conn).map(|n| n == 1)
    }

    /// Stores which account it is for.
    pub fn set_account(conn: &mut DbConnection, id: ConnectionKey, account: &RemoteAccount) -> QueryResult<usize> {
        let change = (connections::account_id.eq(&account.id), connections::account_name.eq(&account.name));
        diesel::update(connections::table.find(id)).set(change).execute(conn)
    }

    /// Records when a call last used it.
    pub fn touch(conn: &mut DbConnection, id: ConnectionKey, at: Timestamp) -> QueryResult<usize> {
        let older = connections::table.find(id).filter(connections::last_used_at.lt(at));
        diesel::update(older).set(connections::last_used_at.eq(at)).execute(conn)
    }

    /// Whether a token request for it is in flight.
    pub fn is_in_flight(&self, now: Timestamp) -> bool {
        self.attempted_at.is_some() && self.lease_until > now
    }

    /// Whether its access token is valid for at least [`Connection::margin`] more seconds.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.access_token.is_some() && self.access_expires_at.since(now) >= self.margin()
    }

    /// Seconds before expiry in which an access token is no longer used: 30, or a quarter of a shorter lifetime.
    pub fn margin(&self) -> i64 {
        (self.access_life / 4).min(30)
    }

    /// Its access token, decrypted. Errors: there is none, or it cannot be decrypted.
    pub fn access_token(&self, vault: &Vault) -> Result<Opened> {
        let sealed = self.access_token.as_ref().ok_or_else(|| Error::internal("a connection without a token"))?;
        vault.open(sealed, access_place(self.id))
    }

    /// Its refresh token, decrypted. Errors: there is none, or it cannot be decrypted.
    pub fn refresh_token(&self, vault: &Vault) -> Result<Opened> {
        let sealed = self.refresh_token.as_ref().ok_or_else(|| Error::internal("a connection without a token"))?;
        vault.open(sealed, refresh_place(self.id))
    }

    /// Whether it has an access token or a refresh token.
    pub fn has_token(&self) -> bool {
        self.access_token.is_some() || self.refresh_token.is_some()
    }

    /// Whether somebody has authorized it before.
    pub fn was_authorized(&self) -> bool {
        self.authorized_at != Timestamp::NEVER_YET
    }

    /// Whether it has a refresh token.
    pub fn can_refresh(&self) -> bool {
        self.refresh_token.is_some()
    }

    /// Whether both have the same access token.
    pub fn has_same_token_as(&self, other: &Connection) -> bool {
        self.access_token == other.access_token
    }
}

/// The place that a connection's access token is sealed for.
pub fn access_place(id: ConnectionKey) -> Place {
    Place::new("connections.access_token", id.0)
}

/// The place that a connection's refresh token is sealed for.
pub fn refresh_place(id: ConnectionKey) -> Place {
    Place::new("connections.refresh_token", id.0)
}
