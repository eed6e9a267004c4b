//! To a provider and back: what comes back counts only where it set out from (rows O1 to O5, and O15).

use client_api_access::connections::{ApiType, EventKind, Hosts};
use client_api_access::id::OAuthClientKey;
use client_api_access::scopes::Role;
use client_api_access::time::MINUTE;
use diesel::prelude::*;
use serde_json::json;

use crate::support::oauth::{challenge, mark_lightspeed_approved};
use crate::support::outbound::{Link, begin_authorization, other_server, parameter, verify_callback};
use crate::support::provider::{Answer, Provider};
use crate::support::{Browser, TestApp};

fn token_requests(provider: &Provider) -> usize {
    provider.requests().iter().filter(|request| request.path.starts_with("/token")).count()
}

fn says(browser: &mut Browser, words: &str) {
    let page = browser.open("/settings/profile");
    assert!(page.text().contains(words), "{words:?} is missing in {}", page.text());
}

fn is_refused(browser: &mut Browser, link: &Link, fields: &[(&str, &str)], provider: &Provider) {
    let answer = verify_callback(browser, link, fields);
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("authorize it again"), "{}", answer.text());
    assert_eq!(token_requests(provider), 0, "no token request left");
}

#[test]
fn a_person_connects_and_the_connection_holds_what_they_brought() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let (mut admin, person) = app.sign_in_as(Role::Admin);
    let link = app.link(provider.origin());
    provider.always("/me", Answer::json(200, json!({ "sub": "797", "name": "Harbour & Pine" })));

    let there = begin_authorization(&mut admin, &link);
    let state = parameter(&there, "state");
    assert!(there.starts_with(&format!("{}/authorize?", provider.origin())), "{there}");
    assert_eq!(parameter(&there, "scope"), "employee:inventory employee:register_read");
    assert_eq!(parameter(&there, "code_challenge_method"), "S256");
    let redirect_uri = format!("{}/settings/connections/callback/{}", app.origin(), link.callback);
    assert_eq!(parameter(&there, "redirect_uri"), redirect_uri);
    let back = verify_callback(&mut admin, &link, &[("code", "the-code"), ("state", &state)]);

    assert_eq!((back.status, back.location()), (303, format!("/settings/connections/{}", link.id)));
    says(&mut admin, "is connected");
    let asked = provider.requests();
    let token = asked.iter().find(|request| request.path == "/token").expect("a token request");
    assert_eq!(token.field("grant_type").as_deref(), Some("authorization_code"));
    assert_eq!(token.field("code").as_deref(), Some("the-code"));
    assert_eq!(token.field("redirect_uri").as_deref(), Some(redirect_uri.as_str()));
    let verifier = token.field("code_verifier").expect("a verifier");
    assert_eq!(challenge(&verifier), parameter(&there, "code_challenge"));
    let connection = app.connection(&link);
    assert_eq!(connection.account_name, "Harbour & Pine");
    assert_eq!(connection.authorized_by, Some(person.id));
    assert_eq!(connection.needs_authorization_since, None);
    let (access, refresh) = app.held(&link);
    assert_eq!([access, refresh].to_vec(), provider.issued());
    assert_eq!(app.history(&link)[0], (EventKind::Authorized, "The account is Harbour & Pine.".into()));
}

#[test]
fn o1_what_comes_back_without_a_state_of_this_browser_is_refused_before_any_request() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let mut admin = app.admin();
    let (link, other) = (app.link(provider.origin()), app.link(provider.origin()));

    is_refused(&mut admin, &link, &[("code", "c")], &provider);
    is_refused(&mut admin, &link, &[("code", "c"), ("state", "")], &provider);
    is_refused(&mut admin, &link, &[("code", "c"), ("state", "nobodys")], &provider);

    // Another client's redirect URI; the state is spent by it.
    let state = parameter(&begin_authorization(&mut admin, &link), "state");
    is_refused(&mut admin, &other, &[("code", "c"), ("state", &state)], &provider);
    is_refused(&mut admin, &link, &[("code", "c"), ("state", &state)], &provider);

    let state = parameter(&begin_authorization(&mut admin, &link), "state");
    app.advance(10 * MINUTE);
    is_refused(&mut admin, &link, &[("code", "c"), ("state", &state)], &provider);

    // Another sign-in of the very same browser.
    let state = parameter(&begin_authorization(&mut admin, &link), "state");
    let mut nobody = app.browser();
    is_refused(&mut nobody, &link, &[("code", "c"), ("state", &state)], &provider);
    let mut manager = app.manager();
    is_refused(&mut manager, &link, &[("code", "c"), ("state", &state)], &provider);

    // None of those spent it; used once, it is.
    assert_eq!(verify_callback(&mut admin, &link, &[("error", "access_denied"), ("state", &state)]).status, 303);
    is_refused(&mut admin, &link, &[("code", "c"), ("state", &state)], &provider);
    assert!(app.connection(&link).needs_authorization_since.is_some());
}

