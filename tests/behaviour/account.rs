//! Settings › Account: the shop's name and time zone, its businesses and locations.

use client_api_access::scopes::Role;

use crate::support::{Browser, Page, TestApp};

const ACCOUNT: &str = "/settings/account";

fn submit(browser: &mut Browser, action: &str, fields: &[(&str, &str)]) -> Page {
    let page = browser.open(ACCOUNT);
    let done = browser.submit(&page, action, fields);
    browser.follow(&done)
}

#[test]
fn the_name_and_the_time_zone_count_on_every_page() {
    let app = TestApp::start();
    let client = app.shop().client("Ledgerly");
    app.shop().used("clients", client.0, app.now().plus(-7200));
    let mut admin = app.admin();

    let before = admin.open("/settings/client-api-access").rows("#clients")[0].cells[8].clone();
    let saved = submit(&mut admin, "/account", &[("name", "Tidal Books"), ("zone", "America/New_York")]);
    let after = admin.open("/settings/client-api-access");

    assert_eq!(before, "today, 10:00");
    assert_eq!(saved.notice(), "Account saved.");
    assert_eq!(after.rows("#clients")[0].cells[8], "today, 04:00");
    assert_eq!(after.texts("title"), ["Client API Access · Tidal Books"]);
    assert!(after.attribute("#clients td time", "title").unwrap().ends_with("EST"));
    let log = admin.open("/settings/activity?kind=account+changed").rows("#activity");
    assert!(log[0].says("from Harbour & Pine (Europe/Stockholm) to Tidal Books (America/New_York)"), "{log:?}");
}

#[test]
fn businesses_and_their_locations_come_and_go() {
    let app = TestApp::start();
    let mut admin = app.admin();

    let business = submit(&mut admin, "/businesses", &[("name", "North AB"), ("currency", "sek")]);
    let location = [("name", "Harbour"), ("country", "se"), ("zone", "Europe/Stockholm")];
    let with_location = submit(&mut admin, "/locations", &location);
    let cannot = with_location.has("form[action$='/businesses/1/remove']");
    let csrf = admin.csrf();
    let by_hand = admin.post("/settings/account/businesses/1/remove", &[("csrf", &csrf)]);
    let refused = admin.follow(&by_hand).notice();
    let without = submit(&mut admin, "/locations/1/remove", &[]);
    let removed = submit(&mut admin, "/businesses/1/remove", &[]);

    assert_eq!(business.notice(), "Business added.");
    assert!(business.text().contains("North AB SEK"));
    assert_eq!(with_location.rows("main")[0].cells[..3], ["Harbour", "SE", "Europe/Stockholm"]);
    assert!(!cannot && refused.contains("still has locations"), "{refused}");
    assert_eq!(without.notice(), "Location removed.");
    assert_eq!(removed.notice(), "Business removed.");
    assert!(!removed.text().contains("North AB"));
}

#[test]
fn businesses_and_locations_are_renamed() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let (business, location) = app.shop().location("North AB", "Harbour");
    app.shop().sql(&format!("INSERT INTO employee_locations VALUES ({}, {location})", anna.id));
    let mut admin = app.admin();
    let path = format!("{ACCOUNT}/businesses/{business}");
    let mut rename = |path: String, name: &str| {
        let form = admin.open(&path);
        let done = admin.submit(&form, "/rename", &[("name", name)]);
        (form, admin.follow(&done).notice())
    };

    let (form, renamed) = rename(format!("{path}/rename"), " Nord AB ");
    let (_, moved) = rename(format!("{path}/locations/{location}/rename"), "Pier");
    let (_, same) = rename(format!("{path}/locations/{location}/rename"), "Pier");
    // Another case of its own name is no other business.
    let (_, case) = rename(format!("{path}/rename"), "NORD AB");

    assert_eq!(
        (form.heading().as_str(), form.attribute("#name", "value").as_deref()),
        ("Rename North AB", Some("North AB"))
    );
    assert_eq!((renamed.as_str(), moved.as_str()), ("North AB is called Nord AB now.", "Harbour is called Pier now."));
    assert_eq!((same.as_str(), case.as_str()), ("No changes to save.", "Nord AB is called NORD AB now."));
    assert_eq!(admin.open(&anna.path()).fact("Locations"), "Pier");
    let log = admin.open("/settings/activity").rows("#activity");
    assert!(log[1].says("Business changed") && log[1].says("Pier") && log[1].says("renamed from Harbour"), "{log:?}");
    assert!(log[2].says("Nord AB") && log[2].says("renamed from North AB"), "{log:?}");
}

