//! The viewer's second factors.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::employees::Employee;
use crate::employees::second_factor::passkey::Passkey;
use crate::employees::second_factor::{SecondFactors, is_required};
use crate::error::Result;
use crate::id::PasskeyKey;
use crate::time::{DisplayTime, TimeFormat, Timestamp, count};
use crate::web::page::{Page, RequestContext, Section, html};
use crate::web::state::State;

/// The path of the page.
pub const HOME: &str = "/settings/profile/second-factor";

#[derive(Template)]
#[template(path = "profile/second_factor.html")]
struct SecondFactorPage {
    page: Page,
    is_required: bool,
    // When the authenticator app was set up and last used.
    app: Option<(DisplayTime, DisplayTime)>,
    passkeys: Vec<PasskeyRow>,
    may_have_passkeys: bool,
    is_set_up: bool,
    codes_left: i64,
}

struct PasskeyRow {
    id: PasskeyKey,
    name: String,
    added: DisplayTime,
    used: DisplayTime,
}

/// The second factors of somebody in a sentence.
pub fn summary(factors: &SecondFactors) -> String {
    let codes = count(factors.recovery_codes, "recovery code");
    match (factors.app, factors.passkeys.len()) {
        (None, 0) => "None. Your password alone is enough to sign in.".into(),
        (Some(_), 0) => format!("Authenticator app, and {codes} left."),
        (None, n) => format!("{}, and {codes} left.", count(n as i64, "passkey")),
        (Some(_), n) => format!("Authenticator app, {}, and {codes} left.", count(n as i64, "passkey")),
    }
}

/// A page below this one.
pub fn frame(context: &RequestContext, title: &str) -> Page {
    let page = context.page(title, Section::Profile);
    page.breadcrumb("/settings/profile", "Your profile").breadcrumb(HOME, "Second factor")
}

/// When a factor was last used.
pub fn last_used(times: &TimeFormat, at: Timestamp) -> DisplayTime {
    match at {
        Timestamp::NEVER_YET => DisplayTime { text: "never".into(), ..DisplayTime::default() },
        at => times.ago(at),
    }
}

/// `GET /settings/profile/second-factor`
pub async fn page(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let id = context.viewer.id;
    let read = app.db.read(move |conn| {
        let employee = Employee::find(conn, id)?;
        Ok((SecondFactors::of(conn, id)?, is_required(conn, employee.role)?))
    });
    let (factors, is_required) = read.await?;
    let times = &context.times;
    let row = |passkey: Passkey| PasskeyRow {
        id: passkey.id,
        name: passkey.name,
        added: times.ago(passkey.created_at),
        used: last_used(times, passkey.last_used_at),
    };
    html(SecondFactorPage {
        page: context.page("Second factor", Section::Profile).breadcrumb("/settings/profile", "Your profile"),
        is_required,
        is_set_up: factors.is_set_up(),
        may_have_passkeys: app.passkeys().is_some(),
        passkeys: factors.passkeys.into_iter().map(row).collect(),
        app: factors.app.map(|(added, used)| (times.ago(added), last_used(times, used))),
        codes_left: factors.recovery_codes,
    })
}
