//! Resource servers: an admin adds them, regenerates their secret and removes them; only current credentials validate tokens.

use client_api_access::scopes::Role;

use crate::support::oauth::encode;
use crate::support::{Browser, Page, TestApp};

const HOME: &str = "/settings/resource-servers";

fn add(admin: &mut Browser, name: &str) -> Page {
    let form = admin.open(HOME);
    admin.submit(&form, HOME, &[("name", name)])
}

fn credentials(page: &Page) -> (String, String) {
    (page.texts("#public-id")[0].clone(), page.texts("#secret")[0].clone())
}

// The introspection response that a resource server gets.
fn introspect(app: &TestApp, (id, secret): &(String, String), token: &str) -> Page {
    let body = encode(&[("token", token), ("client_id", id), ("client_secret", secret)]);
    app.program().post_body("/auth/oauth/introspect", "application/x-www-form-urlencoded", &body)
}

#[test]
fn an_admin_adds_a_resource_server_that_may_validate_tokens() {
    let app = TestApp::start();
    let (mut admin, person) = app.sign_in_as(Role::Admin);
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &person);
    let settings = admin.open("/settings");
    let empty = admin.click(&settings, &settings.link_in("main", "Resource servers").unwrap());

    let shown = add(&mut admin, "Orders API");
    let orders = credentials(&shown);
    let told = introspect(&app, &orders, &grant.access_token);
    app.run_background();
    let list = admin.open(HOME);

    assert!(empty.text().contains("No resource servers yet"));
    assert_eq!((shown.status, shown.header("cache-control")), (200, Some("no-store")));
    assert_eq!(shown.heading(), "Orders API is added");
    assert_eq!((told.status, told.json()["active"].as_bool()), (200, Some(true)), "{}", told.body);
    let rows = list.rows("#resource-servers");
    assert!(rows[0].says("Orders API") && rows[0].says(&orders.0) && rows[0].says("just now"), "{rows:?}");
    assert!(!list.body.contains(&orders.1[12..]), "the secret is shown once");
    let log = admin.open("/settings/activity").rows("#activity");
    assert!(log[0].says("Resource server added") && log[0].says("Orders API"), "{log:?}");
}

#[test]
fn submitting_a_form_twice_generates_one_secret() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let form = admin.open(HOME);

    let answers = [1, 2].map(|_| admin.submit(&form, HOME, &[("name", "Orders API")]).status);
    let list = admin.open(HOME);
    let form = admin.click(&list, &list.link("Regenerate secret for Orders API").unwrap());
    let renewals = [1, 2].map(|_| admin.submit(&form, "/regenerate", &[]).status);

    assert_eq!((answers, renewals), ([200, 409], [200, 409]));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM resource_servers"), 1);
}

#[test]
fn regenerating_the_secret_stops_the_previous_one_at_once() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let before = credentials(&add(&mut admin, "Orders API"));

    let list = admin.open(HOME);
    let form = admin.click(&list, &list.link("Regenerate secret for Orders API").unwrap());
    let after = credentials(&admin.submit(&form, "/regenerate", &[]));

    assert_eq!(before.0, after.0);
    assert_eq!(introspect(&app, &after, "nonsense").status, 200);
    assert_eq!(introspect(&app, &before, "nonsense").status, 401);
    let log = admin.open("/settings/activity").rows("#activity");
    assert!(log[0].says("Resource server secret regenerated"), "{log:?}");
}

#[test]
fn a_removed_resource_server_cannot_validate_tokens() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let orders = credentials(&add(&mut admin, "Orders API"));
    let list = admin.open(HOME);

    let form = admin.click(&list, &list.link("Remove Orders API").unwrap());
    let removed = admin.submit(&form, "/remove", &[]);
    let list = admin.follow(&removed);
    let again = admin.submit(&form, "/remove", &[]);
    let again = admin.follow(&again);

    assert_eq!(form.heading(), "Remove Orders API?");
    assert!(list.notice().contains("Orders API removed"), "{}", list.notice());
    assert!(list.rows("#resource-servers").is_empty());
    assert!(again.notice().contains("already removed"), "{}", again.notice());
    assert_eq!(introspect(&app, &orders, "nonsense").status, 401);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity WHERE kind = 'resource server removed'"), 1);
}

#[test]
fn a_resource_server_needs_a_name() {
    let app = TestApp::start();
    let mut admin = app.admin();

    for bad in ["", "Orders\u{202E}API"] {
        let page = add(&mut admin, bad);
        assert_eq!((page.status, page.has("#name-error .error")), (422, true));
        assert_eq!(page.attribute("#name", "value").as_deref(), Some(bad));
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM resource_servers"), 0);
}

#[test]
fn only_admins_see_resource_servers_in_the_menu() {
    let app = TestApp::start();

    for (role, sees) in [(Role::Staff, false), (Role::Manager, false), (Role::Admin, true)] {
        let page = app.sign_in_as(role).0.open("/settings");
        assert_eq!(page.link("Resource servers").is_some(), sees, "{role:?}");
    }
}
