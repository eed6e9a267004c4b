//! Settings › Client API Access: the list of clients.

use client_api_access::scopes::Role;

use crate::support::{Row, TestApp, there_and_back};

const LIST: &str = "/settings/client-api-access";

fn first_words(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.cells[0].split(' ').next().unwrap()).collect()
}

#[test]
fn the_list_names_each_client_with_its_website() {
    let app = TestApp::start();
    app.shop().client_with("Ledgerly", "https://ledgerly.example/", true);
    app.shop().client_with("Stockbird", "https://www.stockbird.example/pos", false);

    let page = app.manager().open(LIST);

    let rows = page.rows("#clients");
    assert_eq!(page.heading(), "Client API Access");
    assert_eq!(rows.len(), 2);
    assert!(rows[0].says("Ledgerly") && rows[0].says("ledgerly.example") && rows[0].says("Approved"));
    assert!(rows[1].says("Stockbird") && rows[1].says("www.stockbird.example/pos") && rows[1].says("Not approved"));
}

#[test]
fn c3_a_website_opens_apart_and_learns_nothing_of_this_page() {
    let app = TestApp::start();
    app.shop().client_with("Ledgerly", "https://ledgerly.example/", true);

    let page = app.manager().open(LIST);

    let link = "#clients a[href='https://ledgerly.example/']";
    assert_eq!(page.attribute(link, "target").as_deref(), Some("_blank"));
    assert_eq!(page.attribute(link, "rel").as_deref(), Some("noopener noreferrer"));
    assert_eq!(page.header("referrer-policy"), Some("same-origin"));
}

#[test]
fn clients_are_filtered_by_a_part_of_their_name_letter_case_aside() {
    let app = TestApp::start();
    for name in ["Ledgerly", "Café Öst", "Stockbird"] {
        app.shop().client(name);
    }
    let mut browser = app.manager();

    let list = browser.open(LIST);
    let found = |browser: &mut crate::support::Browser, name: &str| {
        let page = browser.filter(&list, "#clients", &[("name", name)]);
        page.rows("#clients").into_iter().map(|row| row.cells[0].clone()).collect::<Vec<_>>()
    };

    assert!(found(&mut browser, "LEDGER")[0].starts_with("Ledgerly"));
    assert!(found(&mut browser, "café ö")[0].starts_with("Café Öst"));
    assert!(found(&mut browser, "CAFÉ Ö")[0].starts_with("Café Öst"));
    assert_eq!(found(&mut browser, "r").len(), 2);
    assert_eq!(found(&mut browser, "").len(), 3);
}

#[test]
fn clients_are_filtered_by_who_let_them_in() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.staff("Bo Dahl"));
    let (ledgerly, stockbird, idle) = (shop.client("Ledgerly"), shop.client("Stockbird"), shop.client("Idle"));
    shop.grant(ledgerly, &anna);
    shop.api_key(stockbird, &bo, "till");
    let mut browser = app.manager();

    let list = browser.open(LIST);
    let by_grant = browser.filter(&list, "#clients", &[("employee", "BERG")]);
    let by_key = browser.filter(&list, "#clients", &[("employee", "bo d")]);
    let nobody = browser.filter(&list, "#clients", &[("employee", "carl")]);

    assert_eq!(first_words(&by_grant.rows("#clients")), ["Ledgerly"]);
    assert_eq!(first_words(&by_key.rows("#clients")), ["Stockbird"]);
    assert!(nobody.text().contains("No results match these filters"));
    assert!(list.rows("#clients").iter().any(|row| row.href.ends_with(&format!("/{idle}"))));
}

