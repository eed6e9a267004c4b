//! Settings › Access inventory: the refresh tokens and API keys of all clients in one list.

use client_api_access::scopes::Role;
use client_api_access::time::DAY;

use crate::support::{Browser, TestApp, client_path, walk};

const LIST: &str = "/settings/access";

// The first seven characters of the tokens that a query lists, in the order of the page.
fn masks(browser: &mut Browser, query: &str) -> Vec<String> {
    let rows = browser.open(&format!("{LIST}{query}")).rows("#access");
    rows.iter().map(|row| row.cells[1].chars().take(7).collect()).collect()
}

#[test]
fn an_empty_shop_says_how_tokens_come_about() {
    let app = TestApp::start();

    let page = app.manager().open(LIST);

    assert_eq!(page.heading(), "Access inventory");
    assert!(page.text().contains("No tokens or keys yet"), "{}", page.text());
    assert!(!page.has("#access form.filters"));
}

#[test]
fn refresh_tokens_and_api_keys_of_all_clients_are_in_one_list() {
    let app = TestApp::start();
    let mut shop = app.shop().at(-3 * DAY);
    let anna = shop.staff("Anna Berg");
    let (ledgerly, stockbird) = (shop.client("Ledgerly"), shop.client("Stockbird"));
    let grant = shop.grant(ledgerly, &anna);
    let key = shop.at(DAY).api_key(stockbird, &anna, "Nightly export");
    let mut manager = app.manager();

    let page = manager.open(LIST);

    let rows = page.rows("#access");
    assert_eq!(rows.len(), 2);
    assert!(rows[0].cells[1].starts_with(key.mask()) && rows[0].cells[1].ends_with("API key · Nightly export"));
    assert_eq!(rows[0].cells[2], "Stockbird Anna Berg · Staff");
    assert_eq!(rows[0].cells[3], "Not in role: Reports", "reports are not for staff: {:?}", rows[0]);
    assert_eq!(rows[0].cells[6], "never");
    assert!(rows[1].cells[1].starts_with(grant.mask()) && rows[1].cells[1].ends_with("Refresh token"));
    assert_eq!(rows[1].cells[3], "Inventory Sales history");
    assert_eq!([rows[0].href.clone(), rows[1].href.clone()], [key.path(), grant.path()]);
    assert_eq!((page.link("Ledgerly"), page.link("Anna Berg")), (Some(client_path(ledgerly)), Some(anna.path())));
    assert_eq!(masks(&mut manager, "?sort=created"), [grant.mask(), key.mask()]);
    assert_eq!(manager.open("/settings").link("Access inventory"), Some(LIST.into()));
}

#[test]
fn staff_see_the_list_without_the_pages_of_others() {
    let app = TestApp::start();
    let (mut mine, me) = app.sign_in_as(Role::Staff);
    let mut shop = app.shop();
    let (other, client) = (shop.staff("Other"), shop.client("Ledgerly"));
    let (own, foreign) = (shop.grant(client, &me), shop.grant(client, &other));

    let page = mine.open(LIST);

    assert_eq!(masks(&mut mine, ""), [foreign.mask(), own.mask()]);
    assert_eq!((page.link_in("#access", &me.name), page.link("Other")), (Some(me.path()), None));
}

