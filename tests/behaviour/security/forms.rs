//! Forms that did not come from our own pages change nothing.

use client_api_access::scopes::Role;

use crate::registration::with;
use crate::support::snapshot::Columns;
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

// Names and values of fields that a form does not have.
type Extras = [(String, String)];

// Every column of a table that is no field of the form, as a field, and what an attacker would guess.
fn extras(app: &TestApp, table: &str, form: &Page) -> Vec<(String, String)> {
    let guesses = ["approved", "role", "admin", "client_id", "user_id", "employee_id", "id", "secret", "account_id"];
    let columns = app.shop().columns(table).into_iter().chain(guesses.map(str::to_string));
    let names = columns.flat_map(|name| [name.replace('_', "-"), name]);
    let fields = form.attributes("[name]", "name");
    assert!(fields.contains(&"csrf".to_string()));
    names.filter(|name| !fields.contains(name)).map(|name| (name, "1".to_string())).collect()
}

// Sends a form with fields and extras.
fn submit(admin: &mut Browser, form: &Page, action: &str, (fields, extras): (&[(&str, &str)], &Extras)) -> Page {
    let extras = extras.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let all: Vec<(&str, &str)> = fields.iter().copied().chain(extras).collect();
    admin.submit(form, action, &all)
}

// The row of this name, without what is always another.
fn row(app: &TestApp, table: &str, name: &str) -> Columns {
    let rows = app.shop().rows(table);
    let is_named = |row: &&Columns| row["name"].trim_matches('\'') == name;
    let mut row = rows.iter().find(is_named).unwrap_or_else(|| panic!("no {name}: {rows:?}")).clone();
    row.retain(|column, _| !["id", "client_id", "name", "name_fold", "email", "email_fold"].contains(&column.as_str()));
    row
}

#[test]
fn c5_fields_that_registration_edit_and_invitation_do_not_have_are_ignored() {
    let app = TestApp::start();
    let mut admin = app.admin();
    const REGISTER: &str = "/settings/client-api-access/register";
    let form = admin.open(REGISTER);
    let unknown = extras(&app, "clients", &form);
    assert!(unknown.iter().any(|(name, _)| name == "approved") && unknown.len() > 30, "{unknown:?}");

    for (name, extras) in [("Ledgerly", &[][..]), ("Stockbird", &unknown)] {
        let form = admin.open(REGISTER);
        let done = submit(&mut admin, &form, "/register", (&with(&[("name", name)]), extras));
        assert_eq!((done.status, done.has("#secret")), (200, true), "{}", done.text());
    }
    assert_eq!(row(&app, "clients", "Stockbird"), row(&app, "clients", "Ledgerly"));

    for (name, extras) in [("Ledgerly", &[][..]), ("Stockbird", &unknown)] {
        let id = app.shop().number(&format!("SELECT id FROM clients WHERE name = '{name}'"));
        let form = admin.open(&format!("/settings/client-api-access/clients/{id}/edit"));
        let unknown = if extras.is_empty() { Vec::new() } else { self::extras(&app, "clients", &form) };
        let fields = [("phone", "+46 8 999 999")];
        assert_eq!(submit(&mut admin, &form, "/edit", (&fields, &unknown)).status, 303, "{name}");
    }
    let edited = row(&app, "clients", "Stockbird");
    assert_eq!(edited, row(&app, "clients", "Ledgerly"));
    assert!(edited.values().any(|value| value.contains("999 999")), "{edited:?}");

    let form = admin.open("/settings/employees/invite");
    let unknown = extras(&app, "employees", &form);
    assert!(unknown.iter().any(|(name, _)| name == "password_hash"), "{unknown:?}");
    for (name, email, extras) in [("Nils", "nils@shop.example", &[][..]), ("Nora", "nora@shop.example", &unknown)] {
        let form = admin.open("/settings/employees/invite");
        let fields = [("name", name), ("email", email), ("role", "staff")];
        assert_eq!(submit(&mut admin, &form, "/invite", (&fields, extras)).status, 200);
    }
    assert_eq!(row(&app, "employees", "Nora"), row(&app, "employees", "Nils"));
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
