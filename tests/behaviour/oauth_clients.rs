//! Settings › Connections › App credentials.

use client_api_access::connections::{ApiType, OAuthClient};
use client_api_access::scopes::Role;

use crate::support::connections::{CLIENT_SECRET, CONNECTIONS, connection_path, first_tokens};
use crate::support::provider::Provider;
use crate::support::{Browser, Page, TestApp};

const CLIENTS: &str = "/settings/connections/clients";
const NEW: &str = "/settings/connections/clients/new";

const OTHER: [(&str, &str); 8] = [
    ("name", "Harbour at Ledgerly"),
    ("type", "other"),
    ("client-id", "harbour-1"),
    ("client-secret", "a secret of ours, 7"),
    ("authorize-url", "https://auth.ledgerly.example/authorize"),
    ("token-url", "https://auth.ledgerly.example/token"),
    ("api-url", "https://api.ledgerly.example/v1"),
    ("test-path", "/me"),
];

fn create(admin: &mut Browser, changes: &[(&str, &str)]) -> Page {
    let form = admin.open(NEW);
    let mut fields = OTHER.to_vec();
    fields.retain(|(name, _)| changes.iter().all(|(own, _)| own != name));
    fields.extend(changes);
    admin.submit(&form, NEW, &fields)
}

fn form_errors(page: &Page) -> Vec<String> {
    page.texts(".notice.bad li")
}

fn all(app: &TestApp) -> Vec<OAuthClient> {
    OAuthClient::all(app.shop().conn()).unwrap().into_iter().map(|(client, _)| client).collect()
}

#[test]
fn a_client_of_lightspeed_needs_three_things_and_keeps_its_secret_to_itself() {
    let app = TestApp::start();
    let mut admin = app.admin();

    let form = admin.open(NEW);
    let fields = [
        ("name", "Shop at R-Series"),
        ("type", "r-series"),
        ("client-id", "f00d"),
        ("client-secret", "a secret of ours, 7"),
        ("token-url", "https://elsewhere.example/token"),
    ];
    let answer = admin.submit(&form, NEW, &fields);
    let list = admin.follow(&answer);
    let page = admin.open(&list.rows("#oauth-clients")[0].href);

    let client = all(&app).remove(0);
    assert!(list.rows("#oauth-clients")[0].says("Retail R-Series") && list.rows("#oauth-clients")[0].says("f00d"));
    assert_eq!((client.callback.as_str(), client.token_url.as_str()), ("r-series", ""), "Lightspeed's are known");
    assert_eq!(client.secret(&app.state.connections.vault).unwrap().expose(), "a secret of ours, 7");
    assert_eq!(page.texts("#uri-r-series"), [format!("{}{CONNECTIONS}/callback/r-series", app.origin())]);
    assert!(page.text().contains("A secret is stored and cannot be shown again."));
    for page in [&list, &page] {
        assert!(!page.body.contains("a secret of ours"), "o15: {}", page.path);
    }
    let log = admin.open("/settings/activity").rows("#activity");
    assert!(log[0].says("App credentials added"), "{log:?}");
}

#[test]
fn another_server_has_a_redirect_uri_of_its_own_that_is_known_before_it_is_saved() {
    let app = TestApp::start();
    let mut admin = app.admin();

    let form = admin.open(NEW);
    let shown = form.texts("#uri-other")[0].clone();
    let answer = admin.submit(&form, NEW, &OTHER);
    let again = admin.submit(&form, NEW, &[&OTHER[1..], &[("name", "Another")]].concat());

    let client = all(&app).remove(0);
    assert_eq!((answer.status, again.status), (303, 409));
    assert_eq!(shown, format!("{}{CONNECTIONS}/callback/{}", app.origin(), client.callback));
    assert_eq!(client.callback.len(), 12);
    assert!(client.uses_pkce && !client.secret_in_header);
    let damaged = create(&mut admin, &[("callback", "r-series")]);
    assert!(form_errors(&damaged)[0].contains("is invalid"), "{:?}", form_errors(&damaged));
}

#[test]
fn o7_o8_addresses_that_may_not_be_called_are_refused_with_the_reason() {
    let app = TestApp::start_with(|config| config.outbound.private = false);
    let mut admin = app.admin();

    for (address, why) in [
        ("http://auth.ledgerly.example/token", "must start with https"),
        ("https://127.0.0.1/token", "private network"),
        ("https://169.254.169.254/latest", "private network"),
        ("https://[::1]/token", "private network"),
        ("https://user:pass@auth.example/token", "must not contain a user name"),
        ("https://auth.example/token#x", "must not contain a user name"),
        ("auth.example/token", "is not a URL"),
        ("javascript:alert(1)", "must start with https"),
        ("", "is missing"),
    ] {
        for field in ["authorize-url", "token-url", "api-url"] {
            let page = create(&mut admin, &[(field, address)]);

            assert_eq!(
                (page.status, form_errors(&page).len()),
                (422, 1),
                "{field} {address}: {:?}",
                form_errors(&page)
            );
            assert!(form_errors(&page)[0].contains(why), "{field} {address}: {:?}", form_errors(&page));
        }
    }
    let all = [("revoke-url", "http://a.example"), ("issuer", "nonsense"), ("test-path", "/../admin"), ("name", "")];
    assert_eq!(form_errors(&create(&mut admin, &all)).len(), 4);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM oauth_clients"), 0);
}

