//! A client: one integration, registered once, let in by many employees.

use diesel::prelude::*;

use crate::activity::{Actor, Subject};
use crate::clients::redirect_uri::RedirectUri;
use crate::clients::website::Website;
use crate::db::DbConnection;
use crate::db::text_enum::text_enum;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::schema::clients;
use crate::secrets::random_name;
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
    pub lightspeed_approved_at: Option<Timestamp>,
    approved_at: Option<Timestamp>,
    suspended_at: Option<Timestamp>,
    /// Since when all its access has ended, while its rows are still being deleted.
    pub revoked_at: Option<Timestamp>,
    /// When a token of it was last used.
    pub last_used_at: Timestamp,
    /// Live refresh tokens, as last counted.
    pub valid_refresh_tokens: i64,
    /// Live access tokens and API keys, as last counted.
    pub valid_access_tokens: i64,
    /// Employees who hold one of them, as last counted.
    pub employee_count: i64,
    /// Whether its program runs on other people's machines, so that its secret proves nothing (RFC 6749 section 2.1).
    pub publicly_distributed: bool,
    /// Whether it must use PKCE; a publicly distributed one must anyway.
    requires_pkce: bool,
    /// Seconds after which a grant ends however often it is refreshed; nothing for never.
    pub grants_end_after: Option<i64>,
    /// The person to ask.
    #[diesel(embed)]
    pub contact: Contact,
    /// Who gave it the Lightspeed Approved mark, by the name they had then.
    pub lightspeed_approved_by: String,
    /// Who admitted it.
    pub approved_by: String,
    /// Who suspended it.
    pub suspended_by: String,
}

/// The person to ask about a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = clients)]
pub struct Contact {
    /// Their name.
    #[diesel(column_name = contact_name)]
    pub name: String,
    /// Their address.
    #[diesel(column_name = contact_email)]
    pub email: String,
    /// Their number; may be empty.
    #[diesel(column_name = contact_phone)]
    pub phone: String,
}

/// What a client's developer tells about it, beyond name and website.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Where browsers may be sent back to.
    pub redirect_uris: Vec<RedirectUri>,
    /// Whether its program runs on other people's machines; never changed afterwards.
    pub publicly_distributed: bool,
    /// Whether it must use PKCE.
    pub requires_pkce: bool,
    /// Seconds after which a grant ends however often it is refreshed.
    pub grants_end_after: Option<i64>,
    /// The person to ask.
    pub contact: Contact,
}

impl Default for Registration {
    fn default() -> Registration {
        Registration {
            redirect_uris: Vec::new(),
            publicly_distributed: false,
            requires_pkce: true,
            grants_end_after: None,
            contact: Contact::default(),
        }
    }
}

