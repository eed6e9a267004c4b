//! The rate limits of the resources: a bucket, and a count of the last second that no edge of a second empties.

use crate::support::{Grant, Page, TestApp};

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
