//! Programs that call the endpoints: a client, a resource server, and their tokens, grants and codes.

use std::net::SocketAddr;

use base64::Engine;
use client_api_access::clients::{Client, ClientSecret, NewClient, RedirectUri, Registration, Website};
use client_api_access::db::{DbConnection, in_transaction};
use client_api_access::id::{ClientKey, EmployeeKey};
use client_api_access::resource_servers::ResourceServer;
use client_api_access::scopes::Scope;
use client_api_access::secrets::{MasterKey, PlainToken};
use client_api_access::time::Timestamp;
use client_api_access::tokens::authorization_code::{AuthorizationCode, NewAuthorizationCode};
use client_api_access::tokens::issue;
use client_api_access::tokens::issue::{Grant, Lifetimes};
use client_api_access::tokens::rotation::{self, Refresh, Rotation, first_use};
use diesel::connection::SimpleConnection;
use url::form_urlencoded;

use super::bulk::{hash, series};
use super::facts::number;
use super::http::Connection;
use super::load::Asked;
use super::process::SECRET_KEY;
use super::world::seconds;

const TOKENS: usize = 2_000;
const GRANTED_BY: EmployeeKey = EmployeeKey(1);
const REDIRECT_URI: &str = "https://loaded.example/callback";

/// A client, a resource server, and access tokens that have been used before.
pub struct Prepared {
    pub client: ClientKey,
    client_id: String,
    client_secret: String,
    // Its id and its secret.
    resource_server: [String; 2],
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
    prepare_with(conn, TOKENS)
}

/// The same with another number of access tokens.
pub fn prepare_with(conn: &mut DbConnection, tokens: usize) -> Prepared {
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
        let mut values = Vec::new();
        for _ in 0..tokens {
            let grant = Grant { client, employee: GRANTED_BY, scope: &scope };
            let pair = issue::grant(conn, &grant, Lifetimes::default(), now)?;
            first_use(conn, pair.access_token_id, Some((pair.refresh_token_id, 1)), None, now)?;
            values.push(pair.access_token.expose().to_string());
        }
        Ok(Prepared {
            client,
            client_id: Client::find(conn, client)?.client_id,
            client_secret: secret.expose().to_string(),
            resource_server: [server.resource_server_id, server_secret.expose().to_string()],
            tokens: values,
        })
    })
    .expect("tokens to ask about")
}

fn scope() -> Scope {
    Scope::parse("employee:inventory employee:register_read").expect("a scope")
}

/// Grants to refresh: the newest value of each.
pub fn grants(conn: &mut DbConnection, prepared: &Prepared, count: usize) -> Vec<String> {
    grants_at(conn, prepared, count, Timestamp(seconds()))
}

/// The same, granted at this time.
pub fn grants_at(conn: &mut DbConnection, prepared: &Prepared, count: usize, now: Timestamp) -> Vec<String> {
    in_transaction(conn, &|conn| {
        let scope = scope();
        let grant = Grant { client: prepared.client, employee: GRANTED_BY, scope: &scope };
        let pair = |_| Ok(issue::grant(conn, &grant, Lifetimes::default(), now)?.refresh_token.expose().to_string());
        (0..count).map(pair).collect()
    })
    .expect("grants to refresh")
}

/// Refreshes each grant once, in the order of their values, without a server. Returns the next values.
pub fn refresh_all(
    conn: &mut DbConnection,
    client: ClientKey,
    values: &[String],
    now: Timestamp,
) -> client_api_access::error::Result<Vec<String>> {
    let client = Client::find(conn, client)?;
    let grant_key = &MasterKey::from_text(SECRET_KEY).expect("a long key").derive("grant");
    let mut next = Vec::with_capacity(values.len());
    for value in values {
        let value = &PlainToken::parse(value).expect("a refresh token");
        let refresh = Refresh { client: &client, value, grant_key, scope: None, client_ip: "127.0.0.1" };
        match rotation::refresh(conn, &refresh, Lifetimes::default(), now)? {
            Rotation::Issued(pair, _) => next.push(pair.refresh_token.expose().to_string()),
            other => panic!("a grant was not refreshed: {other:?}"),
        }
    }
    Ok(next)
}

