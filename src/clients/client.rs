//! A client: one integration, registered once and authorized by many employees.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use crate::activity::{Actor, Subject};
use crate::clients::access_level::AccessLevel;
use crate::clients::rates::Rates;
use crate::clients::registration::Contact;
use crate::clients::website::Website;
use crate::db::DbConnection;
use crate::db::text_enum::text_enum;
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::schema::clients;
use crate::time::Timestamp;

text_enum! {
    /// Whether a client may request tokens.
    ClientState {
        /// An admin has not approved it yet.
        Pending = "pending",
        /// It may request tokens.
        Active = "active",
        /// Its tokens do not work until an admin resumes it.
        Suspended = "suspended",
    }
}

/// A row of `clients`.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = clients)]
pub struct Client {
    /// The row's id.
    pub id: ClientKey,
    /// The public `client_id`.
    pub client_id: String,
    /// The name people see.
    pub name: String,
    /// Its website.
    pub website: Website,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was marked as Lightspeed Approved; display only.
    pub lightspeed_approved_at: Option<Timestamp>,
    /// When an admin approved it.
    pub(crate) approved_at: Option<Timestamp>,
    /// When an admin suspended it.
    pub(crate) suspended_at: Option<Timestamp>,
    /// When all its access was revoked; its rows may still be being deleted.
    pub revoked_at: Option<Timestamp>,
    /// When one of its tokens was last used.
    pub last_used_at: Timestamp,
    /// Valid refresh tokens, as last counted.
    pub valid_refresh_tokens: i64,
    /// Valid access tokens and API keys, as last counted.
    pub valid_access_tokens: i64,
    /// Employees who granted one of them, as last counted.
    pub employee_count: i64,
    /// Whether it runs on its users' own devices: a public client, whose secret proves nothing (RFC 6749 section 2.1).
    pub publicly_distributed: bool,
    // A publicly distributed client must use PKCE whatever this says: `requires_pkce()` decides.
    requires_pkce: bool,
    /// Seconds after which a grant expires however often it is refreshed; `None` for never.
    pub grants_end_after: Option<i64>,
    /// The contact person.
    #[diesel(embed)]
    pub contact: Contact,
    /// Its rate limits at the API routes.
    #[diesel(embed)]
    pub rates: Rates,
    /// Who marked it as Lightspeed Approved, by the name they had then.
    pub lightspeed_approved_by: String,
    /// Who approved it.
    pub approved_by: String,
    /// Who suspended it.
    pub suspended_by: String,
    /// Why, as they wrote it; empty if they gave no reason.
    pub suspended_reason: String,
    access_level: i64,
}

impl Client {
    /// The client as the subject of an activity entry.
    pub fn subject(&self) -> Subject {
        Subject::client(self.id, &self.name)
    }

    /// The client as the actor of an activity entry.
    pub fn actor(&self) -> Actor {
        Actor::client(&self.name)
    }

    /// The greatest length of a public id.
    pub const MAX_ID_LENGTH: usize = 100;

    /// Counts the clients that are pending approval.
    pub fn pending(conn: &mut DbConnection) -> QueryResult<i64> {
        let pending = clients::table.filter(clients::approved_at.is_null()).filter(clients::revoked_at.is_null());
        pending.count().get_result(conn)
    }

    /// Locks a client that is pending approval until the transaction ends; false when it is approved or revoked by now.
    pub fn lock_pending(conn: &mut DbConnection, id: ClientKey) -> QueryResult<bool> {
        let pending =
            clients::table.find(id).filter(clients::approved_at.is_null()).filter(clients::revoked_at.is_null());
        // Changes nothing: on PostgreSQL an update locks the row, so that nobody approves the client meanwhile.
        diesel::update(pending).set(clients::approved_at.eq(None::<Timestamp>)).execute(conn).map(|n| n == 1)
    }

    /// Finds a client by its public id.
    pub fn find_by_client_id(conn: &mut DbConnection, client_id: &str) -> QueryResult<Option<Client>> {
        // Public ids consist of letters and digits; PostgreSQL rejects a query with a NUL in it.
        if client_id.len() > Self::MAX_ID_LENGTH || !client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(None);
        }
        // Every token request runs this query. Typed for each database, Diesel caches the prepared statement by type
        // instead of building the SQL text first.
        let row = clients::table.filter(clients::client_id.eq(client_id));
        crate::db::on_each!(conn, |conn| row.select(Client::as_select()).get_result(conn).optional())
    }

    /// Finds a client by its id, also while its rows are being deleted.
    pub fn find(conn: &mut DbConnection, id: ClientKey) -> QueryResult<Client> {
        crate::db::on_each!(conn, |conn| clients::table.find(id).select(Client::as_select()).get_result(conn))
    }

    /// These clients, by id; those that do not exist are left out.
    pub fn by_id(
        conn: &mut DbConnection,
        ids: impl Iterator<Item = ClientKey>,
    ) -> QueryResult<HashMap<ClientKey, Client>> {
        let ids: HashSet<ClientKey> = ids.collect();
        let found: Vec<Client> =
            clients::table.filter(clients::id.eq_any(ids)).select(Client::as_select()).load(conn)?;
        Ok(found.into_iter().map(|client| (client.id, client)).collect())
    }

    /// Finds a client that has not been revoked. Errors: `NotFound`; [`Error::Conflict`] while a revoked client's rows are
    /// being deleted.
    pub fn find_unrevoked(conn: &mut DbConnection, id: ClientKey) -> Result<Client> {
        Self::find(conn, id)?.require_unrevoked()
    }

    /// Returns the client unless it has been revoked. Errors: [`Error::Conflict`].
    pub fn require_unrevoked(self) -> Result<Client> {
        match self.revoked_at {
            None => Ok(self),
            Some(_) => Err(Error::Conflict(format!("{} has been revoked and is being deleted.", self.name))),
        }
    }

    /// What its valid tokens can do at most, as last counted.
    pub fn access_level(&self) -> AccessLevel {
        AccessLevel::from_stored(self.access_level)
    }

    /// Its state.
    pub fn state(&self) -> ClientState {
        match self {
            Client { suspended_at: Some(_), .. } => ClientState::Suspended,
            Client { approved_at: None, .. } => ClientState::Pending,
            _ => ClientState::Active,
        }
    }

    /// Whether it must use PKCE (RFC 7636); a publicly distributed client always must.
    pub fn requires_pkce(&self) -> bool {
        self.requires_pkce || self.publicly_distributed
    }

    /// Revokes all its access at once; false when it was revoked already.
    pub fn mark_revoked(conn: &mut DbConnection, id: ClientKey, now: Timestamp) -> QueryResult<bool> {
        let unrevoked = clients::table.find(id).filter(clients::revoked_at.is_null());
        diesel::update(unrevoked).set(clients::revoked_at.eq(Some(now))).execute(conn).map(|n| n == 1)
    }

    /// Deletes it and, by foreign keys, everything it holds. False when it was deleted already.
    pub fn delete(conn: &mut DbConnection, id: ClientKey) -> QueryResult<bool> {
        diesel::delete(clients::table.find(id)).execute(conn).map(|n| n == 1)
    }

    /// Records that one of its tokens was used.
    pub fn touch(conn: &mut DbConnection, id: ClientKey, at: Timestamp) -> QueryResult<usize> {
        let older = clients::table.find(id).filter(clients::last_used_at.lt(at));
        diesel::update(older).set(clients::last_used_at.eq(at)).execute(conn)
    }
}