#[test]
fn a_filter_that_matches_many_employees_finds_a_client_by_its_oldest_token() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let people: Vec<_> = (0..151).map(|n| shop.staff(&format!("Anna {n}"))).collect();
    let other = shop.staff("Bo Dahl");
    let mut client = |name: &str, holders: [Option<usize>; 2], others: usize| {
        let client = shop.client(name);
        let [grant, key] = holders.map(|n| n.map(|n| &people[n]));
        grant.map(|person| shop.grant(client, person));
        key.map(|person| shop.api_key(client, person, "till"));
        for _ in 0..others {
            shop.grant(client, &other);
            shop.api_key(client, &other, "till");
        }
    };
    client("Granted", [Some(0), None], 0);
    client("Keyed", [None, Some(150)], 0);
    client("LongGranted", [Some(75), None], 51);
    client("LongKeyed", [None, Some(1)], 51);
    client("Idle", [None, None], 0);
    client("Others", [None, None], 51);
    let mut browser = app.manager();

    let list = browser.open(LIST);
    let mut found = |fields: &[(&str, &str)]| {
        let rows = browser.filter(&list, "#clients", fields).rows("#clients");
        rows.iter().map(|row| row.cells[0].split(' ').next().unwrap().to_string()).collect::<Vec<_>>()
    };

    assert_eq!(found(&[("employee", "anna")]), ["Granted", "Keyed", "LongGranted", "LongKeyed"]);
    assert_eq!(found(&[("employee", "anna 1")]), ["Keyed", "LongKeyed"]);
    assert_eq!(found(&[("employee", "anna"), ("name", "granted")]), ["Granted", "LongGranted"]);
}

#[test]
fn clients_are_filtered_by_what_they_may_do_and_by_the_mark() {
    let app = TestApp::start();
    let mut shop = app.shop();
    shop.client_with("Approved", "https://a.example/", true);
    shop.client("Active");
    shop.pending_client("Pending");
    shop.suspended_client("Suspended");
    let mut browser = app.manager();

    let list = browser.open(LIST);
    let mut with = |status| {
        let page = browser.filter(&list, "#clients", &[("status", status)]);
        page.rows("#clients").iter().map(|row| row.cells[0].split(' ').next().unwrap().to_string()).collect::<Vec<_>>()
    };

    assert_eq!(with("approved"), ["Approved"]);
    assert_eq!(with("not-approved"), ["Active", "Pending", "Suspended"]);
    assert_eq!(with("active"), ["Active", "Approved"]);
    assert_eq!(with("pending"), ["Pending"]);
    assert_eq!(with("suspended"), ["Suspended"]);
    assert!(list.rows("#clients")[3].says("Suspended"));
}

#[test]
fn the_list_says_how_much_hangs_on_a_client_and_when_it_was_used() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.staff("Bo Dahl"));
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    shop.refresh(&grant);
    shop.grant(client, &bo);
    shop.api_key(client, &bo, "till");
    shop.used("clients", client.0, app.now().plus(-180));

    app.run_background();
    let row = app.manager().open(LIST).rows("#clients").remove(0);

    assert_eq!(row.cells[4..7], ["2", "2", "4"]);
    assert_eq!(row.cells[8], "3 min ago");
}

#[test]
fn clients_are_sorted_by_name_by_last_use_and_by_age() {
    let app = TestApp::start();
    let young = app.shop().at(-100).client("alpha");
    let old = app.shop().at(-300).client("Beta");
    let middle = app.shop().at(-200).client("gamma");
    for (client, ago) in [(young, 50), (old, 10), (middle, 90)] {
        app.shop().used("clients", client.0, app.now().plus(-ago));
    }
    let mut browser = app.manager();

    let by_name = browser.open(LIST);
    let by_use = browser.click(&by_name, &by_name.link("Last used").unwrap());
    let by_age = browser.click(&by_name, &by_name.link("Registered").unwrap());
    let oldest = browser.click(&by_age, &by_age.link("Registered").unwrap());
    let backward = browser.click(&by_name, &by_name.link("Name").unwrap());

    assert_eq!(first_words(&by_name.rows("#clients")), ["alpha", "Beta", "gamma"]);
    assert_eq!(first_words(&by_use.rows("#clients")), ["Beta", "alpha", "gamma"]);
    assert_eq!(first_words(&by_age.rows("#clients")), ["alpha", "gamma", "Beta"]);
    assert_eq!(first_words(&oldest.rows("#clients")), ["Beta", "gamma", "alpha"]);
    assert_eq!(first_words(&backward.rows("#clients")), ["gamma", "Beta", "alpha"]);
    assert_eq!(by_age.attribute("#clients th[aria-sort]", "aria-sort").as_deref(), Some("descending"));
}

