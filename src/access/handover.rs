//! Handing over the API keys and connections of a person to another employee. Keys keep their value, so that what uses them
//! keeps working. What apps were granted cannot be handed over: an app acts for the person who allowed it.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::clients::Client;
use crate::connections::Connection;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{AccessTokenKey, ConnectionKey, EmployeeKey};
use crate::schema::{access_tokens, clients, connections};
use crate::scopes::Role;
use crate::time::{Timestamp, count};
use crate::tokens::flags::Flags;
use crate::tokens::{AccessToken, client_counters};

/// The most API keys that are handed over at a time.
pub const MOST: i64 = 100;

/// What can be handed over.
pub struct Handover {
    /// The person.
    pub from: Employee,
    /// Their API keys that have not expired, newest first, with the names of their clients; at most [`MOST`].
    pub api_keys: Vec<(AccessToken, String)>,
    /// The connections they authorized that hold tokens.
    pub connections: Vec<Connection>,
}

/// What was chosen.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The employee who gets it.
    pub to: EmployeeKey,
    /// The API keys.
    pub api_keys: Vec<AccessTokenKey>,
    /// The connections.
    pub connections: Vec<ConnectionKey>,
    /// Why.
    pub reason: String,
}

impl Handover {
    /// What a person has.
    pub fn of(conn: &mut DbConnection, id: EmployeeKey, now: Timestamp) -> Result<Handover> {
        let from = Employee::find(conn, id)?;
        let api_keys = access_tokens::table
            .inner_join(clients::table)
            .filter(access_tokens::employee_id.eq(id))
            .filter(access_tokens::refresh_token_id.is_null())
            .filter(access_tokens::id.gt(from.revoked_access_tokens_through))
            .filter(access_tokens::expires_at.gt(now))
            .filter(clients::revoked_at.is_null())
            .order((access_tokens::created_at.desc(), access_tokens::id.desc()))
            .limit(MOST)
            .select((AccessToken::as_select(), clients::name))
            .load(conn)?;
        let authorized = Connection::authorized_by(conn, id)?.into_iter().map(|(connection, _)| connection);
        Ok(Handover { from, api_keys, connections: authorized.filter(Connection::has_token).collect() })
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.api_keys.is_empty() && self.connections.is_empty()
    }
}

/// Hands over API keys and connections; returns the person who had them, the one who gets them, and what it was in words.
///
/// The role of the new owner must include what each key may access, and no key may reach more than before. Connections go to
/// admins, who can authorize them again. Errors: [`Error::Invalid`], with what is wrong; [`Error::Conflict`] when something
/// chosen is gone.
pub fn hand_over(
    conn: &mut DbConnection,
    from: EmployeeKey,
    chosen: &Chosen,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<(Employee, Employee, String)> {
    let all = Handover::of(conn, from, now)?;
    let to = Employee::find(conn, chosen.to).optional()?.ok_or_else(|| invalid("Choose an employee from the list."))?;
    require_recipient(&all.from, &to)?;
    let keys: Vec<&(AccessToken, String)> =
        all.api_keys.iter().filter(|(key, _)| chosen.api_keys.contains(&key.id)).collect();
    let theirs: Vec<&Connection> =
        all.connections.iter().filter(|connection| chosen.connections.contains(&connection.id)).collect();
    if keys.len() < chosen.api_keys.len() || theirs.len() < chosen.connections.len() {
        return Err(Error::Conflict("Something you chose was revoked or changed meanwhile. Choose again.".into()));
    }
    if keys.is_empty() && theirs.is_empty() {
        return Err(invalid("Choose at least one API key or connection."));
    }
    if !theirs.is_empty() && to.role != Role::Admin {
        return Err(invalid(&format!("{} cannot authorize connections. Choose an admin for connections.", to.name)));
    }
    for (key, client) in &keys {
        require_allowed((key, client), &all.from, &to)?;
    }
    for (key, client) in &keys {
        give_key((key, client), &to, (&chosen.reason, actor, client_ip), (conn, now))?;
    }
    for connection in &theirs {
        give_connection(connection, &to, (&chosen.reason, actor, client_ip), (conn, now))?;
    }
    let what = [(keys.len(), "API key"), (theirs.len(), "connection")];
    let what: Vec<String> = what.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| count(*n as i64, noun)).collect();
    let what = what.join(" and ");
    NewActivity::new(Kind::AccessHandedOver, actor.clone(), all.from.subject())
        .from(client_ip)
        .with(Detail::note(format!("{what}: {}", chosen.reason)))
        .record(conn, now)?;
    Ok((all.from, to, what))
}

