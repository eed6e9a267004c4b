//! Signing in and out, and the home page.

use client_api_access::scopes::Role;

use crate::support::{PASSWORD, TestApp};

#[test]
fn signing_in_leads_to_the_page_that_was_asked_for() {
    let app = TestApp::start();
    let person = app.shop().staff("Stina Staff");
    let client = app.shop().client("Ledgerly");
    let mut browser = app.browser();
    let wanted = format!("/settings/client-api-access/clients/{client}?rt-employee=anna");

    let asked = browser.get(&wanted);
    let form = browser.follow(&asked);
    let fields = [("email", person.email.as_str()), ("password", PASSWORD)];
    let done = browser.submit(&form, "/sign-in", &fields);

    assert!(asked.location().starts_with("/sign-in?next="));
    assert_eq!(form.heading(), "Sign in");
    assert_eq!(done.location(), wanted);
    assert_eq!(browser.follow(&done).heading(), "Ledgerly");
}

#[test]
fn without_a_next_page_signing_in_leads_to_what_needs_attention() {
    let app = TestApp::start();
    let person = app.shop().staff("Stina Staff");
    let mut browser = app.browser();

    let done = browser.sign_in(&format!("  {} ", person.email.to_uppercase()), PASSWORD);

    assert_eq!(done.location(), "/settings");
    assert_eq!(browser.get("/").location(), "/settings");
    assert_eq!(browser.get("/sign-in").location(), "/settings", "there is nothing to sign in to");
}

#[test]
fn d8_the_way_back_never_leaves_this_server() {
    let app = TestApp::start();
    let person = app.shop().staff("Stina Staff");

    for evil in [
        "//evil.example",
        "/\\evil.example",
        "/%09/evil.example",
        "https:evil.example",
        "https://evil.example/",
        "/%2f%2fevil.example",
        "javascript:alert(1)",
        "\\\\evil.example",
        "/..//evil.example",
    ] {
        let mut browser = app.browser();
        let next: String = url::form_urlencoded::byte_serialize(evil.as_bytes()).collect();
        let form = browser.open(&format!("/sign-in?next={next}"));
        let fields = [("email", person.email.as_str()), ("password", PASSWORD), ("next", evil)];
        let done = browser.submit(&form, "/sign-in", &fields);

        let there = url::Url::parse(app.origin()).unwrap().join(&done.location()).unwrap();
        assert_eq!(there.origin().ascii_serialization(), app.origin(), "{evil} -> {}", done.location());
        assert!(!done.location().starts_with("//"), "{evil}");
        let typed = form.attribute("input[name=next]", "value").unwrap();
        assert!(typed.starts_with('/') && !typed.starts_with("//"), "{evil} -> {typed}");
    }
}

#[test]
fn a_wrong_password_is_refused_and_the_form_keeps_the_address() {
    let app = TestApp::start();
    let person = app.shop().staff("Stina Staff");
    let mut browser = app.browser();

    let refused = browser.sign_in(&person.email, "not the password");
    let empty = browser.sign_in("", "");

    assert_eq!(refused.status, 422);
    assert!(refused.notice() == "Incorrect e-mail or password.");
    assert_eq!(refused.attribute("#email", "value").as_deref(), Some(person.email.as_str()));
    assert!(!refused.body.contains("not the password"));
    assert_eq!((empty.status, empty.notice().as_str()), (422, "Enter your e-mail and your password."));
}

#[test]
fn signing_out_leads_to_the_form_and_says_so() {
    let app = TestApp::start();
    let (mut browser, _) = app.sign_in_as(Role::Manager);

    let page = browser.open("/settings");
    let out = browser.submit(&page, "/sign-out", &[]);
    let form = browser.follow(&out);

    assert_eq!(form.notice(), "You are signed out.");
    assert_eq!(browser.get("/settings").status, 303);
}

#[test]
fn the_settings_index_shows_each_role_its_sections_and_what_needs_attention() {
    let app = TestApp::start();
    app.shop().pending_client("New Thing");
    let eva = app.shop().staff("Eva Ek");
    app.shop().lock(&eva);

    let staff = app.sign_in_as(Role::Staff).0.open("/settings");
    let manager = app.manager().open("/settings");
    let admin = app.admin().open("/settings");

    for (page, sections) in [
        (
            &staff,
            vec![
                "Client API Access",
                "Access inventory",
                "Connections",
                "Access I authorized",
                "Activity",
                "Your profile",
            ],
        ),
        (
            &manager,
            vec!["Client API Access", "Access inventory", "Connections", "Employees", "Activity", "Your profile"],
        ),
        (
            &admin,
            vec![
                "Client API Access",
                "Access inventory",
                "Connections",
                "Employees",
                "Activity",
                "Resource servers",
                "API tokens",
                "Account",
                "Your profile",
            ],
        ),
    ] {
        assert_eq!(page.texts(".cards h3"), sections);
    }
    assert!(manager.text().contains("1 pending approval") && manager.text().contains("1 locked"));
    assert!(!staff.text().contains("1 locked"));
}
