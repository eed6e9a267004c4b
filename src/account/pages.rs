//! The settings index, and Settings › Account: the shop's name and time zone, its businesses and locations.

use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::prelude::*;

use super::account::Account;
use super::location::{Business, Location};
use crate::activity::{Detail, Kind, NewActivity, Subject};
use crate::app::App;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{BusinessKey, LocationKey};
use crate::schema::{clients, employees};
use crate::time::{Timestamp, count};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, Section, Tone, Visit, html, see_other};

/// `GET /`
pub async fn home(_: Visit) -> Result<HttpResponse> {
    Ok(see_other("/settings/client-api-access"))
}

#[derive(Template)]
#[template(path = "account/index.html")]
struct Index {
    page: Page,
    clients: String,
    pending: i64,
    people: String,
    locked: i64,
    is_manager: bool,
    is_admin: bool,
}

/// `GET /settings`: the sections, with what needs attention in each.
pub async fn index(visit: Visit, app: web::Data<App>) -> Result<HttpResponse> {
    let (clients, pending, people, locked) = app
        .db
        .read(|conn| {
            let standing = clients::table.filter(clients::revoked_at.is_null());
            let present = employees::table.filter(employees::archived_at.is_null());
            Ok((
                standing.count().get_result::<i64>(conn)?,
                standing.filter(clients::admitted_at.is_null()).count().get_result::<i64>(conn)?,
                present.count().get_result::<i64>(conn)?,
                present.filter(employees::locked_at.is_not_null()).count().get_result::<i64>(conn)?,
            ))
        })
        .await?;
    html(Index {
        clients: count(clients, "client"),
        pending,
        people: count(people, "employee"),
        locked,
        is_manager: visit.viewer.is_manager(),
        is_admin: visit.viewer.is_admin(),
        page: visit.page("Settings", Section::Settings),
    })
}

#[derive(Template)]
#[template(path = "account/account.html")]
struct AccountPage {
    page: Page,
    name: String,
    zone: String,
    zones: Vec<String>,
    businesses: Vec<(Business, Vec<Location>)>,
}

/// The names of all time zones, for a list to choose from.
pub fn time_zones() -> Vec<String> {
    let mut zones: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_string()).collect();
    zones.retain(|name| {
        name == "UTC" || (name.contains('/') && !name.starts_with("Etc/") && !name.starts_with("posix"))
    });
    zones.sort();
    zones
}

/// The time zone a form names. Errors: there is none of that name.
pub fn time_zone(form: &ProtectedForm) -> Result<String> {
    let name = form.line("zone", "The time zone", 60)?;
    match jiff::tz::TimeZone::get(&name) {
        Ok(_) => Ok(name),
        Err(_) => Err(Error::Invalid(format!("There is no time zone “{name}”. Choose one like Europe/Stockholm."))),
    }
}

/// `GET /settings/account`
pub async fn account(visit: Visit, app: web::Data<App>) -> Result<HttpResponse> {
    let (account, businesses) = app.db.read(|conn| Ok((Account::get(conn)?, Business::all(conn)?))).await?;
    html(AccountPage {
        name: account.name,
        zone: account.time_zone,
        zones: time_zones(),
        businesses,
        page: visit.page("Account", Section::Account),
    })
}

/// One change to the account: does it, records it, and goes back to its page.
async fn change(
    visit: Visit,
    app: web::Data<App>,
    (kind, told): (Kind, &str),
    act: impl Fn(&mut DbConnection, Timestamp) -> Result<(Subject, Detail)> + Send + 'static,
) -> Result<HttpResponse> {
    let (actor, peer, now) = (visit.viewer.actor(), visit.peer.clone(), visit.now());
    let outcome = app
        .db
        .write(move |conn| {
            let (subject, detail) = act(conn, now)?;
            NewActivity::new(kind, actor.clone(), subject).from(&peer).with(detail).record(conn, now)
        })
        .await;
    match outcome {
        Ok(()) => visit.redirect(Tone::Good, told, "/settings/account"),
        Err(Error::Invalid(why)) => visit.redirect(Tone::Bad, why, "/settings/account"),
        Err(error) => Err(error),
    }
}

