//! The first start: an empty installation and the link that creates its first admin.

use client_api_access::employees::Purpose;
use client_api_access::scopes::Role;
use client_api_access::time::HOUR;

use crate::support::{Browser, PASSWORD, Page, TestApp};

const FIELDS: [(&str, &str); 6] = [
    ("shop", "Tidal Books"),
    ("zone", "Europe/Lisbon"),
    ("name", "Inês Duarte"),
    ("email", "ines@tidalbooks.example"),
    ("password", PASSWORD),
    ("again", PASSWORD),
];

fn set_up(browser: &mut Browser, path: &str, change: (&str, &str)) -> Page {
    let form = browser.open(path);
    let fields = FIELDS.map(|(name, value)| if name == change.0 { change } else { (name, value) });
    browser.submit(&form, path, &fields)
}

#[test]
fn the_first_admin_names_the_shop_and_is_signed_in() {
    let app = TestApp::start();
    let path = format!("/set-up/{}", app.shop().one_time_link(Purpose::SetUp, None));
    let mut browser = app.browser();

    let done = set_up(&mut browser, &path, ("", ""));
    let settings = browser.follow(&done);

    assert_eq!(settings.heading(), "Needs attention");
    assert_eq!(settings.texts("header.sidebar .shop strong"), ["Tidal Books"]);
    assert_eq!(settings.texts("header.sidebar .person a"), ["Inês Duarte"]);
    assert!(settings.link("Account").is_some(), "an admin");
    let account = browser.open("/settings/account");
    assert_eq!(account.attribute("select[name=zone] option[selected]", "value"), None);
    assert_eq!(account.texts("select[name=zone] option[selected]"), ["Europe/Lisbon"]);
    let log = browser.open("/settings/activity").rows("#activity");
    assert!(log.iter().any(|row| row.says("Set up") && row.says("Inês Duarte")), "{log:?}");
    assert_eq!(app.browser().sign_in("INES@tidalbooks.example", PASSWORD).status, 303);
}

#[test]
fn what_is_wrong_is_said_above_the_form_which_keeps_the_rest() {
    let app = TestApp::start();
    let path = format!("/set-up/{}", app.shop().one_time_link(Purpose::SetUp, None));
    let mut browser = app.browser();

    for (change, sentence) in [
        (("shop", " "), "The shop's name is missing"),
        (("name", ""), "Your name is missing"),
        (("email", "ines"), "Enter an e-mail address"),
        (("email", "ines@tidal books.example"), "Enter an e-mail address"),
        (("zone", "Europe/Atlantis"), "no time zone"),
        (("again", "something else entirely"), "do not match"),
        (("name", "Inês\u{202E}Duarte"), "invisible character"),
        (("shop", &"x".repeat(101)), "at most 100 characters"),
    ] {
        let refused = set_up(&mut browser, &path, change);

        assert_eq!(refused.status, 422, "{change:?}");
        assert!(refused.notice().contains(sentence), "{change:?}: {}", refused.notice());
        if change.0 != "email" {
            assert_eq!(refused.attribute("#email", "value").as_deref(), Some("ines@tidalbooks.example"));
        }
        assert!(!refused.body.contains(PASSWORD));
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM employees"), 0);
    assert_eq!(set_up(&mut browser, &path, ("", "")).status, 303, "the link still works");
}

#[test]
fn d15_there_is_nobody_and_no_password_before_the_link_is_used() {
    let app = TestApp::start();

    assert_eq!(app.shop().number("SELECT COUNT(*) FROM employees"), 0);
    for (email, password) in [("admin", "admin"), ("admin@example.com", "password"), ("root", PASSWORD)] {
        assert_eq!(app.browser().sign_in(email, password).status, 422);
    }
}

#[test]
fn d15_a_link_for_one_thing_is_no_link_for_another() {
    let app = TestApp::start();
    let person = app.shop().employee("Ada Admin", Role::Admin);
    let (reset, set_up) =
        (app.shop().one_time_link(Purpose::Reset, Some(&person)), app.shop().one_time_link(Purpose::SetUp, None));
    let mut browser = app.browser();

    assert_eq!(browser.get(&format!("/set-up/{reset}")).status, 404);
    assert_eq!(browser.get(&format!("/welcome/{set_up}")).status, 404);
    assert_eq!(browser.get(&format!("/welcome/{reset}")).status, 200);
}

#[test]
fn d15_a_shop_that_has_an_admin_is_not_set_up_again() {
    let app = TestApp::start();
    let path = format!("/set-up/{}", app.shop().one_time_link(Purpose::SetUp, None));
    app.shop().employee("Ada Admin", Role::Admin);

    let late = set_up(&mut app.browser(), &path, ("", ""));

    assert_eq!((late.status, late.heading().as_str()), (410, "Link no longer valid"));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM employees"), 1);
    app.advance(24 * HOUR);
    assert_eq!(app.browser().get(&path).status, 410);
}
