//! What somebody enters on "Confirm it is you", checked as a sign-in checks it, with its limits.

use crate::employees::fresh_sign_in::Way;
use crate::employees::second_factor::passkey::{Recognized, sign_in_with_passkey};
use crate::employees::second_factor::{Checked, Given, check};
use crate::employees::{self, SignInOrigin};
use crate::error::{Error, Result};
use crate::metrics;
use crate::web::form::ProtectedForm;
use crate::web::page::RequestContext;
use crate::web::passkey_form;
use crate::web::state::State;

/// Why the page is shown again.
pub(super) enum Refusal {
    /// With this sentence.
    Wrong(String),
    /// So many seconds have to pass.
    TooMany(i64),
}

fn wrong(sentence: &str) -> Option<Refusal> {
    Some(Refusal::Wrong(sentence.into()))
}

/// Checks the password and code, or the passkey, of the viewer, who confirms in this way. None if they are right.
pub(super) async fn refusal(
    app: &State,
    context: &RequestContext,
    (way, form): (Way, &ProtectedForm),
    origin: SignInOrigin,
) -> Result<Option<Refusal>> {
    if way == Way::SignInAgain {
        return Ok(wrong("You cannot confirm with a password or a passkey here. Sign in again."));
    }
    let (password, code) = (form.get("password"), form.get("code").trim());
    let needs_code = way == Way::PasswordAndCode;
    let refusal = match () {
        () if !form.get("credential").is_empty() => of_passkey(app, context, form).await?,
        () if password.is_empty() => return Ok(wrong("Enter your password.")),
        () if needs_code && !(1..100).contains(&code.len()) => return Ok(wrong("Enter a code.")),
        () => match of_password(app, context, password, origin).await? {
            None if needs_code => of_code(app, context, code).await?,
            refusal => refusal,
        },
    };
    app.metrics.sign_in(match &refusal {
        None => metrics::SignIn::Accepted,
        Some(Refusal::Wrong(_)) => metrics::SignIn::Wrong,
        Some(Refusal::TooMany(_)) => metrics::SignIn::TooMany,
    });
    Ok(refusal)
}

async fn of_password(
    app: &State,
    context: &RequestContext,
    password: &str,
    origin: SignInOrigin,
) -> Result<Option<Refusal>> {
    match employees::sign_in(&app.db, &app.hasher, (context.email(), password), origin, context.now()).await {
        Ok(Some(id)) if id == context.viewer.id => Ok(None),
        Ok(_) => Ok(wrong("Incorrect password.")),
        Err(Error::TooManyRequests(seconds)) => Ok(Some(Refusal::TooMany(seconds))),
        Err(Error::Invalid(why)) => Ok(wrong(&why)),
        Err(error) => Err(error),
    }
}

async fn of_code(app: &State, context: &RequestContext, code: &str) -> Result<Option<Refusal>> {
    // A recovery code has letters.
    let given = match code.chars().all(|c| c.is_ascii_digit() || c.is_whitespace()) {
        true => Given::Code(code.into()),
        false => Given::RecoveryCode(code.into()),
    };
    let (id, now, vault) = (context.viewer.id, context.now(), app.connections.vault.clone());
    let client_ip = context.client_ip.clone();
    let checked = app.db.write(move |conn| check(conn, &vault, id, &given, &client_ip, now));
    Ok(match checked.await? {
        Checked::Correct(_) => None,
        Checked::Wrong => wrong("That code is incorrect or was already used."),
        Checked::Wait(seconds) => Some(Refusal::TooMany(seconds)),
    })
}

// A passkey that signs in alone also confirms alone.
async fn of_passkey(app: &State, context: &RequestContext, form: &ProtectedForm) -> Result<Option<Refusal>> {
    let refused = "The passkey was not accepted. Try again, or enter your password and a code.";
    let (Some(verifier), Ok(answer)) = (app.passkeys(), passkey_form::used(form)) else { return Ok(wrong(refused)) };
    let (client_ip, now) = (context.client_ip.clone(), context.now());
    Ok(match sign_in_with_passkey(&app.db, verifier, answer, client_ip, now).await? {
        Recognized::Employee(id) if id == context.viewer.id => None,
        Recognized::NotVerified => wrong(
            "This passkey did not ask for a PIN, a fingerprint or your face. Enter your password and a code instead.",
        ),
        Recognized::Employee(_) | Recognized::Nobody => wrong(refused),
    })
}
