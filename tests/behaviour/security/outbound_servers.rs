//! Other servers are not trusted: where a call goes, how long it takes, how much is read, and what is said about it (rows
//! O6 to O9, S7 and S8).

use std::time::{Duration, Instant};

use client_api_access::connections::{ApiType, Connection, ConnectionEvent, EventKind, Status};
use client_api_access::db::DbConnection;
use client_api_access::id::EmployeeKey;
use client_api_access::time::Clock;
use serde_json::json;

use crate::support::outbound::{
    Link, SECRET, begin_authorization, bring, make, other_server, parameter, reply, verify_callback,
};
use crate::support::provider::{Answer, Certificate, Provider};
use crate::support::{Database, PASSWORD, Person, Server, TestApp, until};

fn status(app: &TestApp, link: &Link) -> Status {
    app.connection(link).status()
}

#[test]
fn o6_a_redirect_of_the_token_endpoint_is_not_followed() {
    let (app, provider, elsewhere) = (TestApp::start(), Provider::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    let before = app.held(&link);
    for to in [format!("{}/token", elsewhere.origin()), "http://169.254.169.254/latest/meta-data".into()] {
        provider.answer("/token", Answer::redirect(&to));
        app.let_it_be_due(&link);
        assert_eq!(status(&app, &link), Status::Retrying);
        assert!(app.connection(&link).last_error.contains("not followed"), "{}", app.connection(&link).last_error);

        provider.answer("/token", Answer::redirect(&to));
        let mut admin = app.admin();
        let state = parameter(&begin_authorization(&mut admin, &link), "state");
        verify_callback(&mut admin, &link, &[("code", "c"), ("state", &state)]);
    }

    assert_eq!(app.held(&link), before);
    assert!(elsewhere.requests().is_empty(), "nothing went there");
    assert!(provider.requests().iter().all(|request| request.path == "/token"));
}

#[test]
fn o7_private_addresses_are_not_called_unless_they_are_allowed() {
    let provider = Provider::start();
    let app = TestApp::start_with(|config| config.outbound.private = false);
    let port = provider.origin().rsplit(':').next().unwrap().to_string();
    let addresses = [provider.origin().to_string(), format!("https://127.0.0.1:{port}"), "https://10.0.0.1".into()];
    for origin in addresses.into_iter().chain([format!("https://localhost:{port}"), "https://[::1]".into()]) {
        let link = app.online(&origin, 3600);
        app.let_it_be_due(&link);
        assert_eq!(status(&app, &link), Status::Retrying, "{origin}");
        let last_error = app.connection(&link).last_error;
        assert!(last_error.contains("private network"), "{origin}: {last_error}");
        let key = app.service_key(&link);
        app.advance(3600);
        assert_eq!(app.through(&link, &key, "/items").status, 503);
    }
    let link = app.link(provider.origin());
    let mut admin = app.admin();
    let csrf = admin.csrf();
    let answer = admin.post(&format!("/settings/connections/{}/authorize", link.id), &[("csrf", &csrf)]);
    assert_eq!(answer.status, 400, "{}", answer.text());

    assert!(provider.requests().is_empty());
}

#[test]
fn o8_only_a_certificate_that_is_good_for_its_name_is_trusted() {
    for (certificate, good) in [
        (Certificate::Good, true),
        (Certificate::Expired, false),
        (Certificate::SelfSigned, false),
        (Certificate::WrongName, false),
    ] {
        let provider = Provider::start_tls(certificate);
        let authority = provider.authority().as_bytes().to_vec();
        let app = TestApp::start_with(|config| config.outbound.authorities = authority);
        let link = app.online(provider.origin(), 3600);

        app.let_it_be_due(&link);

        let last_error = app.connection(&link).last_error;
        assert_eq!(status(&app, &link) == Status::Online, good, "{last_error}");
        assert!(good || last_error.contains("certificate is not trusted"), "{last_error}");
        assert_eq!(provider.requests().len(), usize::from(good));
    }
    let stranger = Provider::start_tls(Certificate::Good);
    let app = TestApp::start();
    let link = app.online(stranger.origin(), 3600);
    app.let_it_be_due(&link);
    assert!(app.connection(&link).last_error.contains("certificate"), "nobody said to trust it");
}

#[test]
fn o9_odd_answers_are_bounded_and_leave_others_alone() {
    let app = TestApp::start();
    let good = Provider::start();
    let odd: Vec<(Provider, Answer, EventKind)> = vec![
        (Provider::start(), Answer::Silence, EventKind::UnknownOutcome),
        (Provider::start(), Answer::Trickle(Duration::from_secs(60)), EventKind::UnknownOutcome),
        (Provider::start(), Answer::Huge, EventKind::UnknownOutcome),
        (Provider::start(), Answer::Hangup, EventKind::UnknownOutcome),
        (Provider::start(), Answer::json(200, "<html>Welcome</html>"), EventKind::UnknownOutcome),
        (Provider::start(), Answer::json(200, r#"{"access_token":""}"#), EventKind::UnknownOutcome),
        (Provider::start(), Answer::json(200, r#"{"access_token":"a\nb"}"#), EventKind::UnknownOutcome),
        (Provider::start(), Answer::json(200, r#"{"access_token":"a","token_type":"mac"}"#), EventKind::UnknownOutcome),
        (Provider::start(), Answer::json(200, "[]"), EventKind::UnknownOutcome),
        (Provider::start(), Answer::json(404, ""), EventKind::Failed),
    ];
    let links: Vec<Link> = odd
        .iter()
        .map(|(provider, answer, _)| {
            provider.always("/token", answer.clone());
            app.online(provider.origin(), 3600)
        })
        .collect();
    let fine = app.online(good.origin(), 3600);
    let held: Vec<_> = links.iter().map(|link| app.held(link)).collect();
    app.advance(3600);

    let begun = Instant::now();
    app.run_background();
    let took = begun.elapsed();

    assert!(took < Duration::from_secs(15), "all together took {took:?}");
    assert_eq!(status(&app, &fine), Status::Online);
    for ((link, (provider, answer, kind)), held) in links.iter().zip(&odd).zip(&held) {
        assert_eq!(status(&app, link), Status::Retrying, "{answer:?}");
        assert_eq!(&app.held(link), held, "{answer:?}");
        assert_eq!(app.history(link)[0].0, *kind, "{answer:?}");
        assert!(provider.taken() < 8 * 1024 * 1024, "{} bytes were read", provider.taken());
    }
}

#[test]
fn o9_an_answer_takes_ten_seconds_and_has_one_megabyte_at_most() {
    let app = TestApp::start();
    for answer in [Answer::Silence, Answer::Trickle(Duration::from_secs(60))] {
        let provider = Provider::start();
        provider.always("/token", answer.clone());
        let link = app.online(provider.origin(), 3600);
        let begun = Instant::now();
        app.let_it_be_due(&link);
        let took = begun.elapsed();
        assert_eq!(app.history(&link)[0].0, EventKind::UnknownOutcome, "{answer:?}");
        // Ten seconds, and what a busy machine adds.
        assert!(took > Duration::from_secs(5) && took < Duration::from_secs(11), "{answer:?} took {took:?}");
    }

    let of_length = |length: usize| {
        let start = r#"{"access_token":"a","refresh_token":"b","expires_in":3600,"note":""#;
        format!("{start}{}\"}}", "x".repeat(length - start.len() - 2))
    };
    const MEGABYTE: usize = 1024 * 1024;
    for (length, expected) in
        [(MEGABYTE, Status::Online), (MEGABYTE + 1, Status::Retrying), (2 * MEGABYTE, Status::Retrying)]
    {
        let provider = Provider::start();
        let body = of_length(length);
        assert_eq!(body.len(), length);
        provider.always("/token", Answer::json(200, body));
        let link = app.online(provider.origin(), 3600);
        let before = app.held(&link);
        app.let_it_be_due(&link);
        assert_eq!(status(&app, &link), expected, "{length} bytes: {}", app.connection(&link).last_error);
        assert_eq!(app.held(&link) == before, expected == Status::Retrying, "{length} bytes");
    }
}

#[test]
fn o9_odd_lifetimes_are_given_a_short_one() {
    let (app, provider) = (TestApp::start(), Provider::start());
    for (expires_in, life) in [
        (json!("1800"), 1800),
        (json!(-5), 600),
        (json!(1e18), 600),
        (json!(null), 600),
        (json!("soon"), 600),
        (json!(86_400), 86_400),
    ] {
        let link = app.online(provider.origin(), 3600);
        provider.tokens_with(json!({ "expires_in": expires_in, "token_type": "bEARER", "extra": { "a": [1] } }));
        app.let_it_be_due(&link);
        let connection = app.connection(&link);
        assert_eq!(connection.status(), Status::Online, "{expires_in}");
        assert_eq!(connection.access_life, life, "{expires_in}");
        assert_eq!(app.history(&link)[0].1.contains("states no lifetime"), life == 600, "{expires_in}");
    }
}

fn wait_until_it_has_failed(conn: &mut DbConnection, link: &Link) {
    until("it has failed", || {
        let status = Connection::find(conn, link.id).unwrap().status();
        matches!(status, Status::Retrying | Status::NeedsAuthorization)
    });
}

// What the pages say of each kind: DNS, connect, TLS, time-out, 4xx, 5xx, and what is not JSON.
const FAILURES: [&str; 7] = [
    "server is unreachable",
    "certificate is not trusted",
    "did not answer in time",
    "closed the connection before it answered",
    "invalid_grant",
    "internal error (500)",
    "is not a token response",
];

// The server as a process of its own at the loudest log, connected to a server that fails in every way while a secret is
// in its body, its headers and its address.
#[test]
fn s7_s8_no_failure_of_another_server_puts_a_secret_into_log_or_page() {
    let database = Database::blank();
    let loud = [("LOG_LEVEL", "trace"), ("RUST_LOG", "trace"), ("OUTBOUND_PRIVATE", "on")];
    let server = Server::start(&database, &loud);
    let mut admin = server.set_up("ada@shop.example", PASSWORD);
    let (mut conn, transition_context) = server.data(&database);
    let provider = Provider::start();
    let tls = Provider::start_tls(Certificate::SelfSigned);
    let now = Clock::System.now();
    let hosts = [provider.origin(), tls.origin(), "https://nowhere.invalid", "http://127.0.0.1:9"];
    // What fails, with what was sent to it thrown back.
    let answers = |sent: &str| {
        let echo = json!({ "error": "invalid_grant", "error_description": format!("unknown: {SECRET} {sent}") });
        [
            Answer::json(400, echo),
            Answer::json(500, sent),
            Answer::json(200, format!(r#"{{"access_token":"the-new-access-token","token_type":"{sent}"}}"#)),
            Answer::json(200, format!("{sent} is not JSON")),
            Answer::Hangup,
            Answer::Silence,
        ]
    };
    let (to_code, to_refresh) = (answers("the-code-that-came"), answers("the-refresh-token"));
    let mut links = Vec::new();
    let mut pages = String::new();
    for host in hosts {
        for (to_code, to_refresh) in to_code.iter().zip(&to_refresh) {
            if host == provider.origin() {
                provider.answer("/token", to_code.clone());
            }
            let mut fields = other_server(host);
            fields.token_url = format!("{host}/token?api_key=the-key-in-the-address");
            fields.api_url = format!("{host}/the-key-in-the-address");
            let of = (ApiType::Other, &fields);
            let link = make(&mut conn, &transition_context, of, "", now);
            let begin_authorization = begin_authorization(&mut admin, &link);
            let state = parameter(&begin_authorization, "state");
            verify_callback(&mut admin, &link, &[("code", "the-code-that-came"), ("state", &state)]);
            pages.push_str(&admin.open("/settings/profile").body);
            let held =
                json!({ "access_token": "the-access-token", "refresh_token": "the-refresh-token", "expires_in": 1 });
            let person = Person { id: EmployeeKey(1), name: "Ada Admin".into(), email: String::new() };
            bring(&mut conn, &transition_context, link.id, &person, &reply(held), now);
            if host == provider.origin() {
                provider.answer("/token", to_refresh.clone());
                // In its turn: the next one's answers belong to the next one.
                wait_until_it_has_failed(&mut conn, &link);
            }
            links.push(link);
            if host != provider.origin() {
                break;
            }
        }
    }
    for link in &links {
        wait_until_it_has_failed(&mut conn, link);
    }
    for link in &links {
        let connection = Connection::find(&mut conn, link.id).unwrap();
        pages.push_str(&format!("{} {}", connection.last_error, connection.reason));
        for event in ConnectionEvent::page(&mut conn, link.id, None).unwrap() {
            pages.push_str(&event.words);
        }
    }

    let log = server.log();

    assert!(log.contains("/settings/connections/callback/{callback} 303"), "the log is loud");
    for failure in FAILURES {
        assert!(pages.contains(failure), "no page says {failure:?}: {pages}");
    }
    let names = ["the-refresh-token", "the-access-token", "the-new-access-token", "the-code-that-came", SECRET];
    for secret in names.into_iter().chain(["the-key-in-the-address", "s3cret"]) {
        assert!(!log.contains(secret), "the log holds {secret}");
        assert!(!pages.contains(secret), "a page holds {secret}");
    }
}
