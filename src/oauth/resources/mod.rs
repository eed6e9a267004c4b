//! What a token can read here: R-Series' Account and Session, K-Series' userinfo and businesses. One file per endpoint.
//!
//! Each endpoint shows only what the employee who authorized the token may see now.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use crate::access::token_access::Access;
use crate::db::DbConnection;
use crate::error::Result;
use crate::web::bearer;
use crate::web::bearer::Refusal;
use crate::web::oauth_error::no_store;
use crate::web::state::State;

pub mod account;
pub mod businesses;
pub mod session;
pub mod userinfo;

// Every endpoint goes through here: validates the token, applies the rate limit, checks the scope, and answers.
async fn serve<F>(app: &State, request: &HttpRequest, scope: Option<&str>, answer: F) -> HttpResponse
where
    F: Fn(&mut DbConnection, &Access) -> Result<Value> + Send + 'static,
{
    let access = match bearer::access(app, request).await {
        Ok(access) => access,
        Err(refusal) => return refusal.response(),
    };
    let rate = app.buckets.take(access.client.id, access.client.rates, app.clock.now_millis());
    let client = access.client.id;
    let mut response = match (rate.refusal(), scope.filter(|scope| !access.allows(scope))) {
        (Some(limited), _) => limited,
        (None, Some(missing)) => Refusal::InsufficientScope(missing.into()).response(),
        (None, None) => match app.db.lookup(move |conn| answer(conn, &access)).await {
            Ok(body) => no_store(&mut HttpResponse::Ok()).json(body),
            Err(error) => Refusal::Failed(error.into()).response(),
        },
    };
    rate.describe(client, &mut response);
    response
}

// First and last name.
fn names(name: &str) -> (&str, &str) {
    name.split_once(' ').unwrap_or((name, ""))
}
