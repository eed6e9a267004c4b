//! A provider that refuses to refresh in its own way: retried for a while, then somebody has to authorize again, and the
//! page says what was answered.

use client_api_access::connections::{EventKind, Status};
use client_api_access::schema::connections;
use client_api_access::secrets::sealed::Sealed;
use client_api_access::time::MINUTE;
use diesel::prelude::*;
use serde_json::json;

use crate::support::connections::connection_path;
use crate::support::outbound::{Link, SECRET};
use crate::support::provider::{Answer, Provider};
use crate::support::{Page, TestApp};

fn refreshes(provider: &Provider) -> usize {
    provider.requests().iter().filter(|request| request.path == "/token").count()
}

fn page(app: &TestApp, link: &Link) -> Page {
    app.admin().open(&connection_path(link.id))
}

// Refreshes until it needs authorization, at most 20 times; how many were sent, and how long it took.
fn until_lost(app: &TestApp, provider: &Provider, link: &Link) -> (usize, i64) {
    let sent = refreshes(provider);
    app.let_it_be_due(link);
    let first = app.now();
    for _ in 0..20 {
        if app.connection(link).status() == Status::NeedsAuthorization {
            break;
        }
        app.let_it_be_due(link);
    }
    (refreshes(provider) - sent, app.now().since(first))
}

#[test]
fn refusals_without_an_oauth_error_end_in_needing_authorization() {
    let answers = [
        ("an empty body", Answer::json(400, ""), "answered 400 with an empty body"),
        ("a text", Answer::json(400, "no such grant"), "answered 400 with “no such grant”"),
        ("JSON", Answer::json(422, json!({ "message": "what?" })), "answered 422 with “{\"message\":\"what?\"}”"),
        ("a page", Answer::json(404, "<html><p>Not here</p></html>"), "answered 404 with HTML or XML"),
        (
            "a code of its own",
            Answer::json(400, json!({ "error": "GrantGone" })),
            "answered 400 with the unknown error GrantGone",
        ),
        ("a permanent redirect", Answer::json(308, ""), "redirected the token request permanently (308)"),
        ("an older permanent redirect", Answer::json(301, "moved"), "redirected the token request permanently (301)"),
        (
            "200 with a code of its own",
            Answer::json(200, json!({ "error": "bad_refresh_token" })),
            "answered 200 with the unknown error bad_refresh_token",
        ),
        (
            "200 with an error that is an object",
            Answer::json(200, json!({ "error": { "code": 7 } })),
            "answered 200 with “{\"error\":{\"code\":7}}”",
        ),
    ];
    for (what, answer, words) in answers {
        let (app, provider) = (TestApp::start(), Provider::start());
        let link = app.online(provider.origin(), 3600);
        let before = app.held(&link);
        provider.always("/token", answer);

        app.let_it_be_due(&link);
        assert_eq!(app.connection(&link).status(), Status::Retrying, "{what}");
        assert!(page(&app, &link).text().contains(words), "{what}: {}", page(&app, &link).text());
        let (sent, seconds) = until_lost(&app, &provider, &link);

        assert_eq!(app.connection(&link).status(), Status::NeedsAuthorization, "{what}");
        assert!(sent + 1 >= 5 && sent < 10, "{what}: {sent}");
        assert!((10 * MINUTE..30 * MINUTE).contains(&seconds), "{what}: {seconds}");
        assert_eq!(app.history(&link)[0].0, EventKind::Lost, "{what}");
        let text = page(&app, &link).text();
        assert!(text.contains("refused to refresh the tokens") && text.contains(words), "{what}: {text}");
        assert_eq!(app.held(&link), before, "{what}: nothing stored is blanked");
        let sent = refreshes(&provider);
        app.advance(24 * 60 * MINUTE);
        app.run_background();
        assert_eq!(refreshes(&provider), sent, "{what}: it is not tried again");
    }
}

#[test]
fn an_oauth_error_with_status_200_needs_authorization_at_once() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    provider.always("/token", Answer::json(200, json!({ "error": "invalid_grant", "access_token": null })));

    app.let_it_be_due(&link);

    assert_eq!(app.connection(&link).status(), Status::NeedsAuthorization);
    assert_eq!(page(&app, &link).texts("details.answer code"), ["invalid_grant"]);
    assert_eq!(refreshes(&provider), 1);
}

