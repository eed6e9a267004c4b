//! Acts that give power ask for a fresh sign-in and continue with what was sent; revoking never asks.

use client_api_access::employees::IDLE_TIMEOUT;
use client_api_access::employees::fresh_sign_in::FRESH;
use client_api_access::routes::PAGES;
use client_api_access::scopes::Role;
use client_api_access::web::route_table::{Access, FreshSignIn, Route};

use crate::second_factor::set_up;
use crate::security::access_matrix::{World, filled};
use crate::support::snapshot::difference;
use crate::support::{Browser, PASSWORD, Page, TestApp};

const ASKS: &str = "Confirm it is you";
const WRONG_CODE: &str = "That code is incorrect or was already used.";
const SENT: &str = "This was sent already";
const CONFIRM: &str = "?confirm=";

/// Every route that asks, and why: a new one is decided here too.
const ASKING: [(&str, &str); 37] = [
    ("access", "/settings/client-api-access/clients/{client}/approve"),
    ("access", "/settings/client-api-access/clients/{client}/edit"),
    ("access", "/settings/client-api-access/clients/{client}/resume"),
    ("access", "/settings/connections/{connection}/resume"),
    ("connection", "/settings/connections/new"),
    ("connection", "/settings/connections/{connection}/authorize"),
    ("connection", "/settings/connections/{connection}/edit"),
    ("erases", "/settings/employees/{employee}/erase"),
    ("factor", "/settings/account/second-factors"),
    ("factor", "/settings/employees/{employee}/second-factor"),
    ("factor", "/settings/profile/second-factor/app"),
    ("factor", "/settings/profile/second-factor/app/remove"),
    ("factor", "/settings/profile/second-factor/passkeys"),
    ("factor", "/settings/profile/second-factor/passkeys/{passkey}/remove"),
    ("factor", "/settings/profile/second-factor/recovery-codes"),
    ("invites", "/settings/employees/invite"),
    ("key", "/settings/api-tokens/new"),
    ("key", "/settings/client-api-access/clients/{client}/access-tokens/{access_token}/value"),
    ("key", "/settings/client-api-access/clients/{client}/api-keys/new"),
    ("key", "/settings/connections/{connection}/keys"),
    ("offboards", "/settings/employees/{employee}/offboard"),
    ("owner", "/settings/employees/{employee}/hand-over"),
    ("password", "/settings/account/sign-in/break-glass"),
    ("password", "/settings/employees/{employee}/link"),
    ("passwords", "/settings/account/sign-in/remove"),
    ("provider", "/settings/account/sign-in"),
    ("restores", "/settings/employees/{employee}/restore"),
    ("role", "/settings/employees/{employee}/role"),
    ("secret", "/settings/account/notices/email"),
    ("secret", "/settings/account/notices/webhook"),
    ("secret", "/settings/client-api-access/clients/{client}/secret"),
    ("secret", "/settings/client-api-access/register"),
    ("secret", "/settings/connections/clients/new"),
    ("secret", "/settings/connections/clients/{oauth_client}"),
    ("secret", "/settings/resource-servers"),
    ("secret", "/settings/resource-servers/{resource_server}/regenerate"),
    ("unlocks", "/settings/employees/{employee}/unlock"),
];

fn pages() -> impl Iterator<Item = &'static Route> {
    PAGES.iter().copied().flatten()
}

fn asks(page: &Page) -> bool {
    page.texts("h1").first().is_some_and(|heading| heading == ASKS)
}

// As if everybody had signed in a quarter of an hour ago.
fn age_sessions(app: &TestApp) {
    app.shop().sql(&format!("UPDATE sessions SET created_at = {}, confirmed_at = 0", app.now().0 - FRESH));
}

fn confirm(browser: &mut Browser, asked: &Page, password: &str) -> Page {
    let action = asked.attribute(&format!("form[action*='{CONFIRM}']"), "action").expect("a form that confirms");
    browser.submit(asked, &action, &[("password", password)])
}

