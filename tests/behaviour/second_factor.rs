//! Second factors: an authenticator app and recovery codes, set up on the profile, asked for at every sign-in.

use client_api_access::scopes::Role;
use client_api_access::time::Timestamp;
use totp_rs::{Builder, Secret};

use crate::support::{Browser, PASSWORD, Page, Person, TestApp};

const HOME: &str = "/settings/profile/second-factor";
const STEP: &str = "/sign-in/second-factor";
const WRONG: &str = "That code is incorrect or was already used. Enter the code that the app shows now.";

/// An authenticator app with the secret that a page shows.
pub struct App(Secret);

impl App {
    /// Types the secret of a page.
    pub fn scan(page: &Page) -> App {
        App(Secret::try_from_base32(page.texts("#secret")[0].replace(' ', "")).unwrap())
    }

    /// The code it shows at a moment.
    pub fn code(&self, now: Timestamp) -> String {
        Builder::new().with_secret(self.0.clone()).build().unwrap().generate(now.0 as u64).to_string()
    }
}

/// Sets up an authenticator app; returns it with the recovery codes.
pub fn set_up(app: &TestApp, browser: &mut Browser) -> (App, Vec<String>) {
    let form = browser.open(&format!("{HOME}/app"));
    let phone = App::scan(&form);
    let done = browser.submit(&form, "/app", &[("code", &phone.code(app.now()))]);
    assert_eq!((done.status, done.heading().as_str()), (200, "Your recovery codes"), "{}", done.text());
    // The code that it was set up with is used up.
    app.advance(30);
    (phone, done.texts(".codes code"))
}

/// A browser that has proved the password of somebody with a second factor, on the page that asks for it.
pub fn ask(app: &TestApp, person: &Person) -> (Browser, Page) {
    let mut browser = app.browser();
    let done = browser.sign_in(&person.email, PASSWORD);
    assert!(done.location().starts_with(STEP), "{} {}", done.status, done.location());
    let form = browser.follow(&done);
    (browser, form)
}

#[test]
fn m1_signing_in_asks_for_a_code_of_the_app_or_a_recovery_code_and_each_works_once() {
    let app = TestApp::start();
    let (mut browser, person) = app.sign_in_as(Role::Manager);
    assert!(browser.open("/settings/profile").text().contains("None. Your password alone is enough to sign in."));
    let form = browser.open(&format!("{HOME}/app"));
    assert!(form.has("svg.qr path") && form.texts("#secret")[0].len() == 39);
    let wrong = browser.submit(&form, "/app", &[("code", "000000")]);
    assert!(wrong.status == 422 && wrong.notice().starts_with("That code is incorrect."));
    assert_eq!(wrong.texts("#secret"), form.texts("#secret"), "the app need not be set up again");
    let (phone, codes) = set_up(&app, &mut browser);
    assert_eq!(codes.len(), 10);
    let stored = format!("{:?}", app.shop().snapshot());
    assert!(!stored.contains(&form.texts("#secret")[0].replace(' ', "")) && !stored.contains(&codes[0]));
    assert!(browser.open("/settings/profile").text().contains("Authenticator app, and 10 recovery codes left."));

    let (mut browser, form) = ask(&app, &person);
    assert_eq!(browser.get("/settings").status, 303, "the password alone opens nothing");
    let code = phone.code(app.now());
    let done = browser.submit(&form, STEP, &[("code", &format!("{} {}", &code[..3], &code[3..]))]);
    assert_eq!((done.status, done.location().as_str()), (303, "/settings"));
    assert_eq!(browser.open("/settings").heading(), "Needs attention");
    let (mut second, form) = ask(&app, &person);
    let used = second.submit(&form, STEP, &[("code", &code)]);
    assert_eq!((used.status, used.notice().as_str()), (422, WRONG));
    app.advance(30);
    assert_eq!(second.submit(&used, STEP, &[("code", &phone.code(app.now()))]).status, 303);

    for (given, status) in
        [(codes[0].to_uppercase().replace('-', " "), 303), (codes[0].clone(), 422), (codes[1].clone(), 303)]
    {
        let (mut browser, form) = ask(&app, &person);
        assert_eq!(browser.submit(&form, STEP, &[("code", ""), ("recovery", &given)]).status, status, "{given}");
    }
    let page = browser.open(HOME);
    assert!(page.text().contains("8") && page.text().contains("Last used: just now"), "{}", page.text());

    let form = browser.open(&format!("{HOME}/recovery-codes"));
    let renewed = browser.submit(&form, "/recovery-codes", &[]);
    let again = browser.submit(&form, "/recovery-codes", &[]);
    assert_eq!((renewed.texts(".codes code").len(), again.status), (10, 303), "a form makes codes once");
    let (mut third, form) = ask(&app, &person);
    assert_eq!(third.submit(&form, STEP, &[("recovery", &codes[2])]).status, 422, "the earlier ones stopped working");
    let form = browser.open(&format!("{HOME}/app/remove"));
    let removed = browser.submit(&form, "/remove", &[]);
    assert_eq!(browser.follow(&removed).notice(), "Authenticator app removed.");
    assert_eq!(
        app.shop().number("SELECT COUNT(*) FROM recovery_codes")
            + app.shop().number("SELECT COUNT(*) FROM second_factors"),
        0
    );
    app.sign_in(&person).open("/settings");

    let activity = browser.open("/settings/activity").text();
    for entry in [
        "Second factor set up",
        "Signed in",
        "Second factor incorrect",
        "Recovery code used",
        "9 codes left",
        "Recovery codes created",
        "Second factor removed",
    ] {
        assert!(activity.contains(entry), "{entry}: {activity}");
    }
}

