//! Rows V1 to V12: a token in use. What it reaches now, who is told about it, and that whatever stops it stops it at once,
//! on every node.

use std::time::{Duration, Instant};

use client_api_access::account::Location;
use client_api_access::clients::Client;
use client_api_access::config::PublicUrl;
use client_api_access::employees::Employee;
use client_api_access::id::{BusinessKey, LocationKey};
use client_api_access::scopes::Role;
use client_api_access::time::{DAY, HOUR};
use diesel::connection::SimpleConnection;
use serde_json::json;

use crate::support::oauth::{Integration, bearer, pair, refusal};
use crate::support::{Browser, Grant, Page, Person, TestApp, client_path, is_postgres, until};

const REVOKE: &str = "/auth/oauth/revoke";
const INTROSPECT: &str = "/auth/oauth/introspect";
const INACTIVE: &str = r#"{"active":false}"#;

/// A client with a secret and somebody's grant.
fn granted(app: &TestApp) -> (Integration, Person, Grant) {
    let mut shop = app.shop();
    let (integration, person) = (shop.integration("Ledgerly"), shop.staff("Stina Staff"));
    let grant = shop.grant(integration.id, &person);
    (integration, person, grant)
}

fn as_client(app: &TestApp, integration: &Integration, path: &str, fields: &[(&str, &str)]) -> Page {
    let mut all = vec![("client_id", integration.client_id.as_str()), ("client_secret", &integration.secret)];
    all.extend(fields);
    app.program().post(path, &all)
}

fn revoke(app: &TestApp, integration: &Integration, token: &str) -> Page {
    as_client(app, integration, REVOKE, &[("token", token)])
}