#[test]
fn d17_each_page_that_changes_something_decides_whether_it_asks() {
    let mut asking = Vec::new();
    for route in pages() {
        match route.fresh_sign_in {
            FreshSignIn::Undecided => assert_eq!(route.method, "GET", "decide for {} in src/routes", route.path),
            FreshSignIn::Never(_) => assert_eq!(route.method, "POST", "{}", route.path),
            FreshSignIn::Asks(why) => {
                assert_eq!(route.method, "POST", "{}", route.path);
                assert_ne!(route.access, Access::Public, "{} has nobody to ask", route.path);
                asking.push((why, route.path));
            }
        }
        let takes_away = ["revoke", "lock", "suspend", "disconnect", "stop", "pause", "remove", "delete", "reject"];
        if takes_away.iter().any(|act| route.path.rsplit('/').next().is_some_and(|last| last.starts_with(act))) {
            // Without a second factor, a password alone gives access; without the provider, passwords may again.
            let gives =
                matches!(route.fresh_sign_in, FreshSignIn::Asks(why) if !["factor", "passwords"].contains(&why));
            assert!(!gives, "{} may not ask", route.path);
        }
    }
    asking.sort_unstable();
    assert_eq!(asking, ASKING);
}

#[test]
fn d17_acts_that_give_power_ask_when_the_sign_in_is_old_and_revoking_never_does() {
    let World { app, owner, grant, key } = &World::start();
    // The first session is one that a route names.
    app.manager();
    let (mut old, mut fresh) = (app.admin(), app.browser());
    let other = app.shop().employee("Asa Admin", Role::Admin);
    let csrf = old.csrf();
    let is_asking = |route: &&Route| matches!(route.fresh_sign_in, FreshSignIn::Asks(_));
    let path_of = |route: &Route| filled(route.path, owner, grant, key);
    age_sessions(app);
    let before = app.shop().lasting_snapshot();
    for route in pages().filter(is_asking) {
        let asked = old.post(&path_of(route), &[("csrf", &csrf)]);
        assert_eq!((asked.status, asks(&asked)), (403, true), "{}: {}", route.path, asked.text());
        let back = asked.attribute("main footer a", "href").unwrap();
        assert!(path_of(route).starts_with(&back), "{back} of {}", route.path);
        // Nobody here has a passkey.
        assert!(old.get(&back).status < 400 || route.path.contains("{passkey}"), "{back} of {}", route.path);
    }
    let changed: Vec<String> = difference(&before, &app.shop().lasting_snapshot());
    assert!(matches!(changed.as_slice(), [one] if one.starts_with("held_forms:")), "{changed:?}");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM held_forms"), 10, "as many as a session keeps");

    for route in pages().filter(is_asking) {
        age_sessions(app);
        let asked = old.post(&path_of(route), &[("csrf", &csrf)]);
        let done = confirm(&mut old, &asked, PASSWORD);
        assert!(!asks(&done) && !done.text().contains(SENT) && done.status < 500, "{}: {}", route.path, done.text());
        let again = confirm(&mut old, &asked, PASSWORD);
        assert!(again.status == 409 && again.text().contains(SENT), "{} continues once: {}", route.path, again.text());
        let more = old.post(&path_of(route), &[("csrf", &csrf)]);
        assert!(!asks(&more), "{} asks again: {}", route.path, more.text());
    }

    assert_eq!(fresh.sign_in(&other.email, PASSWORD).status, 303);
    let csrf_of_fresh = fresh.csrf();
    for route in pages().filter(is_asking) {
        let done = fresh.post(&path_of(route), &[("csrf", &csrf_of_fresh)]);
        assert!(!asks(&done) && done.status < 500, "{}: {} {}", route.path, done.status, done.text());
    }

    age_sessions(app);
    app.shop().sql("UPDATE employees SET locked_at = NULL, archived_at = NULL");
    let never = |route: &&Route| matches!(route.fresh_sign_in, FreshSignIn::Never(_)) && route.path != "/sign-out";
    for route in pages().filter(never) {
        let done = old.post(&path_of(route), &[("csrf", &csrf)]);
        assert!(!asks(&done) && done.status < 500, "{}: {} {}", route.path, done.status, done.text());
        let is_sent_away = done.header("location") == Some("/sign-in");
        assert!(!is_sent_away || route.access == Access::Public, "{}", route.path);
    }
    assert_eq!(old.post("/sign-out", &[("csrf", &csrf)]).location(), "/sign-in?signed-out=1");
}

