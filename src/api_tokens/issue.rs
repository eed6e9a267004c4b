//! Creating an API token. Its value is returned once.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::api_tokens::api_token::ApiToken;
use crate::api_tokens::area::Areas;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::Result;
use crate::id::{ApiTokenKey, EmployeeKey};
use crate::schema::api_tokens;
use crate::scopes::Role;
use crate::secrets::{PlainToken, TokenKind};
use crate::text::fold;
use crate::time::{DAY, Timestamp};

/// The longest life of an API token, in seconds: a year, until the end of its last day.
pub const LONGEST_LIFE: i64 = 366 * DAY;

/// The most API tokens that a person and the services they are responsible for can have at once.
pub const MOST_PER_PERSON: i64 = 50;

/// The settings of a new API token.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    /// What it is for.
    pub name: String,
    /// The person it belongs to, or the responsible person of the service.
    pub employee: EmployeeKey,
    /// The service that uses it; none for a person's own token.
    pub service: Option<String>,
    /// The most that it may do.
    pub role: Role,
    /// What it may be used for.
    pub areas: Areas,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Why an API token cannot be created; the sentence says what to choose instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueRefusal {
    /// The person cannot be chosen, or has too many API tokens.
    Employee(String),
    /// The role is higher than that of the person.
    Role(String),
    /// It would expire in the past or in more than a year.
    End(String),
}

/// Creates an API token and records it. Returns it with its value, which cannot be read again, or why nothing was created.
pub fn issue(
    conn: &mut DbConnection,
    new: &NewApiToken,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<std::result::Result<(ApiToken, PlainToken), IssueRefusal>> {
    if let Err(refusal) = require_allowed(conn, new, now)? {
        return Ok(Err(refusal));
    }
    let value = PlainToken::generate(TokenKind::ApiToken);
    let service = new.service.as_deref().unwrap_or_default();
    let id = diesel::insert_into(api_tokens::table)
        .values((
            api_tokens::employee_id.eq(new.employee),
            api_tokens::service.eq(service),
            api_tokens::name.eq(&new.name),
            api_tokens::name_fold.eq(fold(&new.name)),
            api_tokens::hash.eq(value.hash()),
            api_tokens::prefix.eq(value.mask()),
            api_tokens::role.eq(new.role),
            api_tokens::areas.eq(&new.areas),
            api_tokens::created_at.eq(now),
            api_tokens::expires_at.eq(new.expires_at),
        ))
        .returning(api_tokens::id)
        .get_result::<i64>(conn)?;
    let token = ApiToken::find(conn, ApiTokenKey(id))?;
    let user = if service.is_empty() { String::new() } else { format!("service “{service}”, ") };
    let note = format!("{user}role {}, {}", new.role.name(), new.areas.as_str().replace(' ', ", "));
    NewActivity::new(Kind::ApiTokenCreated, actor.clone(), token.subject())
        .from(client_ip)
        .with(Detail { for_employee: Some(new.employee), ..Detail::note(note) })
        .record(conn, now)?;
    Ok(Ok((token, value)))
}

fn require_allowed(
    conn: &mut DbConnection,
    new: &NewApiToken,
    now: Timestamp,
) -> QueryResult<std::result::Result<(), IssueRefusal>> {
    let Some(employee) = Employee::find(conn, new.employee).optional()? else {
        return Ok(Err(IssueRefusal::Employee("Choose a person from the list.".into())));
    };
    let name = &employee.name;
    if !employee.is_active() {
        let sentence = format!("{name} is locked or archived. Choose an active person.");
        return Ok(Err(IssueRefusal::Employee(sentence)));
    }
    if new.role != new.role.at_most(employee.role) {
        let sentence = format!("The role of {name} is {}. Choose this role or a lower one.", employee.role.name());
        return Ok(Err(IssueRefusal::Role(sentence)));
    }
    if new.expires_at <= now || new.expires_at > now.plus(LONGEST_LIFE) {
        let sentence = "Choose a date in the future, at most a year from now.";
        return Ok(Err(IssueRefusal::End(sentence.into())));
    }
    if ApiToken::valid_of(conn, new.employee, now)?.len() as i64 >= MOST_PER_PERSON {
        let sentence = format!("{name} already has {MOST_PER_PERSON} API tokens. Revoke one that is not used.");
        return Ok(Err(IssueRefusal::Employee(sentence)));
    }
    Ok(Ok(()))
}