#[test]
fn m1_guesses_and_parallel_uses_of_a_code_are_limited() {
    let nodes = TestApp::nodes(4, |_| ());
    let app = nodes.last().unwrap();
    let person = app.shop().staff("Stina Staff");
    let (phone, codes) = set_up(app, &mut app.sign_in(&person));

    // One time step, asked for by eight browsers at once, on every node.
    let code = phone.code(app.now());
    let waiting: Vec<(Browser, Page)> = (0..8).map(|n| ask(&nodes[n % nodes.len()], &person)).collect();
    let results: Vec<u16> = std::thread::scope(|scope| {
        let send = |(mut browser, form): (Browser, Page)| {
            let code = code.clone();
            scope.spawn(move || browser.submit(&form, STEP, &[("code", &code)]).status)
        };
        let running: Vec<_> = waiting.into_iter().map(send).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|status| **status == 303).count(), 1, "{results:?}");
    assert!(results.iter().all(|status| [303, 422, 429].contains(status)), "{results:?}");
    app.shop().sql("UPDATE second_factors SET failures = 0, blocked_until = 0");

    let (mut browser, form) = ask(app, &person);
    let guesses: Vec<u16> =
        (0..7).map(|n| browser.submit(&form, STEP, &[("code", &format!("00000{n}"))]).status).collect();
    assert_eq!(guesses, [422, 422, 422, 422, 422, 429, 429], "the sixth waits, whoever sends it");
    let (mut other, page) = ask(app, &person);
    let right = other.submit(&page, STEP, &[("code", &phone.code(app.now()))]);
    assert!(right.status == 429 && right.header("retry-after").is_some());
    app.advance(60);
    assert_eq!(browser.submit(&form, STEP, &[("code", "000009")]).status, 422);
    app.advance(60);
    assert_eq!(browser.submit(&form, STEP, &[("code", &phone.code(app.now()))]).status, 303, "the owner gets in");
    assert_eq!(app.shop().number("SELECT failures FROM second_factors"), 0);

    app.shop().sql("UPDATE second_factors SET failures = 100");
    app.advance(60);
    let (mut browser, form) = ask(app, &person);
    assert_eq!(
        browser.submit(&form, STEP, &[("code", &phone.code(app.now()))]).status,
        422,
        "after a hundred in a row"
    );
    app.advance(3600);
    let (mut browser, form) = ask(app, &person);
    assert_eq!(browser.submit(&form, STEP, &[("recovery", &codes[0])]).status, 303);
}

#[test]
fn m2_the_step_between_cannot_be_skipped_forged_or_kept() {
    let app = TestApp::start();
    let (mut own, person) = app.sign_in_as(Role::Admin);
    let other = app.shop().staff("Stina Staff");
    let (phone, _) = set_up(&app, &mut own);

    // Somebody who has only the password cannot set up a factor instead of proving the one there is.
    let (mut browser, _) = ask(&app, &person);
    assert!(browser.get(&format!("{STEP}/set-up")).location().starts_with(STEP));
    let form = own.open(&format!("{HOME}/app"));
    let stolen = form.attribute("input[name=secret]", "value").unwrap();
    let fields = |csrf: &str, code: &str| {
        vec![("csrf", csrf.to_string()), ("secret", stolen.clone()), ("code", code.to_string())]
    };
    let csrf = browser.csrf();
    let sent = fields(&csrf, &App::scan(&form).code(app.now()));
    let sent: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert!(browser.post(&format!("{STEP}/set-up"), &sent).location().starts_with("/sign-in"));
    // The secret of one person's form is no use in another's.
    let mut theirs = app.sign_in(&other);
    let csrf = theirs.csrf();
    let sent = fields(&csrf, &App::scan(&form).code(app.now()));
    let sent: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(theirs.post(&format!("{HOME}/app"), &sent).status, 409);

    // The cookie of the step is signed, ends after ten minutes, and with the password.
    let code = |app: &TestApp| phone.code(app.now());
    for what in ["forged", "late", "password changed", "locked"] {
        let (mut browser, form) = ask(&app, &person);
        match what {
            "forged" => {
                let cookie = browser.cookies.iter_mut().find(|cookie| cookie.name.starts_with("sign-in")).unwrap();
                cookie.value = cookie.value.replacen(&person.id.to_string(), &other.id.to_string(), 1);
            }
            "late" => app.advance(601),
            "password changed" => app.shop().sql("UPDATE employees SET password_hash = password_hash || 'x'"),
            _ => app.shop().lock(&person),
        }
        let refused = browser.submit(&form, STEP, &[("code", &code(&app))]);
        assert!(refused.status == 303 && refused.location().starts_with("/sign-in"), "{what}: {}", refused.status);
        assert_eq!(browser.get("/settings").status, 303, "{what}");
        if what == "password changed" {
            app.shop().sql("UPDATE employees SET password_hash = substr(password_hash, 1, length(password_hash) - 1)");
        }
    }
}
