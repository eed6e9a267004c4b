//! Filters over refresh tokens, access tokens and API keys.

use client_api_access::scopes::Role;
use client_api_access::time::{DAY, HOUR};

use crate::support::{Browser, TestApp, client_path, hrefs, there_and_back};

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
    let mut access = |text| paths(&mut browser, &path, "#access-tokens", &[("at-token", text)]);
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
    let mut browser = app.manager();

    for text in ["%", "_", "\\", "'", "\"", "' OR 1", "*", "[", "ä", "a b", "1--"] {
        for (panel, field) in [("#refresh-tokens", "rt-token"), ("#access-tokens", "at-token")] {
            let page = browser.open(&client_path(client));
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
        let fields = [("at-employee", text), ("at-type", "api-key")];
        let access = paths(&mut browser, &path, "#access-tokens", &fields);

        assert_eq!(refresh, found.iter().map(|i| grants[*i].path()).collect::<Vec<_>>(), "{text}");
        assert_eq!(access, found.iter().map(|i| keys[*i].path()).collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn api_keys_and_access_tokens_are_filtered_by_type() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    let key = app.shop().api_key(client, &anna, "till");
    let (mut browser, path) = (app.manager(), client_path(client));

    let mut with = |word| paths(&mut browser, &path, "#access-tokens", &[("at-type", word)]);

    assert_eq!(with("api-key"), [key.path()]);
    assert_eq!(with("access-token"), [grant.access_token_path()]);
    assert_eq!(with("").len(), 2);
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
    app.shop().lock(&bo);
    let (mut browser, path) = (app.manager(), client_path(client));

    let mut refresh = |word| paths(&mut browser, &path, "#refresh-tokens", &[("rt-status", word)]);
    assert_eq!(refresh("unused"), [unused.path()]);
    assert_eq!(refresh("never-used"), [never.path()]);
    assert_eq!(refresh("expiring-soon"), [expiring.path()]);
    assert_eq!(refresh("employee-inactive"), [stopped.path()]);
    assert_eq!(refresh("employee-active"), [never.path(), expiring.path(), unused.path(), used.path()]);
    let mut access = |word| paths(&mut browser, &path, "#access-tokens", &[("at-status", word)]);
    assert_eq!(access("expiring-soon"), [ending.path()]);
    assert_eq!(access("employee-inactive"), [stopped.access_token_path()]);
    assert_eq!(access("never-used").len(), 4);
}

#[test]
fn filters_join_and_hold_among_the_expired_too() {
    let app = TestApp::start();
    let (anna, bo) = (app.shop().staff("Anna"), app.shop().staff("Bo"));
    let client = app.shop().client("Ledgerly");
    let old = app.shop().at(-2 * HOUR).grant(client, &anna);
    app.shop().at(-2 * HOUR).grant(client, &bo);
    let key = app.shop().api_key(client, &anna, "");
    let (mut browser, path) = (app.manager(), client_path(client));

    let fields = [("at-employee", "anna"), ("at-type", "api-key"), ("at-token", &key.mask()[..3])];
    assert_eq!(paths(&mut browser, &path, "#access-tokens", &fields), [key.path()]);
    let fields = [("at-employee", "bo"), ("at-type", "api-key")];
    assert!(paths(&mut browser, &path, "#access-tokens", &fields).is_empty());
    let expired = format!("{path}?at-expired=1");
    assert_eq!(paths(&mut browser, &expired, "#access-tokens", &[("at-employee", "anna")]), [old.access_token_path()]);
}

#[test]
fn what_is_rare_is_found_however_far_down_it_stands() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, rare) = (shop.staff("Anna"), shop.staff("Rare Bird"));
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    for _ in 0..60 {
        shop.api_key(client, &rare, "");
    }
    // More than the list looks at in its first step.
    shop.many_access_tokens(&grant, 4_300);
    for _ in 0..60 {
        shop.api_key(client, &rare, "");
    }
    let mut browser = app.manager();

    for filter in
        ["at-employee=rare", "at-type=api-key", "at-employee=rare&at-sort=used", "at-type=api-key&at-sort=-expires"]
    {
        let rows = there_and_back(&mut browser, &format!("{}?{filter}", client_path(client)), "#access-tokens");

        assert_eq!(rows.len(), 120, "{filter}");
        assert!(rows.iter().all(|row| row.says("Rare Bird")), "{filter}");
    }
    let page = browser.open(&format!("{}?at-employee=rare", client_path(client)));
    assert!(page.texts("#access-tokens .pager").join("").contains("1–50 of 120"));
}
