//! Keeping connections fresh: once per expiry, in time, and nothing lost (rows O10 to O15).

use std::collections::HashSet;
use std::time::Duration;

use client_api_access::connections::state::Pace;
use client_api_access::connections::{Connection, EventKind, Status, TokenReply};
use client_api_access::schema::connections;
use client_api_access::secrets::MasterKey;
use client_api_access::secrets::sealed::{Place, Sealed, Vault};
use client_api_access::time::{MINUTE, Timestamp};
use diesel::prelude::*;
use serde_json::json;

use crate::support::outbound::{Link, reply};
use crate::support::provider::{Answer, Provider};
use crate::support::{TestApp, until};

fn refreshes(provider: &Provider) -> Vec<String> {
    let requests = provider.requests();
    requests
        .iter()
        .filter(|request| request.path == "/token")
        .filter_map(|request| request.field("refresh_token"))
        .collect()
}

fn status(app: &TestApp, link: &Link) -> Status {
    app.connection(link).status()
}

#[test]
fn o10_a_connection_is_refreshed_in_its_window_and_not_before() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    let due = app.connection(&link).due_at.since(app.now());
    assert!((3600 - 330..=3600 - 30).contains(&due), "{due}");

    app.advance(due - 1);
    app.run_background();
    assert_eq!(refreshes(&provider).len(), 0);
    app.advance(1);
    app.run_background();
    app.run_background();

    assert_eq!(refreshes(&provider), [format!("first-refresh-{}", link.id)]);
    let (access, refresh) = app.held(&link);
    assert_eq!(provider.issued(), [access, refresh]);
    assert_eq!(status(&app, &link), Status::Online);
    assert_eq!(app.history(&link)[0].0, EventKind::Refreshed);
}

#[test]
fn o10_connections_that_expire_together_do_not_come_together() {
    let app = TestApp::start();
    let due: Vec<i64> =
        (0..60).map(|_| app.connection(&app.online("http://127.0.0.1:9", 3600)).due_at.since(app.now())).collect();
    let different: HashSet<i64> = due.iter().copied().collect();
    assert!(different.len() > 40, "{due:?}");
    assert!(due.iter().all(|due| *due <= 3600 - 30 && *due >= 3600 - 330), "{due:?}");
}

#[test]
fn o10_a_caller_never_gets_a_token_with_less_than_half_a_minute_left() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    let key = app.service_key(&link);
    let bearer = |app: &TestApp| {
        assert_eq!(app.through(&link, &key, "/items").status, 200);
        let calls = provider.requests();
        calls
            .into_iter()
            .rfind(|request| request.path == "/items")
            .unwrap()
            .header("authorization")
            .unwrap()
            .to_string()
    };

    app.advance(3600 - 30);
    assert_eq!(bearer(&app), format!("Bearer first-access-{}", link.id));
    app.advance(1);
    let second = bearer(&app);

    assert_eq!(second, format!("Bearer {}", app.held(&link).0));
    assert_eq!(refreshes(&provider).len(), 1);
}

#[test]
fn o11_every_expiry_is_one_token_request_whoever_asks() {
    const ROUNDS: i64 = 4;
    let provider = Provider::start();
    provider.tokens_with(json!({ "expires_in": 600 }));
    let nodes = TestApp::nodes(2, |_| ());
    let links: Vec<Link> = (0..25).map(|_| nodes[0].online(provider.origin(), 600)).collect();
    let keys: Vec<String> = links.iter().map(|link| nodes[0].service_key(link)).collect();

    for _ in 0..ROUNDS {
        for node in &nodes {
            node.advance(600);
        }
        std::thread::scope(|scope| {
            for node in &nodes {
                scope.spawn(|| node.run_background());
                scope.spawn(|| {
                    for (link, key) in links.iter().zip(&keys) {
                        assert_eq!(node.through(link, key, "/items").status, 200);
                    }
                });
            }
        });
        for node in &nodes {
            node.run_background();
        }
    }

    let sent = refreshes(&provider);
    assert_eq!(sent.iter().collect::<HashSet<_>>().len(), sent.len(), "no refresh token was sent twice");
    assert_eq!(sent.len(), links.len() * ROUNDS as usize);
    for link in &links {
        assert_eq!(status(&nodes[0], link), Status::Online);
    }
}

