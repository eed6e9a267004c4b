//! Settings › Connections: the list.

use client_api_access::connections::{ApiType, Connection, ConnectionFields};
use client_api_access::id::ConnectionKey;
use client_api_access::scopes::Role;

use crate::support::connections::{CONNECTIONS, connection_path, first_tokens};
use crate::support::{Browser, Page, TestApp, there_and_back};

fn names(page: &Page) -> Vec<String> {
    let mut rows = page.rows("#connections").into_iter().map(|row| row.cells[0].clone()).collect::<Vec<_>>();
    rows.iter_mut().for_each(|name| *name = name.trim_end_matches(" Harbour & Pine Upstream").to_string());
    rows
}

fn set(app: &TestApp, id: ConnectionKey, what: &str) {
    app.shop().sql(&format!("UPDATE connections SET {what} WHERE id = {id}"));
}

// One in each state.
fn one_of_each(app: &TestApp) -> [ConnectionKey; 5] {
    let person = app.shop().employee("Ove Owner", Role::Admin);
    let r_series = app.oauth_client("Shop at R-Series", ApiType::RSeries);
    let trial = app.oauth_client("Bar at K-Series", ApiType::KSeriesV2Trial);
    let made = ["Online one", "Paused one", "Refreshing one", "Troubled one"];
    let [online, paused, refreshing, troubled] = made.map(|name| app.named_online(name, r_series, &person));
    let waiting = app.named_connection("Waiting one", trial);
    let now = app.now();
    set(app, paused, &format!("paused_at = {}", now.0));
    set(app, refreshing, &format!("attempted_at = {}, lease_until = {}", now.0, now.plus(15).0));
    set(app, troubled, &format!("failing_since = {}, last_error = 'No answer.', due_at = {}", now.0, now.plus(900).0));
    [online, paused, refreshing, troubled, waiting]
}

#[test]
fn the_list_says_how_each_connection_is_doing() {
    let app = TestApp::start();
    let person = app.shop().employee("Ove Owner", Role::Admin);
    let (business, _) = app.shop().location("Pine Retail AB", "Harbour");
    let client = app.oauth_client("Shop at R-Series", ApiType::RSeries);
    let fields = ConnectionFields { name: "Stock sync".into(), business: Some(business), ..Default::default() };
    let id = app.connection_with(client, &fields);
    app.authorize(id, &person, "Harbour & Pine Upstream");
    app.advance(600);

    let page = app.manager().open(CONNECTIONS);

    let rows = page.rows("#connections");
    assert_eq!((page.heading().as_str(), rows.len()), ("Connections", 1));
    assert_eq!(
        rows[0].cells,
        [
            "Stock sync Harbour & Pine Upstream",
            "Retail R-Series",
            "Pine Retail AB",
            "Ove Owner",
            "in 50 min",
            "10 min ago",
            "never used",
            "Online",
        ]
    );
    assert_eq!(rows[0].href, connection_path(id));
    assert!(first_tokens("Stock sync").iter().all(|token| !page.body.contains(token)), "o15: no page holds a token");
}

#[test]
fn every_status_is_found_by_its_filter_and_by_no_other() {
    let app = TestApp::start();
    one_of_each(&app);
    let mut staff = app.sign_in_as(Role::Staff).0;
    let list = staff.open(CONNECTIONS);

    for (status, label, name) in [
        ("online", "Online", "Online one"),
        ("paused", "Paused", "Paused one"),
        ("refreshing", "Refreshing", "Refreshing one"),
        ("trouble", "Retrying", "Troubled one"),
        ("needs-authorization", "Needs authorization", "Waiting one"),
    ] {
        let page = staff.filter(&list, "#connections", &[("status", status)]);

        assert_eq!(names(&page), [name], "{status}");
        assert_eq!(page.rows("#connections")[0].cells[7], label);
    }
}

#[test]
fn connections_are_filtered_by_name_type_and_business() {
    let app = TestApp::start();
    one_of_each(&app);
    let (business, _) = app.shop().location("Pine Retail AB", "Harbour");
    let client = app.oauth_client("Shop at X-Series", ApiType::XSeries);
    app.connection_with(
        client,
        &ConnectionFields { name: "Café Öst".into(), business: Some(business), ..Default::default() },
    );
    let mut manager = app.manager();
    let list = manager.open(CONNECTIONS);
    let found =
        |browser: &mut Browser, field, value: &str| names(&browser.filter(&list, "#connections", &[(field, value)]));

    assert_eq!(found(&mut manager, "name", "CAFÉ Ö"), ["Café Öst"]);
    assert_eq!(found(&mut manager, "name", "one").len(), 5);
    assert_eq!(found(&mut manager, "type", "k-series-v2-trial"), ["Waiting one"]);
    assert_eq!(found(&mut manager, "type", "r-series").len(), 4);
    assert_eq!(found(&mut manager, "business", &business.to_string()), ["Café Öst"]);
    let nothing = manager.filter(&list, "#connections", &[("name", "%")]);
    assert!(nothing.text().contains("No results match these filters."), "{}", nothing.text());
}

