//! What the browser says about an answer (section 5.8.1): JSON that the passkey signs together with its own data.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::employees::second_factor::passkey::challenge::RelyingParty;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

/// Checks type and origin, and returns the challenge that was answered. Not in a frame of another site: our pages forbid frames.
/// Errors: what is wrong, for the log.
pub(super) fn challenge(json: &[u8], kind: &str, rp: &RelyingParty) -> Result<String, &'static str> {
    let data: ClientData = serde_json::from_slice(json).map_err(|_| "the client data is not as expected")?;
    if data.r#type != kind {
        return Err("the client data is of another type");
    }
    if data.origin != rp.origin {
        return Err("it was made on another origin");
    }
    if data.cross_origin || data.top_origin.is_some() {
        return Err("it was made in a frame of another site");
    }
    let challenge = URL_SAFE_NO_PAD.decode(data.challenge).map_err(|_| "the challenge is not base64url")?;
    String::from_utf8(challenge).map_err(|_| "the challenge is not one of ours")
}
