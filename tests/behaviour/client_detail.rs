//! A client's page: what it is, its refresh tokens, its API keys and access tokens.

use client_api_access::scopes::Role;
use client_api_access::time::{DAY, HOUR};

use crate::support::{TestApp, client_path, hrefs, there_and_back, with_access_tokens};

#[test]
fn the_page_shows_name_website_and_the_lightspeed_approved_mark() {
    let app = TestApp::start();
    let lightspeed_approved = app.shop().client_with("Ledgerly", "https://ledgerly.example/", true);
    let other = app.shop().client_with("Stockbird", "https://stockbird.example/pos", false);
    let mut browser = app.manager();

    let page = browser.open(&client_path(lightspeed_approved));
    let second = browser.open(&client_path(other));

    assert_eq!(page.heading(), "Ledgerly");
    assert!(page.texts("header.title").join(" ").contains("Lightspeed Approved"));
    assert_eq!(page.attribute("header.title a[target]", "href").as_deref(), Some("https://ledgerly.example/"));
    assert_eq!(page.attribute("header.title a[target]", "rel").as_deref(), Some("noopener noreferrer"));
    assert!(second.texts("header.title").join(" ").contains("Not Lightspeed Approved"));
    assert_eq!(page.texts(".crumbs li"), ["Settings", "Client API Access", "Ledgerly"]);
}

#[test]
fn refresh_tokens_are_listed_with_the_employee_who_created_them() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.employee("Bo Dahl", Role::Manager));
    let client = shop.client("Ledgerly");
    let (first, second) = (shop.grant(client, &anna), shop.grant(client, &bo));

    let page = app.manager().open(&client_path(client));

    let rows = page.rows("#refresh-tokens");
    assert_eq!(hrefs(&rows), [second.path(), first.path()]);
    assert_eq!(rows[1].cells[0], format!("{} *** REDACTED ***", first.mask()));
    assert!(rows[1].cells[1].starts_with("Anna Berg") && rows[1].cells[1].ends_with("Staff"));
    assert!(rows[0].cells[1].starts_with("Bo Dahl") && rows[0].cells[1].ends_with("Store manager"));
    assert!(rows[0].cells[2].contains("Inventory") && rows[0].cells[2].contains("Sales history"));
    assert_eq!(page.fact("Refresh tokens"), "2");
}

#[test]
fn api_keys_and_access_tokens_are_listed_with_the_employee_who_created_them() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.staff("Bo Dahl"));
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    let key = shop.api_key(client, &bo, "till no. 4");

    let page = app.manager().open(&with_access_tokens(&client_path(client)));

    let (keys, tokens) = (page.rows("#api-keys"), page.rows("#access-tokens"));
    assert_eq!((hrefs(&keys), hrefs(&tokens)), (vec![key.path().as_str()], vec![grant.access_token_path().as_str()]));
    assert_eq!(keys[0].cells[0], format!("{} *** REDACTED *** till no. 4", key.mask()));
    assert!(keys[0].cells[1].starts_with("Bo Dahl") && tokens[0].cells[1].starts_with("Anna Berg"));
    assert_eq!((keys[0].cells[4].as_str(), tokens[0].cells[4].as_str()), ("never", "in 1 hour"));
    assert_eq!(["API keys", "Refresh tokens", "Access tokens"].map(|fact| page.fact(fact)), ["1", "1", "1"]);
}