#[test]
fn an_empty_secret_keeps_the_one_there_is() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let id = app.oauth_client("Shop at R-Series", ApiType::RSeries);
    let path = format!("{CLIENTS}/{id}");

    let form = admin.open(&path);
    let kept = admin.submit(&form, &path, &[("name", "Shop"), ("client-secret", "")]);
    let after_first = all(&app).remove(0);
    let form = admin.open(&path);
    admin.submit(&form, &path, &[("client-secret", "another one")]);
    let after_second = all(&app).remove(0);

    assert_eq!(kept.status, 303);
    let secret = |client: &OAuthClient| client.secret(&app.state.connections.vault).unwrap().expose().to_string();
    assert_eq!((after_first.name.as_str(), secret(&after_first).as_str()), ("Shop", CLIENT_SECRET));
    assert_eq!(secret(&after_second), "another one");
}

#[test]
fn a_secret_is_typed_again_before_it_goes_to_another_address() {
    let app = TestApp::start();
    let (mut admin, person) = app.sign_in_as(Role::Admin);
    let (id, other) = (app.oauth_client("Harbour at Ledgerly", ApiType::Other), Provider::start());
    let connection = app.named_online("Stock sync", id, &person);
    let path = format!("{CLIENTS}/{id}");
    let (token, revoke) = (format!("{}/token", other.origin()), format!("{}/revoke", other.origin()));

    for change in [("token-url", &token), ("revoke-url", &revoke)] {
        let form = admin.open(&path);
        let page = admin.submit(&form, &path, &[(change.0, change.1)]);

        assert_eq!(page.status, 422);
        assert!(form_errors(&page)[0].contains("Enter the secret again"), "{:?}", form_errors(&page));
    }
    let form = admin.open(&path);
    let answer = admin.submit(&form, &path, &[("token-url", &token), ("client-secret", "a new one")]);
    let list = admin.follow(&answer);
    let held = admin.open(&connection_path(connection));

    assert!(list.notice().contains("The server has changed: authorize 1 connection again."), "{}", list.notice());
    assert!(held.text().contains("Its server has changed."));
    assert_eq!(held.fact("Access token expires"), "no token");
    assert!(other.requests().is_empty(), "no token of the one server goes to the other");
    let tokens = first_tokens("Stock sync");
    assert!(tokens.iter().all(|token| !held.body.contains(token)));
}

#[test]
fn a_client_in_use_is_not_deleted_and_says_by_whom() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let id = app.oauth_client("Shop at R-Series", ApiType::RSeries);
    let connection = app.named_connection("Stock sync", id);
    let delete = format!("{CLIENTS}/{id}/delete");

    let form = admin.open(&delete);
    let csrf = admin.csrf();
    let refused = admin.post(&delete, &[("csrf", &csrf)]);
    let refused = admin.follow(&refused);
    app.shop().sql("DELETE FROM connections");
    let form_then = admin.open(&delete);
    let deleted = admin.submit(&form_then, "/delete", &[]);
    let list = admin.follow(&deleted);

    assert_eq!(form.link("Stock sync"), Some(connection_path(connection)));
    assert!(!form.has("main form"));
    assert!(refused.notice().contains("In use by Stock sync."), "{}", refused.notice());
    assert!(list.notice().contains("Shop at R-Series deleted.") && list.text().contains("No app credentials yet"));
    assert!(all(&app).is_empty());
}

#[test]
fn a_client_made_for_a_connection_leads_back_to_its_form() {
    let app = TestApp::start();
    let mut admin = app.admin();

    let connection = admin.open("/settings/connections/new");
    let form = admin.click(&connection, &connection.link("New").unwrap());
    let answer = admin.submit(&form, NEW, &OTHER);
    let back = admin.follow(&answer);
    let elsewhere = admin.open(&format!("{NEW}?for=https://evil.example"));

    let id = all(&app)[0].id;
    assert_eq!(answer.location(), format!("/settings/connections/new?client={id}"));
    assert!(back.has(&format!("#client option[value='{id}'][selected]")));
    assert_eq!(elsewhere.link_in("form", "Cancel").as_deref(), Some(CLIENTS));
}

#[test]
fn one_name_is_for_one_client() {
    let app = TestApp::start();
    let mut admin = app.admin();
    app.oauth_client("HARBOUR at Ledgerly", ApiType::RSeries);

    let page = create(&mut admin, &[]);

    assert_eq!(page.status, 422);
    assert!(form_errors(&page)[0].starts_with("App credentials with this name already exist."));
    assert!(!page.body.contains("a secret of ours"), "what was typed as a secret is not sent back");
}
