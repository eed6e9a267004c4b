//! Every endpoint that programs call, every method, every kind of caller.

use client_api_access::routes::{ENDPOINTS, TABLE};
use client_api_access::scopes::Role;
use client_api_access::web::route_table::Access;

use crate::support::oauth::{bearer, refusal};
use crate::support::{Browser, Page, TestApp};

const CALLERS: [&str; 7] = [
    "nobody",
    "a signed-in admin",
    "a wrong token",
    "a key without the scope",
    "a good token",
    "a wrong secret",
    "a client",
];

/// The expected status for each of [`CALLERS`]. A wrong authentication scheme is 401, or 400 where a token is expected.
fn expected(method: &str, path: &str) -> Option<[u16; 7]> {
    match (method, path) {
        // The client is authenticated, but the request has no grant type.
        ("POST", "/auth/oauth/token") => Some([401, 401, 401, 401, 401, 401, 400]),
        ("POST", "/auth/oauth/revoke" | "/auth/oauth/introspect") => Some([401, 401, 401, 401, 401, 401, 200]),
        // Gateways understand no other status.
        ("GET", "/auth/oauth/verify") => Some([401, 401, 401, 204, 204, 401, 401]),
        ("GET", "/f/data/businesses") => Some([401, 401, 401, 403, 200, 400, 400]),
        ("GET", "/auth/oauth/introspect" | "/oauth/userinfo" | "/API/Session.json") => {
            Some([401, 401, 401, 200, 200, 400, 400])
        }
        ("GET", "/API/V3/Account.json" | "/API/V3/Account/1" | "/API/V3/Account/1.json") => {
            Some([401, 401, 401, 200, 200, 400, 400])
        }
        ("GET", "/.well-known/oauth-authorization-server") => Some([200; 7]),
        // There is no identity provider, and no logout token.
        ("POST", "/sign-in/back-channel-logout") => Some([400; 7]),
        // None of them is a service key.
        ("GET" | "POST" | "PUT" | "PATCH" | "DELETE", "/connect/{connection}/{path:.*}") => Some([401; 7]),
        _ => None,
    }
}

fn call(caller: &mut Browser, method: &str, path: &str) -> Page {
    match method {
        "POST" => caller.post(path, &[("token", "nothing of ours")]),
        method => caller.send(method, path, &[], ""),
    }
}

fn is_json(page: &Page, what: &str) {
    assert_eq!(page.header("content-type"), Some("application/json"), "{what}: {}", page.body);
    let (_, error, _) = refusal(page);
    assert!(!error.is_empty(), "{what}: {}", page.body);
    assert_eq!(page.header("cache-control"), Some("no-store"), "{what}");
}

#[test]
fn d1_every_endpoint_answers_every_caller_as_it_must() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let integration = shop.integration("Ledgerly");
    let (admin, person) = app.sign_in_as(Role::Admin);
    let grant = shop.grant_scope(integration.id, &person, "financial-api");
    let key = shop.api_key(integration.id, &person, "Nightly export");
    let nobody = app.program();
    let with = |header: (String, String)| {
        let mut caller = nobody.clone();
        caller.headers.push(header);
        caller
    };
    let mut wrong = integration.clone();
    wrong.secret.push('x');
    let mut unknown = grant.access_token.clone();
    unknown.replace_range(..7, "0000000");
    let mut callers = [
        nobody.clone(),
        admin,
        with(bearer(&unknown)),
        with(bearer(&key.value)),
        with(bearer(&grant.access_token)),
        with(wrong.basic()),
        with(integration.basic()),
    ];

    for route in ENDPOINTS {
        let expected = expected(route.method, route.path)
            .unwrap_or_else(|| panic!("say here who may {} {}", route.method, route.path));
        for ((caller, name), expected) in callers.iter_mut().zip(CALLERS).zip(expected) {
            let what = format!("{} {} by {name}", route.method, route.path);
            let page = call(caller, route.method, route.path);

            assert_eq!(page.status, expected, "{what}: {}", page.body);
            if expected >= 400 {
                is_json(&page, &what);
            }
            let challenge = page.header("www-authenticate").unwrap_or_default();
            match (expected, route.method, name) {
                (401, "POST", _) if route.access == Access::Client => {
                    assert!(challenge.starts_with("Basic realm="), "{what}: {challenge}")
                }
                (401, _, "nobody" | "a signed-in admin") => assert_eq!(challenge, "Bearer realm=\"api\"", "{what}"),
                (401, ..) => assert_eq!(challenge, "Bearer realm=\"api\", error=\"invalid_token\"", "{what}"),
                (403, ..) => assert!(challenge.contains("insufficient_scope"), "{what}: {challenge}"),
                _ => {}
            }
            assert!(page.header("set-cookie").is_none(), "{what}");
            app.advance(1);
        }
    }
    assert!(app.works(&grant.access_token) && app.works(&key.value), "nothing was revoked by any of it");
}

#[test]
fn d1_t10_unsupported_methods_of_an_endpoint_are_refused_with_allow() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut client = app.program();
    client.headers.push(integration.basic());

    for route in ENDPOINTS {
        let allow = TABLE.methods(route.path);
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECTION"] {
            let as_get = if method == "HEAD" { "GET" } else { method };
            if allow.split(", ").any(|own| own == as_get) {
                continue;
            }
            let what = format!("{method} {}", route.path);
            let page = client.send(method, route.path, &[], "");

            assert_eq!((page.status, page.header("allow")), (405, Some(allow.as_str())), "{what}");
            let is_cors = |(name, _): &(String, String)| name.starts_with("access-control-");
            assert!(route.path.starts_with("/.well-known/") || !page.headers.iter().any(is_cors), "{what}");
            if method != "HEAD" {
                is_json(&page, &what);
                assert_eq!(refusal(&page).1, "invalid_request", "{what}");
            }
        }
        for (name, value) in
            [("x-http-method-override", "POST"), ("x-method-override", "POST"), ("x-http-method", "GET")]
        {
            // One that it does not have.
            let Some(method) = ["DELETE", "PUT", "OPTIONS"].into_iter().find(|own| !allow.contains(own)) else {
                continue;
            };
            let page = client.send(
                method,
                &format!("{}?_method={}", route.path, route.method),
                &[(name.into(), value.into())],
                "",
            );
            assert_eq!(page.status, 405, "{name} at {}", route.path);
        }
    }
}

#[test]
fn d1_head_is_answered_as_get_without_its_body() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (_, person) = app.sign_in_as(Role::Admin);
    let grant = app.shop().grant_scope(integration.id, &person, "financial-api");

    for route in ENDPOINTS.iter().filter(|route| route.method == "GET") {
        for header in [bearer(&grant.access_token), bearer("wrong")] {
            let (get, head) = (
                app.program().send("GET", route.path, std::slice::from_ref(&header), ""),
                app.program().send("HEAD", route.path, &[header], ""),
            );
            assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{}", route.path);
            app.advance(1);
        }
    }
}
