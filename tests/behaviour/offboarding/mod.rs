//! Offboarding a person: who may do it to whom, what it revokes and what keeps working.

mod confirmations;
mod handing_over;
mod last_admin;

use client_api_access::connections::ApiType;
use client_api_access::scopes::Role;

use crate::support::connections::connection_path;
use crate::support::oauth::bearer;
use crate::support::provider::{Answer, Provider};
use crate::support::{Browser, PASSWORD, TestApp, hrefs};

// The status of a call to the API with a token.
fn call(app: &TestApp, token: &str) -> u16 {
    app.browser().send("GET", "/API/Session.json", &[bearer(token)], "").status
}

// A manager of a shop that has an admin.
fn manager(app: &TestApp) -> Browser {
    app.shop().employee("Ada Admin", Role::Admin);
    app.manager()
}

#[test]
fn a_manager_offboards_somebody_in_three_clicks() {
    let app = TestApp::start();
    let (mut theirs, person) = app.sign_in_as(Role::Staff);
    let mut shop = app.shop();
    let (client, stockbird) = (shop.client("Ledgerly"), shop.client("Stockbird"));
    let (grant, key) = (shop.grant(client, &person), shop.api_key(client, &person, "till"));
    shop.grant(stockbird, &person);
    let other = shop.staff("Other");
    let kept = shop.grant(client, &other);
    let mut manager = manager(&app);

    let page = manager.open(&person.path());
    let form = manager.click(&page, &page.link("Offboard").unwrap());
    let done = manager.submit(&form, "/offboard", &[]);
    let after = manager.follow(&done);

    assert_eq!((form.impact("Refresh tokens").as_str(), form.impact("API keys").as_str()), ("2", "1"));
    assert_eq!(form.impact("Sessions"), "1");
    assert!(form.text().contains("Somebody else must authorize these apps again"), "{}", form.text());
    assert!(form.text().contains("Ledgerly, Stockbird"), "{}", form.text());
    let notice = after.notice();
    assert!(notice.contains("Stina Staff is offboarded: locked and signed out."), "{notice}");
    assert!(notice.contains("Revoked: 2 refresh tokens, 2 access tokens and 1 API key."), "{notice}");
    assert_eq!(theirs.get("/settings").status, 303, "signed out");
    assert_eq!(app.browser().sign_in(&person.email, PASSWORD).status, 422, "locked");
    for value in [&grant.access_token, &key.value] {
        assert_eq!(call(&app, value), 401);
    }
    assert_eq!(call(&app, &kept.access_token), 200);
    let log = manager.open("/settings/activity").rows("#activity");
    assert!(log[1].says("All access revoked") && log[2].says("Employee locked"), "{log:?}");
    assert!(log[1..3].iter().all(|row| row.says("Mona Manager")), "{log:?}");
}

#[test]
fn nobody_offboards_themselves_and_managers_no_admins() {
    let app = TestApp::start();
    let (mut staff, me) = app.sign_in_as(Role::Staff);
    let (mut manager, boss) = app.sign_in_as(Role::Manager);
    let (mut admin, owner) = app.sign_in_as(Role::Admin);
    let other_manager = app.shop().employee("Max Manager", Role::Manager);
    let other_admin = app.shop().employee("Alma Admin", Role::Admin);

    for (role, person, expected) in [
        (Role::Staff, &me, 403),
        (Role::Staff, &boss, 403),
        (Role::Manager, &boss, 403),
        (Role::Manager, &owner, 403),
        (Role::Admin, &owner, 403),
        (Role::Manager, &me, 303),
        (Role::Manager, &other_manager, 303),
        (Role::Admin, &other_admin, 303),
        (Role::Admin, &boss, 303),
    ] {
        let browser = match role {
            Role::Staff => &mut staff,
            Role::Manager => &mut manager,
            Role::Admin => &mut admin,
        };
        let csrf = browser.csrf();
        let page = browser.get(&person.path());
        let path = format!("{}/offboard", person.path());
        let asked = browser.get(&path).status;
        let done = browser.post(&path, &[("csrf", &csrf)]).status;

        let may = expected == 303;
        assert_eq!((asked, done), (if may { 200 } else { 403 }, expected), "{}", person.name);
        assert_eq!(page.link("Offboard").is_some(), may, "{}", person.name);
    }
    let active = app.shop().number("SELECT COUNT(*) FROM employees WHERE locked_at IS NULL");
    assert_eq!(active, 1, "only the admin who did it is left");
}