#[test]
fn o12_the_new_pair_is_stored_before_it_is_used() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    let key = app.service_key(&link);
    app.advance(3600);
    let before = app.held(&link);
    let items = || provider.requests().into_iter().find(|request| request.path == "/items");
    // Time to look at the database: while the provider refreshes, and while it serves the call.
    provider.answer("/token", Answer::AfterProcessing(Duration::from_millis(700)));
    provider.answer("/items", Answer::AfterProcessing(Duration::from_millis(1500)));

    std::thread::scope(|scope| {
        let call = scope.spawn(|| app.through(&link, &key, "/items"));
        until("the provider is asked for tokens", || refreshes(&provider).len() == 1);
        assert_eq!(app.connection(&link).status(), Status::Refreshing, "the attempt is on record before the call");
        assert!(items().is_none());

        until("the new access token is used", || items().is_some());
        let held = app.held(&link);
        assert!(!call.is_finished(), "the call is not answered yet");
        assert_ne!(held, before);
        assert_eq!(items().unwrap().header("authorization"), Some(format!("Bearer {}", held.0).as_str()));
        assert_eq!(provider.issued(), [held.0, held.1], "what is used is stored, with its refresh token");
        assert_eq!(call.join().unwrap().status, 200);
    });
}

#[test]
fn o12_a_refresh_that_was_cut_off_is_tried_once_more_and_then_asks_for_a_person() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    app.advance(3600);
    // A node claimed it, sent the request, and was killed.
    let now = app.now();
    let claim = Connection::claim(&mut app.database.connect(), link.id, Pace::Regular, now).unwrap();
    assert!(claim.is_some());
    drop(claim);
    app.run_background();
    assert_eq!(refreshes(&provider).len(), 0, "whoever claimed it may still be there");
    provider.answer("/token", Answer::json(400, json!({ "error": "invalid_grant", "error_description": "used" })));

    app.advance(15);
    app.run_background();
    app.advance(MINUTE);
    app.run_background();

    assert_eq!(refreshes(&provider).len(), 1, "not a second time with a token that is dead");
    assert_eq!(status(&app, &link), Status::NeedsAuthorization);
    let kinds: Vec<EventKind> = app.history(&link).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds[..2], [EventKind::Lost, EventKind::UnknownOutcome]);
}

#[test]
fn o12_a_caller_who_hangs_up_does_not_take_the_new_pair_along() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    let key = app.service_key(&link);
    app.advance(3600);
    provider.answer("/token", Answer::AfterProcessing(Duration::from_millis(600)));
    {
        use std::io::Write;
        let mut caller = std::net::TcpStream::connect(app.state.config.listen).unwrap();
        // What it is answered at once and never reads makes its end a sudden one, which the server notices.
        let call = format!(
            "POST /connect/{}/items HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 0\r\n\
             authorization: Bearer {key}\r\n\r\n",
            link.id
        );
        caller.write_all(call.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(300));
    }
    std::thread::sleep(Duration::from_millis(900));

    let (access, refresh) = app.held(&link);
    assert_eq!(provider.issued(), [access, refresh]);
    assert_eq!(refreshes(&provider).len(), 1);
}

#[test]
fn o13_an_answer_without_a_refresh_token_keeps_the_old_one() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    let (_, before) = app.held(&link);
    provider.tokens_with(json!({ "refresh_token": null }));

    app.let_it_be_due(&link);
    app.let_it_be_due(&link);

    assert_eq!(refreshes(&provider), [before.clone(), before.clone()]);
    assert_eq!(app.held(&link).1, before);
    assert_eq!(status(&app, &link), Status::Online);
}

#[test]
fn o13_an_oauth_error_stops_marks_and_keeps_what_is_stored() {
    for code in ["invalid_grant", "invalid_client", "unauthorized_client", "invalid_request", "invalid_scope"] {
        let (app, provider) = (TestApp::start(), Provider::start());
        let link = app.online(provider.origin(), 3600);
        let before = app.held(&link);
        let status_code = if code == "invalid_client" { 401 } else { 400 };
        let body = json!({ "error": code, "error_description": "no <b>more</b>", "access_token": null });
        provider.always("/token", Answer::json(status_code, body));

        app.let_it_be_due(&link);
        app.advance(24 * 60 * MINUTE);
        app.run_background();

        assert_eq!(refreshes(&provider).len(), 1, "{code}: it is not tried again");
        assert_eq!(status(&app, &link), Status::NeedsAuthorization);
        let connection = app.connection(&link);
        assert!(connection.reason.contains(code), "{}", connection.reason);
        assert!(connection.incident_since.is_some(), "somebody is told");
        assert_eq!(app.held(&link), before, "{code}: nothing stored is blanked");
        let key = app.service_key(&link);
        let call = app.through(&link, &key, "/items");
        assert_eq!(call.status, 503);
        assert!(call.body.contains("needs_authorization"), "{}", call.body);
    }
}

