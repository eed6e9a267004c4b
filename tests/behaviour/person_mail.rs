//! Mail to one person about their own account: it goes to nobody else, and only where e-mail is set up.

use std::sync::Arc;

use client_api_access::activity::Actor;
use client_api_access::config::Channels;
use client_api_access::db::{DbConnection, carry_channels, in_transaction};
use client_api_access::employees::{AccountChange, Purpose, tell};
use client_api_access::scopes::Role;
use client_api_access::time::{HOUR, MINUTE};

use crate::notice_kinds::text;
use crate::notices::{channels, in_clear, with_flash};
use crate::support::mail::{Mail, MailServer};
use crate::support::{Browser, PASSWORD, Page, TestApp};

const NEW: &str = "gravel saxophone 12 tide";

/// An app whose mail arrives at this server.
pub fn app_with(mail: &MailServer) -> TestApp {
    TestApp::start_with(with_flash(channels(in_clear(mail), None)))
}

/// The mails to this address so far, after the jobs ran.
pub fn mails_to(app: &TestApp, mail: &MailServer, address: &str) -> Vec<Mail> {
    app.run_background();
    mail.mails().into_iter().filter(|mail| mail.to == [address]).collect()
}

#[test]
fn a_person_is_told_when_their_role_or_password_changes() {
    let mail = MailServer::start();
    let app = app_with(&mail);
    let (mut theirs, person) = app.sign_in_as(Role::Staff);
    let mut admin = app.admin();
    let csrf = admin.csrf();
    let newest = |n: usize| {
        let mails = mails_to(&app, &mail, &person.email);
        assert_eq!(mails.len(), n, "{mails:?}");
        let last = mails.last().unwrap().clone();
        (last.header("Subject"), last.text)
    };

    for role in ["manager", "manager"] {
        admin.post(&format!("{}/role", person.path()), &[("csrf", &csrf), ("role", role)]);
    }
    let (subject, text) = newest(1);
    assert_eq!(subject, "Your role was changed");
    assert!(text.contains("from Staff to Store manager") && text.contains("By: Ada Admin"), "{text}");
    assert!(!text.contains("\r\nFrom: 127") && !text.contains("Choose which notices are sent"), "{text}");

    let page = theirs.open("/settings/profile");
    let fields = [("current", PASSWORD), ("password", NEW), ("again", NEW)];
    assert_eq!(theirs.submit(&page, "/password", &fields).status, 303);
    let (subject, text) = newest(2);
    assert_eq!(subject, "Your password was changed");
    assert!(text.contains("From: 127.0.0.1") && !text.contains("By:"), "{text}");

    let link = app.shop().one_time_link(Purpose::Reset, Some(&person));
    let path = format!("/welcome/{link}");
    let mut browser = app.browser();
    let form = browser.open(&path);
    assert_eq!(browser.submit(&form, &path, &[("password", PASSWORD), ("again", PASSWORD)]).status, 303);
    assert_eq!(newest(3).0, "Your password was changed");
    assert_eq!(mail.mails().len(), 3, "nobody else is written to");

    let quiet = TestApp::start();
    let person = quiet.shop().staff("Stina Staff");
    let mut admin = quiet.admin();
    let csrf = admin.csrf();
    admin.post(&format!("{}/role", person.path()), &[("csrf", &csrf), ("role", "manager")]);
    assert_eq!(quiet.shop().number("SELECT COUNT(*) FROM outbox"), 0);
}

#[test]
fn a_person_is_told_of_a_new_address_at_both_and_of_a_second_factor() {
    let mail = MailServer::start();
    let app = app_with(&mail);
    let person = app.shop().staff("Stina Staff");
    let channels = Arc::new(Channels { email: true, origin: app.origin().into(), ..Channels::default() });
    let actor = Actor::person(person.id, "Stina Staff");
    let changes = [
        AccountChange::SecondFactor("An authenticator app was added".into()),
        AccountChange::Email { from: "stina@earlier.example".into() },
    ];
    for change in &changes {
        let tell = |conn: &mut DbConnection| tell(conn, person.id, change, (&actor, "203.0.113.9"), app.now());
        let mut shop = app.shop();
        carry_channels(shop.conn(), &channels);
        in_transaction(shop.conn(), &tell).unwrap();
    }
    // They are delivered at once.
    let mut mails = mails_to(&app, &mail, &person.email);
    mails.sort_by_key(|mail| mail.header("Subject"));
    let words = ["An authenticator app was added.\r\n\r\nWhen", "to stina"];
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().zip(words).all(|(mail, words)| text(mail).contains(words)), "{mails:?}");
    let earlier = mails_to(&app, &mail, "stina@earlier.example");
    assert_eq!(earlier.len(), 1);
    assert!(text(&earlier[0]).contains("from stina@earlier.example to stina"), "{}", earlier[0].text);
    assert_eq!(mail.mails().len(), 3, "nobody else is written to");
}

