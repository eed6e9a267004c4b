//! The token endpoint under attack: whose code, whose secret, how often, and in which shape. Rows T of the checks.

use base64::Engine;
use std::time::{Duration, Instant};

use client_api_access::resource_servers::ResourceServer;
use client_api_access::schema::client_secrets;
use client_api_access::scopes::Role;
use client_api_access::secrets::{GrantPart, PlainToken, TokenHash, TokenKind};
use client_api_access::time::DAY;
use diesel::prelude::*;

use crate::support::oauth::{Integration, Pair, Pkce, bearer, encode, pair, refusal, value};
use crate::support::{Browser, Database, PASSWORD, Page, Server, TestApp, client_path};

const TOKEN: &str = "/auth/oauth/token";
const INTROSPECT: &str = "/auth/oauth/introspect";

fn json(fields: &[(&str, &str)]) -> (String, String) {
    let members: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
    ("application/json".into(), format!("{{{}}}", members.join(",")))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn form(fields: &[(&str, &str)]) -> (String, String) {
    ("application/x-www-form-urlencoded".into(), encode(fields))
}

fn multipart(fields: &[(&str, &str)]) -> (String, String) {
    let part = |(name, value): &(&str, &str)| {
        format!("--parts\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts: String = fields.iter().map(part).collect();
    ("multipart/form-data; boundary=parts".into(), format!("{parts}--parts--\r\n"))
}

fn post(app: &TestApp, (content_type, body): &(String, String)) -> Page {
    app.program().post_body(TOKEN, content_type, body)
}

// What every answer of the endpoint must be, whatever it says.
fn is_well_formed(page: &Page) {
    assert_eq!(page.header("cache-control"), Some("no-store"), "{}", page.body);
    assert_eq!(page.header("pragma"), Some("no-cache"), "{}", page.body);
    assert_eq!(page.header("content-type"), Some("application/json"), "{}", page.body);
    if page.status == 200 {
        return;
    }
    let body = page.json();
    let object = body.as_object().unwrap();
    assert!(object.contains_key("error") && object.contains_key("error_description"), "{body}");
    for (name, text) in object {
        let text = text.as_str().unwrap();
        assert!(["error", "error_description", "hint"].contains(&name.as_str()), "{name}");
        let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(text.bytes().all(allowed), "{name}: {text:?}");
    }
}

fn is_refused(page: &Page, status: u16, error: &str, what: &str) {
    is_well_formed(page);
    let (answered, code, hint) = refusal(page);
    assert_eq!((answered, code.as_str()), (status, error), "{what}: {hint}");
}

fn with<'a>(fields: &[(&'a str, &'a str)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let kept = fields.iter().filter(|(own, _)| *own != name).copied();
    kept.chain([(name, value)]).filter(|(_, value)| !value.is_empty()).collect()
}

fn basic(id: &str, secret: &str) -> (String, String) {
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    ("authorization".into(), format!("Basic {text}"))
}

// A POST of a form with one more header.
fn post_with(app: &TestApp, path: &str, header: (String, String), fields: &[(&str, &str)]) -> Page {
    let mut program = app.program();
    program.headers.push(header);
    program.post(path, fields)
}

fn tokens(app: &TestApp) -> i64 {
    app.shop().number("SELECT (SELECT COUNT(*) FROM refresh_tokens) + (SELECT COUNT(*) FROM access_tokens)")
}

fn is_revoked(app: &TestApp, integration: &Integration, pair: &Pair) {
    let about = post_with(app, INTROSPECT, integration.basic(), &[("token", &pair.access_token)]);
    assert_eq!((about.status, about.body.as_str()), (200, "{\"active\":false}"));
    assert_eq!(app.call("/oauth/userinfo", &pair.access_token).status, 401);
    is_refused(&integration.refresh(app, &pair.refresh_token), 400, "invalid_grant", "its refresh token");
}

#[test]
fn t1_json_form_and_multipart_bodies_are_answered_alike() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();

    for shape in [json, form, multipart] {
        let (code, pkce) = integration.code(&mut browser);
        let first = post(&app, &shape(&integration.code_request(&code, &pkce.verifier)));
        let held = pair(&first);
        let second = post(&app, &shape(&integration.refresh_request(&held.refresh_token)));
        for answer in [first, second] {
            is_well_formed(&answer);
            let body = answer.json();
            let mut members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
            members.sort_unstable();
            assert_eq!(members, ["access_token", "expires_in", "refresh_token", "token_type"]);
            assert_eq!((&body["token_type"], &body["expires_in"]), (&"Bearer".into(), &3600.into()));
        }
        assert!(app.works(&held.access_token));
    }

    let (code, pkce) = integration.code(&mut browser);
    let code_request = integration.code_request(&code, &pkce.verifier);
    let held = integration.grant(&app, &mut browser);
    let refresh_request = integration.refresh_request(&held.refresh_token);
    let unknown = PlainToken::generate(TokenKind::RefreshToken);
    let before = tokens(&app);
    for (fields, status, error) in [
        (with(&code_request, "grant_type", ""), 400, "invalid_request"),
        (with(&code_request, "grant_type", "password"), 400, "unsupported_grant_type"),
        (with(&code_request, "code", ""), 400, "invalid_request"),
        (with(&code_request, "code", "no-such-code"), 400, "invalid_grant"),
        (with(&code_request, "code", "café \"\\ \u{1F511}"), 400, "invalid_grant"),
        (with(&code_request, "redirect_uri", "https://evil.example/"), 400, "invalid_grant"),
        (with(&code_request, "code_verifier", "short"), 400, "invalid_request"),
        (with(&code_request, "code_verifier", ""), 400, "invalid_grant"),
        (with(&code_request, "client_id", ""), 401, "invalid_client"),
        (with(&code_request, "client_secret", "wrong"), 401, "invalid_client"),
        (with(&refresh_request, "refresh_token", ""), 400, "invalid_request"),
        (with(&refresh_request, "refresh_token", "nonsense"), 400, "invalid_grant"),
        (with(&refresh_request, "refresh_token", unknown.expose()), 400, "invalid_grant"),
        (with(&refresh_request, "scope", "employee:everything"), 400, "invalid_scope"),
        (with(&refresh_request, "scope", "employee:admin"), 400, "invalid_scope"),
        ([&code_request[..], &[("scope", "a"), ("scope", "a")]].concat(), 400, "invalid_request"),
        ([&code_request[..], &code_request[..]].concat(), 400, "invalid_request"),
        (vec![("nothing", "of it")], 401, "invalid_client"),
    ] {
        let answers = [json, form, multipart].map(|shape| post(&app, &shape(&fields)));
        for answer in &answers {
            is_refused(answer, status, error, &format!("{fields:?}"));
            assert_eq!(answer.body, answers[0].body, "{fields:?}");
        }
    }
    assert_eq!(tokens(&app), before, "nothing was issued by any of it");
}

#[test]
fn t1_an_error_never_repeats_a_character_that_the_rfc_does_not_allow() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let names = ["a\r\nSet-Cookie: x=1", "tab\t", "quote\"", "back\\slash", "é\u{1b}[31m", "\u{202E}", "🔑"];

    for name in names {
        let twice = [(name, "1"), (name, "2")];
        for body in [form(&twice), json(&twice), json(&[("client_id", &integration.client_id), (name, "\0")])] {
            let page = post(&app, &body);
            is_refused(&page, 400, "invalid_request", name);
            assert!(page.header("set-cookie").is_none());
        }
        let number = format!("{{{}:1}}", quoted(name));
        is_refused(&post(&app, &("application/json".into(), number)), 400, "invalid_request", name);
        let scope = [("scope", name), ("grant_type", name), ("code", name), ("refresh_token", name)];
        let page = post_with(&app, TOKEN, integration.basic(), &scope);
        is_refused(&page, 400, "unsupported_grant_type", name);
        let page = post_with(&app, TOKEN, integration.basic(), &with(&scope, "grant_type", "refresh_token"));
        is_refused(&page, 400, "invalid_grant", name);
    }
}

