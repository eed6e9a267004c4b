//! Headers on every response, whatever it is.

use std::collections::BTreeSet;

use client_api_access::config::{Config, PublicUrl};
use client_api_access::routes::{ENDPOINTS, PAGES};
use client_api_access::scopes::Role;
use client_api_access::secrets::{PlainToken, TokenKind};
use diesel::connection::SimpleConnection;

use crate::support::oauth::bearer;
use crate::support::{Browser, Database, PASSWORD, Page, Server, TestApp};

fn check(page: &Page) {
    let header = |name: &str| page.header(name).unwrap_or_else(|| panic!("{name} on {} {}", page.status, page.path));
    let policy = header("content-security-policy");
    for part in ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{part} on {}", page.path);
    }
    assert!(!policy.contains("unsafe"));
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("cross-origin-opener-policy"), "same-origin");
    assert_eq!(header("referrer-policy"), "same-origin");
    assert!(page.header("server").is_none_or(|server| !server.contains(char::is_numeric)));
    assert!(page.header("x-powered-by").is_none());
    assert!(!page.body.contains(" style=") && !page.body.contains("<style"), "nothing inline on {}", page.path);
    assert!(!page.body.contains(" onclick=") && !page.body.contains("javascript:"));
}

#[test]
fn d16_every_answer_carries_the_security_headers() {
    let app = TestApp::start();
    let (mut admin, mut nobody) = (app.admin(), app.browser());
    let icons = admin.open("/settings").attribute("link[rel=stylesheet]", "href").unwrap();

    for path in ["/settings", "/settings/client-api-access", "/nowhere", "/settings/client-api-access/clients/99"] {
        check(&admin.get(path));
    }
    for path in ["/sign-in", "/settings", "/nowhere", "/healthz", "/readyz", "/static/none.css", icons.as_str()] {
        check(&nobody.get(path));
    }
    check(&admin.post("/settings/account", &[]));
    check(&admin.send("DELETE", "/settings", &[], ""));
    assert_eq!(admin.get("/settings").header("cache-control"), Some("no-store"));
    assert!(nobody.get(&icons).header("cache-control").unwrap().contains("immutable"));
}

// Every page and endpoint as nobody and as an admin, whatever it answers, and what no route serves.
fn every_answer(app: &TestApp) -> Vec<Page> {
    let integration = app.shop().integration("Ledgerly");
    let (admin, person) = app.sign_in_as(Role::Admin);
    let token = app.shop().grant_scope(integration.id, &person, "financial-api").access_token;
    let mut program = app.program();
    program.headers.push(bearer(&token));
    let mut client = app.program();
    client.headers.push(integration.basic());
    let mut pages = Vec::new();
    for route in PAGES.iter().copied().flatten().chain(ENDPOINTS) {
        for caller in [&admin, &app.browser(), &program, &client] {
            let mut caller = caller.clone();
            pages.push(match route.method {
                "GET" => caller.get(route.path),
                method => caller.send(method, route.path, &[], "token=x"),
            });
            app.advance(1);
        }
        pages.push(app.browser().send("OPTIONS", route.path, &[("origin".into(), "https://app.example".into())], ""));
        pages.push(app.browser().send("TRACE", route.path, &[], ""));
    }
    for path in ["/nowhere", "/API/nowhere", "/auth/nowhere", "/oauth/nowhere", "/f/nowhere", "/static/none.css"] {
        pages.push(app.browser().get(path));
    }
    for path in ["/healthz", "/readyz"] {
        pages.push(app.browser().get(path));
    }
    pages
}

#[test]
fn d16_every_route_answers_with_the_headers_and_on_https_with_hsts() {
    let https = |config: &mut Config| config.public_url = PublicUrl::parse("https://pos.example").unwrap();
    for (app, hsts) in
        [(TestApp::start(), None), (TestApp::start_with(https), Some("max-age=63072000; includeSubDomains"))]
    {
        let pages = every_answer(&app);

        let mut statuses = BTreeSet::new();
        for page in &pages {
            check(page);
            // Two years; the row asks for one at least.
            assert_eq!(page.header("strict-transport-security"), hsts, "{} {}", page.status, page.path);
            statuses.insert(page.status);
        }
        let expected = [200, 204, 303, 400, 401, 403, 404, 405, 410];
        assert!(expected.iter().all(|status| statuses.contains(status)), "{statuses:?}");
    }
}

#[test]
fn s9_the_incident_id_of_a_page_and_of_an_endpoint_is_in_the_log_beside_its_cause() {
    let database = Database::blank();
    let server = Server::start(&database, &[]);
    let mut admin = server.set_up("ada@shop.example", PASSWORD);
    let (mut conn, _) = server.data(&database);
    conn.batch_execute("ALTER TABLE clients RENAME COLUMN website TO web_site").unwrap();
    conn.batch_execute("ALTER TABLE access_tokens RENAME COLUMN scope TO scopes").unwrap();

    let page = admin.get("/settings/client-api-access");
    let endpoint = Browser::new(&server.origin).send("GET", "/oauth/userinfo", &[bearer(&a_token())], "");

    assert_eq!((page.status, endpoint.status), (500, 500), "{}", endpoint.body);
    let log = server.log();
    for (answer, text, cause) in [(&page, page.text(), "website"), (&endpoint, endpoint.body.clone(), "scope")] {
        let id: String =
            text.split("Incident ID: ").nth(1).unwrap_or_else(|| panic!("{text}")).chars().take(10).collect();
        assert!(id.len() == 10 && id.chars().all(|one| one.is_ascii_alphanumeric()), "{text}");
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(&format!("incident {id}"))).collect();
        assert!(lines.len() == 1 && lines[0].contains(cause), "{id} with {cause}: {log}");
        for word in [cause, "column", "SELECT", "src/", "sqlite", "postgres", "panicked", "diesel"] {
            assert!(!answer.body.contains(word), "{word} in {}", answer.body);
        }
    }
}

// In the right form, and nobody's.
fn a_token() -> String {
    PlainToken::generate(TokenKind::AccessToken).expose().to_string()
}

#[test]
fn f16_s9_a_server_error_shows_an_incident_id_and_not_its_cause() {
    let app = TestApp::start();
    let mut admin = app.admin();
    // A row that no code of ours would write: the page that reads it fails.
    app.shop().client("Ledgerly");
    app.shop().sql("ALTER TABLE clients RENAME COLUMN website TO web_site");

    let page = admin.get("/settings/client-api-access");

    assert_eq!(page.status, 500);
    check(&page);
    assert!(page.text().contains("Incident ID: "), "{}", page.text());
    for word in ["website", "column", "SELECT", "diesel", "src/", "sqlite", "panicked"] {
        assert!(!page.body.contains(word), "{word} in {}", page.body);
    }
    assert_eq!(admin.get("/settings/employees").status, 200, "the others go on");
}
