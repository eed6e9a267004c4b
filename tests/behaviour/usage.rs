//! How much clients and API keys are used by day, and the address that a token was last used from.

use actix_web::rt::System;
use client_api_access::jobs;
use client_api_access::scopes::Role;
use diesel::connection::SimpleConnection;

use crate::support::oauth::{Integration, encode, pair};
use crate::support::{Browser, Grant, Key, Page, Person, TestApp, client_path, is_postgres};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const IP: &str = "203.0.113.77";

// Behind a proxy, so that everybody has an address of their own.
fn start() -> TestApp {
    TestApp::start_with(|config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()])
}

fn from(mut browser: Browser, address: &str) -> Browser {
    browser.headers.push(("x-forwarded-for".into(), address.into()));
    browser
}

fn introspect(app: &TestApp, (id, secret): (&str, &str), token: &str, more: &[(&str, &str)]) -> Page {
    let fields = [&[("token", token), ("client_id", id), ("client_secret", secret)], more].concat();
    app.program().post_body("/auth/oauth/introspect", "application/x-www-form-urlencoded", &encode(&fields))
}

// The words above the chart of a client's page, after the counts were written.
fn total(app: &TestApp, viewer: &mut Browser, path: &str) -> String {
    app.run_background();
    let page = viewer.open(path);
    page.texts("#usage > header p").first().cloned().unwrap_or_default()
}

fn numbers(page: &Page) -> Vec<String> {
    page.rows("#usage").iter().map(|row| row.cells.join(" ")).collect()
}

struct Shop {
    app: TestApp,
    client: Integration,
    grant: Grant,
    key: Key,
    admin: Browser,
    ada: Person,
}

fn shop() -> Shop {
    let app = start();
    let mut shop = app.shop();
    let client = shop.integration("Ledgerly");
    let anna = shop.employee("Anna Berg", Role::Manager);
    let (grant, key) = (shop.grant(client.id, &anna), shop.api_key(client.id, &anna, "Nightly export"));
    let (admin, ada) = app.sign_in_as(Role::Admin);
    Shop { app, client, grant, key, admin, ada }
}

#[test]
fn calls_refreshes_and_refusals_of_a_client_are_counted() {
    let Shop { app, client, grant, key, mut admin, ada } = shop();
    let path = client_path(client.id);
    let (server, secret) = app.shop().resource_server("Orders API");

    assert!(app.works(&grant.access_token) && app.works(&key.value));
    assert_eq!(app.call("/API/V3/Account.json", &grant.access_token).status, 200);
    assert_eq!(introspect(&app, (&server, &secret), &key.value, &[]).json()["active"], true);
    assert_eq!(introspect(&app, (&client.client_id, &client.secret), &key.value, &[]).json()["active"], true);
    assert_eq!(total(&app, &mut admin, &path), "5 calls, no refreshes, no refusals in 90 days");
    assert_eq!(total(&app, &mut admin, &key.path()), "3 calls in 90 days");

    let next = pair(&client.refresh(&app, &grant.refresh_token));
    assert_eq!(total(&app, &mut admin, &path), "5 calls, 1 refresh, no refusals in 90 days");

    assert_eq!(client.refresh(&app, "nonsense").status, 400);
    let guess = Integration { secret: "wrong".into(), ..client.clone() };
    assert_eq!(guess.refresh(&app, &next.refresh_token).status, 401);
    assert_eq!(introspect(&app, (&client.client_id, "wrong"), &key.value, &[]).status, 401);
    assert_eq!(total(&app, &mut admin, &path), "5 calls, 1 refresh, 3 refusals in 90 days");

    app.advance(HOUR);
    let mut admin = app.sign_in(&ada);
    assert!(!app.works(&grant.access_token), "it has expired");
    app.run_background();
    assert_eq!(introspect(&app, (&server, &secret), &grant.access_token, &[]).json()["active"], false);
    app.shop().sql("UPDATE clients SET suspended_at = 1");
    assert!(!app.works(&key.value));
    assert_eq!(introspect(&app, (&server, &secret), &key.value, &[]).json()["active"], false);
    assert_eq!(total(&app, &mut admin, &path), "5 calls, 1 refresh, 7 refusals in 90 days");
    assert_eq!(total(&app, &mut admin, &key.path()), "3 calls in 90 days");
}

#[test]
fn a_client_cannot_count_refusals_of_another_one() {
    let Shop { app, client, key, mut admin, .. } = shop();
    let other = app.shop().integration("Shelfwise");
    app.shop().sql(&format!("UPDATE access_tokens SET expires_at = {}", app.now().0));

    assert_eq!(introspect(&app, (&other.client_id, &other.secret), &key.value, &[]).json()["active"], false);
    assert_eq!(total(&app, &mut admin, &client_path(client.id)), "Not used in the last 90 days");
    assert_eq!(introspect(&app, (&client.client_id, &client.secret), &key.value, &[]).json()["active"], false);
    assert_eq!(total(&app, &mut admin, &client_path(client.id)), "no calls, no refreshes, 1 refusal in 90 days");
}

