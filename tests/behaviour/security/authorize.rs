//! Authorization requests under attack: who is sent where, with what, and what the consent page says. Rows A of the checks.

use client_api_access::employees::IDLE_TIMEOUT;
use client_api_access::oauth::authorization_request::LONGEST_STATE;
use client_api_access::scopes::Role;
use percent_encoding::percent_decode;

use crate::support::oauth::{Integration, answered, encode, mark_lightspeed_approved, pair, press, value};
use crate::support::{Browser, PASSWORD, Page, TestApp};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const AUTHORIZE: &str = "/auth/oauth/authorize";
const CONSENT: &str = "/auth/oauth/consent";

// The usual request with PKCE; `changes` replace or join its parameters, an empty value leaves one out.
fn ask(integration: &Integration, changes: &[(&str, &str)]) -> String {
    let pkce = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let mut all: Vec<(&str, &str)> =
        pkce.into_iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name)).collect();
    all.extend(changes);
    integration.authorize_path(&all)
}

fn codes(app: &TestApp) -> i64 {
    app.shop().number("SELECT COUNT(*) FROM authorization_codes")
}

// A page of ours that leads nowhere else.
fn stays_here(page: &Page, why: &str) {
    assert_eq!(page.status, 400, "{why}: {}", page.text());
    assert!(page.header("location").is_none(), "{why} leads to {:?}", page.header("location"));
    assert!(page.header("refresh").is_none() && !page.has("meta[http-equiv]"), "{why}");
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{why}");
    assert!(!page.body.contains("href=\"http") && !page.has("form[action^=http]"), "{why} offers a way out of here");
}

// What a client is told by a redirect that refuses.
fn told(page: &Page) -> (String, Vec<(String, String)>) {
    assert_eq!(page.status, 303, "{}: {}", page.path, page.text());
    assert!(page.location().starts_with("https://app.example/cb?"), "{}", page.location());
    let pairs = answered(page);
    assert!(pairs.iter().all(|(name, _)| name != "code"), "{pairs:?}");
    (value(&pairs, "error").to_string(), pairs)
}

// The hidden fields of a consent form.
fn hidden(page: &Page) -> [(&'static str, String); 3] {
    let form = format!("form[action^='{CONSENT}']");
    ["csrf", "request", "signature"].map(|name| {
        (name, page.attribute(&format!("{form} input[name={name}]"), "value").unwrap_or_else(|| panic!("no {name}")))
    })
}

fn send(browser: &mut Browser, path: &str, fields: &[(&'static str, String)]) -> Page {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post(path, &fields)
}

#[test]
fn a1_an_unknown_client_or_redirect_uri_is_a_page_without_redirect() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (mut signed_in, mut nobody) = (app.manager(), app.browser());
    let evil = "https://evil.example/\"><script>alert(1)</script>";

    for browser in [&mut signed_in, &mut nobody] {
        for changes in [
            [("client_id", "nobody-knows"), ("redirect_uri", evil)],
            [("client_id", "<script>alert(1)</script>"), ("redirect_uri", evil)],
            [("client_id", ""), ("redirect_uri", evil)],
            [("redirect_uri", evil), ("nothing", "else")],
        ] {
            let page = browser.get(&ask(&integration, &changes));

            stays_here(&page, &format!("{changes:?}"));
            assert!(!page.body.contains("<script>alert"), "{changes:?} stands there as it was sent");
        }
    }
    let page = signed_in.get(&ask(&integration, &[("redirect_uri", evil)]));
    assert!(page.text().contains("https://evil.example/\"><script>"), "the developer reads it: {}", page.text());
    assert_eq!(codes(&app), 0);
}

#[test]
fn a2_no_other_error_turns_a_wrong_redirect_uri_into_a_redirect() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (mut signed_in, mut nobody) = (app.manager(), app.browser());
    let long = "x".repeat(LONGEST_STATE + 1);

    for browser in [&mut signed_in, &mut nobody] {
        for who in [("redirect_uri", "https://evil.example/cb"), ("client_id", "nobody-knows")] {
            for other in [
                ("response_type", "token"),
                ("response_type", ""),
                ("response_mode", "fragment"),
                ("scope", "employee:everything"),
                ("scope", ""),
                ("code_challenge", ""),
                ("code_challenge", "short"),
                ("code_challenge_method", "plain"),
                ("state", long.as_str()),
                ("prompt", "none"),
            ] {
                stays_here(&browser.get(&ask(&integration, &[who, other])), &format!("{who:?} with {other:?}"));
            }
            let doubled = format!("{}&scope=again&state=again", ask(&integration, &[who]));
            stays_here(&browser.get(&doubled), &format!("{who:?} with a doubled scope"));
        }
    }
}

#[test]
fn a2_a_redirect_uri_removed_in_the_meantime_gets_no_redirect() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();
    let page = browser.open(&ask(&integration, &[]));
    app.shop().sql("UPDATE redirect_uris SET uri = 'https://app.example/other'");

    for decision in ["allow", "deny"] {
        stays_here(&press(&mut browser, &page, decision), decision);
    }
    assert_eq!(codes(&app), 0);
}

