//! Channels that an admin enters: encrypted in the database, tested at once, and overruled by the environment.

use client_api_access::commands::rotate_key::rotate;
use client_api_access::notices::Notices;
use client_api_access::secrets::MasterKey;
use serde_json::json;

use crate::notices::{channels, connect, in_clear, refresh_with, refused, test, with_flash};
use crate::security::stored::{everything, holds};
use crate::support::mail::MailServer;
use crate::support::provider::{Answer, Provider};
use crate::support::{Browser, KEY, Page, TestApp};

const NOTICES: &str = "/settings/account/notices";
const EMAIL: &str = "/settings/account/notices/email";
const WEBHOOK: &str = "/settings/account/notices/webhook";
const PASSWORD: &str = "hush_password";
const SECRET: &str = "hush_secret_of_24_characters";

fn enter(admin: &mut Browser, mail: &MailServer, changes: &[(&str, &str)]) -> Page {
    let port = mail.address.port().to_string();
    let good = [
        ("host", "127.0.0.1"),
        ("port", port.as_str()),
        ("security", "none"),
        ("username", "pos@shop.example"),
        ("password", PASSWORD),
        ("sender", "Harbour <pos@shop.example>"),
        ("recipients", "ada@shop.example, Mona <mona@shop.example>"),
    ];
    let mut fields: Vec<(&str, &str)> =
        good.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name)).copied().collect();
    fields.extend(changes);
    let form = admin.open(EMAIL);
    admin.submit(&form, "/email", &fields)
}

// As PostgreSQL writes bytes.
fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn enter_webhook(admin: &mut Browser, url: &str, secret: &str) -> Page {
    let form = admin.open(WEBHOOK);
    admin.submit(&form, "/webhook", &[("url", url), ("secret", secret)])
}

#[test]
fn a_mail_server_that_an_admin_enters_is_used_and_its_password_is_never_shown() {
    let (mail, provider) = (MailServer::start(), Provider::start());
    let app = TestApp::start();
    let mut admin = app.admin();
    connect(&app, &provider, "Harbour");

    let saved = enter(&mut admin, &mail, &[]);
    let told = admin.follow(&saved).notice();
    let tested = test(&app, &mut admin, "email");
    refresh_with(&app, &provider, refused());
    app.run_background();

    assert_eq!(told, "E-mail saved. Send a test to check it.");
    assert_eq!(tested, "E-mail test sent. The server answered “250 taken”.");
    let mails = mail.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[1].header("Subject"), "Harbour needs authorization");
    assert_eq!(mails[1].login, format!("pos@shop.example\0{PASSWORD}"));
    assert_eq!(mails[1].to, ["ada@shop.example", "mona@shop.example"]);
    let mut admin = app.admin();
    let page = admin.open(EMAIL);
    assert!(!page.body.contains(PASSWORD) && page.text().contains("A password is stored and cannot be shown again"));
    assert_eq!(page.attribute("#host", "value").as_deref(), Some("127.0.0.1"));
    let all = everything(&app);
    assert!(holds(&all, "mona@shop.example"), "what is no secret is found");
    assert!(!holds(&all, PASSWORD) && !holds(&all, &hex(PASSWORD)));
    let log = admin.open("/settings/activity?kind=notices+changed").rows("#activity");
    assert!(log.len() == 1 && log[0].says("e-mail through 127.0.0.1"), "{log:?}");
}

#[test]
fn the_answer_of_the_server_is_shown_as_it_is_but_for_the_password() {
    let mail = MailServer::start();
    let app = TestApp::start();
    let mut admin = app.admin();
    enter(&mut admin, &mail, &[]);
    mail.refuse(&format!("550 5.7.1 {PASSWORD} may not send here"));

    let told = test(&app, &mut admin, "email");

    assert_eq!(told, "E-mail test not delivered. What happened: 550 5.7.1 *** may not send here");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM outbox"), 0, "a test is not tried again");
}

#[test]
fn an_empty_password_keeps_the_stored_one_for_the_same_server_only() {
    let (mail, other) = (MailServer::start(), MailServer::start());
    let app = TestApp::start();
    let mut admin = app.admin();
    enter(&mut admin, &mail, &[]);

    let kept = enter(&mut admin, &mail, &[("password", ""), ("recipients", "nora@shop.example")]);
    test(&app, &mut admin, "email");
    let port = other.address.port().to_string();
    let moved = enter(&mut admin, &mail, &[("password", ""), ("port", &port)]);

    assert_eq!((kept.status, moved.status), (303, 422));
    assert_eq!(mail.mails()[0].login, format!("pos@shop.example\0{PASSWORD}"));
    assert_eq!(mail.mails()[0].to, ["nora@shop.example"]);
    assert_eq!(moved.texts("#password-error"), ["The server or the user name has changed. Enter the password again."]);
    assert!(other.mails().is_empty());
    let open = enter(&mut admin, &mail, &[("username", ""), ("password", "")]);
    assert_eq!(open.status, 303, "{}", open.text());
    test(&app, &mut admin, "email");
    assert_eq!(mail.mails()[1].login, "");
}

