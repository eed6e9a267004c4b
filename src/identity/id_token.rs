//! Verifying an ID token (OpenID Connect Core 1.0 section 3.1.3.7).

use serde_json::Value;

use crate::identity::claims::seconds;
use crate::identity::jws::{Claims, Token, Unverified};
use crate::identity::{Asking, CLOCK_SKEW, Refusal};
use crate::time::Timestamp;

// OpenID Connect Core 1.0 section 2.
const LONGEST_SUBJECT: usize = 255;

/// What an ID token must be for.
pub struct Expected<'a> {
    /// The nonce of the request.
    pub nonce: &'a str,
    /// The earliest `auth_time`, if the person had to sign in again.
    pub authenticated_since: Option<Timestamp>,
}

fn wrong(why: impl std::fmt::Display) -> Refusal {
    Refusal::new(format!("The provider's ID token is refused: {why}."))
}

impl Asking<'_> {
    /// The claims of an ID token whose signature and claims are right, and the subject.
    pub(super) async fn id_token(&self, text: &str, expected: &Expected<'_>) -> Result<(String, Claims), Refusal> {
        let token = Token::read(text).map_err(wrong)?;
        // A token that was made for something else has another type (RFC 8725 section 3.11).
        if !matches!(token.kind().as_str(), "" | "jwt") {
            return Err(wrong("it is another kind of token"));
        }
        let claims = self.verified(&token).await?.map_err(wrong)?;
        self.check_issued(&claims).map_err(wrong)?;
        let nonce = claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
        if nonce.is_empty() || nonce != expected.nonce {
            return Err(wrong("it does not belong to this sign-in"));
        }
        if let Some(since) = expected.authenticated_since {
            match claims.get("auth_time").and_then(seconds) {
                Some(at) if at.since(since) >= -CLOCK_SKEW => {}
                Some(_) => return Err(wrong("the provider did not ask you to sign in again")),
                None => return Err(wrong("it does not say when you signed in")),
            }
        }
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT || subject.contains('\0') {
            return Err(wrong("it names nobody"));
        }
        // PostgreSQL stores no NUL.
        if claims.get("sid").and_then(Value::as_str).is_some_and(|session| session.contains('\0')) {
            return Err(wrong("the ID of its session cannot be read"));
        }
        Ok((subject.to_string(), claims))
    }

    /// The claims of a token if one of the provider's keys verifies it. Keys that are not known are fetched: a provider may
    /// replace them at any time.
    pub(super) async fn verified(&self, token: &Token<'_>) -> Result<Result<Claims, Unverified>, Refusal> {
        let keys = self.keys(false).await?;
        let verified = match token.verify(&keys) {
            Err(Unverified::UnknownKey | Unverified::Signature) => token.verify(&self.keys(true).await?).cloned(),
            verified => verified.cloned(),
        };
        Ok(verified)
    }

    /// Checks who issued a token, for whom, and when. Errors: the reason as a clause.
    pub(super) fn check_issued(&self, claims: &Claims) -> Result<(), &'static str> {
        if claims.get("iss").and_then(Value::as_str) != Some(&self.provider.issuer) {
            return Err("it is from another issuer");
        }
        let client_id = self.provider.client_id.as_str();
        let (is_for_us, is_for_others) = match claims.get("aud") {
            Some(Value::String(audience)) => (audience == client_id, false),
            Some(Value::Array(audiences)) => {
                (audiences.iter().any(|audience| audience == client_id), audiences.len() > 1)
            }
            _ => (false, false),
        };
        if !is_for_us {
            return Err("it is for another client");
        }
        match claims.get("azp") {
            Some(party) if party != client_id => return Err("another client asked for it"),
            None if is_for_others => return Err("it does not say which client asked for it"),
            _ => {}
        }
        let time = |name: &str| claims.get(name).and_then(seconds);
        match time("exp") {
            Some(at) if at.since(self.now) > -CLOCK_SKEW => {}
            Some(_) => return Err("it has expired. Check the clocks of both servers"),
            None => return Err("it does not say when it expires"),
        }
        match time("iat") {
            Some(at) if at.since(self.now) <= CLOCK_SKEW => {}
            Some(_) => return Err("it was issued in the future. Check the clocks of both servers"),
            None => return Err("it does not say when it was issued"),
        }
        match time("nbf") {
            Some(at) if at.since(self.now) > CLOCK_SKEW => Err("it is not valid yet. Check the clocks of both servers"),
            _ => Ok(()),
        }
    }
}