#[test]
fn a3_a_redirect_uri_must_match_exactly() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();
    let vectors = [
        "https://app.example/CB",
        "https://app.example/cb/",
        "https://app.example/cb//",
        "https://app.example//cb",
        "https://app.example/cb?",
        "https://app.example/cb?x=1",
        "https://app.example/cb&x=1",
        "https://app.example/cb#",
        "https://app.example/cb#f",
        "https://app.example/cb/../x",
        "https://app.example/x/../cb",
        "https://app.example/./cb",
        "https://app.example/..;/cb",
        "https://app.example/cb;x",
        "https://app.example/cb/%2e%2e/x",
        "https://app.example/%63b",
        "https://app.example%2fcb",
        "https://app.example/cb%00",
        "https://app.example/cb%20",
        "https://app.example/cb ",
        " https://app.example/cb",
        "https://app.example/cb\t",
        "https://app.example/c\tb",
        "https://app.example/cb\r\n",
        "https://app.example/cb\0",
        "https://APP.example/cb",
        "HTTPS://app.example/cb",
        "https://app.example./cb",
        "https://app.example.evil.test/cb",
        "https://app.example@evil.test/cb",
        "https://a@b@evil.test/cb",
        "https://user@app.example/cb",
        "https://evil.test\\@app.example/cb",
        "https://evil.test/https://app.example/cb",
        "https://app.example:443/cb",
        "https://app.example:8443/cb",
        "https://sub.app.example/cb",
        "https://app.example",
        "https://app.example/",
        "https:app.example/cb",
        "https:/app.example/cb",
        "//app.example/cb",
        "/cb",
        "http://app.example/cb",
        "javascript://app.example/cb",
        "https://app.example/cb,https://evil.test/cb",
        "https://app.example/*",
        "https://аpp.example/cb",
    ];

    for given in vectors {
        let page = browser.get(&ask(&integration, &[("redirect_uri", given)]));
        stays_here(&page, given);
    }
    assert!(vectors.len() >= 30);
    assert!(browser.open(&ask(&integration, &[])).has("button[value=allow]"), "the registered one is served");
}

#[test]
fn a3_bytes_that_are_not_utf8_are_not_a_redirect_uri() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();

    for raw in ["https://app.example/cb%FF", "https://app.example/cb%C0%AF", "%FF", "https%3A%2F%2Fapp.example%2Fcb%00"]
    {
        let path = format!("{}&redirect_uri={raw}", ask(&integration, &[("redirect_uri", "")]));
        stays_here(&browser.get(&path), raw);
    }
}

#[test]
fn a4_on_loopback_only_the_port_may_vary() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (desktop, ledgerly) = (shop.public_integration("Till Desktop"), shop.integration("Ledgerly"));
    shop.redirect_uri(&desktop, "http://127.0.0.1:8000/cb");
    let mut browser = app.manager();

    for good in ["http://127.0.0.1:8000/cb", "http://127.0.0.1:51234/cb", "http://127.0.0.1/cb"] {
        let page = browser.open(&ask(&desktop, &[("redirect_uri", good)]));
        assert!(
            mark_lightspeed_approved(&mut browser, &page).location().starts_with(&format!("{good}?code=")),
            "{good}"
        );
    }
    for bad in [
        "http://localhost.evil.test/cb",
        "http://127.0.0.1.evil.test/cb",
        "http://127.0.0.1:8000.evil.test/cb",
        "http://127.0.0.1:80@evil.test/cb",
        "http://127.0.0.1@evil.test/cb",
        "http://127.0.0.1:51234/cb?x=1",
        "http://127.0.0.1:51234/cb#f",
        "http://127.0.0.1:51234/cb/",
        "http://127.0.0.1:51234/",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1:8000:8000/cb",
        "http://localhost:8000/cb",
        "http://[::1]:8000/cb",
        "http://127.1:8000/cb",
        "http://2130706433:8000/cb",
        "http://127.0.0.2:8000/cb",
        "https://127.0.0.1:8000/cb",
        "HTTP://127.0.0.1:8000/cb",
        "https://app.example:51234/cb",
    ] {
        stays_here(&browser.get(&ask(&desktop, &[("redirect_uri", bad)])), bad);
    }
    for bad in ["http://127.0.0.1:8000/cb", "http://localhost/cb", "http://[::1]/cb"] {
        stays_here(&browser.get(&ask(&ledgerly, &[("redirect_uri", bad)])), &format!("{bad} for a client on a server"));
    }
}

#[test]
fn a4_a_private_scheme_must_match_exactly() {
    let app = TestApp::start();
    let desktop = app.shop().public_integration("Till Desktop");
    app.shop().redirect_uri(&desktop, "com.example.till:/cb");
    let mut browser = app.manager();

    let page = browser.open(&ask(&desktop, &[("redirect_uri", "com.example.till:/cb")]));
    assert!(page.text().contains("you return to com.example.till"), "{}", page.text());
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' com.example.till:;"), "{policy}");
    let location = mark_lightspeed_approved(&mut browser, &page).location();
    assert!(location.starts_with("com.example.till:/cb?code=") && location.ends_with('#'), "{location}");

    for bad in [
        "com.example.till:/cb/",
        "com.example.till:/cb?x=1",
        "com.example.till://cb",
        "com.example.till:cb",
        "COM.EXAMPLE.TILL:/cb",
        "com.example.till.evil:/cb",
        "example.till:/cb",
    ] {
        stays_here(&browser.get(&ask(&desktop, &[("redirect_uri", bad)])), bad);
    }
}