// The path of the link in a mail.
fn link(mail: &Mail) -> String {
    let text = text(mail);
    let start = text.find("/welcome/").unwrap_or_else(|| panic!("no link in {text}"));
    text[start..].split_whitespace().next().unwrap().to_string()
}

fn ask(browser: &mut Browser, email: &str) -> Page {
    let form = browser.open("/forgot-password");
    browser.submit(&form, "/forgot-password", &[("email", email)])
}

fn choose(browser: &mut Browser, path: &str, password: &str) -> Page {
    let form = browser.open(path);
    browser.submit(&form, path, &[("password", password), ("again", password)])
}

#[test]
fn d14_who_forgot_a_password_is_sent_a_link_and_the_answer_tells_nobody_which_addresses_exist() {
    let mail = MailServer::start();
    let app = app_with(&mail);
    let (mut elsewhere, known) = app.sign_in_as(Role::Staff);
    let mut shop = app.shop();
    let (locked, archived) = (shop.staff("Lena Locked"), shop.staff("Arne Archived"));
    let invited = shop.staff("Ines Invited");
    shop.sql(&format!("UPDATE employees SET password_hash = NULL WHERE id = {}", invited.id));
    let linked = shop.staff("Lisa Linked");
    shop.sql(&format!("UPDATE employees SET password_hash = NULL, linked_at = 1 WHERE id = {}", linked.id));
    shop.lock(&locked);
    shop.archive(&archived);
    let rows = |table: &str| app.shop().number(&format!("SELECT COUNT(*) FROM {table}"));

    let mut answers = Vec::new();
    let asked = [known.email.to_uppercase(), "nobody@shop.example".into(), locked.email, archived.email, invited.email];
    let asked = asked.into_iter().chain([linked.email]);
    for (n, email) in asked.enumerate() {
        let mut browser = app.browser();
        let answer = ask(&mut browser, &format!(" {email} "));
        let page = browser.follow(&answer);
        let work = (rows("reset_requests") - n as i64, rows("outbox"), rows("one_time_links"), rows("activity"));
        answers.push((answer.status, answer.location(), answer.body.clone(), page.status, page.text(), work));
    }
    app.run_background();
    let [sent] = <[Mail; 1]>::try_from(mail.mails()).unwrap();

    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert!(answers[0].4.contains("Check your e-mail"), "{}", answers[0].4);
    assert_eq!((answers[0].0, answers[0].3, rows("reset_requests")), (303, 200, 0));
    assert_eq!((&sent.to[0], sent.header("Subject").as_str()), (&known.email, "Choose a new password"));
    assert!(text(&sent).contains("Somebody at 127.0.0.1 asked"), "{}", sent.text);
    let kept = app.shop().word("SELECT body AS word FROM outbox WHERE recipient IS NOT NULL AND sealed_link IS NULL");
    assert!(kept.contains("\n[link]\n") && !kept.contains("/welcome/"), "{kept}");

    let (mut browser, path) = (app.browser(), link(&sent));
    assert_eq!(choose(&mut browser, &path, NEW).status, 303);
    assert_eq!((browser.get("/settings").status, elsewhere.get("/settings").status), (200, 303));
    assert_eq!(app.browser().get(&path).status, 410, "it works once");
    assert_eq!(app.browser().sign_in(&known.email, NEW).status, 303);
    assert_eq!(mails_to(&app, &mail, &known.email).last().unwrap().header("Subject"), "Your password was changed");
    let log = app.admin().open("/settings/activity?kind=reset+link+made").rows("#activity");
    assert!(log[0].says("sent by e-mail") && log[0].says("127.0.0.1"), "{log:?}");
}