fn assert_revoked(answer: &Page) {
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"), "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

// What R-Series answers when it serves nothing.
fn assert_denied(answer: &Page, status: u16, error: &str, hint: &str, challenge: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let text = "The resource owner or authorization server denied the request.";
    assert_eq!(answer.json(), json!({ "error": error, "error_description": text, "hint": hint }));
    assert_eq!(answer.header("www-authenticate"), Some(challenge));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

const INVALID: &str = "Bearer realm=\"api\", error=\"invalid_token\"";
const UNVERIFIED: &str = "Access token could not be verified";
const REVOKED: &str = "Access token has been revoked";

#[test]
fn v1_a_revoked_refresh_token_takes_its_access_tokens_with_it_on_every_node() {
    let nodes = TestApp::nodes(1, |_| ());
    let (integration, person, grant) = granted(&nodes[0]);
    let (other, key) = {
        let mut shop = nodes[0].shop();
        (shop.grant(integration.id, &person), shop.api_key(integration.id, &person, "Nightly export"))
    };
    let second = pair(&integration.refresh(&nodes[0], &grant.refresh_token));
    let sibling = pair(&integration.refresh(&nodes[0], &grant.refresh_token));
    let of_grant = [&grant.access_token, &second.access_token, &sibling.access_token];
    // Every node has seen all of them work.
    for node in &nodes {
        assert!(of_grant.iter().all(|token| node.works(token)));
    }

    assert_revoked(&revoke(&nodes[0], &integration, &second.refresh_token));

    for node in nodes.iter().rev() {
        assert!(of_grant.iter().all(|token| !node.works(token)), "at once, and everywhere");
        for value in [&grant.refresh_token, &second.refresh_token, &sibling.refresh_token] {
            let (status, error, hint) = refusal(&integration.refresh(node, value));
            assert_eq!((status, error.as_str()), (400, "invalid_grant"));
            assert_eq!(hint, "Token has been revoked by this client at 2026-11-20T11:00:00Z");
        }
        assert!(node.works(&other.access_token) && node.works(&key.value), "nothing else is harmed");
    }
}

#[test]
fn v1_any_value_of_a_grant_revokes_it_and_an_access_token_goes_alone() {
    let app = TestApp::start();
    let (integration, person, grant) = granted(&app);
    let second = pair(&integration.refresh(&app, &grant.refresh_token));

    assert_revoked(&revoke(&app, &integration, &second.access_token));
    assert!(!app.works(&second.access_token));
    assert!(app.works(&grant.access_token));
    let third = pair(&integration.refresh(&app, &second.refresh_token));
    assert!(app.works(&third.access_token), "its refresh token mints another");

    assert_revoked(&revoke(&app, &integration, &grant.refresh_token));
    assert!(!app.works(&grant.access_token) && !app.works(&third.access_token), "by a value long replaced");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 0);

    let key = app.shop().api_key(integration.id, &person, "Nightly export");
    assert_revoked(&revoke(&app, &integration, &key.value));
    assert!(!app.works(&key.value));
}

#[test]
fn v1_what_is_not_there_is_revoked_all_the_same() {
    let app = TestApp::start();
    let (integration, _, grant) = granted(&app);
    assert_revoked(&revoke(&app, &integration, &grant.refresh_token));

    let long = "x".repeat(8_000);
    let unknown = grant.refresh_token.replace(&grant.refresh_token[..7], "AAAAAAA");
    for token in [&grant.refresh_token, &grant.access_token, &unknown, "nonsense", "a b\tc", "ä", "..", &long] {
        assert_revoked(&revoke(&app, &integration, token));
    }
    assert_eq!(refusal(&as_client(&app, &integration, REVOKE, &[])).1, "invalid_request", "no token at all");
    assert_eq!(refusal(&as_client(&app, &integration, REVOKE, &[("token", "")])).1, "invalid_request");
}

#[test]
fn v1_r_series_own_body_revokes_too_in_each_encoding() {
    let app = TestApp::start();
    let (integration, person, _) = granted(&app);
    let (id, secret) = (integration.client_id.as_str(), integration.secret.as_str());
    let body = |kind: &str, token: &str| match kind {
        "application/json" => json!({ "client_id": id, "client_secret": secret, "refresh_token": token }).to_string(),
        "application/x-www-form-urlencoded" => {
            crate::support::oauth::encode(&[("client_id", id), ("client_secret", secret), ("refresh_token", token)])
        }
        _ => [("client_id", id), ("client_secret", secret), ("refresh_token", token)]
            .map(|(name, value)| format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"))
            .concat()
            .chars()
            .chain("--b--\r\n".chars())
            .collect(),
    };

    for kind in ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"] {
        let grant = app.shop().grant(integration.id, &person);
        assert!(app.works(&grant.access_token));
        assert_revoked(&app.program().post_body(REVOKE, kind, &body(kind, &grant.refresh_token)));
        assert!(!app.works(&grant.access_token), "{kind}");
    }
}

#[test]
fn v2_another_client_revokes_nothing_and_learns_nothing() {
    let app = TestApp::start();
    let (integration, person, grant) = granted(&app);
    let other = app.shop().integration("Other");
    let key = app.shop().api_key(integration.id, &person, "Nightly export");
    let nothing = revoke(&app, &other, "nonsense");
    let plain = |answer: &Page| {
        let mut headers = answer.headers.clone();
        headers.retain(|(name, _)| name != "date");
        (answer.status, headers, answer.body.clone())
    };

    for token in [&grant.refresh_token, &grant.access_token, &key.value] {
        assert_eq!(plain(&revoke(&app, &other, token)), plain(&nothing), "the same bytes as for nonsense");
    }
    let wrong = Integration { secret: other.secret.clone(), ..integration.clone() };
    let (status, error, _) = refusal(&revoke(&app, &wrong, &grant.refresh_token));
    assert_eq!((status, error.as_str()), (401, "invalid_client"));

    assert!(app.works(&grant.access_token) && app.works(&key.value));
    assert_eq!(integration.refresh(&app, &grant.refresh_token).status, 200);
}

#[test]
fn v2_a_public_client_gives_up_its_own_without_a_secret_and_a_stopped_one_may_too() {
    let app = TestApp::start();
    let (mut shop, person) = (app.shop(), app.shop().staff("Stina Staff"));
    let public = shop.public_integration("Pocket till");
    let grant = shop.grant(public.id, &person);
    let fields = [("client_id", public.client_id.as_str()), ("token", &grant.refresh_token)];
    assert_revoked(&app.program().post(REVOKE, &fields));
    assert!(!app.works(&grant.access_token));

    let confidential = shop.integration("Ledgerly");
    let grant = shop.grant(confidential.id, &person);
    let fields = [("client_id", confidential.client_id.as_str()), ("token", &grant.refresh_token)];
    assert_eq!(refusal(&app.program().post(REVOKE, &fields)).1, "invalid_client", "the others need theirs");
    assert!(app.works(&grant.access_token));

    Client::set_suspended(shop.conn(), confidential.id, Some(app.now()), "Ada Admin").unwrap();
    let mut program = app.program();
    program.headers.push(confidential.basic());
    assert_revoked(&program.post(REVOKE, &[("token", &grant.refresh_token)]));
    Client::set_suspended(shop.conn(), confidential.id, None, "").unwrap();
    assert!(!app.works(&grant.access_token));
}

#[test]
fn v3_while_the_database_takes_no_change_a_revoke_is_a_503_and_never_a_200() {
    let app = TestApp::start();
    let (integration, person, grant) = granted(&app);
    let key = app.shop().api_key(integration.id, &person, "Nightly export");
    assert!(app.works(&grant.access_token) && app.works(&key.value));

    for token in [&grant.refresh_token, &key.value] {
        let mut conn = app.database.connect();
        let begin = match is_postgres() {
            true => "BEGIN; LOCK TABLE refresh_tokens, access_tokens IN EXCLUSIVE MODE",
            false => "BEGIN IMMEDIATE",
        };
        conn.batch_execute(begin).unwrap();
        let begun = Instant::now();
        let answer = revoke(&app, &integration, token);
        let (status, error, _) = refusal(&answer);
        assert_eq!((status, error.as_str()), (503, "temporarily_unavailable"), "{}", answer.body);
        assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
        conn.batch_execute("COMMIT").unwrap();

        std::thread::sleep(Duration::from_millis(300));
        assert!(app.works(&grant.access_token) && app.works(&key.value), "what was refused is not done later");
    }
    assert_revoked(&revoke(&app, &integration, &grant.refresh_token));
    assert_revoked(&revoke(&app, &integration, &key.value));
    assert!(!app.works(&grant.access_token) && !app.works(&key.value));
}

// From now on every change is refused as read-only.
fn make_read_only(app: &TestApp) {
    if is_postgres() {
        return read_only_on_postgres(app, true);
    }
    // The writer gets the error of a file that cannot be written.
    let db = app.state.db.clone();
    let set = async move { db.write(|conn| Ok(conn.batch_execute("PRAGMA query_only = ON")?)).await };
    actix_web::rt::System::new().block_on(set).unwrap();
}

// As after a failover to a replica: whoever is connected is thrown out, and connects to what takes no change.
fn read_only_on_postgres(app: &TestApp, on: bool) {
    let mut conn = app.database.connect();
    let name = app.shop().word("SELECT CAST(current_database() AS TEXT) AS word");
    let value = if on { "on" } else { "off" };
    let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}");
    conn.batch_execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE").unwrap();
    conn.batch_execute(&set).unwrap();
    let throw_out = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
        AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    conn.batch_execute(throw_out).unwrap();
}

fn unavailable(answer: &Page) {
    let (status, error, _) = refusal(answer);
    assert_eq!((status, error.as_str()), (503, "temporarily_unavailable"), "{}", answer.body);
    assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
}

