//! The cookie of a sign-in that waits for the second factor: who has proved that they know the password. It is signed, works for
//! ten minutes, and no longer once the password has changed. By itself it gives access to nothing.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};

use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::identity;
use crate::secrets::TokenHash;
use crate::time::{MINUTE, Timestamp};
use crate::web::state::State;

const LIFETIME: i64 = 10 * MINUTE;

/// The name of the cookie.
pub fn cookie_name(app: &State) -> String {
    app.config.public_url.cookie_name("sign-in")
}

/// The cookie for somebody who has proved that they know the password.
pub async fn cookie(app: &State, employee: EmployeeKey) -> Result<Cookie<'static>> {
    let employee = app.db.lookup(move |conn| Ok(Employee::find(conn, employee)?)).await?;
    let text = format!("{}.{}.{}", employee.id, app.clock.now().plus(LIFETIME).0, password_mark(&employee));
    let value = format!("{text}.{}", app.keys.sign_in.sign(&text));
    Ok(build(app, value, LIFETIME))
}

/// Removes the cookie.
pub fn removal(app: &State) -> Cookie<'static> {
    build(app, String::new(), 0)
}

/// Who has proved that they know the password. Errors: [`Error::SignInRequired`] when nobody has, it is too long ago, or they may
/// not sign in any more, or not with a password.
pub async fn employee(request: &HttpRequest, app: &State) -> Result<Employee> {
    let (id, mark) = read(request, app).ok_or(Error::SignInRequired)?;
    let source = app.identity_source();
    let find = move |conn: &mut _| Ok((Employee::find(conn, id)?, identity::passwords(conn, source.borrowed())?));
    let (employee, passwords) = app.db.lookup(find).await?;
    match employee.may_sign_in() && passwords.allow(id) && password_mark(&employee) == mark {
        true => Ok(employee),
        false => Err(Error::SignInRequired),
    }
}

fn read(request: &HttpRequest, app: &State) -> Option<(EmployeeKey, String)> {
    let cookie = request.cookie(&cookie_name(app))?;
    let (text, signature) = cookie.value().rsplit_once('.')?;
    if !app.keys.sign_in.verifies(text, signature) {
        return None;
    }
    let mut parts = text.split('.');
    let (id, until, mark) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
    (Timestamp(until) > app.clock.now()).then(|| (EmployeeKey(id), mark.to_string()))
}

// Changes with the password. It says nothing about the password: the hash of it has a random salt.
fn password_mark(employee: &Employee) -> String {
    TokenHash::of(employee.password_hash().unwrap_or_default()).short_hex()
}

fn build(app: &State, value: String, seconds: i64) -> Cookie<'static> {
    Cookie::build(cookie_name(app), value)
        .path("/")
        .http_only(true)
        .secure(app.config.public_url.is_https())
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(seconds))
        .finish()
}
