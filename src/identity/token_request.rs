//! Redeeming an authorization code (OpenID Connect Core 1.0 section 3.1.3) and reading claims from the userinfo endpoint.

use base64::Engine;
use oauth2::http;
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::identity::discovery::Metadata;
use crate::identity::jws::Claims;
use crate::identity::{Asking, Refusal};
use crate::text::is_invisible;

const LONGEST_QUOTE: usize = 200;

/// What the token endpoint answers, as far as it is used.
#[derive(Deserialize)]
pub struct TokenAnswer {
    /// The ID token.
    pub id_token: Option<String>,
    /// An access token for the userinfo endpoint.
    pub access_token: Option<String>,
}

#[derive(Deserialize)]
struct TokenError {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// What a provider states, shortened, for a page and the activity log.
pub fn quoted(text: &str) -> String {
    let visible = text.chars().map(|c| if is_invisible(c) { ' ' } else { c });
    visible.take(LONGEST_QUOTE).collect::<String>().trim().to_string()
}

/// An error code and its description, as a clause.
pub fn stated(error: &str, description: &str) -> String {
    match description {
        "" => quoted(error),
        description => format!("{}: {}", quoted(error), quoted(description).trim_end_matches('.')),
    }
}

impl Asking<'_> {
    /// Redeems a code.
    pub(super) async fn redeem(&self, metadata: &Metadata, code: &str, verifier: &str) -> Result<TokenAnswer, Refusal> {
        let (id, secret) = (self.provider.client_id.as_str(), self.provider.client_secret.as_str());
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("code_verifier", verifier);
        let mut request = http::Request::post(&metadata.token_endpoint)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json");
        if metadata.secret_in_header() {
            // RFC 6749 section 2.3.1: ID and secret are form-encoded first.
            let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encoded(id), encoded(secret));
            let pair = base64::engine::general_purpose::STANDARD.encode(pair);
            request = request.header("authorization", format!("Basic {pair}"));
        } else {
            body.append_pair("client_id", id).append_pair("client_secret", secret);
        }
        let request = request.body(body.finish().into_bytes());
        let request =
            request.map_err(|_| Refusal::new("The address of the provider's token endpoint is not valid."))?;
        let answer = self.http.send(request).await;
        let answer = answer.map_err(|why| Refusal::for_now(format!("The code could not be redeemed: {why}.")))?;
        let status = answer.status();
        if status.is_success() {
            return serde_json::from_slice(answer.body())
                .map_err(|_| Refusal::new("The provider's answer to the code cannot be understood."));
        }
        Err(match serde_json::from_slice::<TokenError>(answer.body()) {
            Ok(TokenError { error, error_description }) => {
                let stated = stated(&error, &error_description).replace(secret, "***").replace(code, "***");
                Refusal::new(format!("The provider refused the code: {stated}."))
            }
            Err(_) if status.is_server_error() => Refusal::for_now(format!(
                "The code could not be redeemed: the provider answered with status {}.",
                status.as_u16()
            )),
            Err(_) => Refusal::new(format!("The provider refused the code with status {}.", status.as_u16())),
        })
    }

    /// The claims of the userinfo endpoint, which must be of the same subject (OpenID Connect Core 1.0 section 5.3.2); none
    /// if the provider has no such endpoint.
    pub(super) async fn userinfo(
        &self,
        metadata: &Metadata,
        subject: &str,
        access_token: Option<&str>,
    ) -> Result<Claims, Refusal> {
        let (Some(url), Some(token)) = (&metadata.userinfo_endpoint, access_token) else {
            return Ok(Claims::new());
        };
        let claims: Claims = self.get(url, "userinfo", Some(token)).await?;
        match claims.get("sub").and_then(Value::as_str) == Some(subject) {
            true => Ok(claims),
            false => Err(Refusal::new("The provider's userinfo is about somebody else.")),
        }
    }
}