#[test]
fn a_client_that_nobody_uses_says_so_and_a_used_one_lists_ninety_days() {
    let Shop { app, client, key, mut admin, .. } = shop();
    for path in [client_path(client.id), key.path()] {
        let page = admin.open(&path);
        assert_eq!(page.texts("#usage header p"), ["Not used in the last 90 days"]);
        assert!(!page.has("#usage svg.usage-plot") && numbers(&page).is_empty());
    }

    assert!(app.works(&key.value));
    app.run_background();

    for (path, rest) in [(client_path(client.id), " 0 0"), (key.path(), "")] {
        let page = admin.open(&path);
        let numbers = numbers(&page);
        assert_eq!(numbers.len(), 90);
        assert_eq!(numbers[0], format!("20 Nov 2026 1{rest}"));
        assert_eq!(numbers[89], format!("23 Aug 2026 0{rest}"));
        assert_eq!(page.texts("#usage title").len(), 90);
        assert!(page.attribute(".usage", "aria-label").unwrap().contains("1 call"));
    }
}

#[test]
fn a_client_that_was_used_before_counting_began_is_not_called_unused() {
    let Shop { app, client, mut admin, .. } = shop();
    app.shop().used("clients", client.id.0, app.now().plus(-3 * DAY));

    let page = admin.open(&client_path(client.id));

    assert_eq!(page.texts("#usage header p"), ["Not counted yet: last used before this server began to count"]);
}

#[test]
fn a_day_ends_at_midnight_utc_and_its_counts_are_kept_for_ninety_days() {
    let Shop { app, client, key, ada, .. } = shop();
    let path = client_path(client.id);
    app.advance(13 * HOUR - 1);
    assert!(app.works(&key.value));
    app.advance(1);
    assert!(app.works(&key.value) && app.works(&key.value));
    app.run_background();

    let page = app.sign_in(&ada).open(&path);
    assert_eq!(numbers(&page)[..3], ["21 Nov 2026 2 0 0", "20 Nov 2026 1 0 0", "19 Nov 2026 0 0 0"]);

    app.advance(89 * DAY);
    let mut admin = app.sign_in(&ada);
    assert_eq!(total(&app, &mut admin, &path), "2 calls, no refreshes, no refusals in 90 days");
    let rows = |table: &str| app.shop().number(&format!("SELECT COUNT(*) FROM {table}"));
    assert_eq!((rows("client_days"), rows("api_key_days")), (1, 1), "the day before is deleted");

    app.advance(DAY);
    app.run_background();
    assert_eq!((rows("client_days"), rows("api_key_days")), (0, 0));
}

#[test]
fn old_days_are_deleted_in_batches() {
    let Shop { app, client, .. } = shop();
    let mut shop = app.shop();
    let today = app.now().0 / DAY * DAY;
    let days: Vec<String> = (80..100).map(|ago| format!("({}, {}, 1, 1, 1)", client.id, today - ago * DAY)).collect();
    shop.sql(&format!(
        "INSERT INTO client_days (client_id, day, calls, refreshes, refusals) VALUES {}",
        days.join(", ")
    ));
    let keys: Vec<String> = (1..=450).map(|id| format!("({id}, {}, 1)", today - 90 * DAY)).collect();
    shop.sql(&format!("INSERT INTO api_key_days (api_key_id, day, calls) VALUES {}", keys.join(", ")));

    app.run_background();

    assert_eq!(shop.number("SELECT COUNT(*) FROM client_days"), 10, "those of 80 to 89 days ago");
    assert_eq!(shop.number("SELECT COUNT(*) FROM api_key_days"), 0);
}

#[test]
fn the_counts_of_several_nodes_add_up() {
    let nodes = TestApp::nodes(2, |_| ());
    let mut shop = nodes[0].shop();
    let client = shop.client("Ledgerly");
    let anna = shop.employee("Anna Berg", Role::Manager);
    let key = shop.api_key(client, &anna, "Nightly export");

    for _ in 0..2 {
        for node in &nodes {
            assert!(node.works(&key.value) && node.works(&key.value));
        }
        std::thread::scope(|scope| {
            for node in &nodes {
                scope.spawn(|| System::new().block_on(jobs::flush(&node.state)).unwrap());
            }
        });
    }

    let expected = 4 * i64::try_from(nodes.len()).unwrap();
    assert_eq!(shop.number("SELECT SUM(calls) FROM client_days"), expected);
    assert_eq!(shop.number("SELECT SUM(calls) FROM api_key_days"), expected);
    assert_eq!(shop.number("SELECT COUNT(*) FROM client_days"), 1);
}