#[test]
fn t2_a_code_used_twice_revokes_what_it_issued_and_nothing_else() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (mut browser, person) = app.sign_in_as(Role::Manager);
    let other = integration.grant(&app, &mut browser);
    let built = app.shop().grant(integration.id, &person);

    for later in [0, 1, 30, 61] {
        let (code, pkce) = integration.code(&mut browser);
        let request = integration.code_request(&code, &pkce.verifier);
        let first = pair(&app.token(&request));
        assert!(app.works(&first.access_token));
        app.advance(later);

        let again = app.token(&request);

        is_refused(&again, 400, "invalid_grant", &format!("{later} s later"));
        is_revoked(&app, &integration, &first);
        is_refused(&app.token(&request), 400, "invalid_grant", "a third time");
    }
    assert!(app.works(&other.access_token) && app.works(&built.access_token), "another grant goes on");
    pair(&integration.refresh(&app, &other.refresh_token));
    let entries = app.shop().number("SELECT COUNT(*) FROM activity WHERE detail LIKE '%was used again from%'");
    assert_eq!(entries, 4, "each is in the activity, once");
}

#[test]
fn t2_code_reuse_days_later_also_revokes_refreshed_tokens() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();
    let (code, pkce) = integration.code(&mut browser);
    let request = integration.code_request(&code, &pkce.verifier);
    let first = pair(&app.token(&request));
    let second = pair(&integration.refresh(&app, &first.refresh_token));
    app.advance(29 * DAY);
    app.run_background();
    let third = pair(&integration.refresh(&app, &second.refresh_token));

    is_refused(&app.token(&request), 400, "invalid_grant", "29 days later");

    is_revoked(&app, &integration, &third);
}

