//! A client's side of OAuth 2.0: what an integration sends, and what a browser does on the way.

use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use client_api_access::clients::ClientSecret;
use client_api_access::id::ClientKey;
use client_api_access::schema::clients;
use diesel::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::app::TestApp;
use super::browser::{Browser, Page};
use super::records::{REDIRECT_URI, Shop};

/// What every integration asks for here, unless a test says otherwise.
pub const SCOPE: &str = "employee:inventory employee:register_read";

/// An integration with its credentials.
#[derive(Clone, Debug)]
pub struct Integration {
    /// Its row.
    pub id: ClientKey,
    /// Its public id.
    pub client_id: String,
    /// Its secret.
    pub secret: String,
}

/// A pair as the token endpoint answered it.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
}

/// A PKCE verifier and its challenge.
#[derive(Clone, Debug)]
pub struct Pkce {
    /// What the token request shows.
    pub verifier: String,
    /// What the authorization request shows.
    pub challenge: String,
}

impl Pkce {
    /// A new one.
    pub fn new() -> Pkce {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let verifier = format!("{:0>43}", NEXT.fetch_add(1, Ordering::Relaxed));
        Pkce { challenge: challenge(&verifier), verifier }
    }
}

/// The S256 challenge of a verifier.
pub fn challenge(verifier: &str) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// Pairs as a query or a body.
pub fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

impl Shop {
    /// An active client with a secret, whose codes go to [`REDIRECT_URI`].
    pub fn integration(&mut self, name: &str) -> Integration {
        let id = self.client(name);
        self.credentials(id)
    }

    /// The same for an R-Series client of old, which knows no PKCE.
    pub fn integration_without_pkce(&mut self, name: &str) -> Integration {
        let integration = self.integration(name);
        self.sql(&format!("UPDATE clients SET requires_pkce = FALSE WHERE id = {}", integration.id));
        integration
    }

    /// The same for a publicly distributed client.
    pub fn public_integration(&mut self, name: &str) -> Integration {
        let integration = self.integration(name);
        self.sql(&format!("UPDATE clients SET publicly_distributed = TRUE WHERE id = {}", integration.id));
        integration
    }

    /// A secret for a client that is there.
    pub fn credentials(&mut self, id: ClientKey) -> Integration {
        let now = self.now();
        let secret = ClientSecret::issue(self.conn(), id, 0, now).unwrap();
        let client_id = clients::table.find(id).select(clients::client_id).first(self.conn()).unwrap();
        Integration { id, client_id, secret: secret.expose().into() }
    }

    /// Another redirect URI for a client, whatever a form would say to it.
    pub fn redirect_uri(&mut self, integration: &Integration, uri: &str) {
        self.sql(&format!("INSERT INTO redirect_uris (client_id, uri) VALUES ({}, '{uri}')", integration.id));
    }
}

impl Integration {
    /// Its authorization request, as a path; `changes` replace or join the usual parameters, an empty value leaves one out.
    pub fn authorize_path(&self, changes: &[(&str, &str)]) -> String {
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", REDIRECT_URI),
            ("scope", SCOPE),
            ("state", "xyz"),
        ];
        pairs.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        pairs.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        format!("/auth/oauth/authorize?{}", encode(&pairs))
    }

    /// Has somebody who is signed in consent; returns the parameters that came back.
    pub fn consent(&self, browser: &mut Browser, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let page = browser.open(&self.authorize_path(changes));
        let answer = mark_lightspeed_approved(browser, &page);
        assert_eq!(answer.status, 303, "{}", answer.text());
        answered(&answer)
    }

    /// A code, and the verifier that goes with it.
    pub fn code(&self, browser: &mut Browser) -> (String, Pkce) {
        let pkce = Pkce::new();
        let answer = self.consent(browser, &[("code_challenge", &pkce.challenge), ("code_challenge_method", "S256")]);
        (value(&answer, "code").to_string(), pkce)
    }

    /// What redeems a code.
    pub fn code_request<'a>(&'a self, code: &'a str, verifier: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", "authorization_code"),
            ("client_id", &self.client_id),
            ("client_secret", &self.secret),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", verifier),
        ]
    }

    /// What refreshes.
    pub fn refresh_request<'a>(&'a self, refresh_token: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", "refresh_token"),
            ("client_id", &self.client_id),
            ("client_secret", &self.secret),
            ("refresh_token", refresh_token),
        ]
    }

    /// A whole grant: consent by whoever is signed in with `browser`, and the code redeemed.
    pub fn grant(&self, app: &TestApp, browser: &mut Browser) -> Pair {
        let (code, pkce) = self.code(browser);
        let answer = app.token(&self.code_request(&code, &pkce.verifier));
        pair(&answer)
    }

    /// Refreshes.
    pub fn refresh(&self, app: &TestApp, refresh_token: &str) -> Page {
        app.token(&self.refresh_request(refresh_token))
    }

    /// The Basic header of its credentials.
    pub fn basic(&self) -> (String, String) {
        let text = format!("{}:{}", self.client_id, self.secret);
        ("authorization".into(), format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text)))
    }
}

impl TestApp {
    /// Something that is no browser: without cookies, without Origin.
    pub fn program(&self) -> Browser {
        let mut program = self.browser();
        program.origin_header = None;
        program
    }

    /// Calls the token endpoint.
    pub fn token(&self, fields: &[(&str, &str)]) -> Page {
        self.program().post("/auth/oauth/token", fields)
    }

    /// Calls a resource with a token.
    pub fn call(&self, path: &str, token: &str) -> Page {
        self.program().send("GET", path, &[bearer(token)], "")
    }

    /// Whether a token works, as a gateway sees it.
    pub fn works(&self, token: &str) -> bool {
        let answer = self.call("/auth/oauth/verify", token);
        assert!([204, 401].contains(&answer.status), "verify: {} {}", answer.status, answer.body);
        answer.status == 204
    }
}

/// The header that shows a token.
pub fn bearer(token: &str) -> (String, String) {
    ("authorization".into(), format!("Bearer {token}"))
}

/// Presses the button that lets a client in.
pub fn mark_lightspeed_approved(browser: &mut Browser, page: &Page) -> Page {
    press(browser, page, "allow")
}

/// Presses one of the two buttons of a consent page.
pub fn press(browser: &mut Browser, page: &Page, decision: &str) -> Page {
    let action = page.attribute("form[action^='/auth/oauth/consent']", "action").expect("a consent page");
    browser.submit(page, &action, &[("decision", decision)])
}

/// The parameters a client was sent.
pub fn answered(answer: &Page) -> Vec<(String, String)> {
    answered_at(&answer.location())
}

/// The parameters of the address a client was sent them at.
pub fn answered_at(address: &str) -> Vec<(String, String)> {
    url::Url::parse(address).unwrap().query_pairs().into_owned().collect()
}

/// One of them.
pub fn value<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let found = pairs.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("no {name} in {pairs:?}"))
}

/// The pair in an answer that must be one.
pub fn pair(answer: &Page) -> Pair {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let json = answer.json();
    let text = |name: &str| json[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_string();
    Pair { access_token: text("access_token"), refresh_token: text("refresh_token") }
}

/// Status, error code and hint of an OAuth error.
pub fn refusal(answer: &Page) -> (u16, String, String) {
    let json = answer.json();
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_string();
    (answer.status, text("error"), text("hint"))
}

impl Page {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.path, self.body))
    }
}
