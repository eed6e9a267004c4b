//! Settings › Connections › App credentials: the list.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::connections::OAuthClient;
use crate::error::Result;
use crate::pages::connections::{APP_CREDENTIALS, HOME};
use crate::time::DisplayTime;
use crate::web::page::{Page, RequestContext, Section, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "connections/app_credential_list.html")]
struct AppCredentialList {
    page: Page,
    rows: Vec<AppCredentialRow>,
}

struct AppCredentialRow {
    href: String,
    name: String,
    api_type: String,
    client_id: String,
    users: i64,
    secret_changed: DisplayTime,
}

/// `GET /settings/connections/clients`
pub async fn list(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let clients = app.db.read(|conn| Ok(OAuthClient::all(conn)?)).await?;
    let row = |(client, users): (OAuthClient, i64)| AppCredentialRow {
        href: format!("{APP_CREDENTIALS}/{}", client.id),
        name: client.name,
        api_type: client.api_type.full_name(),
        client_id: client.client_id,
        users,
        secret_changed: context.times.date(client.secret_changed_at),
    };
    html(AppCredentialList {
        rows: clients.into_iter().map(row).collect(),
        page: context.page("App credentials", Section::Connections).breadcrumb(HOME, "Connections"),
    })
}