#[test]
fn a_moved_token_url_is_to_be_corrected_first() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    provider.always("/token", Answer::json(308, ""));

    until_lost(&app, &provider, &link);

    let shown = page(&app, &link);
    assert!(shown.text().contains("Its token URL has moved: check the app credentials"), "{}", shown.text());
    assert!(shown.link_in(".notice", "Edit app credentials").is_some());
}

#[test]
fn many_refusals_within_minutes_are_not_enough() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    provider.always("/token", Answer::json(400, ""));
    let mut admin = app.admin();

    for _ in 0..8 {
        let csrf = admin.csrf();
        admin.post(&format!("{}/refresh", connection_path(link.id)), &[("csrf", &csrf)]);
        app.advance(80);
    }

    assert!(refreshes(&provider) >= 5, "{}", refreshes(&provider));
    assert_eq!(app.connection(&link).status(), Status::Retrying);
}

#[test]
fn answers_that_may_pass_neither_count_nor_let_earlier_ones_count() {
    for passing in [
        Answer::json(302, ""),
        Answer::json(307, ""),
        Answer::json(200, json!({ "error": "temporarily_unavailable" })),
        Answer::json(408, ""),
        Answer::json(425, ""),
        Answer::json(429, ""),
        Answer::json(503, ""),
        Answer::json(403, "come back").header("retry-after", "5"),
        Answer::json(400, json!({ "error": "temporarily_unavailable" })),
    ] {
        let (app, provider) = (TestApp::start(), Provider::start());
        let link = app.online(provider.origin(), 3600);
        for _ in 0..5 {
            provider.answer("/token", Answer::json(400, ""));
        }
        for _ in 0..10 {
            provider.answer("/token", passing.clone());
        }

        for _ in 0..30 {
            app.let_it_be_due(&link);
            if refreshes(&provider) == 15 {
                break;
            }
        }
        assert_eq!(refreshes(&provider), 15);
        assert_eq!(app.connection(&link).status(), Status::Retrying, "{:?}", app.history(&link)[0]);
        provider.answer("/token", Answer::json(400, ""));
        app.let_it_be_due(&link);
        app.let_it_be_due(&link);

        assert_eq!(app.connection(&link).status(), Status::Online, "the count began anew");
    }
}

#[test]
fn no_page_shows_a_secret_that_the_provider_sent_back() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    let refresh_token = app.held(&link).1;
    let escaped = SECRET.replace('/', "\\/");
    let bodies = [
        (format!("bad {refresh_token} of {SECRET}"), "“bad *** of ***”"),
        (format!(r#"{{"message":"bad {escaped}"}}"#), "“{\"message\":\"bad ***\"}”"),
        (r#"{"access_token":"short-new"}"#.into(), "not shown"),
        ("unknown key 9f86d081884c7d659a2feaa0c55ad015".into(), "“unknown key ***”"),
    ];
    for (body, words) in bodies {
        provider.answer("/token", Answer::json(400, &body));
        app.let_it_be_due(&link);

        let shown = page(&app, &link);
        assert!(shown.text().contains(words), "{body}: {}", shown.text());
        for secret in [refresh_token.as_str(), SECRET, &escaped, "short-new", "9f86d081884c"] {
            assert!(!shown.text().contains(secret) && !shown.body.contains(secret), "{body}");
        }
    }
}

#[test]
fn tokens_that_this_server_cannot_decrypt_are_not_called_a_refusal_of_the_provider() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let (one, two) = (app.online(provider.origin(), 3600), app.online(provider.origin(), 3600));
    let mut conn = app.database.connect();
    // Sealed for another row, so that it does not open here.
    let other: Option<Sealed> =
        connections::table.find(two.id).select(connections::refresh_token).first(&mut conn).unwrap();
    diesel::update(connections::table.find(one.id))
        .set(connections::refresh_token.eq(other))
        .execute(&mut conn)
        .unwrap();

    app.let_it_be_due(&one);

    assert_eq!(app.connection(&one).status(), Status::NeedsAuthorization);
    let text = page(&app, &one).text();
    assert!(text.contains("The stored tokens cannot be decrypted with this server"), "{text}");
    assert!(!text.contains("refused"), "{text}");
    let sent = provider.requests();
    assert!(sent.iter().all(|request| request.field("refresh_token") != Some(app.held(&two).1)), "not sent");
}
