//! Who calls the admin API, told by the API token they present.

use diesel::prelude::*;

use crate::activity::Actor;
use crate::api_tokens::api_token::{ApiToken, ApiTokenState};
use crate::api_tokens::area::Areas;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::id::{ApiTokenKey, EmployeeKey};
use crate::schema::{api_tokens, employees};
use crate::scopes::Role;
use crate::secrets::{PlainToken, TokenKind};
use crate::time::Timestamp;

/// Who calls the admin API.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The API token.
    pub id: ApiTokenKey,
    /// The name of the API token.
    pub name: String,
    /// The service that uses it; empty for a person's own token.
    pub service: String,
    /// The person it belongs to, or the responsible person of the service.
    pub employee: EmployeeKey,
    /// Their name.
    pub employee_name: String,
    /// The role it acts with: the lower of its own and that of its person now.
    pub role: Role,
    /// What it may be used for.
    pub areas: Areas,
    /// When it was last used, as stored; 0 for never.
    pub last_used_at: Timestamp,
}

impl Caller {
    /// Who acts, for the activity log: the person, with this API token.
    pub fn actor(&self) -> Actor {
        Actor::with_api_token(self.employee, &self.employee_name, &self.name)
    }
}

/// Why a presented value is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no API token, or one that was deleted long after its end.
    Unknown,
    /// It has expired.
    Ended,
    /// It was revoked.
    Revoked,
    /// Its person is locked or archived.
    PersonInactive,
}

/// Finds out who presents this value. It records nothing.
///
/// Errors: of the database only; a value that is not accepted is a [`Refusal`].
pub fn authenticate(conn: &mut DbConnection, presented: &str, now: Timestamp) -> QueryResult<Result<Caller, Refusal>> {
    let value = match PlainToken::parse(presented) {
        Ok(value) if value.kind() == TokenKind::ApiToken => value,
        _ => return Ok(Err(Refusal::Unknown)),
    };
    let hash = value.hash();
    // Typed for each database, Diesel caches the prepared statement by type instead of building the SQL text first.
    let found: Option<(ApiToken, Employee)> = crate::db::on_each!(conn, |conn| {
        api_tokens::table
            .inner_join(employees::table)
            .filter(api_tokens::hash.eq(&hash))
            .select((ApiToken::as_select(), Employee::as_select()))
            .get_result(conn)
            .optional()
    })?;
    let Some((token, employee)) = found else {
        return Ok(Err(Refusal::Unknown));
    };
    Ok(match token.state(&employee, now) {
        ApiTokenState::Revoked => Err(Refusal::Revoked),
        ApiTokenState::Expired => Err(Refusal::Ended),
        ApiTokenState::Inactive => Err(Refusal::PersonInactive),
        ApiTokenState::Valid => Ok(Caller {
            id: token.id,
            role: token.effective_role(&employee),
            name: token.name,
            service: token.service,
            employee: employee.id,
            employee_name: employee.name,
            areas: token.areas,
            last_used_at: token.last_used_at,
        }),
    })
}
