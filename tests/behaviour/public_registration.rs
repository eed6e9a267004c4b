//! What a developer does without an account: register a client, if the shop allows it, and update it.

use client_api_access::scopes::Role;

use crate::registration::{GOOD, with};
use crate::support::oauth::{Integration, refusal};
use crate::support::{Browser, Page, TestApp, client_path};

const REGISTER: &str = "/oauth/register";
const UPDATE: &str = "/oauth/update";

fn app_with_public_registration() -> TestApp {
    TestApp::start_with(|config| config.public_registration = true)
}

fn register(browser: &mut Browser, changes: &[(&str, &str)]) -> Page {
    let form = browser.open(REGISTER);
    browser.submit(&form, REGISTER, &with(changes))
}

// Enters client ID and secret.
fn prove(browser: &mut Browser, id: &str, secret: &str) -> Page {
    let form = browser.open(UPDATE);
    browser.submit(&form, UPDATE, &[("client-id", id), ("client-secret", secret)])
}

fn is_known(app: &TestApp, integration: &Integration) -> bool {
    refusal(&integration.refresh(app, "nonsense")).1 == "invalid_grant"
}

#[test]
fn c7_nobody_registers_by_themselves_unless_the_shop_allows_it() {
    let app = TestApp::start();
    let mut anybody = app.browser();

    for path in ["/oauth/register", "/register", "/auth/oauth/register", "/connect/register", "/oauth/clients"] {
        assert_eq!(anybody.get(path).status, 404, "GET {path}");
        assert_eq!(anybody.post(path, &GOOD).status, 404, "POST {path}");
        let json = anybody.post_body(path, "application/json", r#"{"redirect_uris":["https://a.example/cb"]}"#);
        assert_eq!(json.status, 404, "POST {path}");
        assert_eq!(app.admin().get(path).status, 404, "GET {path} by an admin");
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM clients"), 0);
    let metadata = anybody.open("/.well-known/oauth-authorization-server");
    assert!(!metadata.body.contains("registration_endpoint"));
}

#[test]
fn a_developer_registers_a_client_that_is_pending_approval() {
    let app = app_with_public_registration();
    let mut developer = app.browser();

    let shown = register(&mut developer, &[("requires-pkce", ""), ("grants-end-after", "1")]);
    let integration = Integration {
        id: client_api_access::id::ClientKey(app.shop().number("SELECT MAX(id) FROM clients")),
        client_id: shown.texts("#public-id")[0].clone(),
        secret: shown.texts("#secret")[0].clone(),
    };
    let refused = integration.refresh(&app, "nonsense");
    let mut admin = app.admin();
    let page = admin.open(&client_path(integration.id));
    let approved = admin.submit(&page, "/approve", &[]);

    assert_eq!((shown.status, shown.header("cache-control")), (200, Some("no-store")));
    assert!(shown.text().contains("an admin of the shop approves it"), "{}", shown.text());
    assert_eq!(shown.fact("Token endpoint"), format!("{}/auth/oauth/token", app.origin()));
    assert!(shown.texts("#hand-over")[0].contains(&format!("Client secret: {}", integration.secret)));
    assert!(refusal(&refused).2.contains("pending approval"), "{}", refused.body);
    assert_eq!(page.fact("Approval"), "Pending approval");
    assert_eq!(page.fact("PKCE"), "Required", "what only admins decide is not taken from the form");
    assert!(page.fact("Access expires").contains("revoked"));
    assert_eq!(approved.status, 303);
    assert!(is_known(&app, &integration));
    let log = admin.open("/settings/activity?kind=client+registered").rows("#activity");
    assert!(log[0].says("somebody not signed in") && log[0].says("pending approval"), "{log:?}");
}

#[test]
fn submitting_the_public_form_twice_registers_one_client_and_errors_are_shown() {
    let app = app_with_public_registration();
    let mut developer = app.browser();
    let form = developer.open(REGISTER);

    let answers = [1, 2].map(|_| developer.submit(&form, REGISTER, &GOOD).status);
    let wrong = register(&mut developer, &[("name", "Lightspeed"), ("redirect-uris", "nowhere")]);
    let without_cookie = app.browser().post(REGISTER, &GOOD);

    assert_eq!(answers, [200, 409]);
    assert_eq!(wrong.status, 422);
    assert!(wrong.has("#name-error") && wrong.has("#redirect-uris-error"), "{}", wrong.text());
    assert_eq!(without_cookie.status, 403);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM clients"), 1);
}

#[test]
fn at_most_twenty_clients_are_pending_at_a_time() {
    let app = app_with_public_registration();
    let mut developer = app.browser();
    let form = developer.open(REGISTER);
    let first = app.shop().pending_client("Client 0");
    for i in 1..20 {
        app.shop().pending_client(&format!("Client {i}"));
    }

    let full = developer.submit(&form, REGISTER, &GOOD);
    let closed = developer.get(REGISTER);
    app.shop().sql(&format!("UPDATE clients SET approved_at = 1 WHERE id = {first}"));
    let again = developer.submit(&form, REGISTER, &GOOD);

    assert_eq!((full.status, closed.status, again.status), (409, 409, 200));
    assert!(full.text().contains("20 clients are already pending approval"), "{}", full.text());
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM clients"), 21);
}

#[test]
fn a_developer_edits_their_client_with_its_id_and_secret() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut developer = app.browser();

    let form = prove(&mut developer, &integration.client_id, &integration.secret);
    let secret = ("client-secret", integration.secret.as_str());
    let mut fields = with(&[("name", "Ledgerly Two"), ("redirect-uris", "https://new.example/cb")]);
    fields.extend([secret, ("requires-pkce", ""), ("publicly-distributed", "yes")]);
    let saved = developer.submit(&form, UPDATE, &fields);

    assert_eq!((form.status, form.heading().as_str()), (200, "Update Ledgerly"));
    assert_eq!(form.texts("#redirect-uris"), ["https://app.example/cb"]);
    assert!(!form.body.contains(&integration.secret[12..]), "the secret is in no hidden field");
    assert!(!form.has("#requires-pkce"));
    assert_eq!((saved.status, saved.heading().as_str()), (200, "Update Ledgerly Two"));
    assert!(saved.notice().contains("Changes saved"), "{}", saved.notice());
    let page = app.admin().open(&client_path(integration.id));
    assert_eq!(page.fact("Redirect URIs"), "https://new.example/cb");
    assert_eq!((page.fact("PKCE"), page.fact("Publicly distributed")), ("Required".into(), "No".into()));
    let log = app.sign_in_as(Role::Admin).0.open("/settings/activity?kind=client+changed").rows("#activity");
    assert!(log[0].cells[1].contains("Ledgerly") && log[0].says("https://new.example/cb"), "{log:?}");
}

#[test]
fn an_incorrect_secret_on_saving_keeps_what_was_typed() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut developer = app.browser();
    let form = prove(&mut developer, &integration.client_id, &integration.secret);

    let mut fields = with(&[("name", "Ledgerly Two"), ("client-secret", "wrong")]);
    let refused = developer.submit(&form, UPDATE, &fields);
    fields.retain(|(name, _)| *name != "client-secret");
    fields.push(("client-secret", &integration.secret));
    let saved = developer.submit(&refused, UPDATE, &fields);

    assert_eq!(refused.status, 422);
    assert!(refused.has("#client-secret-error"));
    assert_eq!(refused.attribute("#name", "value").as_deref(), Some("Ledgerly Two"));
    assert_eq!(saved.status, 200, "{}", saved.text());
    assert_eq!(app.shop().word("SELECT name AS word FROM clients"), "Ledgerly Two");
}