#[test]
fn d13_links_for_a_forgotten_password_expire_and_are_limited_by_address_and_network() {
    let mail = MailServer::start();
    let app = app_with(&mail);
    let person = app.shop().staff("Stina Staff");
    let mut browser = app.browser();
    let made = format!("/welcome/{}", app.shop().one_time_link(Purpose::Reset, Some(&person)));

    for email in [person.email.as_str(), "nobody@shop.example"] {
        let statuses: Vec<u16> = (0..4).map(|_| ask(&mut browser, email).status).collect();
        let refused = ask(&mut browser, &email.to_uppercase());
        assert_eq!((statuses, refused.status), (vec![303, 303, 303, 429], 429), "{email}");
        assert_eq!(refused.header("retry-after"), Some("1200"));
    }
    let mails = mails_to(&app, &mail, &person.email);
    let opened: Vec<u16> = mails.iter().map(|mail| app.browser().get(&link(mail)).status).collect();
    assert_eq!(opened.iter().filter(|status| **status == 200).count(), 1, "the newest one: {opened:?}");
    assert_eq!(app.browser().get(&made).status, 200, "a stranger revokes no link of an admin");
    let path = mails.iter().map(link).find(|path| app.browser().get(path).status == 200).unwrap();

    app.advance(20 * MINUTE);
    for n in 0..14 {
        assert_eq!(ask(&mut browser, &format!("nobody{n}@shop.example")).status, 303);
    }
    let others: Vec<u16> = (14..40).map(|n| ask(&mut browser, &format!("nobody{n}@shop.example")).status).collect();
    assert_eq!(others, [[303; 6].as_slice(), &[429; 20]].concat(), "twenty of one network at once");
    assert_eq!(app.browser().get(&path).status, 200);
    app.advance(40 * MINUTE);
    let ended = app.browser().get(&path);
    assert_eq!(ended.status, 410);
    assert!(ended.text().contains("have one sent from the sign-in page"), "{}", ended.text());

    mail.refuse("451 later");
    assert_eq!(ask(&mut browser, &person.email).status, 303);
    app.run_background();
    app.advance(HOUR);
    app.run_background();
    assert_eq!(mails_to(&app, &mail, &person.email).len(), 3, "a link that has expired is not sent");
}

#[test]
fn an_invitation_is_sent_to_the_person_and_shown_once() {
    let mail = MailServer::start();
    let app = app_with(&mail);
    let mut admin = app.admin();
    let form = admin.open("/settings/employees/invite");
    let fields = [("name", "Nils [link] Ny"), ("email", "nils@shop.example"), ("role", "manager")];

    let shown = admin.submit(&form, "/invite", &fields);
    let sent = mails_to(&app, &mail, "nils@shop.example");
    let page = admin.open("/settings/employees?name=nils");
    let page = admin.click(&page, &page.rows("#employees")[0].href);
    let again = admin.submit(&page, "/link", &[]);

    assert!(form.text().contains("We send them a link"), "{}", form.text());
    assert!(shown.text().contains("We also send the link to nils@shop.example."), "{}", shown.text());
    assert!(shown.texts("#secret")[0].ends_with(&link(&sent[0])));
    assert!(text(&sent[0]).contains("Ada Admin invited you to Harbour & Pine as Store manager."), "{}", sent[0].text);
    assert!(again.text().contains("We also send the link"), "{}", again.text());
    let sent = mails_to(&app, &mail, "nils@shop.example");
    let newest = sent.iter().map(link).find(|path| again.texts("#secret")[0].ends_with(path.as_str())).unwrap();
    assert_eq!(choose(&mut app.browser(), &newest, NEW).status, 303);
    assert_eq!(mails_to(&app, &mail, "nils@shop.example").len(), 2, "the first password is no change");
}

#[test]
fn without_a_mail_server_forgotten_passwords_and_invitations_are_for_an_admin() {
    let app = TestApp::start();
    let mut browser = app.browser();
    let sign_in = browser.open("/sign-in");
    let page = browser.open("/forgot-password");
    let csrf = browser.csrf();
    let refused = browser.post("/forgot-password", &[("csrf", &csrf), ("email", "nobody@shop.example")]);
    let wrong = app_with(&MailServer::start());
    let nobody = ask(&mut wrong.browser(), "nobody");

    assert!(sign_in.text().contains("Forgot your password? Ask an admin"), "{}", sign_in.text());
    assert!(!page.has("form") && page.text().contains("Ask an admin for a link"), "{}", page.text());
    assert_eq!((refused.status, app.shop().number("SELECT COUNT(*) FROM reset_requests")), (409, 0));
    assert_eq!((nobody.status, nobody.attribute("#email", "value").as_deref()), (422, Some("nobody")));
    assert!(wrong.browser().open("/sign-in").link("Forgot your password?").is_some());
    let form = app.admin().open("/settings/employees/invite");
    assert!(form.text().contains("You get a link to send to them"), "{}", form.text());
}
