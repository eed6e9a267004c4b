//! OAuth error responses (RFC 6749 section 5.2), with R-Series' `hint`: the exact reason, for developers.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use crate::error::Error;
use crate::secrets::random_name;
use crate::web::observe::{Incident, RefusedFor};

/// An error of the token, revocation or introspection endpoint, or of an authorization request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The error code (RFC 6749 sections 5.2 and 4.1.2.1, or an extension).
    pub code: &'static str,
    /// The `error_description`.
    pub description: String,
    /// The `hint`: the exact reason, for the client's developer; may be empty.
    pub hint: String,
    /// Seconds until the client may retry.
    pub retry_after: Option<i64>,
    /// Whether the answer has a `WWW-Authenticate: Basic` header.
    pub challenge: bool,
    // Boxed, so that results stay small.
    allow: Option<Box<str>>,
    incident: Option<Box<str>>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    error_description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    hint: &'a str,
}

impl OAuthError {
    fn new(status: StatusCode, code: &'static str, description: &str, hint: impl Into<String>) -> OAuthError {
        OAuthError {
            status,
            code,
            description: printable(description),
            hint: printable(&hint.into()),
            retry_after: None,
            challenge: false,
            allow: None,
            incident: None,
        }
    }

    /// The request is malformed: 400.
    pub fn invalid_request(hint: impl Into<String>) -> OAuthError {
        const TEXT: &str = "The request is missing a required parameter, includes an invalid parameter value, includes \
             a parameter more than once, or is otherwise malformed.";
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", TEXT, hint)
    }

    /// Client authentication failed: 401, with the same description for every client.
    pub fn invalid_client(hint: impl Into<String>) -> OAuthError {
        let error = Self::new(StatusCode::UNAUTHORIZED, "invalid_client", "Client authentication failed", hint);
        OAuthError { challenge: true, ..error }
    }

    /// The authorization code or refresh token is invalid: 400.
    pub fn invalid_grant(hint: impl Into<String>) -> OAuthError {
        const TEXT: &str = "The provided authorization grant or refresh token is invalid, expired, revoked, does not \
             match the redirection URI used in the authorization request, or was issued to another client.";
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", TEXT, hint)
    }

    /// The scope is unknown, or exceeds what was granted: 400.
    pub fn invalid_scope(hint: impl Into<String>) -> OAuthError {
        const TEXT: &str = "The requested scope is invalid, unknown, or malformed";
        Self::new(StatusCode::BAD_REQUEST, "invalid_scope", TEXT, hint)
    }

    /// The grant type is not supported: 400.
    pub fn unsupported_grant_type() -> OAuthError {
        const TEXT: &str = "The authorization grant type is not supported by the authorization server.";
        let hint = "Use authorization_code or refresh_token";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", TEXT, hint)
    }

    /// The response type is not supported: 400.
    pub fn unsupported_response_type() -> OAuthError {
        const TEXT: &str = "The authorization server does not support this response type.";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_response_type", TEXT, "Use response_type=code")
    }

    /// The employee denied access.
    pub fn access_denied() -> OAuthError {
        const TEXT: &str = "The resource owner or authorization server denied the request.";
        Self::new(StatusCode::UNAUTHORIZED, "access_denied", TEXT, "The user denied the request")
    }

    /// Too many requests: 429, with the seconds to wait.
    pub fn slow_down(seconds: i64, hint: impl Into<String>) -> OAuthError {
        const TEXT: &str = "The authorization server cannot handle the request right now.";
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", TEXT, hint);
        OAuthError { retry_after: Some(seconds), ..error }
    }

    /// The endpoint does not support the method: 405 (R-Series: `invalid_request`).
    pub fn method_not_allowed(allow: String) -> OAuthError {
        let error = Self::invalid_request(format!("Use {allow}"));
        OAuthError { status: StatusCode::METHOD_NOT_ALLOWED, allow: Some(allow.into()), ..error }
    }

    /// Nothing on this server has the address: 404.
    pub fn not_found() -> OAuthError {
        const TEXT: &str = "This server has nothing at this address.";
        const HINT: &str = "Check the address. The shop's own API is served by its gateway, not by this server: send the \
             request there";
        Self::new(StatusCode::NOT_FOUND, "not_found", TEXT, HINT)
    }

    /// A preflight from an origin that may not call the endpoint: 403.
    pub fn unknown_origin() -> OAuthError {
        let hint = "Register a redirect URI of this origin, with https, for an active, publicly distributed client";
        OAuthError { status: StatusCode::FORBIDDEN, ..Self::invalid_request(hint) }
    }

    /// The body is too large: 413.
    pub fn too_large() -> OAuthError {
        let error = Self::invalid_request("The body is too long");
        OAuthError { status: StatusCode::PAYLOAD_TOO_LARGE, ..error }
    }

    /// The format of the body is not supported: 415.
    pub fn unsupported_media_type() -> OAuthError {
        let hint = "Send application/x-www-form-urlencoded, application/json or multipart/form-data, uncompressed";
        OAuthError { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, ..Self::invalid_request(hint) }
    }

    /// A server error: 503 while the database is unavailable, otherwise 500. The cause is only logged. Invalid input is
    /// `invalid_request`.
    pub fn from_error(error: &Error) -> OAuthError {
        if let Error::Invalid(why) = error {
            return Self::invalid_request(why);
        }
        let status = error.status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            log::warn!("an endpoint is unavailable: {error}");
            const TEXT: &str = "The authorization server is busy. Try again.";
            let busy = Self::new(status, "temporarily_unavailable", TEXT, "");
            return OAuthError { retry_after: Some(5), ..busy };
        }
        let id = random_name(10);
        log::error!(incident = id.as_str(); "incident {id}: {error}");
        let text = format!("The authorization server failed. Incident ID: {id}");
        let failed = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", &text, "");
        OAuthError { incident: Some(id.into()), ..failed }
    }

    /// The response, with the headers that RFC 6749 section 5.1 requires.
    pub fn response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        no_store(&mut response);
        response.extensions_mut().insert(RefusedFor(self.code));
        if let Some(id) = &self.incident {
            response.extensions_mut().insert(Incident(id.to_string()));
        }
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if self.challenge {
            response.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"client\", charset=\"UTF-8\""));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_ref()));
        }
        response.json(Body { error: self.code, error_description: &self.description, hint: &self.hint })
    }
}

impl From<Error> for OAuthError {
    fn from(error: Error) -> OAuthError {
        OAuthError::from_error(&error)
    }
}

/// Adds headers that forbid caching.
pub fn no_store(response: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    response.insert_header((header::CACHE_CONTROL, "no-store")).insert_header((header::PRAGMA, "no-cache"))
}

/// Replaces characters that RFC 6749 does not allow in an error (allowed: %x20-21 / %x23-5B / %x5D-7E).
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' => '\'',
            '\\' => '/',
            ' '..='~' => c,
            _ => '?',
        })
        .take(400)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t1_errors_have_only_the_characters_the_rfc_allows() {
        let error = OAuthError::invalid_request("a\r\nSet-Cookie: x\t\"quoted\" \\ ä\u{1b}[31m");

        assert_eq!(error.hint, "a??Set-Cookie: x?'quoted' / ??[31m");
        assert!(error.hint.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)));
    }
}
