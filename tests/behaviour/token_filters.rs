//! Filters over refresh tokens, access tokens and API keys.

use client_api_access::scopes::Role;
use client_api_access::time::{DAY, HOUR};

use crate::support::{Browser, TestApp, client_path, hrefs, there_and_back, with_access_tokens};

fn paths(browser: &mut Browser, path: &str, panel: &str, fields: &[(&str, &str)]) -> Vec<String> {
    let page = browser.open(path);
    let rows = browser.filter(&page, panel, fields).rows(panel);
    hrefs(&rows).into_iter().map(str::to_string).collect()
}

fn rename(app: &TestApp, table: &str, id: i64, prefix: &str) {
    app.shop().sql(&format!("UPDATE {table} SET prefix = '{prefix}' WHERE id = {id}"));
}

#[test]
fn tokens_are_filtered_by_their_first_characters_and_capitals_count() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let grants: Vec<_> = (0..4).map(|_| app.shop().grant(client, &anna)).collect();
    for (grant, prefix) in grants.iter().zip(["Zk3f9aB", "Zk3f000", "zk3f9aB", "Zk4aaaa"]) {
        rename(&app, "refresh_tokens", grant.id.0, prefix);
        rename(&app, "access_tokens", grant.access_token_id.0, prefix);
    }
    let (mut browser, path) = (app.manager(), client_path(client));

    let mut refresh = |text| paths(&mut browser, &path, "#refresh-tokens", &[("rt-token", text)]);
    assert_eq!(refresh("Zk3"), [grants[1].path(), grants[0].path()]);
    assert_eq!(refresh("zk3"), [grants[2].path()]);
    assert_eq!(refresh("Z"), [grants[3].path(), grants[1].path(), grants[0].path()]);
    assert_eq!(refresh("Zk3f9aB"), [grants[0].path()]);
    assert_eq!(refresh(" Zk3f9aB "), [grants[0].path()]);
    assert!(refresh("k3f").is_empty());
    let unfolded = with_access_tokens(&path);
    let mut access = |text| paths(&mut browser, &unfolded, "#access-tokens", &[("at-token", text)]);
    assert_eq!(access("zk"), [grants[2].access_token_path()]);
    assert_eq!(access("Zk4aaaa"), [grants[3].access_token_path()]);
    assert_eq!(paths(&mut browser, &grants[3].path(), "#access-tokens", &[("at-token", "Zk")]).len(), 1);
    assert_eq!(paths(&mut browser, &grants[3].path(), "#access-tokens", &[("at-token", "zk")]).len(), 0);
}

#[test]
fn i2_nothing_in_a_token_filter_is_a_wildcard_or_a_command() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    app.shop().grant(client, &anna);
    app.shop().api_key(client, &anna, "");
    let mut browser = app.manager();

    for text in ["%", "_", "\\", "'", "\"", "' OR 1", "*", "[", "ä", "a b", "1--"] {
        let panels = [("#api-keys", "ak-token"), ("#refresh-tokens", "rt-token"), ("#access-tokens", "at-token")];
        for (panel, field) in panels {
            let page = browser.open(&with_access_tokens(&client_path(client)));
            let found = browser.filter(&page, panel, &[(field, text)]);

            assert_eq!((found.status, found.rows(panel).len()), (200, 0), "{text}");
            assert!(found.texts(panel).join("").contains("No results match these filters."));
        }
    }
}

#[test]
fn i5_more_than_seven_characters_never_stay_in_an_address() {
    let app = TestApp::start();
    let (mut browser, manager) = app.sign_in_as(Role::Manager);
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &manager);
    let pages = [
        (client_path(client), "rt-token"),
        (client_path(client), "ak-token"),
        (client_path(client), "at-token"),
        (grant.path(), "at-token"),
        (manager.path(), "rt-token"),
        (manager.path(), "at-token"),
    ];

    for (path, field) in pages {
        for whole in [grant.refresh_token.clone(), format!("{} *** REDACTED ***", grant.mask()), "Zk3f9aBx".into()] {
            let value: String = url::form_urlencoded::byte_serialize(whole.as_bytes()).collect();
            let cut = browser.get(&format!("{path}?rt-sort=used&{field}={value}"));

            assert_eq!(cut.status, 303, "{path}?{field}={whole}");
            assert_eq!(cut.location(), format!("{path}?rt-sort=used&{field}={}", &whole[..7]));
            let page = browser.follow(&cut);
            assert_eq!(page.attribute(&format!("input[name={field}]"), "value").as_deref(), Some(&whole[..7]));
            assert!(!page.body.contains(&grant.refresh_token));
        }
    }
}