#[test]
fn what_is_wrong_is_said_beside_each_field_and_nothing_is_stored() {
    let mail = MailServer::start();
    let app = TestApp::start();
    let mut admin = app.admin();
    for (field, text) in [
        ("host", "mail server"),
        ("host", ""),
        ("port", "0"),
        ("port", "mail"),
        ("security", "perhaps"),
        ("sender", "nobody"),
        ("recipients", "ada@shop.example, nobody"),
        ("recipients", ""),
        ("password", ""),
        ("username", ""),
    ] {
        let refused = enter(&mut admin, &mail, &[(field, text)]);
        assert_eq!(refused.status, 422, "{field} {text:?}");
        assert!(refused.has(&format!("#{field}-error")), "{field} {text:?}: {}", refused.text());
        assert!(!refused.body.contains(PASSWORD));
    }
    let clear = enter(&mut admin, &mail, &[("host", "mail.example")]);
    assert!(clear.texts("#security-error")[0].starts_with("Mail to another machine must be encrypted"));
    for (url, secret, field) in [
        ("", SECRET, "url"),
        ("nonsense", SECRET, "url"),
        ("http://hooks.example/x", SECRET, "url"),
        ("https://user:word@hooks.example/x", SECRET, "url"),
        ("https://hooks.example/x", "", "secret"),
        ("https://hooks.example/x", "too short", "secret"),
    ] {
        let refused = enter_webhook(&mut admin, url, secret);
        assert_eq!(refused.status, 422, "{url} {secret}");
        assert!(refused.has(&format!("#{field}-error")), "{url}: {}", refused.text());
        assert!(!refused.body.contains(SECRET));
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM mail_settings"), 0);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM webhook_settings"), 0);
}

#[test]
fn o7_private_addresses_cannot_be_entered_unless_they_are_allowed() {
    let mail = MailServer::start();
    let app = TestApp::start_with(|config| config.outbound.private = false);
    let mut admin = app.admin();

    for host in ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "[::1]"] {
        let refused = enter(&mut admin, &mail, &[("host", host), ("security", "tls")]);
        assert_eq!(refused.status, 422, "{host}");
        assert!(refused.has("#host-error"), "{host}");
        // A name is looked up when it is called.
        let host = if host.contains(':') || host == "localhost" { "[::1]" } else { host };
        assert_eq!(enter_webhook(&mut admin, &format!("https://{host}/x"), SECRET).status, 422, "{host}");
    }
    // A name that leads to this machine, as it is found when it is used.
    enter(&mut admin, &mail, &[("host", "mail.example"), ("security", "starttls")]);
    app.shop().sql("UPDATE mail_settings SET host = 'ip6-localhost', username = '', password = NULL");
    let told = test(&app, &mut admin, "email");

    assert!(told.contains("private network") || told.contains("has no address"), "{told}");
    assert!(mail.mails().is_empty());
}

#[test]
fn a_webhook_that_an_admin_enters_is_used_and_only_its_host_is_shown() {
    let receiver = Provider::start();
    let app = TestApp::start();
    let mut admin = app.admin();
    let url = format!("{}/hook?token=hush_token", receiver.origin());

    let saved = enter_webhook(&mut admin, &url, SECRET);
    let tested = test(&app, &mut admin, "webhook");
    let kept = enter_webhook(&mut admin, "", "another_hush_secret_of_24_characters");
    test(&app, &mut admin, "webhook");

    assert_eq!((saved.status, kept.status), (303, 303));
    assert!(tested.starts_with("Webhook test sent. The server answered “200 OK"), "{tested}");
    let posts = receiver.requests();
    assert_eq!(posts.len(), 2);
    let signature = |at: usize| posts[at].header("webhook-signature").unwrap().to_string();
    assert_ne!(signature(0), signature(1));
    for path in [NOTICES, WEBHOOK, "/settings/account", "/settings/activity"] {
        let page = admin.open(path);
        assert!(!page.body.contains("hush"), "{path}");
    }
    let all = everything(&app);
    assert!(!holds(&all, "hush_token") && !holds(&all, SECRET) && !holds(&all, &hex("hush_token")));
    assert_eq!(admin.open(NOTICES).rows("#channels")[1].cells[1], "127.0.0.1");
}

#[test]
fn s5_secrets_of_channels_are_encrypted_anew_with_another_key() {
    let (mail, receiver) = (MailServer::start(), Provider::start());
    let app = TestApp::start();
    let mut admin = app.admin();
    enter(&mut admin, &mail, &[]);
    enter_webhook(&mut admin, &format!("{}/hook", receiver.origin()), SECRET);
    let new = "a key that only this test knows of";
    let key = MasterKey::from_text(new).unwrap().replacing(MasterKey::from_text(KEY).unwrap());

    let result = rotate(&mut app.database.connect(), &key, app.now()).unwrap();

    // The key of the activity log's chain is the fourth.
    assert_eq!((result.resealed, result.unreadable), (4, 0));
    let mut conn = app.database.connect();
    let vault = client_api_access::secrets::sealed::Vault::new(&MasterKey::from_text(new).unwrap(), None);
    let guard = client_api_access::notices::Guard { vault: &vault, allows_private: true };
    let opened = client_api_access::notices::channels(&mut conn, &Notices::default(), guard).unwrap();
    assert!(opened.smtp.is_some() && opened.webhook.is_some());
}

