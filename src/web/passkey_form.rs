//! Forms that create or use a passkey: what the browser is asked, as JSON for `static/passkeys.js`, and what it answers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::employees::second_factor::passkey::{
    ALGORITHMS, NewPasskey, Passkey, PasskeyAnswer, Purpose, Verifier, user_handle,
};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::time::Timestamp;
use crate::web::form::ProtectedForm;

const MILLISECONDS: i64 = 300_000;

/// What the browser is asked to create a passkey for an employee: their name and e-mail address, and the shop.
pub fn create_options(
    verifier: &Verifier,
    (id, name, email): (EmployeeKey, &str, &str),
    (shop, existing): (&str, &[Passkey]),
    now: Timestamp,
) -> String {
    let challenge = verifier.challenge(Purpose::Register(id), now);
    let algorithms: Vec<Value> = ALGORITHMS.iter().map(|alg| json!({ "type": "public-key", "alg": alg })).collect();
    json!({
        "rp": { "id": verifier.rp.id, "name": shop },
        "user": { "id": encode(&user_handle(existing, &challenge)), "name": email, "displayName": name },
        "challenge": encode(challenge.as_bytes()),
        "pubKeyCredParams": algorithms,
        "timeout": MILLISECONDS,
        "attestation": "none",
        "excludeCredentials": named(existing),
        "authenticatorSelection": { "residentKey": "preferred", "userVerification": "preferred" },
    })
    .to_string()
}

/// What the browser is asked to use one of these passkeys; any of the person's own, if there are none. Alone, a passkey also has
/// to check a PIN, a fingerprint or a face.
pub fn use_options(verifier: &Verifier, purpose: Purpose, passkeys: &[Passkey], now: Timestamp) -> String {
    let verification = if purpose == Purpose::SignIn { "required" } else { "preferred" };
    json!({
        "rpId": verifier.rp.id,
        "challenge": encode(verifier.challenge(purpose, now).as_bytes()),
        "timeout": MILLISECONDS,
        "allowCredentials": named(passkeys),
        "userVerification": verification,
    })
    .to_string()
}

/// What the browser answers when a passkey is created.
pub fn created(form: &ProtectedForm) -> Result<NewPasskey> {
    Ok(NewPasskey {
        name: form.line("name", "The name", 100)?,
        client_data: bytes(form, "client_data")?,
        attestation: bytes(form, "attestation")?,
    })
}

/// What the browser answers when a passkey is used.
pub fn used(form: &ProtectedForm) -> Result<PasskeyAnswer> {
    Ok(PasskeyAnswer {
        credential: bytes(form, "credential")?,
        client_data: bytes(form, "client_data")?,
        data: bytes(form, "data")?,
        signature: bytes(form, "signature")?,
        user_handle: bytes(form, "user_handle")?,
    })
}

fn named(passkeys: &[Passkey]) -> Vec<Value> {
    passkeys.iter().map(|one| json!({ "type": "public-key", "id": encode(&one.credential_id) })).collect()
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(form: &ProtectedForm, name: &str) -> Result<Vec<u8>> {
    let invalid = |_| Error::Invalid("The browser's answer was not received completely. Try again.".into());
    URL_SAFE_NO_PAD.decode(form.get(name)).map_err(invalid)
}
