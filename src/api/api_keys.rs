//! Creating an API key: its value is in this answer only.

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::named_token::{TokenName, find};
use crate::api::context::ApiContext;
use crate::api::idempotency::Act;
use crate::api::json::line;
use crate::api::problem::{Answer, Kind, Problem};
use crate::api::tokens::Token;
use crate::api_tokens::LONGEST_LIFE;
use crate::clients::find_for_update;
use crate::error::Error;
use crate::id::{ClientKey, EmployeeKey};
use crate::scopes::Scope;
use crate::time::Timestamp;
use crate::tokens::{KeyRefusal, NewApiKey as Settings, create_api_key};
use crate::web::state::State;

/// A new API key.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// The id of the employee the key acts for.
    employee: i64,
    /// What it is for, at most 100 characters.
    label: String,
    /// What it may access, separated by spaces; the role of the employee must include it.
    scope: String,
    /// When it expires, in UTC, such as `2027-01-31T22:59:59Z`: within a year.
    expires_at: String,
}

/// The API key that was created. Its value cannot be read again.
#[derive(Serialize, ToSchema)]
pub struct CreatedApiKey {
    #[serde(flatten)]
    key: Token,
    /// The value, which the program sends as a Bearer token.
    value: String,
}

// A key that a program creates ends like an API token: one that leaked gives no access for ever.
fn end(text: &str, now: Timestamp) -> std::result::Result<Timestamp, Problem> {
    let wrong = |why: &str| Err(Problem::new(Kind::Unprocessable, format!("`expires_at` {why}.")));
    match Timestamp::parse(text) {
        _ if text == "never" => {
            wrong("must be a time within a year: only an admin who is signed in creates a key without an end")
        }
        Some(end) if end > now.plus(LONGEST_LIFE) => wrong("is more than a year from now"),
        Some(end) if end > now => Ok(end),
        Some(_) => wrong("is not in the future"),
        None => wrong("is a time such as 2027-01-31T22:59:59Z"),
    }
}

/// Creates an API key for a client on behalf of an employee.
#[utoipa::path(
    post, path = "/api/v1/clients/{client}/api-keys", tag = "tokens", request_body = NewApiKey,
    params(("client" = i64, Path, description = "The client's id")),
    responses((status = 201, description = "The API key with its value", body = CreatedApiKey)),
)]
pub async fn create(
    context: ApiContext,
    app: web::Data<State>,
    client: web::Path<ClientKey>,
    act: Act<NewApiKey>,
) -> Answer {
    let (new, now) = (&act.value, context.now);
    let wrong_scope = || Problem::new(Kind::Unprocessable, "`scope` has an unknown scope, or none.");
    let new = Settings {
        employee: EmployeeKey(new.employee),
        label: line(&new.label, "label", 100)?,
        scope: Scope::parse(&new.scope).ok_or_else(wrong_scope)?,
        expires_at: end(&new.expires_at, now)?,
    };
    let (client, (actor, client_ip)) = (*client, context.by());
    act.in_one_transaction(&app, &context, 201, move |conn| {
        let client = find_for_update(conn, client)?;
        let (key, _) = match create_api_key(conn, &client, &new, (&actor, &client_ip), now)? {
            Ok(created) => created,
            Err(KeyRefusal::Employee(why) | KeyRefusal::Scope(why)) => return Err(Error::Conflict(why)),
        };
        let found = find(conn, TokenName::ApiKey(key.id))?;
        Ok(CreatedApiKey { key: Token::of_named(&found, "", now), value: key.value.expose().to_string() })
    })
    .await
}
