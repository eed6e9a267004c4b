//! Our connections at servers that others wrote.

use std::collections::HashSet;

use client_api_access::connections::{EventKind, OAuthClient, OAuthClientFields, Status};
use client_api_access::schema::connections;
use diesel::prelude::*;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::outbound::{Link, SECRET, begin_authorization, other_server, verify_callback};
use crate::support::provider::NodeProvider;

// The provider has to know the redirect URI before it starts, and the client where the provider is.
fn connect_to(app: &TestApp, script: &str, seconds: &str) -> (Link, NodeProvider) {
    let link = app.link("http://127.0.0.1:9");
    let redirect_uri = format!("{}/settings/connections/callback/{}", app.origin(), link.callback);
    let settings = [
        ("CLIENT_ID", "ours"),
        ("CLIENT_SECRET", SECRET),
        ("REDIRECT_URI", redirect_uri.as_str()),
        ("ACCESS_TOKEN_SECONDS", seconds),
    ];
    let provider = NodeProvider::start(script, &settings);
    let origin = provider.origin.as_str();
    let oidc = script.starts_with("oidc");
    let fields = OAuthClientFields {
        name: "At another's".into(),
        authorize_url: format!("{origin}{}", if oidc { "/auth" } else { "/authorize" }),
        token_url: format!("{origin}/token"),
        revoke_url: if oidc { format!("{origin}/token/revocation") } else { String::new() },
        test_path: if oidc { "/me".into() } else { "/userinfo".into() },
        issuer: if oidc { origin.into() } else { String::new() },
        secret_in_header: oidc,
        ..other_server(origin)
    };
    let mut conn = app.database.connect();
    OAuthClient::change(&mut conn, link.client, &fields).unwrap();
    diesel::update(connections::table.find(link.id)).set(connections::scope.eq("openid")).execute(&mut conn).unwrap();
    (link, provider)
}

fn authorize(app: &TestApp, provider: &NodeProvider, link: &Link) -> crate::support::Page {
    let mut admin = app.admin();
    let callback = provider.walk(&begin_authorization(&mut admin, link));
    let fields: Vec<(String, String)> = url::Url::parse(&callback).unwrap().query_pairs().into_owned().collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    verify_callback(&mut admin, link, &fields);
    admin.open("/settings/profile")
}

fn refreshes(provider: &NodeProvider) -> Vec<Value> {
    provider.log().into_iter().filter(|entry| entry["grant_type"] == "refresh_token").collect()
}

fn status(app: &TestApp, link: &Link) -> Status {
    app.connection(link).status()
}

#[test]
#[ignore = "scripts/test providers runs it"]
fn a_connection_to_oidc_provider_lives_until_it_is_revoked_there_and_again_after_a_reconnect() {
    let app = TestApp::start();
    let (link, provider) = connect_to(&app, "oidc_provider.js", "3600");

    assert!(authorize(&app, &provider, &link).text().contains("is connected"));
    assert_eq!(app.connection(&link).account_name, "ada of Harbour & Pine");
    let key = app.service_key(&link);
    for _ in 0..3 {
        app.let_it_be_due(&link);
        assert_eq!(app.through(&link, &key, "/me").json()["sub"], "ada");
    }
    let sent: HashSet<String> = refreshes(&provider).iter().map(|entry| entry["refresh_token"].to_string()).collect();
    assert_eq!(sent.len(), 3, "each refresh token once");

    provider.control("revoke", "");
    // It was refreshed a moment ago, but the 401 says `invalid_token`.
    let call = app.through(&link, &key, "/me");
    assert_eq!(call.status, 503);
    assert!(call.body.contains("needs_authorization"), "{}", call.body);
    assert_eq!(status(&app, &link), Status::NeedsAuthorization);
    assert!(app.connection(&link).reason.contains("invalid_grant"), "{}", app.connection(&link).reason);

    assert!(authorize(&app, &provider, &link).text().contains("is connected"));
    assert_eq!(status(&app, &link), Status::Online);
    assert_eq!(app.through(&link, &key, "/me").json()["sub"], "ada", "the same connection, the same key");
    assert_eq!(app.history(&link)[0].0, EventKind::Recovered);
}

