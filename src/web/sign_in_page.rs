//! The sign-in page, which `/sign-in` shows and an authorization request shows to somebody who is not signed in.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::account::Account;
use crate::employees::second_factor::passkey::{Passkey, Purpose};
use crate::error::Result;
use crate::identity;
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
    // Whether only the break-glass admin may sign in with a password or a passkey.
    are_passwords_off: bool,
    // Whether the provider may still know who just signed out here.
    may_sign_out_there: bool,
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
    /// Whether they just signed out of a session that began at the identity provider.
    pub may_sign_out_there: bool,
}

/// The path that leads to the identity provider, and back to `next`.
pub fn provider_path(next: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
    format!("/sign-in/provider?{query}")
}

/// Renders the page.
pub async fn show(request: &HttpRequest, app: &web::Data<State>, form: SignInForm) -> Result<HttpResponse> {
    let source = app.identity_source();
    let found = app.db.lookup(move |conn| {
        let (mails_links, has_passkeys) = (notices::is_set_up(conn, Channel::Email)?, Passkey::any(conn)?);
        Ok((Account::get(conn)?.name, mails_links, has_passkeys, identity::current(conn, source.borrowed())?))
    });
    let (shop, mails_links, has_passkeys, provider) = found.await?;
    let shop = if shop.is_empty() { "Client API Access".to_string() } else { shop };
    let browser = BrowserToken::for_request(app, request);
    let mut page = Page::outside("Sign in", &shop, browser.csrf.clone());
    if let Some((tone, text)) = form.message {
        page = page.with_flash(tone, text);
    }
    let SignInForm { next, email, client, may_sign_out_there, .. } = form;
    let verifier = app.passkeys().filter(|_| has_passkeys);
    browser.set_cookie(html(SignInPage {
        page,
        email,
        client,
        mails_links,
        passkey: verifier.map(|verifier| use_options(&verifier, Purpose::SignIn, &[], app.clock.now())),
        are_passwords_off: provider.as_ref().is_some_and(|provider| !provider.passwords),
        may_sign_out_there: may_sign_out_there && provider.is_some(),
        provider: provider.map(|provider| (provider.name, provider_path(&next))),
        next,
    })?)
}
