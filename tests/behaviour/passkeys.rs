//! Passkeys: added, renamed and removed on the profile; used after the password, or alone.

use client_api_access::config::PublicUrl;
use client_api_access::employees::fresh_sign_in::FRESH;
use client_api_access::scopes::Role;

use crate::identity::provider::Oidc;
use crate::support::authenticator::{Authenticator, Fields, options};
use crate::support::{Browser, PASSWORD, Page, Person, TestApp};

const HOME: &str = "/settings/profile/second-factor";
const STEP: &str = "/sign-in/second-factor";
const ALONE: &str = "/sign-in/passkey";
const HOST: &str = "pos.example";

fn start() -> TestApp {
    TestApp::start_with(|config| config.public_url = PublicUrl::parse(&format!("https://{HOST}")).unwrap())
}

fn send(browser: &mut Browser, page: &Page, action: &str, fields: &Fields) -> Page {
    browser.submit(page, action, &fields.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>())
}

fn add(browser: &mut Browser, name: &str, device: &mut Authenticator) -> Page {
    let form = browser.open(&format!("{HOME}/passkeys"));
    let fields = [device.create(&form), vec![("name", name.to_string())]].concat();
    send(browser, &form, "/passkeys", &fields)
}

fn ask(app: &TestApp, person: &Person) -> (Browser, Page) {
    let mut browser = app.browser();
    let done = browser.sign_in(&person.email, PASSWORD);
    assert!(done.location().starts_with(STEP), "{} {}", done.status, done.location());
    let form = browser.follow(&done);
    (browser, form)
}

