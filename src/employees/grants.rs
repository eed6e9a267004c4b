//! Ending everything a person granted, with one button.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::employee::Employee;
use super::pages::{HOME, path};
use crate::app::App;
use crate::clients::pages::{newcomers, seen};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::time::Moment;
use crate::tokens::revoke::{self, Falls, Target};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, Section, Tone, Visit, html};

#[derive(Template)]
#[template(path = "employees/end_grants.html")]
struct EndGrants {
    page: Page,
    name: String,
    back: String,
    falls: Falls,
    last_used: Moment,
}

fn own_only() -> String {
    "You can end what you granted yourself. Ask a store manager or an admin for somebody else's.".into()
}

/// `GET /settings/employees/{employee}/end-grants`
pub async fn end_grants_form(visit: Visit, app: web::Data<App>, id: web::Path<EmployeeKey>) -> Result<HttpResponse> {
    let id = *id;
    if !visit.viewer.may_act_for(id) {
        return Err(Error::Forbidden(own_only()));
    }
    let (employee, falls) = app
        .db
        .read(move |conn| {
            let employee = Employee::find(conn, id)?;
            let falls = Falls::of(conn, &Target::Grants(employee.clone()))?;
            Ok((employee, falls))
        })
        .await?;
    html(EndGrants {
        page: visit
            .page("End everything granted", Section::Employees)
            .below(HOME, "Employees")
            .below(path(id), &employee.name),
        name: employee.name,
        back: path(id),
        last_used: visit.words.ago(falls.last_used_at),
        falls,
    })
}

/// `POST /settings/employees/{employee}/end-grants`
pub async fn end_grants(
    visit: Visit,
    app: web::Data<App>,
    id: web::Path<EmployeeKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, seen) = (*id, seen(&form));
    if !visit.viewer.may_act_for(id) {
        return Err(Error::Forbidden(own_only()));
    }
    let (actor, peer, now) = (visit.viewer.actor(), visit.peer.clone(), visit.now());
    let (employee, revoked) = app
        .db
        .write(move |conn| {
            let employee = Employee::find(conn, id)?;
            let revoked = revoke::revoke(conn, &Target::Grants(employee.clone()), seen, (&actor, &peer), now)?;
            Ok((employee, revoked))
        })
        .await?;
    let counts = revoked.detail.counts();
    let mut text = match (revoked.is_purging, counts.is_empty()) {
        (true, _) => format!("Everything {} granted has ended. The records are being deleted.", employee.name),
        (false, true) => format!("{} had granted nothing that was still there.", employee.name),
        (false, false) => format!("Everything {} granted has ended: {counts} deleted.", employee.name),
    };
    text.push_str(&newcomers(&revoked));
    visit.redirect(Tone::Good, text, &path(id))
}