#[test]
fn each_filter_lists_what_matches_and_nothing_else() {
    let app = TestApp::start();
    let (long_ago, now) = (app.now().plus(-200 * DAY), app.now());
    let mut shop = app.shop().at_moment(long_ago);
    let (anna, lena) = (shop.staff("Anna Berg"), shop.employee("Lena Locked", Role::Admin));
    let (ledgerly, stockbird) = (shop.client("Ledgerly"), shop.client("Stockbird"));
    let full = shop.grant_scope(ledgerly, &lena, "employee:all");
    let reads = shop.grant_scope(stockbird, &anna, "employee:inventory_read");
    let key = shop.api_key(stockbird, &anna, "till");
    let mut shop = shop.at_moment(now.plus(-20 * DAY));
    let new = shop.grant_scope(ledgerly, &anna, "employee:inventory employee:admin_shops");
    for (grant, days) in [(&full, 100), (&reads, 35), (&new, 25)] {
        shop.used("refresh_tokens", grant.id.0, now.plus(-days * DAY));
        shop.sql(&format!("UPDATE refresh_tokens SET expires_at = {} WHERE id = {}", now.plus(9 * DAY).0, grant.id));
    }
    shop.lock(&lena);
    let (_, mona) = app.sign_in_as(Role::Manager);
    let list = |query: &str| {
        let mut found = masks(&mut app.sign_in(&mona), query);
        found.sort();
        found
    };
    let sorted = |tokens: &[&str]| {
        let mut tokens: Vec<String> = tokens.iter().map(|token| token.to_string()).collect();
        tokens.sort();
        tokens
    };
    let [full, reads, key, new] = [full.mask(), reads.mask(), key.mask(), new.mask()];

    for (query, expected) in [
        ("", &[full, reads, key, new][..]),
        ("?client=ledger", &[full, new]),
        ("?employee=LENA", &[full]),
        ("?client=stock&employee=anna", &[reads, key]),
        ("?client=nobody", &[]),
        ("?type=api-key", &[key]),
        ("?type=refresh-token", &[full, reads, new]),
        // The key was never used, and is 200 days old.
        ("?usage=unused-30", &[full, reads, key]),
        ("?usage=unused-90", &[full, key]),
        ("?usage=unused-180", &[key]),
        ("?usage=never-used", &[key]),
        ("?access=full", &[full]),
        ("?access=write", &[full, new]),
        ("?access=read", &[reads, key]),
        ("?access=beyond-role", &[key, new]),
        ("?scope=employee%3Ainventory_read", &[full, reads, new]),
        ("?scope=employee%3Areports", &[full]),
        ("?owner=inactive", &[full]),
        ("?owner=active", &[reads, key, new]),
        ("?owner=admin", &[full]),
        ("?owner=staff", &[reads, key, new]),
        ("?expires=never", &[key]),
        ("?expires=soon", &[]),
        ("?expires=expired", &[]),
        ("?created=30", &[new]),
        ("?created=7", &[]),
    ] {
        assert_eq!(list(query), sorted(expected), "{query}");
    }
    app.advance(3 * DAY);
    assert_eq!(list("?expires=soon"), sorted(&[full, reads, new]));
    app.advance(6 * DAY);
    assert_eq!(list("?expires=expired"), sorted(&[full, reads, new]));
    assert_eq!(list(""), [key]);
}

#[test]
fn an_unknown_filter_value_is_ignored_and_no_result_leads_back() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, client) = (shop.staff("Anna Berg"), shop.client("Ledgerly"));
    let grant = shop.grant(client, &anna);
    let mut manager = app.manager();

    assert_eq!(masks(&mut manager, "?usage=whenever"), [grant.mask()]);
    let nothing = manager.open(&format!("{LIST}?usage=unused-90&sort=-used"));
    assert!(nothing.text().contains("No results match these filters."), "{}", nothing.text());
    let clear = nothing.link("Clear filters").unwrap();
    assert_eq!(manager.click(&nothing, &clear).path, format!("{LIST}?sort=-used"));
    assert_eq!(manager.get(&format!("{LIST}?sort=colour")).status, 400);
}

#[test]
fn the_list_is_paged_both_ways_without_a_gap() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, client) = (shop.staff("Anna Berg"), shop.client("Ledgerly"));
    for _ in 0..70 {
        shop.grant(client, &anna);
        shop.api_key(client, &anna, "");
    }
    let mut browser = app.manager();

    let forward = walk(&mut browser, &format!("{LIST}?sort=used"), "#access", "Next");
    let there: Vec<_> = forward.iter().flat_map(|page| page.rows("#access")).collect();
    let backward = walk(&mut browser, &forward[2].path, "#access", "Previous");
    let back: Vec<_> = backward.iter().rev().flat_map(|page| page.rows("#access")).collect();

    assert_eq!((forward.len(), there.len()), (3, 140));
    assert_eq!(back, there);
    assert!(forward[1].text().contains("51–100 of 140"), "{}", forward[1].text());
}

#[test]
fn the_export_has_all_that_matches_and_no_formula() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("=cmd, Anna");
    let (ledgerly, stockbird) = (shop.client("Ledgerly"), shop.client("Stockbird"));
    for n in 0..1_203 {
        shop.api_key(if n % 3 == 0 { stockbird } else { ledgerly }, &anna, "-1+1");
    }
    shop.grant(ledgerly, &anna);
    let mut manager = app.manager();

    let page = manager.open(&format!("{LIST}?client=ledger&type=api-key"));
    let export = manager.click(&page, &page.link("Export as CSV").unwrap());

    assert_eq!(export.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(export.header("content-disposition"), Some("attachment; filename=\"access-inventory.csv\""));
    let lines: Vec<&str> = export.body.lines().collect();
    assert_eq!(lines.len(), 1 + 802);
    assert!(lines[0].starts_with("token,type,client,employee,role"));
    for line in &lines[1..] {
        assert!(
            line.contains("\",\"API key · -1+1\",\"Ledgerly\",\"'=cmd, Anna\",\"Staff\",\"\",\"Reports\""),
            "{line}"
        );
    }
    let mut once = lines.clone();
    once.sort_unstable();
    once.dedup();
    assert!(once.len() > 790, "each token is listed once");
    assert_eq!(manager.open(&format!("{LIST}/export?client=nobody")).body.lines().count(), 1);
}