#[test]
fn a5_without_a_redirect_uri_the_only_one_is_used_and_none_of_two() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();

    let page = browser.open(&ask(&integration, &[("redirect_uri", "")]));
    let sent = mark_lightspeed_approved(&mut browser, &page);
    assert!(sent.location().starts_with("https://app.example/cb?code="), "{}", sent.location());

    app.shop().redirect_uri(&integration, "https://app.example/other");
    let page = browser.get(&ask(&integration, &[("redirect_uri", "")]));
    stays_here(&page, "two are registered");
    assert!(page.text().contains("several redirect URIs"), "{}", page.text());

    app.shop().sql("DELETE FROM redirect_uris");
    stays_here(&browser.get(&ask(&integration, &[("redirect_uri", "")])), "none is registered");
}

#[test]
fn a6_a_repeated_parameter_is_refused() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();
    let path = ask(&integration, &[("response_mode", "query")]);

    for (name, again) in [
        ("response_type", "code"),
        ("response_mode", "query"),
        ("scope", "employee:all"),
        ("scope", ""),
        ("state", "xyz"),
        ("state", "other"),
        ("%73tate", "xyz"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ] {
        let page = browser.get(&format!("{path}&{name}={again}"));

        let (error, pairs) = told(&page);
        assert_eq!(error, "invalid_request", "{name} twice");
        let echoed = pairs.iter().any(|(key, _)| key == "state");
        assert_eq!(echoed, !name.ends_with("tate"), "a state that is sent twice is not echoed: {pairs:?}");
    }
    for (name, again) in [
        ("client_id", integration.client_id.as_str()),
        ("client_id", ""),
        ("client%5Fid", "other"),
        ("redirect_uri", "https%3A%2F%2Fapp.example%2Fcb"),
        ("redirect_uri", "https%3A%2F%2Fevil.example%2Fcb"),
    ] {
        stays_here(&browser.get(&format!("{path}&{name}={again}")), &format!("{name} twice"));
        stays_here(&browser.get(&path.replacen('?', &format!("?{name}={again}&"), 1)), &format!("{name} before"));
    }
}

#[test]
fn a6_a7_an_authorization_request_by_post_is_refused_with_allow() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();
    let path = ask(&integration, &[]);
    let query = path.split_once('?').unwrap().1.to_string();

    let by_body = browser.post_body(AUTHORIZE, "application/x-www-form-urlencoded", &query);
    let by_both = browser.post_body(&path, "application/x-www-form-urlencoded", "redirect_uri=https://evil.example/");

    for page in [by_body, by_both] {
        assert_eq!((page.status, page.header("allow")), (405, Some("GET")));
        assert!(page.header("location").is_none());
    }
    assert_eq!(codes(&app), 0);
}

#[test]
fn a7_unknown_parameters_are_ignored_and_empty_ones_count_as_missing() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();
    let mut granted = |path: &str| {
        let page = browser.open(path);
        let pairs = answered(&mark_lightspeed_approved(&mut browser, &page));
        app.token(&integration.code_request(value(&pairs, "code"), VERIFIER));
        pairs
    };

    let extra = format!("{}&foo=1&foo=2&request_uri=x&claims=%7B%7D&bar&=&&%00=1", ask(&integration, &[]));
    assert_eq!(value(&granted(&extra), "state"), "xyz");
    let empty = format!("{}&state=&response_mode=", ask(&integration, &[("state", "")]));
    assert!(granted(&empty).iter().all(|(name, _)| name != "state"), "an empty state is not echoed");
    granted(&ask(&integration, &[("scope", "employee:register_read employee:inventory")]));

    let scopes = app.shop().words("SELECT scope AS word FROM refresh_tokens ORDER BY id");
    let words = ["employee:inventory", "employee:register_read"];
    for scope in &scopes {
        let mut asked: Vec<&str> = scope.split(' ').collect();
        asked.sort_unstable();
        assert_eq!(asked, words);
    }
    assert_eq!(scopes.len(), 3);
    let (error, _) = told(&browser.get(&format!("{}&scope=", ask(&integration, &[("scope", "")]))));
    assert_eq!(error, "invalid_scope", "an empty scope is none");
}

#[test]
fn a7_a_request_too_long_for_a_form_is_refused_before_sign_in() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (mut signed_in, mut nobody) = (app.manager(), app.browser());
    let long = format!("{}&unknown={}", ask(&integration, &[]), "x".repeat(20_000));
    let escaped = format!("{}&unknown={}", ask(&integration, &[]), "%25".repeat(4_000));

    for browser in [&mut signed_in, &mut nobody] {
        for path in [&long, &escaped] {
            let (error, pairs) = told(&browser.get(path));
            assert_eq!((error.as_str(), value(&pairs, "state")), ("invalid_request", "xyz"));
        }
    }
    let most = format!("{}&unknown={}", ask(&integration, &[]), "x".repeat(14_000));
    let page = signed_in.open(&most);
    assert_eq!(mark_lightspeed_approved(&mut signed_in, &page).status, 303, "what is shown can be answered");
}

