//! Which roles need a second factor, and what a sign-in with a password needs next.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::db::DbConnection;
use crate::employees::employee::Employee;
use crate::employees::proof::Proof;
use crate::employees::second_factor::overview::SecondFactors;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::schema::required_second_factors;
use crate::scopes::Role;
use crate::time::Timestamp;

/// What somebody does next who has proved that they know the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// They are signed in.
    SignIn,
    /// They enter their second factor.
    SecondFactor,
    /// Their role needs a second factor and they have none: they set one up.
    SetUp,
}

/// Whether a role needs a second factor.
pub fn is_required(conn: &mut DbConnection, role: Role) -> QueryResult<bool> {
    let row = required_second_factors::table.find(role).select(required_second_factors::role);
    Ok(row.first::<Role>(conn).optional()?.is_some())
}

/// What an employee does next who has proved that they know the password.
pub fn next_step(conn: &mut DbConnection, id: EmployeeKey) -> Result<NextStep> {
    if SecondFactors::of(conn, id)?.is_set_up() {
        return Ok(NextStep::SecondFactor);
    }
    let employee = Employee::find(conn, id)?;
    Ok(if is_required(conn, employee.role)? { NextStep::SetUp } else { NextStep::SignIn })
}

/// Refuses to sign somebody in whose proof is not enough, whatever page it came from. Errors: [`Error::SignInRequired`].
pub fn require_proof(conn: &mut DbConnection, id: EmployeeKey, proof: Proof) -> Result<()> {
    match proof.has_second_factor() || next_step(conn, id)? == NextStep::SignIn {
        true => Ok(()),
        false => Err(Error::SignInRequired),
    }
}

/// Refuses to remove the last second factor of somebody whose role needs one. Call it after the removal, in the same transaction.
pub(super) fn require_another(conn: &mut DbConnection, employee: &Employee) -> Result<()> {
    if !SecondFactors::of(conn, employee.id)?.is_set_up() && is_required(conn, employee.role)? {
        let text = "Your role needs a second factor. Set up another one before you remove this one.";
        return Err(Error::Conflict(text.into()));
    }
    Ok(())
}

/// The roles that need a second factor.
pub fn required_roles(conn: &mut DbConnection) -> QueryResult<Vec<Role>> {
    let required: Vec<Role> = required_second_factors::table.select(required_second_factors::role).load(conn)?;
    Ok(Role::ALL.iter().copied().filter(|role| required.contains(role)).collect())
}

/// Makes these the roles that need a second factor. People who have none set one up at their next sign-in; who is signed in stays
/// so. Returns whether that changed anything.
pub fn require_for_roles(
    conn: &mut DbConnection,
    roles: &[Role],
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<bool> {
    let chosen: Vec<Role> = Role::ALL.iter().copied().filter(|role| roles.contains(role)).collect();
    if chosen == required_roles(conn)? {
        return Ok(false);
    }
    let kept = required_second_factors::role.eq_any(&chosen);
    diesel::delete(required_second_factors::table.filter(diesel::dsl::not(kept))).execute(conn)?;
    for role in &chosen {
        let row = (required_second_factors::role.eq(*role), required_second_factors::required_at.eq(now));
        crate::db::on_each!(conn, |inner| {
            diesel::insert_into(required_second_factors::table).values(row).on_conflict_do_nothing().execute(inner)
        })?;
    }
    let names: Vec<&str> = chosen.iter().map(|role| role.name()).collect();
    let note = if names.is_empty() { "needed by no role".into() } else { format!("needed by {}", names.join(", ")) };
    let subject = Subject::named("account", 1, "Sign-in");
    NewActivity::new(Kind::SecondFactorRequirementChanged, actor.clone(), subject)
        .from(client_ip)
        .with(Detail::note(note))
        .record(conn, now)?;
    Ok(true)
}