#[test]
fn t2_a_stolen_code_without_verifier_or_from_another_client_revokes_nothing() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (integration, thief) = (shop.integration("Ledgerly"), shop.integration("Stockbird"));
    let mut browser = app.manager();
    let (code, pkce) = integration.code(&mut browser);
    let request = integration.code_request(&code, &pkce.verifier);
    let first = pair(&app.token(&request));

    is_refused(&app.token(&with(&request, "code_verifier", &"x".repeat(43))), 400, "invalid_grant", "no verifier");
    is_refused(&app.token(&thief.code_request(&code, &pkce.verifier)), 400, "invalid_grant", "another client");

    assert!(app.works(&first.access_token));
}

#[test]
fn t4_a_code_lives_sixty_seconds() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();
    let ((one, one_pkce), (two, two_pkce)) = (integration.code(&mut browser), integration.code(&mut browser));

    app.advance(59);
    pair(&app.token(&integration.code_request(&one, &one_pkce.verifier)));

    app.advance(2);
    let late = app.token(&integration.code_request(&two, &two_pkce.verifier));
    is_refused(&late, 400, "invalid_grant", "61 s");
    assert_eq!(refusal(&late).2, "Authorization code has expired");
}

#[test]
fn t5_a_code_belongs_to_the_client_it_was_issued_to() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (owner, thief) = (shop.integration("Ledgerly"), shop.integration("Stockbird"));
    let desktop = shop.public_integration("Till Desktop");
    let mut browser = app.manager();
    let (code, pkce) = owner.code(&mut browser);
    let before = tokens(&app);

    is_refused(&app.token(&thief.code_request(&code, &pkce.verifier)), 400, "invalid_grant", "good credentials");
    let public = with(&desktop.code_request(&code, &pkce.verifier), "client_secret", "");
    is_refused(&app.token(&public), 400, "invalid_grant", "a public client");
    let mixed = with(&owner.code_request(&code, &pkce.verifier), "client_secret", &thief.secret);
    is_refused(&app.token(&mixed), 401, "invalid_client", "another client's secret");

    assert_eq!(tokens(&app), before);
    pair(&app.token(&owner.code_request(&code, &pkce.verifier)));
}