#[test]
fn d17_a_confirmation_does_what_was_sent_once_in_its_own_browser_session_and_place() {
    let app = TestApp::start();
    let (mut admin, ada) = app.sign_in_as(Role::Admin);
    let mut other = app.sign_in(&ada);
    let person = app.shop().staff("Stina Staff");
    let page = admin.open(&person.path());
    app.advance(FRESH - 1);
    let mut copy = admin.clone();
    assert_eq!(admin.submit(&page, "/role", &[("role", "manager")]).status, 303, "still fresh");
    app.advance(1);

    let filler = "x".repeat(15_000);
    let asked = admin.submit(&page, "/role", &[("role", "staff"), ("filler", &filler)]);
    let second = admin.submit(&page, "/link", &[]);
    assert!(asks(&asked) && asks(&second) && asked.text().contains(&ada.email));
    assert!(!asked.body.contains("xxxx"), "nothing that was sent is in the page");
    for (password, why) in [("", "Enter your password."), ("not the password", "Incorrect password.")] {
        let refused = confirm(&mut admin, &asked, password);
        assert_eq!((refused.status, refused.notice().as_str()), (422, why));
        assert!(refused.has("form[action*='?confirm=']"));
    }
    assert_eq!(app.shop().word("SELECT role AS word FROM employees WHERE name = 'Stina Staff'"), "manager");

    // Another session, another address, another site.
    let id = asked.attribute("form[action*='?confirm=']", "action").unwrap();
    let csrf_of_other = other.csrf();
    let fields = [("csrf", csrf_of_other.as_str()), ("password", PASSWORD)];
    assert_eq!(other.post(&id, &fields).status, 409);
    let csrf = admin.csrf();
    let elsewhere = id.replace("/role?", "/link?");
    assert_eq!(admin.post(&elsewhere, &[("csrf", &csrf), ("password", PASSWORD)]).status, 409);
    let other_query = format!("{id}&back=elsewhere");
    assert_eq!(admin.post(&other_query, &[("csrf", &csrf), ("password", PASSWORD)]).status, 409, "another query");
    let foreign = admin.post(&id, &[("password", PASSWORD)]);
    assert!(foreign.status == 403 && foreign.text().contains("This form has expired"), "{}", foreign.text());

    let done = confirm(&mut admin, &asked, PASSWORD);
    assert_eq!((done.status, done.location()), (303, person.path()), "{}", done.text());
    let cookie = admin.cookie("confirmed").unwrap();
    assert!(["httponly", "samesite=strict"].iter().all(|one| cookie.attributes.iter().any(|own| own == one)));
    let again = confirm(&mut admin, &asked, PASSWORD);
    assert!(again.status == 409 && again.text().contains(SENT), "{}", again.text());
    let count =
        |app: &TestApp, kind: &str| app.shop().number(&format!("SELECT COUNT(*) FROM activity WHERE kind = '{kind}'"));
    assert_eq!(
        [count(&app, "role changed"), count(&app, "sign-in confirmed"), count(&app, "sign-in failed")],
        [2, 1, 1]
    );
    assert_eq!(app.shop().word("SELECT role AS word FROM employees WHERE name = 'Stina Staff'"), "staff");

    // The form that waited too needs no second password; a cookie copied before is not fresh.
    let link = confirm(&mut admin, &second, "whatever is typed");
    assert!(link.status == 200 && link.body.contains("/welcome/"), "{}", link.text());
    assert!(asks(&copy.submit(&page, "/role", &[("role", "manager")])), "a copied session cookie");
    app.advance(FRESH);
    assert!(asks(&admin.submit(&page, "/role", &[("role", "manager")])), "a quarter of an hour later");
}

