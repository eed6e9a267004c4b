//! Which employee a verified identity is: linked by issuer and subject; the first time, linked to the employee with the
//! verified e-mail address or created, as far as the settings allow it. The role follows the groups.

use crate::access::change_employee;
use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::config::IdentityProvider;
use crate::db::{DbConnection, nonce};
use crate::employees::{AccountChange, BreakGlass, Employee, EmployeeChange, NewEmployee, tell};
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, IdentityKey};
use crate::identity::Refusal;
use crate::identity::attempt::{Attempt, Purpose};
use crate::identity::claims::VerifiedIdentity;
use crate::identity::identities::Identity;
use crate::notices::{self, Notice};
use crate::scopes::Role;
use crate::time::Timestamp;

const ALREADY_COMPLETE: &str = "This sign-in is already complete. Begin again to sign in.";

/// Who may sign in.
#[derive(Clone, Copy, Debug)]
pub struct Admitted {
    /// The employee.
    pub employee: EmployeeKey,
    /// Their identity.
    pub identity: IdentityKey,
}

type Outcome<T> = Result<std::result::Result<T, Refusal>>;

fn refused<T>(reason: impl Into<String>) -> Outcome<T> {
    Ok(Err(Refusal::new(reason)))
}

/// Refuses an attempt that already admitted somebody, before the provider is asked. Errors: [`Error::Conflict`].
pub fn require_unused(conn: &mut DbConnection, state: &str) -> Result<()> {
    match nonce::is_spent(conn, state)? {
        true => Err(Error::Conflict(ALREADY_COMPLETE.into())),
        false => Ok(()),
    }
}

/// Finds, links or creates the employee of a verified identity and gives them the role of their groups. An attempt admits
/// once. Errors: [`Error::Conflict`] if it already did.
pub fn admit(
    conn: &mut DbConnection,
    provider: &IdentityProvider,
    (attempt, identity): (&Attempt, &VerifiedIdentity),
    client_ip: &str,
    now: Timestamp,
) -> Outcome<Admitted> {
    if let Err(refusal) = check_domain(provider, identity) {
        return Ok(Err(refusal));
    }
    let role = match role(provider, identity) {
        Ok(role) => role,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let found = match Identity::find(conn, &provider.issuer, &identity.subject)? {
        Some(found) => (Employee::find(conn, found.employee_id)?, Known::By(found.id)),
        None if attempt.purpose != Purpose::SignIn => return refused(SOMEBODY_ELSE),
        None => match by_email(conn, provider, (identity, role), client_ip, now)? {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        },
    };
    let (employee, known) = found;
    if let Purpose::Again(expected) = attempt.purpose
        && expected != employee.id
    {
        return refused(SOMEBODY_ELSE);
    }
    if !employee.is_active() {
        return refused("Your account here is not active. Ask an admin.");
    }
    nonce::spend(conn, &attempt.state, ALREADY_COMPLETE, now)?;
    let id = match known {
        Known::By(id) => {
            Identity::set_used(conn, id, now)?;
            id
        }
        new => link(conn, provider, (&employee, new), (&identity.subject, client_ip), now)?,
    };
    if let Some(role) = role.filter(|role| *role != employee.role) {
        follow_groups(conn, provider, (&employee, role), client_ip, now)?;
    }
    Ok(Ok(Admitted { employee: employee.id, identity: id }))
}

// How an employee was known before this sign-in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    // By this identity.
    By(IdentityKey),
    // By their e-mail address.
    ByEmail,
    // Not at all: they were created.
    Not,
}

// Links the identity. An employee who existed is told by e-mail, for it may be somebody else who is linked.
fn link(
    conn: &mut DbConnection,
    provider: &IdentityProvider,
    (employee, known): (&Employee, Known),
    (subject, client_ip): (&str, &str),
    now: Timestamp,
) -> Result<IdentityKey> {
    let id = Identity::link(conn, employee.id, (&provider.issuer, subject), now)?;
    record(conn, Kind::IdentityLinked, employee, (&provider.name, client_ip), now)?;
    if known == Known::ByEmail {
        let (change, actor) =
            (AccountChange::Identity(provider.name.clone()), Actor::person(employee.id, &employee.name));
        tell(conn, employee.id, &change, (&actor, client_ip), now)?;
    }
    Ok(id)
}

const SOMEBODY_ELSE: &str =
    "You signed in at the provider as somebody else. Sign in there with the account that you use here.";