#[test]
fn t6_the_redirect_uri_must_be_the_one_of_the_request() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (integration, desktop) = (shop.integration("Ledgerly"), shop.public_integration("Till Desktop"));
    shop.redirect_uri(&desktop, "http://127.0.0.1:8000/cb");
    let mut browser = app.manager();

    let (code, pkce) = integration.code(&mut browser);
    let request = integration.code_request(&code, &pkce.verifier);
    for given in
        ["", "https://evil.example/cb", "https://app.example/cb/", "https://app.example/cb#", "https://APP.example/cb"]
    {
        is_refused(&app.token(&with(&request, "redirect_uri", given)), 400, "invalid_grant", given);
    }
    pair(&app.token(&request));

    let pkce = Pkce::new();
    let asked = [("code_challenge", pkce.challenge.as_str()), ("code_challenge_method", "S256")];
    let answer = integration.consent(&mut browser, &[&asked[..], &[("redirect_uri", "")]].concat());
    let code = value(&answer, "code");
    let request = integration.code_request(code, &pkce.verifier);
    is_refused(&app.token(&request), 400, "invalid_grant", "there was none in the request");
    pair(&app.token(&with(&request, "redirect_uri", "")));

    let there = "http://127.0.0.1:51234/cb";
    let answer = desktop.consent(&mut browser, &[&asked[..], &[("redirect_uri", there)]].concat());
    let request = desktop.code_request(value(&answer, "code"), &pkce.verifier);
    let registered = with(&request, "redirect_uri", "http://127.0.0.1:8000/cb");
    is_refused(&app.token(&registered), 400, "invalid_grant", "another port than the request had");
    pair(&app.token(&with(&with(&request, "redirect_uri", there), "client_secret", "")));
}

#[test]
fn t7_a_code_is_redeemed_with_the_verifier_of_its_challenge_only() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();
    let (code, pkce) = integration.code(&mut browser);
    let request = integration.code_request(&code, &pkce.verifier);
    let (long, upper) = ("a".repeat(129), pkce.verifier.replace('0', "O"));

    for (verifier, error) in [
        ("", "invalid_grant"),
        (upper.as_str(), "invalid_grant"),
        (pkce.challenge.as_str(), "invalid_grant"),
        (&pkce.verifier[1..], "invalid_request"),
        (long.as_str(), "invalid_request"),
        ("has blanks in it and is long enough to be one", "invalid_request"),
        ("é-is-not-unreserved-and-this-is-long-enough-too", "invalid_request"),
    ] {
        is_refused(&app.token(&with(&request, "code_verifier", verifier)), 400, error, verifier);
    }
    let twice = [&request[..], &[("code_verifier", pkce.verifier.as_str())]].concat();
    is_refused(&app.token(&twice), 400, "invalid_request", "twice");
    pair(&app.token(&request));
}

#[test]
fn t7_a_verifier_without_a_challenge_is_a_downgrade_and_refused() {
    let app = TestApp::start();
    let legacy = app.shop().integration_without_pkce("Stockbird");
    let mut browser = app.manager();
    let answer = legacy.consent(&mut browser, &[]);
    let request = legacy.code_request(value(&answer, "code"), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");

    is_refused(&app.token(&request), 400, "invalid_grant", "the challenge was taken out on the way");

    pair(&app.token(&with(&request, "code_verifier", "")));
}

#[test]
fn t8_an_unknown_client_and_a_wrong_secret_are_answered_by_the_same_bytes() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let integration = shop.integration("Ledgerly");
    let suspended = shop.suspended_client("Stockbird");
    let suspended = shop.credentials(suspended);
    let unknown = integration.client_id.chars().rev().collect::<String>();
    assert_ne!(unknown, integration.client_id);
    let same = |page: &Page| {
        let headers: Vec<(String, String)> = page.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
        (page.status, headers, page.body.clone())
    };

    for path in [TOKEN, "/auth/oauth/revoke", INTROSPECT] {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("token", "x")];
        let in_body = |id: &str, secret: &str| {
            let mine = [("client_id", id), ("client_secret", secret)];
            app.program().post(path, &with(&[&fields[..], &mine[..]].concat(), "", ""))
        };
        let in_header = |id: &str, secret: &str| post_with(&app, path, basic(id, secret), &fields);
        let wrong = in_body(&integration.client_id, "wrong");
        assert_eq!((wrong.status, refusal(&wrong).1.as_str()), (401, "invalid_client"));

        for other in [
            in_body(&unknown, "wrong"),
            in_body(&unknown, &integration.secret),
            in_body(&unknown, ""),
            in_body(&integration.client_id, ""),
            in_body(&suspended.client_id, "wrong"),
            in_body(&"x".repeat(5_000), "wrong"),
            in_header(&integration.client_id, "wrong"),
            in_header(&integration.client_id, ""),
            in_header(&unknown, "wrong"),
            in_header("rs-nobody", "wrong"),
            in_header("rs-%00", "wrong"),
        ] {
            assert_eq!(same(&other), same(&wrong), "{path}");
            assert!(other.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Basic realm=")));
        }
        app.advance(61);
    }
}