#[test]
fn c6_a_developer_regenerates_the_secret_and_the_previous_one_stops_at_once() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut developer = app.browser();
    let form = prove(&mut developer, &integration.client_id, &integration.secret);

    let fields = [("client-secret", integration.secret.as_str()), ("regenerate", "yes")];
    let shown = developer.submit(&form, UPDATE, &fields);
    let renewed = Integration { secret: shown.texts("#secret")[0].clone(), ..integration.clone() };
    let again = developer.submit(&form, UPDATE, &fields);

    assert_eq!((shown.status, shown.header("cache-control")), (200, Some("no-store")));
    assert!(is_known(&app, &renewed) && !is_known(&app, &integration));
    assert_eq!(again.status, 422, "the previous secret no longer works");
    assert_eq!(prove(&mut developer, &integration.client_id, &integration.secret).status, 422);
    assert_eq!(prove(&mut developer, &integration.client_id, &renewed.secret).status, 200);
}

#[test]
fn an_unknown_client_and_a_wrong_secret_are_refused_alike_and_guessing_is_slow() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut guesser = app.browser();

    let unknown = prove(&mut guesser, "nobody", "wrong");
    let wrong = prove(&mut guesser, &integration.client_id, "wrong");
    for _ in 0..9 {
        assert_eq!(prove(&mut guesser, &integration.client_id, "wrong").status, 422);
    }
    let too_many = prove(&mut guesser, &integration.client_id, &integration.secret);
    app.advance(61);
    let later = prove(&mut guesser, &integration.client_id, &integration.secret);

    assert_eq!((unknown.status, wrong.status), (422, 422));
    assert_eq!(unknown.texts("#client-secret-error"), wrong.texts("#client-secret-error"));
    assert_eq!((too_many.status, too_many.header("retry-after")), (429, Some("60")));
    assert_eq!(later.status, 200);
}

#[test]
fn a_developer_who_may_not_update_their_client_sees_why() {
    let app = TestApp::start();
    let (public, suspended, revoked_error) = {
        let mut shop = app.shop();
        let public = shop.public_integration("Phone app");
        let suspended = shop.suspended_client("Ledgerly");
        (public, shop.credentials(suspended), shop.integration("Stockbird"))
    };
    app.shop().sql(&format!("UPDATE clients SET revoked_at = 1 WHERE id = {}", revoked_error.id));
    let mut developer = app.browser();

    for (integration, status, sentence) in [
        (&public, 403, "publicly distributed, so its secret does not prove who you are"),
        (&suspended, 403, "is suspended"),
        (&revoked_error, 409, "has been revoked"),
    ] {
        let page = prove(&mut developer, &integration.client_id, &integration.secret);

        assert_eq!(page.status, status, "{}", page.text());
        assert!(page.text().contains(sentence), "{}", page.text());
    }
}