#[test]
fn v3_while_the_database_is_read_only_a_revoke_is_a_503_and_afterwards_the_token_still_works() {
    let app = TestApp::start();
    let (integration, person, grant) = granted(&app);
    let key = app.shop().api_key(integration.id, &person, "Nightly export");
    let all = [&grant.access_token, &key.value, &grant.refresh_token];
    // The first use of a token is a change by itself.
    assert!(app.works(&grant.access_token) && app.works(&key.value));

    make_read_only(&app);
    for token in all {
        unavailable(&revoke(&app, &integration, token));
        unavailable(&revoke(&app, &integration, token));
    }
    assert!(app.works(&grant.access_token) && app.works(&key.value), "reading goes on");
    // PostgreSQL is put right below the server; SQLite is opened anew.
    let reopened = (!is_postgres()).then(|| TestApp::start_on(app.database.shared(), None, |_| ()));
    if is_postgres() {
        read_only_on_postgres(&app, false);
    }
    let app = reopened.as_ref().unwrap_or(&app);
    until("the server takes changes again", || app.program().get("/readyz").status == 200);
    assert!(app.works(&grant.access_token) && app.works(&key.value), "what was refused is not done later");
    let next = pair(&integration.refresh(app, &grant.refresh_token));
    assert!(app.works(&next.access_token));
    for token in all {
        assert_revoked(&revoke(app, &integration, token));
    }
    assert!(!app.works(&grant.access_token) && !app.works(&key.value) && !app.works(&next.access_token));
}

#[test]
fn v3_while_the_database_is_down_a_revoke_is_a_503_and_afterwards_the_token_still_works() {
    if !is_postgres() {
        println!("left out on SQLite: there is no other server; read-only and a full disk are tested");
        return;
    }
    let app = TestApp::start();
    let (integration, _, grant) = granted(&app);
    assert!(app.works(&grant.access_token));

    app.database.close_to_everybody(true);
    let begun = Instant::now();
    let answers = [revoke(&app, &integration, &grant.refresh_token), revoke(&app, &integration, &grant.access_token)];
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    app.database.close_to_everybody(false);

    answers.iter().for_each(unavailable);
    until("the server is connected again", || app.program().get("/readyz").status == 200);
    assert!(app.works(&grant.access_token), "what was refused is not done later");
    assert_revoked(&revoke(&app, &integration, &grant.refresh_token));
    assert!(!app.works(&grant.access_token));
}

#[test]
fn v4_whatever_hint_comes_along_the_token_is_found() {
    let app = TestApp::start();
    let (integration, person, _) = granted(&app);

    for hint in ["", "refresh_token", "access_token", "api_key", "nonsense"] {
        let grant = app.shop().grant(integration.id, &person);
        let ask = |path: &str, token: &str| {
            as_client(&app, &integration, path, &[("token", token), ("token_type_hint", hint)])
        };
        assert_eq!(ask(INTROSPECT, &grant.access_token).json()["active"], true, "{hint}");
        assert_revoked(&ask(REVOKE, &grant.access_token));
        assert!(!app.works(&grant.access_token), "{hint}");
        assert_revoked(&ask(REVOKE, &grant.refresh_token));
        assert_eq!(integration.refresh(&app, &grant.refresh_token).status, 400, "{hint}");
    }
}

#[test]
fn v5_introspection_is_for_those_who_prove_who_they_are() {
    let app = TestApp::start();
    let (integration, person, grant) = granted(&app);
    let (server, secret) = app.shop().resource_server("API");
    let public = app.shop().public_integration("Pocket till");
    let of_public = app.shop().grant(public.id, &person);
    let ask = |fields: &[(&str, &str)]| app.program().post(INTROSPECT, fields);
    let token = ("token", grant.access_token.as_str());

    for credentials in [
        vec![],
        vec![("client_id", integration.client_id.as_str())],
        vec![("client_id", integration.client_id.as_str()), ("client_secret", secret.as_str())],
        vec![("client_id", server.as_str())],
        vec![("client_id", server.as_str()), ("client_secret", integration.secret.as_str())],
        vec![("client_id", "rs-unknown"), ("client_secret", secret.as_str())],
    ] {
        let answer = ask(&[&credentials[..], &[token]].concat());
        let (status, error, _) = refusal(&answer);
        assert_eq!((status, error.as_str()), (401, "invalid_client"), "{credentials:?}");
        assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"client\", charset=\"UTF-8\""));
        assert!(!answer.body.contains("active"));
    }
    let own = ("token", of_public.access_token.as_str());
    assert_eq!(refusal(&ask(&[("client_id", &public.client_id), own])).1, "invalid_client", "a public client");

    let query = format!("{INTROSPECT}?token={}", grant.access_token);
    let credentials = [("client_id", server.as_str()), ("client_secret", secret.as_str())];
    assert_eq!(app.program().post(&query, &credentials).status, 400);
    assert_eq!(app.program().get(&query).status, 401, "R-Series' GET takes the header alone");
    assert_eq!(ask(&[&credentials[..], &[token]].concat()).json()["active"], true, "and this is how it is done");
}