#[test]
fn t8_an_unknown_client_and_a_wrong_secret_take_the_same_time() {
    const ROUNDS: usize = 200;
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let unknown = integration.client_id.chars().rev().collect::<String>();
    let mut program = app.program();
    let mut time = |id: &str| {
        let fields =
            [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", id), ("client_secret", "wrong")];
        let begun = Instant::now();
        let page = program.post(TOKEN, &fields);
        let taken = begun.elapsed();
        assert_eq!(page.status, 401, "{}", page.body);
        taken
    };
    let (mut of_known, mut of_unknown) = (Vec::new(), Vec::new());

    // In turn, so that whatever else this machine does slows both down alike.
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            of_known.push(time(&integration.client_id));
        }
        of_unknown.push(time(&unknown));
        if round % 2 == 1 {
            of_known.push(time(&integration.client_id));
        }
        app.advance(61);
    }

    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let (known, unknown) = (median(&mut of_known), median(&mut of_unknown));
    let (less, more) = (known.min(unknown), known.max(unknown));
    assert!(more < less * 2, "a wrong secret takes {known:?}, an unknown client {unknown:?}");
}

#[test]
fn t8_basic_credentials_are_form_decoded_and_odd_headers_are_no_credentials() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let integration = shop.integration("Ledgerly");
    let odd = "a b:c%&=+é\"";
    diesel::update(client_secrets::table.filter(client_secrets::client_id.eq(integration.id)))
        .set(client_secrets::hash.eq(TokenHash::of(odd)))
        .execute(shop.conn())
        .unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", "nonsense")];
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let every_byte = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let id = &integration.client_id;

    for header in [
        basic(id, &encoded(odd)),
        basic(&every_byte(id), &every_byte(odd)),
        basic(id, "a+b:c%25%26%3D%2B%C3%A9%22"),
        ("authorization".into(), basic(id, &encoded(odd)).1.replace("Basic", "bAsIc")),
    ] {
        is_refused(&post_with(&app, TOKEN, header, &fields), 400, "invalid_grant", "the client is known");
    }
    for header in [
        ("authorization".into(), "Basic".to_string()),
        ("authorization".into(), "Basic !!!".to_string()),
        ("authorization".into(), "Basic bm9jb2xvbg==".to_string()),
        ("authorization".into(), "Basic //79".to_string()),
        ("authorization".into(), "Bearer abc".to_string()),
        ("authorization".into(), "Digest username=x".to_string()),
        ("authorization".into(), String::new()),
    ] {
        let page = post_with(&app, TOKEN, header.clone(), &fields);
        is_refused(&page, 401, "invalid_client", &header.1);
        assert!(page.header("www-authenticate").is_some());
    }
}

#[test]
fn t9_credentials_are_sent_one_way_and_never_in_a_url() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (integration, other) = (shop.integration("Ledgerly"), shop.integration("Stockbird"));
    let held = integration.grant(&app, &mut app.manager());
    let request = integration.refresh_request(&held.refresh_token);
    let before = tokens(&app);

    let both = post_with(&app, TOKEN, integration.basic(), &request);
    is_refused(&both, 400, "invalid_request", "the same twice");
    is_refused(&post_with(&app, TOKEN, other.basic(), &request), 400, "invalid_request", "two clients");
    let two_ids = with(&request, "client_secret", "");
    is_refused(&post_with(&app, TOKEN, other.basic(), &two_ids), 400, "invalid_request", "two ids");
    let mut twice = app.program();
    twice.headers.extend([integration.basic(), other.basic()]);
    is_refused(&twice.post(TOKEN, &two_ids), 400, "invalid_request", "two headers");
    for query in [
        format!("client_id={}&client_secret={}", integration.client_id, integration.secret),
        format!("client_secret={}", integration.secret),
        encode(&request),
        "x".to_string(),
    ] {
        let page = app.program().post(&format!("{TOKEN}?{query}"), &request);
        is_refused(&page, 400, "invalid_request", "in the address");
        assert!(!page.body.contains(&integration.secret));
    }
    assert_eq!(tokens(&app), before);

    pair(&post_with(&app, TOKEN, integration.basic(), &two_ids));
}