// What is wrong with a form is said on the page it came from.
fn or_back<T>(visit: &Visit, checked: Result<T>) -> std::result::Result<T, Result<HttpResponse>> {
    checked.map_err(|error| match error {
        Error::Invalid(why) => visit.redirect(Tone::Bad, why, "/settings/account"),
        error => Err(error),
    })
}

/// `POST /settings/account`
pub async fn change_account(visit: Visit, app: web::Data<App>, form: ProtectedForm) -> Result<HttpResponse> {
    let checked = form.line("name", "The shop's name", 100).and_then(|name| Ok((name, time_zone(&form)?)));
    let (name, zone) = match or_back(&visit, checked) {
        Ok(checked) => checked,
        Err(answer) => return answer,
    };
    change(visit, app, (Kind::AccountChanged, "The account is saved."), move |conn, _| {
        let before = Account::get(conn)?;
        Account::update(conn, &name, &zone)?;
        let note = format!("from {} ({}) to {name} ({zone})", before.name, before.time_zone);
        Ok((Subject::named("account", 1, &name), Detail::note(note)))
    })
    .await
}

/// `POST /settings/account/businesses`
pub async fn add_business(visit: Visit, app: web::Data<App>, form: ProtectedForm) -> Result<HttpResponse> {
    let checked = form.line("name", "The business's name", 100).and_then(|name| {
        let currency = form.line("currency", "The currency", 3)?.to_uppercase();
        match currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            true => Ok((name, currency)),
            false => Err(Error::Invalid("The currency is written with three letters, like EUR.".into())),
        }
    });
    let (name, currency) = match or_back(&visit, checked) {
        Ok(checked) => checked,
        Err(answer) => return answer,
    };
    change(visit, app, (Kind::BusinessChanged, "The business is added."), move |conn, now| {
        let id = Business::create(conn, &name, &currency, now)?;
        Ok((Subject::named("business", id.0, &name), Detail::note(format!("added, {currency}"))))
    })
    .await
}

/// `POST /settings/account/businesses/{business}/remove`
pub async fn remove_business(
    visit: Visit,
    app: web::Data<App>,
    id: web::Path<BusinessKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    change(visit, app, (Kind::BusinessChanged, "The business is removed."), move |conn, _| {
        let name = Business::delete(conn, *id)?;
        Ok((Subject::named("business", id.0, &name), Detail::note("removed with its locations")))
    })
    .await
}

/// `POST /settings/account/businesses/{business}/locations`
pub async fn add_location(
    visit: Visit,
    app: web::Data<App>,
    id: web::Path<BusinessKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let checked = form.line("name", "The location's name", 100).and_then(|name| {
        let country = form.line("country", "The country", 2)?.to_uppercase();
        match country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            true => Ok((name, country, time_zone(&form)?)),
            false => Err(Error::Invalid("The country is written with two letters, like SE.".into())),
        }
    });
    let (name, country, zone) = match or_back(&visit, checked) {
        Ok(checked) => checked,
        Err(answer) => return answer,
    };
    change(visit, app, (Kind::BusinessChanged, "The location is added."), move |conn, now| {
        let location = Location::create(conn, *id, (&name, &country, &zone), now)?;
        Ok((Subject::named("location", location.0, &name), Detail::note("added")))
    })
    .await
}

/// `POST /settings/account/businesses/{business}/locations/{location}/remove`
pub async fn remove_location(
    visit: Visit,
    app: web::Data<App>,
    ids: web::Path<(BusinessKey, LocationKey)>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (business, id) = ids.into_inner();
    change(visit, app, (Kind::BusinessChanged, "The location is removed."), move |conn, _| {
        let name = Location::delete(conn, business, id)?;
        Ok((Subject::named("location", id.0, &name), Detail::note("removed")))
    })
    .await
}

/// Whether anybody has been set up to manage this installation.
pub fn is_set_up(conn: &mut DbConnection) -> Result<bool> {
    Ok(Employee::admins(conn)? > 0)
}