fn invalid(why: &str) -> Error {
    Error::Invalid(why.into())
}

fn require_recipient(from: &Employee, to: &Employee) -> Result<()> {
    match () {
        () if to.id == from.id => Err(invalid("Choose another employee.")),
        () if !to.is_active() => {
            Err(invalid(&format!("{} is locked or archived. Choose an active employee.", to.name)))
        }
        // A key would count as one of those that are being deleted.
        () if to.revoked_access_tokens_through > 0 || to.revoked_refresh_tokens_through > 0 => {
            Err(invalid(&format!("Revoked access of {} is still being deleted. Try again in a few minutes.", to.name)))
        }
        () => Ok(()),
    }
}

// Neither may the new owner lack a right that the key needs, nor may the key gain one: of a scope beyond the old owner's
// role, and of full access, a higher role would make more effective.
fn require_allowed((key, client): (&AccessToken, &str), from: &Employee, to: &Employee) -> Result<()> {
    let name = if key.label.is_empty() { client } else { &key.label };
    if key.scope.exceeds(to.role) {
        let role = to.role.name();
        return Err(invalid(&format!(
            "The role of {} ({role}) does not include all that “{name}” may access.",
            to.name
        )));
    }
    let gains = key.scope.exceeds(from.role) || (key.scope.is_full() && from.role != to.role);
    if gains && from.role != to.role {
        let role = from.role.name();
        return Err(invalid(&format!(
            "“{name}” would reach more or less than before. Choose somebody with the same role: {role}."
        )));
    }
    Ok(())
}

fn give_key(
    (key, client): (&AccessToken, &str),
    to: &Employee,
    (reason, actor, client_ip): (&str, &Actor, &str),
    (conn, now): (&mut DbConnection, Timestamp),
) -> Result<()> {
    let flags = Flags::of(&key.scope, to);
    let own = access_tokens::table.find(key.id).filter(access_tokens::employee_id.eq(key.employee_id));
    let changed = diesel::update(own)
        .set((
            access_tokens::employee_id.eq(to.id),
            access_tokens::full_access.eq(flags.full_access),
            access_tokens::beyond_role.eq(flags.beyond_role),
            access_tokens::owner_inactive.eq(flags.owner_inactive),
            // It may be that of the earlier owner's own device.
            access_tokens::last_used_address.eq(""),
        ))
        .execute(conn)?;
    if changed == 0 {
        return Err(Error::Conflict("An API key was revoked meanwhile. Choose again.".into()));
    }
    Client::find_unrevoked(conn, key.client_id)?;
    client_counters::recount(conn, key.client_id)?;
    let subject = Subject::token("access_token", key.id.0, &key.mask, (key.client_id, client), to.id);
    NewActivity::new(Kind::ApiKeyHandedOver, actor.clone(), subject)
        .from(client_ip)
        .with(Detail { for_employee: Some(to.id), ..Detail::note(format!("“{}”, {reason}", key.label)) })
        .record(conn, now)
}

fn give_connection(
    connection: &Connection,
    to: &Employee,
    (reason, actor, client_ip): (&str, &Actor, &str),
    (conn, now): (&mut DbConnection, Timestamp),
) -> Result<()> {
    let own = connections::table.find(connection.id).filter(connections::authorized_by.eq(connection.authorized_by));
    if diesel::update(own).set(connections::authorized_by.eq(Some(to.id))).execute(conn)? == 0 {
        return Err(Error::Conflict("A connection was changed meanwhile. Choose again.".into()));
    }
    NewActivity::new(Kind::ConnectionHandedOver, actor.clone(), connection.subject())
        .from(client_ip)
        .with(Detail { for_employee: Some(to.id), ..Detail::note(reason) })
        .record(conn, now)
}
