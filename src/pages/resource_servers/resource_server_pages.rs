//! Settings › Resource servers: the APIs that may ask what a token is good for, and their credentials.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity::{Kind, NewActivity, Subject};
use crate::error::{Error, Result};
use crate::id::ResourceServerKey;
use crate::resource_servers::ResourceServer;
use crate::secrets::PlainToken;
use crate::time::{Moment, count};
use crate::web::form::ProtectedForm;
use crate::web::form_errors::Problems;
use crate::web::nonce;
use crate::web::page::{Page, Section, Tone, Visit, html, unprocessable};
use crate::web::shown_once::ShownOnce;
use crate::web::state::State;

/// Where the section begins.
pub const HOME: &str = "/settings/resource-servers";

const SHOWN: &str = "The secret of this form was shown already, and is shown only once. If it was lost, make a new one \
                     in the list of resource servers.";

#[derive(Template)]
#[template(path = "resource_servers/list.html")]
struct ResourceServerList {
    page: Page,
    rows: Vec<ResourceServerRow>,
    announcement: String,
    nonce: String,
    name: String,
    problems: Problems,
}

struct ResourceServerRow {
    path: String,
    name: String,
    resource_server_id: String,
    created: Moment,
    secret_created: Moment,
    last_used: Moment,
}

/// `GET /settings/resource-servers`
pub async fn list(visit: Visit, app: web::Data<State>) -> Result<HttpResponse> {
    html(page(&visit, &app, String::new(), Problems::default()).await?)
}

async fn page(visit: &Visit, app: &State, name: String, problems: Problems) -> Result<ResourceServerList> {
    let servers = app.db.read(|conn| Ok(ResourceServer::all(conn)?)).await?;
    let row = |server: ResourceServer| ResourceServerRow {
        path: format!("{HOME}/{}", server.id),
        name: server.name,
        resource_server_id: server.resource_server_id,
        created: visit.words.date(server.created_at),
        secret_created: visit.words.date(server.secret_created_at),
        last_used: visit.words.ago(server.last_used_at),
    };
    Ok(ResourceServerList {
        announcement: count(servers.len() as i64, "resource server"),
        rows: servers.into_iter().map(row).collect(),
        nonce: nonce::fresh(),
        name,
        problems,
        page: visit.page("Resource servers", Section::ResourceServers),
    })
}

fn show(visit: &Visit, server: &ResourceServer, heading: String, secret: &PlainToken) -> Result<HttpResponse> {
    let page = visit.page(&server.name, Section::ResourceServers).below(HOME, "Resource servers");
    ShownOnce::new(page, heading, "Secret", secret)
        .with_id("ID", &server.resource_server_id)
        .saying("It shows both by HTTP Basic when it asks /auth/oauth/introspect about a token.")
        .back_to(HOME)
        .answer()
}

/// `POST /settings/resource-servers`: answers with the credentials, the one time they are shown.
pub async fn add(visit: Visit, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let mut problems = Problems::default();
    let Some(name) = problems.check("name", form.line("name", "The name", 100)) else {
        return unprocessable(page(&visit, &app, form.get("name").into(), problems).await?);
    };
    let (nonce, actor) = (form.get("nonce").to_string(), visit.viewer.actor());
    let (peer, now) = (visit.peer.clone(), visit.now());
    let (server, secret) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, SHOWN, now)?;
            let (server, secret) = ResourceServer::create(conn, &name, now)?;
            NewActivity::new(Kind::ResourceServerAdded, actor.clone(), subject(&server))
                .from(&peer)
                .record(conn, now)?;
            Ok((server, secret))
        })
        .await?;
    show(&visit, &server, format!("{} is added", server.name), &secret)
}

fn subject(server: &ResourceServer) -> Subject {
    Subject::named("resource_server", server.id.0, &server.name)
}

