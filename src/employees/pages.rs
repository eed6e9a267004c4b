//! Settings › Employees: the list, one person with everything they granted, inviting; and one's own profile.

use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::prelude::*;

use super::employee::{Employee, EmployeeFilter, EmployeeState, NewEmployee, Role};
use super::one_time_link::{OneTimeLink, Purpose, address};
use super::password;
use super::sign_in::email_address;
use crate::account::{Business, Location};
use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::app::App;
use crate::clients::ClientState;
use crate::clients::pages::{newcomers, seen};
use crate::db::DbConnection;
use crate::db::keyset::Count;
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, LocationKey, SessionKey};
use crate::schema::form_nonces;
use crate::secret::{RandomSecret, random_name};
use crate::time::{Moment, Timestamp, count};
use crate::tokens::Badge;
use crate::tokens::list::Within;
use crate::tokens::panel::{Panel, access_token_panel, refresh_token_panel};
use crate::tokens::revoke::{self, Falls, Purge, Target};
use crate::web::form::ProtectedForm;
use crate::web::list::{Heading, ListState, Pager, Sort};
use crate::web::page::{Page, Section, Tone, Visit, html, see_other};
use crate::web::query::Query;
use crate::web::session::Session;

/// Where the section begins.
pub const HOME: &str = "/settings/employees";

static SORTS: [Sort; 1] = [Sort { word: "name", column: "name_fold", largest_first: false }];

fn path(id: EmployeeKey) -> String {
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
    last_signed_in: Moment,
    badge: Badge,
}

