//! The rate limits of the resources: a bucket, and a count of the last second that no edge of a second empties.

use client_api_access::scopes::Role;

use crate::support::{Browser, Grant, Page, TestApp, client_path};

fn granted(app: &TestApp) -> Grant {
    let mut shop = app.shop();
    let (client, person) = (shop.client("Ledgerly"), shop.staff("Stina Staff"));
    shop.grant(client, &person)
}

fn call(app: &TestApp, grant: &Grant) -> Page {
    app.call("/API/V3/Account.json", &grant.access_token)
}

/// How many of so many calls are served.
fn served(app: &TestApp, grant: &Grant, calls: usize) -> usize {
    (0..calls).filter(|_| call(app, grant).status == 200).count()
}

fn level(page: &Page, name: &str) -> String {
    page.header(name).unwrap_or_else(|| panic!("no {name}")).to_string()
}

#[test]
fn at_most_twenty_calls_pass_within_any_second() {
    let app = TestApp::start();
    let grant = granted(&app);
    // Shortly before the edge of a second of the clock.
    app.advance_millis(900);
    assert_eq!(served(&app, &grant, 25), 20);
    app.advance_millis(200);

    assert_eq!(served(&app, &grant, 25), 0, "across the edge");
    let refused = call(&app, &grant);
    assert_eq!(level(&refused, "x-ls-api-burst-level"), "20/20");
    assert_eq!(level(&refused, "x-ls-api-ratelimit-type"), "api-burst-limiter");
    assert_eq!(level(&refused, "retry-after"), "1");
    // What is refused fills nothing; 0.2 seconds have drained.
    assert_eq!(level(&refused, "x-ls-api-bucket-level"), "19.8/90");
    app.advance_millis(799);
    assert_eq!(served(&app, &grant, 25), 0);
    app.advance_millis(1);
    let after = call(&app, &grant);
    assert_eq!((after.status, level(&after, "x-ls-api-burst-level")), (200, "1/20".into()));
    assert_eq!(level(&after, "x-ls-api-bucket-level"), "20/90");
    assert_eq!(served(&app, &grant, 25), 19);
}

#[test]
fn calls_of_the_last_second_leave_the_count_one_by_one() {
    let app = TestApp::start();
    let grant = granted(&app);
    assert_eq!(served(&app, &grant, 8), 8);
    app.advance_millis(600);
    assert_eq!(served(&app, &grant, 20), 12);
    app.advance_millis(400);

    assert_eq!(level(&call(&app, &grant), "x-ls-api-burst-level"), "13/20");
    assert_eq!(served(&app, &grant, 20), 7, "as many as a second ago");
    app.advance_millis(600);
    assert_eq!(served(&app, &grant, 20), 12);
}

#[test]
fn a_clock_that_is_set_back_locks_nobody_out() {
    let app = TestApp::start();
    let grant = granted(&app);
    assert_eq!(served(&app, &grant, 25), 20);

    app.advance_millis(-5_000);

    assert_eq!(served(&app, &grant, 25), 20);
    app.advance_millis(1_000);
    assert_eq!(served(&app, &grant, 25), 20);
}

/// Saves the edit form of the grant's client with these fields changed.
fn edit(admin: &mut Browser, grant: &Grant, fields: &[(&str, &str)]) -> Page {
    let form = admin.open(&format!("{}/edit", client_path(grant.client)));
    // Some that the form requires, and the builder of the test leaves out.
    let all = [&[("contact-name", "Lea Ledger"), ("email", "lea@ledgerly.example")], fields].concat();
    admin.submit(&form, "/edit", &all)
}

fn levels(page: &Page) -> [String; 3] {
    ["x-ls-api-bucket-level", "x-ls-api-burst-level", "x-ls-api-drip-rate"].map(|name| level(page, name))
}

