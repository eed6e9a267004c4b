//! Notices about outbound connections: by e-mail and to a webhook, once per incident, until they arrive.

use base64::Engine;
use client_api_access::config::Config;
use client_api_access::id::ConnectionKey;
use client_api_access::notices::{NoticeSecrets, NoticeSettings, Notices};
use client_api_access::time::{DAY, HOUR, MINUTE};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

use crate::support::mail::MailServer;
use crate::support::provider::{Answer, Certificate, Provider, Request};
use crate::support::{Browser, Database, Server, TestApp, is_postgres};

const KEY: [u8; 32] = [7; 32];
const READERS: &str = "Ada Admin <ada@shop.example>, mona@shop.example";

// As a shop would set it up.
pub fn channels(smtp_url: Option<String>, webhook: Option<&Provider>) -> Notices {
    let mail = smtp_url.is_some();
    let settings = NoticeSettings {
        notices_from: mail.then(|| "pos@shop.example".to_string()),
        notices_to: mail.then(|| READERS.to_string()),
        webhook_url: webhook.map(|receiver| format!("{}/hook?token=hush_token", receiver.origin())),
    };
    let key = base64::engine::general_purpose::STANDARD.encode(KEY);
    let webhook_secret = webhook.map(|_| format!("whsec_{key}"));
    Notices::from_settings(&settings, &NoticeSecrets { smtp_url, webhook_secret }, true).unwrap()
}

pub fn in_clear(mail: &MailServer) -> Option<String> {
    Some(format!("smtp://{}?tls=none", mail.address))
}

pub fn with_flash(notices: Notices) -> impl Fn(&mut Config) {
    move |config| config.notices = notices.clone()
}

// A connection of this name whose token ends in an hour.
pub fn connect(app: &TestApp, provider: &Provider, name: &str) -> ConnectionKey {
    let link = app.online(provider.origin(), 3600);
    app.shop().sql(&format!("UPDATE connections SET name = '{name}' WHERE id = {}", link.id));
    link.id
}

// Its token ends, and the provider answers this to a refresh.
pub fn refresh_with(app: &TestApp, provider: &Provider, answer: Answer) {
    provider.answer("/token", answer);
    app.advance(2 * HOUR);
    app.run_background();
}

pub fn refused() -> Answer {
    Answer::json(400, json!({ "error": "invalid_grant" }))
}

fn is_signed(request: &Request) -> bool {
    let header = |name| request.header(name).unwrap_or_default();
    let content = format!("{}.{}.{}", header("webhook-id"), header("webhook-timestamp"), request.body);
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&KEY).unwrap();
    mac.update(content.as_bytes());
    let seal = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    header("webhook-signature") == format!("v1,{seal}")
}

pub fn event(request: &Request) -> String {
    let body: Value = serde_json::from_str(&request.body).unwrap();
    body["type"].as_str().unwrap().to_string()
}

#[test]
fn an_incident_is_told_once_on_each_channel_and_so_is_its_end() {
    let (mail, receiver, provider) = (MailServer::start(), Provider::start(), Provider::start());
    let app = TestApp::start_with(with_flash(channels(in_clear(&mail), Some(&receiver))));
    let id = connect(&app, &provider, "Café “Harbour”");

    for _ in 0..3 {
        refresh_with(&app, &provider, Answer::json(503, "{}"));
    }
    let during = (mail.mails().len(), receiver.requests().len());
    refresh_with(&app, &provider, Answer::Own);
    app.run_background();

    assert_eq!(during, (1, 1), "one notice, however often it does not work");
    let (mails, posts) = (mail.mails(), receiver.requests());
    assert_eq!((mails.len(), posts.len()), (2, 2));
    assert_eq!(mails[0].from, "pos@shop.example");
    assert_eq!(mails[0].to, ["ada@shop.example", "mona@shop.example"]);
    assert!(mails[0].header("Message-ID").ends_with("@shop.example>"), "{}", mails[0].text);
    assert_eq!(mails[0].header("Auto-Submitted"), "auto-generated");
    assert!(mails[0].header("Subject").starts_with("=?utf-8?"), "{}", mails[0].text);
    assert!(mails[1].text.contains(&format!("{}/settings/connections/{id}", app.origin())), "{}", mails[1].text);
    assert_eq!([event(&posts[0]), event(&posts[1])], ["connection.trouble", "connection.recovered"]);
    let body: Value = serde_json::from_str(&posts[0].body).unwrap();
    assert_eq!(body["data"]["name"], "Café “Harbour”");
    assert_eq!(body["data"]["connection"], id.0);
    assert_eq!(body["data"]["url"], format!("{}/settings/connections/{id}", app.origin()));
    assert!(posts.iter().all(is_signed));
    assert_eq!(posts[0].header("content-type"), Some("application/json"));
}