#[test]
fn api_keys_and_refresh_tokens_show_ten_rows_and_access_tokens_are_folded() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna");
    let client = shop.client("Ledgerly");
    let keys: Vec<String> = (0..12).map(|_| shop.api_key(client, &anna, "").path()).collect();
    let grants: Vec<String> = (0..11).map(|_| shop.grant(client, &anna).path()).collect();
    let mut browser = app.manager();

    let page = browser.open(&client_path(client));
    let all_keys = browser.click(&page, &page.link_in("#api-keys", "Show all 12").unwrap());
    let all = browser.click(&all_keys, &all_keys.link_in("#refresh-tokens", "Show all 11").unwrap());
    let unfold = all.link_in("#access-tokens", "Access tokens 11").unwrap();
    let unfolded = browser.click(&all, &unfold);
    let folded = browser.click(&unfolded, &unfolded.link_in("#access-tokens", "Access tokens 11").unwrap());

    assert_eq!(hrefs(&page.rows("#api-keys")), keys.iter().rev().take(10).collect::<Vec<_>>());
    assert_eq!(hrefs(&page.rows("#refresh-tokens")), grants.iter().rev().take(10).collect::<Vec<_>>());
    assert_eq!(hrefs(&all.rows("#api-keys")), keys.iter().rev().collect::<Vec<_>>());
    assert_eq!(hrefs(&all.rows("#refresh-tokens")), grants.iter().rev().collect::<Vec<_>>());
    assert!(all.link_in("#api-keys", "Show the first 10").is_some());
    assert_eq!(page.attribute("#access-tokens h2 a", "aria-expanded").as_deref(), Some("false"));
    assert!(!page.has("#access-tokens table") && !page.has("#access-tokens form"));
    assert!(unfold.ends_with("#access-tokens"));
    assert_eq!(unfolded.rows("#access-tokens").len(), 11);
    assert_eq!(unfolded.attribute("#access-tokens h2 a", "aria-expanded").as_deref(), Some("true"));
    assert_eq!(unfolded.rows("#api-keys").len(), 12, "the address keeps the other tables");
    assert!(!folded.has("#access-tokens table"));
}

#[test]
fn the_heading_of_many_folded_access_tokens_has_the_stored_count() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna");
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    shop.api_key(client, &anna, "");
    shop.many_access_tokens(&grant, 1_203);
    app.run_background();

    let page = app.manager().open(&client_path(client));

    assert!(page.link_in("#access-tokens", "Access tokens 1,204").is_some());
    assert_eq!((page.fact("API keys").as_str(), page.fact("Access tokens").as_str()), ("1", "1,204"));
}

#[test]
fn each_row_tells_its_state_in_a_word() {
    let app = TestApp::start();
    let (anna, bo, eva) = (app.shop().staff("Anna"), app.shop().staff("Bo"), app.shop().staff("Eva"));
    let client = app.shop().client("Ledgerly");
    let fresh = app.shop().grant(client, &anna);
    app.shop().used("refresh_tokens", fresh.id.0, app.now().plus(-60));
    app.shop().at(-26 * DAY).grant(client, &anna);
    let locked = app.shop().grant(client, &bo);
    let archived = app.shop().grant(client, &eva);
    let idle = app.shop().api_key(client, &anna, "idle");
    app.shop().used("access_tokens", idle.id.0, app.now().plus(-97 * DAY));
    app.shop().api_key(client, &anna, "new");
    app.shop().lock(&bo);
    app.shop().archive(&eva);

    let page = app.manager().open(&client_path(client));

    let status = |panel: &str, href: String| {
        let row = page.rows(panel).into_iter().find(|row| row.href == href).unwrap();
        row.cells.last().unwrap().clone()
    };
    assert_eq!(status("#refresh-tokens", fresh.path()), "Active");
    assert_eq!(status("#refresh-tokens", locked.path()), "Employee locked");
    assert_eq!(status("#refresh-tokens", archived.path()), "Employee archived");
    assert_eq!(status("#api-keys", idle.path()), "Unused for 97 days");
    let all: Vec<String> = page.rows("#refresh-tokens").iter().map(|row| row.cells.last().unwrap().clone()).collect();
    assert!(all.contains(&"Expires in 4 days".to_string()), "{all:?}");
    assert!(page.rows("#api-keys").iter().any(|row| row.says("Never used")));
}

#[test]
fn expired_tokens_are_listed_apart_behind_a_link() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let old = app.shop().at(-2 * HOUR).api_key_until(client, &anna, "", app.now().plus(-HOUR));
    let new = app.shop().api_key(client, &anna, "");
    let grant = app.shop().at(-2 * HOUR).grant(client, &anna);
    let mut browser = app.manager();

    let valid = browser.open(&client_path(client));
    let toggle = valid.link_in("#api-keys", "Show expired (1)").unwrap();
    let expired = browser.click(&valid, &toggle);
    let back = browser.click(&expired, &expired.link_in("#api-keys", "Hide expired, show valid (1)").unwrap());

    assert_eq!(hrefs(&valid.rows("#api-keys")), [new.path()]);
    assert_eq!(hrefs(&expired.rows("#api-keys")), [old.path()]);
    assert_eq!(expired.rows("#api-keys")[0].cells.last().unwrap(), "Expired");
    assert_eq!(hrefs(&expired.rows("#refresh-tokens")), [grant.path()]);
    assert_eq!(hrefs(&back.rows("#api-keys")), [new.path()]);
    assert!(!valid.has("#refresh-tokens [data-swap=expired]"));
    let unfolded = browser.open(&with_access_tokens(&client_path(client)));
    assert!(unfolded.rows("#access-tokens").is_empty(), "expired, and not moved yet");
}

