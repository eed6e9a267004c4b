//! Settings › Activity, filtered: by client, person, kind and date, each bounded, and with sign-ins folded.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use client_api_access::activity::{ActivityFilter, Kind, LogPage, LogRequest};
use client_api_access::db::DbConnection;
use client_api_access::id::{ClientKey, EmployeeKey};
use client_api_access::scopes::Role;
use client_api_access::time::DAY;
use diesel::connection::{Connection, InstrumentationEvent};

use crate::sealing::broken;
use crate::support::{Browser, Page, Shop, TestApp, client_path, walk};
use crate::token_lists::plans::plan_of;
use crate::upgrade::{each_release, verify_activity};

const LOG: &str = "/settings/activity";

fn whats(page: &Page) -> Vec<String> {
    page.rows("#activity").into_iter().map(|row| row.cells[2].clone()).collect()
}

fn filtered(browser: &mut Browser, query: &str) -> Vec<String> {
    whats(&browser.open(&format!("{LOG}{query}")))
}

fn revoke(browser: &mut Browser, path: &str) {
    let confirmation = browser.open(&format!("{path}/revoke"));
    assert_eq!(browser.submit(&confirmation, "/revoke", &[]).status, 303);
}

// Entries that the server wrote, of one kind and one client.
fn many(shop: &mut Shop, n: i64, kind: &str, actor: Option<i64>) {
    let (now, actor) = (shop.now().0, actor.map_or("NULL".into(), |id| id.to_string()));
    shop.sql(&format!(
        "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {n}) \
         INSERT INTO activity (at, kind, actor_id, actor_name, subject_kind, subject_id, subject_name, detail, client_ip) \
         SELECT {now}, '{kind}', {actor}, '', 'account', 1, 'entry ' || i, '{{}}', '' FROM numbers"
    ));
}

#[test]
fn a_client_lists_what_happened_to_it_and_to_its_tokens_also_after_it_is_revoked() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna Berg");
    let (ledgerly, other) = (shop.client("Ledgerly"), shop.client("Stockbird"));
    let (grant, key, foreign) =
        (shop.grant(ledgerly, &anna), shop.api_key(ledgerly, &anna, ""), shop.grant(other, &anna));
    let mut admin = app.admin();
    for path in [grant.path(), foreign.path(), key.path()] {
        revoke(&mut admin, &path);
    }

    let page = admin.open(&format!("{LOG}?client=ledg"));

    let expected = [
        format!("API key revoked: {} of Ledgerly", key.mask()),
        format!("Refresh token revoked: {} of Ledgerly", grant.mask()),
    ];
    assert_eq!(whats(&page), expected);
    let link = format!("{} of Ledgerly", key.mask());
    assert_eq!(page.link(&link), Some(client_path(ledgerly)), "the client is one click away");
    assert_eq!(filtered(&mut admin, "?client=ledgerly&kind=API+key+revoked").len(), 1);

    revoke(&mut admin, &client_path(ledgerly));
    app.run_background();
    let gone = admin.open(&format!("{LOG}?client=Ledgerly"));
    assert_eq!(gone.rows("#activity").len(), 3);
    assert!(whats(&gone)[0].starts_with("Client revoked: Ledgerly"));
    assert_eq!(gone.link(&link), None, "it is gone");
    assert!(verify_activity(&app.database, &[]).contains("intact"));
}

#[test]
fn many_tokens_revoked_together_are_listed_under_each_client() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna Berg");
    let (ledgerly, stockbird) = (shop.client("Ledgerly"), shop.client("Stockbird"));
    shop.grant(ledgerly, &anna);
    shop.api_key(stockbird, &anna, "");
    shop.client("Untouched");
    let mut admin = app.admin();
    let list = admin.open("/settings/access?employee=anna");
    let answer = admin.submit(&list, "/revocations?employee=anna", &[("all", "1")]);
    let confirmation = admin.follow(&answer);
    admin.submit(&confirmation, "/revoke", &[]);
    app.run_background();

    for (client, n) in [("Ledgerly", 1), ("Stockbird", 1), ("Untouched", 0)] {
        let found = filtered(&mut admin, &format!("?client={client}&kind=bulk+revocation"));
        assert_eq!(found.len(), n, "{client}: {found:?}");
    }
}

#[test]
fn a_person_lists_what_they_did_and_what_concerned_them() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna Berg");
    let client = shop.client("Ledgerly");
    let (grant, foreign) = (shop.grant(client, &anna), shop.grant(client, &shop_staff(&app)));
    app.sign_in(&anna);
    let mut admin = app.admin();
    revoke(&mut admin, &grant.path());
    revoke(&mut admin, &foreign.path());

    let found = filtered(&mut admin, "?person=anna");

    assert_eq!(found, [format!("Refresh token revoked: {} of Ledgerly", grant.mask()), "Signed in".into()]);
    let export = admin.open(&format!("{LOG}/export?person=anna")).body;
    assert_eq!(export.lines().count(), 1 + 2, "{export}");
}