#[test]
fn an_empty_list_says_what_to_do_next() {
    let app = TestApp::start();

    let admin = app.admin().open(CONNECTIONS);
    let staff = app.sign_in_as(Role::Staff).0.open(CONNECTIONS);

    assert!(admin.has(".empty a[href='/settings/connections/new']"));
    assert!(staff.text().contains("Only admins can create connections") && staff.link("New connection").is_none());
}

#[test]
fn everybody_is_told_how_many_wait_for_a_person() {
    let app = TestApp::start();
    let [online, paused, ..] = one_of_each(&app);
    let count = "nav a[href='/settings/connections'] .count";
    let (mut staff, mut admin) = (app.sign_in_as(Role::Staff).0, app.admin());

    let one = staff.open("/settings/activity");
    let index = staff.open("/settings");
    let shown = staff.open(CONNECTIONS);
    Connection::delete_tokens(app.shop().conn(), online, "The provider said no.", app.now()).unwrap();
    Connection::delete_tokens(app.shop().conn(), paused, "The provider said no.", app.now()).unwrap();
    let two = admin.open(CONNECTIONS);

    assert_eq!(one.texts(count), ["1 that needs attention"]);
    assert!(index.text().contains("1 connection needs attention"), "{}", index.text());
    assert!(shown.text().contains("1 connection was never authorized") && shown.text().contains("Ask an admin"));
    assert!(!shown.has("#problems form"));
    assert!(shown.header("content-security-policy").unwrap().contains("form-action 'self';"));
    assert_eq!(two.texts(count), ["2 that need attention"], "a paused one can wait");
    assert!(two.has(&format!("#problems form[action='{}/authorize']", connection_path(online))));
    let buttons = ["Reconnect Online one", "Retry now Troubled one", "Authorize Waiting one"];
    assert_eq!(two.texts("#problems button"), buttons);
    let policy = two.header("content-security-policy").unwrap().to_string();
    assert!(policy.contains("form-action 'self' https: http:;"), "a form leads to the provider: {policy}");
}

#[test]
fn each_kind_of_problem_has_its_words_and_its_act() {
    let app = TestApp::start();
    let [online, .., troubled, _] = one_of_each(&app);
    Connection::delete_tokens(app.shop().conn(), online, "Its server has changed.", app.now()).unwrap();
    app.advance(17 * 60 + 20);

    let page = app.admin().open(CONNECTIONS);

    let titles =
        ["1 connection must be reconnected", "1 connection is failing, retrying", "1 connection was never authorized"];
    assert_eq!(page.texts("#problems h3"), titles);
    assert_eq!(page.texts("#problems .named .quiet-text"), ["Failing for 17 minutes, next retry in a few seconds"]);
    assert!(page.has(&format!("#problems form[action='{}/refresh']", connection_path(troubled))));

    let provider = app.oauth_client("Shop at X-Series", ApiType::XSeries);
    for n in 1..=3 {
        app.named_connection(&format!("More {n}"), provider);
    }
    let page = app.admin().open(CONNECTIONS);
    assert_eq!(page.texts("#problems h3")[2], "4 connections were never authorized");
    assert_eq!(page.link_in("#problems", "All 4"), Some("?status=needs-authorization".into()));
}

#[test]
fn a_thousand_connections_are_paged_there_and_back() {
    let app = TestApp::start();
    let client = app.oauth_client("Shop at R-Series", ApiType::RSeries);
    app.named_connection("Connection 0001", client);
    let columns = "name, name_fold, oauth_client_id, domain_prefix, scope, reason, created_at";
    for n in 2..=120 {
        app.shop().sql(&format!(
            "INSERT INTO connections ({columns}) VALUES ('Connection {n:04}', 'connection {n:04}', {client}, '', '', '', 1)"
        ));
    }
    let mut manager = app.manager();

    for sort in ["", "?sort=-name", "?sort=expires", "?sort=-refreshed", "?sort=-used"] {
        let rows = there_and_back(&mut manager, &format!("{CONNECTIONS}{sort}"), "#connections");

        assert_eq!(rows.len(), 120, "{sort}");
    }
    assert_eq!(names(&manager.open(&format!("{CONNECTIONS}?sort=-name")))[0], "Connection 0120");
}
