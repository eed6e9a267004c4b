//! The sign-in page, which `/sign-in` shows and an authorization request shows to somebody who is not signed in.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::account::Account;
use crate::employees::second_factor::passkey::{Passkey, Purpose};
use crate::error::Result;
use crate::notices::{self, Channel};
use crate::web::form::BrowserToken;
use crate::web::page::{Page, Tone, html};
use crate::web::passkey_form::use_options;
use crate::web::state::State;

#[derive(Template)]
#[template(path = "sign_in/sign_in.html")]
struct SignInPage {
    page: Page,
    next: String,
    email: String,
    client: Option<String>,
    // Whether the server can send a link to choose a new password.
    mails_links: bool,
    // The name of the identity provider, and the path that leads to it.
    provider: Option<(String, String)>,
    // What the browser is asked to use a passkey; none if nobody has one.
    passkey: Option<String>,
}

/// What the page shows.
#[derive(Debug, Default)]
pub struct SignInForm {
    /// The message above the form.
    pub message: Option<(Tone, &'static str)>,
    /// The path to continue at after signing in.
    pub next: String,
    /// The e-mail address typed before.
    pub email: String,
    /// The name of the client whose authorization request continues after signing in.
    pub client: Option<String>,
}

/// The path that leads to the identity provider, and back to `next`.
pub fn provider_path(next: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
    format!("/sign-in/provider?{query}")
}

/// Renders the page.
pub async fn show(request: &HttpRequest, app: &web::Data<State>, form: SignInForm) -> Result<HttpResponse> {
    let found = app
        .db
        .lookup(|conn| Ok((Account::get(conn)?.name, notices::is_set_up(conn, Channel::Email)?, Passkey::any(conn)?)));
    let (shop, mails_links, has_passkeys) = found.await?;
    let shop = if shop.is_empty() { "Client API Access".to_string() } else { shop };
    let browser = BrowserToken::for_request(app, request);
    let mut page = Page::outside("Sign in", &shop, browser.csrf.clone());
    if let Some((tone, text)) = form.message {
        page = page.with_flash(tone, text);
    }
    let SignInForm { next, email, client, .. } = form;
    let provider = app.config.identity_provider.as_ref().map(|provider| (provider.name.clone(), provider_path(&next)));
    let verifier = app.passkeys().filter(|_| has_passkeys);
    let passkey = verifier.map(|verifier| use_options(&verifier, Purpose::SignIn, &[], app.clock.now()));
    browser.set_cookie(html(SignInPage { page, next, email, client, mails_links, provider, passkey })?)
}
