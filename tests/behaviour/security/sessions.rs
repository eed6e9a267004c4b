//! Sessions: renewed at sign-in, bound to one browser, expired and revoked, with effect on the next request.

use client_api_access::employees::{ABSOLUTE_TIMEOUT, IDLE_TIMEOUT};
use client_api_access::scopes::Role;

use crate::support::{PASSWORD, TestApp};

fn is_signed_in(browser: &mut crate::support::Browser) -> bool {
    browser.get("/settings").status == 200
}

#[test]
fn d3_signing_in_gives_a_new_cookie_and_the_old_one_is_dead() {
    let app = TestApp::start();
    let (mut browser, person) = app.sign_in_as(Role::Manager);
    let mut copy = browser.clone();
    let before = browser.cookie("session").unwrap().value.clone();

    let form = browser.open("/settings/profile");
    let csrf = form.attribute("input[name=csrf]", "value").unwrap();
    let again = browser.post("/sign-in", &[("csrf", &csrf), ("email", &person.email), ("password", PASSWORD)]);

    assert_eq!(again.status, 303);
    assert_ne!(browser.cookie("session").unwrap().value, before);
    assert!(is_signed_in(&mut browser));
    assert!(!is_signed_in(&mut copy), "the cookie from before");
}

#[test]
fn d3_a_planted_cookie_is_not_adopted() {
    let app = TestApp::start();
    let (stranger, _) = app.sign_in_as(Role::Staff);
    let person = app.shop().employee("Mona Manager", Role::Manager);
    let mut browser = app.browser();
    let mut planted = stranger.cookie("session").unwrap().clone();
    planted.value = format!("{}AAAA", &planted.value[..planted.value.len() - 4]);
    browser.cookies.push(planted.clone());

    assert_eq!(browser.sign_in(&person.email, PASSWORD).status, 303);

    assert_ne!(browser.cookie("session").unwrap().value, planted.value);
    assert!(is_signed_in(&mut browser));
}

#[test]
fn d4_signing_out_ends_a_copied_cookie_too() {
    let app = TestApp::start();
    let (mut browser, _) = app.sign_in_as(Role::Manager);
    let mut copy = browser.clone();
    let page = browser.open("/settings");

    let out = browser.submit(&page, "/sign-out", &[]);

    assert_eq!(out.location(), "/sign-in?signed-out=1");
    assert!(!is_signed_in(&mut copy));
}

#[test]
fn d4_a_lock_a_role_a_reset_and_a_new_password_take_effect_on_the_next_request() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let (mut manager, person) = app.sign_in_as(Role::Manager);
    assert_eq!(manager.get("/settings/employees").status, 200);

    let page = admin.open(&person.path());
    assert_eq!(admin.submit(&page, "/role", &[("role", "staff")]).status, 303);
    assert_eq!(manager.get("/settings/employees").status, 303, "staff are led to their own page");

    assert_eq!(admin.submit(&page, "/lock", &[]).status, 303);
    assert!(!is_signed_in(&mut manager), "locked");

    let page = admin.open(&person.path());
    assert_eq!(admin.submit(&page, "/unlock", &[]).status, 303);
    let mut again = app.sign_in(&person);
    let page = admin.open(&person.path());
    assert_eq!(admin.submit(&page, "/link", &[]).status, 200);
    assert!(!is_signed_in(&mut again), "a reset link was created");

    let (mut here, mut there) = (app.sign_in(&person), app.sign_in(&person));
    let page = here.open("/settings/profile");
    let new = "quiet harvest moon 77";
    let changed =
        here.submit(&page, "/settings/profile/password", &[("current", PASSWORD), ("password", new), ("again", new)]);
    assert_eq!(changed.status, 303, "{}", changed.text());
    assert!(is_signed_in(&mut here));
    assert!(!is_signed_in(&mut there), "the other browser");
}

#[test]
fn d5_the_cookie_is_for_this_server_only_and_hidden_from_scripts() {
    let app = TestApp::start();
    let (browser, _) = app.sign_in_as(Role::Staff);

    let cookie = browser.cookie("session").unwrap();

    let port = app.state.config.listen.port();
    assert_eq!(cookie.name, format!("session-{port}"));
    for wanted in ["httponly", "samesite=lax", "path=/"] {
        assert!(cookie.attributes.iter().any(|attribute| attribute == wanted), "{wanted}: {:?}", cookie.attributes);
    }
    assert!(!cookie.attributes.iter().any(|attribute| attribute.starts_with("domain")));
    assert!(cookie.value.len() >= 40 && cookie.value.len() < 4096);
}

#[test]
fn d5_on_https_the_cookie_is_bound_to_the_host() {
    use client_api_access::config::PublicUrl;
    let app = TestApp::start_with(|config| config.public_url = PublicUrl::parse("https://pos.example").unwrap());
    let person = app.shop().employee("Mona Manager", Role::Manager);
    let mut browser = crate::support::Browser::new(&format!("http://{}", app.state.config.listen));
    browser.origin_header = Some("https://pos.example".into());

    assert_eq!(browser.sign_in(&person.email, PASSWORD).status, 303);

    let cookie = browser.cookie("__Host-session").expect("the prefix");
    for wanted in ["secure", "httponly", "samesite=lax", "path=/"] {
        assert!(cookie.attributes.iter().any(|attribute| attribute == wanted), "{wanted}: {:?}", cookie.attributes);
    }
    assert!(browser.get("/settings").header("strict-transport-security").is_some());
}

#[test]
fn d5_a_session_expires_when_idle_and_twelve_hours_after_the_sign_in() {
    let app = TestApp::start();
    let (mut browser, _) = app.sign_in_as(Role::Staff);

    for _ in 0..(ABSOLUTE_TIMEOUT / (IDLE_TIMEOUT - 60)) {
        app.advance(IDLE_TIMEOUT - 60);
        assert!(is_signed_in(&mut browser), "used every half hour");
    }
    app.advance(IDLE_TIMEOUT - 60);
    assert!(!is_signed_in(&mut browser), "twelve hours are over");

    let mut other = app.manager();
    app.advance(IDLE_TIMEOUT);
    assert!(!is_signed_in(&mut other), "nobody was there for half an hour");
}