#[test]
fn v6_whatever_does_not_work_is_inactive_in_the_same_words() {
    let app = TestApp::start();
    let (integration, person, revoked) = granted(&app);
    let (server, secret) = app.shop().resource_server("API");
    let (mut signed_in, _) = app.sign_in_as(Role::Admin);
    let (code, _) = integration.code(&mut signed_in);
    let session = signed_in.cookie("session").unwrap().value.clone();
    let mut shop = app.shop();
    let expired = shop.api_key_until(integration.id, &person, "old", app.now().plus(5)).value;
    let (other, suspended) = (shop.client("Other"), shop.client("Suspended"));
    let (locked, archived) = (shop.staff("Locked"), shop.staff("Archived"));
    let of_other = shop.grant(other, &person).access_token;
    let of_suspended = shop.grant(suspended, &person).access_token;
    let of_locked = shop.grant(integration.id, &locked).access_token;
    let of_archived = shop.grant(integration.id, &archived).access_token;
    let refresh_token = shop.grant(integration.id, &person).refresh_token;
    let works = shop.grant(integration.id, &person).access_token;
    let by_server = |token: &str| {
        let fields = [("client_id", server.as_str()), ("client_secret", &secret), ("token", token)];
        app.program().post(INTROSPECT, &fields)
    };
    let by_client = |token: &str| as_client(&app, &integration, INTROSPECT, &[("token", token)]);
    for token in [&revoked.access_token, &expired, &of_suspended, &of_locked, &of_archived, &works] {
        assert_eq!(by_server(token).json()["active"], true, "before");
    }
    Client::set_suspended(shop.conn(), suspended, Some(app.now()), "Ada Admin").unwrap();
    shop.lock(&locked);
    shop.archive(&archived);
    assert_revoked(&revoke(&app, &integration, &revoked.access_token));
    app.advance(5);

    let all = [
        ("revoked", revoked.access_token.as_str()),
        ("expired", &expired),
        ("unknown", "AAAAAAA_at_unknown"),
        ("a code", &code),
        ("a session", &session),
        ("of a suspended client", &of_suspended),
        ("of somebody locked", &of_locked),
        ("of somebody who left", &of_archived),
        ("the client's secret", &integration.secret),
        ("the server's own secret", &secret),
    ];
    for (what, token) in all {
        for answer in [by_server(token), by_client(token)] {
            assert_eq!((answer.status, answer.body.as_str()), (200, INACTIVE), "{what}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
    }
    assert_eq!(by_client(&of_other).body, INACTIVE, "another client's");
    assert_eq!(by_server(&refresh_token).body, INACTIVE, "a refresh token, which is no access token");
    assert_eq!(by_server(&of_other).json()["active"], true, "but a resource server asks about any");
    assert_eq!(by_client(&works).json()["active"], true);
}

#[test]
fn v7_what_is_said_of_an_active_token_is_true_to_the_grant() {
    let app = TestApp::start();
    let (integration, person, grant) = granted(&app);
    let (server, secret) = app.shop().resource_server("API");
    let key = app.shop().api_key_until(integration.id, &person, "export", app.now().plus(DAY));
    let endless = app.shop().api_key(integration.id, &person, "endless");
    Employee::set_role(app.shop().conn(), person.id, Role::Manager).unwrap();
    app.advance(60);
    let ask = |token: &str| {
        let fields = [("client_id", server.as_str()), ("client_secret", &secret), ("token", token)];
        app.program().post(INTROSPECT, &fields).json()
    };
    let now = app.now().0;
    let expected = |scope: &str, kind: &str| {
        json!({
            "active": true,
            "scope": scope,
            "client_id": integration.client_id,
            "username": person.email,
            "token_type": "Bearer",
            "iat": now - 60,
            "exp": now - 60 + HOUR,
            "sub": person.id.to_string(),
            "aud": integration.client_id,
            "iss": app.origin(),
            "acct": "1",
            "kind": kind,
        })
    };

    let of_grant = expected("employee:inventory employee:register_read", "access_token");
    assert_eq!(ask(&grant.access_token), of_grant);
    assert_eq!(app.call(INTROSPECT, &grant.access_token).json(), of_grant, "R-Series' GET tells the same");
    assert_eq!(as_client(&app, &integration, INTROSPECT, &[("token", &grant.access_token)]).json(), of_grant);
    let mut of_key = expected("employee:reports", "api_key");
    of_key["exp"] = json!(now - 60 + DAY);
    assert_eq!(ask(&key.value), of_key);
    of_key.as_object_mut().unwrap().remove("exp");
    assert_eq!(ask(&endless.value), of_key, "an end that will never come is not told");
}

#[test]
fn v8_a_token_is_shown_in_the_header_once_and_nowhere_else() {
    let app = TestApp::start();
    let (_, _, grant) = granted(&app);
    let token = grant.access_token.as_str();
    let call = |path: &str, headers: &[(&str, String)]| {
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        app.program().send("GET", path, &headers, "")
    };

    let paths = ["/oauth/userinfo", "/API/V3/Account.json", "/API/Session.json", "/auth/oauth/verify", INTROSPECT];
    for path in paths {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let answer = call(path, &[("authorization", format!("{scheme} {token}"))]);
            assert!([200, 204].contains(&answer.status), "{path} {scheme}: {}", answer.status);
        }
        let missing = "Missing \"Authorization\" header";
        assert_denied(&call(path, &[]), 401, "access_denied", missing, "Bearer realm=\"api\"");
        let unknown = call(path, &[("authorization", "Bearer nonsense".into())]);
        assert_denied(&unknown, 401, "access_denied", UNVERIFIED, INVALID);

        let in_query = format!("{path}?access_token={token}");
        let twice = [("authorization", format!("Bearer {token}")), ("authorization", format!("Bearer {token}"))];
        for answer in [
            call(&in_query, &[]),
            call(&in_query, &[("authorization", format!("Bearer {token}"))]),
            call(path, &twice),
            call(path, &[("authorization", format!("Basic {token}"))]),
            call(path, &[("authorization", format!("Bearer{token}"))]),
            call(path, &[("authorization", "Bearer ".into())]),
        ] {
            let (status, error, _) = refusal(&answer);
            // A gateway understands 401 and 403 alone.
            let (expected, code) = match path {
                "/auth/oauth/verify" => ((401, "access_denied"), "error=\"invalid_token\""),
                _ => ((400, "invalid_request"), "error=\"invalid_request\""),
            };
            assert_eq!((status, error.as_str()), expected, "{path}: {}", answer.body);
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(challenge.contains(code), "{challenge}");
        }
        // In the header and in a form at once, and in a form alone.
        let form = ("content-type".to_string(), "application/x-www-form-urlencoded".to_string());
        let body = format!("access_token={token}");
        for body in [body.as_str(), "access_token=nonsense", "a=b"] {
            let both = app.program().send("GET", path, &[bearer(token), form.clone()], body);
            let status = if path == "/auth/oauth/verify" { 401 } else { 400 };
            assert_eq!(both.status, status, "{path}: {}", both.body);
            let alone = app.program().send("GET", path, std::slice::from_ref(&form), body);
            assert_eq!(alone.status, status, "{path}: {}", alone.body);
        }
        let posted = app.program().send("POST", path, &[bearer(token), form], &body);
        assert_eq!(posted.status, if path == INTROSPECT { 401 } else { 405 }, "{path}: {}", posted.body);
        if path != INTROSPECT {
            let answer = app.program().post_body(path, "application/x-www-form-urlencoded", &body);
            assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")), "{path}");
        }
    }
}

#[test]
fn v8_a_refused_token_is_answered_in_r_series_words() {
    let app = TestApp::start();
    let (integration, person, grant) = granted(&app);
    let key = app.shop().api_key(integration.id, &person, "export");
    const PATH: &str = "/API/V3/Account.json";

    let businesses = app.call("/f/data/businesses", &grant.access_token);
    let hint = "The token or the role of its employee does not include: financial-api";
    let challenge = "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"financial-api\"";
    assert_denied(&businesses, 403, "insufficient_scope", hint, challenge);
    let quoted = app.call("/auth/oauth/verify?scope=a%22b%0d%0ax", &grant.access_token);
    assert_eq!(quoted.status, 403);
    assert!(quoted.header("www-authenticate").unwrap().ends_with("scope=\"a'b??x\""), "{:?}", quoted.headers);

    let mistyped = format!("{}-", &key.value[..key.value.len() - 1]);
    assert_denied(&app.call(PATH, &mistyped), 401, "access_denied", UNVERIFIED, INVALID);
    let second = app.shop().grant(integration.id, &person);
    assert_denied(&app.call(PATH, &second.refresh_token), 401, "access_denied", UNVERIFIED, INVALID);
    assert_revoked(&revoke(&app, &integration, &second.access_token));
    assert_denied(&app.call(PATH, &second.access_token), 401, "access_denied", REVOKED, INVALID);
    app.shop().lock(&person);
    assert_denied(&app.call(PATH, &key.value), 401, "access_denied", REVOKED, INVALID);
    app.advance(HOUR);
    assert_denied(&app.call(PATH, &grant.access_token), 401, "access_denied", UNVERIFIED, INVALID);
}

#[test]
fn v9_userinfo_has_the_shape_of_k_series_and_nothing_more() {
    let app = TestApp::start();
    let (integration, _, _) = granted(&app);
    let mut shop = app.shop();
    let person = shop.employee("John van Doe", Role::Manager);
    let grant = shop.grant_scope(integration.id, &person, "financial-api items staff-api reservation-myplatform");
    let roles = ["ROLE_BACK_OFFICE", "ROLE_BO_WRITE", "ROLE_REPORT", "ROLE_BO_LOGIN_TOKENS"];

    let answer = app.call("/oauth/userinfo", &grant.access_token);

    assert_eq!(
        answer.json(),
        json!({
            // OpenID Connect Core section 5.3.2; the same as in an introspection.
            "sub": person.id.to_string(),
            "name": person.email,
            "attributes": {
                "staff": {
                    "roles": roles,
                    "emailAddress": person.email,
                    "firstName": "John",
                    "lastName": "van Doe",
                    "userId": person.id.0,
                },
                "passwordToken": null,
                "accountNonLocked": true,
                "accountNonExpired": true,
                "credentialsNonExpired": true,
                "enabled": true,
                "password": null,
                "username": person.email,
            },
            "authorities": roles,
            // Without staff-api, which is beyond a manager's rights.
            "scopes": ["financial-api", "items", "reservation-myplatform"],
        })
    );
    assert!(!answer.body.contains("argon2"));
    let introspected = as_client(&app, &integration, INTROSPECT, &[("token", &grant.access_token)]).json();
    assert_eq!(answer.json()["sub"], introspected["sub"]);
    shop.lock(&person);
    assert_denied(&app.call("/oauth/userinfo", &grant.access_token), 401, "access_denied", REVOKED, INVALID);
}

#[test]
fn v10_the_metadata_is_built_from_the_configured_address_alone() {
    let app = TestApp::start_with(|config| {
        config.public_url = PublicUrl::parse("https://pos.example").unwrap();
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    });
    const PATH: &str = "/.well-known/oauth-authorization-server";
    let plain = app.program().get(PATH);
    let misled = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "host=evil.example;proto=http"),
    ];
    for (name, value) in misled {
        let answer = app.program().send("GET", PATH, &[(name.into(), value.into())], "");
        assert_eq!((answer.status, &answer.body), (200, &plain.body), "{name}");
    }

    let metadata = plain.json();
    assert_eq!(metadata["issuer"], "https://pos.example");
    for (name, value) in metadata.as_object().unwrap() {
        if name.ends_with("_endpoint") {
            assert!(value.as_str().unwrap().starts_with("https://pos.example/"), "{name}");
        }
    }
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    assert_eq!(metadata["grant_types_supported"], json!(["authorization_code", "refresh_token"]));
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    let methods = json!(["client_secret_basic", "client_secret_post", "none"]);
    assert_eq!(metadata["token_endpoint_auth_methods_supported"], methods);
    assert_eq!(metadata["introspection_endpoint_auth_methods_supported"], json!(methods.as_array().unwrap()[..2]));

    // Every endpoint it names is there.
    for (name, value) in metadata.as_object().unwrap() {
        if name.ends_with("_endpoint") {
            let path = value.as_str().unwrap().trim_start_matches("https://pos.example");
            assert_ne!(app.program().get(path).status, 404, "{name}");
        }
    }
}