#[test]
fn a8_only_response_type_code_in_the_query_is_supported() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (mut signed_in, mut nobody) = (app.manager(), app.browser());

    for browser in [&mut signed_in, &mut nobody] {
        for (change, expected) in [
            (("response_type", "token"), "unsupported_response_type"),
            (("response_type", "id_token"), "unsupported_response_type"),
            (("response_type", "code token"), "unsupported_response_type"),
            (("response_type", "code id_token token"), "unsupported_response_type"),
            (("response_type", "CODE"), "unsupported_response_type"),
            (("response_type", "code "), "unsupported_response_type"),
            (("response_type", ""), "invalid_request"),
            (("response_mode", "fragment"), "invalid_request"),
            (("response_mode", "form_post"), "invalid_request"),
            (("response_mode", "query.jwt"), "invalid_request"),
        ] {
            let page = browser.get(&ask(&integration, &[change]));

            let (error, _) = told(&page);
            assert_eq!(error, expected, "{change:?}");
            assert!(page.location().ends_with('#'), "nothing stands in the fragment: {}", page.location());
            assert!(!page.location().contains("access_token"));
        }
    }
}

// The bytes of a state as they arrive at the client.
fn echoed(location: &str) -> Vec<u8> {
    let query = location.split_once('?').unwrap().1.trim_end_matches('#');
    let raw = query.split('&').find_map(|pair| pair.strip_prefix("state=")).unwrap_or_else(|| panic!("{location}"));
    percent_decode(raw.replace('+', " ").as_bytes()).collect()
}

fn meant(raw: &str) -> Vec<u8> {
    percent_decode(raw.replace('+', " ").as_bytes()).collect()
}

#[test]
fn a9_state_comes_back_byte_for_byte() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();
    let (thousand, most) = ("s".repeat(1_000), "%FF".repeat(LONGEST_STATE));

    for raw in [
        thousand.as_str(),
        most.as_str(),
        "%0d%0aSet-Cookie:%20x=1%0d%0aLocation:%20https://evil.example",
        "a+b%2Bc%20d",
        "a%26code%3Devil%26iss%3Devil",
        "a=b==&unknown",
        "%22%27%3Cb%3E%5C",
        "a\\b",
        "caf%C3%A9%E2%9C%93",
        "%FF%FE%00%01%C0%AF",
        "%",
        "%zz%4",
        "%25FF",
        "%23fragment",
    ] {
        let path = format!("{}&state={raw}", ask(&integration, &[("state", "")]));
        let page = browser.open(&path);
        let denied = press(&mut browser, &page, "deny");
        let lightspeed_approved = mark_lightspeed_approved(&mut browser, &page);

        for answer in [denied, lightspeed_approved] {
            let location = answer.location();
            assert_eq!(echoed(&location), meant(raw.split('&').next().unwrap()), "{raw}");
            assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{location}");
            assert_eq!(
                answered(&answer).iter().filter(|(name, _)| name == "iss" || name == "state").count(),
                2,
                "{raw}"
            );
            assert!(answer.header("set-cookie").is_none_or(|cookie| !cookie.starts_with('x')), "{raw}");
        }
    }
}

#[test]
fn a9_state_survives_the_sign_in_in_between() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let person = app.shop().employee("Mona Manager", Role::Manager);
    let longest = "%FF".repeat(LONGEST_STATE);

    for raw in [longest.as_str(), "a\\b%0d%0a%09+%2B%26%22'%5C", "https://evil.example/%2F%2F..%2F#"] {
        let mut browser = app.browser();
        let leg = browser.open(&format!("{}&state={raw}", ask(&integration, &[("state", "")])));
        let after = browser.submit(&leg, "/sign-in", &[("email", &person.email), ("password", PASSWORD)]);
        let page = browser.follow(&after);
        let answer = mark_lightspeed_approved(&mut browser, &page);

        assert_eq!(echoed(&answer.location()), meant(raw.trim_end_matches('#')), "{raw}");
    }
}

#[test]
fn a9_a_state_that_is_too_long_is_refused_and_not_sent_back() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();

    for raw in ["x".repeat(LONGEST_STATE + 1), "%FF".repeat(LONGEST_STATE + 1), "x".repeat(60_000)] {
        let page = browser.get(&format!("{}&state={raw}", ask(&integration, &[("state", "")])));

        let (error, pairs) = told(&page);
        assert_eq!(error, "invalid_request");
        assert!(pairs.iter().all(|(name, _)| name != "state"));
    }
}

#[test]
fn a10_every_redirect_names_its_issuer() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();
    for (name, value) in [("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example;proto=https")] {
        browser.headers.push((name.into(), value.into()));
    }
    let metadata = app.program().get("/.well-known/oauth-authorization-server").json();
    let issuer = metadata["issuer"].as_str().unwrap().to_string();
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    assert_eq!(issuer, app.origin());

    let page = browser.open(&ask(&integration, &[]));
    let mut answers = vec![mark_lightspeed_approved(&mut browser, &page), press(&mut browser, &page, "deny")];
    for change in [
        ("response_type", "token"),
        ("response_type", ""),
        ("response_mode", "fragment"),
        ("scope", "employee:everything"),
        ("scope", ""),
        ("code_challenge", ""),
        ("code_challenge_method", "plain"),
        ("iss", "https://evil.example"),
    ] {
        let answer = browser.get(&ask(&integration, &[change]));
        if change.0 == "iss" {
            answers.push(mark_lightspeed_approved(&mut browser, &answer));
        } else {
            answers.push(answer);
        }
    }
    answers.push(browser.get(&format!("{}&scope=again", ask(&integration, &[]))));

    for answer in answers {
        let issuers: Vec<String> =
            answered(&answer).into_iter().filter(|(name, _)| name == "iss").map(|(_, value)| value).collect();
        assert_eq!(issuers, [issuer.as_str()], "{}", answer.location());
    }
}

