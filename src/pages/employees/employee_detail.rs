//! Settings › Employees: the list, one person with everything they granted, and what an admin changes about them.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::account::{Business, Location};
use crate::activity::{Detail, Kind, NewActivity};
use crate::clients::ClientState;
use crate::connections::Connection;
use crate::db::DbConnection;
use crate::db::keyset::Count;
use crate::employees::{Employee, EmployeeFilter, EmployeeState, OneTimeLink};
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, LocationKey};
use crate::pages::connections::connection_summary::ConnectionFacts;
use crate::pages::tokens::token_table::{Panel, access_token_panel, refresh_token_panel};
use crate::scopes::Role;
use crate::time::{DisplayTime, Timestamp, count};
use crate::tokens::listing::Within;
use crate::tokens::revocation::DeletionJob;
use crate::web::badge::Badge;
use crate::web::form::ProtectedForm;
use crate::web::list::{Heading, ListState, Pager, Sort};
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, Tone, html, see_other};
use crate::web::query::Query;
use crate::web::session_store::Session;
use crate::web::state::State;

/// Where the section begins.
pub const HOME: &str = "/settings/employees";

static SORTS: [Sort; 1] = [Sort { word: "name", column: "name_fold", largest_first: false }];

/// A person's page.
pub fn path(id: EmployeeKey) -> String {
    format!("{HOME}/{id}")
}

fn badge(employee: &Employee) -> Badge {
    match employee.state() {
        EmployeeState::Active => Badge::new("good", "check-circle", "Active"),
        EmployeeState::Invited => Badge::new("warn", "mail", "Invited"),
        EmployeeState::Locked => Badge::new("bad", "lock", "Locked"),
        EmployeeState::Archived => Badge::new("", "archive", "Archived"),
    }
}

// ---- The list

#[derive(Template)]
#[template(path = "employees/list.html")]
struct EmployeeList {
    page: Page,
    rows: Vec<EmployeeRow>,
    total: i64,
    name: String,
    role: String,
    state: String,
    headings: Vec<Heading>,
    pager: Pager,
    may_invite: bool,
}

struct EmployeeRow {
    href: String,
    name: String,
    email: String,
    role: &'static str,
    last_signed_in: DisplayTime,
    badge: Badge,
}

/// `GET /settings/employees`; staff land on their own page: it is all they may see here.
pub async fn list(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    if !context.viewer.is_manager() {
        return Ok(see_other(&path(context.viewer.id)));
    }
    let state = ListState::read(&query, "", &SORTS)?;
    let filter = EmployeeFilter {
        name: state.get("name").into(),
        role: Role::from_word(state.get("role")),
        state: EmployeeState::from_word(state.get("state")),
    };
    let wanted = state.clone();
    let (rows, total) = app
        .db
        .read(move |conn| {
            let (edge, backward) = wanted.edge();
            Ok(Employee::list(conn, &filter, edge, backward)?)
        })
        .await?;
    let slice = state.slice(rows);
    let count = Count { n: total, capped: false };
    let pager = state.pager(&slice, count, |employee| (employee.name.to_lowercase(), employee.id.0));
    let row = |employee: Employee| EmployeeRow {
        href: path(employee.id),
        role: employee.role.name(),
        last_signed_in: match employee.last_signed_in_at {
            Timestamp::NEVER_YET => DisplayTime { text: "never".into(), ..DisplayTime::default() },
            at => context.words.ago(at),
        },
        badge: badge(&employee),
        name: employee.name,
        email: employee.email,
    };
    html(EmployeeList {
        rows: slice.rows.into_iter().map(row).collect(),
        total,
        name: state.get("name").into(),
        role: state.get("role").into(),
        state: state.get("state").into(),
        headings: ["Name", "Role", "Last signed in", "Status"].map(|label| state.heading(label, "")).to_vec(),
        pager,
        may_invite: context.viewer.is_admin(),
        page: context.page("Employees", Section::Employees),
    })
}

// ---- One person

#[derive(Template)]
#[template(path = "employees/detail.html")]
struct EmployeeDetail {
    page: Page,
    path: String,
    name: String,
    email: String,
    role: Role,
    badge: Badge,
    created: DisplayTime,
    last_signed_in: DisplayTime,
    is_locked: bool,
    is_archived: bool,
    is_invited: bool,
    is_viewer: bool,
    may_manage: bool,
    may_end: bool,
    link_until: Option<DisplayTime>,
    ending: Option<(i64, i64)>,
    nonce: String,
    businesses: Vec<BusinessChoice>,
    reach: String,
    refresh_tokens: Panel,
    access_tokens: Panel,
    connections: Vec<ConnectionFacts>,
}