#[test]
fn v11_an_api_key_is_a_bearer_token_and_nothing_else() {
    let app = TestApp::start();
    let (integration, person, grant) = granted(&app);
    let key = app.shop().api_key(integration.id, &person, "Nightly export");

    let verified = app.call("/auth/oauth/verify", &key.value);
    assert_eq!((verified.status, verified.header("x-auth-token-type")), (204, Some("api_key")));
    assert_eq!(app.call("/oauth/userinfo", &key.value).status, 200);
    let (status, error, hint) = refusal(&integration.refresh(&app, &key.value));
    assert_eq!((status, error.as_str()), (400, "invalid_grant"));
    assert_eq!(hint, "This is another kind of token, not a refresh token");
    let as_code = app.token(&integration.code_request(&key.value, &"v".repeat(43)));
    assert_eq!(refusal(&as_code).1, "invalid_grant");
    for not_a_bearer in [&grant.refresh_token, &integration.secret] {
        assert!(!app.works(not_a_bearer));
    }
    assert!(app.works(&key.value), "none of it has harmed the key");
}

#[test]
fn v11_an_api_key_dies_with_its_client_its_employee_its_end_and_by_itself() {
    let app = TestApp::start();
    let (mut admin, _) = app.sign_in_as(Role::Admin);
    let mut shop = app.shop();
    let (client, other) = (shop.client("Ledgerly"), shop.client("Other"));
    let (anna, bo) = (shop.staff("Anna Berg"), shop.staff("Bo Ek"));
    let [by_itself, by_client] = [1, 2].map(|_| shop.api_key(client, &anna, "export"));
    let by_employee = shop.api_key(other, &bo, "export");
    let by_end = shop.api_key_until(other, &anna, "export", app.now().plus(DAY));
    let last = shop.api_key(other, &anna, "export");
    let all = [&by_itself, &by_client, &by_employee, &by_end, &last];
    assert!(all.iter().all(|key| app.works(&key.value)));
    let revoke = |admin: &mut Browser, path: &str| {
        let form = admin.open(&format!("{path}/revoke"));
        assert_eq!(admin.submit(&form, "/revoke", &[]).status, 303);
    };

    revoke(&mut admin, &by_itself.path());
    assert_eq!(all.map(|key| app.works(&key.value)), [false, true, true, true, true]);
    revoke(&mut admin, &client_path(client));
    assert_eq!(all.map(|key| app.works(&key.value)), [false, false, true, true, true]);
    shop.archive(&bo);
    assert_eq!(all.map(|key| app.works(&key.value)), [false, false, false, true, true]);
    app.advance(DAY);
    assert_eq!(all.map(|key| app.works(&key.value)), [false, false, false, false, true]);
}

