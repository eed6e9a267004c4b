//! Settings › Connections: making one and editing one.

use client_api_access::connections::{ApiType, Connection};
use client_api_access::id::ConnectionKey;
use client_api_access::scopes::Role;

use crate::support::connections::{CONNECTIONS, connection_path, first_tokens};
use crate::support::provider::{Answer, Provider};
use crate::support::{Browser, Page, TestApp};

const NEW: &str = "/settings/connections/new";

fn made(app: &TestApp) -> Connection {
    let id = app.shop().number("SELECT MAX(id) FROM connections");
    Connection::find(app.shop().conn(), ConnectionKey(id)).unwrap()
}

fn create(admin: &mut Browser, fields: &[(&str, &str)]) -> Page {
    let form = admin.open(NEW);
    admin.submit(&form, NEW, fields)
}

fn form_errors(page: &Page) -> Vec<String> {
    page.texts(".notice.bad li")
}

#[test]
fn a_connection_is_saved_with_everything_that_was_typed() {
    let app = TestApp::start();
    let client = app.oauth_client("Shop at R-Series", ApiType::RSeries).to_string();
    let (business, _) = app.shop().location("Pine Retail AB", "Harbour");
    let business = business.to_string();
    let mut admin = app.admin();

    let fields = [
        ("name", "Stock sync"),
        ("type", "r-series"),
        ("scope", "employee:register"),
        ("scope", "employee:inventory"),
        ("client", &client),
        ("business", &business),
        ("then", "save"),
    ];
    let answer = create(&mut admin, &fields);
    let page = admin.follow(&answer);

    let connection = made(&app);
    assert_eq!(answer.location(), connection_path(connection.id));
    assert!(page.notice().starts_with("Stock sync saved."), "{}", page.notice());
    assert_eq!(connection.scope, "employee:inventory employee:register");
    assert_eq!(page.fact("Requested scope"), "Inventory employee:inventory Sales employee:register");
    assert_eq!(page.fact("Business"), "Pine Retail AB");
    assert_eq!(page.texts("main .heading .badge"), ["Needs authorization"]);
    let log = admin.open("/settings/activity").rows("#activity");
    assert!(log[0].says("Connection created") && log[0].says("Stock sync"), "{log:?}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let app = TestApp::start();
    let r_series = app.oauth_client("Shop at R-Series", ApiType::RSeries).to_string();
    let mut admin = app.admin();

    let fields = [
        ("name", ""),
        ("type", "x-series"),
        ("domain-prefix", "evil.test/"),
        ("scope", "products:read"),
        ("scope", "employee:all"),
        ("client", &r_series),
        ("business", "99"),
    ];
    let page = create(&mut admin, &fields);

    assert_eq!(page.status, 422);
    let said = form_errors(&page);
    assert_eq!(said.len(), 5, "{said:?}");
    assert!(said[0].starts_with("The name is missing"), "{said:?}");
    assert!(said[1].starts_with("The domain prefix is the part"), "{said:?}");
    assert_eq!(said[2], "Retail X-Series does not offer the scope employee:all.");
    assert_eq!(said[3], "Shop at R-Series is for Retail R-Series. Choose app credentials for Retail X-Series.");
    assert_eq!(said[4], "Choose a business from the list.");
    assert!(page.has("#scope-x-series input[value='products:read'][checked]"), "what was ticked is kept");
    assert!(page.has("option[value='x-series'][selected]") && page.body.contains("evil.test/"));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM connections"), 0);
}

#[test]
fn a_form_without_a_client_a_scope_or_a_type_is_refused() {
    let app = TestApp::start();
    let mut admin = app.admin();

    let bare = create(&mut admin, &[("name", "Stock sync"), ("type", "k-series-v1")]);
    let odd = create(&mut admin, &[("name", "Stock sync"), ("type", "z-series")]);

    let said = form_errors(&bare);
    assert!(said[0].starts_with("Choose at least one scope") && said[1].starts_with("Choose app credentials"));
    assert_eq!(form_errors(&odd)[0], "Choose an API type.");
}

#[test]
fn two_connections_of_one_name_cannot_be_told_apart() {
    let app = TestApp::start();
    let client = app.oauth_client("Shop at R-Series", ApiType::RSeries);
    app.named_connection("Stock sync", client);
    let mut admin = app.admin();

    let client = client.to_string();
    let page = create(&mut admin, &[("name", "STOCK SYNC"), ("scope", "employee:all"), ("client", &client)]);

    assert_eq!((page.status, form_errors(&page).len()), (422, 1));
    assert!(form_errors(&page)[0].starts_with("A connection with this name already exists."));
}

#[test]
fn an_other_server_takes_any_scope_that_can_be_one() {
    let app = TestApp::start();
    let client = app.oauth_client("Harbour at its provider", ApiType::Other).to_string();
    let mut admin = app.admin();
    let fields = |name: &'static str, scope: &'static str| [("name", name), ("type", "other"), ("scope-text", scope)];

    let refused = create(&mut admin, &[&fields("Odd", "read wri\"te")[..], &[("client", &client)]].concat());
    let good = create(&mut admin, &[&fields("Good", "  read   write:all ")[..], &[("client", &client)]].concat());

    assert!(form_errors(&refused)[0].contains("is not a valid scope"), "{:?}", form_errors(&refused));
    assert_eq!((good.status, made(&app).scope.as_str()), (303, "read write:all"));
}

#[test]
fn save_and_authorize_leads_to_the_provider_with_the_scope() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let client = app.oauth_client_of(&provider).to_string();
    let mut admin = app.admin();

    let form = admin.open(NEW);
    let fields = [
        ("name", "Stock sync"),
        ("type", "other"),
        ("scope-text", "read write"),
        ("client", &client),
        ("then", "authorize"),
    ];
    let away = admin.submit(&form, NEW, &fields);

    let to = url::Url::parse(&away.location()).unwrap();
    let asked = |name: &str| to.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.to_string());
    assert_eq!(to.origin().ascii_serialization(), provider.origin());
    assert_eq!(asked("scope").as_deref(), Some("read write"));
    let redirect_uri = format!("{}{CONNECTIONS}/callback/abcdef123456", app.origin());
    assert_eq!(asked("redirect_uri"), Some(redirect_uri));
    let policy = form.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' https: http:;"), "{policy}");
}

