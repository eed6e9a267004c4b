//! The viewer's own profile: their password, and the sessions in which they are signed in.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::employees::second_factor::SecondFactors;
use crate::employees::{self, Employee, Session, SessionsToRevoke, SignInOrigin, password};
use crate::error::{Error, Result};
use crate::id::SessionKey;
use crate::identity;
use crate::metrics;
use crate::pages::employees::path;
use crate::pages::profile::browser_name::browser_name;
use crate::pages::profile::second_factor;
use crate::pages::sign_in::new_session;
use crate::time::{DisplayTime, count};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::state::State;

const HOME: &str = "/settings/profile";

#[derive(Template)]
#[template(path = "profile/profile.html")]
struct Profile {
    page: Page,
    name: String,
    email: String,
    role: &'static str,
    access_path: String,
    // Whether they may sign in with a password.
    has_password: bool,
    shortest: usize,
    second_factor: String,
    sessions: Vec<SessionRow>,
}

struct SessionRow {
    id: SessionKey,
    browser: String,
    client_ip: String,
    created: DisplayTime,
    last_seen: DisplayTime,
    is_current: bool,
}

/// `GET /settings/profile`
pub async fn profile(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    html(load(&context, &app).await?)
}

async fn load(context: &RequestContext, app: &State) -> Result<Profile> {
    let (id, now, source) = (context.viewer.id, context.now(), app.identity_source());
    let read = app.db.read(move |conn| {
        let has_password = identity::passwords(conn, source.borrowed())?.allow(id);
        let sessions = Session::of_employee(conn, id, now)?;
        Ok((Employee::find(conn, id)?, sessions, SecondFactors::of(conn, id)?, has_password))
    });
    let (employee, sessions, factors, has_password) = read.await?;
    let row = |session: Session| SessionRow {
        id: session.id,
        browser: browser_name(&session.user_agent),
        created: context.times.ago(session.created_at),
        last_seen: context.times.ago(session.last_seen_at),
        is_current: session.id == context.session_key,
        client_ip: session.client_ip,
    };
    Ok(Profile {
        page: context.page("Your profile", Section::Profile),
        name: employee.name,
        email: employee.email,
        role: employee.role.name(),
        access_path: path(id),
        has_password,
        shortest: password::SHORTEST,
        second_factor: second_factor::summary(&factors),
        sessions: sessions.into_iter().map(row).collect(),
    })
}

// Checks the current password as a sign-in does, with its limits and its entry for a wrong one.
async fn is_current(request: &HttpRequest, context: &RequestContext, app: &State, given: &str) -> Result<bool> {
    let (id, source) = (context.viewer.id, app.identity_source());
    let passwords = app.db.lookup(move |conn| {
        identity::require_password(conn, source.borrowed(), id)?;
        identity::passwords(conn, source.borrowed())
    });
    let passwords = passwords.await?;
    let device = new_session::known_device(request, app);
    let origin = SignInOrigin { client_ip: context.client_ip.clone(), device, passwords };
    let outcome = employees::sign_in(&app.db, &app.hasher, (context.email(), given), origin, context.now()).await;
    match &outcome {
        Ok(Some(_)) => {}
        Ok(None) | Err(Error::Invalid(_)) => app.metrics.sign_in(metrics::SignIn::Wrong),
        Err(Error::TooManyRequests(_)) => app.metrics.sign_in(metrics::SignIn::TooMany),
        Err(_) => {}
    }
    match outcome {
        Ok(found) => Ok(found == Some(id)),
        Err(Error::Invalid(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// `POST /settings/profile/password`: needs the current password, and as a sign-in does, waits after too many wrong ones; signs
/// the viewer out of every other browser.
pub async fn change_password(
    request: HttpRequest,
    context: RequestContext,
    app: web::Data<State>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let id = context.viewer.id;
    let employee = app.db.read(move |conn| Ok(Employee::find(conn, id)?)).await?;
    let new = form.get("password").to_string();
    let about = [context.account.name.as_str(), &employee.name, &employee.email];
    let problem = match is_current(&request, &context, &app, form.get("current")).await? {
        false => Some("The current password is incorrect.".to_string()),
        true => match password::check_new(&new, form.get("again"), &about) {
            Err(Error::Invalid(problem)) => Some(problem),
            _ => None,
        },
    };
    if let Some(problem) = problem {
        let profile = load(&context, &app).await?;
        return unprocessable(Profile { page: profile.page.with_flash(Tone::Bad, problem), ..profile });
    }
    let hash = app.hasher.hash(&new).await?;
    let (session, client_ip, now) = (context.session_key, context.client_ip.clone(), context.now());
    let revoked =
        app.db.write(move |conn| employees::change_password(conn, (id, session), &hash, &client_ip, now)).await?;
    let text = match revoked {
        0 => "Password changed.".to_string(),
        n => format!("Password changed. {} signed out.", count(n as i64, "other session")),
    };
    context.redirect(Tone::Good, text, HOME)
}

/// `POST /settings/profile/sessions/{session}/revoke`
pub async fn revoke_session(
    context: RequestContext,
    app: web::Data<State>,
    session: web::Path<SessionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    revoke(&context, &app, SessionsToRevoke::One(*session)).await
}

/// `POST /settings/profile/sessions/revoke-others`
pub async fn revoke_other_sessions(
    context: RequestContext,
    app: web::Data<State>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    revoke(&context, &app, SessionsToRevoke::AllExcept(context.session_key)).await
}

async fn revoke(context: &RequestContext, app: &State, which: SessionsToRevoke) -> Result<HttpResponse> {
    let (id, client_ip, now) = (context.viewer.id, context.client_ip.clone(), context.now());
    let act = app.db.write(move |conn| employees::revoke_sessions(conn, id, which, &client_ip, now));
    let text = match act.await? {
        0 => "That session was already signed out.".to_string(),
        n => format!("{} signed out.", count(n as i64, "session")),
    };
    context.redirect(Tone::Good, text, HOME)
}
