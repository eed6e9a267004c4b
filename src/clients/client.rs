//! A client: one integration, registered once, let in by many employees.

use diesel::prelude::*;

use super::website::Website;
use crate::db::DbConnection;
use crate::db::text_enum::text_enum;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::schema::clients;
use crate::secret::random_name;
use crate::time::Timestamp;

text_enum! {
    /// What a client may do at all.
    ClientState {
        /// It waits for an admin to admit it.
        Pending = "pending",
        /// It may ask for tokens.
        Active = "active",
        /// Nothing of it works until an admin resumes it.
        Suspended = "suspended",
    }
}

/// One row.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = clients)]
pub struct Client {
    /// Its id here.
    pub id: ClientKey,
    /// Its public id on the wire.
    pub client_id: String,
    /// What people call it.
    pub name: String,
    /// Its website.
    pub website: Website,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Since when it bears the Lightspeed Approved mark; display only.
    pub approved_at: Option<Timestamp>,
    admitted_at: Option<Timestamp>,
    suspended_at: Option<Timestamp>,
    /// Since when all its access has ended, while its rows are still being deleted.
    pub revoked_at: Option<Timestamp>,
    /// When a token of it was last used.
    pub last_used_at: Timestamp,
    /// Live refresh tokens, as last counted.
    pub live_refresh_tokens: i64,
    /// Live access tokens and API keys, as last counted.
    pub live_access_tokens: i64,
    /// Employees who hold one of them, as last counted.
    pub holders: i64,
}

/// What a new client needs.
#[derive(Debug)]
pub struct NewClient<'a> {
    /// What people call it.
    pub name: &'a str,
    /// Its website.
    pub website: &'a Website,
    /// Whether it is admitted at once.
    pub admitted: bool,
    /// Whether it bears the mark.
    pub approved: bool,
}

impl Client {
    /// Registers a client under a public id of its own, which is never given out again.
    pub fn create(conn: &mut DbConnection, new: &NewClient<'_>, now: Timestamp) -> QueryResult<ClientKey> {
        diesel::insert_into(clients::table)
            .values((
                clients::client_id.eq(random_name(43)),
                clients::name.eq(new.name),
                clients::name_fold.eq(new.name.to_lowercase()),
                clients::website.eq(new.website),
                clients::created_at.eq(now),
                clients::approved_at.eq(new.approved.then_some(now)),
                clients::admitted_at.eq(new.admitted.then_some(now)),
            ))
            .returning(clients::id)
            .get_result::<i64>(conn)
            .map(ClientKey)
    }

    /// The client with this id, also while its rows are being deleted.
    pub fn find(conn: &mut DbConnection, id: ClientKey) -> QueryResult<Client> {
        clients::table.find(id).select(Client::as_select()).first(conn)
    }

    /// The client with this id. Errors: [`Error::Conflict`] while it is being deleted: nothing else may be done to it.
    pub fn find_standing(conn: &mut DbConnection, id: ClientKey) -> Result<Client> {
        Self::find(conn, id)?.standing()
    }

    /// The client itself. Errors: [`Error::Conflict`] while it is being deleted.
    pub fn standing(self) -> Result<Client> {
        match self.revoked_at {
            None => Ok(self),
            Some(_) => Err(Error::Conflict(format!("{} has been revoked and is being deleted.", self.name))),
        }
    }

    /// What it may do.
    pub fn state(&self) -> ClientState {
        match self {
            Client { suspended_at: Some(_), .. } => ClientState::Suspended,
            Client { admitted_at: None, .. } => ClientState::Pending,
            _ => ClientState::Active,
        }
    }

    /// Suspends it, or resumes it.
    pub fn set_suspended(conn: &mut DbConnection, id: ClientKey, at: Option<Timestamp>) -> QueryResult<usize> {
        diesel::update(clients::table.find(id)).set(clients::suspended_at.eq(at)).execute(conn)
    }

    /// Ends all its access at once; of two who try, one succeeds.
    pub fn mark_revoked(conn: &mut DbConnection, id: ClientKey, now: Timestamp) -> QueryResult<bool> {
        let standing = clients::table.find(id).filter(clients::revoked_at.is_null());
        diesel::update(standing).set(clients::revoked_at.eq(Some(now))).execute(conn).map(|n| n == 1)
    }

    /// Deletes it; foreign keys take everything below along. False when it was gone already.
    pub fn delete(conn: &mut DbConnection, id: ClientKey) -> QueryResult<bool> {
        diesel::delete(clients::table.find(id)).execute(conn).map(|n| n == 1)
    }

    /// Notes that a token of it was used.
    pub fn touch(conn: &mut DbConnection, id: ClientKey, at: Timestamp) -> QueryResult<usize> {
        let older = clients::table.find(id).filter(clients::last_used_at.lt(at));
        diesel::update(older).set(clients::last_used_at.eq(at)).execute(conn)
    }

    /// The people who hold something of it: at most `limit` names, by name.
    pub fn holders(conn: &mut DbConnection, id: ClientKey, limit: i64) -> QueryResult<Vec<Employee>> {
        use crate::schema::{access_tokens, employees, refresh_tokens};
        let granted =
            refresh_tokens::table.filter(refresh_tokens::client_id.eq(id)).select(refresh_tokens::employee_id);
        let keys = access_tokens::table
            .filter(access_tokens::client_id.eq(id))
            .filter(access_tokens::refresh_token_id.is_null())
            .select(access_tokens::employee_id);
        employees::table
            .filter(employees::id.eq_any(granted).or(employees::id.eq_any(keys)))
            .order((employees::name_fold, employees::id))
            .limit(limit)
            .select(Employee::as_select())
            .load(conn)
    }
}
