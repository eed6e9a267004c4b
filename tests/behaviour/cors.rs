//! Cross-origin requests of apps that run in a browser: which endpoints answer them, and to which origins.

use client_api_access::clients::{Client, RedirectUri};
use client_api_access::routes::{ENDPOINTS, PAGES};

use crate::support::oauth::{Integration, bearer, encode, refusal};
use crate::support::{Browser, Page, TestApp, is_postgres};

const APP: &str = "https://app.example";
const TOKEN: &str = "/auth/oauth/token";
const REVOKE: &str = "/auth/oauth/revoke";
const USERINFO: &str = "/oauth/userinfo";
const METADATA: &str = "/.well-known/oauth-authorization-server";

fn public_client(app: &TestApp, uris: &[&str]) -> Integration {
    let mut shop = app.shop();
    let integration = shop.public_integration("Handheld");
    let uris: Vec<RedirectUri> = uris.iter().map(|uri| RedirectUri::parse(uri, true).unwrap()).collect();
    RedirectUri::set_for_client(shop.conn(), integration.id, &uris).unwrap();
    integration
}

fn from(app: &TestApp, origin: &str) -> Browser {
    let mut program = app.program();
    program.headers.push(("origin".into(), origin.into()));
    program
}

fn preflight(app: &TestApp, path: &str, origin: &str) -> Page {
    let headers = [
        ("access-control-request-method".to_string(), "POST".to_string()),
        ("access-control-request-headers".to_string(), "authorization,content-type".to_string()),
    ];
    from(app, origin).send("OPTIONS", path, &headers, "")
}

fn allowed(answer: &Page) -> Option<&str> {
    assert!(answer.header("access-control-allow-credentials").is_none(), "{}", answer.path);
    answer.header("access-control-allow-origin")
}

fn has_no_cors_header(answer: &Page, what: &str) {
    let found = answer.headers.iter().find(|(name, _)| name.starts_with("access-control-"));
    assert_eq!(found, None, "{what}");
}

#[test]
fn a_preflight_from_the_origin_of_a_public_client_is_answered() {
    let app = TestApp::start();
    public_client(&app, &["https://app.example/cb"]);

    for (path, methods) in [(TOKEN, "POST"), (REVOKE, "POST"), (USERINFO, "GET")] {
        let answer = preflight(&app, path, APP);

        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{path}");
        assert_eq!(allowed(&answer), Some(APP), "{path}");
        assert_eq!(answer.header("vary"), Some("Origin"), "{path}");
        assert_eq!(answer.header("access-control-allow-methods"), Some(methods), "{path}");
        assert_eq!(answer.header("access-control-allow-headers"), Some("Authorization, Content-Type"));
        assert_eq!(answer.header("access-control-max-age"), Some("600"));
    }
}

#[test]
fn a_browser_app_reads_answers_and_errors() {
    let app = TestApp::start();
    let integration = public_client(&app, &["https://app.example/cb"]);
    let person = app.shop().staff("Stina Staff");
    let grant = app.shop().grant(integration.id, &person);
    let mut page = from(&app, APP);

    let id = ("client_id", integration.client_id.as_str());
    let refreshed = page.post(TOKEN, &[id, ("grant_type", "refresh_token"), ("refresh_token", &grant.refresh_token)]);
    let userinfo = page.send("GET", USERINFO, &[bearer(&grant.access_token)], "");
    let revoked = page.post(REVOKE, &[id, ("token", &grant.refresh_token)]);
    let refused = page.post(TOKEN, &[id, ("grant_type", "refresh_token"), ("refresh_token", &grant.refresh_token)]);
    let too_long = page.post(TOKEN, &[("a", &"x".repeat(20_000))]);
    let denied = page.send("GET", USERINFO, &[bearer("wrong")], "");
    let wrong_method = page.send("DELETE", TOKEN, &[], "");

    assert_eq!([&refreshed, &userinfo, &revoked].map(|answer| answer.status), [200; 3], "{}", refreshed.body);
    assert_eq!(refusal(&refused).1, "invalid_grant");
    assert_eq!([&too_long, &denied, &wrong_method].map(|answer| answer.status), [413, 401, 405]);
    for answer in [refreshed, userinfo, revoked, refused, too_long, denied, wrong_method] {
        assert_eq!((allowed(&answer), answer.header("vary")), (Some(APP), Some("Origin")), "{}", answer.status);
        let exposed = answer.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("WWW-Authenticate") && exposed.contains("Retry-After"), "{exposed}");
    }
}

#[test]
fn only_exact_https_origins_of_public_clients_are_allowed() {
    let app = TestApp::start();
    app.shop().integration("Confidential, on another origin");
    app.shop().sql(
        "UPDATE redirect_uris SET uri = 'https://confidential.example/cb', origin = 'https://confidential.example'",
    );
    public_client(
        &app,
        &[
            "https://App.Example:443/cb?x=1",
            "https://other.example:8443",
            "http://127.0.0.1/cb",
            "http://localhost:3000/cb",
            "com.example.app:/cb",
        ],
    );

    for origin in [APP, "https://other.example:8443"] {
        assert_eq!(allowed(&preflight(&app, TOKEN, origin)), Some(origin));
    }
    for origin in [
        "null",
        "*",
        "",
        "https://confidential.example",
        "https://app.example:8443",
        "https://app.example:443",
        "https://app.example/",
        "https://APP.example",
        "https://app.example.evil.test",
        "https://evil.test",
        "https://sub.app.example",
        "https://other.example",
        "http://app.example",
        "http://127.0.0.1",
        "http://localhost:3000",
        "com.example.app:",
        "https://app.example, https://evil.test",
        "https://%",
        &format!("https://{}", "a".repeat(2_000)),
    ] {
        let answer = preflight(&app, TOKEN, origin);
        has_no_cors_header(&answer, origin);
        assert_eq!((answer.status, refusal(&answer).1.as_str()), (403, "invalid_request"), "{origin}");
        assert_eq!(answer.header("vary"), Some("Origin"), "{origin}");
        let answer = from(&app, origin).post(TOKEN, &[]);
        has_no_cors_header(&answer, origin);
        assert_eq!((answer.status, answer.header("vary")), (401, Some("Origin")), "{origin}");
    }
    let mut twice = from(&app, APP);
    twice.headers.push(("origin".into(), "https://evil.test".into()));
    has_no_cors_header(&twice.post(TOKEN, &[]), "two origins");
    has_no_cors_header(&app.program().post(TOKEN, &[]), "no origin");
}

