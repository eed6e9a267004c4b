//! Signing in with a passkey alone.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::employees::Proof;
use crate::employees::second_factor::passkey::{Recognized, sign_in_with_passkey};
use crate::error::Result;
use crate::identity;
use crate::metrics;
use crate::pages::sign_in::new_session;
use crate::pages::sign_in::sign_in::{local, refuse};
use crate::web::client_ip;
use crate::web::form::ProtectedForm;
use crate::web::page::see_other;
use crate::web::passkey_form;
use crate::web::state::State;

const REFUSED: &str = "The passkey was not accepted. Try again, or sign in with your password.";
const NOT_VERIFIED: &str = "This passkey did not ask for a PIN, a fingerprint or your face. Sign in with your password, and use it after that.";
const OFF: &str = "You sign in through the identity provider: passwords and passkeys are off here.";

/// `POST /sign-in/passkey`
pub async fn sign_in(request: HttpRequest, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let next = local(form.get("next"), app.config.public_url.origin());
    let (Some(verifier), Ok(answer)) = (app.passkeys(), passkey_form::used(&form)) else {
        return refuse(&request, &app, REFUSED, (next, String::new())).await;
    };
    let client_ip = client_ip::address(&request, &app.config.trusted_proxies);
    let source = app.identity_source();
    let passwords = app.db.lookup(move |conn| identity::passwords(conn, source.borrowed())).await?;
    match sign_in_with_passkey(&app.db, verifier, answer, client_ip, app.clock.now()).await? {
        Recognized::Employee(id) if !passwords.allow(id) => refuse(&request, &app, OFF, (next, String::new())).await,
        Recognized::Employee(id) => {
            app.metrics.sign_in(metrics::SignIn::Accepted);
            new_session::start(&request, &app, (id, Proof::Passkey), see_other(&next))
        }
        Recognized::NotVerified => refuse(&request, &app, NOT_VERIFIED, (next, String::new())).await,
        Recognized::Nobody => {
            app.metrics.sign_in(metrics::SignIn::Wrong);
            refuse(&request, &app, REFUSED, (next, String::new())).await
        }
    }
}
