//! The list of resource servers, and the form that adds one.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::error::Result;
use crate::pages::resource_servers::HOME;
use crate::resource_servers;
use crate::resource_servers::ResourceServer;
use crate::secrets::PlainToken;
use crate::time::{DisplayTime, count};
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, html, unprocessable};
use crate::web::shown_once::ShownOnce;
use crate::web::state::State;

/// The message when a form that generates a secret is submitted a second time.
pub const ALREADY_SHOWN: &str = "This form was already submitted, and its secret was shown once. If you lost the secret, \
                                 regenerate it in the list of resource servers.";

#[derive(Template)]
#[template(path = "resource_servers/resource_server_list.html")]
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
    let times = &context.times;
    let row = |server: ResourceServer| ResourceServerRow {
        path: format!("{HOME}/{}", server.id),
        name: server.name,
        resource_server_id: server.resource_server_id,
        created: times.date(server.created_at),
        secret_created: times.date(server.secret_created_at),
        last_used: times.ago(server.last_used_at),
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

/// `POST /settings/resource-servers`: the response shows the new credentials once.
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
            nonce::spend(conn, &nonce, ALREADY_SHOWN, now)?;
            resource_servers::add(conn, &name, (&actor, &client_ip), now)
        })
        .await?;
    show_secret(&context, &server, format!("{} is added", server.name), &secret)
}

/// The page that shows a resource server's new secret once.
pub fn show_secret(
    context: &RequestContext,
    server: &ResourceServer,
    heading: String,
    secret: &PlainToken,
) -> Result<HttpResponse> {
    let page = context.page(&server.name, Section::ResourceServers).breadcrumb(HOME, "Resource servers");
    ShownOnce::new(page, heading, "Secret", secret)
        .with_id("ID", &server.resource_server_id)
        .with_note("The API sends both by HTTP Basic when it validates a token at /auth/oauth/introspect.")
        .back_to(HOME)
        .answer()
}