#[test]
fn the_tables_filter_sort_and_page_by_themselves_and_the_address_holds_them_all() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.staff("Bo Dahl"));
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    shop.grant(client, &bo);
    shop.many_access_tokens(&grant, 70);
    let (key, other) = (shop.api_key(client, &bo, "till"), shop.api_key(client, &anna, "web"));
    let mut browser = app.manager();

    let page = browser.open(&with_access_tokens(&client_path(client)));
    let filtered = browser.filter(&page, "#refresh-tokens", &[("rt-employee", "anna")]);
    let paged = browser.click(&filtered, &filtered.link_in("#access-tokens", "Next").unwrap());
    let sorted = browser.click(&paged, &paged.link_in("#refresh-tokens", "Expires").unwrap());
    let keys = browser.filter(&sorted, "#api-keys", &[("ak-employee", "bo")]);

    assert_eq!(hrefs(&page.rows("#api-keys")), [other.path(), key.path()]);
    assert_eq!(hrefs(&filtered.rows("#refresh-tokens")), [grant.path()]);
    assert_eq!(filtered.rows("#access-tokens").len(), 50);
    assert_eq!(paged.rows("#access-tokens").len(), 22);
    assert_eq!(hrefs(&paged.rows("#refresh-tokens")), [grant.path()]);
    assert_eq!(hrefs(&sorted.rows("#access-tokens")), hrefs(&paged.rows("#access-tokens")));
    assert_eq!(hrefs(&keys.rows("#api-keys")), [key.path()]);
    assert_eq!(hrefs(&keys.rows("#access-tokens")), hrefs(&paged.rows("#access-tokens")));
    assert_eq!(hrefs(&keys.rows("#refresh-tokens")), [grant.path()]);
    assert_eq!(keys.attribute("input[name=rt-employee]", "value").as_deref(), Some("anna"));
    let shared = app.sign_in_as(Role::Staff).0.open(&keys.path);
    assert_eq!(hrefs(&shared.rows("#api-keys")), [key.path()]);
}

#[test]
fn tokens_are_sorted_by_age_by_use_and_by_end_both_ways() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let mut paths = Vec::new();
    for (used, end) in [(30, 9), (10, 3), (20, 6)] {
        let key = app.shop().api_key_until(client, &anna, "key", app.now().plus(end * 30 * DAY));
        app.shop().used("access_tokens", key.id.0, app.now().plus(-used * DAY));
        paths.push(key.path());
    }
    let mut browser = app.manager();

    for page in [client_path(client), anna.path()] {
        let mut by = |sort: &str| {
            let page = browser.open(&format!("{page}?ak-sort={sort}"));
            let rows = page.rows("#api-keys");
            hrefs(&rows).iter().map(|href| paths.iter().position(|path| path == href).unwrap()).collect::<Vec<_>>()
        };

        assert_eq!(by("-created"), [2, 1, 0]);
        assert_eq!(by("created"), [0, 1, 2]);
        assert_eq!(by("-used"), [1, 2, 0]);
        assert_eq!(by("used"), [0, 2, 1]);
        assert_eq!(by("expires"), [1, 2, 0]);
        assert_eq!(by("-expires"), [0, 2, 1]);
    }
}

#[test]
fn paging_shows_every_token_once_in_every_order_there_and_back() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna");
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    // All of them made at once and never used: only their ids differ.
    shop.many_access_tokens(&grant, 169);
    for _ in 0..151 {
        shop.grant(client, &anna);
    }
    let mut browser = app.manager();

    for sort in ["created", "-created"] {
        let access = there_and_back(&mut browser, &format!("{}?at-sort={sort}", client_path(client)), "#access-tokens");
        assert_eq!(access.len(), 170 + 151, "{sort}");
    }
    for sort in ["created", "-created", "used", "-used", "expires", "-expires"] {
        let path = format!("{}?rt-sort={sort}", client_path(client));
        assert_eq!(there_and_back(&mut browser, &path, "#refresh-tokens").len(), 152, "{sort}");
    }
}