/// Access tokens of other clients that expire one after the other while somebody refreshes: `rate` a second, from `begin` on,
/// for `seconds`. Returns the first of their ids.
pub fn expiring(conn: &mut DbConnection, rate: i64, begin: i64, seconds: i64) -> i64 {
    let first = number(conn, "SELECT MAX(id) + 1 AS n FROM access_tokens");
    let newest = number(conn, "SELECT MAX(id) AS n FROM refresh_tokens");
    let grants = number(conn, "SELECT COUNT(*) AS n FROM refresh_tokens").min(100_000) / 2;
    let (rows, hash) = (series(conn, rate * seconds), hash(conn, &format!("'expiring ' || {begin} || ' ' || i")));
    let sql = format!(
        "INSERT INTO access_tokens (client_id, employee_id, refresh_token_id, hash, prefix, scope, created_at, expires_at)
         SELECT client_id, employee_id, id, {hash}, 'Zk3f9aB', scope, {begin} - 3600, {begin} + i / {rate}
         FROM {rows} JOIN refresh_tokens ON refresh_tokens.id = {newest} - i % {grants}"
    );
    conn.batch_execute(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    first
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

/// The introspection request of a resource server, with its credentials in the header.
pub fn introspect(to: SocketAddr, prepared: &Prepared, token: &str) -> Vec<u8> {
    let basic = base64::engine::general_purpose::STANDARD.encode(prepared.resource_server.join(":"));
    let header = format!("Authorization: Basic {basic}\r\n");
    post(to, "/auth/oauth/introspect", &header, &format!("token={token}"))
}

/// The same with its credentials in the body.
pub fn introspect_with_body(to: SocketAddr, prepared: &Prepared, token: &str) -> Vec<u8> {
    let [id, secret] = &prepared.resource_server;
    let body = format!("token={token}&client_id={id}&client_secret={secret}");
    post(to, "/auth/oauth/introspect", "", &body)
}

/// Goes round the same requests; each caller begins with another one.
pub fn cycle(requests: &[Vec<u8>], caller: usize) -> impl FnMut(&mut Connection) -> Option<Asked> {
    let mut next = caller * 37;
    move |connection| {
        next = (next + 1) % requests.len();
        Some(connection.send(&requests[next]).map(|answer| matches!(answer.status, 200 | 204)))
    }
}

/// A caller that refreshes one grant repeatedly, each time with the refresh token of the last response.
pub fn refresher(prepared: &Prepared, to: SocketAddr, grant: &str) -> impl FnMut(&mut Connection) -> Option<Asked> {
    let mut value = grant.to_string();
    move |connection| {
        let body = prepared.body(&[("grant_type", "refresh_token"), ("refresh_token", &value)]);
        let answer = match connection.send(&post(to, "/auth/oauth/token", "", &body)) {
            Ok(answer) => answer,
            Err(error) => return Some(Err(error)),
        };
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match json["refresh_token"].as_str() {
            Some(next) => value = next.to_string(),
            None => return Some(Ok(false)),
        }
        Some(Ok(answer.status == 200))
    }
}

/// A caller that exchanges one code after the other.
pub fn exchanger(
    prepared: &Prepared,
    to: SocketAddr,
    codes: Vec<String>,
) -> impl FnMut(&mut Connection) -> Option<Asked> {
    let mut codes = codes.into_iter();
    move |connection| {
        let body = prepared.body(&[("grant_type", "authorization_code"), ("code", &codes.next()?)]);
        Some(connection.send(&post(to, "/auth/oauth/token", "", &body)).map(|answer| answer.status == 200))
    }
}
