//! The settings index, and Settings › Account: the shop's name and time zone, its businesses and locations.

use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::prelude::*;

use crate::account::{Account, Business, Location};
use crate::activity::{Detail, Kind, NewActivity, Subject};
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{BusinessKey, LocationKey};
use crate::pages::account::notice_settings::NoticePanel;
use crate::schema::{clients, connections, employees};
use crate::time::{Timestamp, count};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html, see_other};
use crate::web::state::State;

/// `GET /`
pub async fn home(_: RequestContext) -> Result<HttpResponse> {
    Ok(see_other("/settings/client-api-access"))
}

#[derive(Template)]
#[template(path = "account/index.html")]
struct Index {
    page: Page,
    clients: String,
    connections: String,
    pending: i64,
    people: String,
    locked: i64,
    is_manager: bool,
    is_admin: bool,
}

/// `GET /settings`: the sections, with what needs attention in each.
pub async fn index(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let (clients, pending, connections, people, locked) = app
        .db
        .read(|conn| {
            let find_unrevoked = clients::table.filter(clients::revoked_at.is_null());
            let present = employees::table.filter(employees::archived_at.is_null());
            Ok((
                find_unrevoked.count().get_result::<i64>(conn)?,
                find_unrevoked.filter(clients::approved_at.is_null()).count().get_result::<i64>(conn)?,
                connections::table.count().get_result::<i64>(conn)?,
                present.count().get_result::<i64>(conn)?,
                present.filter(employees::locked_at.is_not_null()).count().get_result::<i64>(conn)?,
            ))
        })
        .await?;
    html(Index {
        clients: count(clients, "client"),
        pending,
        connections: count(connections, "connection"),
        people: count(people, "employee"),
        locked,
        is_manager: context.viewer.is_manager(),
        is_admin: context.viewer.is_admin(),
        page: context.page("Settings", Section::Settings),
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
    notices: NoticePanel,
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
pub async fn account(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let read = app.db.read(|conn| Ok((Account::get(conn)?, Business::all(conn)?, NoticePanel::facts(conn)?)));
    let (account, businesses, facts) = read.await?;
    html(AccountPage {
        notices: NoticePanel::new(&app.config.notices, &facts, &context.words),
        name: account.name,
        zone: account.time_zone,
        zones: time_zones(),
        businesses,
        page: context.page("Account", Section::Account),
    })
}

/// One change to the account by what a form said: does it, records it, and goes back to its page; so does what is wrong
/// with the form.
async fn change<T: Send + 'static>(
    context: RequestContext,
    app: web::Data<State>,
    (kind, told): (Kind, &str),
    input: Result<T>,
    act: impl Fn(&mut DbConnection, &T, Timestamp) -> Result<(Subject, Detail)> + Send + 'static,
) -> Result<HttpResponse> {
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let outcome = match input {
        Err(error) => Err(error),
        Ok(input) => {
            let write = app.db.write(move |conn| {
                let (subject, detail) = act(conn, &input, now)?;
                NewActivity::new(kind, actor.clone(), subject).from(&client_ip).with(detail).record(conn, now)
            });
            write.await
        }
    };
    match outcome {
        Ok(()) => context.redirect(Tone::Good, told, "/settings/account"),
        Err(Error::Invalid(why)) => context.redirect(Tone::Bad, why, "/settings/account"),
        Err(error) => Err(error),
    }
}

/// `POST /settings/account`
pub async fn change_account(
    context: RequestContext,
    app: web::Data<State>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let input = form.line("name", "The shop's name", 100).and_then(|name| Ok((name, time_zone(&form)?)));
    change(context, app, (Kind::AccountChanged, "The account is saved."), input, |conn, (name, zone), _| {
        let before = Account::get(conn)?;
        Account::update(conn, name, zone)?;
        let note = format!("from {} ({}) to {name} ({zone})", before.name, before.time_zone);
        Ok((Subject::named("account", 1, name), Detail::note(note)))
    })
    .await
}

// A code of so many letters, like EUR or SE.
fn code(form: &ProtectedForm, name: &str, label: &str, letters: usize, example: &str) -> Result<String> {
    let code = form.line(name, label, letters)?.to_uppercase();
    match code.len() == letters && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        true => Ok(code),
        false => Err(Error::Invalid(format!("{label} is written with {letters} letters, like {example}."))),
    }
}

/// `POST /settings/account/businesses`
pub async fn add_business(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let input = form.line("name", "The business's name", 100);
    let input = input.and_then(|name| Ok((name, code(&form, "currency", "The currency", 3, "EUR")?)));
    change(context, app, (Kind::BusinessChanged, "The business is added."), input, |conn, (name, currency), now| {
        let id = Business::create(conn, name, currency, now)?;
        Ok((Subject::named("business", id.0, name), Detail::note(format!("added, {currency}"))))
    })
    .await
}

/// `POST /settings/account/businesses/{business}/remove`
pub async fn remove_business(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<BusinessKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    change(context, app, (Kind::BusinessChanged, "The business is removed."), Ok(*id), |conn, id, _| {
        let name = Business::delete(conn, *id)?;
        Ok((Subject::named("business", id.0, &name), Detail::note("removed")))
    })
    .await
}

/// `POST /settings/account/businesses/{business}/locations`
pub async fn add_location(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<BusinessKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let input = form.line("name", "The location's name", 100);
    let input = input.and_then(|name| {
        let country = code(&form, "country", "The country", 2, "SE")?;
        Ok((*id, name, country, time_zone(&form)?))
    });
    let told = (Kind::BusinessChanged, "The location is added.");
    change(context, app, told, input, |conn, (business, name, country, zone), now| {
        let id = Location::create(conn, *business, (name, country, zone), now)?;
        Ok((Subject::named("location", id.0, name), Detail::note("added")))
    })
    .await
}

/// `POST /settings/account/businesses/{business}/locations/{location}/remove`
pub async fn remove_location(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(BusinessKey, LocationKey)>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let told = (Kind::BusinessChanged, "The location is removed.");
    change(context, app, told, Ok(ids.into_inner()), |conn, (business, id), _| {
        let name = Location::delete(conn, *business, *id)?;
        Ok((Subject::named("location", id.0, &name), Detail::note("removed")))
    })
    .await
}

/// Whether anybody has been set up to manage this installation.
pub fn is_set_up(conn: &mut DbConnection) -> Result<bool> {
    Ok(Employee::admins(conn)? > 0)
}