#[test]
fn the_role_is_read_when_it_is_done() {
    let app = TestApp::start();
    let person = app.shop().employee("Petra Promoted", Role::Manager);
    let mut manager = manager(&app);
    let form = manager.open(&format!("{}/offboard", person.path()));
    app.shop().sql(&format!("UPDATE employees SET role = 'admin' WHERE id = {}", person.id));

    let refused = manager.submit(&form, "/offboard", &[]);

    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("Only admins can offboard an admin."), "{}", refused.text());
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM employees WHERE locked_at IS NOT NULL"), 0);
}

#[test]
fn connections_keep_working_by_a_manager_and_need_attention() {
    let app = TestApp::start();
    let person = app.shop().employee("Ove Owner", Role::Manager);
    let id = app.named_online("Stock sync", app.oauth_client("Nowhere", ApiType::RSeries), &person);
    let mut manager = manager(&app);

    let form = manager.open(&format!("{}/offboard", person.path()));
    let done = manager.submit(&form, "/offboard", &[]);
    let after = manager.follow(&done);
    let attention = manager.open("/settings/attention/connection-owner-inactive");

    assert!(form.text().contains("These connections keep working with Ove Owner’s account"), "{}", form.text());
    assert!(after.notice().contains("ask an admin to reconnect: Stock sync."), "{}", after.notice());
    assert_eq!(hrefs(&attention.rows("#items")), [connection_path(id)]);
    assert!(manager.open(&connection_path(id)).text().contains("Online"));
    assert!(!after.has("#connections .acts form"), "only admins reconnect");
    let mut admin = app.admin();
    let page = admin.open(&person.path());
    assert!(
        page.has(&format!("form[action='{}/authorize']", connection_path(id))),
        "an admin reconnects it from there"
    );
}

#[test]
fn connections_lose_their_tokens_by_an_admin() {
    let (app, provider) = (TestApp::start(), Provider::start());
    provider.always("/revoke", Answer::json(200, "{}"));
    let person = app.shop().employee("Ove Owner", Role::Admin);
    let id = app.named_online("Stock sync", app.oauth_client_of(&provider), &person);
    let mut admin = app.admin();

    let form = admin.open(&format!("{}/offboard", person.path()));
    let done = admin.submit(&form, "/offboard", &[]);
    let after = admin.follow(&done);

    assert_eq!(form.impact("Connections"), "Stock sync");
    assert!(after.notice().contains("Somebody else must authorize Stock sync."), "{}", after.notice());
    assert!(admin.open(&connection_path(id)).text().contains("Reconnect needed"));
    assert_eq!(hrefs(&admin.open("/settings/attention/reconnect").rows("#items")), [connection_path(id)]);
}

#[test]
fn the_last_admin_stays() {
    let app = TestApp::start();
    let (mut admin, _) = app.sign_in_as(Role::Admin);
    let second = app.shop().employee("Alma Admin", Role::Admin);
    let grant = {
        let client = app.shop().client("Ledgerly");
        app.shop().grant(client, &second)
    };
    let form = admin.open(&format!("{}/offboard", second.path()));
    // Meanwhile nobody else can sign in.
    app.shop().sql(&format!("UPDATE employees SET password_hash = NULL WHERE id <> {}", second.id));

    let refused = admin.submit(&form, "/offboard", &[]);
    let after = admin.follow(&refused);

    assert!(after.notice().contains("last admin who can sign in"), "{}", after.notice());
    assert_eq!(call(&app, &grant.access_token), 200, "nothing was done");
}

#[test]
fn what_appeared_after_the_confirmation_is_revoked_and_named() {
    let app = TestApp::start();
    let person = app.shop().staff("Anna Berg");
    let client = app.shop().client("Ledgerly");
    app.shop().grant(client, &person);
    let mut manager = manager(&app);
    let form = manager.open(&format!("{}/offboard", person.path()));
    app.shop().grant(client, &person);

    let done = manager.submit(&form, "/offboard", &[]);
    let after = manager.follow(&done);

    let text = "This includes 1 refresh token and 1 access token created after you opened the confirmation";
    assert!(after.notice().contains(text), "{}", after.notice());
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 0);
}
