//! Creating an API key: an admin gives a client access on behalf of an employee, without the employee's consent page.

use diesel::{OptionalExtension, QueryResult};

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::scopes::{EffectiveAccess, Scope};
use crate::time::Timestamp;
use crate::tokens::issue::{Grant, IssuedKey, api_key};

/// The settings of a new API key.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// The employee the key acts for.
    pub employee: EmployeeKey,
    /// What the key is for.
    pub label: String,
    /// What the key may access.
    pub scope: Scope,
    /// When the key expires.
    pub expires_at: Timestamp,
}

/// Why a key cannot be created as an admin wants it; the sentence says what to choose instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRefusal {
    /// The employee cannot be chosen: somebody may have locked or archived them while the form was open.
    Employee(String),
    /// The employee's role does not include the scope.
    Scope(String),
}

/// Creates an API key and records it. Returns the key and the employee it acts for, or why nothing was created.
///
/// Errors: [`Error::Conflict`](crate::error::Error::Conflict) when the client is being deleted.
pub fn create_api_key(
    conn: &mut DbConnection,
    client: &Client,
    new: &NewApiKey,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<std::result::Result<(IssuedKey, Employee), KeyRefusal>> {
    let employee = match key_owner(conn, Some(new.employee))? {
        Ok(employee) => employee,
        Err(sentence) => return Ok(Err(KeyRefusal::Employee(sentence))),
    };
    if let Err(refusal) = require_in_role(&new.scope, &employee) {
        return Ok(Err(refusal));
    }
    let grant = Grant { client: client.id, employee: employee.id, scope: &new.scope };
    let key = api_key(conn, &grant, &new.label, new.expires_at, now)?;
    let subject = Subject::token("access_token", key.id.0, &key.value.mask(), (client.id, &client.name), employee.id);
    NewActivity::new(Kind::ApiKeyCreated, actor.clone(), subject)
        .from(client_ip)
        .with(Detail { for_employee: Some(employee.id), ..Detail::note(format!("“{}”", new.label)) })
        .record(conn, now)?;
    Ok(Ok((key, employee)))
}

/// The employee that a key can act for, or a sentence that says why not: nobody was chosen, or their access does not work.
pub fn key_owner(
    conn: &mut DbConnection,
    chosen: Option<EmployeeKey>,
) -> QueryResult<std::result::Result<Employee, String>> {
    let found = match chosen {
        Some(id) => Employee::find(conn, id).optional()?,
        None => None,
    };
    Ok(match found {
        Some(employee) if employee.is_active() => Ok(employee),
        Some(employee) => Err(format!("{} is locked or archived. Choose an active employee.", employee.name)),
        None => Err("Choose an employee from the list.".into()),
    })
}

fn require_in_role(scope: &Scope, employee: &Employee) -> std::result::Result<(), KeyRefusal> {
    let access = EffectiveAccess::of(scope, employee.role);
    if access.not_effective.is_empty() {
        return Ok(());
    }
    let (role, missing) = (employee.role.name(), access.missing());
    Err(KeyRefusal::Scope(format!("The role of {} ({role}) does not include: {missing}. Choose again.", employee.name)))
}