#[test]
fn a11_a_client_that_requires_pkce_must_send_a_valid_challenge() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (ledgerly, desktop) = (shop.integration("Ledgerly"), shop.public_integration("Till Desktop"));
    shop.sql(&format!("UPDATE clients SET requires_pkce = FALSE WHERE id = {}", desktop.id));
    let legacy = shop.integration_without_pkce("Stockbird");
    let mut browser = app.manager();
    let (short, long) = (&CHALLENGE[1..], format!("{CHALLENGE}A"));
    let odd = format!("{}=", &CHALLENGE[1..]);

    for integration in [&ledgerly, &desktop, &legacy] {
        for (challenge, method) in [
            (CHALLENGE, "plain"),
            (CHALLENGE, ""),
            (CHALLENGE, "s256"),
            (CHALLENGE, "S512"),
            ("", "S256"),
            (short, "S256"),
            (long.as_str(), "S256"),
            (odd.as_str(), "S256"),
            ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM", "S256"),
        ] {
            let changes = [("code_challenge", challenge), ("code_challenge_method", method)];
            let (error, _) = told(&browser.get(&ask(integration, &changes)));
            assert_eq!(error, "invalid_request", "{challenge} {method}");
        }
    }
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    for integration in [&ledgerly, &desktop] {
        assert_eq!(told(&browser.get(&ask(integration, &without))).0, "invalid_request");
    }
    assert!(browser.open(&ask(&legacy, &without)).has("button[value=allow]"), "the flag of an old client holds");
    assert_eq!(codes(&app), 0);
}

#[test]
fn a12_every_post_is_answered_by_a_get_and_no_fragment_is_carried_over() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let integration = shop.integration("Ledgerly");
    shop.redirect_uri(&integration, "https://app.example/cb?tenant=7");
    let person = shop.employee("Mona Manager", Role::Manager);
    let mut browser = app.browser();

    let leg = browser.open(&ask(&integration, &[]));
    let signed_in = browser.submit(&leg, "/sign-in", &[("email", &person.email), ("password", PASSWORD)]);
    assert_eq!(signed_in.status, 303);
    let page = browser.follow(&signed_in);
    for decision in ["allow", "deny"] {
        let answer = press(&mut browser, &page, decision);
        assert_eq!(answer.status, 303, "a 307 would send the form on");
        assert!(answer.location().ends_with('#') && answer.location().matches('#').count() == 1);
    }
    let refused = browser.get(&ask(&integration, &[("scope", "")]));
    assert_eq!((refused.status, refused.location().ends_with('#')), (303, true));

    let page = browser.open(&ask(&integration, &[("redirect_uri", "https://app.example/cb?tenant=7")]));
    let location = mark_lightspeed_approved(&mut browser, &page).location();
    assert!(location.starts_with("https://app.example/cb?tenant=7&code="), "{location}");
    assert!(location.ends_with('#'));
}

#[test]
fn a13_sign_in_and_consent_cannot_be_framed_cached_or_read_cross_origin() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (mut signed_in, mut nobody) = (app.manager(), app.browser());
    for browser in [&mut signed_in, &mut nobody] {
        browser.headers.push(("origin".into(), "https://app.example".into()));
    }
    let preflight = [
        ("access-control-request-method".to_string(), "POST".to_string()),
        ("access-control-request-headers".to_string(), "content-type".to_string()),
    ];

    let pages = [
        nobody.open(&ask(&integration, &[])),
        signed_in.open(&ask(&integration, &[])),
        signed_in.get(&ask(&integration, &[("redirect_uri", "https://evil.example/")])),
        signed_in.get(&ask(&integration, &[("scope", "")])),
        signed_in.send("OPTIONS", &ask(&integration, &[]), &preflight, ""),
        signed_in.send("OPTIONS", CONSENT, &preflight, ""),
        signed_in.post(CONSENT, &[]),
    ];

    for page in &pages {
        let header =
            |name: &str| page.header(name).unwrap_or_else(|| panic!("no {name}: {} {}", page.path, page.status));
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{}", page.path);
        assert!(!header("content-security-policy").contains("unsafe"), "{}", page.path);
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("cache-control"), "no-store", "{} {}", page.path, page.status);
        assert_eq!(header("referrer-policy"), "same-origin");
        assert!(page.headers.iter().all(|(name, _)| !name.starts_with("access-control-")), "{:?}", page.headers);
        // Links are the reader's to follow; everything else is loaded or sent by itself.
        let loaded = ["src", "srcset", "data", "poster", "background", "action", "formaction", "ping", "manifest"];
        let mut all: Vec<String> = loaded.iter().flat_map(|name| page.attributes(&format!("[{name}]"), name)).collect();
        all.extend(page.attributes(":not(a)[href]", "href"));
        for to in &all {
            assert!(to.starts_with('/') && !to.starts_with("//"), "{to} on {} is on another server", page.path);
        }
        assert!(!page.has("meta[http-equiv], base, iframe, object, embed, style, [style]"), "{}", page.path);
        if page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
            assert!(all.iter().any(|to| to.ends_with(".css")), "{} has a stylesheet: {all:?}", page.path);
        }
    }
    assert_eq!(pages[4].status, 405, "there is no preflight to pass");
    let policy = pages[1].header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' https:;"), "the consent form may lead to the client: {policy}");
    assert!(pages[0].header("content-security-policy").unwrap().contains("form-action 'self';"), "no other form may");
}

