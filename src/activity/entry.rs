//! One entry of the log: inserted once, never edited.

use diesel::prelude::*;

use crate::activity::actor_and_subject::{Actor, Subject};
use crate::activity::chain_key::entry_code;
use crate::activity::client_index;
use crate::activity::detail::Detail;
use crate::activity::kind::Kind;
use crate::db::{DbConnection, carried_key};
use crate::error::{Error, Result};
use crate::id::{ActivityKey, EmployeeKey};
use crate::schema::{activity, activity_unsealed};
use crate::time::Timestamp;

/// An entry about to be written.
#[derive(Debug)]
pub struct NewActivity {
    kind: Kind,
    actor: Actor,
    subject: Subject,
    detail: Detail,
    client_ip: String,
}

impl NewActivity {
    /// An entry that `actor` did `kind` to `subject`.
    pub fn new(kind: Kind, actor: Actor, subject: Subject) -> NewActivity {
        NewActivity { kind, actor, subject, detail: Detail::default(), client_ip: String::new() }
    }

    /// Adds the client IP.
    #[must_use]
    pub fn from(mut self, client_ip: &str) -> NewActivity {
        self.client_ip = client_ip.into();
        self
    }

    /// Adds the detail.
    #[must_use]
    pub fn with(mut self, detail: Detail) -> NewActivity {
        self.detail = detail;
        self
    }

    /// Inserts the entry and notes that it has no seal yet, with the HMAC that shows that a server recorded it. Call it in the
    /// transaction of the act, so that neither exists without the other. Errors: the connection does not carry the key.
    pub fn record(&self, conn: &mut DbConnection, now: Timestamp) -> Result<()> {
        let Some(key) = carried_key(conn) else {
            return Err(Error::internal("this connection does not carry the key of activity entries"));
        };
        let mut entry = self.row(now)?;
        entry.id = diesel::insert_into(activity::table)
            .values((
                activity::at.eq(now),
                activity::kind.eq(self.kind),
                activity::actor_id.eq(entry.actor_id),
                activity::actor_name.eq(&entry.actor_name),
                activity::subject_kind.eq(self.subject.kind),
                activity::subject_id.eq(entry.subject_id),
                activity::subject_name.eq(&entry.subject_name),
                activity::employee_id.eq(entry.employee_id),
                activity::detail.eq(&entry.detail),
                activity::client_ip.eq(&entry.client_ip),
            ))
            .returning(activity::id)
            .get_result(conn)?;
        let waiting =
            (activity_unsealed::activity_id.eq(entry.id), activity_unsealed::mac.eq(entry_code(&key, &entry)));
        diesel::insert_into(activity_unsealed::table).values(waiting).execute(conn)?;
        Ok(client_index::add(conn, &[&entry])?)
    }

    fn row(&self, now: Timestamp) -> Result<Activity> {
        Ok(Activity {
            id: ActivityKey(0),
            at: now,
            kind: self.kind.word().into(),
            actor_id: self.actor.id,
            actor_name: self.actor.stored_name().into(),
            subject_kind: self.subject.kind.into(),
            subject_id: self.subject.id,
            subject_name: self.subject.stored_name().into(),
            employee_id: self.subject.employee,
            detail: serde_json::to_string(&self.detail.stored(self.subject.client)).map_err(Error::internal)?,
            client_ip: self.client_ip.clone(),
        })
    }
}

/// One row of the log.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Identifiable)]
#[diesel(table_name = activity)]
pub struct Activity {
    /// Its id.
    pub id: ActivityKey,
    /// When it happened.
    pub at: Timestamp,
    /// What happened: a word of [`Kind`], or one that an older version stored.
    pub kind: String,
    /// The employee who acted; none for the server, a client or a stranger.
    pub actor_id: Option<EmployeeKey>,
    /// The actor's name at the time; empty for an employee, unless an earlier version recorded the entry.
    pub actor_name: String,
    /// The kind of thing that was acted on.
    pub subject_kind: String,
    /// Its id.
    pub subject_id: i64,
    /// Its name at the time; empty for an employee, unless an earlier version recorded the entry.
    pub subject_name: String,
    /// The employee it concerns.
    pub employee_id: Option<EmployeeKey>,
    /// JSON of [`Detail`].
    pub detail: String,
    /// The client IP; empty for acts of the server.
    pub client_ip: String,
}

impl Activity {
    /// The detail of the entry; empty when it cannot be read.
    pub fn details(&self) -> Detail {
        serde_json::from_str(&self.detail).unwrap_or_default()
    }
}
