//! `scope` in the answer of the token endpoint: there when less was granted than requested (RFC 6749 section 5.1), otherwise
//! absent, as R-Series has it.

use client_api_access::employees::Employee;
use client_api_access::scopes::Role;
use serde_json::Value;

use crate::support::oauth::{Integration, Pkce, pair, value};
use crate::support::{Browser, Page, TestApp};

fn members(answer: &Page) -> Vec<String> {
    let mut names: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
    names.sort_unstable();
    names
}

fn assert_four_members(answer: &Page) {
    assert_eq!(members(answer), ["access_token", "expires_in", "refresh_token", "token_type"], "{}", answer.body);
}

fn assert_scope(answer: &Page, scope: &str) {
    assert_eq!(members(answer), ["access_token", "expires_in", "refresh_token", "scope", "token_type"]);
    assert_eq!(answer.json()["scope"], Value::from(scope));
}

fn redeem(app: &TestApp, integration: &Integration, browser: &mut Browser, scope: &str) -> Page {
    let pkce = Pkce::new();
    let changes = [("scope", scope), ("code_challenge", pkce.challenge.as_str()), ("code_challenge_method", "S256")];
    let answer = integration.consent(browser, &changes);
    app.token(&integration.code_request(value(&answer, "code"), &pkce.verifier))
}

#[test]
fn what_was_granted_is_told_when_it_is_less_than_what_was_requested() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (mut browser, person) = app.sign_in_as(Role::Staff);

    assert_four_members(&redeem(&app, &integration, &mut browser, "employee:register employee:inventory"));
    assert_four_members(&redeem(&app, &integration, &mut browser, "employee:all"));
    let less =
        redeem(&app, &integration, &mut browser, "employee:reports employee:register staff-api employee:inventory");
    assert_scope(&less, "employee:register employee:inventory");
    // A scope has at least one word.
    assert_four_members(&redeem(&app, &integration, &mut browser, "employee:admin"));

    let refreshed = integration.refresh(&app, &pair(&less).refresh_token);
    assert_scope(&refreshed, "employee:register employee:inventory");
    let refresh = |answer: &Page, scope: &str| {
        let value = pair(answer).refresh_token;
        app.token(&[&integration.refresh_request(&value)[..], &[("scope", scope)]].concat())
    };
    let part = refresh(&refreshed, "employee:inventory");
    assert_four_members(&part);
    let part = refresh(&part, "employee:inventory staff-api");
    assert_scope(&part, "employee:inventory");

    // The rest is granted from the moment the role includes it.
    Employee::set_role(app.shop().conn(), person.id, Role::Admin).unwrap();
    assert_four_members(&integration.refresh(&app, &pair(&part).refresh_token));
}