#[test]
fn a15_a_consent_form_of_another_session_is_refused() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let person = app.shop().employee("Mona Manager", Role::Manager);
    let mut browser = app.sign_in(&person);
    let stale = hidden(&browser.open(&ask(&integration, &[])));
    let mut browser = app.sign_in(&person);
    let mut other = app.manager();
    let own = hidden(&browser.open(&ask(&integration, &[])));
    let theirs = hidden(&other.open(&ask(&integration, &[])));
    let action = ask(&integration, &[]).replace(AUTHORIZE, CONSENT);
    let with = |[csrf, request, signature]: [&(&'static str, String); 3]| {
        vec![csrf.clone(), request.clone(), signature.clone(), ("decision", "allow".to_string())]
    };

    for (fields, what) in [
        (vec![("decision", "allow".to_string())], "nothing"),
        (with([&("csrf", String::new()), &own[1], &own[2]]), "an empty token"),
        (with([&stale[0], &own[1], &own[2]]), "the token of an earlier sign-in"),
        (with([&stale[0], &stale[1], &stale[2]]), "the whole form of an earlier sign-in"),
        (with([&theirs[0], &own[1], &own[2]]), "somebody else's token"),
        (with([&theirs[0], &theirs[1], &theirs[2]]), "somebody else's form"),
        (with([&own[0], &theirs[1], &theirs[2]]), "somebody else's signature"),
        (with([&own[0], &stale[1], &stale[2]]), "the signature of an earlier sign-in"),
        (with([&own[0], &own[1], &("signature", String::new())]), "no signature"),
        (with([&own[0], &own[1], &("signature", own[0].1.clone())]), "the token as a signature"),
    ] {
        let page = send(&mut browser, &action, &fields);
        assert_eq!((page.status, page.header("location")), (403, None), "{what}");
    }
    let good = with([&own[0], &own[1], &own[2]]);
    for site in ["cross-site", "same-site", "none"] {
        let mut elsewhere = browser.clone();
        elsewhere.headers.push(("sec-fetch-site".into(), site.into()));
        assert_eq!(send(&mut elsewhere, &action, &good).status, 403, "{site}");
    }
    let mut elsewhere = browser.clone();
    elsewhere.origin_header = Some("https://app.example".into());
    assert_eq!(send(&mut elsewhere, &action, &good).status, 403, "from the client's own page");
    assert_eq!(browser.get(&format!("{action}&{}", encode(&[("decision", "allow")]))).status, 405, "by a link");
    assert_eq!(codes(&app), 0);

    assert_eq!(send(&mut browser, &action, &good).status, 303, "the real one still works");
    assert_eq!(codes(&app), 1);
}

#[test]
fn a15_hidden_fields_that_were_edited_are_refused_and_others_change_nothing() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (integration, other) = (shop.integration("Ledgerly"), shop.integration("Stockbird"));
    shop.redirect_uri(&integration, "https://app.example/other");
    let mut browser = app.manager();
    let page = browser.open(&ask(&integration, &[]));
    let fields = hidden(&page);
    let (action, request) = (page.attribute(&format!("form[action^='{CONSENT}']"), "action").unwrap(), &fields[1].1);
    let edited = |from: &str, to: &str| {
        let changed = request.replace(from, to);
        assert_ne!(&changed, request, "{from}");
        changed
    };

    for changed in [
        edited("employee%3Ainventory", "employee%3Aall"),
        edited(&integration.client_id, &other.client_id),
        edited("%2Fcb", "%2Fother"),
        edited("state=xyz", "state=abc"),
        edited(CHALLENGE, &CHALLENGE.replace('E', "F")),
        edited("&code_challenge_method=S256", ""),
        format!("{request}&scope=employee:all"),
        format!("{request}&unknown=1"),
        String::new(),
    ] {
        let mut forged = fields.to_vec();
        forged[1].1.clone_from(&changed);
        forged.push(("decision", "allow".into()));
        assert_eq!(send(&mut browser, &action, &forged).status, 403, "{changed}");
    }
    assert_eq!(codes(&app), 0);

    let mut joined = fields.to_vec();
    for (name, value) in [
        ("decision", "allow"),
        ("scope", "employee:all"),
        ("client_id", other.client_id.as_str()),
        ("redirect_uri", "https://app.example/other"),
        ("state", "abc"),
        ("request", "response_type=code"),
        ("employee", "1"),
    ] {
        joined.push((name, value.into()));
    }
    let elsewhere = format!("{CONSENT}?client_id={}&redirect_uri=https://evil.example/", other.client_id);
    let answer = send(&mut browser, &elsewhere, &joined);
    assert!(answer.location().starts_with("https://app.example/cb?code="), "{}", answer.location());
    assert_eq!(value(&answered(&answer), "state"), "xyz");
    let code = "SELECT scope || ' ' || client_id AS word FROM authorization_codes";
    assert_eq!(app.shop().words(code), [format!("employee:inventory employee:register_read {}", integration.id)]);
}