#[test]
fn t9_s8_urls_with_secrets_are_not_logged() {
    let database = Database::blank();
    let server = Server::start(&database, &[("LOG_LEVEL", "trace"), ("RUST_LOG", "trace")]);
    let mut program = Browser::new(&server.origin);
    let secrets = ["Zk3f9aB_cs_secretsecretsecret", "Qw7rT1x_ac_codecodecodecode", "stateOfTheVictim99"];
    let query = format!("client_secret={}&code={}&state={}&%1b[31m", secrets[0], secrets[1], secrets[2]);

    for path in [TOKEN, "/auth/oauth/revoke", INTROSPECT, "/auth/oauth/verify", "/auth/oauth/authorize", "/nowhere"] {
        program.post(&format!("{path}?{query}"), &[("client_secret", secrets[0]), ("code", secrets[1])]);
        program.get(&format!("{path}?{query}"));
        program.send("GET", &format!("{path}?access_token={}", secrets[0]), &[bearer(secrets[0])], "");
    }

    let log = server.log();
    assert!(log.contains("/auth/oauth/token"), "the log speaks of these requests: {log}");
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert!(!log.contains('\u{1b}'), "nobody writes escapes into it");
}

#[test]
fn t10_only_post_and_only_two_grant_types_are_supported() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let person = app.shop().employee("Mona Manager", Role::Manager);
    let before = tokens(&app);

    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"] {
        let page = app.program().send(method, TOKEN, &[integration.basic()], "");
        assert_eq!((page.status, page.header("allow")), (405, Some("POST")), "{method}");
        if method != "HEAD" {
            is_refused(&page, 405, "invalid_request", method);
        }
        assert!(!page.body.to_lowercase().contains("authorization: basic"), "TRACE repeats nothing");
    }
    is_refused(&post_with(&app, TOKEN, integration.basic(), &[]), 400, "invalid_request", "no grant type");
    for grant_type in [
        "password",
        "client_credentials",
        "implicit",
        "Authorization_code",
        "authorization_code ",
        "refresh_token\0",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ] {
        let fields = [
            ("grant_type", grant_type),
            ("username", person.email.as_str()),
            ("password", PASSWORD),
            ("scope", "employee:all"),
            ("assertion", "x"),
        ];
        let page = post_with(&app, TOKEN, integration.basic(), &fields);
        let error = if grant_type.contains('\0') { "invalid_request" } else { "unsupported_grant_type" };
        is_refused(&page, 400, error, grant_type);
    }
    assert_eq!(tokens(&app), before);
}