#[test]
fn i5_two_whole_tokens_in_one_address_are_both_taken_out() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    let mut browser = app.manager();

    let both = format!("{}?rt-token={}&at-token={}", client_path(client), grant.refresh_token, grant.access_token);
    let cut = browser.get(&both);

    assert_eq!(cut.status, 303);
    assert!(!cut.location().contains(&grant.refresh_token[..9]), "{}", cut.location());
    assert!(!cut.location().contains(&grant.access_token[..9]), "{}", cut.location());
    assert_eq!(browser.follow(&cut).rows("#refresh-tokens")[0].href, grant.path());
}

#[test]
fn tokens_are_filtered_by_a_part_of_the_employees_name_letter_case_aside() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let people = ["Anna Berg", "Åsa Öberg", "Bo 100% Dahl", "Bo_Lind", "Eva"].map(|name| shop.staff(name));
    let client = shop.client("Ledgerly");
    let grants: Vec<_> = people.iter().map(|person| shop.grant(client, person)).collect();
    let keys: Vec<_> = people.iter().map(|person| shop.api_key(client, person, "")).collect();
    let (mut browser, path) = (app.manager(), client_path(client));

    for (text, found) in [
        ("BERG", vec![1, 0]),
        ("öberg", vec![1]),
        ("ÅSA", vec![1]),
        ("%", vec![2]),
        ("_", vec![3]),
        ("\\", vec![]),
        ("bo", vec![3, 2]),
        (" eva ", vec![4]),
        ("'", vec![]),
    ] {
        let refresh = paths(&mut browser, &path, "#refresh-tokens", &[("rt-employee", text)]);
        let access = paths(&mut browser, &path, "#api-keys", &[("ak-employee", text)]);

        assert_eq!(refresh, found.iter().map(|i| grants[*i].path()).collect::<Vec<_>>(), "{text}");
        assert_eq!(access, found.iter().map(|i| keys[*i].path()).collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn a_link_from_before_to_api_keys_leads_to_their_table() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    let key = app.shop().api_key(client, &anna, "till");
    let (mut browser, path) = (app.manager(), client_path(client));

    let keys = browser.get(&format!("{path}?rt-sort=used&at-type=api-key&at-employee=anna&at-sort=-used"));
    let tokens = browser.open(&format!("{path}?at-type=access-token&at-sort=-used"));

    assert_eq!((keys.status, keys.location()), (303, format!("{path}?rt-sort=used&ak-employee=anna&ak-sort=-used")));
    assert_eq!(hrefs(&browser.follow(&keys).rows("#api-keys")), [key.path()]);
    assert_eq!(hrefs(&tokens.rows("#access-tokens")), [grant.access_token_path()]);
}

#[test]
fn tokens_are_filtered_by_status() {
    let app = TestApp::start();
    let (anna, bo) = (app.shop().staff("Anna"), app.shop().staff("Bo"));
    let client = app.shop().client("Ledgerly");
    let used = app.shop().grant(client, &anna);
    app.shop().used("refresh_tokens", used.id.0, app.now().plus(-HOUR));
    let unused = app.shop().grant(client, &anna);
    app.shop().used("refresh_tokens", unused.id.0, app.now().plus(-31 * DAY));
    let expiring = app.shop().at(-25 * DAY).grant(client, &anna);
    app.shop().used("refresh_tokens", expiring.id.0, app.now().plus(-HOUR));
    let stopped = app.shop().grant(client, &bo);
    app.shop().used("refresh_tokens", stopped.id.0, app.now().plus(-HOUR));
    let never = app.shop().grant(client, &anna);
    let ending = app.shop().at(-300 * DAY).api_key_until(client, &anna, "", app.now().plus(2 * DAY));
    app.shop().used("access_tokens", ending.id.0, app.now().plus(-HOUR));
    let (fresh, stopped_key) = (app.shop().api_key(client, &anna, ""), app.shop().api_key(client, &bo, ""));
    app.shop().lock(&bo);
    let (mut browser, path) = (app.manager(), client_path(client));

    let mut refresh = |word| paths(&mut browser, &path, "#refresh-tokens", &[("rt-status", word)]);
    assert_eq!(refresh("unused"), [unused.path()]);
    assert_eq!(refresh("never-used"), [never.path()]);
    assert_eq!(refresh("expiring-soon"), [expiring.path()]);
    assert_eq!(refresh("employee-inactive"), [stopped.path()]);
    assert_eq!(refresh("employee-active"), [never.path(), expiring.path(), unused.path(), used.path()]);
    let mut keys = |word| paths(&mut browser, &path, "#api-keys", &[("ak-status", word)]);
    assert_eq!(keys("expiring-soon"), [ending.path()]);
    assert_eq!(keys("employee-active"), [fresh.path(), ending.path()]);
    assert_eq!(keys("employee-inactive"), [stopped_key.path()]);
    assert_eq!(keys("never-used"), [stopped_key.path(), fresh.path()]);
}

#[test]
fn filters_join_and_hold_among_the_expired_too() {
    let app = TestApp::start();
    let (anna, bo) = (app.shop().staff("Anna"), app.shop().staff("Bo"));
    let client = app.shop().client("Ledgerly");
    let ended = app.now().plus(-HOUR);
    let old = app.shop().at(-2 * HOUR).api_key_until(client, &anna, "", ended);
    app.shop().at(-2 * HOUR).api_key_until(client, &bo, "", ended);
    let key = app.shop().api_key(client, &anna, "");
    let (mut browser, path) = (app.manager(), client_path(client));

    let fields = [("ak-employee", "anna"), ("ak-status", "never-used"), ("ak-token", &key.mask()[..3])];
    assert_eq!(paths(&mut browser, &path, "#api-keys", &fields), [key.path()]);
    let fields = [("ak-employee", "bo"), ("ak-status", "never-used")];
    assert!(paths(&mut browser, &path, "#api-keys", &fields).is_empty());
    let expired = format!("{path}?ak-expired=1");
    assert_eq!(paths(&mut browser, &expired, "#api-keys", &[("ak-employee", "anna")]), [old.path()]);
}

#[test]
fn a_rare_token_is_found_however_far_down_it_is() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, rare) = (shop.staff("Anna"), shop.staff("Rare Bird"));
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    for _ in 0..60 {
        shop.api_key(client, &rare, "");
    }
    let rare_grants: Vec<String> = (0..60).map(|_| shop.grant(client, &rare).access_token_path()).collect();
    // More than the list looks at for one page.
    shop.many_access_tokens(&grant, 5_300);
    for _ in 0..60 {
        shop.api_key(client, &rare, "");
    }
    let mut browser = app.manager();

    for filter in ["ak-employee=rare", "ak-show=all", "ak-employee=rare&ak-sort=used", "ak-sort=-expires"] {
        let rows = there_and_back(&mut browser, &format!("{}?{filter}", client_path(client)), "#api-keys");

        assert_eq!(rows.len(), 120, "{filter}");
        assert!(rows.iter().all(|row| row.says("Rare Bird")), "{filter}");
    }
    let page = browser.open(&format!("{}?ak-employee=rare", client_path(client)));
    assert!(page.texts("#api-keys .pager").join("").contains("1–50 of 120"));
    let rows = there_and_back(&mut browser, &format!("{}?at-employee=rare", client_path(client)), "#access-tokens");
    assert_eq!(hrefs(&rows), rare_grants.iter().rev().collect::<Vec<_>>());
}

