//! Offboarding a person: revoking the access they authorized, locking them and signing them out, in one act. Revoking all
//! access is also an act of its own, which leaves their sign-in as it is.

use diesel::prelude::*;

use crate::activity::Actor;
use crate::api_tokens::{self, ApiToken};
use crate::connections::{Connection, OAuthClient, provider_revocation};
use crate::db::DbConnection;
use crate::employees::{self, Employee, EmployeeChange, Session};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::schema::{clients, refresh_tokens};
use crate::scopes::Role;
use crate::time::Timestamp;
use crate::tokens::flags::{self, Progress};
use crate::tokens::revocation::{self, RevocationImpact, Revoked, Seen, Target};

// How many of the newest refresh tokens are read for the names of their clients.
const NEWEST: i64 = 200;

/// What revoking all access of a person, or offboarding them, affects.
pub struct OffboardingImpact {
    /// The person.
    pub employee: Employee,
    /// Their tokens.
    pub tokens: RevocationImpact,
    /// How many valid API tokens they and the services they are responsible for have.
    pub api_tokens: i64,
    /// The names of the connections they authorized that hold tokens.
    pub connections: Vec<String>,
    /// In how many browsers they are signed in.
    pub sessions: usize,
}

impl OffboardingImpact {
    /// The impact for an employee.
    pub fn of(conn: &mut DbConnection, id: EmployeeKey, now: Timestamp) -> Result<OffboardingImpact> {
        let employee = Employee::find(conn, id)?;
        let tokens = RevocationImpact::of(conn, &Target::Grants(employee.clone()))?;
        let authorized = Connection::authorized_by(conn, id)?.into_iter().map(|(connection, _)| connection);
        let connections = authorized.filter(Connection::has_token).map(|connection| connection.name).collect();
        let sessions = Session::of_employee(conn, id, now)?.len();
        let api_tokens = ApiToken::valid_of(conn, id, now)?.len() as i64;
        Ok(OffboardingImpact { employee, tokens, api_tokens, connections, sessions })
    }
}

/// The names of the clients that hold valid refresh tokens of an employee, which somebody else must authorize: of their newest
/// 200 refresh tokens.
pub fn apps_of(conn: &mut DbConnection, id: EmployeeKey, now: Timestamp) -> QueryResult<Vec<String>> {
    let newest = refresh_tokens::table
        .inner_join(clients::table)
        .filter(refresh_tokens::employee_id.eq(id))
        .order(refresh_tokens::id.desc())
        .limit(NEWEST);
    let rows: Vec<(String, Timestamp)> = newest.select((clients::name, refresh_tokens::expires_at)).load(conn)?;
    let mut names: Vec<String> = rows.into_iter().filter(|(_, end)| *end > now).map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// What was revoked.
pub struct Offboarded {
    /// The person.
    pub employee: Employee,
    /// Their tokens.
    pub tokens: Revoked,
    /// How many API tokens of theirs, and of services they are responsible for.
    pub api_tokens: i64,
    /// The connections as they were before, for [`provider_revocation::revoke_all`].
    pub connections: Vec<(Connection, OAuthClient)>,
    /// The names of the connections they authorized that keep working.
    pub kept: Vec<String>,
}

/// Revokes all tokens that a person authorized and their API tokens, and drops the tokens of the connections they authorized. `seen` is what
/// the confirmation page showed. The caller revokes the connections' tokens at their providers afterwards.
pub fn revoke_all_access(
    conn: &mut DbConnection,
    id: EmployeeKey,
    seen: Option<Seen>,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Offboarded> {
    let employee = Employee::find(conn, id)?;
    let tokens = revocation::revoke(conn, &Target::Grants(employee.clone()), seen, (actor, client_ip), now)?;
    // Without the name, which may be erased later.
    let reason = "All access of the employee who authorized it was revoked.";
    let connections = provider_revocation::delete_tokens_authorized_by(conn, (id, reason), (actor, client_ip), now)?;
    let api_tokens = api_tokens::revoke_all_of(conn, id, (actor, client_ip), now)?.len() as i64;
    Ok(Offboarded { employee, tokens, api_tokens, connections, kept: Vec::new() })
}

/// Whether somebody may offboard this person: managers may offboard staff and managers, admins anybody; nobody themselves.
///
/// Errors: [`Error::Forbidden`], with the reason.
pub fn require_may_offboard((id, role): (EmployeeKey, Role), employee: &Employee) -> Result<()> {
    let why = match (role, employee.role) {
        _ if id == employee.id => "You cannot offboard yourself. Ask another store manager or admin.",
        (Role::Staff, _) => "Only store managers and admins can offboard people.",
        (Role::Manager, Role::Admin) => "Only admins can offboard an admin.",
        (Role::Manager | Role::Admin, _) => return Ok(()),
    };
    Err(Error::Forbidden(why.into()))
}

/// Offboards a person: locks them, signs them out and revokes all access that they authorized. By an admin, the connections
/// that they authorized lose their tokens, as in [`revoke_all_access`]; by a manager they keep working, and need attention.
///
/// Errors: [`Error::Forbidden`] as [`require_may_offboard`]; [`Error::Conflict`] when no admin could sign in afterwards.
pub fn offboard(
    conn: &mut DbConnection,
    (by, role): (EmployeeKey, Role),
    id: EmployeeKey,
    seen: Option<Seen>,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Offboarded> {
    require_may_offboard((by, role), &Employee::find(conn, id)?)?;
    // First, so that nothing new is authorized meanwhile.
    let employee = employees::change_employee(conn, id, &EmployeeChange::Lock, (actor, client_ip), now)?;
    // Again: on PostgreSQL their role may have changed until the row was locked.
    require_may_offboard((by, role), &Employee::find(conn, id)?)?;
    let offboarded = match role {
        Role::Admin => revoke_all_access(conn, id, seen, (actor, client_ip), now)?,
        Role::Staff | Role::Manager => {
            let tokens = revocation::revoke(conn, &Target::Grants(employee.clone()), seen, (actor, client_ip), now)?;
            let theirs = Connection::authorized_by(conn, id)?.into_iter().map(|(connection, _)| connection);
            let kept = theirs.filter(Connection::has_token).map(|connection| connection.name).collect();
            let api_tokens = api_tokens::revoke_all_of(conn, id, (actor, client_ip), now)?.len() as i64;
            Offboarded { employee, tokens, api_tokens, connections: Vec::new(), kept }
        }
    };
    flags::update(conn, id, Progress::default(), revocation::MAX_AT_ONCE)?;
    Ok(offboarded)
}