#[test]
fn o2_what_one_admin_starts_another_cannot_finish() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let mut ada = app.admin();
    let bo = app.shop().employee("Bo Other", Role::Admin);
    let mut bo = app.sign_in(&bo);
    let link = app.link(provider.origin());

    let state = parameter(&begin_authorization(&mut ada, &link), "state");

    is_refused(&mut bo, &link, &[("code", "c"), ("state", &state)], &provider);
    // The same person in another browser is another session too.
    let ada_again = app.shop().employee("Ada Twice", Role::Admin);
    let (mut first, mut second) = (app.sign_in(&ada_again), app.sign_in(&ada_again));
    let own = parameter(&begin_authorization(&mut first, &link), "state");
    is_refused(&mut second, &link, &[("code", "c"), ("state", &own)], &provider);
    // Whoever started it can still finish it.
    assert_eq!(verify_callback(&mut ada, &link, &[("code", "c"), ("state", &state)]).status, 303);
    assert_eq!(token_requests(&provider), 1);
}

// Our own authorization server, as the provider of another.
fn our_own(app: &TestApp, provider: &TestApp, integrations: usize) -> Vec<Link> {
    (0..integrations)
        .map(|n| {
            let integration = provider.shop().integration(&format!("Till {n}"));
            let origin = provider.origin();
            let mut fields = other_server(origin);
            fields.client_id = integration.client_id.clone();
            fields.authorize_url = format!("{origin}/auth/oauth/authorize");
            fields.token_url = format!("{origin}/auth/oauth/token");
            fields.revoke_url = format!("{origin}/auth/oauth/revoke");
            fields.test_path = "/API/V3/Account.json".into();
            fields.issuer = origin.into();
            let link = app.link_of((ApiType::Other, &fields), "");
            change_secret(app, link.client, &integration.secret);
            let uri = format!("{}/settings/connections/callback/{}", app.origin(), link.callback);
            provider.shop().redirect_uri(&integration, &uri);
            link
        })
        .collect()
}

fn change_secret(app: &TestApp, client: OAuthClientKey, secret: &str) {
    use client_api_access::connections::OAuthClient;
    OAuthClient::change_secret(&mut app.database.connect(), &app.state.connections.vault, client, secret, app.now())
        .unwrap();
}

// Through the provider's pages: sign in, consent; the address it sends the browser back to.
fn consent(provider: &TestApp, there: &str) -> String {
    let mut owner = provider.admin();
    let page = owner.open(there.strip_prefix(provider.origin()).expect("an address of the provider"));
    mark_lightspeed_approved(&mut owner, &page).location()
}

fn query_of(address: &str) -> Vec<(String, String)> {
    url::Url::parse(address).unwrap().query_pairs().into_owned().collect()
}

#[test]
fn our_own_server_is_a_provider_like_any_other() {
    let (app, provider) = (TestApp::start(), TestApp::start());
    let mut admin = app.admin();
    let link = our_own(&app, &provider, 1).remove(0);

    let back = consent(&provider, &begin_authorization(&mut admin, &link));
    let fields = query_of(&back);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(verify_callback(&mut admin, &link, &fields).status, 303);

    says(&mut admin, "is connected");
    assert_eq!(app.connection(&link).account_name, "Harbour & Pine");
    let first = app.held(&link);
    provider.advance(3600);
    app.let_it_be_due(&link);
    let second = app.held(&link);
    assert_ne!(first, second);
    let key = app.service_key(&link);
    let answer = app.through(&link, &key, "/API/V3/Account.json");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("Harbour &") || answer.body.contains("Harbour \\u0026"), "{}", answer.body);
}

#[test]
fn o3_codes_of_two_connections_that_are_swapped_are_refused() {
    let (app, provider) = (TestApp::start(), TestApp::start());
    let mut admin = app.admin();
    let links = our_own(&app, &provider, 1);
    // Two connections of one client: only state and verifier tell them apart.
    let client = links[0].client;
    let twin = app.link(provider.origin());
    let mut conn = app.database.connect();
    diesel::update(client_api_access::schema::connections::table.find(twin.id))
        .set(client_api_access::schema::connections::oauth_client_id.eq(client))
        .execute(&mut conn)
        .unwrap();
    let twin = Link { callback: links[0].callback.clone(), ..twin };
    let mine = query_of(&consent(&provider, &begin_authorization(&mut admin, &links[0])));
    let its = query_of(&consent(&provider, &begin_authorization(&mut admin, &twin)));
    let of = |pairs: &[(String, String)], name: &str| {
        pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap()
    };

    let iss = of(&mine, "iss");
    for (code, state) in [(of(&its, "code"), of(&mine, "state")), (of(&mine, "code"), of(&its, "state"))] {
        let fields = [("code", code.as_str()), ("state", state.as_str()), ("iss", iss.as_str())];
        assert_eq!(verify_callback(&mut admin, &links[0], &fields).status, 303);
        says(&mut admin, "The provider refused the code: invalid_grant");
    }

    for link in [&links[0], &twin] {
        assert!(app.connection(link).needs_authorization_since.is_some());
        assert!(!app.connection(link).can_refresh());
    }
}