/// A business with its locations to tick.
pub struct BusinessChoice {
    /// Its name.
    pub name: String,
    /// Id, name, and whether it is ticked.
    pub locations: Vec<(LocationKey, String, bool)>,
}

/// `GET /settings/employees/{employee}`
pub async fn detail(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    query: Query,
) -> Result<HttpResponse> {
    let id = *id;
    if !context.viewer.may_act_for(id) {
        return Err(Error::Forbidden("You can see your own page. Store managers and admins see everybody's.".into()));
    }
    let refresh_tokens = refresh_token_panel(&query, "rt-")?;
    let access_tokens = access_token_panel(&query, "at-")?;
    if let Some(shortened) = refresh_tokens.shortened(&query).or_else(|| access_tokens.shortened(&query)) {
        return Ok(see_other(&format!("{}{shortened}", path(id))));
    }
    let (words, viewer) = (context.words.clone(), context.viewer.clone());
    let (employee, businesses, theirs, needing_attention, purge, refresh_tokens, access_tokens, connections) = app
        .db
        .read(move |conn| {
            let employee = Employee::find(conn, id)?;
            let businesses = Business::all(conn)?;
            let theirs = Location::of_employee(conn, id)?;
            let needing_attention = OneTimeLink::is_waiting(conn, id, words.now())?;
            let purge = DeletionJob::of(conn, "employee", id.0)?;
            let within = Within::Employee(id);
            let refresh_tokens = refresh_tokens.load(conn, within, ClientState::Active, (&viewer, &words))?;
            let access_tokens = access_tokens.load(conn, within, ClientState::Active, (&viewer, &words))?;
            let connections = Connection::authorized_by(conn, id)?;
            let facts = |(connection, api_type)| ConnectionFacts::of(&connection, api_type, &words);
            let connections: Vec<ConnectionFacts> = connections.into_iter().map(facts).collect();
            Ok((employee, businesses, theirs, needing_attention, purge, refresh_tokens, access_tokens, connections))
        })
        .await?;
    let choices: Vec<BusinessChoice> = businesses
        .into_iter()
        .map(|(business, locations)| BusinessChoice {
            name: business.name,
            locations: locations.into_iter().map(|at| (at.id, at.name, theirs.contains(&at.id))).collect(),
        })
        .collect();
    let reached = choices.iter().flat_map(|choice| &choice.locations).filter(|(_, _, ticked)| *ticked);
    let reached: Vec<String> = reached.map(|(_, name, _)| name.clone()).collect();
    let mut page = context.page(&employee.name, Section::Employees).breadcrumb(HOME, "Employees");
    page.refresh = purge.as_ref().map(|_| 2);
    html(EmployeeDetail {
        path: path(id),
        ending: purge.as_ref().map(DeletionJob::progress),
        badge: badge(&employee),
        created: context.words.date(employee.created_at),
        last_signed_in: match employee.last_signed_in_at {
            Timestamp::NEVER_YET => DisplayTime { text: "never".into(), ..DisplayTime::default() },
            at => context.words.ago(at),
        },
        is_locked: employee.locked_at.is_some(),
        is_archived: employee.archived_at.is_some(),
        is_invited: employee.password_hash().is_none(),
        is_viewer: context.viewer.id == id,
        may_manage: context.viewer.is_admin(),
        may_end: context.viewer.may_act_for(id),
        link_until: needing_attention.map(|until| context.words.until(until)),
        nonce: nonce::fresh(),
        businesses: choices,
        reach: if reached.is_empty() { "none".into() } else { reached.join(", ") },
        refresh_tokens,
        access_tokens,
        connections,
        page,
        name: employee.name,
        email: employee.email,
        role: employee.role,
    })
}

