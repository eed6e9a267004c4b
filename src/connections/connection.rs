//! An outbound connection: what it leads to, what it holds, and how it is doing.

use diesel::prelude::*;

use crate::connections::oauth_client::OAuthClient;
use crate::db::DbConnection;
use crate::db::text_enum::text_enum;
use crate::error::{Error, Result};
use crate::id::{BusinessKey, ConnectionKey, EmployeeKey, OAuthClientKey};
use crate::schema::connections;
use crate::secrets::sealed::{Opened, Place, Sealed, Vault};
use crate::time::Timestamp;

/// One row.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = connections, belongs_to(OAuthClient, foreign_key = oauth_client_id))]
pub struct Connection {
    /// Its id; it stays through every reconnect.
    pub id: ConnectionKey,
    /// What people call it.
    pub name: String,
    /// What the shop is at the provider.
    pub oauth_client_id: OAuthClientKey,
    /// The business it is for.
    pub business_id: Option<BusinessKey>,
    /// X-Series: the retailer's own part of the address.
    pub domain_prefix: String,
    /// What is asked for when somebody authorizes it.
    pub scope: String,
    /// What the provider said it gave.
    pub granted_scope: String,
    pub(crate) access_token: Option<Sealed>,
    pub(crate) refresh_token: Option<Sealed>,
    /// When the access token ends.
    pub access_expires_at: Timestamp,
    /// When the refresh token ends if nobody uses it, as far as that is known.
    pub refresh_expires_at: Timestamp,
    /// How long the access token was to live when it was issued, in seconds.
    pub access_life: i64,
    /// When something has to be done about it next.
    pub due_at: Timestamp,
    pub(crate) version: i64,
    pub(crate) lease_until: Timestamp,
    pub(crate) attempted_at: Option<Timestamp>,
    /// How many refreshes in a row did not work.
    pub failures: i64,
    /// What the last of them came to.
    pub last_error: String,
    /// Since when they do not work.
    pub failing_since: Option<Timestamp>,
    /// Since when a person has to authorize it.
    pub needs_authorization_since: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// Since when people have been told that it does not work.
    pub incident_since: Option<Timestamp>,
    /// When somebody paused it.
    pub paused_at: Option<Timestamp>,
    /// The account at the provider, as the provider names it to programs.
    pub account_id: String,
    /// The same for people.
    pub account_name: String,
    /// Who authorized it.
    pub authorized_by: Option<EmployeeKey>,
    /// When.
    pub authorized_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its tokens were last renewed, or 0.
    pub last_refreshed_at: Timestamp,
    /// When a call last went through it, to within a few seconds, or 0.
    pub last_used_at: Timestamp,
}

text_enum! {
    /// How a connection is doing.
    Status {
        /// Calls go through.
        Online = "online",
        /// Its tokens are being renewed right now.
        Refreshing = "refreshing",
        /// Renewing did not work; it is tried again by itself.
        Retrying = "trouble",
        /// A person has to authorize it.
        NeedsAuthorization = "needs-authorization",
        /// Somebody paused it.
        Paused = "paused",
    }
}

impl Status {
    /// What a page says.
    pub fn label(self) -> &'static str {
        match self {
            Status::Online => "Online",
            Status::Refreshing => "Refreshing",
            Status::Retrying => "Trouble: retrying",
            Status::NeedsAuthorization => "Needs authorization",
            Status::Paused => "Paused",
        }
    }
}

/// What is typed in about a connection.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFields {
    /// What people call it.
    pub name: String,
    /// The business it is for.
    pub business: Option<BusinessKey>,
    /// X-Series: the retailer's own part of the address.
    pub domain_prefix: String,
    /// What is asked for, separated by blanks.
    pub scope: String,
}

/// Why a connection that was never authorized cannot be used.
pub const NOT_YET: &str = "Nobody has authorized it yet.";

/// The connections that wait for a person; an index holds just these.
#[diesel::dsl::auto_type]
pub(crate) fn connections_needing_attention() -> _ {
    connections::table
        .filter(connections::needs_authorization_since.is_not_null())
        .filter(connections::paused_at.is_null())
}

fn taken(error: diesel::result::Error) -> Error {
    match Error::from(error) {
        error if error.is_duplicate() => {
            Error::Invalid("There is a connection of this name already. Choose another name.".into())
        }
        error => error,
    }
}