/// What a new client needs.
#[derive(Debug)]
pub struct NewClient<'a> {
    /// What people call it.
    pub name: &'a str,
    /// Its website.
    pub website: &'a Website,
    /// Whether it is admitted at once.
    pub approved: bool,
    /// Whether it bears the mark.
    pub lightspeed_approved: bool,
    /// Who registers it; empty for its developer.
    pub by: &'a str,
    /// Everything else.
    pub registration: &'a Registration,
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

    /// No public id is longer.
    pub const LONGEST_ID: usize = 100;

    /// Registers a client under a public id of its own, which is never given out again.
    pub fn create(conn: &mut DbConnection, new: &NewClient<'_>, now: Timestamp) -> QueryResult<ClientKey> {
        let registration = new.registration;
        let id = diesel::insert_into(clients::table)
            .values((
                clients::client_id.eq(random_name(43)),
                clients::name.eq(new.name),
                clients::name_fold.eq(new.name.to_lowercase()),
                clients::website.eq(new.website),
                clients::created_at.eq(now),
                clients::lightspeed_approved_at.eq(new.lightspeed_approved.then_some(now)),
                clients::lightspeed_approved_by.eq(if new.lightspeed_approved { new.by } else { "" }),
                clients::approved_at.eq(new.approved.then_some(now)),
                clients::approved_by.eq(if new.approved { new.by } else { "" }),
                clients::publicly_distributed.eq(registration.publicly_distributed),
                clients::requires_pkce.eq(registration.requires_pkce),
                clients::grants_end_after.eq(registration.grants_end_after),
                clients::contact_name.eq(&registration.contact.name),
                clients::contact_email.eq(&registration.contact.email),
                clients::contact_phone.eq(&registration.contact.phone),
            ))
            .returning(clients::id)
            .get_result::<i64>(conn)
            .map(ClientKey)?;
        RedirectUri::set_for_client(conn, id, &registration.redirect_uris)?;
        Ok(id)
    }

    /// Changes what its developer tells about it; whether it is publicly distributed stays as it was.
    pub fn update(
        conn: &mut DbConnection,
        id: ClientKey,
        (name, website): (&str, &Website),
        registration: &Registration,
    ) -> QueryResult<()> {
        diesel::update(clients::table.find(id))
            .set((
                clients::name.eq(name),
                clients::name_fold.eq(name.to_lowercase()),
                clients::website.eq(website),
                clients::requires_pkce.eq(registration.requires_pkce),
                clients::grants_end_after.eq(registration.grants_end_after),
                clients::contact_name.eq(&registration.contact.name),
                clients::contact_email.eq(&registration.contact.email),
                clients::contact_phone.eq(&registration.contact.phone),
            ))
            .execute(conn)?;
        RedirectUri::set_for_client(conn, id, &registration.redirect_uris)
    }

    /// How many wait for an admin to admit them.
    pub fn pending(conn: &mut DbConnection) -> QueryResult<i64> {
        let needing_attention =
            clients::table.filter(clients::approved_at.is_null()).filter(clients::revoked_at.is_null());
        needing_attention.count().get_result(conn)
    }

    /// The client with this public id.
    pub fn find_by_client_id(conn: &mut DbConnection, client_id: &str) -> QueryResult<Option<Client>> {
        // Ids of ours are letters and digits; PostgreSQL would not even look for a NUL.
        if client_id.len() > Self::LONGEST_ID || !client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(None);
        }
        // Asked for with every call of the token endpoint: typed against each database, so that its text is not built anew.
        let row = clients::table.filter(clients::client_id.eq(client_id));
        crate::db::on_each!(conn, |conn| row.select(Client::as_select()).get_result(conn).optional())
    }

    /// The client with this id, also while its rows are being deleted.
    pub fn find(conn: &mut DbConnection, id: ClientKey) -> QueryResult<Client> {
        clients::table.find(id).select(Client::as_select()).get_result(conn)
    }

    /// The client with this id. Errors: [`Error::Conflict`] while it is being deleted: nothing else may be done to it.
    pub fn find_standing(conn: &mut DbConnection, id: ClientKey) -> Result<Client> {
        Self::find(conn, id)?.find_unrevoked()
    }

    /// The client itself. Errors: [`Error::Conflict`] while it is being deleted.
    pub fn find_unrevoked(self) -> Result<Client> {
        match self.revoked_at {
            None => Ok(self),
            Some(_) => Err(Error::Conflict(format!("{} has been revoked and is being deleted.", self.name))),
        }
    }

    /// What it may do.
    pub fn state(&self) -> ClientState {
        match self {
            Client { suspended_at: Some(_), .. } => ClientState::Suspended,
            Client { approved_at: None, .. } => ClientState::Pending,
            _ => ClientState::Active,
        }
    }

    /// Whether it must use PKCE (RFC 7636): always when its secret proves nothing.
    pub fn requires_pkce(&self) -> bool {
        self.requires_pkce || self.publicly_distributed
    }

    /// When it was admitted, and since when it is suspended.
    pub fn moments(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.approved_at, self.suspended_at)
    }

    /// Suspends it, or resumes it; false when it was so already.
    pub fn set_suspended(conn: &mut DbConnection, id: ClientKey, at: Option<Timestamp>, by: &str) -> QueryResult<bool> {
        let (row, change) = (clients::table.find(id), (clients::suspended_at.eq(at), clients::suspended_by.eq(by)));
        let changed = match at {
            Some(_) => diesel::update(row.filter(clients::suspended_at.is_null())).set(change).execute(conn),
            None => diesel::update(row.filter(clients::suspended_at.is_not_null())).set(change).execute(conn),
        };
        changed.map(|n| n == 1)
    }

    /// Gives it the Lightspeed Approved mark, or takes it; false when it was so already.
    pub fn set_lightspeed_approved(
        conn: &mut DbConnection,
        id: ClientKey,
        at: Option<Timestamp>,
        by: &str,
    ) -> QueryResult<bool> {
        let (row, change) =
            (clients::table.find(id), (clients::lightspeed_approved_at.eq(at), clients::lightspeed_approved_by.eq(by)));
        let changed = match at {
            Some(_) => diesel::update(row.filter(clients::lightspeed_approved_at.is_null())).set(change).execute(conn),
            None => diesel::update(row.filter(clients::lightspeed_approved_at.is_not_null())).set(change).execute(conn),
        };
        changed.map(|n| n == 1)
    }

    /// Admits a pending client; false when it was admitted already.
    pub fn approve(conn: &mut DbConnection, id: ClientKey, by: &str, now: Timestamp) -> QueryResult<bool> {
        let pending = clients::table.find(id).filter(clients::approved_at.is_null());
        let change = (clients::approved_at.eq(Some(now)), clients::approved_by.eq(by));
        diesel::update(pending).set(change).execute(conn).map(|n| n == 1)
    }

    /// Ends all its access at once; of two who try, one succeeds.
    pub fn mark_revoked(conn: &mut DbConnection, id: ClientKey, now: Timestamp) -> QueryResult<bool> {
        let find_unrevoked = clients::table.find(id).filter(clients::revoked_at.is_null());
        diesel::update(find_unrevoked).set(clients::revoked_at.eq(Some(now))).execute(conn).map(|n| n == 1)
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
    pub fn employee_count(conn: &mut DbConnection, id: ClientKey, limit: i64) -> QueryResult<Vec<Employee>> {
        use crate::schema::access_tokens;
        use crate::schema::employees;
        use crate::schema::refresh_tokens;
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
