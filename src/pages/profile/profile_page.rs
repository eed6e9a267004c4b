//! One's own profile: the password, and where one is signed in.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::db::DbConnection;
use crate::employees::{Employee, password};
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, SessionKey};
use crate::pages::employees::employee_detail::path;
use crate::time::{DisplayTime, count};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::session_store::Session;
use crate::web::state::State;

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
    client_ip: String,
    since: DisplayTime,
    last_seen: DisplayTime,
    is_this: bool,
}

/// `GET /settings/profile`
pub async fn profile(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    show_profile(context, app, None).await
}

async fn show_profile(context: RequestContext, app: web::Data<State>, problem: Option<String>) -> Result<HttpResponse> {
    let (id, now) = (context.viewer.id, context.now());
    let (employee, sessions) =
        app.db.read(move |conn| Ok((Employee::find(conn, id)?, Session::of_employee(conn, id, now)?))).await?;
    let row = |session: Session| SessionRow {
        id: session.id,
        browser: browser(&session.user_agent),
        since: context.words.ago(session.created_at),
        last_seen: context.words.ago(session.last_seen_at),
        is_this: session.id == context.session_key,
        client_ip: session.client_ip,
    };
    let mut page = context.page("Your profile", Section::Profile);
    let failed = problem.is_some();
    if let Some(problem) = problem {
        page = page.with_flash(Tone::Bad, problem);
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
pub async fn change_password(
    context: RequestContext,
    app: web::Data<State>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let id = context.viewer.id;
    let employee = app.db.read(move |conn| Ok(Employee::find(conn, id)?)).await?;
    let new = form.get("password").to_string();
    let problem = match () {
        () if !app.hasher.verify(form.get("current"), employee.password_hash()).await? => {
            Some("The present password is not right. Nothing was changed.".to_string())
        }
        () if new != form.get("again") => Some("The two new passwords are not the same. Nothing was changed.".into()),
        () => match password::check(&new, &[&context.account.name, &employee.name, &employee.email]) {
            Err(Error::Invalid(problem)) => Some(problem),
            _ => None,
        },
    };
    if problem.is_some() {
        return show_profile(context, app, problem).await;
    }
    let hash = app.hasher.hash(&new).await?;
    let (session, client_ip, now) = (context.session_key, context.client_ip.clone(), context.now());
    let ended = app
        .db
        .write(move |conn| {
            Employee::set_password(conn, id, &hash)?;
            let ended = Session::end_all(conn, id, Some(session))?;
            let actor = Actor::person(id, &employee.name);
            NewActivity::new(Kind::PasswordChanged, actor, employee.subject()).from(&client_ip).record(conn, now)?;
            Ok(ended)
        })
        .await?;
    let text = match ended {
        0 => "Your password is changed.".to_string(),
        n => format!("Your password is changed, and {} elsewhere ended.", count(n as i64, "sign-in")),
    };
    context.redirect(Tone::Good, text, "/settings/profile")
}

/// `POST /settings/profile/sessions/{session}/revoke`
pub async fn end_session(
    context: RequestContext,
    app: web::Data<State>,
    session: web::Path<SessionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let session = *session;
    end(&context, &app, move |conn, id| Ok(usize::from(Session::end(conn, id, session)?))).await
}

/// `POST /settings/profile/sessions/revoke-others`
pub async fn end_other_sessions(
    context: RequestContext,
    app: web::Data<State>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let this = context.session_key;
    end(&context, &app, move |conn, id| Ok(Session::end_all(conn, id, Some(this))?)).await
}

async fn end(
    context: &RequestContext,
    app: &web::Data<State>,
    act: impl Fn(&mut DbConnection, EmployeeKey) -> Result<usize> + Send + 'static,
) -> Result<HttpResponse> {
    let (viewer, client_ip, now) = (context.viewer.clone(), context.client_ip.clone(), context.now());
    let ended = app
        .db
        .write(move |conn| {
            let ended = act(conn, viewer.id)?;
            if ended > 0 {
                let employee = Employee::find(conn, viewer.id)?;
                NewActivity::new(Kind::SessionRevoked, viewer.actor(), employee.subject())
                    .from(&client_ip)
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
    context.redirect(Tone::Good, text, "/settings/profile")
}
