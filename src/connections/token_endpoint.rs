//! Requests to a provider's authorize, token and revocation endpoints (RFC 6749 sections 4.1.1, 4.1.3 and 6, RFC 7009), by
//! the `oauth2` crate. `token_reply` reads the answers.

use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, Scope, StandardRevocableToken, TokenUrl, http,
};
use url::{Url, form_urlencoded};

use crate::connections::provider::{Provider, RevokeStyle};
use crate::connections::refusal;
use crate::connections::token_reply::{NoReply, Outcome, TokenReply, outcome};
use crate::error::{Error, Result};
use crate::http::{HttpClient, RequestFailure};
use crate::time::{DAY, Timestamp};

/// Requests of one client to one provider.
pub struct Exchange<'a> {
    /// The provider.
    pub provider: &'a Provider,
    /// The client ID.
    pub client_id: &'a str,
    /// The client secret.
    pub secret: &'a str,
    /// The redirect URI.
    pub redirect_uri: String,
    /// The HTTP client.
    pub http: &'a HttpClient,
    /// The current time.
    pub now: Timestamp,
}

type Configured = oauth2::Client<
    BasicErrorResponse,
    TokenReply,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl Exchange<'_> {
    fn client(&self) -> Result<Configured> {
        let invalid = |_| Error::internal("a URL of a provider is invalid");
        Ok(oauth2::Client::new(ClientId::new(self.client_id.into()))
            .set_client_secret(ClientSecret::new(self.secret.into()))
            .set_auth_uri(AuthUrl::new(self.provider.authorize_url.to_string()).map_err(invalid)?)
            .set_token_uri(TokenUrl::new(self.provider.token_url.to_string()).map_err(invalid)?)
            .set_redirect_uri(RedirectUrl::new(self.redirect_uri.clone()).map_err(invalid)?)
            .set_auth_type(match self.provider.secret_in_header {
                true => AuthType::BasicAuth,
                false => AuthType::RequestBody,
            }))
    }

    /// The URL to redirect the browser to, and the PKCE verifier if the provider uses PKCE.
    pub fn authorize_url(&self, state: &str, scope: &str) -> Result<(Url, Option<String>)> {
        let client = self.client()?;
        let state = CsrfToken::new(state.into());
        let mut request = client.authorize_url(|| state);
        for word in scope.split_whitespace() {
            request = request.add_scope(Scope::new(word.into()));
        }
        let mut pkce_verifier = None;
        if self.provider.uses_pkce {
            let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
            pkce_verifier = Some(verifier.secret().clone());
            request = request.set_pkce_challenge(challenge);
        }
        Ok((request.url().0, pkce_verifier))
    }

    /// Redeems an authorization code.
    pub async fn redeem(&self, code: &str, verifier: Option<&str>) -> Result<Outcome> {
        let client = self.client()?;
        let mut request = client.exchange_code(AuthorizationCode::new(code.into()));
        if let Some(verifier) = verifier {
            request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.into()));
        }
        let http = |request| self.send(request);
        let answer = request.request_async(&http).await;
        Ok(outcome(answer, &[code, self.secret, verifier.unwrap_or_default()]))
    }

    /// Refreshes the tokens.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Outcome> {
        let client = self.client()?;
        let token = RefreshToken::new(refresh_token.into());
        let http = |request| self.send(request);
        let answer = client.exchange_refresh_token(&token).request_async(&http).await;
        Ok(outcome(answer, &[refresh_token, self.secret]))
    }

    /// Revokes a refresh token; true if the provider confirmed it. If the endpoint does not accept the client secret in the
    /// body, it is asked once more with HTTP Basic, which every server must support (RFC 6749 section 2.3.1) and some accept
    /// only here.
    pub async fn revoke(&self, refresh_token: &str) -> bool {
        let Some((url, style)) = &self.provider.revoke else {
            return false;
        };
        let in_header = self.provider.secret_in_header;
        let mut answer = self.send_revocation(url, *style, refresh_token, in_header).await;
        if !in_header && *style == RevokeStyle::Standard && answer.as_ref().is_ok_and(refuses_client) {
            answer = self.send_revocation(url, *style, refresh_token, true).await;
        }
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    async fn send_revocation(
        &self,
        url: &Url,
        style: RevokeStyle,
        refresh_token: &str,
        secret_in_header: bool,
    ) -> std::result::Result<http::Response<Vec<u8>>, RequestFailure> {
        let mut body = form_urlencoded::Serializer::new(String::new());
        match style {
            RevokeStyle::RSeries => body.append_pair("refresh_token", refresh_token),
            RevokeStyle::Standard => {
                body.append_pair("token", refresh_token).append_pair("token_type_hint", "refresh_token")
            }
        };
        let mut request = http::Request::post(url.as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json");
        if secret_in_header {
            request = request.header("authorization", basic(self.client_id, self.secret));
        } else {
            body.append_pair("client_id", self.client_id).append_pair("client_secret", self.secret);
        }
        let request = request.body(body.finish().into_bytes()).map_err(|_| RequestFailure::Forbidden)?;
        self.http.send(request).await
    }

    // The `oauth2` crate reads the body only, so statuses are handled here.
    async fn send(&self, request: http::Request<Vec<u8>>) -> std::result::Result<http::Response<Vec<u8>>, NoReply> {
        let mut answer = self.http.send(request).await.map_err(NoReply::RequestFailure)?;
        let status = answer.status();
        let retry_after = retry_after(answer.headers(), self.now);
        let passing = NoReply::Status { status: status.as_u16(), retry_after };
        if status.is_server_error() || refusal::may_pass(status) {
            return Err(passing);
        }
        // Some servers answer 200 with an error.
        let is_error = status.is_client_error() || (status.is_success() && refusal::has_error_member(answer.body()));
        if is_error && refusal::is_oauth_error(answer.body()) {
            *answer.status_mut() = http::StatusCode::BAD_REQUEST;
            return Ok(answer);
        }
        if is_error || status.is_redirection() {
            return Err(match retry_after.is_some() || refusal::is_temporary_error(answer.body()) {
                true => passing,
                false => NoReply::Refusal { status: status.as_u16(), body: answer.into_body() },
            });
        }
        if status.is_success() {
            *answer.status_mut() = http::StatusCode::OK;
        }
        Ok(answer)
    }
}

// Whether an answer refuses the client's authentication (RFC 6749 section 5.2).
fn refuses_client(answer: &http::Response<Vec<u8>>) -> bool {
    answer.status() == http::StatusCode::UNAUTHORIZED
        || (answer.status().is_client_error() && refusal::is_invalid_client(answer.body()))
}

// RFC 6749 section 2.3.1: id and secret are form-encoded first.
fn basic(id: &str, secret: &str) -> String {
    use base64::Engine;
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(id), encoded(secret));
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

/// Seconds to wait before the next request: from `Retry-After`, a number or a date, or from X-Series' `X-RateLimit-Reset`.
pub fn retry_after(headers: &http::HeaderMap, now: Timestamp) -> Option<i64> {
    let get = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let seconds = match get("retry-after") {
        Some(text) => text.parse().ok().or_else(|| {
            let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            Some(Timestamp(date.as_second()).since(now))
        }),
        None => {
            let reset: Timestamp = get("x-ratelimit-reset")?.parse().map(Timestamp).ok()?;
            Some(reset.since(now))
        }
    };
    seconds.map(|seconds: i64| seconds.clamp(0, DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o13_retry_after_is_a_number_or_a_date() {
        let headers = |name: &'static str, value: &str| {
            let mut headers = http::HeaderMap::new();
            headers.insert(name, value.parse().expect("a value"));
            headers
        };
        let now = Timestamp(784_111_777);
        assert_eq!(retry_after(&headers("retry-after", "120"), now), Some(120));
        assert_eq!(retry_after(&headers("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT"), now), Some(60));
        assert_eq!(retry_after(&headers("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"), now), Some(0));
        assert_eq!(retry_after(&headers("retry-after", "99999999"), now), Some(DAY));
        assert_eq!(retry_after(&headers("retry-after", "soon"), now), None);
        assert_eq!(retry_after(&headers("x-ratelimit-reset", "784111800"), now), Some(23));
    }
}