#[test]
fn counts_that_cannot_be_written_are_written_once_later() {
    let Shop { app, key, .. } = shop();
    assert!(app.works(&key.value));
    app.run_background();
    assert!(app.works(&key.value));

    let mut holder = app.database.connect();
    let lock = if is_postgres() { "BEGIN; LOCK TABLE client_days IN EXCLUSIVE MODE" } else { "BEGIN IMMEDIATE" };
    holder.batch_execute(lock).unwrap();
    let flushed = System::new().block_on(jobs::flush(&app.state));
    assert_eq!(flushed.unwrap_err().status().as_u16(), 503);
    assert!(app.works(&key.value));
    holder.batch_execute("COMMIT").unwrap();
    app.run_background();
    app.run_background();

    assert_eq!(app.shop().number("SELECT SUM(calls) FROM client_days"), 3);
    assert_eq!(app.shop().number("SELECT SUM(calls) FROM api_key_days"), 3);
}

#[test]
fn counts_of_a_client_that_was_deleted_meanwhile_hold_up_nobody_else() {
    let Shop { app, client, grant, key, .. } = shop();
    let other = app.shop().client("Shelfwise");
    let anna = app.shop().employee("Ada Berg", Role::Manager);
    let second = app.shop().api_key(other, &anna, "Labels");
    assert!(app.works(&key.value) && app.works(&grant.access_token));
    app.run_background();
    assert!(app.works(&key.value) && app.works(&second.value));
    app.shop().sql(&format!("DELETE FROM clients WHERE id = {}", client.id));

    app.run_background();

    let counted = app.shop().number("SELECT SUM(client_id) FROM client_days");
    assert_eq!(counted, other.0, "what was written before goes with the client");
}

#[test]
fn a_server_that_starts_again_adds_to_what_was_counted() {
    let Shop { app, key, grant, .. } = shop();
    assert!(app.works(&key.value) && app.works(&grant.access_token));
    System::new().block_on(jobs::flush(&app.state)).unwrap();

    let again = TestApp::start_on(app.database.shared(), None, |_| ());

    assert_eq!(again.shop().number("SELECT SUM(calls) FROM client_days"), 2);
    assert!(again.works(&key.value));
    again.run_background();
    assert_eq!(again.shop().number("SELECT SUM(calls) FROM client_days"), 3);
}

#[test]
fn managers_see_where_a_token_was_last_used_from_and_staff_do_not() {
    let Shop { app, client, grant, key, mut admin, .. } = shop();
    let (mut manager, mut staff) = (app.manager(), app.sign_in_as(Role::Staff).0);
    let verify = |token: &str, ip: &str| {
        let mut caller = from(app.program(), ip);
        caller.headers.push(crate::support::oauth::bearer(token));
        assert_eq!(caller.get("/auth/oauth/verify").status, 204);
    };
    app.advance(60);
    verify(&key.value, IP);
    verify(&grant.access_token, "2001:db8::7");
    let mut program = from(app.program(), "198.51.100.9");
    assert_eq!(program.post("/auth/oauth/token", &client.refresh_request(&grant.refresh_token)).status, 200);
    app.run_background();

    let places = [(key.path(), IP), (grant.access_token_path(), "2001:db8::7"), (grant.path(), "198.51.100.9")];
    for (path, ip) in &places {
        for viewer in [&mut admin, &mut manager] {
            assert_eq!(viewer.open(path).fact("Last used"), format!("just now from {ip}"));
        }
        let page = staff.open(path);
        assert_eq!(page.fact("Last used"), "just now");
        assert!(!page.body.contains(ip));
    }

    app.advance(60);
    verify(&key.value, "192.0.2.4");
    app.run_background();
    assert_eq!(admin.open(&key.path()).fact("Last used"), "just now from 192.0.2.4");
}

#[test]
fn a_resource_server_names_the_caller_and_nobody_else_is_believed() {
    let Shop { app, client, key, mut admin, .. } = shop();
    let (server, secret) = app.shop().resource_server("Orders API");
    let mut seen = |credentials: (&str, &str), more: &[(&str, &str)]| {
        app.advance(60);
        assert_eq!(introspect(&app, credentials, &key.value, more).json()["active"], true);
        app.run_background();
        admin.open(&key.path()).fact("Last used").replace("just now from ", "")
    };

    assert_eq!(seen((&server, &secret), &[("client_ip", IP)]), IP);
    assert_eq!(seen((&server, &secret), &[("client_ip", "::ffff:192.0.2.9")]), "192.0.2.9");
    assert_eq!(seen((&server, &secret), &[("client_ip", "<b>nonsense")]), "127.0.0.1");
    assert_eq!(seen((&server, &secret), &[]), "127.0.0.1");
    assert_eq!(seen((&client.client_id, &client.secret), &[("client_ip", IP)]), "127.0.0.1");
}