#[test]
fn clients_are_sorted_by_each_count_and_by_what_their_tokens_can_do() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let people = [Role::Staff, Role::Manager, Role::Admin].map(|role| shop.employee("Anna Berg", role));
    let [none, read, write, full] = ["None", "Read", "Write", "Full"].map(|name| shop.client(name));
    let locked = shop.staff("Lena Locked");
    shop.grant_scope(none, &locked, "employee:all");
    // Only admins have this right.
    shop.grant_scope(none, &people[0], "employee:admin");
    for person in &people {
        shop.grant_scope(read, person, "employee:inventory_read employee:admin_employees");
    }
    shop.sql(&format!("DELETE FROM refresh_tokens WHERE client_id = {read} AND employee_id = {}", people[2].id));
    shop.grant_scope(write, &people[0], "employee:inventory");
    shop.grant_scope(full, &people[2], "employee:all");
    shop.api_key(full, &people[2], "one");
    shop.api_key(full, &people[2], "two");
    app.admin();
    shop.lock(&locked);
    app.run_background();
    app.advance(120);
    app.run_background();
    let mut manager = app.manager();

    let list = manager.open(LIST);
    let mut by = |heading: &str| {
        let page = manager.click(&list, &list.link_in("#clients", heading).unwrap());
        page.rows("#clients").iter().map(|row| row.cells[0].split(' ').next().unwrap().to_string()).collect::<Vec<_>>()
    };

    assert_eq!(by("Access"), ["Full", "Write", "Read", "None"]);
    assert_eq!(by("Keys and tokens")[0], "Full");
    assert_eq!(by("Employees")[..2], ["Read", "None"]);
    assert_eq!(by("Refresh tokens")[..2], ["Read", "None"]);
    let cells: Vec<[String; 3]> =
        list.rows("#clients").iter().map(|row| [1, 2, 3].map(|n| row.cells[n].clone())).collect();
    let of = |access: &str| ["Active", "Not approved", access].map(str::to_string);
    let expected = ["Full access", "None", "Read only", "Change data"].map(of);
    assert_eq!(cells.iter().map(|row| row[2].clone()).collect::<Vec<_>>(), expected.map(|row| row[2].clone()));
    assert!(cells.iter().all(|row| row[0] == "Active"), "{cells:?}");
}

#[test]
fn paging_shows_every_client_once_in_every_order_there_and_back() {
    let app = TestApp::start();
    let mut shop = app.shop();
    for n in 0..53 {
        // Names and times that tie, so that only the id tells neighbours apart.
        for name in ["Twin", "twin", "Ärla"] {
            shop.client(name);
        }
        if n % 9 == 0 {
            shop.client("a single one");
        }
    }
    let total = 53 * 3 + 6;
    let mut browser = app.manager();

    for sort in
        ["name", "-name", "used", "-used", "created", "-created", "-employees", "refresh-tokens", "-tokens", "-access"]
    {
        let rows = there_and_back(&mut browser, &format!("{LIST}?sort={sort}"), "#clients");
        assert_eq!(rows.len(), total, "{sort}");
    }
    let first = browser.open(LIST);
    assert!(first.text().contains(&format!("1–50 of {total}")));
    let last = browser.click(&first, &first.link("Last").unwrap());
    assert!(last.text().contains(&format!("{}–{total} of {total}", total - 49)), "{}", last.texts(".pager").join(" "));
}

#[test]
fn code_points_sort_the_same_way_on_both_databases() {
    let app = TestApp::start();
    for name in ["zeta", "_under", "Ängel", "a-b", "a b", "ab", "éclair", "10", "9"] {
        app.shop().client(name);
    }

    let rows = app.manager().open(LIST).rows("#clients");

    let website = " ledgerly.example (opens in a new tab)";
    let names: Vec<&str> = rows.iter().map(|row| row.cells[0].strip_suffix(website).unwrap()).collect();
    assert_eq!(names, ["10", "9", "_under", "a b", "a-b", "ab", "zeta", "Ängel", "éclair"]);
}

#[test]
fn the_three_kinds_of_nothing_read_differently() {
    let app = TestApp::start();
    let mut browser = app.sign_in_as(Role::Staff).0;

    let nothing_yet = browser.open(LIST);
    let no_match = browser.filter(&nothing_yet, "#clients", &[("name", "x")]);
    let not_allowed = browser.get("/settings/account");

    assert!(nothing_yet.text().contains("No clients yet"));
    assert!(no_match.text().contains("No results match these filters"));
    assert_eq!(no_match.link("Clear filters").as_deref(), Some("?"));
    assert_eq!((not_allowed.status, not_allowed.heading().as_str()), (403, "Not allowed"));
    assert!(not_allowed.link("Back to Settings").is_some());
}