fn shop_staff(app: &TestApp) -> crate::support::Person {
    app.shop().staff("Somebody Else")
}

#[test]
fn sign_ins_that_follow_each_other_are_one_line_that_opens() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let people = ["Anna Berg", "Bo Ek", "Cleo Dahl"].map(|name| shop.staff(name));
    for person in people.iter().chain(&people) {
        app.sign_in(person);
    }
    app.advance(DAY);
    let mut admin = app.admin();
    let page = admin.open("/settings/account");
    let fields = [("name", "New name"), ("time_zone", "Europe/Stockholm")];
    admin.submit(&page, "/settings/account", &fields);
    app.sign_in(&people[0]);

    let page = admin.open(LOG);

    let rows = page.rows("#activity");
    assert_eq!(whats(&page)[..1], ["Signed in"], "one alone is not folded");
    assert_eq!(whats(&page)[2..], ["Signed in", "6 sign-ins by 3 people"], "each day has its own");
    assert_eq!(rows[3].cells[1], "Anna Berg, Bo Ek and 1 more");
    let open = admin.click(&page, &page.link("6 sign-ins by 3 people").unwrap());
    assert_eq!(whats(&open), ["Signed in"; 6]);
    assert_eq!(filtered(&mut admin, "?sign-ins=1").len(), 9);
    assert_eq!(filtered(&mut admin, "?kind=signed+in").len(), 8, "asked for, they are listed");
    assert_eq!(filtered(&mut admin, "?person=bo")[..], ["2 sign-ins"]);
    let export = admin.open(&format!("{LOG}/export")).body;
    assert_eq!(export.lines().count(), 1 + 9, "the file has each");
}

#[test]
fn folded_pages_miss_and_repeat_nothing_either_way() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna Berg");
    for n in 0..70 {
        many(&mut shop, 2 + n % 3, "signed in", Some(anna.id.0));
        many(&mut shop, 1, "purged", None);
    }
    let mut browser = app.manager();

    let forward = walk(&mut browser, LOG, "#activity", "Next");
    let there: Vec<_> = forward.iter().flat_map(|page| page.rows("#activity")).collect();
    let backward = walk(&mut browser, &forward.last().unwrap().path, "#activity", "Previous");
    let back: Vec<_> = backward.iter().rev().flat_map(|page| page.rows("#activity")).collect();

    assert_eq!(forward.len(), 3);
    assert_eq!(there.len(), 1 + 140);
    assert_eq!(back, there);
    let folded: i64 = there.iter().filter_map(|row| row.cells[2].strip_suffix(" sign-ins")?.parse::<i64>().ok()).sum();
    assert_eq!(folded, (0..70).map(|n| 2 + n % 3).sum::<i64>());
}

#[test]
fn a_search_that_no_index_answers_stops_and_continues() {
    let app = TestApp::start();
    let mut shop = app.shop();
    // More people than are read each from their own part of an index.
    let people: Vec<_> = (0..12).map(|n| shop.staff(&format!("Anna {n}"))).collect();
    many(&mut shop, 1, "role changed", Some(people[3].id.0));
    many(&mut shop, 5_200, "purged", None);
    let mut manager = app.manager();

    let first = manager.open(&format!("{LOG}?person=anna&kind=role+changed"));
    let all = manager.open(&format!("{LOG}?person=anna"));
    let next = manager.click(&all, &all.link("Continue").unwrap());
    let last = manager.open(&format!("{LOG}?person=anna&last=1"));

    assert_eq!(first.rows("#activity").len(), 1, "few are of this kind");
    assert!(
        all.text().contains("No results so far") && all.text().contains("Searched the newest 5,000."),
        "{}",
        all.text()
    );
    assert_eq!(next.rows("#activity").len(), 1);
    assert_eq!(last.rows("#activity").len(), 1);
    assert!(last.text().contains("Searched the oldest 5,000."), "{}", last.text());
    let export = manager.open(&format!("{LOG}/export?person=anna")).body;
    assert_eq!(export.lines().count(), 1 + 1, "the file is complete");
}

#[test]
fn a_long_run_of_sign_ins_is_cut_where_the_search_stops_and_every_one_is_counted() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    many(&mut app.shop(), 5_200, "signed in", Some(anna.id.0));
    let mut manager = app.manager();

    let first = manager.open(LOG);
    let second = manager.click(&first, &first.link("Continue").unwrap());

    assert_eq!(whats(&first), ["5,000 sign-ins by 2 people"]);
    assert_eq!(whats(&second), ["201 sign-ins"]);
}

#[test]
fn a_date_is_found_without_reading_what_lies_after_it() {
    let app = TestApp::start();
    many(&mut app.shop(), 2, "role changed", None);
    app.advance(9 * DAY);
    many(&mut app.shop(), 5_200, "purged", None);
    let mut manager = app.manager();

    let found = manager.open(&format!("{LOG}?from=2026-11-20&until=2026-11-21"));

    assert_eq!(found.rows("#activity").len(), 2);
    assert!(!found.text().contains("Searched"), "{}", found.text());
}

