//! Settings › Activity: who did what, to what, when and from where.

use client_api_access::scopes::Role;
use client_api_access::time::DAY;

use crate::support::{Browser, TestApp, walk};

const LOG: &str = "/settings/activity";

fn whats(browser: &mut Browser, query: &str) -> Vec<String> {
    browser.open(&format!("{LOG}{query}")).rows("#activity").into_iter().map(|row| row.cells[2].clone()).collect()
}

#[test]
fn an_entry_says_who_what_when_and_from_where() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let mut admin = app.admin();
    let page = admin.open(&anna.path());
    admin.submit(&page, "/lock", &[]);

    let page = admin.open(LOG);

    let rows = page.rows("#activity");
    assert_eq!(page.texts("#activity .day"), ["20 Nov 2026"]);
    assert_eq!(
        rows[0].cells,
        ["12:00", "Ada Admin", "Employee locked: Anna Berg", "0 sessions signed out", "127.0.0.1"]
    );
    assert_eq!(rows[1].cells[2], "Signed in");
    assert_eq!(page.attribute("#activity time", "datetime").as_deref(), Some("2026-11-20T11:00:00Z"));
    assert_eq!(page.link("Anna Berg"), Some(anna.path()));
}

#[test]
fn entries_are_filtered_by_who_what_and_when() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    app.sign_in(&anna);
    app.advance(2 * DAY);
    let (mut admin, me) = app.sign_in_as(Role::Admin);
    app.browser().sign_in("nobody@shop.example", "a wrong password");

    assert_eq!(whats(&mut admin, "").len(), 3);
    assert_eq!(whats(&mut admin, "?person=BERG"), ["Signed in"]);
    assert_eq!(whats(&mut admin, "?kind=sign-in+failed").len(), 1);
    assert_eq!(whats(&mut admin, "?from=2026-11-22").len(), 2);
    assert_eq!(whats(&mut admin, "?until=2026-11-20").len(), 1);
    assert_eq!(whats(&mut admin, "?from=2026-11-21&until=2026-11-21"), [] as [&str; 0]);
    assert_eq!(whats(&mut admin, &format!("?person={}&kind=signed+in", me.name.replace(' ', "+"))).len(), 1);
    let nothing = admin.open(&format!("{LOG}?person=nobody"));
    assert!(nothing.text().contains("No results match these filters."));
    assert_eq!(admin.get(&format!("{LOG}?from=yesterday")).status, 400);
}

#[test]
fn staff_see_what_they_did_and_what_concerned_them() {
    let app = TestApp::start();
    let (mut mine, me) = app.sign_in_as(Role::Staff);
    let other = app.shop().staff("Other");
    let client = app.shop().client("Ledgerly");
    let (own, foreign) = (app.shop().grant(client, &me), app.shop().grant(client, &other));
    let mut manager = app.manager();
    for grant in [&own, &foreign] {
        let confirmation = manager.open(&format!("{}/revoke", grant.path()));
        manager.submit(&confirmation, "/revoke", &[]);
    }

    let seen = whats(&mut mine, "");
    let export = mine.open(&format!("{LOG}/export")).body;

    assert_eq!(seen, [format!("Refresh token revoked: {} of Ledgerly", own.mask()), "Signed in".into()]);
    assert!(export.contains(own.mask()) && !export.contains(foreign.mask()));
    assert_eq!(whats(&mut manager, "?kind=refresh+token+revoked").len(), 2);
    assert!(whats(&mut mine, "?kind=refresh+token+revoked&person=Mona").len() == 1);
}