#[test]
fn d17_what_waits_is_encrypted_bounded_and_expires_and_guessing_is_limited() {
    let app = TestApp::start();
    let (mut admin, ada) = app.sign_in_as(Role::Admin);
    let page = admin.open("/settings/account/notices/email");
    app.advance(FRESH);
    let mail = [("host", "mail.example"), ("port", "587"), ("security", "starttls"), ("username", "shop")];
    let mail =
        [&mail[..], &[("password", "hush-hush-hush"), ("sender", "shop@mail.example"), ("recipients", &ada.email)]]
            .concat();

    let forged = admin.post("/settings/account/notices/email", &mail);
    assert!(forged.status == 403 && !asks(&forged), "{}", forged.text());
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM held_forms"), 0, "nothing of another site is kept");

    let asked = admin.submit(&page, "/notices/email", &mail);
    assert!(asks(&asked), "{}", asked.text());
    let hex: String = b"hush-hush".iter().map(|byte| format!("{byte:02X}")).collect();
    let stored = format!("{:?}", app.shop().snapshot()).to_uppercase();
    assert!(!asked.body.contains("hush-hush") && !stored.contains("HUSH-HUSH") && !stored.contains(&hex));
    assert!(asked.attribute("input[type=password]", "value").is_none());

    for _ in 0..5 {
        assert_eq!(confirm(&mut admin, &asked, "not the password").status, 422);
    }
    let limited = confirm(&mut admin, &asked, PASSWORD);
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("1")), "{}", limited.text());
    app.advance(1);
    let done = confirm(&mut admin, &limited, PASSWORD);
    assert_eq!(done.status, 303, "{}", done.text());
    assert_eq!(app.shop().word("SELECT host AS word FROM mail_settings"), "mail.example");

    app.advance(FRESH);
    let asked = admin.submit(&page, "/notices/email", &mail);
    app.advance(IDLE_TIMEOUT / 2);
    assert_eq!(admin.get("/settings").status, 200, "the session goes on");
    app.advance(IDLE_TIMEOUT / 2);
    assert_eq!(confirm(&mut admin, &asked, PASSWORD).status, 409);
    app.run_background();
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM held_forms"), 0);

    app.shop().sql("UPDATE employees SET password_hash = NULL");
    let asked = admin.submit(&page, "/notices/email", &mail);
    assert!(asks(&asked) && asked.text().contains("sign in again") && !asked.has("main input[type=password]"));
    app.shop().lock(&ada);
    assert!(admin.submit(&page, "/notices/email", &mail).location().starts_with("/sign-in"));
}

#[test]
fn d17_somebody_with_a_second_factor_confirms_with_it() {
    let app = TestApp::start();
    let (mut admin, ada) = app.sign_in_as(Role::Admin);
    let (phone, codes) = set_up(&app, &mut admin);
    let person = app.shop().staff("Stina Staff");
    let page = admin.open(&person.path());
    let confirm = |admin: &mut Browser, asked: &Page, code: &str| {
        let action = asked.attribute("form[action*='?confirm=']", "action").unwrap();
        admin.submit(asked, &action, &[("password", PASSWORD), ("code", code)])
    };
    app.advance(FRESH);
    let asked = admin.submit(&page, "/role", &[("role", "manager")]);
    assert!(asked.text().contains("or a recovery code") && asked.text().contains(&ada.email));
    for (code, why) in [("", "Enter a code."), ("000000", WRONG_CODE), ("abcd-efgh-abcd-efgh", WRONG_CODE)] {
        let refused = confirm(&mut admin, &asked, code);
        assert_eq!((refused.status, refused.notice().as_str()), (422, why));
    }
    let done = confirm(&mut admin, &asked, &phone.code(app.now()));
    assert_eq!((done.status, done.location()), (303, person.path()), "{}", done.text());
    app.advance(FRESH);
    let asked = admin.submit(&page, "/role", &[("role", "staff")]);
    assert_eq!(confirm(&mut admin, &asked, &codes[0]).status, 303, "a recovery code");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity WHERE kind = 'sign-in confirmed'"), 2);
}
