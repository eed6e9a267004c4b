//! "Revoke all its tokens": every refresh token and API key of one client, while the client stays registered.

use client_api_access::id::ClientKey;
use client_api_access::scopes::Role;

use crate::support::oauth::refusal;
use crate::support::{Browser, Page, TestApp, client_path};

// Presses the button on the client's page, up to the confirmation.
fn count(browser: &mut Browser, client: ClientKey) -> Page {
    let page = browser.open(&client_path(client));
    let answer = browser.submit(&page, "/revoke-tokens", &[]);
    browser.follow(&answer)
}

fn confirm(browser: &mut Browser, confirmation: &Page, fields: &[(&str, &str)]) -> Page {
    let answer = browser.submit(confirmation, "/revoke", fields);
    browser.follow(&answer)
}

fn entries(browser: &mut Browser) -> Vec<String> {
    let rows = browser.open("/settings/activity").rows("#activity");
    rows.iter().map(|row| format!("{} | {}", row.cells[2], row.cells[3])).collect()
}

#[test]
fn a_manager_revokes_all_tokens_of_a_client_and_the_client_stays() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.employee("Bo Dahl", Role::Admin));
    let (ledgerly, other) = (shop.client("Ledgerly"), shop.client("Ledgerly Labels"));
    let grants = [shop.grant(ledgerly, &anna), shop.grant(ledgerly, &bo)];
    let key = shop.api_key(ledgerly, &bo, "Nightly export");
    let (kept, kept_key) = (shop.grant(other, &anna), shop.api_key(other, &anna, "Labels"));
    let mut manager = app.manager();

    let confirmation = count(&mut manager, ledgerly);
    let works_until_confirmed = app.works(&key.value);
    let done = confirm(&mut manager, &confirmation, &[]);

    assert_eq!(confirmation.heading(), "Revoke all tokens of Ledgerly?");
    assert_eq!(confirmation.texts(".crumbs li")[..3], ["Settings", "Client API Access", "Ledgerly"]);
    assert_eq!(["Refresh", "Access", "API keys"].map(|word| confirmation.impact(word)), ["2", "2", "1"]);
    assert_eq!(confirmation.impact("Employees"), "Bo Dahl (2), Anna Berg (1)");
    assert_eq!(confirmation.link("Keep access"), Some(client_path(ledgerly)));
    assert!(works_until_confirmed);
    assert_eq!(done.heading(), "Access revoked");
    assert!(done.text().contains("Revoked 2 refresh tokens and 1 API key."), "{}", done.text());
    assert!(done.text().contains("ask an admin to suspend or revoke it"), "{}", done.text());
    assert_eq!(done.link("Back to Ledgerly"), Some(client_path(ledgerly)));
    assert!(grants.iter().all(|grant| !app.works(&grant.access_token)) && !app.works(&key.value));
    assert!(app.works(&kept.access_token) && app.works(&kept_key.value));
    let log = entries(&mut manager);
    let expected = "All tokens revoked: Ledgerly | 2 refresh tokens and 1 API key · authorized by";
    assert!(log[0].starts_with(expected) && log[0].contains(key.mask()), "{log:?}");
    assert!(log[0].contains("all refresh tokens and API keys of Ledgerly; 3 tokens confirmed"), "{log:?}");

    app.run_background();

    let page = manager.open(&client_path(ledgerly));
    assert_eq!((page.rows("#refresh-tokens").len(), page.rows("#api-keys").len()), (0, 0));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 1);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 2);
    assert!(entries(&mut manager)[0].starts_with("Deletion finished: Ledgerly"));
}

#[test]
fn what_the_client_gets_before_the_confirmation_is_revoked_too_and_named() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.staff("Bo Dahl"));
    let integration = shop.integration("Ledgerly");
    shop.grant(integration.id, &anna);
    let mut admin = app.admin();

    let confirmation = count(&mut admin, integration.id);
    let (grant, key) = (app.shop().grant(integration.id, &bo), app.shop().api_key(integration.id, &bo, "new"));
    let (code, pkce) = integration.code(&mut app.sign_in(&bo));
    let done = confirm(&mut admin, &confirmation, &[]);
    let refused = app.token(&integration.code_request(&code, &pkce.verifier));

    assert!(done.text().contains("Revoked 2 refresh tokens and 1 API key."), "{}", done.text());
    assert!(done.text().contains("This includes 2 created after the count."), "{}", done.text());
    assert!(done.text().contains("suspend it or revoke its access"), "{}", done.text());
    assert!(!app.works(&grant.access_token) && !app.works(&key.value));
    assert_eq!(refusal(&refused).1, "invalid_grant");
    assert!(entries(&mut admin)[0].contains("1 token confirmed; 2 newer revoked too"), "{:?}", entries(&mut admin));
}

