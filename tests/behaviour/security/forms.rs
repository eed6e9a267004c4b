//! Forms that did not come from our own pages change nothing.

use client_api_access::scopes::Role;

use crate::support::{Browser, PASSWORD, Page, TestApp};

const FORM: &str = "application/x-www-form-urlencoded";

fn refused(page: &Page, what: &str) {
    assert!(matches!(page.status, 403 | 405 | 415), "{what}: {} {}", page.status, page.text());
}

#[test]
fn d6_a_revocation_without_csrf_token_or_from_another_site_changes_nothing() {
    let app = TestApp::start();
    let person = app.shop().staff("Marta Lindqvist");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &person);
    let (mut admin, mut other) = (app.admin(), app.manager());
    let (csrf, foreign) = (admin.csrf(), other.csrf());
    let path = format!("{}/revoke", grant.path());
    let with = |change: &dyn Fn(&mut Browser)| {
        let mut browser = admin.clone();
        change(&mut browser);
        browser
    };

    refused(&with(&|_| ()).post(&path, &[]), "no token");
    refused(&with(&|_| ()).post(&path, &[("csrf", "")]), "an empty token");
    refused(&with(&|_| ()).post(&path, &[("csrf", &foreign)]), "another session's token");
    refused(&with(&|b| b.origin_header = None).post(&path, &[("csrf", &csrf)]), "neither Origin nor Sec-Fetch-Site");
    for origin in ["https://evil.example", "null", "http://127.0.0.1", "http://localhost.evil.example"] {
        let mut browser = with(&|b| b.origin_header = Some(origin.into()));
        refused(&browser.post(&path, &[("csrf", &csrf)]), origin);
    }
    for site in ["cross-site", "same-site", "none"] {
        let mut browser = with(&|b| b.headers.push(("sec-fetch-site".into(), site.into())));
        refused(&browser.post(&path, &[("csrf", &csrf)]), site);
    }
    let body = format!("csrf={csrf}");
    refused(&with(&|_| ()).post_body(&path, "text/plain", &body), "a plain text body");
    refused(&with(&|_| ()).post_body(&path, "application/json", &format!("{{\"csrf\":\"{csrf}\"}}")), "JSON");
    let asked = with(&|_| ()).get(&format!("{path}?_method=POST&csrf={csrf}"));
    assert!(asked.status == 200 && asked.has("form[method=post]"), "a GET shows the confirmation and does nothing");
    refused(&with(&|_| ()).send("PUT", &path, &[("content-type".into(), FORM.into())], &body), "PUT");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 1);

    let mut browser = with(&|b| b.headers.push(("sec-fetch-site".into(), "same-origin".into())));
    browser.origin_header = None;
    assert_eq!(browser.post(&path, &[("csrf", &csrf)]).status, 303, "the real one still works");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 0);
}

#[test]
fn d7_the_sign_in_form_and_sign_out_need_their_own_token() {
    let app = TestApp::start();
    let person = app.shop().employee("Mona Manager", Role::Manager);
    let (mut browser, mut other) = (app.browser(), app.browser());
    browser.open("/sign-in");
    let foreign = other.csrf();
    let fields = [("email", person.email.as_str()), ("password", PASSWORD)];

    refused(&browser.post("/sign-in", &fields), "no token");
    let with_foreign = [fields.as_slice(), &[("csrf", foreign.as_str())]].concat();
    refused(&browser.post("/sign-in", &with_foreign), "another browser's token");
    assert!(browser.cookie("session").is_none());

    let mut signed_in = app.sign_in(&person);
    refused(&signed_in.post("/sign-out", &[]), "no token");
    assert_eq!(signed_in.get("/sign-out").status, 405);
    assert_eq!(signed_in.get("/settings").status, 200, "still signed in");
}

#[test]
fn c5_unknown_fields_are_ignored() {
    let app = TestApp::start();
    let (mut manager, person) = app.sign_in_as(Role::Manager);
    let page = manager.open("/settings/profile");
    let new = "quiet harvest moon 77";
    let fields = [
        ("current", PASSWORD),
        ("password", new),
        ("again", new),
        ("role", "admin"),
        ("employee_id", "1"),
        ("approved", "1"),
    ];

    assert_eq!(manager.submit(&page, "/settings/profile/password", &fields).status, 303);

    let role = app.shop().word(&format!("SELECT role AS word FROM employees WHERE id = {}", person.id));
    assert_eq!(role, "manager");
}

#[test]
fn i6_a_body_that_is_too_much_or_not_a_form_is_refused_by_name() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let csrf = admin.csrf();
    let path = "/settings/client-api-access/find-token";

    assert_eq!(admin.post(path, &[("csrf", &csrf), ("token", &"x".repeat(20_000))]).status, 413);
    assert_eq!(admin.post(path, &[("csrf", &csrf), ("token", &"x".repeat(2_000_000))]).status, 413);
    let many: Vec<(&str, &str)> = std::iter::repeat_n(("a", ""), 6_000).chain([("csrf", csrf.as_str())]).collect();
    assert_eq!(admin.post(path, &many).status, 413);
    assert_eq!(admin.post_body(path, "multipart/form-data; boundary=x", "--x--").status, 415);
    let twice = admin.post(path, &[("csrf", &csrf), ("token", "first"), ("token", "second")]);
    assert_eq!(twice.status, 200, "the first one counts");
    assert_eq!(admin.get("/settings").status, 200);
}