#[test]
fn the_log_is_paged_both_ways_without_a_gap() {
    let app = TestApp::start();
    let mut shop = app.shop();
    for n in 0..130 {
        shop.sql(&format!(
            "INSERT INTO activity (at, kind, actor_name, subject_kind, subject_id, subject_name, detail, client_ip) \
             VALUES ({}, 'purged', 'the server', 'client', {n}, 'entry {n}', '{{}}', '')",
            app.now().0
        ));
    }
    let mut browser = app.manager();

    let forward = walk(&mut browser, LOG, "#activity", "Next");
    let there: Vec<_> = forward.iter().flat_map(|page| page.rows("#activity")).collect();
    let backward = walk(&mut browser, &forward[2].path, "#activity", "Previous");
    let back: Vec<_> = backward.iter().rev().flat_map(|page| page.rows("#activity")).collect();

    assert_eq!(forward.len(), 3);
    assert_eq!(there.len(), 131);
    assert_eq!(back, there);
}

#[test]
fn the_export_holds_what_the_filters_show_and_no_formula() {
    let app = TestApp::start();
    let anna = app.shop().staff("=cmd \"x\", Anna");
    app.sign_in(&anna);
    let mut admin = app.admin();

    let page = admin.open(&format!("{LOG}?person=anna"));
    let export = admin.click(&page, &page.link("Export").unwrap());

    assert_eq!(export.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(export.header("content-disposition"), Some("attachment; filename=\"activity.csv\""));
    let lines: Vec<&str> = export.body.lines().collect();
    assert_eq!(lines.len(), 2, "{}", export.body);
    assert_eq!(lines[0], "time,what,who,to,detail,from");
    assert!(lines[1].starts_with("\"2026-11-20T11:00:00Z\",\"signed in\",\"'=cmd \"\"x\"\", Anna\""), "{}", lines[1]);
}

#[test]
fn the_export_ends_with_the_first_entry_however_many_there_are() {
    let app = TestApp::start();
    app.shop().sql(
        "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 51000) \
         INSERT INTO activity (at, kind, actor_name, subject_kind, subject_id, subject_name, detail, client_ip) \
         SELECT 5, 'purged', 'the server', 'client', i, 'entry ' || i, '{}', '' FROM numbers",
    );

    let export = app.manager().open(&format!("{LOG}/export")).body;

    let lines: Vec<&str> = export.lines().collect();
    assert_eq!(lines.len(), 1 + 51_001);
    assert!(lines[51_001].contains("\"entry 1\""), "{}", lines[51_001]);
}

#[test]
fn s11_every_act_of_consequence_leaves_an_entry() {
    let app = TestApp::start();
    let (mut admin, _) = app.sign_in_as(Role::Admin);
    let mut shop = app.shop();
    let anna = shop.staff("Anna Berg");
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    let key = shop.api_key(client, &anna, "");
    app.browser().sign_in(&anna.email, "a wrong password");

    for action in ["role", "locations", "lock", "unlock", "link", "archive", "restore"] {
        let page = admin.open(&anna.path());
        if action == "locations" {
            let csrf = admin.csrf();
            admin.post(&format!("{}/locations", anna.path()), &[("csrf", &csrf)]);
        } else {
            admin.submit(&page, &format!("/{action}"), &[]);
        }
    }
    for path in [key.path(), grant.access_token_path(), grant.path(), crate::support::client_path(client)] {
        let confirmation = admin.open(&format!("{path}/revoke"));
        admin.submit(&confirmation, "/revoke", &[]);
    }
    let confirmation = admin.open(&format!("{}/revoke-all-access", anna.path()));
    admin.submit(&confirmation, "/revoke-all-access", &[]);
    let page = admin.open("/settings");
    admin.submit(&page, "/sign-out", &[]);

    let kinds = app.shop().words("SELECT kind AS word FROM activity ORDER BY id");
    assert_eq!(
        kinds,
        [
            "signed in",
            "sign-in failed",
            "role changed",
            "locations changed",
            "employee locked",
            "employee unlocked",
            "reset link made",
            "employee archived",
            "employee restored",
            "API key revoked",
            "access token revoked",
            "refresh token revoked",
            "client revoked",
            "grants ended",
            "signed out",
        ]
    );
}