#[test]
fn v12_the_first_request_after_any_stop_is_refused_on_every_node() {
    let nodes = TestApp::nodes(1, |_| ());
    let mut shop = nodes[0].shop();
    let (mut admin, _) = nodes[0].sign_in_as(Role::Admin);
    let press = |admin: &mut Browser, page: &str, action: &str| {
        let form = admin.open(page);
        let answer = admin.submit(&form, action, &[]);
        assert_eq!(answer.status, 303, "{page} {action}: {}", answer.text());
    };
    type Stop<'a> = &'a dyn Fn(&mut Browser, &Grant, &Person);
    let stops: [(&str, Stop<'_>); 6] = [
        ("access token", &|admin, grant, _| press(admin, &format!("{}/revoke", grant.access_token_path()), "/revoke")),
        ("refresh token", &|admin, grant, _| press(admin, &format!("{}/revoke", grant.path()), "/revoke")),
        ("client", &|admin, grant, _| press(admin, &format!("{}/revoke", client_path(grant.client)), "/revoke")),
        ("lock", &|admin, _, person| press(admin, &person.path(), "/lock")),
        ("archive", &|admin, _, person| press(admin, &person.path(), "/archive")),
        ("all grants", &|admin, _, person| {
            press(admin, &format!("{}/revoke-all-access", person.path()), "/revoke-all-access")
        }),
    ];
    for (n, (name, stop)) in stops.iter().enumerate() {
        let (client, person) = (shop.client(&format!("Client {n}")), shop.staff("Anna Berg"));
        let grant = shop.grant(client, &person);
        for node in &nodes {
            assert!((0..3).all(|_| node.works(&grant.access_token)), "{name}");
        }

        stop(&mut admin, &grant, &person);

        // The last first: those that had no part in it.
        for node in nodes.iter().rev() {
            assert!(!node.works(&grant.access_token), "{name}");
        }
    }
}

#[test]
fn v12_a_suspended_client_reaches_nothing_until_it_is_resumed() {
    let nodes = TestApp::nodes(1, |_| ());
    let (integration, _, grant) = granted(&nodes[0]);
    let mut admin = nodes[0].admin();
    let mut press = |action: &str| {
        let page = admin.open(&client_path(integration.id));
        assert_eq!(admin.submit(&page, action, &[]).status, 303);
    };
    assert!(nodes.iter().all(|node| node.works(&grant.access_token)));

    press("/suspend");
    for node in &nodes {
        let answer = node.call("/oauth/userinfo", &grant.access_token);
        assert_denied(&answer, 401, "access_denied", REVOKED, INVALID);
        let (status, error, hint) = refusal(&integration.refresh(node, &grant.refresh_token));
        assert_eq!((status, error.as_str()), (401, "invalid_client"));
        assert!(hint.contains("suspended"), "{hint}");
    }
    press("/resume");
    assert!(nodes.iter().all(|node| node.works(&grant.access_token)), "and then everything again");
    assert_eq!(integration.refresh(&nodes[0], &grant.refresh_token).status, 200);
}

#[test]
fn effective_access_is_the_scope_within_the_rights_of_now() {
    let app = TestApp::start();
    let (mut admin, _) = app.sign_in_as(Role::Admin);
    let mut shop = app.shop();
    let (integration, person) = (shop.integration("Ledgerly"), shop.employee("Mona", Role::Manager));
    let scope = "employee:inventory employee:reports employee:admin_employees";
    let token = shop.grant_scope(integration.id, &person, scope).access_token;
    let allows = |scope: &str| {
        let answer = app.call(&format!("/auth/oauth/verify?scope={}", scope.replace(' ', "+")), &token);
        assert!([204, 403].contains(&answer.status), "{}", answer.body);
        answer.status == 204
    };
    let told = || app.call("/auth/oauth/verify", &token).header("x-auth-scope").unwrap().to_string();
    let rights = || {
        let rights = app.call("/API/Session.json", &token).json()["Rights"].clone();
        ["inventory_base", "inventory_read", "reports", "admin_employees", "register"]
            .map(|name| rights[name] == "true")
    };
    let change = |admin: &mut Browser, role: &str| {
        let page = admin.open(&person.path());
        assert_eq!(admin.submit(&page, "/role", &[("role", role)]).status, 303);
    };

    assert_eq!(told(), "employee:inventory employee:reports", "as a manager");
    assert!(allows("employee:reports") && allows("employee:inventory_read employee:inventory"));
    assert!(!allows("employee:admin_employees") && !allows("employee:reports employee:admin_employees"));
    assert!(!allows("employee:register"), "a right that was not granted");
    assert_eq!(rights(), [true, true, true, false, false]);

    change(&mut admin, "staff");
    assert_eq!(told(), "employee:inventory");
    assert!(!allows("employee:reports") && allows("employee:inventory"));
    assert_eq!(rights(), [true, true, false, false, false]);

    change(&mut admin, "admin");
    assert_eq!(told(), scope);
    assert!(allows("employee:reports") && allows("employee:admin_employees"));
    assert_eq!(rights(), [true, true, true, true, false]);
}

#[test]
fn verify_tells_a_gateway_who_it_is_in_headers() {
    let app = TestApp::start();
    let (integration, person, grant) = granted(&app);

    let answer = app.call("/auth/oauth/verify", &grant.access_token);

    let header = |name: &str| answer.header(name).unwrap_or_default().to_string();
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(header("x-auth-client-id"), integration.client_id);
    assert_eq!(header("x-auth-employee-id"), person.id.to_string());
    assert_eq!(header("x-auth-account-id"), "1");
    assert_eq!(header("x-auth-token-type"), "access_token");
    assert_eq!(header("x-auth-scope"), "employee:inventory employee:register_read");
    assert_eq!(header("x-auth-expires-at"), app.now().plus(HOUR).0.to_string());
    assert_eq!(header("cache-control"), "no-store");
}

#[test]
fn businesses_are_those_of_the_employees_own_locations() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (integration, person) = (shop.integration("Ledgerly"), shop.employee("Mona", Role::Manager));
    let (harbour, quay) = shop.location("Harbour", "Quay");
    let (pine, forest) = shop.location("Pine", "Forest");
    shop.location("Elsewhere", "Far away");
    let now = app.now();
    let hill = Location::create(shop.conn(), harbour, ("Hill", "SE", "Europe/Stockholm"), now).unwrap();
    let token = shop.grant_scope(integration.id, &person, "financial-api").access_token;
    let mut reach = |places: &[LocationKey]| Location::set_for_employee(shop.conn(), person.id, places).unwrap();
    let list = |query: &str| app.call(&format!("/f/data/businesses{query}"), &token).json();
    let place = |id: LocationKey, name: &str| json!({ "blID": id.0, "blName": name, "country": "SE", "timezone": "Europe/Stockholm" });
    let business = |id: BusinessKey, name: &str, places: &[serde_json::Value]| json!({ "businessId": id.0, "businessName": name, "currencyCode": "SEK", "businessLocations": places });

    reach(&[]);
    assert_eq!(list("")["_embedded"]["businessList"], json!([]));
    reach(&[quay]);
    let expected = json!([business(harbour, "Harbour", &[place(quay, "Quay")])]);
    assert_eq!(list("")["_embedded"]["businessList"], expected);
    reach(&[hill, quay, forest]);
    let all = [
        business(harbour, "Harbour", &[place(hill, "Hill"), place(quay, "Quay")]),
        business(pine, "Pine", &[place(forest, "Forest")]),
    ];
    assert_eq!(list("")["_embedded"]["businessList"], json!(all));
    assert_eq!(list("?page=1&size=1")["_embedded"]["businessList"], json!(all[1..]));
    assert_eq!(list("?page=9&size=1")["_embedded"]["businessList"], json!([]));
    let session = app.call("/API/Session.json", &token).json();
    assert_eq!((&session["shopCount"], &session["Employee"]["singleShop"]), (&"3".into(), &"false".into()));
    for query in ["?page=-1", "?size=0", "?size=101", "?page=x"] {
        assert_eq!(app.call(&format!("/f/data/businesses{query}"), &token).status, 400, "{query}");
    }
}

