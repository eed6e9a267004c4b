//! Creating an API key: an admin gives a client access on behalf of an employee, without the employee's consent page.

use diesel::QueryResult;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::scopes::Scope;
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

/// Creates an API key and records it. Returns the key and the employee it acts for.
///
/// Errors: [`Error::Invalid`] when the employee cannot be chosen, [`Error::Conflict`] when the client is being deleted.
pub fn create_api_key(
    conn: &mut DbConnection,
    client: &Client,
    new: &NewApiKey,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<(IssuedKey, Employee)> {
    let employee = require_active(Employee::find(conn, new.employee))?;
    let grant = Grant { client: client.id, employee: employee.id, scope: &new.scope };
    let key = api_key(conn, &grant, &new.label, new.expires_at, now)?;
    let subject = Subject::token("access_token", key.id.0, &key.value.mask(), &client.name, employee.id);
    NewActivity::new(Kind::ApiKeyCreated, actor.clone(), subject)
        .from(client_ip)
        .with(Detail { for_employee: Some(employee.id), ..Detail::note(format!("“{}”", new.label)) })
        .record(conn, now)?;
    Ok((key, employee))
}

// An employee may have been locked or archived while the form was open.
fn require_active(employee: QueryResult<Employee>) -> Result<Employee> {
    match employee {
        Ok(employee) if employee.is_active() => Ok(employee),
        Ok(employee) => {
            Err(Error::Invalid(format!("{} is locked or archived. Choose an active employee.", employee.name)))
        }
        Err(diesel::result::Error::NotFound) => Err(Error::Invalid("Choose an employee from the list.".into())),
        Err(error) => Err(error.into()),
    }
}
