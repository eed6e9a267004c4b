//! Programs of the shop's own call through a connection, and never see its token.

use std::time::Duration;

use client_api_access::connections::ServiceKey;
use serde_json::json;

use crate::support::oauth::bearer;
use crate::support::outbound::Link;
use crate::support::provider::{Answer, Provider, Request};
use crate::support::{Browser, Page, TestApp};

struct Story {
    app: TestApp,
    provider: Provider,
    link: Link,
    key: String,
}

impl Story {
    fn begin() -> Story {
        let (app, provider) = (TestApp::start(), Provider::start());
        let link = app.online(provider.origin(), 3600);
        let key = app.service_key(&link);
        Story { app, provider, link, key }
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Page {
        let mut program = Browser::new(&format!("http://{}", self.app.state.config.listen));
        program.origin_header = None;
        let mut all = vec![bearer(&self.key)];
        all.extend(headers.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())));
        program.send(method, &format!("/connect/{}{path}", self.link.id), &all, body)
    }

    fn calls(&self) -> Vec<Request> {
        self.provider.requests().into_iter().filter(|request| request.path != "/token").collect()
    }
}

#[test]
fn a_call_goes_on_as_it_is_with_the_token_in_place_of_the_key() {
    let story = Story::begin();
    let answer = Answer::json(201, r#"{"id":7}"#)
        .header("x-ls-api-bucket-level", "1/90")
        .header("etag", "\"1\"")
        .header("set-cookie", "a=b")
        .header("content-security-policy", "script-src *")
        .header("connection", "x-odd");
    story.provider.answer("/API", answer);

    let headers = [
        ("content-type", "application/json"),
        ("if-match", "\"0\""),
        ("cookie", "session=1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("origin", "https://evil.example"),
    ];
    let page = story.send("PUT", "/API/V3/Item%2F7.json?load=all&q=%20a", &headers, r#"{"price":1}"#);

    assert_eq!((page.status, page.body.as_str()), (201, r#"{"id":7}"#));
    assert_eq!(page.header("x-ls-api-bucket-level"), Some("1/90"));
    assert_eq!(page.header("etag"), Some("\"1\""));
    assert_eq!(page.header("set-cookie"), None);
    assert_eq!(page.header("content-security-policy"), Some("default-src 'none'; sandbox"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let call = &story.calls()[0];
    assert_eq!((call.method.as_str(), call.path.as_str()), ("PUT", "/API/V3/Item%2F7.json?load=all&q=%20a"));
    assert_eq!(call.body, r#"{"price":1}"#);
    assert_eq!(call.header("authorization"), Some(format!("Bearer {}", story.app.held(&story.link).0).as_str()));
    assert_eq!(call.header("if-match"), Some("\"0\""));
    assert_eq!(call.header("content-type"), Some("application/json"));
    for kept in ["cookie", "x-forwarded-for", "origin"] {
        assert_eq!(call.header(kept), None, "{kept}");
    }
    assert!(call.header("user-agent").is_some(), "X-Series wants one");
}

#[test]
fn every_usual_method_goes_through_and_no_other() {
    let story = Story::begin();
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(story.send(method, "/items", &[], "").status, 200, "{method}");
    }
    for method in ["OPTIONS", "TRACE"] {
        let page = story.send(method, "/items", &[], "");
        assert_eq!(page.status, 405, "{method}");
        assert_eq!(page.header("allow"), Some("GET, POST, PUT, PATCH, DELETE"));
    }
    assert_eq!(story.calls().len(), 6);
}

#[test]
fn only_a_key_of_this_very_connection_opens_it() {
    let story = Story::begin();
    let other = story.app.online(story.provider.origin(), 3600);
    let others = story.app.service_key(&other);
    let mut wrong = story.key.clone();
    wrong.pop();
    let held = story.app.held(&story.link).0;

    for (key, status) in [(others.as_str(), 403), (wrong.as_str(), 401), (held.as_str(), 401), ("", 401)] {
        let page = story.app.through(&story.link, key, "/items");
        assert_eq!(page.status, status, "{}", page.body);
        assert!(status != 401 || page.header("www-authenticate").is_some());
        assert_eq!(page.header("content-type"), Some("application/json"));
    }
    let mut admin = story.app.admin();
    assert_eq!(admin.get(&format!("/connect/{}/items", story.link.id)).status, 401, "a sign-in is no key");
    let keys = ServiceKey::of_connection(&mut story.app.database.connect(), story.link.id).unwrap();
    ServiceKey::revoke(&mut story.app.database.connect(), story.link.id, keys[0].id).unwrap();
    assert_eq!(story.send("GET", "/items", &[], "").status, 401, "a revoked key is refused from the next call on");
    assert!(story.calls().is_empty());
}

#[test]
fn a_path_does_not_lead_out_of_the_api() {
    let story = Story::begin();
    for path in ["/..%2f..%2fadmin", "/a/%2e%2e/b", "/a%5c..%5cb", "/%2e"] {
        let page = story.send("GET", path, &[], "");
        assert_eq!(page.status, 400, "{path}: {}", page.body);
    }
    assert!(story.calls().is_empty());
    story.send("GET", "//evil.example/x", &[], "");
    assert_eq!(story.calls()[0].path, "/evil.example/x");
}

#[test]
fn after_a_401_it_refreshes_once_and_calls_once_more() {
    let story = Story::begin();
    story.provider.answer("/items", Answer::json(401, "{}"));

    let page = story.send("POST", "/items", &[], "the body");

    assert_eq!(page.status, 200, "{}", page.body);
    let calls = story.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1].body, "the body");
    assert_ne!(calls[0].header("authorization"), calls[1].header("authorization"));

    // A provider that refuses every token is not asked for new ones over and over.
    story.provider.always("/items", Answer::json(401, r#"{"error":"access_denied"}"#));
    for _ in 0..5 {
        let page = story.send("GET", "/items", &[], "");
        assert_eq!((page.status, page.body.as_str()), (401, r#"{"error":"access_denied"}"#));
    }
    let tokens = story.provider.requests().iter().filter(|request| request.path == "/token").count();
    assert_eq!(tokens, 1, "at most one within a few seconds");
    story.app.advance(13);
    assert_eq!(story.send("GET", "/items", &[], "").status, 401);
    let tokens = story.provider.requests().iter().filter(|request| request.path == "/token").count();
    assert_eq!(tokens, 2);
}

fn invalid_token() -> Answer {
    let challenge = r#"Bearer realm="api", error="invalid_token", error_description="gone, or never there""#;
    Answer::json(401, r#"{"error":"invalid_token"}"#).header("www-authenticate", challenge)
}

#[test]
fn after_a_401_that_says_invalid_token_it_refreshes_even_seconds_after_a_refresh() {
    let story = Story::begin();
    let refreshes = || story.provider.requests().iter().filter(|request| request.path == "/token").count();
    story.provider.answer("/items", Answer::json(401, "{}"));
    assert_eq!(story.send("GET", "/items", &[], "").status, 200);
    assert_eq!(refreshes(), 1);

    story.app.advance(1);
    story.provider.answer("/items", invalid_token());
    let page = story.send("POST", "/items", &[], "the body");
    assert_eq!((page.status, refreshes()), (200, 2));
    assert_eq!(story.calls().last().unwrap().body, "the body");

    // A provider that refuses every token is asked for new ones no more than five times a minute.
    story.provider.always("/items", invalid_token());
    for second in 0..60 {
        let page = story.send("GET", "/items", &[], "");
        assert_eq!(page.status, 401, "second {second}: {}", page.body);
        story.app.advance(1);
    }
    assert!((3..=5).contains(&refreshes()), "{}", refreshes());
}

#[test]
fn a_401_that_says_anything_else_is_passed_on_seconds_after_a_refresh() {
    for challenge in [
        r#"Bearer error="insufficient_scope", error_description="error=invalid_token""#,
        r#"Bearer realm="error=\"invalid_token\"""#,
        r#"Digest error="invalid_token""#,
        "Bearer",
    ] {
        let story = Story::begin();
        story.provider.answer("/items", Answer::json(401, "{}"));
        assert_eq!(story.send("GET", "/items", &[], "").status, 200);
        story.provider.always("/items", Answer::json(401, "{}").header("www-authenticate", challenge));

        assert_eq!(story.send("GET", "/items", &[], "").status, 401, "{challenge}");

        let tokens = story.provider.requests().iter().filter(|request| request.path == "/token").count();
        assert_eq!(tokens, 1, "{challenge}");
    }
}

#[test]
fn callers_that_get_a_401_together_share_one_early_refresh() {
    const CALLERS: usize = 8;
    let story = Story::begin();
    story.provider.answer("/items", Answer::json(401, "{}"));
    assert_eq!(story.send("GET", "/items", &[], "").status, 200);
    for _ in 0..CALLERS {
        story.provider.answer("/items", invalid_token());
    }
    // All of them have been refused when the new token arrives.
    story.provider.answer("/token", Answer::AfterProcessing(Duration::from_millis(1500)));

    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let calls: Vec<_> =
            (0..CALLERS).map(|_| scope.spawn(|| story.app.through(&story.link, &story.key, "/items").status)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });

    assert_eq!(statuses, [200; CALLERS]);
    let tokens = story.provider.requests().iter().filter(|request| request.path == "/token").count();
    assert_eq!(tokens, 2, "the one before, and one for all");
}

#[test]
fn a_provider_that_asks_to_wait_is_waited_for() {
    let story = Story::begin();
    story.provider.answer("/items", Answer::json(429, "{}").header("retry-after", "60"));

    assert_eq!(story.send("GET", "/items", &[], "").status, 429);
    let page = story.send("GET", "/items", &[], "");
    assert_eq!((page.status, page.header("retry-after")), (429, Some("60")));
    assert_eq!(story.calls().len(), 1, "it was not bothered again");
    story.app.advance(60);
    assert_eq!(story.send("GET", "/items", &[], "").status, 200);

    let date = Answer::json(429, json!({ "error": "Too Many Requests" }))
        .header("retry-after", "Fri, 20 Nov 2026 11:03:00 GMT");
    story.provider.answer("/items", date);
    assert_eq!(story.send("GET", "/items", &[], "").status, 429);
    assert_eq!(story.send("GET", "/items", &[], "").header("retry-after"), Some("120"));
}

#[test]
fn a_long_answer_is_passed_on_whole_and_a_long_body_refused() {
    let story = Story::begin();
    let long = "x".repeat(5 * 1024 * 1024);
    story.provider.answer("/items", Answer::json(200, &long));
    assert_eq!(story.send("GET", "/items", &[], "").body.len(), long.len());

    let body = "y".repeat(10 * 1024 * 1024 + 1);
    assert_eq!(story.send("POST", "/items", &[], &body).status, 413);
    assert_eq!(story.calls().len(), 1);
}

#[test]
fn a_provider_that_is_not_there_is_told_from_one_that_says_no() {
    let story = Story::begin();
    story.provider.answer("/items", Answer::Hangup);
    let page = story.send("GET", "/items", &[], "");
    assert_eq!(page.status, 502);
    assert!(page.body.contains("provider_unreachable"), "{}", page.body);
    story.provider.answer("/items", Answer::json(403, r#"{"error":"no"}"#));
    assert_eq!(story.send("GET", "/items", &[], "").status, 403);

    story.app.run_background();
    assert_eq!(story.app.connection(&story.link).last_used_at, story.app.now());
    let keys = ServiceKey::of_connection(&mut story.app.database.connect(), story.link.id).unwrap();
    assert_eq!(keys[0].last_used_at, story.app.now());
}
