//! Programs that call the endpoints: a client, a resource server, and their tokens, grants and codes.

use std::net::SocketAddr;

use base64::Engine;
use client_api_access::clients::{Client, ClientSecret, NewClient, RedirectUri, Registration, Website};
use client_api_access::db::{DbConnection, in_transaction};
use client_api_access::id::{ClientKey, EmployeeKey};
use client_api_access::resource_servers::ResourceServer;
use client_api_access::scopes::Scope;
use client_api_access::time::Timestamp;
use client_api_access::tokens::authorization_code::{AuthorizationCode, NewAuthorizationCode};
use client_api_access::tokens::issue;
use client_api_access::tokens::issue::{Grant, Lifetimes};
use client_api_access::tokens::rotation::first_use;
use url::form_urlencoded;

use super::http::Connection;
use super::world::seconds;

const TOKENS: usize = 2_000;
const GRANTED_BY: EmployeeKey = EmployeeKey(1);
const REDIRECT_URI: &str = "https://loaded.example/callback";

/// A client, a resource server, and access tokens that have been used before.
pub struct Prepared {
    client: ClientKey,
    client_id: String,
    client_secret: String,
    resource_server: String,
    tokens: Vec<String>,
}

impl Prepared {
    /// One request for each access token.
    pub fn requests(&self, of: impl Fn(&str) -> Vec<u8>) -> Vec<Vec<u8>> {
        self.tokens.iter().map(|token| of(token)).collect()
    }

    fn body(&self, fields: &[(&str, &str)]) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs([("client_id", self.client_id.as_str()), ("client_secret", self.client_secret.as_str())]);
        body.extend_pairs(fields);
        body.finish()
    }
}

/// Creates them in the database.
pub fn prepare(conn: &mut DbConnection) -> Prepared {
    let now = Timestamp(seconds());
    in_transaction(conn, &|conn| {
        let website = Website::parse("https://loaded.example").expect("a website");
        let registration = Registration {
            redirect_uris: vec![RedirectUri::parse(REDIRECT_URI, false).expect("a redirect URI")],
            requires_pkce: false,
            ..Registration::default()
        };
        let name = "Under load";
        let new = NewClient {
            name,
            website: &website,
            approved: true,
            lightspeed_approved: false,
            by: "",
            registration: &registration,
        };
        let client = Client::create(conn, &new, now)?;
        let secret = ClientSecret::issue(conn, client, 0, now)?;
        let (server, server_secret) = ResourceServer::create(conn, name, now)?;
        let scope = scope();
        let mut tokens = Vec::new();
        for _ in 0..TOKENS {
            let grant = Grant { client, employee: GRANTED_BY, scope: &scope };
            let pair = issue::grant(conn, &grant, Lifetimes::default(), now)?;
            first_use(conn, pair.access_token_id, Some((pair.refresh_token_id, 1)), now)?;
            tokens.push(pair.access_token.expose().to_string());
        }
        let basic = format!("{}:{}", server.resource_server_id, server_secret.expose());
        Ok(Prepared {
            client,
            client_id: Client::find(conn, client)?.client_id,
            client_secret: secret.expose().to_string(),
            resource_server: base64::engine::general_purpose::STANDARD.encode(basic),
            tokens,
        })
    })
    .expect("tokens to ask about")
}

fn scope() -> Scope {
    Scope::parse("employee:inventory employee:register_read").expect("a scope")
}

/// Grants to refresh: the newest value of each.
pub fn grants(conn: &mut DbConnection, prepared: &Prepared, count: usize) -> Vec<String> {
    let now = Timestamp(seconds());
    in_transaction(conn, &|conn| {
        let scope = scope();
        let grant = Grant { client: prepared.client, employee: GRANTED_BY, scope: &scope };
        let pair = |_| Ok(issue::grant(conn, &grant, Lifetimes::default(), now)?.refresh_token.expose().to_string());
        (0..count).map(pair).collect()
    })
    .expect("grants to refresh")
}

/// Authorization codes for each caller.
pub fn codes(conn: &mut DbConnection, prepared: &Prepared, callers: usize, each: usize) -> Vec<Vec<String>> {
    let now = Timestamp(seconds());
    in_transaction(conn, &|conn| {
        let scope = scope();
        let new = NewAuthorizationCode {
            client: prepared.client,
            employee: GRANTED_BY,
            scope: &scope,
            redirect_uri: None,
            code_challenge: None,
        };
        let mut code = || Ok(AuthorizationCode::issue(conn, &new, now)?.expose().to_string());
        (0..callers).map(|_| (0..each).map(|_| code()).collect()).collect()
    })
    .expect("codes to redeem")
}

/// A GET request with additional headers.
pub fn get(to: SocketAddr, path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {to}\r\n{headers}\r\n").into_bytes()
}

fn post(to: SocketAddr, path: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {to}\r\n{headers}Content-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The verify request of a gateway.
pub fn verify(to: SocketAddr, token: &str) -> Vec<u8> {
    get(to, "/auth/oauth/verify?scope=employee:inventory", &format!("Authorization: Bearer {token}\r\n"))
}

/// The introspection request of a resource server.
pub fn introspect(to: SocketAddr, prepared: &Prepared, token: &str) -> Vec<u8> {
    let header = format!("Authorization: Basic {}\r\n", prepared.resource_server);
    post(to, "/auth/oauth/introspect", &header, &format!("token={token}"))
}

/// A caller that refreshes one grant repeatedly, each time with the refresh token of the last response.
pub fn refresher(prepared: &Prepared, to: SocketAddr, grant: &str) -> impl FnMut(&mut Connection) -> Option<bool> {
    let mut value = grant.to_string();
    move |connection| {
        let body = prepared.body(&[("grant_type", "refresh_token"), ("refresh_token", &value)]);
        let answer = connection.send(&post(to, "/auth/oauth/token", "", &body)).expect("an answer");
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match json["refresh_token"].as_str() {
            Some(next) => value = next.to_string(),
            None => return Some(false),
        }
        Some(answer.status == 200)
    }
}

/// A caller that exchanges one code after the other.
pub fn exchanger(
    prepared: &Prepared,
    to: SocketAddr,
    codes: Vec<String>,
) -> impl FnMut(&mut Connection) -> Option<bool> {
    let mut codes = codes.into_iter();
    move |connection| {
        let body = prepared.body(&[("grant_type", "authorization_code"), ("code", &codes.next()?)]);
        let answer = connection.send(&post(to, "/auth/oauth/token", "", &body)).expect("an answer");
        Some(answer.status == 200)
    }
}