#[test]
fn t11_a_secret_of_one_kind_is_refused_as_another() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (mut browser, person) = app.sign_in_as(Role::Admin);
    let held = integration.grant(&app, &mut browser);
    let key = app.shop().api_key(integration.id, &person, "Nightly export").value;
    let (code, pkce) = integration.code(&mut browser);
    let session = browser.cookie("session").unwrap().value.clone();
    let csrf = browser.csrf();
    let before = tokens(&app);

    for (kind, secret) in [
        ("refresh token", &held.refresh_token),
        ("access token", &held.access_token),
        ("api key", &key),
        ("code", &code),
        ("client secret", &integration.secret),
        ("session", &session),
        ("form token", &csrf),
    ] {
        if kind != "code" {
            let page = app.token(&integration.code_request(secret, &pkce.verifier));
            is_refused(&page, 400, "invalid_grant", &format!("{kind} as a code"));
        }
        if kind != "refresh token" {
            let page = integration.refresh(&app, secret);
            is_refused(&page, 400, "invalid_grant", &format!("{kind} as a refresh token"));
        }
        if !["access token", "api key"].contains(&kind) {
            for path in ["/auth/oauth/verify", "/oauth/userinfo", "/API/V3/Account.json", INTROSPECT] {
                assert_eq!(app.call(path, secret).status, 401, "{kind} as a bearer token at {path}");
            }
            let about = post_with(&app, INTROSPECT, integration.basic(), &[("token", secret)]);
            match kind {
                // Its client may ask, and sees that it is no access token.
                "refresh token" => assert!(about.json().get("token_type").is_none(), "{}", about.body),
                _ => assert_eq!(about.body, "{\"active\":false}", "{kind} at introspection"),
            }
        }
        if kind != "client secret" {
            let page = app.token(&with(&integration.refresh_request(&held.refresh_token), "client_secret", secret));
            is_refused(&page, 401, "invalid_client", &format!("{kind} as a client secret"));
        }
        if kind != "session" {
            let mut forged = browser.clone();
            forged.cookies.iter_mut().filter(|cookie| cookie.name.starts_with("session")).for_each(|cookie| {
                cookie.value.clone_from(secret);
            });
            assert_eq!(forged.get("/settings").status, 303, "{kind} as a session");
        }
        let welcome = app.browser().get(&format!("/welcome/{secret}"));
        assert!(matches!(welcome.status, 404 | 410), "{kind} as a one-time link: {}", welcome.status);
    }
    assert_eq!(tokens(&app), before, "nothing was issued and nothing ended");
    assert!(app.works(&held.access_token) && app.works(&key));
    pair(&app.token(&integration.code_request(&code, &pkce.verifier)));
}

#[test]
fn t12_ten_wrong_secrets_a_minute_and_then_even_the_right_one_waits() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (integration, other) = (shop.integration("Ledgerly"), shop.integration("Stockbird"));
    let mut browser = app.manager();
    let (held, theirs) = (integration.grant(&app, &mut browser), other.grant(&app, &mut browser));
    let request = integration.refresh_request(&held.refresh_token);

    for n in 0..10 {
        let secret = format!("{}{n}", integration.secret);
        let page = match n % 2 {
            0 => app.token(&with(&request, "client_secret", &secret)),
            _ => post_with(&app, INTROSPECT, basic(&integration.client_id, &secret), &[("token", "x")]),
        };
        is_refused(&page, 401, "invalid_client", &n.to_string());
    }
    app.advance(20);
    for path in [TOKEN, INTROSPECT, "/auth/oauth/revoke"] {
        let page = app.program().post(path, &request);
        is_refused(&page, 429, "temporarily_unavailable", path);
        assert_eq!(page.header("retry-after"), Some("40"));
    }
    assert!(app.works(&held.access_token), "its tokens go on");
    pair(&other.refresh(&app, &theirs.refresh_token));

    app.advance(40);
    pair(&app.token(&request));
}

#[test]
fn t12_secrets_of_a_resource_server_cannot_be_guessed_either() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let now = shop.now();
    let (server, secret) = ResourceServer::create(shop.conn(), "Gateway", now).unwrap();
    let id = server.resource_server_id;
    let ask = |secret: &str| post_with(&app, INTROSPECT, basic(&id, secret), &[("token", "x")]);
    assert_eq!(ask(secret.expose()).body, "{\"active\":false}");

    for n in 0..10 {
        is_refused(&ask(&format!("wrong {n}")), 401, "invalid_client", "a wrong secret");
    }

    let page = ask(secret.expose());
    is_refused(&page, 429, "temporarily_unavailable", "the right one among the guesses");
    assert!(page.header("retry-after").is_some());
    app.advance(61);
    assert_eq!(ask(secret.expose()).status, 200);
}