impl Connection {
    /// Adds one that waits to be authorized. Errors: the name is taken.
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
            .map_err(taken)?;
        Ok(Self::find(conn, ConnectionKey(id))?)
    }

    /// Changes what is typed in about it. Another OAuth client or prefix makes its tokens useless, so those are dropped
    /// and it waits to be authorized again. Errors: the name is taken.
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
        if diesel::update(row).set(change).execute(conn).map_err(taken)? == 0 {
            return Err(Error::NotFound);
        }
        if client != before.oauth_client_id || fields.domain_prefix != before.domain_prefix {
            Self::forget(conn, before.id, "It leads to another server now.", now)?;
            diesel::update(row)
                .set((connections::account_id.eq(""), connections::account_name.eq("")))
                .execute(conn)?;
        }
        Ok(())
    }

    /// The one with this id.
    pub fn find(conn: &mut DbConnection, id: ConnectionKey) -> QueryResult<Connection> {
        // Typed against each database: asked for with every call that goes through.
        crate::db::on_each!(conn, |conn| connections::table.find(id).select(Connection::as_select()).get_result(conn))
    }

    /// The one with this id, and what the shop is at its provider.
    pub fn with_client(conn: &mut DbConnection, id: ConnectionKey) -> QueryResult<(Connection, OAuthClient)> {
        let connection = Self::find(conn, id)?;
        let client = OAuthClient::find(conn, connection.oauth_client_id)?;
        Ok((connection, client))
    }

    /// Drops what it holds; from then on it waits for a person.
    pub fn forget(conn: &mut DbConnection, id: ConnectionKey, reason: &str, now: Timestamp) -> QueryResult<()> {
        diesel::update(connections::table.find(id))
            .set((
                connections::access_token.eq(None::<Sealed>),
                connections::refresh_token.eq(None::<Sealed>),
                connections::access_expires_at.eq(Timestamp::NEVER_YET),
                connections::due_at.eq(Timestamp::NO_END),
                connections::version.eq(connections::version + 1),
                connections::attempted_at.eq(None::<Timestamp>),
                connections::failing_since.eq(None::<Timestamp>),
                connections::needs_authorization_since.eq(now),
                connections::reason.eq(reason),
            ))
            .execute(conn)
            .map(drop)
    }

    /// Deletes it with its history and its service keys; false when it was gone already.
    pub fn delete(conn: &mut DbConnection, id: ConnectionKey) -> QueryResult<bool> {
        diesel::delete(connections::table.find(id)).execute(conn).map(|n| n == 1)
    }

    /// Notes that a call went through it.
    pub fn touch(conn: &mut DbConnection, id: ConnectionKey, at: Timestamp) -> QueryResult<usize> {
        let older = connections::table.find(id).filter(connections::last_used_at.lt(at));
        diesel::update(older).set(connections::last_used_at.eq(at)).execute(conn)
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        match self {
            Connection { paused_at: Some(_), .. } => Status::Paused,
            Connection { needs_authorization_since: Some(_), .. } => Status::NeedsAuthorization,
            // Also when whoever claimed it is gone: another node takes it up in a moment.
            Connection { attempted_at: Some(_), .. } => Status::Refreshing,
            Connection { failing_since: Some(_), .. } => Status::Retrying,
            _ => Status::Online,
        }
    }

    /// Whether a token request of it is on its way.
    pub fn is_in_flight(&self, now: Timestamp) -> bool {
        self.attempted_at.is_some() && self.lease_until > now
    }

    /// Whether its access token is good for long enough to be handed on: half a minute, or a quarter of a life that is
    /// shorter than two minutes.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.access_token.is_some() && self.access_expires_at.since(now) >= self.margin()
    }

    /// Seconds before its end in which an access token is not handed on any more.
    pub fn margin(&self) -> i64 {
        (self.access_life / 4).min(30)
    }

    /// Its access token, opened. Errors: it holds none, or it does not open.
    pub fn access_token(&self, vault: &Vault) -> Result<Opened> {
        let sealed = self.access_token.as_ref().ok_or_else(|| Error::internal("a connection without a token"))?;
        vault.open(sealed, access_place(self.id))
    }

    /// Its refresh token, opened. Errors: it holds none, or it does not open.
    pub fn refresh_token(&self, vault: &Vault) -> Result<Opened> {
        let sealed = self.refresh_token.as_ref().ok_or_else(|| Error::internal("a connection without a token"))?;
        vault.open(sealed, refresh_place(self.id))
    }

    /// Whether it holds any token.
    pub fn holds_a_token(&self) -> bool {
        self.access_token.is_some() || self.refresh_token.is_some()
    }

    /// Whether it holds a refresh token.
    pub fn can_refresh(&self) -> bool {
        self.refresh_token.is_some()
    }

    /// Whether both hold the same access token.
    pub fn holds_the_token_of(&self, other: &Connection) -> bool {
        self.access_token == other.access_token
    }
}

/// Where the access token of a connection is sealed for.
pub fn access_place(id: ConnectionKey) -> Place {
    Place::new("connections.access_token", id.0)
}

/// Where the refresh token of a connection is sealed for.
pub fn refresh_place(id: ConnectionKey) -> Place {
    Place::new("connections.refresh_token", id.0)
}