/// One change to an employee by an admin: does it, records it, and goes back to their page.
async fn change(
    (context, app, id): (RequestContext, web::Data<State>, EmployeeKey),
    kind: Kind,
    act: impl Fn(&mut DbConnection, &Employee, Timestamp) -> Result<Detail> + Send + 'static,
    told: impl Fn(&Employee) -> String,
) -> Result<HttpResponse> {
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let employee = app
        .db
        .write(move |conn| {
            let employee = Employee::find(conn, id)?;
            let detail = act(conn, &employee, now)?;
            Employee::require_an_admin(conn)?;
            NewActivity::new(kind, actor.clone(), employee.subject())
                .from(&client_ip)
                .with(detail)
                .record(conn, now)?;
            Ok(employee)
        })
        .await;
    match employee {
        Ok(employee) => context.redirect(Tone::Good, told(&employee), &path(id)),
        Err(Error::Conflict(why) | Error::Invalid(why)) => context.redirect(Tone::Bad, why, &path(id)),
        Err(error) => Err(error),
    }
}

/// `POST /settings/employees/{employee}/role`
pub async fn change_role(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let role = Role::from_word(form.get("role")).ok_or_else(|| Error::Invalid("Choose one of the roles.".into()))?;
    let act = move |conn: &mut DbConnection, employee: &Employee, _| {
        Employee::set_role(conn, employee.id, role)?;
        Ok(Detail::note(format!("from {} to {}", employee.role.name(), role.name())))
    };
    let told = move |employee: &Employee| {
        format!("{} is now: {}. It counts from their next request.", employee.name, role.name())
    };
    change((context, app, *id), Kind::RoleChanged, act, told).await
}

/// `POST /settings/employees/{employee}/locations`
pub async fn change_locations(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let chosen: Vec<LocationKey> = form.all("location").filter_map(|id| id.parse().ok()).map(LocationKey).collect();
    let act = move |conn: &mut DbConnection, employee: &Employee, _| {
        // Ids that no location has are left out: it may have been removed meanwhile.
        let known: Vec<(LocationKey, String)> =
            Business::all(conn)?.into_iter().flat_map(|(_, all)| all).map(|at| (at.id, at.name)).collect();
        let chosen: Vec<&(LocationKey, String)> = known.iter().filter(|(id, _)| chosen.contains(id)).collect();
        let ids: Vec<LocationKey> = chosen.iter().map(|(id, _)| *id).collect();
        Location::set_for_employee(conn, employee.id, &ids)?;
        let names: Vec<String> = chosen.iter().map(|(_, name)| name.clone()).collect();
        Ok(Detail::note(if names.is_empty() { "none".into() } else { names.join(", ") }))
    };
    let told = |employee: &Employee| format!("The locations of {} are saved.", employee.name);
    change((context, app, *id), Kind::LocationsChanged, act, told).await
}

/// `POST /settings/employees/{employee}/lock`: their sign-ins end, and everything they granted stops until it is lifted.
pub async fn lock(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let act = |conn: &mut DbConnection, employee: &Employee, now| {
        Employee::set_locked(conn, employee.id, Some(employee.locked_at.unwrap_or(now)))?;
        let ended = Session::end_all(conn, employee.id, None)?;
        Ok(Detail::note(format!("{} ended", count(ended as i64, "sign-in"))))
    };
    let told = |employee: &Employee| format!("{} is locked. Everything they granted has stopped.", employee.name);
    change((context, app, *id), Kind::EmployeeLocked, act, told).await
}

/// `POST /settings/employees/{employee}/unlock`
pub async fn unlock(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let act = |conn: &mut DbConnection, employee: &Employee, _| {
        Employee::set_locked(conn, employee.id, None)?;
        Ok(Detail::default())
    };
    let told = |employee: &Employee| format!("The lock of {} is lifted. What they granted works again.", employee.name);
    change((context, app, *id), Kind::EmployeeUnlocked, act, told).await
}

/// `POST /settings/employees/{employee}/archive`
pub async fn archive(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let act = |conn: &mut DbConnection, employee: &Employee, now| {
        Employee::set_archived(conn, employee.id, Some(employee.archived_at.unwrap_or(now)))?;
        Session::end_all(conn, employee.id, None)?;
        Ok(Detail::default())
    };
    let told = |employee: &Employee| format!("{} is archived. Everything they granted has stopped.", employee.name);
    change((context, app, *id), Kind::EmployeeArchived, act, told).await
}

/// `POST /settings/employees/{employee}/restore`
pub async fn restore(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let act = |conn: &mut DbConnection, employee: &Employee, _| {
        Employee::set_archived(conn, employee.id, None)?;
        Ok(Detail::default())
    };
    let told = |employee: &Employee| format!("{} is back.", employee.name);
    change((context, app, *id), Kind::EmployeeRestored, act, told).await
}