#[test]
fn a15_a_form_without_a_decision_is_refused() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();
    let page = browser.open(&ask(&integration, &[]));

    for decision in ["", "yes", "APPROVE", "approve deny"] {
        let answer = press(&mut browser, &page, decision);
        assert_eq!((answer.status, answer.header("location")), (400, None), "{decision}");
    }
    assert_eq!(codes(&app), 0);
}

#[test]
fn a15_a_session_that_ended_before_the_decision_starts_the_request_again() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let person = app.shop().employee("Mona Manager", Role::Manager);
    let mut browser = app.sign_in(&person);
    let path = ask(&integration, &[("state", "a&b+c\"d")]);
    let page = browser.open(&path);
    app.advance(IDLE_TIMEOUT + 1);

    let answer = mark_lightspeed_approved(&mut browser, &page);

    assert_eq!((answer.status, answer.location()), (303, path));
    assert_eq!(codes(&app), 0);
    let leg = browser.follow(&answer);
    assert!(leg.text().contains("to continue to Ledgerly"));
    let mut elsewhere = browser.clone();
    elsewhere.origin_header = Some("https://evil.example".into());
    assert_eq!(elsewhere.post(CONSENT, &[("decision", "allow")]).status, 403, "from elsewhere it is nobody's");
    let signed_in = browser.submit(&leg, "/sign-in", &[("email", &person.email), ("password", PASSWORD)]);
    let again = browser.follow(&signed_in);
    assert_eq!(value(&answered(&mark_lightspeed_approved(&mut browser, &again)), "state"), "a&b+c\"d");
    assert_eq!(codes(&app), 1);
}

#[test]
fn a15_an_employee_locked_before_the_decision_cannot_allow_access() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (mut browser, person) = app.sign_in_as(Role::Manager);
    let page = browser.open(&ask(&integration, &[]));
    app.shop().lock(&person);

    let answer = mark_lightspeed_approved(&mut browser, &page);

    assert!(answer.location().starts_with(AUTHORIZE), "they are nobody now: {}", answer.location());
    assert_eq!(codes(&app), 0);
}

#[test]
fn a16_consent_is_requested_every_time() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (ledgerly, desktop) = (shop.integration("Ledgerly"), shop.public_integration("Till Desktop"));
    let mut browser = app.manager();

    for integration in [&ledgerly, &desktop] {
        integration.grant(&app, &mut browser);
        for changes in [[("scope", "employee:inventory employee:register_read")], [("scope", "employee:reports")]] {
            let page = browser.open(&ask(integration, &changes));
            assert!(page.has("button[value=allow]") && page.has("button[value=deny]"));
        }
        for prompt in ["none", "login"] {
            let page = browser.open(&ask(integration, &[("prompt", prompt), ("approval_prompt", "auto")]));
            assert!(page.has("button[value=allow]"), "prompt={prompt} changes nothing");
        }
    }
    assert_eq!(codes(&app), 2, "a page alone issues nothing");
}

#[test]
fn a16_a_denial_is_sent_with_state_and_issuer_and_recorded_in_the_activity() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.admin();
    let page = browser.open(&ask(&integration, &[]));

    let answer = press(&mut browser, &page, "deny");

    let (error, pairs) = told(&answer);
    assert_eq!((error.as_str(), value(&pairs, "state")), ("access_denied", "xyz"));
    assert_eq!(value(&pairs, "iss"), app.origin());
    assert_eq!(codes(&app), 0);
    let denied = app.shop().number("SELECT COUNT(*) FROM activity WHERE kind = 'access denied'");
    assert_eq!(denied, 1);
}

#[test]
fn a17_the_consent_page_shows_client_scope_and_redirect_host() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (plain, marked) =
        (shop.integration("Ledgerly"), shop.client_with("Stockbird", "https://stockbird.example/", true));
    let marked = shop.credentials(marked);
    let (mut staff, person) = app.sign_in_as(Role::Staff);
    let asked = ("scope", "employee:inventory employee:register_read employee:admin_shops");

    let page = staff.open(&ask(&plain, &[asked]));

    let text = page.text();
    assert_eq!(page.heading(), "Allow Ledgerly to access Harbour & Pine?");
    for word in [
        "Not Lightspeed Approved",
        "ledgerly.example",
        "View and edit inventory",
        "View the sales history",
        "app.example",
        "30 days",
        "Harbour & Pine",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert!(text.contains(&person.name) && text.contains(&person.email), "{text}");
    assert_eq!(page.texts(".missing li span"), ["View and edit shops No access unless your role changes"]);
    assert!(page.texts("ul.reach:not(.missing) li").iter().all(|part| part != "View and edit shops"));
    let page = staff.open(&ask(&marked, &[asked]));
    let heading = "Allow Stockbird to access Harbour & Pine? Lightspeed Approved stockbird.example";
    assert!(page.text().contains(heading), "{}", page.text());

    app.shop().sql("UPDATE clients SET grants_end_after = 604800");
    assert!(staff.open(&ask(&plain, &[])).text().contains("Access expires after 7 days."));
    let page = app.admin().open(&ask(&plain, &[asked]));
    assert!(!page.has(".missing") && page.text().contains("View and edit shops"), "an admin has that right");
}

