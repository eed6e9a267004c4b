//! The steps of a sign-in, in one place: the password, the second factor or setting one up, and the session.

use actix_web::{HttpRequest, HttpResponse};
use url::form_urlencoded::{byte_serialize, parse};

use crate::employees::Proof;
use crate::employees::second_factor::{NextStep, next_step};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::pages::sign_in::sign_in::local;
use crate::pages::sign_in::{new_session, pending};
use crate::web::page::see_other;
use crate::web::state::State;

/// The page that asks for the second factor.
pub const SECOND_FACTOR: &str = "/sign-in/second-factor";
/// The page on which somebody sets up their first second factor before they are signed in.
pub const SET_UP: &str = "/sign-in/second-factor/set-up";

/// The path to continue at after signing in, from the address. An authorization request may be longer than `Query` reads.
pub fn next_in_address(request: &HttpRequest, app: &State) -> String {
    let next = parse(request.query_string().as_bytes()).find(|(name, _)| name == "next").map(|(_, value)| value);
    local(&next.unwrap_or_default(), app.config.public_url.origin())
}

/// Continues the sign-in of somebody who has proved that they know the password, or has just chosen it: to `next`, or to what
/// else they have to prove first.
pub async fn after_password(
    request: &HttpRequest,
    app: &State,
    employee: EmployeeKey,
    next: &str,
) -> Result<HttpResponse> {
    let step = app.db.lookup(move |conn| next_step(conn, employee)).await?;
    let page = match step {
        NextStep::SignIn => return new_session::start(request, app, (employee, Proof::Password), see_other(next)),
        NextStep::SecondFactor => SECOND_FACTOR,
        NextStep::SetUp => SET_UP,
    };
    let next: String = byte_serialize(next.as_bytes()).collect();
    let mut response = see_other(&format!("{page}?next={next}"));
    response.add_cookie(&pending::cookie(app, employee).await?).map_err(Error::internal)?;
    Ok(response)
}