#[test]
fn staff_and_strangers_cannot_and_only_who_counted_confirms() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, client) = (shop.staff("Anna Berg"), shop.client("Ledgerly"));
    let grant = shop.grant(client, &anna);
    let (mut manager, mut admin) = (app.manager(), app.admin());
    let mut staff = app.sign_in(&anna);
    let path = format!("{}/revoke-tokens", client_path(client));

    let theirs = staff.open(&client_path(client));
    let csrf = staff.csrf();
    let by_staff = staff.post(&path, &[("csrf", &csrf)]);
    let by_nobody = app.browser().post(&path, &[]);
    let without_form = manager.post(&path, &[]);
    let begun = app.shop().number("SELECT COUNT(*) FROM bulk_revocations");
    let confirmation = count(&mut manager, client);
    let elsewhere = admin.open(&confirmation.path);
    let csrf = admin.csrf();
    let by_another = admin.post(&format!("{}/revoke", confirmation.path), &[("csrf", &csrf)]);

    assert!(!theirs.has("form[action$='/revoke-tokens']"));
    assert_eq!((by_staff.status, by_nobody.status, without_form.status), (403, 303, 403));
    assert!(by_staff.text().contains("Only store managers and admins"), "{}", by_staff.text());
    assert_eq!(begun, 0);
    assert!(!elsewhere.has("form[action$='/revoke'] button"));
    assert_eq!(by_another.status, 403);
    assert!(app.works(&grant.access_token));
}

#[test]
fn more_than_a_hundred_are_confirmed_by_number_and_go_in_steps() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, client) = (shop.staff("Anna Berg"), shop.client("Ledgerly"));
    let (grant, key) = (shop.grant(client, &anna), shop.api_key(client, &anna, ""));
    shop.sql(
        "WITH RECURSIVE numbers (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM numbers WHERE i < 450) \
         INSERT INTO refresh_tokens (client_id, employee_id, prefix, scope, created_at, expires_at, generation, rotated_at) \
         SELECT client_id, employee_id, prefix, scope, created_at, expires_at, 1, created_at FROM refresh_tokens, numbers",
    );
    let mut manager = app.manager();

    let confirmation = count(&mut manager, client);
    let wrong = manager.submit(&confirmation, "/revoke", &[("count", "450")]);
    let later = app.shop().api_key(client, &anna, "later");
    let progress = confirm(&mut manager, &confirmation, &[("count", "451")]);
    let too_late = app.shop().api_key(client, &anna, "after the confirmation");
    app.run_background();
    let done = manager.open(&progress.path);

    assert_eq!(wrong.status, 422);
    assert_eq!(progress.heading(), "Revoking 451 tokens and keys");
    assert_eq!(done.heading(), "Access revoked");
    assert!(done.text().contains("Revoked 450 refresh tokens and 2 API keys."), "{}", done.text());
    assert!(!app.works(&grant.access_token) && !app.works(&key.value) && !app.works(&later.value));
    assert!(app.works(&too_late.value), "what is created after the confirmation is kept");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 0);
    let log = entries(&mut manager);
    assert!(log[0].starts_with("Deletion finished: Ledgerly | 450 refresh tokens"), "{log:?}");
}

#[test]
fn a_client_without_tokens_and_a_revoked_client_are_told() {
    let app = TestApp::start();
    let client = app.shop().client("Ledgerly");
    let mut manager = app.manager();
    let page = manager.open(&client_path(client));

    let nothing = count(&mut manager, client);
    app.shop().sql(&format!("UPDATE clients SET revoked_at = {}", app.now().0));
    let gone = manager.submit(&page, "/revoke-tokens", &[]);

    assert_eq!(nothing.heading(), "Nothing to revoke");
    assert!(nothing.text().contains("Ledgerly has no valid refresh token and no API key."), "{}", nothing.text());
    assert!(!nothing.has("form[action$='/revoke']"));
    assert_eq!(gone.status, 409);
}