#[test]
fn t13_clients_and_employees_stopped_after_the_code_get_no_token() {
    type Stop = fn(&TestApp, &Integration, &mut Browser, &str);
    let stops: [(&str, u16, &str, Stop); 6] = [
        ("locked", 400, "invalid_grant", |app, _, admin, person| {
            let page = admin.open(person);
            assert_eq!(admin.submit(&page, "/lock", &[]).status, 303);
            assert_eq!(app.shop().number("SELECT COUNT(*) FROM employees WHERE locked_at IS NOT NULL"), 1);
        }),
        ("archived", 400, "invalid_grant", |app, _, admin, person| {
            let page = admin.open(person);
            assert_eq!(admin.submit(&page, "/archive", &[]).status, 303);
            assert_eq!(app.shop().number("SELECT COUNT(*) FROM employees WHERE archived_at IS NOT NULL"), 1);
        }),
        ("revoked", 401, "invalid_client", |_, integration, admin, _| {
            let form = admin.open(&format!("{}/revoke", client_path(integration.id)));
            assert_eq!(admin.submit(&form, "/revoke", &[]).status, 303);
        }),
        ("being deleted", 401, "invalid_client", |app, integration, _, _| {
            app.shop().sql(&format!("UPDATE clients SET revoked_at = 1 WHERE id = {}", integration.id));
        }),
        ("suspended", 401, "invalid_client", |app, integration, _, _| {
            app.shop().sql(&format!("UPDATE clients SET suspended_at = 1 WHERE id = {}", integration.id));
        }),
        ("not admitted", 401, "invalid_client", |app, integration, _, _| {
            app.shop().sql(&format!("UPDATE clients SET approved_at = NULL WHERE id = {}", integration.id));
        }),
    ];

    let app = TestApp::start();
    let mut admin = app.admin();
    for (what, status, error, stop) in stops {
        let integration = app.shop().integration("Ledgerly");
        let (mut browser, person) = app.sign_in_as(Role::Staff);
        let (code, pkce) = integration.code(&mut browser);
        stop(&app, &integration, &mut admin, &person.path());

        let page = app.token(&integration.code_request(&code, &pkce.verifier));

        is_refused(&page, status, error, what);
    }
    assert_eq!(tokens(&app), 0);
}

#[test]
fn r1_only_its_own_client_learns_how_a_refresh_token_was_revoked() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (owner, other) = (shop.integration("Ledgerly"), shop.integration("Stockbird"));
    let (mut admin, person) = app.sign_in_as(Role::Admin);
    let lookalike = |pair: &Pair| {
        let mask = PlainToken::parse(&pair.refresh_token).unwrap().mask();
        PlainToken::refresh_token(&mask, &GrantPart::generate()).expose().to_string()
    };
    let hint = |page: &Page| {
        is_refused(page, 400, "invalid_grant", "a token that is gone");
        refusal(page).2
    };
    let unknown = hint(&other.refresh(&app, PlainToken::generate(TokenKind::RefreshToken).expose()));
    assert!(unknown.starts_with("Unknown refresh token"), "{unknown}");

    let one = owner.grant(&app, &mut admin);
    let id = app.shop().number("SELECT MAX(id) FROM refresh_tokens");
    let path = format!("{}/refresh-tokens/{id}/revoke", client_path(owner.id));
    let confirmation = admin.open(&path);
    assert_eq!(admin.submit(&confirmation, "/revoke", &[]).status, 303);
    let two = owner.grant(&app, &mut admin);
    let confirmation = admin.open(&format!("{}/revoke-all-access", person.path()));
    assert_eq!(admin.submit(&confirmation, "/revoke-all-access", &[]).status, 303);

    for revoked_error in [&one, &two] {
        for token in [revoked_error.refresh_token.clone(), lookalike(revoked_error)] {
            let told = hint(&owner.refresh(&app, &token));
            assert_eq!(
                told, "Token has been revoked by the shop at 2026-11-20T11:00:00Z",
                "without the employee's name"
            );
            assert_eq!(hint(&other.refresh(&app, &token)), unknown, "another client learns nothing");
        }
    }
}

#[test]
fn r1_another_clients_refresh_token_is_refused_and_neither_rotated_nor_revoked() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (owner, thief) = (shop.integration("Ledgerly"), shop.integration("Stockbird"));
    let held = owner.grant(&app, &mut app.manager());
    let request = owner.refresh_request(&held.refresh_token);

    is_refused(&thief.refresh(&app, &held.refresh_token), 400, "invalid_grant", "another client");
    is_refused(&app.token(&with(&request, "client_secret", "")), 401, "invalid_client", "without a secret");
    is_refused(&app.token(&with(&request, "client_secret", "wrong")), 401, "invalid_client", "with a wrong one");

    assert!(app.works(&held.access_token));
    let row = app.shop().number("SELECT generation FROM refresh_tokens");
    assert_eq!(row, 1);
    pair(&app.token(&request));
}
