//! Register a client as an admin.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::clients;
use crate::clients::{Client, RedirectUri};
use crate::error::Result;
use crate::pages::clients::hand_over_sheet::HandOverSheet;
use crate::pages::clients::registration_form::RegistrationForm;
use crate::pages::clients::{HOME, path};
use crate::secrets::PlainToken;
use crate::web::form::ProtectedForm;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, html, unprocessable};
use crate::web::shown_once::ShownOnce;
use crate::web::state::State;

/// The message when a registration form is submitted a second time.
pub const ALREADY_REGISTERED: &str = "This form was already submitted: the client is registered, and its secret was shown \
                                      once. If you lost the secret, an admin can regenerate it on the client's page.";

#[derive(Template)]
#[template(path = "clients/register_client.html")]
struct RegisterClient {
    page: Page,
    nonce: String,
    form: RegistrationForm,
}

fn page(context: &RequestContext, form: RegistrationForm) -> RegisterClient {
    let page = context.page("Register a client", Section::Clients).breadcrumb(HOME, "Client API Access");
    RegisterClient { page, nonce: nonce::fresh(), form }
}

/// `GET /settings/client-api-access/register`
pub async fn register_form(context: RequestContext) -> Result<HttpResponse> {
    html(page(&context, RegistrationForm::blank(true)))
}

/// `POST /settings/client-api-access/register`: the client is active at once; the response shows its secret once.
pub async fn register(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let (typed, details) = RegistrationForm::read(&form, None, true);
    let Some(details) = details else {
        return unprocessable(page(&context, typed));
    };
    let (nonce, actor) = (form.get("nonce").to_string(), context.viewer.actor());
    let (client_ip, now) = (context.client_ip.clone(), context.now());
    let (client, secret, uris) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, ALREADY_REGISTERED, now)?;
            let (client, secret) = clients::register_client(conn, &details, true, (&actor, &client_ip), now)?;
            let uris = RedirectUri::of_client(conn, client.id)?;
            Ok((client, secret, uris))
        })
        .await?;
    let back = path(client.id);
    let page = context.page("Client registered", Section::Clients).breadcrumb(HOME, "Client API Access");
    let page = page.breadcrumb(&back, &client.name);
    HandOverSheet::new(page, app.config.public_url.origin(), (&client, &secret), uris)
        .with_note("Send this to the developer over a secure channel.")
        .back_to(back)
        .answer()
}

/// The page that shows a client's new secret once.
pub fn show_secret(
    context: &RequestContext,
    client: &Client,
    title: &str,
    heading: String,
    secret: &PlainToken,
) -> Result<ShownOnce> {
    let back = path(client.id);
    let page =
        context.page(title, Section::Clients).breadcrumb(HOME, "Client API Access").breadcrumb(&back, &client.name);
    Ok(ShownOnce::new(page, heading, "Client secret", secret).with_id("Client ID", &client.client_id).back_to(back))
}
