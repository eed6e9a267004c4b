//! Your profile: password and sessions.

use client_api_access::scopes::Role;

use crate::support::{PASSWORD, TestApp};

const PROFILE: &str = "/settings/profile";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

#[test]
fn every_browser_one_is_signed_in_with_is_listed_and_can_be_signed_out() {
    let app = TestApp::start();
    let person = app.shop().staff("Stina Staff");
    let (mut here, mut there) = (app.browser(), app.browser());
    there.headers.push(("user-agent".into(), FIREFOX.into()));
    for browser in [&mut here, &mut there] {
        assert_eq!(browser.sign_in(&person.email, PASSWORD).status, 303);
    }

    let page = here.open(PROFILE);
    let rows = page.rows("main");
    let form = page.attribute("form[action*='/sessions/'][action$='/revoke']", "action").unwrap();
    let done = here.submit(&page, &form, &[]);
    let told = here.follow(&done);

    assert_eq!(rows.len(), 2);
    assert!(rows[0].says("Firefox on Linux") && rows[0].says("127.0.0.1") && rows[0].says("just now"));
    assert!(rows[1].says("This session"));
    assert_eq!(told.notice(), "1 session signed out.");
    assert_eq!((here.get("/settings").status, there.get("/settings").status), (200, 303));
    let again = here.submit(&page, &form, &[]);
    assert_eq!(here.follow(&again).notice(), "That session was already signed out.");
}

#[test]
fn all_others_are_signed_out_with_one_button() {
    let app = TestApp::start();
    let person = app.shop().staff("Stina Staff");
    let (mut here, mut one, mut two) = (app.sign_in(&person), app.sign_in(&person), app.sign_in(&person));

    let page = here.open(PROFILE);
    let done = here.submit(&page, "/revoke-others", &[]);

    assert_eq!(here.follow(&done).notice(), "2 sessions signed out.");
    assert_eq!([&mut here, &mut one, &mut two].map(|browser| browser.get("/settings").status), [200, 303, 303]);
    assert!(!here.open(PROFILE).text().contains("Sign out all other sessions"));
}

#[test]
fn nobody_signs_somebody_else_out() {
    let app = TestApp::start();
    let (mut theirs, _) = app.sign_in_as(Role::Staff);
    let (mut mine, _) = app.sign_in_as(Role::Admin);
    let session = app.shop().number("SELECT MIN(id) FROM sessions");
    let csrf = mine.csrf();

    let tried = mine.post(&format!("{PROFILE}/sessions/{session}/revoke"), &[("csrf", &csrf)]);

    assert_eq!(mine.follow(&tried).notice(), "That session was already signed out.");
    assert_eq!(theirs.get("/settings").status, 200);
}

#[test]
fn a_new_password_needs_the_current_one_and_revokes_other_sessions() {
    let app = TestApp::start();
    let person = app.shop().staff("Stina Staff");
    let (mut here, mut there) = (app.sign_in(&person), app.sign_in(&person));
    let password = "gravel saxophone 12 tide";
    let page = here.open(PROFILE);
    let change = |current, password, again| [("current", current), ("password", password), ("again", again)];

    for (fields, sentence) in [
        (change("wrong", password, password), "The current password is incorrect"),
        (change(PASSWORD, password, "another one altogether"), "do not match"),
        (change(PASSWORD, "stina staff stina", "stina staff stina"), "which is easy to guess"),
        (change(PASSWORD, "short", "short"), "at least 15 characters"),
    ] {
        let refused = here.submit(&page, "/password", &fields);
        assert_eq!(refused.status, 422, "{sentence}");
        assert!(refused.notice().contains(sentence), "{}", refused.notice());
    }
    assert_eq!(there.get("/settings").status, 200);
    // Whoever sits at somebody's browser cannot guess their password either: the limits and entries are those of a sign-in.
    let failed = || app.shop().number("SELECT COUNT(*) FROM activity WHERE kind = 'sign-in failed'");
    assert_eq!(failed(), 1);
    for _ in 0..5 {
        assert_eq!(here.submit(&page, "/password", &change("wrong", password, password)).status, 422);
    }
    let limited = here.submit(&page, "/password", &change(PASSWORD, password, password));
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("1")), "{}", limited.text());
    assert!(failed() > 1);
    app.advance(1);
    let done = here.submit(&page, "/password", &change(PASSWORD, password, password));

    assert_eq!(here.follow(&done).notice(), "Password changed. 1 other session signed out.");
    assert_eq!((here.get("/settings").status, there.get("/settings").status), (200, 303));
    assert_eq!(app.browser().sign_in(&person.email, PASSWORD).status, 422);
    assert_eq!(app.browser().sign_in(&person.email, password).status, 303);
}

#[test]
fn the_last_time_a_browser_was_seen_is_true_to_half_a_minute() {
    let app = TestApp::start();
    let person = app.shop().staff("Stina Staff");
    let (mut here, mut there) = (app.sign_in(&person), app.sign_in(&person));

    app.advance(600);
    there.open("/settings");
    app.advance(180);
    app.run_background();
    let rows = here.open(PROFILE).rows("main");

    assert_eq!(rows[0].cells[3], "3 min ago", "{rows:?}");
    assert_eq!(rows[0].cells[2], "13 min ago");
}
