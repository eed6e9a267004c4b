//! Settings › Resource servers: the APIs that may ask what a token is good for, and their credentials.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity::{Kind, NewActivity, Subject};
use crate::error::{Error, Result};
use crate::id::ResourceServerKey;
use crate::resource_servers::ResourceServer;
use crate::secrets::PlainToken;
use crate::time::{DisplayTime, count};
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
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
    form_errors: FormErrors,
}

struct ResourceServerRow {
    path: String,
    name: String,
    resource_server_id: String,
    created: DisplayTime,
    secret_created: DisplayTime,
    last_used: DisplayTime,
}

/// `GET /settings/resource-servers`
pub async fn list(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    html(page(&context, &app, String::new(), FormErrors::default()).await?)
}

async fn page(
    context: &RequestContext,
    app: &State,
    name: String,
    form_errors: FormErrors,
) -> Result<ResourceServerList> {
    let servers = app.db.read(|conn| Ok(ResourceServer::all(conn)?)).await?;
    let row = |server: ResourceServer| ResourceServerRow {
        path: format!("{HOME}/{}", server.id),
        name: server.name,
        resource_server_id: server.resource_server_id,
        created: context.words.date(server.created_at),
        secret_created: context.words.date(server.secret_created_at),
        last_used: context.words.ago(server.last_used_at),
    };
    Ok(ResourceServerList {
        announcement: count(servers.len() as i64, "resource server"),
        rows: servers.into_iter().map(row).collect(),
        nonce: nonce::fresh(),
        name,
        form_errors,
        page: context.page("Resource servers", Section::ResourceServers),
    })
}

fn show(
    context: &RequestContext,
    server: &ResourceServer,
    heading: String,
    secret: &PlainToken,
) -> Result<HttpResponse> {
    let page = context.page(&server.name, Section::ResourceServers).breadcrumb(HOME, "Resource servers");
    ShownOnce::new(page, heading, "Secret", secret)
        .with_id("ID", &server.resource_server_id)
        .with_note("It shows both by HTTP Basic when it asks /auth/oauth/introspect about a token.")
        .back_to(HOME)
        .answer()
}

/// `POST /settings/resource-servers`: answers with the credentials, the one time they are shown.
pub async fn add(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let mut form_errors = FormErrors::default();
    let Some(name) = form_errors.check("name", form.line("name", "The name", 100)) else {
        return unprocessable(page(&context, &app, form.get("name").into(), form_errors).await?);
    };
    let (nonce, actor) = (form.get("nonce").to_string(), context.viewer.actor());
    let (client_ip, now) = (context.client_ip.clone(), context.now());
    let (server, secret) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, SHOWN, now)?;
            let (server, secret) = ResourceServer::create(conn, &name, now)?;
            NewActivity::new(Kind::ResourceServerAdded, actor.clone(), subject(&server))
                .from(&client_ip)
                .record(conn, now)?;
            Ok((server, secret))
        })
        .await?;
    show(&context, &server, format!("{} is added", server.name), &secret)
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
    last_used: DisplayTime,
    action: String,
    nonce: String,
    back: &'static str,
    keep: &'static str,
    verb: &'static str,
    tone: &'static str,
}

/// `GET /settings/resource-servers/{resource_server}/regenerate`
pub async fn regenerate_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ResourceServerKey>,
) -> Result<HttpResponse> {
    let id = *id;
    let server = app.db.read(move |conn| Ok(ResourceServer::find(conn, id)?)).await?;
    html(Confirm {
        page: context.page("New secret", Section::ResourceServers).breadcrumb(HOME, "Resource servers"),
        heading: format!("A new secret for {}?", server.name),
        sentence: "The present secret stops at once: until the API has the new one, it refuses everybody who comes with \
                   a token. The new secret is shown once, on the next page.",
        last_used: context.words.ago(server.last_used_at),
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
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ResourceServerKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, nonce, actor) = (*id, form.get("nonce").to_string(), context.viewer.actor());
    let (client_ip, now) = (context.client_ip.clone(), context.now());
    let (server, secret) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, SHOWN, now)?;
            let server = ResourceServer::find(conn, id)?;
            let secret = ResourceServer::regenerate(conn, id, now)?;
            NewActivity::new(Kind::ResourceServerChanged, actor.clone(), subject(&server))
                .from(&client_ip)
                .record(conn, now)?;
            Ok((server, secret))
        })
        .await?;
    show(&context, &server, format!("New secret of {}", server.name), &secret)
}

/// `GET /settings/resource-servers/{resource_server}/remove`
pub async fn remove_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ResourceServerKey>,
) -> Result<HttpResponse> {
    let id = *id;
    let server = app.db.read(move |conn| Ok(ResourceServer::find(conn, id)?)).await?;
    html(Confirm {
        page: context.page("Remove", Section::ResourceServers).breadcrumb(HOME, "Resource servers"),
        heading: format!("Remove {}?", server.name),
        sentence: "It is told nothing about tokens any more, so it refuses everybody who comes with one. No token is \
                   revoked.",
        last_used: context.words.ago(server.last_used_at),
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
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ResourceServerKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, actor, client_ip, now) = (*id, context.viewer.actor(), context.client_ip.clone(), context.now());
    let removed = app
        .db
        .write(move |conn| {
            let server = ResourceServer::find(conn, id)?;
            match ResourceServer::delete(conn, id)? {
                true => NewActivity::new(Kind::ResourceServerRemoved, actor.clone(), subject(&server))
                    .from(&client_ip)
                    .record(conn, now)?,
                false => return Err(Error::NotFound),
            }
            Ok(server.name)
        })
        .await;
    match removed {
        Ok(name) => context.redirect(Tone::Good, format!("{name} is removed. It is told nothing any more."), HOME),
        Err(Error::NotFound) => context.redirect(Tone::Info, "It was removed already.", HOME),
        Err(error) => Err(error),
    }
}