#[test]
fn o13_what_decides_nothing_is_tried_again_later() {
    let answers = [
        ("429", Answer::json(429, r#"{"error":"temporarily_unavailable"}"#).header("retry-after", "120"), 120),
        ("a date", Answer::json(429, "{}").header("retry-after", "Fri, 20 Nov 2026 12:05:00 GMT"), 60),
        ("500", Answer::json(500, r#"{"error":"server_error"}"#), 15),
        ("503", Answer::json(503, "busy").header("retry-after", "90"), 90),
        ("an error of its own", Answer::json(400, r#"{"error":"Too Many Requests","message":"x"}"#), 15),
        ("a page", Answer::json(403, "<html>blocked</html>"), 15),
        ("nobody there", Answer::Hangup, 15),
    ];
    for (what, answer, least) in answers {
        let (app, provider) = (TestApp::start(), Provider::start());
        let link = app.online(provider.origin(), 3600);
        let before = app.held(&link);
        provider.answer("/token", answer);

        app.let_it_be_due(&link);

        assert_eq!(status(&app, &link), Status::Retrying, "{what}");
        assert_eq!(app.held(&link), before, "{what}");
        let connection = app.connection(&link);
        let pause = connection.due_at.since(app.now());
        assert!(what == "a date" || (least..least + 20).contains(&pause), "{what}: {pause}");
        assert!(connection.incident_since.is_none(), "{what}: as long as the access token lasts, nobody is told");
        app.let_it_be_due(&link);
        assert_eq!(status(&app, &link), Status::Online, "{what}");
        assert_eq!(refreshes(&provider).len(), 2, "{what}");
    }
}

#[test]
fn o13_trouble_that_outlasts_the_access_token_is_told_once_and_its_end_once() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    provider.always("/token", Answer::json(503, "busy"));
    app.let_it_be_due(&link);
    let key = app.service_key(&link);
    for _ in 0..12 {
        app.let_it_be_due(&link);
    }
    let connection = app.connection(&link);
    assert!(connection.incident_since.is_some());
    let call = app.through(&link, &key, "/items");
    assert_eq!(call.status, 503);
    assert!(call.header("retry-after").is_some_and(|wait| wait.parse::<i64>().unwrap() <= 1125), "{call:?}");

    provider.always("/token", Answer::Own);
    app.let_it_be_due(&link);

    assert_eq!(status(&app, &link), Status::Online);
    assert_eq!(app.connection(&link).incident_since, None);
    assert_eq!(app.history(&link).iter().filter(|(kind, _)| *kind == EventKind::Recovered).count(), 1);
    assert_eq!(app.through(&link, &key, "/items").status, 200);
}

#[test]
fn one_host_that_fails_is_left_alone_for_all_its_connections() {
    let (app, provider, other) = (TestApp::start(), Provider::start(), Provider::start());
    let links: Vec<Link> = (0..90).map(|_| app.online(provider.origin(), 3600)).collect();
    let elsewhere = app.online(other.origin(), 3600);
    provider.always("/token", Answer::json(503, "busy"));
    app.advance(3600);

    for _ in 0..5 {
        app.run_background();
        app.advance(1);
    }

    // As many as were on their way at once when it began to fail, and hardly more.
    let asked = refreshes(&provider).len();
    assert!((5..60).contains(&asked), "{asked}");
    assert_eq!(status(&app, &elsewhere), Status::Online, "others are not affected");
    for link in &links {
        let connection = app.connection(link);
        assert_eq!(connection.status(), Status::Retrying, "also those that were not asked say so");
        assert!(connection.incident_since.is_some(), "and people are told");
    }
    provider.always("/token", Answer::Own);
    let all_online = || links.iter().all(|link| status(&app, link) == Status::Online);
    for _ in 0..60 {
        app.advance(60);
        app.run_background();
        if all_online() {
            break;
        }
    }
    assert!(all_online());
}

#[test]
fn o14_whoever_was_paused_for_too_long_overwrites_nothing() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    app.advance(3600);
    let now = app.now();
    let paused = Connection::claim(&mut app.database.connect(), link.id, Pace::Regular, now).unwrap().expect("claimed");
    app.advance(60);
    app.run_background();
    let newer = app.held(&link);

    let late: TokenReply = reply(json!({ "access_token": "late", "refresh_token": "late", "expires_in": 3600 }));
    let outcome = client_api_access::connections::Outcome::Issued(Box::new(late));
    let counted = paused
        .record_outcome(&mut app.database.connect(), &app.state.connections.transition_context(), &outcome, app.now())
        .unwrap();

    assert!(!counted);
    assert_eq!(app.held(&link), newer);
    let refused = client_api_access::connections::Outcome::Refused { message: "x".into() };
    assert!(
        !paused
            .record_outcome(
                &mut app.database.connect(),
                &app.state.connections.transition_context(),
                &refused,
                app.now()
            )
            .unwrap()
    );
    assert_eq!(status(&app, &link), Status::Online);
}

#[test]
fn a_reconnect_makes_the_refresh_that_is_on_its_way_count_for_nothing() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    app.advance(3600);
    let now = app.now();
    let claim = Connection::claim(&mut app.database.connect(), link.id, Pace::Regular, now).unwrap().expect("claimed");
    app.bring(&link, json!({ "access_token": "brought", "refresh_token": "brought-too", "expires_in": 3600 }));

    let outcome = client_api_access::connections::Outcome::Refused { message: "x".into() };
    assert!(
        !claim
            .record_outcome(
                &mut app.database.connect(),
                &app.state.connections.transition_context(),
                &outcome,
                app.now()
            )
            .unwrap()
    );

    assert_eq!(app.held(&link), ("brought".into(), "brought-too".into()));
    assert_eq!(status(&app, &link), Status::Online);
    assert_eq!(refreshes(&provider).len(), 0);
}

#[test]
fn s5_ciphertexts_that_are_swapped_fail_closed() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let (one, two) = (app.online(provider.origin(), 3600), app.online(provider.origin(), 3600));
    let mut conn = app.database.connect();
    let sealed = |conn: &mut _, link: &Link| {
        let row = connections::table.find(link.id).select((connections::access_token, connections::refresh_token));
        row.first::<(Option<Sealed>, Option<Sealed>)>(conn).unwrap()
    };
    let (first, second) = (sealed(&mut conn, &one), sealed(&mut conn, &two));
    for (link, (access, refresh)) in [(&one, second), (&two, first)] {
        diesel::update(connections::table.find(link.id))
            .set((connections::access_token.eq(access), connections::refresh_token.eq(refresh)))
            .execute(&mut conn)
            .unwrap();
    }
    let key = app.service_key(&one);

    let call = app.through(&one, &key, "/items");
    app.advance(3600);
    app.run_background();

    assert_eq!(call.status, 500, "{}", call.body);
    assert_eq!(provider.requests().len(), 0, "nothing is sent");
    for link in [&one, &two] {
        assert_eq!(status(&app, link), Status::NeedsAuthorization);
        assert!(app.connection(link).reason.contains("cannot be decrypted"), "{}", app.connection(link).reason);
    }
}

#[test]
fn a_paused_connection_is_only_kept_from_lapsing() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.link(provider.origin());
    app.bring(
        &link,
        json!({ "access_token": "a", "refresh_token": "r", "expires_in": 3600, "refresh_expires_in": 864000 }),
    );
    provider.tokens_with(json!({ "refresh_expires_in": 864_000 }));
    let key = app.service_key(&link);
    let connection = app.connection(&link);
    connection.pause(&mut app.database.connect(), "Ada", app.now()).unwrap();

    assert_eq!(app.through(&link, &key, "/items").status, 503);
    app.advance(3600 * 24 * 4);
    app.run_background();
    assert_eq!(refreshes(&provider).len(), 0, "not for its access token");
    app.advance(3600 * 24);
    app.run_background();
    assert_eq!(refreshes(&provider).len(), 1, "but before its refresh token lapses");
    assert_eq!(status(&app, &link), Status::Paused);

    app.connection(&link).resume(&mut app.database.connect(), "Ada", app.now()).unwrap();
    assert_eq!(app.through(&link, &key, "/items").status, 200);
}

#[test]
fn a_connection_without_a_refresh_token_says_when_it_has_ended() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.link(provider.origin());
    app.bring(&link, json!({ "access_token": "a", "expires_in": 3600 }));
    assert_eq!(status(&app, &link), Status::Online);

    app.advance(3600);
    app.run_background();

    assert_eq!(status(&app, &link), Status::NeedsAuthorization);
    assert!(app.connection(&link).reason.contains("no refresh token"), "{}", app.connection(&link).reason);
    assert!(app.connection(&link).due_at == Timestamp::NO_END && provider.requests().is_empty());
}

#[test]
fn s5_a_server_that_lacks_the_key_leaves_the_connection_as_it_is() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    let other = MasterKey::from_text("a key that no node of this test has got").unwrap();
    let place = Place::new("connections.refresh_token", link.id.0);
    let sealed = Vault::new(&other, None).seal("sealed by another node", place).unwrap();
    diesel::update(connections::table.find(link.id))
        .set(connections::refresh_token.eq(&sealed))
        .execute(&mut app.database.connect())
        .unwrap();

    app.let_it_be_due(&link);

    assert_eq!(status(&app, &link), Status::Retrying);
    assert!(app.connection(&link).last_error.contains("a key that this server does not have"));
    assert!(provider.requests().is_empty());
}
