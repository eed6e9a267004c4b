//! The viewer's second factors.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::employees::Employee;
use crate::employees::second_factor::{SecondFactors, is_required};
use crate::error::Result;
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
    is_set_up: bool,
    codes_left: i64,
}

/// The second factors of somebody in a sentence.
pub fn summary(factors: &SecondFactors) -> String {
    match factors.app {
        Some(_) => format!("Authenticator app, and {} left.", count(factors.recovery_codes, "recovery code")),
        None => "None. Your password alone is enough to sign in.".into(),
    }
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
    html(SecondFactorPage {
        page: context.page("Second factor", Section::Profile).breadcrumb("/settings/profile", "Your profile"),
        is_required,
        is_set_up: factors.is_set_up(),
        app: factors.app.map(|(added, used)| (times.ago(added), last_used(times, used))),
        codes_left: factors.recovery_codes,
    })
}