#[test]
fn a_search_that_stops_says_so_and_continues() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna");
    // More people than a filter reads one by one.
    let rare: Vec<_> = (0..30).map(|n| shop.staff(&format!("Rare Bird {n}"))).collect();
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    let found: Vec<String> = rare.iter().map(|person| shop.grant(client, person).access_token_path()).collect();
    shop.many_access_tokens(&grant, 5_300);
    let mut browser = app.manager();

    let nothing = browser.open(&format!("{}?at-employee=rare", client_path(client)));
    let there = browser.click(&nothing, &nothing.link_in("#access-tokens", "Continue").unwrap());
    let oldest = browser.open(&format!("{}?at-employee=rare&at-last=1", client_path(client)));
    let back = browser.click(&there, &there.link_in("#access-tokens", "Previous").unwrap());

    assert!(nothing.texts("#access-tokens").join("").contains("No results so far"));
    assert!(nothing.texts("#access-tokens .pager").join("").contains("Searched the newest 5,000."));
    assert!(nothing.texts("#access-tokens h2").join("").contains("none so far"));
    assert_eq!(hrefs(&there.rows("#access-tokens")), found.iter().rev().collect::<Vec<_>>());
    assert_eq!(there.link_in("#access-tokens", "Continue"), None);
    assert!(oldest.texts("#access-tokens .pager").join("").contains("Searched the oldest 5,000."));
    assert_eq!(hrefs(&oldest.rows("#access-tokens")), found.iter().rev().collect::<Vec<_>>());
    assert!(back.rows("#access-tokens").is_empty());
    assert!(back.texts("#access-tokens .pager").join("").contains("Searched the previous 5,000."));
}