fn check_domain(provider: &IdentityProvider, identity: &VerifiedIdentity) -> std::result::Result<(), Refusal> {
    if provider.domains.is_empty() {
        return Ok(());
    }
    let Some(email) = &identity.email else {
        return Err(unverified());
    };
    let domain = email.rsplit_once('@').map(|(_, domain)| domain.to_lowercase()).unwrap_or_default();
    match provider.domains.contains(&domain) {
        true => Ok(()),
        false => Err(Refusal::new("E-mail addresses of your domain may not sign in here. Ask an admin.")),
    }
}

fn unverified() -> Refusal {
    Refusal::new(
        "The provider does not say that it verified your e-mail address, and without that nobody is linked by it. Ask an admin.",
    )
}

// The highest role of the groups; none if roles are managed here.
fn role(provider: &IdentityProvider, identity: &VerifiedIdentity) -> std::result::Result<Option<Role>, Refusal> {
    if provider.roles.is_empty() {
        return Ok(None);
    }
    let has = |role: &Role| {
        let mut given = provider.roles.iter().filter(|(_, word)| word == role.word());
        given.any(|(group, _)| identity.groups.contains(group))
    };
    match [Role::Admin, Role::Manager, Role::Staff].into_iter().find(has) {
        Some(role) => Ok(Some(role)),
        None => Err(Refusal::new("You are in none of the provider's groups that have access here. Ask an admin.")),
    }
}

// The employee with the verified e-mail address, or a new one.
fn by_email(
    conn: &mut DbConnection,
    provider: &IdentityProvider,
    (identity, role): (&VerifiedIdentity, Option<Role>),
    client_ip: &str,
    now: Timestamp,
) -> Outcome<(Employee, Known)> {
    let Some(email) = &identity.email else {
        return Ok(Err(unverified()));
    };
    if let Some(employee) = Employee::find_by_email(conn, email)? {
        return match Identity::of_employee(conn, employee.id, &provider.issuer)? {
            None if is_break_glass(conn, provider, &employee)? => {
                refused("This e-mail address belongs to the break-glass admin, who signs in with a password.")
            }
            None => Ok(Ok((employee, Known::ByEmail))),
            Some(_) => {
                refused("Your e-mail address belongs to an employee who signs in with another account. Ask an admin.")
            }
        };
    }
    if !provider.creates {
        return refused(
            "You are not an employee of this shop yet. Ask an admin to invite you with the e-mail address that you use at the provider.",
        );
    }
    let new = NewEmployee { name: &identity.name, email, role: role.unwrap_or(Role::Staff), password_hash: None };
    let id = Employee::create(conn, &new, now)?;
    let employee = Employee::find(conn, id)?;
    let through = format!("as {}, through {}", new.role.name(), provider.name);
    NewActivity::new(Kind::EmployeeAdded, Actor::server(), employee.subject())
        .from(client_ip)
        .with(Detail::note(through))
        .record(conn, now)?;
    if new.role == Role::Admin {
        let how =
            format!("{} signed in through {} for the first time, with a group of admins", employee.name, provider.name);
        notices::raise(conn, &Notice::admin_added((id, &employee.name), &how), now)?;
    }
    Ok(Ok((employee, Known::Not)))
}

fn record(
    conn: &mut DbConnection,
    kind: Kind,
    employee: &Employee,
    (provider, client_ip): (&str, &str),
    now: Timestamp,
) -> Result<()> {
    NewActivity::new(kind, Actor::person(employee.id, &employee.name), employee.subject())
        .from(client_ip)
        .with(Detail::note(provider))
        .record(conn, now)
}

// Whether they are the admin whom nothing at the provider may change, because passwords are off for everybody else.
fn is_break_glass(conn: &mut DbConnection, provider: &IdentityProvider, employee: &Employee) -> Result<bool> {
    Ok(!provider.passwords && BreakGlass::admin(conn)?.is_some_and(|admin| admin.id == employee.id))
}

// The last admin with a password stays one, so that somebody can sign in without the provider.
fn follow_groups(
    conn: &mut DbConnection,
    provider: &IdentityProvider,
    (employee, role): (&Employee, Role),
    client_ip: &str,
    now: Timestamp,
) -> Result<()> {
    if is_break_glass(conn, provider, employee)? {
        return Ok(());
    }
    if employee.role == Role::Admin && employee.password_hash().is_some() && Employee::admins(conn)? <= 1 {
        log::warn!(
            "employee {} stays an admin: the groups give another role, but no other admin has a password",
            employee.id
        );
        return Ok(());
    }
    let actor = Actor::client(&format!("the groups of {}", provider.name));
    match change_employee::change_employee(conn, employee.id, &EmployeeChange::Role(role), (&actor, client_ip), now) {
        Ok(_) => Ok(()),
        Err(Error::Conflict(why)) => {
            log::warn!("employee {} keeps their role: {why}", employee.id);
            Ok(())
        }
        Err(error) => Err(error),
    }
}