#[test]
fn a_client_that_is_not_active_or_whose_redirect_uri_changed_loses_its_origin_on_every_node() {
    let nodes = TestApp::nodes(1, |_| ());
    let app = &nodes[0];
    let integration = public_client(app, &["https://app.example/cb"]);
    let mut shop = app.shop();
    let is_allowed = |origin: &str| {
        let answers: Vec<bool> =
            nodes.iter().map(|node| allowed(&preflight(node, TOKEN, origin)) == Some(origin)).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        answers[0]
    };
    let id = integration.id;

    assert!(is_allowed(APP));
    Client::set_suspended(shop.conn(), id, Some(app.now()), "Ada Admin").unwrap();
    assert!(!is_allowed(APP), "suspended");
    Client::set_suspended(shop.conn(), id, None, "").unwrap();
    assert!(is_allowed(APP));
    shop.sql(&format!("UPDATE clients SET approved_at = NULL WHERE id = {id}"));
    assert!(!is_allowed(APP), "pending");
    shop.sql(&format!("UPDATE clients SET approved_at = 1 WHERE id = {id}"));
    let moved = [RedirectUri::parse("https://new.example/cb", true).unwrap()];
    RedirectUri::set_for_client(shop.conn(), id, &moved).unwrap();
    assert!(!is_allowed(APP) && is_allowed("https://new.example"));
    Client::mark_revoked(shop.conn(), id, app.now()).unwrap();
    assert!(!is_allowed("https://new.example"), "revoked");
}

#[test]
fn the_metadata_is_for_every_origin() {
    let app = TestApp::start();

    for origin in [APP, "https://evil.test", "null"] {
        assert_eq!(allowed(&from(&app, origin).get(METADATA)), Some("*"), "{origin}");
        let answer = preflight(&app, METADATA, origin);
        assert_eq!((answer.status, allowed(&answer)), (204, Some("*")), "{origin}");
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET"));
    }
    // A cache may give it to anybody.
    assert_eq!(allowed(&app.program().get(METADATA)), Some("*"));
}

#[test]
fn no_other_address_answers_another_origin() {
    let app = TestApp::start();
    let integration = public_client(&app, &["https://app.example/cb"]);
    let (mut admin, _) = app.sign_in_as(client_api_access::scopes::Role::Admin);
    admin.headers.push(("origin".into(), APP.into()));

    for route in ENDPOINTS.iter().chain(PAGES.iter().copied().flatten()) {
        if [TOKEN, REVOKE, USERINFO, METADATA].contains(&route.path) {
            continue;
        }
        let what = format!("{} {}", route.method, route.path);
        has_no_cors_header(&preflight(&app, route.path, APP), &what);
        has_no_cors_header(&from(&app, APP).send(route.method, route.path, &[], ""), &what);
    }
    let query = encode(&[("client_id", integration.client_id.as_str()), ("response_type", "code")]);
    has_no_cors_header(&admin.get(&format!("/auth/oauth/authorize?{query}")), "the authorization endpoint");
    for path in ["/healthz", "/static/none.css", "/API/V3/Account/1/Item.json", "/nowhere"] {
        has_no_cors_header(&admin.get(path), path);
    }
}

#[test]
fn the_migration_stores_the_origins_of_redirect_uris_that_were_there_before() {
    let app = TestApp::start();
    public_client(
        &app,
        &[
            "https://app.example/cb?next=https://evil.test/",
            "https://App.Example:443/cb",
            "https://other.example",
            "https://other.example:8443?tenant=7/8",
            "https://other.example:4443/",
            "https://[::1]:8443/cb",
            "http://127.0.0.1/cb",
            "com.example.app:/cb",
        ],
    );
    let stored = || app.shop().words("SELECT COALESCE(origin, '') AS word FROM redirect_uris ORDER BY id");
    let before = stored();
    assert_eq!(before.iter().filter(|origin| !origin.is_empty()).count(), 6, "{before:?}");
    let up = match is_postgres() {
        true => include_str!("../../migrations/postgres/2026-11-26-000012_redirect_origins/up.sql"),
        false => include_str!("../../migrations/sqlite/2026-11-26-000012_redirect_origins/up.sql"),
    };
    let without_comments: String = up.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
    let updates: Vec<&str> =
        without_comments.split(';').map(str::trim).filter(|one| one.starts_with("UPDATE")).collect();
    assert!(!updates.is_empty());

    app.shop().sql("UPDATE redirect_uris SET origin = NULL");
    app.shop().sql(&updates.join(";"));

    assert_eq!(stored(), before);
}