/// `GET /settings/employees`; staff land on their own page: it is all they may see here.
pub async fn list(visit: Visit, app: web::Data<App>, query: Query) -> Result<HttpResponse> {
    if !visit.viewer.is_manager() {
        return Ok(see_other(&path(visit.viewer.id)));
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
            Timestamp::NEVER_YET => Moment { text: "never".into(), ..Moment::default() },
            at => visit.words.ago(at),
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
        may_invite: visit.viewer.is_admin(),
        page: visit.page("Employees", Section::Employees),
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
    created: Moment,
    last_signed_in: Moment,
    is_locked: bool,
    is_archived: bool,
    is_invited: bool,
    is_viewer: bool,
    may_manage: bool,
    may_end: bool,
    link_until: Option<Moment>,
    ending: Option<(i64, i64)>,
    nonce: String,
    businesses: Vec<BusinessChoice>,
    reach: String,
    refresh_tokens: Panel,
    access_tokens: Panel,
}

struct BusinessChoice {
    name: String,
    locations: Vec<(LocationKey, String, bool)>,
}

/// `GET /settings/employees/{employee}`
pub async fn detail(
    visit: Visit,
    app: web::Data<App>,
    id: web::Path<EmployeeKey>,
    query: Query,
) -> Result<HttpResponse> {
    let id = *id;
    if !visit.viewer.may_act_for(id) {
        return Err(Error::Forbidden("You can see your own page. Store managers and admins see everybody's.".into()));
    }
    let refresh_tokens = refresh_token_panel(&query, "rt-")?;
    let access_tokens = access_token_panel(&query, "at-")?;
    if let Some(cut) = refresh_tokens.cut(&query).or_else(|| access_tokens.cut(&query)) {
        return Ok(see_other(&format!("{}{cut}", path(id))));
    }
    let (words, viewer) = (visit.words.clone(), visit.viewer.clone());
    let (employee, businesses, theirs, waiting, purge, refresh_tokens, access_tokens) = app
        .db
        .read(move |conn| {
            let employee = Employee::find(conn, id)?;
            let businesses = Business::all(conn)?;
            let theirs = Location::of_employee(conn, id)?;
            let waiting = OneTimeLink::is_waiting(conn, id, words.now())?;
            let purge = Purge::of(conn, "employee", id.0)?;
            let within = Within::Employee(id);
            let refresh_tokens = refresh_tokens.load(conn, within, ClientState::Active, (&viewer, &words))?;
            let access_tokens = access_tokens.load(conn, within, ClientState::Active, (&viewer, &words))?;
            Ok((employee, businesses, theirs, waiting, purge, refresh_tokens, access_tokens))
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
    let mut page = visit.page(&employee.name, Section::Employees).below(HOME, "Employees");
    page.refresh = purge.as_ref().map(|_| 2);
    html(EmployeeDetail {
        path: path(id),
        ending: purge.as_ref().map(Purge::progress),
        badge: badge(&employee),
        created: visit.words.date(employee.created_at),
        last_signed_in: match employee.last_signed_in_at {
            Timestamp::NEVER_YET => Moment { text: "never".into(), ..Moment::default() },
            at => visit.words.ago(at),
        },
        is_locked: employee.locked_at.is_some(),
        is_archived: employee.archived_at.is_some(),
        is_invited: employee.password_hash().is_none(),
        is_viewer: visit.viewer.id == id,
        may_manage: visit.viewer.is_admin(),
        may_end: visit.viewer.may_act_for(id),
        link_until: waiting.map(|until| visit.words.until(until)),
        nonce: random_name(22),
        businesses: choices,
        reach: if reached.is_empty() { "none".into() } else { reached.join(", ") },
        refresh_tokens,
        access_tokens,
        page,
        name: employee.name,
        email: employee.email,
        role: employee.role,
    })
}

/// One change to an employee by an admin: does it, records it, and goes back to their page.
async fn change(
    (visit, app, id): (Visit, web::Data<App>, EmployeeKey),
    kind: Kind,
    act: impl Fn(&mut DbConnection, &Employee, Timestamp) -> Result<Detail> + Send + 'static,
    told: impl Fn(&Employee) -> String,
) -> Result<HttpResponse> {
    let (actor, peer, now) = (visit.viewer.actor(), visit.peer.clone(), visit.now());
    let employee = app
        .db
        .write(move |conn| {
            let employee = Employee::find(conn, id)?;
            let detail = act(conn, &employee, now)?;
            Employee::require_an_admin(conn)?;
            NewActivity::new(kind, actor.clone(), Subject::employee(&employee))
                .from(&peer)
                .with(detail)
                .record(conn, now)?;
            Ok(employee)
        })
        .await;
    match employee {
        Ok(employee) => visit.redirect(Tone::Good, told(&employee), &path(id)),
        Err(Error::Conflict(why) | Error::Invalid(why)) => visit.redirect(Tone::Bad, why, &path(id)),
        Err(error) => Err(error),
    }
}

/// `POST /settings/employees/{employee}/role`
pub async fn change_role(
    visit: Visit,
    app: web::Data<App>,
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
    change((visit, app, *id), Kind::RoleChanged, act, told).await
}

/// `POST /settings/employees/{employee}/locations`
pub async fn change_locations(
    visit: Visit,
    app: web::Data<App>,
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
    change((visit, app, *id), Kind::LocationsChanged, act, told).await
}

/// `POST /settings/employees/{employee}/lock`: their sign-ins end, and everything they granted stops until it is lifted.
pub async fn lock(
    visit: Visit,
    app: web::Data<App>,
    id: web::Path<EmployeeKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let act = |conn: &mut DbConnection, employee: &Employee, now| {
        Employee::set_locked(conn, employee.id, Some(employee.locked_at.unwrap_or(now)))?;
        let ended = Session::end_all(conn, employee.id, None)?;
        Ok(Detail::note(format!("{} ended", count(ended as i64, "sign-in"))))
    };
    let told = |employee: &Employee| format!("{} is locked. Everything they granted has stopped.", employee.name);
    change((visit, app, *id), Kind::EmployeeLocked, act, told).await
}

/// `POST /settings/employees/{employee}/unlock`
pub async fn unlock(
    visit: Visit,
    app: web::Data<App>,
    id: web::Path<EmployeeKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let act = |conn: &mut DbConnection, employee: &Employee, _| {
        Employee::set_locked(conn, employee.id, None)?;
        Ok(Detail::default())
    };
    let told = |employee: &Employee| format!("The lock of {} is lifted. What they granted works again.", employee.name);
    change((visit, app, *id), Kind::EmployeeUnlocked, act, told).await
}

/// `POST /settings/employees/{employee}/archive`
pub async fn archive(
    visit: Visit,
    app: web::Data<App>,
    id: web::Path<EmployeeKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let act = |conn: &mut DbConnection, employee: &Employee, now| {
        Employee::set_archived(conn, employee.id, Some(employee.archived_at.unwrap_or(now)))?;
        Session::end_all(conn, employee.id, None)?;
        Ok(Detail::default())
    };
    let told = |employee: &Employee| format!("{} is archived. Everything they granted has stopped.", employee.name);
    change((visit, app, *id), Kind::EmployeeArchived, act, told).await
}

/// `POST /settings/employees/{employee}/restore`
pub async fn restore(
    visit: Visit,
    app: web::Data<App>,
    id: web::Path<EmployeeKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let act = |conn: &mut DbConnection, employee: &Employee, _| {
        Employee::set_archived(conn, employee.id, None)?;
        Ok(Detail::default())
    };
    let told = |employee: &Employee| format!("{} is back.", employee.name);
    change((visit, app, *id), Kind::EmployeeRestored, act, told).await
}

// ---- One-time links, shown once

#[derive(Template)]
#[template(path = "employees/link.html")]
struct LinkShown {
    page: Page,
    name: String,
    back: String,
    link: String,
    is_invitation: bool,
    until: Moment,
}

// Marks a form's nonce as used; of two submissions of one form, the second makes nothing.
fn use_nonce(conn: &mut DbConnection, nonce: &str, now: Timestamp) -> Result<()> {
    if !(10..=60).contains(&nonce.len()) || !nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Error::ForgedForm);
    }
    let row = (form_nonces::nonce.eq(nonce), form_nonces::used_at.eq(now));
    let used = crate::on_each!(conn, |inner| {
        diesel::insert_into(form_nonces::table).values(row).on_conflict_do_nothing().execute(inner)
    })?;
    match used {
        1 => Ok(()),
        _ => Err(Error::Conflict(
            "The link of this form was shown already, and is shown only once. If it was lost, make a new one on the \
             person's page."
                .into(),
        )),
    }
}

#[derive(Template)]
#[template(path = "employees/invite.html")]
struct Invite {
    page: Page,
    nonce: String,
    name: String,
    email: String,
    role: Role,
    businesses: Vec<BusinessChoice>,
}

/// `GET /settings/employees/invite`
pub async fn invite_form(visit: Visit, app: web::Data<App>) -> Result<HttpResponse> {
    show_invite(visit, app, None, (String::new(), String::new(), Role::Staff)).await
}

async fn show_invite(
    visit: Visit,
    app: web::Data<App>,
    problem: Option<String>,
    (name, email, role): (String, String, Role),
) -> Result<HttpResponse> {
    let businesses = app.db.read(|conn| Ok(Business::all(conn)?)).await?;
    let choice = |(business, locations): (Business, Vec<Location>)| BusinessChoice {
        name: business.name,
        locations: locations.into_iter().map(|at| (at.id, at.name, false)).collect(),
    };
    let mut page = visit.page("Invite an employee", Section::Employees).below(HOME, "Employees");
    let failed = problem.is_some();
    if let Some(problem) = problem {
        page = page.telling(Tone::Bad, problem);
    }
    let businesses = businesses.into_iter().map(choice).collect();
    let mut response = html(Invite { page, nonce: random_name(22), name, email, role, businesses })?;
    if failed {
        *response.status_mut() = actix_web::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// `POST /settings/employees/invite`: answers with the link itself, the one time it is shown.
pub async fn invite(visit: Visit, app: web::Data<App>, form: ProtectedForm) -> Result<HttpResponse> {
    let role = Role::from_word(form.get("role")).unwrap_or(Role::Staff);
    let kept = (form.get("name").to_string(), form.get("email").to_string(), role);
    let checked = form.line("name", "The name", 100).and_then(|name| Ok((name, email_address(&form)?)));
    let (name, email) = match checked {
        Ok(checked) => checked,
        Err(Error::Invalid(problem)) => return show_invite(visit, app, Some(problem), kept).await,
        Err(error) => return Err(error),
    };
    let locations: Vec<LocationKey> = form.all("location").filter_map(|id| id.parse().ok()).map(LocationKey).collect();
    let (secret, nonce) = (RandomSecret::generate(), form.get("nonce").to_string());
    let (hash, actor, peer, now) = (secret.hash(), visit.viewer.actor(), visit.peer.clone(), visit.now());
    let made = app
        .db
        .write(move |conn| {
            use_nonce(conn, &nonce, now)?;
            let new = NewEmployee { name: &name, email: &email, role, password_hash: None };
            let id = Employee::create(conn, &new, now)?;
            Location::set_for_employee(conn, id, &locations)?;
            OneTimeLink::issue(conn, Purpose::Invite, Some(id), &hash, now)?;
            let employee = Employee::find(conn, id)?;
            NewActivity::new(Kind::EmployeeInvited, actor.clone(), Subject::employee(&employee))
                .from(&peer)
                .with(Detail::note(format!("as {}", role.name())))
                .record(conn, now)?;
            Ok(employee)
        })
        .await;
    match made {
        Ok(employee) => show_link(&visit, &app, &employee, Purpose::Invite, &secret),
        Err(Error::Invalid(problem)) => show_invite(visit, app, Some(problem), kept).await,
        Err(error) => Err(error),
    }
}

/// `POST /settings/employees/{employee}/link`: a new invitation, or a link to choose a new password.
pub async fn make_link(
    visit: Visit,
    app: web::Data<App>,
    id: web::Path<EmployeeKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, secret, nonce) = (*id, RandomSecret::generate(), form.get("nonce").to_string());
    let (hash, actor, peer, now) = (secret.hash(), visit.viewer.actor(), visit.peer.clone(), visit.now());
    let (employee, purpose) = app
        .db
        .write(move |conn| {
            use_nonce(conn, &nonce, now)?;
            let employee = Employee::find(conn, id)?;
            let purpose = if employee.password_hash().is_none() { Purpose::Invite } else { Purpose::Reset };
            OneTimeLink::issue(conn, purpose, Some(id), &hash, now)?;
            // A reset ends the person's sign-ins at once: whoever knows the old password is out.
            let ended = if purpose == Purpose::Reset { Session::end_all(conn, id, None)? } else { 0 };
            let kind = if purpose == Purpose::Reset { Kind::ResetLinkMade } else { Kind::EmployeeInvited };
            let note = if ended > 0 { format!("{} ended", count(ended as i64, "sign-in")) } else { String::new() };
            NewActivity::new(kind, actor.clone(), Subject::employee(&employee))
                .from(&peer)
                .with(Detail::note(note))
                .record(conn, now)?;
            Ok((employee, purpose))
        })
        .await?;
    show_link(&visit, &app, &employee, purpose, &secret)
}

fn show_link(
    visit: &Visit,
    app: &App,
    employee: &Employee,
    purpose: Purpose,
    secret: &RandomSecret,
) -> Result<HttpResponse> {
    let title = if purpose == Purpose::Invite { "Invitation" } else { "New password" };
    html(LinkShown {
        page: visit.page(title, Section::Employees).below(HOME, "Employees").below(path(employee.id), &employee.name),
        name: employee.name.clone(),
        back: path(employee.id),
        link: address(app.config.public_url.origin(), purpose, secret),
        is_invitation: purpose == Purpose::Invite,
        until: visit.words.until(visit.now().plus(purpose.lifetime())),
    })
}

// ---- Ending everything a person granted

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

// ---- One's own profile

#[derive(Template)]
#[template(path = "employees/profile.html")]
struct Profile {
    page: Page,
    name: String,
    email: String,
    role: &'static str,
    granted: String,
    shortest: usize,
    sessions: Vec<SessionRow>,
}

struct SessionRow {
    id: SessionKey,
    browser: String,
    peer: String,
    since: Moment,
    last_seen: Moment,
    is_this: bool,
}

/// `GET /settings/profile`
pub async fn profile(visit: Visit, app: web::Data<App>) -> Result<HttpResponse> {
    show_profile(visit, app, None).await
}

async fn show_profile(visit: Visit, app: web::Data<App>, problem: Option<String>) -> Result<HttpResponse> {
    let (id, now) = (visit.viewer.id, visit.now());
    let (employee, sessions) =
        app.db.read(move |conn| Ok((Employee::find(conn, id)?, Session::of_employee(conn, id, now)?))).await?;
    let row = |session: Session| SessionRow {
        id: session.id,
        browser: browser(&session.user_agent),
        since: visit.words.ago(session.created_at),
        last_seen: visit.words.ago(session.last_seen_at),
        is_this: session.id == visit.session_key,
        peer: session.peer,
    };
    let mut page = visit.page("Your profile", Section::Profile);
    let failed = problem.is_some();
    if let Some(problem) = problem {
        page = page.telling(Tone::Bad, problem);
    }
    let mut response = html(Profile {
        page,
        name: employee.name,
        email: employee.email,
        role: employee.role.name(),
        granted: path(id),
        shortest: password::SHORTEST,
        sessions: sessions.into_iter().map(row).collect(),
    })?;
    if failed {
        *response.status_mut() = actix_web::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

// A browser's own words, made short enough to recognise.
fn browser(agent: &str) -> String {
    let name =
        [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    let system = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let found =
        |list: &[(&str, &'static str)]| list.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (found(&name), found(&system)) {
        (Some(name), Some(system)) => format!("{name} on {system}"),
        (Some(name), None) => name.into(),
        _ if agent.is_empty() => "An unnamed program".into(),
        _ => agent.chars().take(40).collect(),
    }
}

/// `POST /settings/profile/password`: needs the present one; every other sign-in ends.
pub async fn change_password(visit: Visit, app: web::Data<App>, form: ProtectedForm) -> Result<HttpResponse> {
    let id = visit.viewer.id;
    let employee = app.db.read(move |conn| Ok(Employee::find(conn, id)?)).await?;
    let new = form.get("password").to_string();
    let problem = match () {
        () if !app.hasher.verify(form.get("current"), employee.password_hash()).await? => {
            Some("The present password is not right. Nothing was changed.".to_string())
        }
        () if new != form.get("again") => Some("The two new passwords are not the same. Nothing was changed.".into()),
        () => match password::check(&new, &[&visit.account.name, &employee.name, &employee.email]) {
            Err(Error::Invalid(problem)) => Some(problem),
            _ => None,
        },
    };
    if problem.is_some() {
        return show_profile(visit, app, problem).await;
    }
    let hash = app.hasher.hash(&new).await?;
    let (session, peer, now) = (visit.session_key, visit.peer.clone(), visit.now());
    let ended = app
        .db
        .write(move |conn| {
            Employee::set_password(conn, id, &hash)?;
            let ended = Session::end_all(conn, id, Some(session))?;
            let actor = Actor::person(id, &employee.name);
            NewActivity::new(Kind::PasswordChanged, actor, Subject::employee(&employee))
                .from(&peer)
                .record(conn, now)?;
            Ok(ended)
        })
        .await?;
    let text = match ended {
        0 => "Your password is changed.".to_string(),
        n => format!("Your password is changed, and {} elsewhere ended.", count(n as i64, "sign-in")),
    };
    visit.redirect(Tone::Good, text, "/settings/profile")
}

/// `POST /settings/profile/sessions/{session}/end`
pub async fn end_session(
    visit: Visit,
    app: web::Data<App>,
    session: web::Path<SessionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let session = *session;
    end(&visit, &app, move |conn, id| Ok(usize::from(Session::end(conn, id, session)?))).await
}

/// `POST /settings/profile/sessions/end-others`
pub async fn end_other_sessions(visit: Visit, app: web::Data<App>, _: ProtectedForm) -> Result<HttpResponse> {
    let this = visit.session_key;
    end(&visit, &app, move |conn, id| Ok(Session::end_all(conn, id, Some(this))?)).await
}

async fn end(
    visit: &Visit,
    app: &web::Data<App>,
    act: impl Fn(&mut DbConnection, EmployeeKey) -> Result<usize> + Send + 'static,
) -> Result<HttpResponse> {
    let (viewer, peer, now) = (visit.viewer.clone(), visit.peer.clone(), visit.now());
    let ended = app
        .db
        .write(move |conn| {
            let ended = act(conn, viewer.id)?;
            if ended > 0 {
                let employee = Employee::find(conn, viewer.id)?;
                NewActivity::new(Kind::SignInEnded, viewer.actor(), Subject::employee(&employee))
                    .from(&peer)
                    .with(Detail::note(format!("{} of their own", count(ended as i64, "sign-in"))))
                    .record(conn, now)?;
            }
            Ok(ended)
        })
        .await?;
    let text = match ended {
        0 => "That sign-in had ended already.".to_string(),
        n => format!("{} ended.", count(n as i64, "sign-in")),
    };
    visit.redirect(Tone::Good, text, "/settings/profile")
}