#[test]
fn the_leaky_bucket_is_told_in_headers_and_overflows_for_one_client_alone() {
    let app = TestApp::start();
    let (integration, person, grant) = granted(&app);
    let other = app.shop().client("Other");
    let of_other = app.shop().grant(other, &person);
    let call = |token: &str| app.call("/API/V3/Account.json", token);
    let header = |answer: &Page, name: &str| answer.header(name).unwrap_or_default().to_string();

    let first = call(&grant.access_token);
    assert_eq!(header(&first, "x-ls-acct-id"), "1");
    assert_eq!(header(&first, "x-ls-oauth-client-id"), integration.id.to_string());
    assert_eq!(header(&first, "x-ls-api-bucket-level"), "1/90");
    assert_eq!(header(&first, "x-ls-api-burst-level"), "1/20");
    assert_eq!(header(&first, "x-ls-api-drip-rate"), "1");
    assert_eq!(header(&first, "x-ls-api-request-cost"), "1");

    assert!((1..20).all(|_| call(&grant.access_token).status == 200));
    let burst = call(&grant.access_token);
    assert_eq!(burst.status, 429);
    assert_eq!(header(&burst, "x-ls-api-ratelimit-type"), "api-burst-limiter");
    assert_eq!((header(&burst, "retry-after"), header(&burst, "x-ls-api-bucket-level")), ("1".into(), "20/90".into()));
    assert!(burst.body.contains("burst rate limit exceeded"));

    let mut served = 20;
    let full = loop {
        app.advance(1);
        let answers: Vec<Page> = (0..20).map(|_| call(&grant.access_token)).collect();
        served += answers.iter().filter(|answer| answer.status == 200).count();
        if let Some(full) = answers.into_iter().find(|answer| answer.status == 429) {
            break full;
        }
    };
    // Ninety, and what dripped out in four seconds.
    assert_eq!(served, 94);
    assert_eq!(header(&full, "x-ls-api-ratelimit-type"), "api-leaky-bucket");
    assert_eq!((header(&full, "retry-after"), header(&full, "x-ls-api-bucket-level")), ("1".into(), "90/90".into()));
    assert_eq!(full.json()["error"], "rate_limit_exceeded");
    assert_eq!(call(&of_other.access_token).status, 200, "other clients have buckets of their own");
    assert!(app.works(&grant.access_token), "a gateway that asks is not counted");
    app.advance(1);
    assert_eq!([0, 1].map(|_| call(&grant.access_token).status), [200, 429], "a drip a second");
}

