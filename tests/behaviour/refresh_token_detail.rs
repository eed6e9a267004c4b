//! A refresh token's page.

use client_api_access::scopes::Role;
use client_api_access::time::{DAY, HOUR};

use crate::support::{TestApp, client_path, hrefs, there_and_back};

#[test]
fn the_page_shows_the_client_and_the_token_with_its_scope_and_employee() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let client = app.shop().client_with("Ledgerly", "https://ledgerly.example/", true);
    let grant = app.shop().at(-3 * DAY).grant_scope(client, &anna, "employee:inventory employee:reports");
    app.shop().at(-HOUR).refresh(&grant);

    let page = app.manager().open(&grant.path());

    assert_eq!(page.heading(), format!("{} *** REDACTED ***", grant.mask()));
    assert_eq!(page.texts("title"), [format!("{} *** REDACTED *** · Harbour & Pine", grant.mask())]);
    assert_eq!(page.fact("Client"), "Ledgerly Lightspeed Approved");
    assert_eq!(page.attribute("dl a[target]", "href").as_deref(), Some("https://ledgerly.example/"));
    let rights = page.texts(".rights li");
    assert_eq!(rights[0], "View and edit inventory employee:inventory");
    assert_eq!(rights[1], "View reports Not included in the role Staff employee:reports");
    assert_eq!(page.fact("Employee"), "Anna Berg Staff");
    assert_eq!(page.fact("Created"), "17 Nov 2026, 12:00");
    assert_eq!(page.fact("Last used"), "today, 11:00");
    assert_eq!(page.fact("Refreshed"), "1 time last today, 11:00");
    assert_eq!(page.fact("Expires without use"), "in 29 days");
    assert_eq!(page.link("Ledgerly"), Some(client_path(client)));
}

#[test]
fn it_lists_the_access_tokens_it_made_and_no_others() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna Berg");
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    let second = shop.refresh(&grant);
    shop.grant(client, &anna);
    shop.api_key(client, &anna, "till");

    let page = app.manager().open(&grant.path());

    let rows = page.rows("#access-tokens");
    assert_eq!(hrefs(&rows), [second.access_token_path_below(), grant.access_token_path_below()]);
    assert!(rows.iter().all(|row| row.says("Anna Berg")));
}

#[test]
fn its_expired_access_tokens_are_listed_behind_a_link() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().at(-2 * HOUR).grant(client, &anna);
    app.shop().sql(
        "INSERT INTO ended_tokens (id, client_id, employee_id, refresh_token_id, hash, prefix, created_at, last_used_at, \
         expires_at) SELECT id, client_id, employee_id, refresh_token_id, hash, prefix, created_at, last_used_at, expires_at \
         FROM access_tokens",
    );
    app.shop().sql("DELETE FROM access_tokens");
    let new = app.shop().refresh(&grant);
    let mut browser = app.manager();

    let valid = browser.open(&grant.path());
    let expired = browser.click(&valid, &valid.link_in("#access-tokens", "Show expired (1)").unwrap());
    let filtered = browser.filter(&expired, "#access-tokens", &[("at-token", "0000000")]);
    let back = browser.click(&expired, &expired.link_in("#access-tokens", "Hide expired, show valid (1)").unwrap());

    assert_eq!(hrefs(&valid.rows("#access-tokens")), [new.access_token_path_below()]);
    assert_eq!(hrefs(&expired.rows("#access-tokens")), [grant.access_token_path_below()]);
    assert_eq!(expired.rows("#access-tokens")[0].cells.last().unwrap(), "Expired");
    assert!(filtered.rows("#access-tokens").is_empty());
    assert_eq!(hrefs(&back.rows("#access-tokens")), [new.access_token_path_below()]);
}

#[test]
fn its_access_tokens_are_filtered_by_token_and_by_employee_and_paged() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna Berg");
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    shop.many_access_tokens(&grant, 160);
    let mut browser = app.manager();

    let page = browser.open(&grant.path());
    let by_token = browser.filter(&page, "#access-tokens", &[("at-token", grant.access_token_mask())]);
    let by_employee = browser.filter(&page, "#access-tokens", &[("at-employee", "BERG")]);
    let nobody = browser.filter(&page, "#access-tokens", &[("at-employee", "carl")]);

    assert_eq!(hrefs(&by_token.rows("#access-tokens")), [grant.access_token_path_below()]);
    assert_eq!(by_employee.rows("#access-tokens").len(), 50);
    assert!(nobody.rows("#access-tokens").is_empty());
    for sort in ["created", "-created"] {
        let all = there_and_back(&mut browser, &format!("{}?at-sort={sort}", grant.path()), "#access-tokens");
        assert_eq!(all.len(), 161, "{sort}");
    }
}

#[test]
fn a_refreshed_token_keeps_its_page_and_its_characters() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let first = app.shop().grant(client, &anna);
    let second = app.shop().refresh(&first);

    let page = app.manager().open(&first.path());

    assert_eq!(first.refresh_token[..7], second.refresh_token[..7]);
    assert_ne!(first.refresh_token, second.refresh_token);
    assert_eq!(page.fact("Refreshed"), "1 time last just now");
}

#[test]
fn staff_are_offered_to_revoke_only_what_they_granted() {
    let app = TestApp::start();
    let (mut browser, me) = app.sign_in_as(Role::Staff);
    let other = app.shop().staff("Other");
    let client = app.shop().client("Ledgerly");
    let (mine, theirs) = (app.shop().grant(client, &me), app.shop().grant(client, &other));

    let own = browser.open(&mine.path());
    let foreign = browser.open(&theirs.path());
    let by_hand = browser.get(&format!("{}/revoke", theirs.path()));

    assert_eq!(own.link("Revoke refresh token"), Some(format!("{}/revoke", mine.path())));
    assert_eq!(foreign.link("Revoke refresh token"), None);
    assert_eq!((by_hand.status, by_hand.heading().as_str()), (403, "Not allowed"));
    assert!(by_hand.text().contains("Ask a store manager or an admin"));
}
