//! "Recent failures" on a client's page: what the authorization and token endpoints refused, shown at once and bounded.

use crate::support::oauth::{Integration, answered, value};
use crate::support::{Browser, Page, TestApp, client_path};

fn refused(app: &TestApp, integration: &Integration, changes: &[(&str, &str)]) -> String {
    let answer = app.browser().get(&integration.authorize_path(changes));
    assert_eq!(answer.status, 303, "{}", answer.text());
    value(&answered(&answer), "hint").to_string()
}

fn failures(manager: &mut Browser, integration: &Integration) -> Page {
    manager.open(&client_path(integration.id))
}

#[test]
fn errors_that_go_back_to_the_app_are_shown_on_every_node_at_once() {
    let nodes = TestApp::nodes(1, |_| ());
    let app = &nodes[0];
    let integration = app.shop().integration("Ledgerly");
    let mut managers: Vec<Browser> = nodes.iter().map(TestApp::manager).collect();
    // The first of them answers here.
    let without_pkce = refused(app, &integration, &[]);
    refused(app, &integration, &[("scope", "employee:everything")]);
    integration.refresh(app, "nonsense");

    for manager in &mut managers {
        let page = failures(manager, &integration);
        let rows = page.rows("#failures");
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert!(rows[0].says("Refresh") && rows[0].says("refresh_token") && rows[0].says("invalid_grant"), "{rows:?}");
        assert!(rows[1].says("Authorization request") && rows[1].says("invalid_scope"), "{rows:?}");
        assert!(rows[1].says("employee:everything") && rows[1].says("127.0.0.1"), "{rows:?}");
        assert!(rows[2].says("Authorization request") && rows[2].says("invalid_request"), "{rows:?}");
        assert!(rows[2].says(&without_pkce), "{rows:?}");
        assert!(page.texts("#failures-h")[0].starts_with("Recent failures"));
    }
}

#[test]
fn a_missing_challenge_says_where_an_admin_turns_pkce_off() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let public = app.shop().public_integration("Handheld");

    let hint = refused(&app, &integration, &[]);
    assert!(hint.contains("`code_challenge`") && hint.contains("turn off `Requires PKCE`"), "{hint}");
    assert!(hint.contains("Settings, Client API Access") && hint.contains("Edit client"), "{hint}");
    let hint = refused(&app, &public, &[]);
    assert!(hint.contains("every publicly distributed client") && !hint.contains("turn off"), "{hint}");

    let mut admin = app.admin();
    let form = admin.open(&format!("{}/edit", client_path(integration.id)));
    assert!(form.text().contains("Does the developer’s app use PKCE"), "{}", form.text());
    assert!(admin.open("/settings/client-api-access/register").text().contains("Does the developer’s app use PKCE"));
}

#[test]
fn a_denial_is_no_failure_of_the_app() {
    let app = TestApp::start();
    let integration = app.shop().integration_without_pkce("Ledgerly");
    let mut manager = app.manager();
    let consent = manager.open(&integration.authorize_path(&[]));

    crate::support::oauth::press(&mut manager, &consent, "deny");

    assert!(failures(&mut manager, &integration).rows("#failures").is_empty());
}

#[test]
fn l6_whoever_causes_failures_leaves_a_bounded_number_of_rows() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let integrations: Vec<Integration> = (0..6).map(|n| shop.integration(&format!("App {n}"))).collect();
    let count = || app.shop().number("SELECT COUNT(*) FROM token_failures");
    for integration in &integrations {
        for _ in 0..25 {
            refused(&app, integration, &[]);
        }
    }

    assert_eq!(count(), 100, "of all clients, until the job runs");
    app.run_background();
    assert_eq!(count(), 6 * 20, "of each client, until the job runs");
    for _ in 0..3 {
        for _ in 0..25 {
            refused(&app, &integrations[0], &[("scope", "x")]);
        }
        app.run_background();
    }
    let newest = format!("SELECT COUNT(*) FROM token_failures WHERE client_id = {}", integrations[0].id);
    assert_eq!(app.shop().number(&newest), 50, "the newest of a client");
    assert_eq!(count(), 5 * 20 + 50);
}