#[test]
fn the_pager_says_where_it_is_and_a_page_stays_small() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna");
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    shop.many_access_tokens(&grant, 903);
    let mut browser = app.manager();

    let first = browser.open(&with_access_tokens(&client_path(client)));
    let second = browser.click(&first, &first.link_in("#access-tokens", "Next").unwrap());
    let last = browser.click(&first, &first.link_in("#access-tokens", "Last").unwrap());
    let before = browser.click(&last, &last.link_in("#access-tokens", "Previous").unwrap());
    let again = browser.click(&before, &before.link_in("#access-tokens", "First").unwrap());

    let range = |page: &crate::support::Page| page.texts("#access-tokens .pager p:first-child span").join("");
    assert_eq!(range(&first), "1–50 of 904");
    assert_eq!(range(&second), "51–100 of 904");
    assert_eq!(range(&last), "855–904 of 904");
    assert_eq!(range(&before), "805–854 of 904");
    assert_eq!(hrefs(&again.rows("#access-tokens")), hrefs(&first.rows("#access-tokens")));
    assert!(first.body.len() < 60 * 1024, "{} bytes", first.body.len());
    assert_eq!(first.fact("Access tokens"), "904");
}

#[test]
fn a_count_stops_counting_at_a_thousand() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna");
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    shop.many_access_tokens(&grant, 1_001);

    let page = app.manager().open(&with_access_tokens(&client_path(client)));

    assert!(page.texts("#access-tokens .pager").join("").contains("1–50 of 1,000+"));
}

#[test]
fn empty_tables_say_what_would_be_listed() {
    let app = TestApp::start();
    let client = app.shop().client("Ledgerly");
    let mut browser = app.manager();

    let nothing = browser.open(&with_access_tokens(&client_path(client)));
    let no_match = browser.open(&format!("{}?rt-employee=anna", client_path(client)));
    let no_expired = browser.open(&format!("{}?ak-expired=1", client_path(client)));

    assert!(nothing.texts("#api-keys").join("").contains("No API keys"));
    assert!(nothing.texts("#refresh-tokens").join("").contains("No refresh tokens"));
    assert!(nothing.texts("#access-tokens").join("").contains("No access tokens"));
    assert!(!nothing.has("#refresh-tokens form"), "there is nothing to filter");
    assert!(no_match.texts("#refresh-tokens").join("").contains("No results match these filters."));
    assert!(no_match.link_in("#refresh-tokens", "Clear filters").is_some());
    assert!(no_expired.texts("#api-keys").join("").contains("No expired tokens"));
}

#[test]
fn only_an_admin_is_offered_to_revoke_the_client_and_staff_see_no_links_to_people() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let client = app.shop().client("Ledgerly");
    app.shop().grant(client, &anna);

    let admin = app.admin().open(&client_path(client));
    let manager = app.manager().open(&client_path(client));
    let staff = app.sign_in_as(Role::Staff).0.open(&client_path(client));

    assert_eq!(admin.link("Revoke access"), Some(format!("{}/revoke", client_path(client))));
    assert_eq!((manager.link("Revoke access"), staff.link("Revoke access")), (None, None));
    assert_eq!(manager.link("Anna Berg"), Some(anna.path()));
    assert_eq!(staff.link("Anna Berg"), None);
    assert!(staff.rows("#refresh-tokens")[0].says("Anna Berg"));
}

#[test]
fn a_client_that_never_was_is_no_page() {
    let app = TestApp::start();
    let mut browser = app.manager();

    for id in ["999", "0", "-1", "abc", "9223372036854775808", "1.5", "%20", "1%00"] {
        let page = browser.get(&format!("/settings/client-api-access/clients/{id}"));

        assert_eq!((page.status, page.heading().as_str()), (404, "Page not found"), "{id}");
        assert!(page.link("All clients").is_some());
    }
}