#[test]
fn a_name_that_is_taken_or_missing_is_refused_and_what_was_typed_is_kept() {
    let app = TestApp::start();
    let (business, location) = app.shop().location("North AB", "Harbour");
    app.shop().location("Söder AB", "Harbour");
    let mut admin = app.admin();
    submit(
        &mut admin,
        &format!("/businesses/{business}/locations"),
        &[("name", "Pier"), ("country", "SE"), ("zone", "UTC")],
    );

    for (path, name, sentence) in [
        ("", "söder ab", "A business with this name already exists."),
        ("", "", "The name is missing"),
        (&format!("/locations/{location}"), "PIER", "A location with this name already exists."),
    ] {
        let form = admin.open(&format!("{ACCOUNT}/businesses/{business}{path}/rename"));
        let refused = admin.submit(&form, "/rename", &[("name", name)]);
        assert_eq!((refused.status, refused.attribute("#name", "value").as_deref()), (422, Some(name)));
        assert!(refused.texts("#name-error")[0].contains(sentence), "{:?}", refused.texts("#name-error"));
    }
    let added = submit(&mut admin, "/businesses", &[("name", "NORTH ab"), ("currency", "SEK")]).notice();
    assert!(added.contains("already exists"), "{added}");
    let names = "SELECT COUNT(*) FROM business_locations WHERE name IN ('Harbour', 'Pier')";
    assert_eq!(app.shop().number(names), 3, "two businesses may have a Harbour each");
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_changed() {
    let app = TestApp::start();
    app.shop().location("North AB", "Harbour");
    let mut admin = app.admin();

    for (action, fields, sentence) in [
        ("/account", [("name", ""), ("zone", "UTC"), ("", "")], "The shop's name is missing"),
        ("/account", [("name", "X"), ("zone", "Mars/Base"), ("", "")], "no time zone"),
        ("/businesses", [("name", "X"), ("currency", "E1R"), ("", "")], "three letters"),
        ("/businesses", [("name", "\u{202E}X"), ("currency", "EUR"), ("", "")], "invisible character"),
        ("/locations", [("name", "X"), ("country", "S"), ("zone", "UTC")], "2 letters"),
        ("/locations", [("name", "X"), ("country", "SE"), ("zone", "")], "The time zone is missing"),
    ] {
        let notice = submit(&mut admin, action, &fields).notice();
        assert!(notice.contains(sentence) || notice.contains("3 letters"), "{fields:?}: {notice}");
    }
    assert_eq!(app.shop().word("SELECT name AS word FROM accounts"), "Harbour & Pine");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM business_locations"), 1);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM businesses"), 1);
}

#[test]
fn d2_a_location_below_another_business_is_not_found() {
    let app = TestApp::start();
    let (_, location) = app.shop().location("North AB", "Harbour");
    let (other, _) = app.shop().location("South AB", "Pine Street");
    let mut admin = app.admin();
    let csrf = admin.csrf();

    let path = format!("/settings/account/businesses/{other}/locations/{location}/remove");
    let missing = "/settings/account/businesses/99/locations";
    let fields = [("csrf", csrf.as_str()), ("name", "X"), ("country", "SE"), ("zone", "UTC")];

    let rename = format!("/settings/account/businesses/{other}/locations/{location}/rename");

    assert_eq!(admin.post(&path, &[("csrf", &csrf)]).status, 404);
    assert_eq!(admin.get(&rename).status, 404);
    assert_eq!(admin.post(&rename, &[("csrf", &csrf), ("name", "X")]).status, 404);
    assert_eq!(admin.post(missing, &fields).status, 404, "a business that is gone takes no location");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM business_locations"), 2);
}

#[test]
fn a_removed_location_leaves_the_people_who_had_it() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let (_, location) = app.shop().location("North AB", "Harbour");
    app.shop().sql(&format!("INSERT INTO employee_locations VALUES ({}, {location})", anna.id));
    let mut admin = app.sign_in_as(Role::Admin).0;

    submit(&mut admin, "/locations/1/remove", &[]);

    assert_eq!(admin.open(&anna.path()).fact("Locations"), "none");
}