#[derive(Template)]
#[template(path = "resource_servers/confirm.html")]
struct Confirm {
    page: Page,
    heading: String,
    sentence: &'static str,
    last_used: Moment,
    action: String,
    nonce: String,
    back: &'static str,
    keep: &'static str,
    verb: &'static str,
    tone: &'static str,
}

/// `GET /settings/resource-servers/{resource_server}/regenerate`
pub async fn regenerate_form(
    visit: Visit,
    app: web::Data<State>,
    id: web::Path<ResourceServerKey>,
) -> Result<HttpResponse> {
    let id = *id;
    let server = app.db.read(move |conn| Ok(ResourceServer::find(conn, id)?)).await?;
    html(Confirm {
        page: visit.page("New secret", Section::ResourceServers).below(HOME, "Resource servers"),
        heading: format!("A new secret for {}?", server.name),
        sentence: "The present secret stops at once: until the API has the new one, it refuses everybody who comes with \
                   a token. The new secret is shown once, on the next page.",
        last_used: visit.words.ago(server.last_used_at),
        action: format!("{HOME}/{id}/regenerate"),
        nonce: nonce::fresh(),
        back: HOME,
        keep: "Keep the present one",
        verb: "Make a new secret",
        tone: "primary",
    })
}

/// `POST /settings/resource-servers/{resource_server}/regenerate`: the earlier secret stops at once.
pub async fn regenerate(
    visit: Visit,
    app: web::Data<State>,
    id: web::Path<ResourceServerKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, nonce, actor) = (*id, form.get("nonce").to_string(), visit.viewer.actor());
    let (peer, now) = (visit.peer.clone(), visit.now());
    let (server, secret) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, SHOWN, now)?;
            let server = ResourceServer::find(conn, id)?;
            let secret = ResourceServer::regenerate(conn, id, now)?;
            NewActivity::new(Kind::ResourceServerChanged, actor.clone(), subject(&server))
                .from(&peer)
                .record(conn, now)?;
            Ok((server, secret))
        })
        .await?;
    show(&visit, &server, format!("New secret of {}", server.name), &secret)
}

/// `GET /settings/resource-servers/{resource_server}/remove`
pub async fn remove_form(
    visit: Visit,
    app: web::Data<State>,
    id: web::Path<ResourceServerKey>,
) -> Result<HttpResponse> {
    let id = *id;
    let server = app.db.read(move |conn| Ok(ResourceServer::find(conn, id)?)).await?;
    html(Confirm {
        page: visit.page("Remove", Section::ResourceServers).below(HOME, "Resource servers"),
        heading: format!("Remove {}?", server.name),
        sentence: "It is told nothing about tokens any more, so it refuses everybody who comes with one. No token is \
                   revoked.",
        last_used: visit.words.ago(server.last_used_at),
        action: format!("{HOME}/{id}/remove"),
        nonce: nonce::fresh(),
        back: HOME,
        keep: "Keep it",
        verb: "Remove",
        tone: "danger solid",
    })
}

/// `POST /settings/resource-servers/{resource_server}/remove`
pub async fn remove(
    visit: Visit,
    app: web::Data<State>,
    id: web::Path<ResourceServerKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, actor, peer, now) = (*id, visit.viewer.actor(), visit.peer.clone(), visit.now());
    let removed = app
        .db
        .write(move |conn| {
            let server = ResourceServer::find(conn, id)?;
            match ResourceServer::delete(conn, id)? {
                true => NewActivity::new(Kind::ResourceServerRemoved, actor.clone(), subject(&server))
                    .from(&peer)
                    .record(conn, now)?,
                false => return Err(Error::NotFound),
            }
            Ok(server.name)
        })
        .await;
    match removed {
        Ok(name) => visit.redirect(Tone::Good, format!("{name} is removed. It is told nothing any more."), HOME),
        Err(Error::NotFound) => visit.redirect(Tone::Info, "It was removed already.", HOME),
        Err(error) => Err(error),
    }
}