#[test]
fn an_address_that_nobody_has_is_said_in_words_and_one_that_somebody_has_by_their_name() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    app.browser().sign_in("nobody@shop.example", "a wrong password");
    // As earlier versions named every address.
    let old = client_api_access::activity::unknown_address(&anna.email);
    app.shop().sql(&format!(
        "INSERT INTO activity (at, kind, actor_name, subject_kind, subject_id, subject_name, detail, client_ip) \
         VALUES (1, 'sign-in failed', 'somebody not signed in', 'sign_in', 0, '{old}', '{{}}', '')"
    ));
    let mut manager = app.manager();

    let page = manager.open(&format!("{LOG}?kind=sign-in+failed"));

    assert_eq!(whats(&page), ["Sign-in failed: Anna Berg", "Sign-in failed: an e-mail address that nobody has"]);
    assert_eq!(page.link("Anna Berg"), Some(anna.path()));
    assert!(!manager.open(&format!("{LOG}/export")).body.contains("address 6"), "neither in the file");
}

#[test]
fn an_entry_that_is_taken_from_the_list_of_its_client_is_noticed() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, client) = (shop.staff("Anna Berg"), shop.client("Ledgerly"));
    let grant = shop.grant(client, &anna);
    revoke(&mut app.admin(), &grant.path());
    app.run_background();
    assert!(verify_activity(&app.database, &[]).contains("intact"));

    shop.sql("UPDATE activity_clients SET client_id = 99");

    assert!(broken(&app.database).contains("is not listed under the client that it is about"));
}

#[test]
fn entries_from_before_the_upgrade_are_listed_under_their_clients() {
    each_release(|before| {
        let mut admin = before.admin();
        let found = filtered(&mut admin, "?client=Ledgerly");

        assert!(found.iter().any(|what| what.ends_with(" of Ledgerly")), "{found:?}");
        assert!(found.iter().any(|what| what.contains(": Ledgerly")), "{found:?}");
    });
}

#[test]
fn no_filter_scans_the_log_or_sorts_it() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, client) = (shop.staff("Anna Berg"), shop.client("Ledgerly"));
    for n in 0..40 {
        many(&mut shop, 50, ["signed in", "purged", "role changed"][n % 3], (n % 2 == 0).then_some(anna.id.0));
    }
    shop.sql(&format!("INSERT INTO activity_clients SELECT {}, id FROM activity WHERE id % 7 = 0", client.0));
    shop.sql("ANALYZE");
    let statements = recorded(shop.conn(), (client, anna.id));

    assert!(statements.len() > 12, "{statements:#?}");
    for statement in statements {
        let plan = plan_of(&mut shop, &statement);
        let about = format!("{statement}\n{plan}");
        for bad in ["Seq Scan", "Sort", "Bitmap", "Filter:", "TEMP B-TREE", "SCAN"] {
            assert!(!plan.contains(bad), "{bad} in {about}");
        }
    }
}

// The statements that each kind of filter sends about the log.
fn recorded(conn: &mut DbConnection, (client, person): (ClientKey, EmployeeKey)) -> BTreeSet<String> {
    let sent: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let log = sent.clone();
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            // The others look up entries by their ids.
            let text = query.to_string();
            if text.contains("ORDER BY") {
                log.lock().unwrap().insert(text);
            }
        }
    });
    let all = ActivityFilter::default;
    let day = client_api_access::time::Timestamp(1_795_000_000);
    let filters = [
        all(),
        ActivityFilter { clients: Some(vec![client]), ..all() },
        ActivityFilter { people: Some(vec![person]), ..all() },
        ActivityFilter { only_about: Some(person), ..all() },
        ActivityFilter { kind: Some(Kind::RoleChanged), ..all() },
        ActivityFilter { from: Some(day), until: Some(day.plus(DAY)), ..all() },
    ];
    for filter in &filters {
        for backward in [false, true] {
            for edge in [None, Some(1_000)] {
                LogPage::read(conn, &LogRequest { filter, edge, backward, lines: 50, fold: None }).unwrap();
            }
        }
    }
    conn.set_instrumentation(|_: InstrumentationEvent<'_>| ());
    let sent = sent.lock().unwrap();
    sent.clone()
}

#[test]
fn staff_filter_only_what_concerns_them() {
    let app = TestApp::start();
    let (mut mine, me) = app.sign_in_as(Role::Staff);
    let mut shop = app.shop();
    let (client, other) = (shop.client("Ledgerly"), shop.staff("Other"));
    let (own, foreign) = (shop.grant(client, &me), shop.grant(client, &other));
    let mut admin = app.admin();
    for grant in [&own, &foreign] {
        revoke(&mut admin, &grant.path());
    }

    assert_eq!(filtered(&mut mine, "?client=Ledgerly").len(), 1);
    assert_eq!(filtered(&mut mine, "?person=Other").len(), 0);
    assert_eq!(filtered(&mut mine, "?kind=refresh+token+revoked").len(), 1);
}
