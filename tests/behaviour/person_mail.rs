//! Mail to one person about their own account: it goes to nobody else, and only where e-mail is set up.

use client_api_access::scopes::Role;

use crate::notices::{channels, in_clear, with_flash};
use crate::support::mail::{Mail, MailServer};
use crate::support::{PASSWORD, TestApp};

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
    let told = |n: usize| {
        let mails = mails_to(&app, &mail, &person.email);
        assert_eq!(mails.len(), n, "{mails:?}");
        let last = mails.last().unwrap().clone();
        (last.header("Subject"), last.text)
    };

    for role in ["manager", "manager"] {
        admin.post(&format!("{}/role", person.path()), &[("csrf", &csrf), ("role", role)]);
    }
    let (subject, text) = told(1);
    assert_eq!(subject, "Your role was changed");
    assert!(text.contains("from Staff to Store manager") && text.contains("By: Ada Admin"), "{text}");
    assert!(!text.contains("\r\nFrom: 127") && !text.contains("Choose which notices are sent"), "{text}");

    let page = theirs.open("/settings/profile");
    let fields = [("current", PASSWORD), ("password", NEW), ("again", NEW)];
    assert_eq!(theirs.submit(&page, "/password", &fields).status, 303);
    let (subject, text) = told(2);
    assert_eq!(subject, "Your password was changed");
    assert!(text.contains("From: 127.0.0.1") && !text.contains("By:"), "{text}");

    let link = app.shop().one_time_link(client_api_access::employees::Purpose::Reset, Some(&person));
    let path = format!("/welcome/{link}");
    let mut browser = app.browser();
    let form = browser.open(&path);
    assert_eq!(browser.submit(&form, &path, &[("password", PASSWORD), ("again", PASSWORD)]).status, 303);
    assert_eq!(told(3).0, "Your password was changed");
    assert_eq!(mail.mails().len(), 3, "nobody else is written to");

    let quiet = TestApp::start();
    let person = quiet.shop().staff("Stina Staff");
    let mut admin = quiet.admin();
    let csrf = admin.csrf();
    admin.post(&format!("{}/role", person.path()), &[("csrf", &csrf), ("role", "manager")]);
    assert_eq!(quiet.shop().number("SELECT COUNT(*) FROM outbox"), 0);
}