#[test]
fn o4_an_issuer_that_is_wrong_or_missing_is_refused() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let mut admin = app.admin();
    let issuer = provider.origin().to_string();
    let mut fields = other_server(provider.origin());
    fields.issuer = issuer.clone();
    let link = app.link_of((ApiType::Other, &fields), "");

    for iss in [None, Some(""), Some("https://evil.example"), Some(&format!("{issuer}/")), Some(&issuer.to_uppercase())]
    {
        let state = parameter(&begin_authorization(&mut admin, &link), "state");
        let mut fields = vec![("code", "c"), ("state", state.as_str())];
        fields.extend(iss.map(|iss: &str| ("iss", iss)));
        assert_eq!(verify_callback(&mut admin, &link, &fields).status, 303);
        says(&mut admin, "came from a different server than expected");
        assert_eq!(token_requests(&provider), 0, "{iss:?}");
    }

    let state = parameter(&begin_authorization(&mut admin, &link), "state");
    verify_callback(&mut admin, &link, &[("code", "c"), ("state", &state), ("iss", &issuer)]);
    assert_eq!(token_requests(&provider), 1);
}

#[test]
fn o5_the_words_of_a_provider_are_shown_escaped_and_change_nothing() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let mut admin = app.admin();
    let link = app.online(provider.origin(), 3600);
    let before = app.held(&link);

    let state = parameter(&begin_authorization(&mut admin, &link), "state");
    let evil = "<script>alert(1)</script>\u{202e}<img src=x onerror=alert(2)>";
    verify_callback(&mut admin, &link, &[("error", evil), ("error_description", evil), ("state", &state)]);
    let page = admin.open("/settings/profile");

    assert!(page.body.contains("&#60;script&#62;"), "{}", page.body);
    assert!(!page.body.contains("<script>alert") && !page.body.contains("<img") && !page.body.contains('\u{202e}'));
    assert!(page.text().contains("Nothing was changed"), "{}", page.text());
    assert_eq!(app.held(&link), before);
    assert_eq!(token_requests(&provider), 0);
    assert_eq!(app.history(&link)[0].0, EventKind::NotAuthorized);
}

#[test]
fn o7_an_x_series_answer_for_another_domain_prefix_is_refused() {
    let provider = Provider::start();
    let origin = provider.origin().to_string();
    // One server for every retailer: what the pattern would be is tested beside the code.
    let hosts = Hosts { x_series: origin.clone(), x_series_retailer: origin.clone(), ..Hosts::default() };
    let app = TestApp::start_with(|config| config.hosts = hosts);
    let mut admin = app.admin();
    let link = app.link_of((ApiType::XSeries, &other_server(&origin)), "harbour-pine");
    provider
        .always("/api/2.0/retailer", Answer::json(200, json!({ "data": { "id": "b-1", "name": "Harbour & Pine" } })));

    let there = begin_authorization(&mut admin, &link);
    assert!(there.starts_with(&format!("{origin}/connect?")), "{there}");
    assert!(parameter(&there, "state").len() >= 8);
    let state = parameter(&there, "state");
    let other = [("code", "c"), ("state", state.as_str()), ("domain_prefix", "evil.example/")];
    verify_callback(&mut admin, &link, &other);
    says(&mut admin, "another domain prefix");
    assert_eq!(provider.requests().len(), 0);

    let state = parameter(&begin_authorization(&mut admin, &link), "state");
    provider.tokens_with(json!({ "domain_prefix": "somebody-else" }));
    verify_callback(&mut admin, &link, &[("code", "c"), ("state", &state), ("domain_prefix", "harbour-pine")]);
    says(&mut admin, "for another domain prefix");
    assert!(!app.connection(&link).can_refresh());

    let state = parameter(&begin_authorization(&mut admin, &link), "state");
    provider.tokens_with(json!({ "domain_prefix": "harbour-pine" }));
    verify_callback(&mut admin, &link, &[("code", "c"), ("state", &state), ("domain_prefix", "harbour-pine")]);
    assert_eq!(app.connection(&link).account_name, "Harbour & Pine");
    let token = provider.requests().into_iter().rfind(|request| request.path == "/api/1.0/token").expect("asked");
    assert_eq!(token.field("client_id").as_deref(), Some("ours"), "in the body, as X-Series wants it");
}
