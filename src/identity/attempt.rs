//! A sign-in through a provider, from the redirect to the provider until its answer.
//!
//! The server stores nothing until the provider has proved who signed in, so that strangers who begin sign-ins leave no rows.
//! The browser keeps the attempt in a signed cookie; `state` binds the answer to it (RFC 9700 section 4.7), `nonce` the ID
//! token, and the PKCE verifier the code.

use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::id::EmployeeKey;
use crate::identity::claims::VerifiedIdentity;
use crate::identity::id_token::Expected;
use crate::identity::jws::Claims;
use crate::identity::token_request::stated;
use crate::identity::{Asking, Refusal};
use crate::secrets::random_name;
use crate::time::{MINUTE, Timestamp};

const LIFETIME: i64 = 10 * MINUTE;
// 43 characters of 62 are 256 bits.
const RANDOM: usize = 43;

/// What somebody signs in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To sign in.
    SignIn,
    /// This employee is signed in and has to sign in again, because an act asks for it.
    Again(EmployeeKey),
}

/// A sign-in that began.
#[derive(Clone, Serialize, Deserialize)]
pub struct Attempt {
    /// What it is for.
    pub purpose: Purpose,
    /// The path to continue at.
    pub next: String,
    /// What the answer must repeat.
    pub state: String,
    issuer: String,
    nonce: String,
    verifier: String,
    began_at: Timestamp,
}

// It holds the verifier.
impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// The parameters of an authentication response (OpenID Connect Core 1.0 section 3.1.2.5); absent ones are empty.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The authorization code.
    pub code: String,
    /// The error code.
    pub error: String,
    /// The error description.
    pub error_description: String,
    /// The issuer (RFC 9207).
    pub iss: String,
}

impl Attempt {
    /// Whether this answer belongs to it: its `state`, at the provider where it began, within ten minutes.
    pub fn is_answered_by(&self, state: &str, issuer: &str, now: Timestamp) -> bool {
        let is_in_time = (0..LIFETIME).contains(&now.since(self.began_at));
        !state.is_empty() && self.state == state && self.issuer == issuer && is_in_time
    }
}

/// Begins a sign-in. Returns the URL to redirect the browser to, and what the browser has to keep.
pub async fn begin(asking: Asking<'_>, purpose: Purpose, next: &str) -> Result<(Url, Attempt), Refusal> {
    let metadata = asking.metadata().await?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let attempt = Attempt {
        purpose,
        next: next.into(),
        state: random_name(RANDOM),
        issuer: asking.provider.issuer.clone(),
        nonce: random_name(RANDOM),
        verifier: PkceCodeVerifier::into_secret(verifier),
        began_at: asking.now,
    };
    let not_valid = |_| Refusal::new("The address of the provider's sign-in page is not valid.");
    let mut url = Url::parse(&metadata.authorization_endpoint).map_err(not_valid)?;
    let mut query = url.query_pairs_mut();
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", &asking.provider.client_id)
        .append_pair("redirect_uri", &asking.redirect_uri())
        .append_pair("scope", &asking.provider.scopes)
        .append_pair("state", &attempt.state)
        .append_pair("nonce", &attempt.nonce)
        .append_pair("code_challenge", challenge.as_str())
        .append_pair("code_challenge_method", "S256");
    if let Purpose::Again(_) = purpose {
        // OpenID Connect Core 1.0 section 3.1.2.1: with `max_age`, the ID token says when they signed in.
        query.append_pair("prompt", "login").append_pair("max_age", "0");
    }
    drop(query);
    Ok((url, attempt))
}

/// Ends a sign-in: redeems the code and verifies who signed in. The answer must belong to the attempt.
pub async fn finish(asking: Asking<'_>, attempt: &Attempt, answer: &Answer) -> Result<VerifiedIdentity, Refusal> {
    let metadata = asking.metadata().await?;
    // RFC 9207 section 2.4.
    let is_missing = answer.iss.is_empty() && metadata.authorization_response_iss_parameter_supported;
    if is_missing || (!answer.iss.is_empty() && answer.iss != attempt.issuer) {
        return Err(Refusal::new("The answer came from another provider than the one that was asked."));
    }
    if !answer.error.is_empty() {
        let stated = stated(&answer.error, &answer.error_description);
        return Err(Refusal::new(format!("The provider did not sign you in: {stated}.")));
    }
    if answer.code.is_empty() {
        return Err(Refusal::new("The provider sent neither a code nor an error."));
    }
    let tokens = asking.redeem(&metadata, &answer.code, &attempt.verifier).await?;
    let id_token = tokens.id_token.ok_or_else(|| Refusal::new("The provider sent no ID token."))?;
    let authenticated_since = match attempt.purpose {
        Purpose::SignIn => None,
        Purpose::Again(_) => Some(attempt.began_at),
    };
    let expected = Expected { nonce: &attempt.nonce, authenticated_since };
    let (subject, claims) = asking.id_token(&id_token, &expected).await?;
    let more = match VerifiedIdentity::lacks_claims(asking.provider, &claims) {
        true => asking.userinfo(&metadata, &subject, tokens.access_token.as_deref()).await?,
        false => Claims::new(),
    };
    Ok(VerifiedIdentity::of(asking.provider, &subject, &claims, &more))
}