#[test]
fn an_admin_sets_the_limits_of_a_client_and_every_node_follows_at_once() {
    let nodes = TestApp::nodes(1, |_| ());
    let app = &nodes[0];
    let (grant, other) = (granted(app), granted(app));
    let mut admin = app.admin();
    let path = client_path(grant.client);
    let fact = "A bucket of 90 that drains by 1 a second, at most 20 calls within a second (the default)";
    assert_eq!(admin.open(&path).fact("Rate limits"), fact);
    for node in &nodes {
        assert_eq!(levels(&call(node, &grant)), ["1/90", "1/20", "1"]);
    }
    app.advance_millis(1_000);

    let limits = [("bucket-size", "5"), ("drip-rate", "0.5"), ("burst-limit", "3")];
    let saved = edit(&mut admin, &grant, &limits);

    assert_eq!(saved.status, 303, "{}", saved.text());
    let fact = "A bucket of 5 that drains by 0.5 a second, at most 3 calls within a second";
    assert_eq!(app.manager().open(&path).fact("Rate limits"), fact);
    let log = admin.open("/settings/activity?kind=client+changed").rows("#activity");
    assert!(log[0].says("rate limits from a bucket of 90"), "{log:?}");
    assert!(log[0].says("to a bucket of 5 that drains by 0.5 a second, at most 3 calls within a second"), "{log:?}");
    for node in nodes.iter().skip(1) {
        assert_eq!(levels(&call(node, &grant))[1..], ["2/3", "0.5"], "a clock that stood still");
    }
    let answer = call(app, &grant);
    assert_eq!(levels(&answer), ["1.5/5", "1/3", "0.5"]);
    assert_eq!(served(app, &grant, 5), 2);
    assert_eq!(level(&call(app, &grant), "x-ls-api-ratelimit-type"), "api-burst-limiter");
    app.advance_millis(1_000);
    assert_eq!(served(app, &grant, 5), 2);
    let full = call(app, &grant);
    assert_eq!(level(&full, "x-ls-api-ratelimit-type"), "api-leaky-bucket");
    assert_eq!((levels(&full)[0].as_str(), level(&full, "retry-after").as_str()), ("5/5", "1"));
    assert_eq!(levels(&call(app, &other)), ["1/90", "1/20", "1"], "other clients have their own");

    let form = admin.open(&format!("{path}/edit"));
    let shown = ["bucket-size", "drip-rate", "burst-limit"].map(|name| form.attribute(&format!("#{name}"), "value"));
    assert_eq!(shown.map(Option::unwrap), ["5", "0.5", "3"]);
    edit(&mut admin, &grant, &[("bucket-size", ""), ("drip-rate", ""), ("burst-limit", "")]);
    assert!(admin.open(&path).fact("Rate limits").ends_with("(the default)"));
    assert_eq!(levels(&call(app, &grant))[1..], ["3/20", "1"]);
}

#[test]
fn wrong_limits_are_refused_beside_their_fields_and_nothing_changes() {
    let app = TestApp::start();
    let grant = granted(&app);
    let mut admin = app.admin();

    for (name, values, message) in [
        ("bucket-size", &["0", "10001", "1.5", "x"][..], "Enter the bucket size as a whole number from 1 to 10,000,"),
        (
            "drip-rate",
            &["0", "1000.1", "0.25", "-1"],
            "Enter the drip rate as a number from 0.1 to 1,000 with at most one decimal",
        ),
        ("burst-limit", &["0", "1001", "ten"], "Enter the burst limit as a whole number from 1 to 1,000,"),
    ] {
        for value in values {
            let again = edit(&mut admin, &grant, &[(name, value)]);
            assert_eq!(again.status, 422, "{name}={value}");
            let errors = again.texts(&format!("#{name}-error")).concat();
            assert!(errors.contains(message) && errors.contains("default"), "{name}={value}: {errors}");
            assert_eq!(again.attribute(&format!("#{name}"), "value").as_deref(), Some(*value));
        }
    }
    assert!(admin.open(&client_path(grant.client)).fact("Rate limits").ends_with("(the default)"));
}

#[test]
fn only_admins_set_limits() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let grant = app.shop().grant(integration.id, &app.shop().staff("Stina Staff"));
    edit(&mut app.admin(), &grant, &[("bucket-size", "200")]);
    let mut developer = app.browser();
    let prove = [("client-id", integration.client_id.as_str()), ("client-secret", integration.secret.as_str())];
    let sign_in = developer.open("/oauth/update");

    let form = developer.submit(&sign_in, "/oauth/update", &prove);
    let fields = [prove[1], ("name", "Ledgerly Two"), ("bucket-size", "9999")];
    let saved = developer.submit(&form, "/oauth/update", &fields);

    assert!(!form.has("#bucket-size"));
    assert!(saved.notice().contains("Changes saved"), "{}", saved.text());
    assert!(app.admin().open(&client_path(integration.id)).fact("Rate limits").starts_with("A bucket of 200"));
    let new = app.sign_in_as(Role::Admin).0.open("/settings/client-api-access/register");
    assert!(!new.has("#bucket-size"), "a new client has the default");
}
