//! Authorization servers that others wrote, for our connections to talk to: `scripts/test providers` installs them and
//! names their folder in FOREIGN_PROVIDERS. They are ignored in other runs.

mod connections;
mod sign_in;

use base64::Engine;
use serde_json::{Value, json};

use crate::support::oauth::{Pkce, answered_at, bearer, encode, pair, refusal, value};
use crate::support::provider::NodeProvider;
use crate::support::{Browser, Page};

const CALLBACK: &str = "https://pos.example/callback";
const SETTINGS: [(&str, &str); 3] = [("CLIENT_ID", "ours"), ("CLIENT_SECRET", "a secret"), ("REDIRECT_URI", CALLBACK)];

fn authorize_url(provider: &NodeProvider, endpoint: &str, pkce: &Pkce) -> String {
    let query = encode(&[
        ("response_type", "code"),
        ("client_id", "ours"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid offline_access"),
        ("state", "xyz"),
        ("code_challenge", &pkce.challenge),
        ("code_challenge_method", "S256"),
        ("login_hint", "grace"),
    ]);
    format!("{}{endpoint}?{query}", provider.origin)
}

fn token(provider: &NodeProvider, fields: &[(&str, &str)]) -> Page {
    let mut browser = Browser::new(&provider.origin);
    // Not from a page: oidc-provider would refuse that.
    browser.origin_header = None;
    let credentials = base64::engine::general_purpose::STANDARD.encode("ours:a+secret");
    browser.headers.push(("authorization".into(), format!("Basic {credentials}")));
    browser.post("/token", fields)
}

fn redeem(provider: &NodeProvider, code: &str, pkce: &Pkce) -> Page {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", &pkce.verifier),
    ];
    token(provider, &fields)
}

fn refresh(provider: &NodeProvider, refresh_token: &str) -> Page {
    token(provider, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])
}

fn userinfo(provider: &NodeProvider, token: &str) -> Page {
    Browser::new(&provider.origin).send("GET", "/me", &[bearer(token)], "")
}

#[test]
#[ignore = "scripts/test providers runs it"]
fn oidc_provider_rotates_and_ends_the_whole_grant_when_an_old_refresh_token_comes_back() {
    let provider = NodeProvider::start("oidc_provider.js", &SETTINGS);
    let pkce = Pkce::new();

    let callback = answered_at(&provider.walk(&authorize_url(&provider, "/auth", &pkce)));
    assert_eq!((value(&callback, "state"), value(&callback, "iss")), ("xyz", provider.origin.as_str()));
    let first = pair(&redeem(&provider, value(&callback, "code"), &pkce));
    assert_eq!(userinfo(&provider, &first.access_token).json()["sub"], "grace");

    let second = pair(&refresh(&provider, &first.refresh_token));
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_eq!(userinfo(&provider, &second.access_token).status, 200);

    for old_and_new in [&first.refresh_token, &second.refresh_token] {
        let (status, error, _) = refusal(&refresh(&provider, old_and_new));
        assert_eq!((status, error.as_str()), (400, "invalid_grant"));
    }
    assert_eq!(userinfo(&provider, &second.access_token).status, 401);

    let log = provider.log();
    let token_requests: Vec<&Value> = log.iter().filter(|entry| entry["endpoint"] == "token").collect();
    let statuses: Vec<&Value> = token_requests.iter().map(|entry| &entry["status"]).collect();
    assert_eq!(json!(statuses), json!([200, 200, 400, 400]));
    assert_eq!(token_requests[1]["refresh_token"], token_requests[0]["issued"]);
    assert_eq!(token_requests[2]["refresh_token"], token_requests[0]["issued"]);
    assert_eq!(token_requests[3]["refresh_token"], token_requests[1]["issued"]);
}

#[test]
#[ignore = "scripts/test providers runs it"]
fn oidc_provider_is_steered_failing_late_without_grants_and_with_a_thousand() {
    let provider = NodeProvider::start("oidc_provider.js", &SETTINGS);
    let seeded = provider.control("seed?n=1000", "");
    let of = |i: usize| seeded[i]["refresh_token"].as_str().unwrap();
    assert_eq!(seeded.as_array().unwrap().len(), 1000);
    assert_eq!(seeded[0]["expires_in"], 60);
    assert_eq!(userinfo(&provider, seeded[999]["access_token"].as_str().unwrap()).json()["sub"], "ada-1000");

    provider.control("fail?next=2&status=429&retry_after=7", "");
    for _ in 0..2 {
        let refused = refresh(&provider, of(0));
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("7")));
    }
    let begun = std::time::Instant::now();
    provider.control("delay?ms=300", "");
    let refreshed = pair(&refresh(&provider, of(0)));
    assert!(begun.elapsed().as_millis() >= 300);

    provider.control("revoke", "");
    for refused in [refresh(&provider, &refreshed.refresh_token), refresh(&provider, of(999))] {
        assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_grant")));
    }
    assert_eq!(userinfo(&provider, &refreshed.access_token).status, 401);
}

#[test]
#[ignore = "scripts/test providers runs it"]
fn oidc_provider_sends_back_who_declines() {
    let provider = NodeProvider::start("oidc_provider.js", &SETTINGS);
    let url = authorize_url(&provider, "/auth", &Pkce::new()).replace("login_hint=grace", "login_hint=nobody");

    let callback = answered_at(&provider.walk(&url));

    assert_eq!((value(&callback, "error"), value(&callback, "state")), ("access_denied", "xyz"));
}

#[test]
#[ignore = "scripts/test providers runs it"]
fn oauth2_mock_server_says_what_it_is_told() {
    let provider = NodeProvider::start("mock_server.js", &[]);
    let pkce = Pkce::new();
    let callback = answered_at(&provider.walk(&authorize_url(&provider, "/authorize", &pkce)));
    assert!(callback.iter().all(|(name, _)| name != "iss"));
    let first = pair(&redeem(&provider, value(&callback, "code"), &pkce));

    provider.control("reply", r#"{"members": {"expires_in": "3600", "refresh_token": null}}"#);
    provider.control("reply", r#"{"status": 503, "headers": {"content-type": "text/html"}, "body": "<h1>Busy</h1>"}"#);
    let (odd, busy, own) = (
        refresh(&provider, &first.refresh_token).json(),
        refresh(&provider, &first.refresh_token),
        refresh(&provider, &first.refresh_token),
    );

    assert_eq!((&odd["expires_in"], odd.get("refresh_token")), (&json!("3600"), None));
    assert_eq!(
        (busy.status, busy.header("content-type"), busy.body.as_str()),
        (503, Some("text/html"), "<h1>Busy</h1>")
    );
    pair(&own);
    assert_eq!(provider.log().len(), 4);
}