#[test]
fn a17_scopes_outside_the_role_are_still_named() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (mut staff, _) = app.sign_in_as(Role::Staff);

    let page = staff.open(&ask(&integration, &[("scope", "employee:admin_shops employee:admin_employees")]));

    assert!(page.text().contains("Your role has none of the requested rights"));
    let named = page.texts(".missing li span").join(", ");
    assert!(
        named.contains("edit shops") && named.contains("edit employees"),
        "what would be consented to: {}",
        page.text()
    );
}

#[test]
fn a17_a_client_with_a_hostile_name_stays_text_on_the_consent_page() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    app.shop().disguise_client(integration.id, "<img src=x onerror=alert(1)>\u{202E}\"'", "javascript:alert(1)");
    let mut nobody = app.browser();
    let mut browser = app.manager();

    for page in [nobody.open(&ask(&integration, &[])), browser.open(&ask(&integration, &[]))] {
        assert!(!page.body.contains("<img") && !page.body.contains("href=\"javascript"), "{}", page.body);
        assert!(page.text().contains("<img src=x"), "it is text: {}", page.text());
    }
}

#[test]
fn a1_a_client_that_is_not_active_gets_a_page_with_the_reason() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (suspended, pending) = (shop.suspended_client("Stockbird"), shop.pending_client("Till Desktop"));
    let (suspended, pending) = (shop.credentials(suspended), shop.credentials(pending));
    let revoked = shop.integration("Ledgerly");
    shop.sql(&format!("UPDATE clients SET revoked_at = 1 WHERE id = {}", revoked.id));
    let (mut browser, mut nobody) = (app.admin(), app.browser());

    for (integration, words) in [
        (&suspended, "Stockbird is suspended"),
        (&pending, "Till Desktop is pending approval"),
        (&revoked, "No client with the client_id in the link is registered"),
    ] {
        for browser in [&mut browser, &mut nobody] {
            let page = browser.get(&ask(integration, &[]));
            stays_here(&page, words);
            assert!(page.text().contains(words), "{}", page.text());
        }
    }
}

#[test]
fn a15_a_client_suspended_before_the_decision_gets_no_code() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();
    let page = browser.open(&ask(&integration, &[]));
    app.shop().sql("UPDATE clients SET suspended_at = 1");

    for decision in ["allow", "deny"] {
        stays_here(&press(&mut browser, &page, decision), decision);
    }
    assert_eq!(codes(&app), 0);
}

#[test]
fn a13_a_signed_out_request_signs_in_first_and_lands_on_the_consent_page() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let person = app.shop().employee("Mona Manager", Role::Manager);
    let mut browser = app.browser();
    let path = ask(&integration, &[]);

    let leg = browser.get(&path);
    assert_eq!((leg.status, leg.heading()), (200, "Sign in".to_string()));
    assert!(leg.text().contains("to continue to Ledgerly") && !leg.has("button[value=allow]"));

    let wrong = browser.submit(&leg, "/sign-in", &[("email", &person.email), ("password", "not this one at all")]);
    assert_eq!(wrong.status, 422);
    let signed_in = browser.submit(&wrong, "/sign-in", &[("email", &person.email), ("password", PASSWORD)]);
    assert_eq!(signed_in.location(), path, "also after a wrong password");
    let page = browser.follow(&signed_in);
    assert_eq!(page.heading(), "Allow Ledgerly to access Harbour & Pine?");
    let code = value(&answered(&mark_lightspeed_approved(&mut browser, &page)), "code").to_string();
    let pair = pair(&app.token(&integration.code_request(&code, VERIFIER)));
    assert!(app.works(&pair.access_token));
}

#[test]
fn a13_another_account_can_sign_in_to_the_same_request() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (mut browser, _) = app.sign_in_as(Role::Staff);
    let other = app.shop().employee("Mona Manager", Role::Manager);
    let path = ask(&integration, &[("state", "a\\b+c")]);
    let page = browser.open(&path);

    let out = browser.submit(&page, "/sign-out", &[]);

    assert_eq!((out.status, out.location()), (303, path.clone()));
    let leg = browser.follow(&out);
    assert!(leg.text().contains("to continue to Ledgerly"));
    let signed_in = browser.submit(&leg, "/sign-in", &[("email", &other.email), ("password", PASSWORD)]);
    assert!(browser.follow(&signed_in).text().contains("Mona Manager"));

    let settings = browser.open("/settings");
    let elsewhere = browser.submit(&settings, "/sign-out", &[("next", "https://evil.example/auth/oauth/authorize?")]);
    assert_eq!(elsewhere.location(), "/sign-in?signed-out=1");
}