#[test]
fn a_passkey_signs_in_after_the_password_or_alone_and_is_renamed_and_removed() {
    let app = start();
    let person = app.shop().staff("Stina Staff");
    let mut browser = app.sign_in(&person);
    assert!(!app.browser().open("/sign-in").has("form[data-passkey]"), "nobody has a passkey");
    let (mut phone, mut key) = (Authenticator::new(HOST, true), Authenticator::new(HOST, false));
    // Without a count, only the challenge says whether an answer was used.
    phone.counts = false;
    let added = add(&mut browser, "My phone", &mut phone);
    assert_eq!((added.status, added.texts(".codes code").len()), (200, 10), "{}", added.text());
    let form = browser.open(&format!("{HOME}/passkeys"));
    assert_eq!(options(&form, "create")["excludeCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(browser.follow(&add(&mut browser.clone(), "Key", &mut key)).notice(), "Passkey added.");
    assert_eq!(phone.user_handle, key.user_handle, "one person has one handle");
    assert!(browser.open("/settings/profile").text().contains("2 passkeys, and 10 recovery codes left."));

    for device in [&mut phone, &mut key] {
        let (mut browser, form) = ask(&app, &person);
        let fields = device.answer(&form);
        assert_eq!(send(&mut browser, &form, STEP, &fields).location(), "/settings");
        let (mut browser, form) = ask(&app, &person);
        let again = send(&mut browser, &form, STEP, &fields);
        assert_eq!((again.status, again.notice().as_str()), (422, "The passkey was not accepted. Try again."));
    }
    let mut alone = app.browser();
    let form = alone.open("/sign-in?next=/settings/profile");
    assert_eq!(options(&form, "use")["userVerification"], "required");
    let fields = phone.answer(&form);
    let (mut one, mut other) = (alone.clone(), alone.clone());
    let results = std::thread::scope(|scope| {
        let threads = [&mut one, &mut other].map(|browser| scope.spawn(|| send(browser, &form, ALONE, &fields).status));
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(results.iter().filter(|status| **status == 303).count(), 1, "an answer works once: {results:?}");

    let page = browser.open(HOME);
    assert_eq!(page.rows("#passkeys").len(), 2);
    let form = browser.open(&page.link_in("#passkeys", "Rename My phone").unwrap());
    let renamed = browser.submit(&form, "/rename", &[("name", "Old phone")]);
    assert_eq!(browser.follow(&renamed).notice(), "Passkey renamed.");
    let page = browser.open(HOME);
    assert!(page.rows("#passkeys")[0].says("Old phone") && page.rows("#passkeys")[0].says("just now"));
    for name in ["Old phone", "Key"] {
        let page = browser.open(HOME);
        let form = browser.open(&page.link_in("#passkeys", &format!("Remove {name}")).unwrap());
        let removed = browser.submit(&form, "/remove", &[]);
        assert_eq!(browser.follow(&removed).notice(), "Passkey removed.");
    }
    app.sign_in(&person).open("/settings");
    let activity = app.manager().open("/settings/activity").text();
    for entry in
        ["passkey My phone", "with a passkey", "Passkey renamed", "from My phone to Old phone", "Second factor removed"]
    {
        assert!(activity.contains(entry), "{entry}: {activity}");
    }
}

#[test]
fn d17_a_passkey_confirms_that_it_is_its_owner() {
    let app = start();
    let (ada, bo) = (app.shop().employee("Ada Admin", Role::Admin), app.shop().employee("Bo Boss", Role::Admin));
    let person = app.shop().staff("Stina Staff");
    let (mut phone, mut theirs) = (Authenticator::new(HOST, true), Authenticator::new(HOST, true));
    let mut admin = app.sign_in(&ada);
    add(&mut admin, "Phone", &mut phone);
    add(&mut app.sign_in(&bo), "Phone", &mut theirs);
    let page = admin.open(&person.path());
    app.advance(FRESH);

    let asked = admin.submit(&page, "/role", &[("role", "manager")]);
    let action = asked.attribute("form[data-passkey]", "action").expect("a form for the passkey");
    let refused = send(&mut admin, &asked, &action, &theirs.answer(&asked));
    assert!(refused.status == 422 && refused.notice().contains("was not accepted"), "{}", refused.text());
    let answer = phone.answer(&refused);
    let done = send(&mut admin, &refused, &action, &answer);
    assert_eq!((done.status, done.location()), (303, person.path()), "{}", done.text());
    assert!(admin.open(&person.path()).text().contains("Store manager"));

    app.advance(FRESH);
    let page = admin.open(&person.path());
    let asked = admin.submit(&page, "/role", &[("role", "staff")]);
    let action = asked.attribute("form[data-passkey]", "action").unwrap();
    assert_eq!(send(&mut admin, &asked, &action, &answer).status, 422, "an answer works once");
}

#[test]
fn p7_with_passwords_off_a_passkey_signs_in_the_break_glass_admin_only() {
    let oidc = Oidc::start();
    let app = TestApp::start_with(|config| {
        config.public_url = PublicUrl::parse(&format!("https://{HOST}")).unwrap();
        config.identity_provider = Some(oidc.settings(|entered| entered.passwords = false));
    });
    let (first, second) = (app.shop().employee("Ada Admin", Role::Admin), app.shop().employee("Bo Boss", Role::Admin));
    let mut phone = Authenticator::new(HOST, true);
    add(&mut app.sign_in(&first), "Phone", &mut phone);
    let mut alone = || {
        let mut browser = app.browser();
        let form = browser.open("/sign-in");
        send(&mut browser, &form, ALONE, &phone.answer(&form))
    };

    assert_eq!(alone().location(), "/settings");
    app.shop().sql(&format!("UPDATE employees SET is_break_glass = (id = {})", second.id));
    let refused = alone();
    assert!(refused.status == 422 && refused.notice().contains("passkeys are off"), "{}", refused.text());
}

#[test]
fn who_needs_a_second_factor_can_add_a_passkey_while_signing_in() {
    const SET_UP: &str = "/sign-in/second-factor/set-up/passkey";
    let app = start();
    let mut admin = app.admin();
    let form = admin.open("/settings/account");
    admin.submit(&form, "/second-factors", &[("role", "staff")]);
    let person = app.shop().staff("Stina Staff");
    let mut browser = app.browser();
    let asked = browser.sign_in(&person.email, PASSWORD);
    let form = browser.follow(&asked);
    let (mut phone, mut thief) = (Authenticator::new(HOST, true), Authenticator::new(HOST, true));
    let mut fields = [phone.create(&form), vec![("name", "Phone".to_string())]].concat();
    let theft = [thief.create(&form), vec![("name", "Phone".to_string())]].concat();
    let origin = fields[0].1.clone();
    phone.origin = "https://evil.example".into();
    fields[0] = phone.create(&form)[0].clone();
    let refused = send(&mut browser, &form, SET_UP, &fields);
    assert!(refused.status == 422 && refused.notice().starts_with("The passkey could not be added."));
    fields[0].1 = origin;
    let mut late = app.browser();
    let asked = late.sign_in(&person.email, PASSWORD);
    let form_of_late = late.follow(&asked);
    let done = send(&mut browser, &form, SET_UP, &fields);
    assert_eq!((done.status, done.texts(".codes code").len()), (200, 10), "{}", done.text());
    browser.open("/settings");

    // Somebody who has only the password cannot add a passkey of their own to it.
    let theirs = [thief.create(&form_of_late), vec![("name", "Phone".to_string())]].concat();
    for fields in [theft, theirs] {
        assert!(send(&mut late, &form_of_late, SET_UP, &fields).status >= 300);
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM passkeys"), 1);
    assert_eq!(late.get("/settings").status, 303);
}

#[test]
fn m5_an_answer_that_is_wrong_in_any_part_is_refused() {
    let app = start();
    let (person, other) = (app.shop().staff("Stina Staff"), app.shop().staff("Otto Other"));
    let (mut phone, mut theirs) = (Authenticator::new(HOST, true), Authenticator::new(HOST, true));
    add(&mut app.sign_in(&person), "Phone", &mut phone);
    add(&mut app.sign_in(&other), "Phone", &mut theirs);

    // Each changes one thing; the sign-in with a passkey alone and the second factor refuse it.
    type Bend = fn(&mut Authenticator, &mut Authenticator);
    let bends: [(&str, Bend); 8] = [
        ("another origin", |phone, _| phone.origin = "https://evil.example".into()),
        ("another port", |phone, _| phone.origin.push_str(":8443")),
        ("another host", |phone, _| phone.host = "evil.example".into()),
        ("nobody was there", |phone, _| phone.flags = 4),
        ("backed up and cannot be", |phone, _| phone.flags = 0x15),
        ("an older count", |phone, _| phone.count = 0),
        ("the id of another passkey", |phone, theirs| phone.id.clone_from(&theirs.id)),
        ("the handle of another person", |phone, theirs| phone.user_handle.clone_from(&theirs.user_handle)),
    ];
    for (what, bend) in bends {
        for alone in [true, false] {
            let (mut browser, form) = match alone {
                true => {
                    let mut browser = app.browser();
                    let form = browser.open("/sign-in");
                    (browser, form)
                }
                false => ask(&app, &person),
            };
            let kept =
                (phone.origin.clone(), phone.host.clone(), phone.flags, phone.id.clone(), phone.user_handle.clone());
            // So that an older count is one.
            app.shop().sql("UPDATE passkeys SET use_count = 3");
            phone.count = 10;
            bend(&mut phone, &mut theirs);
            let fields = phone.answer(&form);
            let refused = send(&mut browser, &form, if alone { ALONE } else { STEP }, &fields);
            assert_eq!(refused.status, 422, "{what}, alone: {alone}");
            (phone.origin, phone.host, phone.flags, phone.id, phone.user_handle) = kept;
            app.shop().sql("UPDATE second_factors SET failures = 0, blocked_until = 0");
            assert_eq!(browser.get("/settings").status, 303, "{what}");
        }
    }

    // A signature over something else; a challenge for another purpose or person, forged, or expired.
    phone.count = 20;
    let mut browser = app.browser();
    let form = browser.open("/sign-in");
    let mut fields = phone.answer(&form);
    fields[3].1 = theirs.answer(&form)[3].1.clone();
    assert_eq!(send(&mut browser, &form, ALONE, &fields).status, 422, "another key's signature");
    let (mut asked, step) = ask(&app, &person);
    assert_eq!(send(&mut browser, &form, ALONE, &phone.answer(&step)).status, 422, "a challenge of the second factor");
    assert_eq!(send(&mut asked, &step, STEP, &phone.answer(&form)).status, 422, "a challenge of a passkey alone");
    let (_, step_of_other) = ask(&app, &other);
    assert_eq!(send(&mut asked, &step, STEP, &phone.answer(&step_of_other)).status, 422, "another person's challenge");
    let fields = phone.answer(&form);
    app.advance(3601);
    assert_eq!(send(&mut browser, &form, ALONE, &fields).status, 422, "an hour later");

    // Alone it must have checked who uses it; after the password it need not.
    phone.flags = 1;
    let form = browser.open("/sign-in");
    let unverified = send(&mut browser, &form, ALONE, &phone.answer(&form));
    assert!(unverified.status == 422 && unverified.notice().starts_with("This passkey did not ask for a PIN"));
    let (mut asked, step) = ask(&app, &person);
    assert_eq!(send(&mut asked, &step, STEP, &phone.answer(&step)).status, 303);
    phone.flags = 5;
    let locked = browser.open("/sign-in");
    app.shop().lock(&person);
    assert_eq!(send(&mut browser, &locked, ALONE, &phone.answer(&locked)).status, 422, "locked");

    // Adding: the same passkey twice, an answer to another form, and one that is not CBOR.
    theirs.count = 20;
    let (mut owner, step) = ask(&app, &other);
    assert_eq!(send(&mut owner, &step, STEP, &theirs.answer(&step)).status, 303);
    let form = owner.open(&format!("{HOME}/passkeys"));
    let third = app.shop().staff("Tove Third");
    let form_of_third = app.sign_in(&third).open(&format!("{HOME}/passkeys"));
    let mut new = Authenticator::new(HOST, true);
    let nonsense: Fields = vec![("client_data", "e30".into()), ("attestation", "_w".into())];
    for fields in [theirs.create(&form), new.create(&form_of_third), nonsense] {
        let fields = [fields, vec![("name", "Again".to_string())]].concat();
        assert_eq!(send(&mut owner, &form, "/passkeys", &fields).status, 422);
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM passkeys"), 2);
}
