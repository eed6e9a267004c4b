//! One-time links: inviting an employee, choosing a new password.

use client_api_access::scopes::Role;
use client_api_access::time::DAY;

use crate::support::{Browser, PASSWORD, Page, TestApp};

const INVITE: &str = "/settings/employees/invite";

fn invite(admin: &mut Browser, fields: &[(&str, &str)]) -> Page {
    let form = admin.open(INVITE);
    admin.submit(&form, "/invite", fields)
}

// The path of the link a page shows.
fn link(page: &Page) -> String {
    let link = page.texts("#secret").pop().unwrap_or_else(|| panic!("no link on {}", page.text()));
    link[link.find("/welcome/").unwrap()..].to_string()
}

#[test]
fn an_invited_employee_chooses_a_password_and_is_signed_in() {
    let app = TestApp::start();
    let (_, harbour) = app.shop().location("North", "Harbour");
    // Ticked twice, and one that has been removed since: neither is anybody's fault.
    let mut admin = app.admin();
    let location = harbour.to_string();

    let fields = [
        ("name", "Nils Ny"),
        ("email", "Nils@Shop.example"),
        ("role", "manager"),
        ("location", &location),
        ("location", &location),
        ("location", "999"),
    ];
    let shown = invite(&mut admin, &fields);
    let path = link(&shown);
    let mut theirs = app.browser();
    let welcome = theirs.open(&path);
    let done = theirs.submit(&welcome, &path, &[("password", PASSWORD), ("again", PASSWORD)]);
    let settings = theirs.follow(&done);

    assert_eq!((shown.status, shown.header("cache-control")), (200, Some("no-store")));
    assert_eq!(shown.heading(), "Invitation for Nils Ny");
    assert!(shown.text().contains("expires in 7 days"));
    assert_eq!(welcome.heading(), "Welcome, Nils Ny");
    assert_eq!(settings.texts("header.sidebar .person a"), ["Nils Ny"]);
    assert_eq!(app.browser().sign_in("nils@shop.example", PASSWORD).status, 303);
    let page = admin.open("/settings/employees?name=nils");
    let page = admin.click(&page, &page.rows("#employees")[0].href);
    assert_eq!((page.fact("Role").as_str(), page.fact("Locations").as_str()), ("Store manager", "Harbour"));
    assert_eq!(theirs.get(&path).status, 410, "it works once");
}

#[test]
fn a_link_is_shown_once_and_sending_the_form_again_makes_no_second_one() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let form = admin.open(INVITE);
    let fields = [("name", "Nils Ny"), ("email", "nils@shop.example")];

    let first = admin.submit(&form, "/invite", &fields);
    let again = admin.submit(&form, "/invite", &[("name", "Other"), ("email", "other@shop.example")]);

    assert_eq!(first.status, 200);
    assert_eq!((again.status, again.heading().as_str()), (409, "Try again"));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM employees"), 2);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM one_time_links"), 1);
    let page = admin.open("/settings/employees?name=nils");
    assert!(page.rows("#employees")[0].says("Invited"));
    assert!(!page.body.contains(&link(&first)));
}

#[test]
fn an_address_is_invited_once_and_what_is_wrong_is_said() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let mut admin = app.admin();

    for (name, email, sentence) in [
        ("Nils", anna.email.to_uppercase(), "is already the e-mail address of an employee"),
        ("", "nils@shop.example".into(), "The name is missing"),
        ("Nils", "nils".into(), "Enter an e-mail address"),
        ("Nils\u{200B}", "nils@shop.example".into(), "invisible character"),
    ] {
        let refused = invite(&mut admin, &[("name", name), ("email", &email), ("role", "manager")]);

        assert_eq!(refused.status, 422, "{name} {email}");
        assert!(refused.notice().contains(sentence), "{}", refused.notice());
        assert_eq!(refused.attribute("#name", "value").as_deref(), Some(name));
        assert!(refused.has("input[value=manager][checked]"));
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM employees"), 2);
}

#[test]
fn a_new_invitation_ends_the_earlier_one_and_both_end_by_themselves() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let first = link(&invite(&mut admin, &[("name", "Nils Ny"), ("email", "nils@shop.example")]));

    let page = admin.open("/settings/employees?name=nils");
    let page = admin.click(&page, &page.rows("#employees")[0].href);
    let second = link(&admin.submit(&page, "/link", &[]));

    assert_eq!(app.browser().get(&first).status, 410);
    assert_eq!(app.browser().get(&second).status, 200);
    app.advance(7 * DAY);
    let ended = app.browser().get(&second);
    assert_eq!((ended.status, ended.heading().as_str()), (410, "Link no longer valid"));
    assert!(ended.text().contains("Ask an admin for a new link"));
}

#[test]
fn a_reset_ends_the_sign_ins_at_once_and_the_link_gives_a_new_password() {
    let app = TestApp::start();
    let (mut theirs, person) = app.sign_in_as(Role::Staff);
    let mut admin = app.admin();

    let page = admin.open(&person.path());
    let shown = admin.submit(&page, "/link", &[]);
    let path = link(&shown);
    let out = theirs.get("/settings").status;
    let form = theirs.open(&path);
    let password = "gravel saxophone 12 tide";
    let done = theirs.submit(&form, &path, &[("password", password), ("again", password)]);

    assert_eq!(shown.heading(), "Password reset for Stina Staff");
    assert_eq!(form.heading(), "Choose a new password");
    assert_eq!((out, done.status), (303, 303));
    assert_eq!(app.browser().sign_in(&person.email, PASSWORD).status, 422);
    assert_eq!(app.browser().sign_in(&person.email, password).status, 303);
    let log = admin.open("/settings/activity?kind=reset+link+made").rows("#activity");
    assert!(log[0].says("Ada Admin") && log[0].says("1 session signed out"), "{log:?}");
}

#[test]
fn a_link_of_somebody_locked_since_is_refused() {
    let app = TestApp::start();
    let person = app.shop().staff("Anna");
    let path =
        format!("/welcome/{}", app.shop().one_time_link(client_api_access::employees::Purpose::Reset, Some(&person)));
    let mut browser = app.browser();

    let form = browser.open(&path);
    app.shop().lock(&person);
    let password = "gravel saxophone 12 tide";
    let refused = browser.submit(&form, &path, &[("password", password), ("again", password)]);

    assert_eq!(refused.status, 410);
    assert!(refused.text().contains("Your account is not active"));
    assert_eq!(browser.get("/settings").status, 303);
}
