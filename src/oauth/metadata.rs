//! Authorization server metadata (RFC 8414). URLs come from the configured public URL, never from the Host header.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::scopes::Scope;
use crate::web::state::State;

/// `GET /.well-known/oauth-authorization-server`
pub async fn metadata(app: web::Data<State>) -> HttpResponse {
    let issuer = app.config.public_url.origin();
    let at = |path: &str| format!("{issuer}{path}");
    let by_secret = ["client_secret_basic", "client_secret_post"];
    let scopes: Vec<&str> = Scope::catalogue().map(|(name, _, _)| name).collect();
    HttpResponse::Ok().insert_header(("cache-control", "public, max-age=300")).json(json!({
        "issuer": issuer,
        "authorization_endpoint": at("/auth/oauth/authorize"),
        "token_endpoint": at("/auth/oauth/token"),
        "revocation_endpoint": at("/auth/oauth/revoke"),
        "introspection_endpoint": at("/auth/oauth/introspect"),
        "userinfo_endpoint": at("/oauth/userinfo"),
        "service_documentation": at("/oauth/integration-guide"),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": by_secret,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}