#[test]
fn without_private_addresses_forms_lead_to_https_alone() {
    let app = TestApp::start_with(|config| config.outbound.private = false);

    let form = app.admin().open(NEW);

    let policy = form.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' https:;"), "{policy}");
}

#[test]
fn the_form_shows_the_redirect_uri_of_every_type_and_offers_each_its_scopes() {
    let app = TestApp::start();
    let other = app.oauth_client("Harbour at its provider", ApiType::Other);
    let mut admin = app.admin();

    let form = admin.open(NEW);
    let returned = admin.open(&format!("{NEW}?client={other}"));

    let uri = |end: &str| format!("{}{CONNECTIONS}/callback/{end}", app.origin());
    assert_eq!(form.texts("#uri-k-series-v2-trial"), [uri("k-series-v2-trial")]);
    assert_eq!(form.texts("[data-for='r-series'] #uri-r-series"), [uri("r-series")]);
    assert_eq!(returned.texts("[data-for='other'] #uri-other"), [uri("abcdef123456")]);
    assert!(returned.has("option[value='other'][selected]") && !form.has("option[value='other'][selected]"));
    let offered_scopes = |id: &str| form.texts(&format!("fieldset[data-picker]#{id} input[name=scope]")).len();
    assert_eq!(
        ["scope-r-series", "scope-x-series", "scope-k-series-v1", "scope-k-series-v2"].map(offered_scopes),
        [30, 51, 7, 8]
    );
    assert_eq!(
        form.attribute("#scope-k-series-v1", "data-for").as_deref(),
        Some("k-series-v1 k-series-v1-trial"),
        "a trial has the scopes of production"
    );
    let first = form.texts("#scope-x-series [data-offered] fieldset")[0].clone();
    assert!(first.starts_with("Sales View fulfillments fulfillments:read"), "words first, in groups: {first}");
}

#[test]
fn editing_what_people_read_keeps_the_tokens() {
    let app = TestApp::start();
    let (mut admin, person) = app.sign_in_as(Role::Admin);
    let client = app.oauth_client("Shop at R-Series", ApiType::RSeries);
    let id = app.named_online("Stock sync", client, &person);
    let edit = format!("{}/edit", connection_path(id));

    let form = admin.open(&edit);
    let answer = admin.submit(&form, &edit, &[("name", "Stock to Stockbird"), ("scope", "employee:inventory")]);
    let saved = admin.follow(&answer);
    let form = admin.open(&edit);
    let same = admin.submit(&form, &edit, &[]);
    let same = admin.follow(&same);

    assert_eq!(
        (saved.heading().as_str(), saved.texts("main .heading .badge")[0].as_str()),
        ("Stock to Stockbird", "Online")
    );
    assert!(saved.notice().contains("Authorize it again to use the new scope"), "{}", saved.notice());
    assert!(form.has("#scope-r-series input[value='employee:inventory'][checked]"));
    assert!(same.notice().starts_with("No changes to save."), "{}", same.notice());
    assert!(saved.rows("#history")[0].says("Changed: name, scope."));
}

#[test]
fn another_client_means_another_server_and_ends_what_is_held() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let (mut admin, person) = app.sign_in_as(Role::Admin);
    provider.always("/revoke", Answer::json(200, "{}"));
    let client = app.oauth_client_of(&provider);
    let id = app.named_online("Stock sync", client, &person);
    let r_series = app.oauth_client("Shop at R-Series", ApiType::RSeries).to_string();
    let edit = format!("{}/edit", connection_path(id));

    let form = admin.open(&edit);
    let fields = [("type", "r-series"), ("client", &r_series[..]), ("scope", "employee:all")];
    let answer = admin.submit(&form, &edit, &fields);
    let page = admin.follow(&answer);

    assert!(
        page.notice().contains("Its server has changed: authorize it again") && page.notice().contains("confirmed")
    );
    assert!(page.text().contains("Its server has changed."), "{}", page.text());
    assert_eq!((page.fact("Account").as_str(), page.fact("Access token expires").as_str()), ("Unknown", "no token"));
    let revoked = provider.requests().pop().unwrap();
    assert_eq!(revoked.field("token"), Some(first_tokens("Stock sync")[1].clone()));
}

#[test]
fn scripts_in_names_are_text() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let client = app.oauth_client("<img src=x onerror=alert(1)>", ApiType::RSeries).to_string();

    let fields = [("name", "<script>alert(1)</script>"), ("scope", "employee:all"), ("client", &client)];
    create(&mut admin, &fields);

    for path in [CONNECTIONS, NEW, &connection_path(made(&app).id), "/settings/connections/clients"] {
        let page = admin.open(path);
        assert!(!page.body.contains("<script>alert") && !page.body.contains("<img"), "{path}");
    }
}