#[test]
fn a_removed_channel_sends_nothing() {
    let (mail, provider) = (MailServer::start(), Provider::start());
    let app = TestApp::start();
    let mut admin = app.admin();
    connect(&app, &provider, "Harbour");
    enter(&mut admin, &mail, &[]);

    let page = admin.open(EMAIL);
    let form = admin.click(&page, &page.link("Remove").unwrap());
    let removed = admin.submit(&form, "/remove", &[]);
    let told = admin.follow(&removed).notice();
    refresh_with(&app, &provider, refused());
    app.run_background();

    assert_eq!(told, "E-mail removed.");
    assert!(mail.mails().is_empty());
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM outbox"), 0);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM mail_settings"), 0);
    let mut admin = app.admin();
    let csrf = admin.csrf();
    let again = admin.post(&format!("{EMAIL}/remove"), &[("csrf", &csrf)]);
    assert_eq!(admin.follow(&again).notice(), "E-mail is already removed.");
}

#[test]
fn what_the_environment_sets_wins_and_cannot_be_changed_on_the_page() {
    let (mine, theirs, receiver) = (MailServer::start(), MailServer::start(), Provider::start());
    let before = TestApp::start();
    enter(&mut before.admin(), &mine, &[]);
    let notices = channels(in_clear(&theirs), Some(&receiver));
    let app = TestApp::start_on(before.database.shared(), None, with_flash(notices));
    let mut admin = app.browser();
    admin.sign_in(
        &app.shop().employee("Nora Admin", client_api_access::scopes::Role::Admin).email,
        crate::support::PASSWORD,
    );

    let (email, webhook) = (admin.open(EMAIL), admin.open(WEBHOOK));
    let csrf = admin.csrf();
    let by_hand = admin.post(
        EMAIL,
        &[
            ("csrf", &csrf),
            ("host", "127.0.0.1"),
            ("port", "25"),
            ("security", "none"),
            ("sender", "x@shop.example"),
            ("recipients", "x@shop.example"),
        ],
    );
    let told = admin.follow(&by_hand).notice();
    let removed = admin.post(&format!("{EMAIL}/remove"), &[("csrf", &csrf)]);
    let kept = admin.follow(&removed).notice();
    test(&app, &mut admin, "email");

    for (page, words) in [
        (&email, ["Host Set by SMTP_URL", "From Set by NOTICES_FROM", "To Set by NOTICES_TO"]),
        (&webhook, ["Host Set by WEBHOOK_URL", "Signing secret Set by WEBHOOK_SECRET", "127.0.0.1"]),
    ] {
        words.iter().for_each(|word| assert!(page.text().contains(word), "{word}: {}", page.text()));
        assert!(!page.has("main input:not([type=hidden])") && page.link("Remove").is_none());
        assert!(!page.body.contains("hush"));
    }
    assert_eq!([told, kept], ["This channel is set by SMTP_URL. Change it there."; 2]);
    assert_eq!((mine.mails().len(), theirs.mails().len()), (0, 1));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM mail_settings"), 1);
}

#[test]
fn the_erasure_of_somebody_removes_their_address_from_the_recipients() {
    let mail = MailServer::start();
    let app = TestApp::start();
    let (mut admin, _) = app.sign_in_as(client_api_access::scopes::Role::Admin);
    let mut shop = app.shop();
    let gone = shop.employee("Gerd Gone", client_api_access::scopes::Role::Admin);
    let list = format!("ada@shop.example, Gerd <{}>", gone.email);
    enter(&mut admin, &mail, &[("recipients", &list)]);
    shop.sql(&format!(
        "INSERT INTO outbox (channel, message_id, subject, body, created_at, due_at, employee_id) \
         VALUES ('email', 'one', 'Gerd', 'from 203.0.113.9', 1, 253402300799, {})",
        gone.id
    ));
    shop.archive(&gone);

    let form = admin.open(&format!("{}/erase", gone.path()));
    let erased = admin.submit(&form, "/erase", &[("name", "Gerd Gone")]);
    assert_eq!(erased.status, 303, "{}", erased.text());
    app.run_background();

    assert_eq!(app.shop().word("SELECT recipients AS word FROM mail_settings"), "ada@shop.example");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM outbox"), 0);
}

#[test]
fn a_receiver_that_repeats_its_address_does_not_show_it_to_the_page() {
    let receiver = Provider::start();
    let app = TestApp::start();
    let mut admin = app.admin();
    enter_webhook(&mut admin, &format!("{}/hush_path_part?token=hush_token", receiver.origin()), SECRET);
    receiver.answer("/hush_path_part", Answer::json(418, json!({ "path": "/hush_path_part?token=hush_token" })));

    let told = test(&app, &mut admin, "webhook");

    assert!(told.contains("418") && told.contains("/***?token=***"), "{told}");
}
