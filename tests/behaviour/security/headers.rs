//! Headers on every response, whatever it is.

use crate::support::{Page, TestApp};

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