#[test]
fn when_a_token_was_last_used_is_shown_on_its_page() {
    let app = TestApp::start();
    let (integration, person, grant) = granted(&app);
    let key = app.shop().api_key(integration.id, &person, "export");
    let mut manager = app.manager();
    let mut used = |path: &str| manager.open(path).fact("Last used");
    assert_eq!([&grant.access_token_path(), &key.path()].map(|path| used(path)), ["never used", "never used"]);

    app.advance(600);
    assert!(app.works(&grant.access_token) && app.works(&key.value));
    app.run_background();
    app.advance(120);

    let here = "2 min ago from 127.0.0.1";
    assert_eq!([&grant.access_token_path(), &key.path()].map(|path| used(path)), [here, here]);
    assert_eq!(used(&client_path(integration.id)), "2 min ago");
    assert!(app.works(&grant.access_token));
    assert_eq!(app.call(INTROSPECT, &key.value).status, 200);
    app.run_background();
    let here = "just now from 127.0.0.1";
    assert_eq!([&grant.access_token_path(), &key.path()].map(|path| used(path)), [here, here]);
}

#[test]
fn when_a_secret_was_last_used_is_known() {
    let app = TestApp::start();
    let (integration, _, grant) = granted(&app);
    let (server, secret) = app.shop().resource_server("API");
    let mut shop = app.shop();
    let mut used = |table: &str| shop.number(&format!("SELECT last_used_at FROM {table}"));
    let wrong = Integration { secret: secret.clone(), ..integration.clone() };
    revoke(&app, &wrong, "nonsense");
    app.run_background();
    assert_eq!((used("client_secrets"), used("resource_servers")), (0, 0), "a wrong secret has not been used");

    app.advance(60);
    assert_eq!(integration.refresh(&app, &grant.refresh_token).status, 200);
    let fields = [("client_id", server.as_str()), ("client_secret", &secret), ("token", "nonsense")];
    assert_eq!(app.program().post(INTROSPECT, &fields).body, INACTIVE);
    app.run_background();

    assert_eq!((used("client_secrets"), used("resource_servers")), (app.now().0, app.now().0));
}

#[test]
fn what_the_token_endpoint_refused_is_kept_for_the_developer_and_holds_no_value() {
    let app = TestApp::start();
    let (integration, _, grant) = granted(&app);
    let wrong = Integration { secret: "a-wrong-secret-of-theirs".into(), ..integration.clone() };
    let (head, last) = grant.refresh_token.split_at(grant.refresh_token.len() - 1);
    let unknown = format!("{head}{}", if last == "x" { "y" } else { "x" });
    let fields = integration.refresh_request(&unknown);
    let mut wider = integration.refresh_request(&grant.refresh_token);
    wider.push(("scope", "employee:all"));

    wrong.refresh(&app, &grant.refresh_token);
    app.token(&fields);
    app.token(&wider);
    app.token(&integration.code_request("a-code-that-never-was", &"v".repeat(43)));
    app.token(&[("client_id", &integration.client_id), ("client_secret", &integration.secret), ("grant_type", "x")]);
    assert_eq!(integration.refresh(&app, &grant.refresh_token).status, 200, "success leaves nothing");
    app.run_background();

    let sql = "SELECT error || ' ' || grant_type || ' ' || client_ip AS word FROM token_failures ORDER BY id";
    let expected = [
        "invalid_client refresh_token 127.0.0.1",
        "invalid_grant refresh_token 127.0.0.1",
        "invalid_scope refresh_token 127.0.0.1",
        "invalid_grant authorization_code 127.0.0.1",
        "unsupported_grant_type  127.0.0.1",
    ];
    assert_eq!(app.shop().words(sql), expected);
    let text = app.shop().words("SELECT grant_type || error || hint || client_ip AS word FROM token_failures").concat();
    assert!(text.contains("incomplete or mistyped"), "{text}");
    for value in [&grant.refresh_token, &unknown, &integration.secret, &wrong.secret, "a-code-that-never-was"] {
        assert!(!text.contains(value) && !text.contains(&value[7..20]), "no value and no part of one: {text}");
    }
    for _ in 0..15 {
        for _ in 0..10 {
            app.token(&fields);
        }
        app.run_background();
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM token_failures"), 50, "the newest fifty of a client");
}

#[test]
fn a_token_of_a_revoked_client_is_refused_by_every_endpoint() {
    let app = TestApp::start();
    let (integration, _, grant) = granted(&app);
    let (mut admin, _) = app.sign_in_as(Role::Admin);
    let form = admin.open(&format!("{}/revoke", client_path(integration.id)));
    assert_eq!(admin.submit(&form, "/revoke", &[]).status, 303);

    for path in ["/oauth/userinfo", "/API/V3/Account.json", "/API/Session.json", "/f/data/businesses", INTROSPECT] {
        let answer = app.program().send("GET", path, &[bearer(&grant.access_token)], "");
        assert_denied(&answer, 401, "access_denied", REVOKED, INVALID);
    }
}
