//! What a client learns about its own refresh token, and that nobody else learns anything.

use client_api_access::employees::Employee;
use client_api_access::scopes::Role;
use client_api_access::time::{DAY, MINUTE};
use serde_json::{Value, json};

use crate::support::oauth::{Integration, pair, refusal};
use crate::support::{Grant, Person, TestApp};

const INTROSPECT: &str = "/auth/oauth/introspect";

fn granted(app: &TestApp) -> (Integration, Person, Grant) {
    let mut shop = app.shop();
    let (integration, person) = (shop.integration("Ledgerly"), shop.staff("Stina Staff"));
    let grant = shop.grant_scope(integration.id, &person, "employee:inventory employee:reports");
    (integration, person, grant)
}

fn ask(app: &TestApp, (id, secret): (&str, &str), token: &str) -> Value {
    let answer = app.program().post(INTROSPECT, &[("client_id", id), ("client_secret", secret), ("token", token)]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn inactive() -> Value {
    json!({ "active": false })
}

#[test]
fn a_client_is_told_about_its_own_refresh_token_and_a_resource_server_is_not() {
    let app = TestApp::start();
    let (integration, person, grant) = granted(&app);
    let other = app.shop().integration("Other");
    let (server, server_secret) = app.shop().resource_server("API");
    let own = (integration.client_id.as_str(), integration.secret.as_str());
    app.advance(MINUTE);
    let issued = app.now().0 - MINUTE;
    let mut expected = json!({
        "active": true,
        // Without what is beyond the role of its employee.
        "scope": "employee:inventory",
        "client_id": integration.client_id,
        "username": person.email,
        "iat": issued,
        "exp": issued + 30 * DAY,
        "sub": person.id.to_string(),
        "aud": integration.client_id,
        "iss": app.origin(),
        "acct": "1",
        "kind": "refresh_token",
    });

    assert_eq!(ask(&app, own, &grant.refresh_token), expected);

    Employee::set_role(app.shop().conn(), person.id, Role::Manager).unwrap();
    expected["scope"] = json!("employee:inventory employee:reports");
    assert_eq!(ask(&app, own, &grant.refresh_token), expected);
    assert_eq!(ask(&app, (&other.client_id, &other.secret), &grant.refresh_token), inactive());
    assert_eq!(ask(&app, (&server, &server_secret), &grant.refresh_token), inactive());
    assert!(ask(&app, (&server, &server_secret), &grant.access_token)["active"].as_bool().unwrap());
    let mut mistyped = grant.refresh_token.clone();
    mistyped.pop();
    assert_eq!(ask(&app, own, &mistyped), inactive());
}

#[test]
fn asking_about_a_refresh_token_is_no_use_of_it() {
    let app = TestApp::start();
    let (integration, _, grant) = granted(&app);
    let own = (integration.client_id.as_str(), integration.secret.as_str());
    let second = pair(&integration.refresh(&app, &grant.refresh_token));
    let before = app.shop().word("SELECT CAST(last_used_at AS TEXT) AS word FROM refresh_tokens");
    app.advance(MINUTE);

    for value in [&second.refresh_token, &grant.refresh_token] {
        assert_eq!(ask(&app, own, value)["active"], json!(true));
    }
    app.run_background();

    assert_eq!(app.shop().word("SELECT CAST(last_used_at AS TEXT) AS word FROM refresh_tokens"), before);
    // Nothing of the second pair was used, so its response may have been lost.
    let third = pair(&integration.refresh(&app, &grant.refresh_token));
    assert!(app.works(&third.access_token));
}

#[test]
fn a_refresh_token_is_active_as_long_as_it_can_be_refreshed() {
    let app = TestApp::start();
    let (integration, person, grant) = granted(&app);
    let own = (integration.client_id.as_str(), integration.secret.as_str());
    let is_active = |token: &str| ask(&app, own, token)["active"].as_bool().unwrap();
    let second = pair(&integration.refresh(&app, &grant.refresh_token));
    assert!(is_active(&grant.refresh_token), "within the grace period");
    app.advance(MINUTE);
    assert!(app.works(&second.access_token));
    assert!(!is_active(&grant.refresh_token), "replaced, and the new pair was used");
    let third = pair(&integration.refresh(&app, &second.refresh_token));
    assert!(!is_active(&grant.refresh_token) && is_active(&third.refresh_token), "older still");

    app.shop().sql("UPDATE employees SET locked_at = 1");
    assert!(!is_active(&third.refresh_token), "locked");
    app.shop().sql("UPDATE employees SET locked_at = NULL, archived_at = 1");
    assert!(!is_active(&third.refresh_token), "archived");
    app.shop().sql("UPDATE employees SET archived_at = NULL");
    app.shop().sql("UPDATE clients SET grants_end_after = 60");
    assert!(!is_active(&third.refresh_token), "the shop limits how long access lasts");
    app.shop().sql("UPDATE clients SET grants_end_after = NULL");
    assert!(is_active(&third.refresh_token));
    app.advance(30 * DAY - 1);
    assert!(is_active(&third.refresh_token));
    app.advance(1);
    assert!(!is_active(&third.refresh_token), "expired");

    let grant = app.shop().grant(integration.id, &person);
    app.shop().sql("UPDATE refresh_tokens SET revoked_at = 1");
    assert!(!is_active(&grant.refresh_token), "revoked");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 2, "and nothing was reuse");
}

#[test]
fn a_suspended_client_and_a_public_client_are_told_nothing() {
    let app = TestApp::start();
    let (integration, person, grant) = granted(&app);
    let public = app.shop().public_integration("Handheld");
    let of_public = app.shop().grant(public.id, &person);
    app.shop().sql(&format!("UPDATE clients SET suspended_at = 1 WHERE id = {}", integration.id));

    let fields = [("client_id", integration.client_id.as_str()), ("client_secret", &integration.secret)];
    let suspended = app.program().post(INTROSPECT, &[&fields[..], &[("token", &grant.refresh_token)]].concat());
    let fields = [("client_id", public.client_id.as_str()), ("token", &of_public.refresh_token)];
    let without_secret = app.program().post(INTROSPECT, &fields);

    for answer in [suspended, without_secret] {
        assert_eq!((answer.status, refusal(&answer).1.as_str()), (401, "invalid_client"), "{}", answer.body);
    }
}