#[test]
#[ignore = "scripts/test providers runs it"]
fn o11_no_connection_is_lost_where_a_second_use_of_a_refresh_token_ends_the_grant() {
    const ROUNDS: usize = 4;
    let nodes = TestApp::nodes(2, |_| ());
    let app = &nodes[0];
    let (first, provider) = connect_to(app, "oidc_provider.js", "3600");
    let seeded = provider.control("seed?n=60", "");
    let mut conn = app.database.connect();
    let links: Vec<Link> = seeded
        .as_array()
        .unwrap()
        .iter()
        .map(|tokens| {
            let link = app.link("http://127.0.0.1:9");
            diesel::update(connections::table.find(link.id))
                .set(connections::oauth_client_id.eq(first.client))
                .execute(&mut conn)
                .unwrap();
            app.bring(
                &link,
                json!({ "access_token": tokens["access_token"],
                "refresh_token": tokens["refresh_token"], "expires_in": 3600 }),
            );
            link
        })
        .collect();
    let keys: Vec<String> = links.iter().map(|link| app.service_key(link)).collect();

    for _ in 0..ROUNDS {
        nodes.iter().for_each(|node| node.advance(3600));
        std::thread::scope(|scope| {
            for node in &nodes {
                scope.spawn(|| node.run_background());
                scope.spawn(|| {
                    for (link, key) in links.iter().zip(&keys) {
                        assert_eq!(node.through(link, key, "/me").status, 200);
                    }
                });
            }
        });
    }

    assert!(links.iter().all(|link| status(app, link) == Status::Online));
    let sent = refreshes(&provider);
    assert!(sent.iter().all(|entry| entry["status"] == 200), "{sent:?}");
    assert_eq!(sent.len(), links.len() * ROUNDS, "one for every expiry");
}

#[test]
#[ignore = "scripts/test providers runs it"]
fn o12_an_answer_that_never_arrives_is_a_recorded_unknown_outcome() {
    let app = TestApp::start();
    let (link, provider) = connect_to(&app, "oidc_provider.js", "3600");
    authorize(&app, &provider, &link);
    // It has rotated the token when our patience ends.
    provider.control("delay?ms=11000", "");

    app.let_it_be_due(&link);
    assert_eq!(status(&app, &link), Status::Retrying);
    assert_eq!(app.history(&link)[0].0, EventKind::UnknownOutcome);
    app.let_it_be_due(&link);

    // This provider takes the second use for a theft; it is not asked again.
    assert_eq!(status(&app, &link), Status::NeedsAuthorization);
    app.advance(24 * 3600);
    app.run_background();
    assert_eq!(refreshes(&provider).len(), 2);
}

#[test]
#[ignore = "scripts/test providers runs it"]
fn o4_o13_oauth2_mock_server_answers_oddly_and_the_connection_stays() {
    let app = TestApp::start();
    let (link, provider) = connect_to(&app, "mock_server.js", "3600");
    assert!(
        authorize(&app, &provider, &link).text().contains("is connected"),
        "no issuer is promised, none is asked for"
    );
    let (_, refresh) = app.held(&link);

    let oddities = [
        (r#"{"members": {"expires_in": "1800", "refresh_token": null, "token_type": "BEARER"}}"#, Status::Online),
        (r#"{"members": {"expires_in": null, "refresh_token": null}}"#, Status::Online),
        (r#"{"status": 503, "headers": {"content-type": "text/html"}, "body": "<h1>Busy</h1>"}"#, Status::Retrying),
        (r#"{"status": 200, "body": {"error": "temporarily_unavailable"}}"#, Status::Retrying),
        (r#"{"status": 400, "body": {"message": "what?"}}"#, Status::Retrying),
        (r#"{"status": 429, "headers": {"retry-after": "30"}, "body": {"error": "slow_down"}}"#, Status::Retrying),
        (r#"{"members": {"refresh_token": null}}"#, Status::Online),
    ];
    for (reply, expected) in oddities {
        provider.control("reply", reply);
        app.let_it_be_due(&link);
        assert_eq!(status(&app, &link), expected, "{reply}: {:?}", app.history(&link)[0]);
        assert_eq!(app.held(&link).1, refresh, "{reply}");
    }

    // Some servers say so with a 200.
    for refusal in [400, 200] {
        provider.control("reply", &format!(r#"{{"status": {refusal}, "body": {{"error": "invalid_grant"}}}}"#));
        app.let_it_be_due(&link);
        assert_eq!(status(&app, &link), Status::NeedsAuthorization, "{refusal}");
        authorize(&app, &provider, &link);
        assert_eq!(status(&app, &link), Status::Online, "{refusal}");
    }
}