#[test]
fn a_connection_that_needs_a_person_is_told_of() {
    let (mail, provider) = (MailServer::start(), Provider::start());
    let app = TestApp::start_with(with_flash(channels(in_clear(&mail), None)));
    connect(&app, &provider, "Harbour");

    refresh_with(&app, &provider, refused());
    app.run_background();

    let mails = mail.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].header("Subject"), "Harbour needs authorization");
    assert!(mails[0].text.contains("invalid_grant"), "{}", mails[0].text);
}

#[test]
fn what_is_refused_is_sent_again_with_the_same_id_until_it_arrives() {
    let (mail, receiver, provider) = (MailServer::start(), Provider::start(), Provider::start());
    let app = TestApp::start_with(with_flash(channels(in_clear(&mail), Some(&receiver))));
    connect(&app, &provider, "Harbour");
    mail.refuse("451 4.3.0 pos@shop.example, try again later");
    for answer in [Answer::json(500, "{}"), Answer::json(410, "{}"), Answer::redirect("https://elsewhere.example/")] {
        receiver.answer("/hook", answer);
    }

    refresh_with(&app, &provider, refused());
    app.run_background();
    let at_once = receiver.requests().len();
    let last_error = app.shop().words("SELECT last_error AS word FROM outbox ORDER BY id");
    for wait in [MINUTE + 15, 2 * MINUTE + 30, 4 * MINUTE + 60, DAY] {
        app.advance(wait);
        app.run_background();
    }

    assert_eq!(at_once, 1, "not before its time");
    assert_eq!(
        last_error,
        ["the mail server refused the message with code 451", "the receiver answered with status 500"]
    );
    assert_eq!(mail.mails().len(), 1);
    let posts = receiver.requests();
    assert_eq!(posts.len(), 4);
    let ids: Vec<_> = posts.iter().map(|post| post.header("webhook-id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0] && id.is_some()), "{ids:?}");
    let mut times: Vec<i64> =
        posts.iter().map(|post| post.header("webhook-timestamp").unwrap().parse().unwrap()).collect();
    times.dedup();
    assert_eq!(times.len(), 4, "each attempt has its own time");
    assert!(posts.iter().all(is_signed));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM outbox WHERE delivered_at IS NOT NULL AND last_error = ''"), 2);
}

#[test]
fn after_three_days_a_message_is_given_up_and_after_a_week_forgotten() {
    let (receiver, provider) = (Provider::start(), Provider::start());
    let app = TestApp::start_with(with_flash(channels(None, Some(&receiver))));
    connect(&app, &provider, "Harbour");
    receiver.always("/hook", Answer::json(500, "{}"));

    refresh_with(&app, &provider, refused());
    for _ in 0..2 {
        app.advance(DAY);
        app.run_background();
    }
    let before = app.shop().number("SELECT COUNT(*) FROM outbox WHERE abandoned_at IS NULL");
    app.advance(DAY);
    app.run_background();
    let tried = receiver.requests().len();
    let given_up = app.shop().number("SELECT COUNT(*) FROM outbox WHERE abandoned_at IS NOT NULL");
    for _ in 0..2 {
        app.advance(4 * DAY);
        app.run_background();
    }

    assert_eq!((before, given_up, tried), (1, 1, 4));
    assert_eq!(receiver.requests().len(), tried, "nothing more is sent");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM outbox"), 0);
}

#[test]
fn many_nodes_send_each_notice_once() {
    let (receiver, provider) = (Provider::start(), Provider::start());
    let nodes = TestApp::nodes(1, with_flash(channels(None, Some(&receiver))));
    let first = nodes.last().unwrap();
    for i in 0..6 {
        connect(first, &provider, &format!("Harbour {i}"));
    }
    provider.always("/token", refused());
    for node in &nodes {
        node.advance(2 * HOUR);
    }

    std::thread::scope(|scope| {
        for node in &nodes {
            // The same node twice at once is as good as two.
            scope.spawn(|| node.run_background());
            scope.spawn(|| node.run_background());
        }
    });
    for node in &nodes {
        node.run_background();
    }

    let mut ids: Vec<_> =
        receiver.requests().iter().map(|post| post.header("webhook-id").unwrap().to_string()).collect();
    assert_eq!(ids.len(), 6);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[test]
fn a_notice_whose_sender_died_is_sent_by_the_next_one() {
    let (receiver, provider) = (Provider::start(), Provider::start());
    let quiet = TestApp::start_with(with_flash(channels(None, Some(&receiver))));
    connect(&quiet, &provider, "Harbour");
    receiver.answer("/hook", Answer::Hangup);
    refresh_with(&quiet, &provider, refused());
    // As it is while somebody sends it.
    let lease = quiet.now().plus(60).0;
    quiet.shop().sql(&format!("UPDATE outbox SET due_at = 0, lease_until = {lease}"));
    let next = TestApp::start_on(quiet.database.shared(), None, with_flash(channels(None, Some(&receiver))));
    next.advance(quiet.now().since(next.now()));

    next.run_background();
    let during = receiver.requests().len();
    next.advance(60);
    next.run_background();

    let posts = receiver.requests();
    assert_eq!((during, posts.len()), (1, 2));
    assert_eq!(posts[0].header("webhook-id"), posts[1].header("webhook-id"));
}

#[test]
fn o8_mail_is_handed_over_by_tls_to_the_server_it_is_meant_for_only() {
    let send = |certificate, trusted: bool| {
        let mail = MailServer::start_tls(certificate);
        let url = Some(format!("smtp://pos%40shop:pass%3Aword@{}", mail.address));
        let notices = channels(url, None);
        let app = TestApp::start_with(|config| {
            config.notices = notices;
            if trusted {
                config.outbound.authorities = mail.authority.clone().into_bytes();
            }
        });
        let told = test(&app, &mut app.admin(), "email");
        (mail.mails(), told)
    };

    let (good, told) = send(Certificate::Good, true);

    assert_eq!(told, "E-mail test sent. The server answered “250 taken”.");
    assert_eq!(good.len(), 1);
    assert!(good[0].is_tls);
    assert_eq!(good[0].login, "pos@shop\0pass:word");
    for (certificate, trusted) in [
        (Certificate::Good, false),
        (Certificate::Expired, true),
        (Certificate::SelfSigned, true),
        (Certificate::WrongName, true),
    ] {
        let (mails, told) = send(certificate, trusted);
        assert!(mails.is_empty(), "{certificate:?}");
        assert!(told.ends_with("the mail server's certificate is not trusted for its name"), "{certificate:?}: {told}");
    }
}

#[test]
fn mail_that_would_need_tls_is_not_handed_over_in_clear() {
    let mail = MailServer::start();
    let app = TestApp::start_with(with_flash(channels(Some(format!("smtp://pos:hush@{}", mail.address)), None)));

    let told = test(&app, &mut app.admin(), "email");

    assert!(mail.mails().is_empty());
    assert!(told.contains("STARTTLS"), "{told}");
}

#[test]
fn an_admin_sees_the_channels_and_tests_them() {
    let (mail, receiver, provider) = (MailServer::start(), Provider::start(), Provider::start());
    let app = TestApp::start_with(with_flash(channels(in_clear(&mail), Some(&receiver))));
    let (mut admin, ada) = app.sign_in_as(client_api_access::scopes::Role::Admin);
    let before = admin.open("/settings/account").rows("#notices");

    let by_mail = test(&app, &mut admin, "email");
    receiver.answer("/hook", Answer::json(500, json!({ "error": "no room for hush_token" })));
    let by_webhook = test(&app, &mut admin, "webhook");
    receiver.answer("/hook", Answer::json(503, "{}"));
    connect(&app, &provider, "Harbour");
    refresh_with(&app, &provider, refused());
    app.run_background();
    let mut admin = app.admin();
    let after = admin.open("/settings/account");

    assert_eq!(
        before[0].cells,
        ["E-mail", "ada@shop.example, mona@shop.example Set by SMTP_URL, NOTICES_FROM and NOTICES_TO", "never", "–"]
    );
    assert_eq!(before[1].cells, ["Webhook", "127.0.0.1 Set by WEBHOOK_URL and WEBHOOK_SECRET", "never", "–"]);
    assert_eq!(by_mail, "E-mail test sent. The server answered “250 taken”.");
    let answered = "500 Internal Server Error {\"error\":\"no room for ***\"}";
    assert_eq!(by_webhook, format!("Webhook test not delivered. What happened: {answered}"));
    let rows = after.rows("#notices");
    assert_eq!(rows[0].cells[2..], ["just now", "–"], "{rows:?}");
    assert_eq!(rows[1].cells[2..], ["never", "1 notice pending: the receiver answered with status 503"]);
    assert!(!after.body.contains("hush"), "the webhook's address is not shown whole");
    assert!(mail.mails()[0].text.contains(&ada.name));
    assert_eq!(event(&receiver.requests()[0]), "test");
    let log = admin.open("/settings/activity?kind=test+notice+sent").rows("#activity");
    assert_eq!(log.len(), 2);
}

// What the page says after a test of a channel.
pub fn test(app: &TestApp, admin: &mut Browser, channel: &str) -> String {
    let page = admin.open("/settings/account/notices");
    let tested = admin.submit(&page, &format!("/notices/{channel}/test"), &[]);
    assert_eq!(tested.status, 303, "{}", app.origin());
    admin.follow(&tested).notice()
}

#[test]
fn without_a_channel_nothing_is_kept_and_the_page_says_how_to_get_one() {
    let provider = Provider::start();
    let app = TestApp::start();
    connect(&app, &provider, "Harbour");

    refresh_with(&app, &provider, refused());
    let mut admin = app.admin();
    let page = admin.open("/settings/account");

    assert_eq!(app.shop().number("SELECT COUNT(*) FROM outbox"), 0);
    let rows = page.rows("#notices");
    assert_eq!([rows[0].cells[1].as_str(), rows[1].cells[1].as_str()], ["Off", "Off"]);
    let page = admin.open("/settings/account/notices");
    assert!(page.link_in("#channels", "Set up E-mail").is_some() && !page.has("form[action$='/test']"));
    let csrf = admin.csrf();
    let by_hand = admin.post("/settings/account/notices/email/test", &[("csrf", &csrf)]);
    assert!(admin.follow(&by_hand).notice().contains("This channel is not set up"));
}

#[test]
fn s7_notices_survive_a_restart_and_no_log_names_their_secrets() {
    let (mail, receiver) = (MailServer::start(), Provider::start());
    receiver.always("/hook", Answer::json(500, json!({ "echo": "hush_in_answer" })));
    let database = Database::blank();
    let key = base64::engine::general_purpose::STANDARD.encode([b'k'; 32]);
    let secret_file = database.folder.path().join("webhook.secret");
    std::fs::write(&secret_file, format!("whsec_{key}\n")).unwrap();
    let smtp_url = format!("smtp://pos:hush_password@{}?tls=none", mail.address);
    let webhook_url = format!("{}/hook?token=hush_token", receiver.origin());
    let env = [
        ("LOG_LEVEL", "trace"),
        ("RUST_LOG", "trace"),
        ("OUTBOUND_PRIVATE", "on"),
        ("SMTP_URL", smtp_url.as_str()),
        ("NOTICES_FROM", "pos@shop.example"),
        ("NOTICES_TO", READERS),
        ("WEBHOOK_URL", webhook_url.as_str()),
        ("WEBHOOK_SECRET_FILE", secret_file.to_str().unwrap()),
    ];
    let mut first = Server::start(&database, &env);
    let mut admin = first.set_up("ada@shop.example", crate::support::PASSWORD);
    mail.refuse("550 5.7.1 hush_in_answer for hush_password");

    let form = admin.open("/settings/employees/invite");
    let fields = [("name", "Nora New"), ("email", "nora@shop.example"), ("role", "admin")];
    assert_eq!(admin.submit(&form, "/invite", &fields).status, 200);
    wait(|| first.log().matches("not delivered").count() == 2);
    let log = first.log();
    assert_eq!(first.stop(), 0);
    // It has waited long enough.
    let sql = "UPDATE outbox SET due_at = 0";
    match is_postgres() {
        true => crate::support::Shop::open(&database, crate::support::NOW).sql(sql),
        false => crate::support::Shop::at_file(&database.folder.path().join("data/client-api-access.db")).sql(sql),
    }
    let second = Server::start(&database, &env);
    // A second mail tells the person.
    let is_told = || mail.mails().iter().any(|one| one.header("Subject").contains("is an admin now"));
    wait(|| is_told() && receiver.requests().len() >= 2);

    let posts = receiver.requests();
    assert_eq!(posts[0].header("webhook-id"), posts[1].header("webhook-id"));
    let logs = log + &second.log();
    assert!(logs.contains("refused the message with code 550") && logs.contains("answered with status 500"), "{logs}");
    for secret in ["hush", key.as_str(), "ada@shop.example", "mona@shop.example", "Nora"] {
        assert!(!logs.contains(secret), "the log holds {secret}: {logs}");
    }
}

fn wait(mut done: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !done() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "it takes too long");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
