//! What admins decide about second factors: which roles need one, and resetting those that somebody lost.

use client_api_access::scopes::Role;

use crate::backup::{back_up, command, file, run_jobs, stop};
use crate::second_factor::{App, ask, set_up};
use crate::support::{Database, PASSWORD, TestApp, is_postgres};

const SET_UP: &str = "/sign-in/second-factor/set-up";
const ACCOUNT: &str = "/settings/account";

#[test]
fn m3_who_has_none_sets_one_up_at_the_next_sign_in_of_a_role_that_needs_it() {
    let app = TestApp::start();
    let (mut admin, ada) = app.sign_in_as(Role::Admin);
    let (manager, staff) = (app.shop().employee("Mona Manager", Role::Manager), app.shop().staff("Stina Staff"));
    let form = admin.open(ACCOUNT);
    let saved = admin.submit(&form, "/second-factors", &[("role", "manager"), ("role", "admin")]);
    assert_eq!(admin.follow(&saved).notice(), "Second factors saved. They are asked for at the next sign-in.");
    assert_eq!(admin.open(ACCOUNT).attributes("#second-factors input[checked]", "value"), ["manager", "admin"]);
    admin.open("/settings");
    app.sign_in(&staff).open("/settings");

    let mut browser = app.browser();
    let asked = browser.sign_in(&manager.email, PASSWORD);
    assert!(asked.location().starts_with(SET_UP), "{}", asked.location());
    assert_eq!(browser.get("/settings").status, 303);
    let form = browser.follow(&asked);
    let wrong = browser.submit(&form, SET_UP, &[("code", "000000")]);
    assert_eq!((wrong.status, wrong.texts("#secret")), (422, form.texts("#secret")));
    let phone = App::scan(&form);
    let code = phone.code(app.now());
    let done = browser.submit(&wrong, SET_UP, &[("code", &code)]);
    assert_eq!((done.status, done.texts(".codes code").len()), (200, 10), "{}", done.text());
    assert_eq!(browser.open("/settings").heading(), "Needs attention");
    assert_eq!(ask(&app, &manager).1.heading(), "Second factor");
    let mut again = app.browser();
    again.cookies = browser.cookies.clone();
    let sent = again.post(SET_UP, &[("csrf", &again.clone().csrf()), ("code", &code)]);
    assert!(sent.status >= 300, "it is set up once: {}", sent.status);

    let form = browser.open("/settings/profile/second-factor/app/remove");
    let kept = browser.submit(&form, "/remove", &[]);
    assert!(browser.follow(&kept).notice().starts_with("Your role needs a second factor."));
    assert!(browser.open("/settings/profile/second-factor").text().contains("Your role needs a second factor."));

    // Whatever page leads to a session: a link to choose a password does not replace the factor that a role needs.
    let link = app.shop().one_time_link(client_api_access::employees::Purpose::Reset, Some(&ada));
    let mut browser = app.browser();
    let form = browser.open(&format!("/welcome/{link}"));
    let new = "gravel saxophone 12 tide";
    let chosen = browser.submit(&form, &format!("/welcome/{link}"), &[("password", new), ("again", new)]);
    assert!(chosen.location().starts_with(SET_UP), "{}", chosen.location());

    let activity = app.shop().number("SELECT COUNT(*) FROM activity WHERE kind = 'second factor requirement changed'");
    assert_eq!(activity, 1);
}

#[test]
fn m3_an_admin_resets_the_second_factor_of_somebody_and_so_does_the_console() {
    let app = TestApp::start();
    let (mut admin, ada) = app.sign_in_as(Role::Admin);
    let (mut theirs, person) = app.sign_in_as(Role::Staff);
    let path = format!("/settings/employees/{}", person.id);
    assert!(!admin.open(&path).text().contains("Reset second factor"));
    set_up(&app, &mut theirs);

    let page = admin.open(&path);
    assert_eq!(page.fact("Second factor"), "Set up");
    let form = admin.open(&format!("{path}/second-factor"));
    assert!(form.text().contains("Authenticator app, and 10 recovery codes left."));
    let reset = admin.submit(&form, "/second-factor", &[]);
    assert!(admin.follow(&reset).notice().starts_with("The second factor of Stina Staff is reset"));
    assert_eq!(theirs.get("/settings").status, 303, "they are signed out");
    let mut theirs = app.sign_in(&person);
    theirs.open("/settings");
    let again = admin.submit(&form, "/second-factor", &[]);
    assert_eq!(admin.follow(&again).notice(), "Stina Staff has no second factor.");
    set_up(&app, &mut admin);
    let csrf = admin.csrf();
    assert_eq!(admin.post(&format!("/settings/employees/{}/second-factor", ada.id), &[("csrf", &csrf)]).status, 403);
    assert!(admin.open("/settings/activity").text().contains("Second factor reset"));

    let link = |more: &[&str]| {
        let args = ["reset-link", ada.email.as_str(), "--public-url", "https://pos.example"];
        let done = command(&app.database, &args.into_iter().chain(more.iter().copied()).collect::<Vec<_>>());
        assert_eq!(done.code, 0, "{}", done.stderr);
        done.stdout
    };
    assert!(link(&[]).contains("run this again with --reset-second-factor"));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM second_factors"), 1);
    assert!(link(&["--reset-second-factor"]).contains("Their second factor was deleted."));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM second_factors"), 0);
    assert!(!link(&["--reset-second-factor"]).contains("second factor"), "there is none any more");
}

#[test]
fn m4_a_restore_brings_back_no_code_that_was_used_and_a_new_key_encrypts_the_secret_again() {
    if is_postgres() {
        return;
    }
    let database = Database::migrated();
    let app = TestApp::start_on(database.shared(), None, |_| ());
    let person = app.shop().staff("Stina Staff");
    let (phone, codes) = set_up(&app, &mut app.sign_in(&person));
    run_jobs(&app);
    back_up(&database);
    let (mut browser, form) = ask(&app, &person);
    assert_eq!(browser.submit(&form, "/second-factor", &[("recovery", &codes[0])]).status, 303);
    let code = phone.code(app.now());
    let (mut browser, form) = ask(&app, &person);
    assert_eq!(browser.submit(&form, "/second-factor", &[("code", &code)]).status, 303);
    let now = app.now();
    stop(app, &database);

    let done = command(&database, &["restore", file(&database, "backup.db").to_str().unwrap()]);
    assert_eq!(done.code, 0, "{} {}", done.stdout, done.stderr);

    let app = TestApp::start_on(database.shared(), None, |_| ());
    app.advance(now.since(app.now()));
    for (fields, status) in
        [([("recovery", &codes[0])], 422), ([("code", &code)], 422), ([("recovery", &codes[1])], 303)]
    {
        let (mut browser, form) = ask(&app, &person);
        assert_eq!(browser.submit(&form, "/second-factor", &fields.map(|(n, v)| (n, v.as_str()))).status, status);
    }
}
