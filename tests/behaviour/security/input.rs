//! Input that no browser of ours would send.

use client_api_access::scopes::Role;

use crate::support::TestApp;

const LIST: &str = "/settings/client-api-access";

#[test]
fn i1_broken_text_in_any_place_is_refused_or_a_normal_page() {
    let app = TestApp::start();
    let client = app.shop().client("Ledgerly");
    let mut admin = app.admin();

    for bad in ["%FF", "%C0%AF", "%ED%A0%80", "%00", "a%00b", "%0d%0aSet-Cookie:x=1", "%F4%90%80%80"] {
        for path in [
            format!("{LIST}?name={bad}"),
            format!("{LIST}?employee={bad}"),
            format!("{LIST}?sort={bad}"),
            format!("{LIST}?after={bad}"),
            format!("{LIST}?status={bad}"),
            format!("{LIST}?{bad}=1"),
            format!("{LIST}/clients/{client}?rt-token={bad}&at-employee={bad}"),
            format!("{LIST}/clients/{bad}"),
            format!("/settings/employees?name={bad}"),
            format!("/settings/activity?actor={bad}&from={bad}"),
            format!("/set-up/{bad}"),
            format!("/static/{bad}"),
            format!("/{bad}"),
        ] {
            let page = admin.get(&path);
            assert!(matches!(page.status, 200 | 303 | 400 | 404 | 410), "{path}: {}", page.status);
            assert!(page.header("set-cookie").is_none_or(|cookie| !cookie.starts_with('x')));
        }
    }
    let csrf = admin.csrf();
    for bad in ["\0", "a\0b", "\u{FFFD}", "\r\nx: y", "\u{202E}evil", "\u{200B}"] {
        let fields =
            [("csrf", csrf.as_str()), ("name", bad), ("email", bad), ("role", bad), ("zone", bad), ("token", bad)];
        for path in ["/settings/account", "/settings/account/businesses", &format!("{LIST}/find-token")] {
            let page = admin.post(path, &fields);
            assert!(matches!(page.status, 200 | 303 | 400 | 422), "{path} {bad:?}: {}", page.status);
        }
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM businesses"), 0);
    assert_eq!(app.shop().word("SELECT name AS word FROM accounts"), "Harbour & Pine");
}

#[test]
fn i2_i3_filters_are_literal_and_fold_letters_alike_on_both_databases() {
    let app = TestApp::start();
    for name in ["Ärmel & Söhne", "100% Wolle", "under_score", "back\\slash", "O'Brien \"Inn\"", "[brackets]", "Plain"]
    {
        app.shop().client(name);
    }
    let mut manager = app.manager();
    let mut found = |filter: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("name", filter).finish();
        let page = manager.open(&format!("{LIST}?{query}"));
        page.rows("#clients").len()
    };

    for (filter, rows) in [
        ("%", 1),
        ("_", 1),
        ("\\", 1),
        ("'", 1),
        ("\"", 1),
        ("[", 1),
        ("ärmel", 1),
        ("ÄRMEL", 1),
        ("sÖhNe", 1),
        ("PLAIN", 1),
        ("p_ain", 0),
        ("nobody", 0),
    ] {
        assert_eq!(found(filter), rows, "{filter}");
    }
}

#[test]
fn i4_a_filter_that_is_too_long_is_refused_by_name() {
    let app = TestApp::start();

    let page = app.manager().get(&format!("{LIST}?name={}", "x".repeat(25_000)));

    assert_eq!(page.status, 400);
    assert!(page.text().contains("at most 200 characters"));
}

#[test]
fn i7_input_never_splits_a_header_or_a_page() {
    let app = TestApp::start();
    let mut browser = app.browser();

    let page = browser.get("/settings/client-api-access?name=%0d%0aLocation:%20https://evil.example");
    assert_eq!(page.status, 303);
    assert!(page.location().starts_with("/sign-in?next="));
    assert!(!page.location().contains('\r') && !page.location().contains('\n'));

    let form = browser.open("/sign-in?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E");
    assert!(!form.body.contains("<script>alert"));
}

#[test]
fn i9_forwarding_headers_without_a_trusted_proxy_are_ignored() {
    let app = TestApp::start();
    let (mut admin, _) = app.sign_in_as(Role::Admin);
    for (name, value) in [
        ("x-forwarded-for", "10.9.9.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=10.9.9.9;host=evil.example;proto=https"),
        ("x-forwarded-uri", "/settings/account"),
        ("x-original-url", "/settings/account"),
        ("x_forwarded_for", "10.9.9.9"),
    ] {
        admin.headers.push((name.into(), value.into()));
    }

    let page = admin.open("/settings/profile");

    assert!(page.text().contains("127.0.0.1") && !page.text().contains("10.9.9.9"));
    assert!(page.header("strict-transport-security").is_none(), "no https by hearsay");
    assert!(!page.body.contains("evil.example"));
    assert_eq!(page.heading(), "Your profile");
}

#[test]
fn i9_a_trusted_proxy_reports_the_client_ip() {
    let app = TestApp::start_with(|config| config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]);
    let person = app.shop().employee("Ada Admin", Role::Admin);
    let mut browser = app.browser();
    browser.headers.push(("x-forwarded-for".into(), "203.0.113.9".into()));

    browser.sign_in(&person.email, crate::support::PASSWORD);

    assert!(browser.open("/settings/profile").text().contains("203.0.113.9"));
}

#[test]
fn i11_odd_pages_and_ids_are_clamped_or_not_found() {
    let app = TestApp::start();
    let client = app.shop().client("Ledgerly");
    let mut admin = app.admin();

    for query in ["at=0", "at=-1", "at=1000000000", "after=9.0&at=-5"] {
        assert_eq!(admin.get(&format!("{LIST}?{query}")).status, 200, "{query}");
    }
    for query in ["at=abc", "after=abc", "before=1", "sort=colour", "after=99999999999999999999.a"] {
        assert_eq!(admin.get(&format!("{LIST}?{query}")).status, 400, "{query}");
    }
    for query in ["rt-after=1.abc", "at-sort=%3Bdrop", "rt-before=x.1"] {
        assert_eq!(admin.get(&format!("{LIST}/clients/{client}?{query}")).status, 400, "{query}");
    }
    for id in ["0", "-1", "abc", "1.5", "99999999999999999999", "1%20OR%201=1", "999999"] {
        assert_eq!(admin.get(&format!("{LIST}/clients/{id}")).status, 404, "{id}");
        assert_eq!(admin.get(&format!("/settings/employees/{id}")).status, 404, "{id}");
    }
}

#[test]
fn c2_c3_c4_a_hostile_client_in_the_database_is_shown_as_harmless_text() {
    let app = TestApp::start();
    let person = app.shop().staff("Marta Lindqvist");
    let (evil, good) = (app.shop().client("Evil"), app.shop().client("Ledgerly"));
    app.shop().grant(evil, &person);
    app.shop().disguise_client(
        evil,
        "<script>alert(1)</script>\u{202E}gro.elgoog",
        "javascript:alert(document.cookie)",
    );
    let mut admin = app.admin();

    for path in [LIST.to_string(), format!("{LIST}/clients/{evil}"), format!("{LIST}/clients/{evil}/revoke")] {
        let page = admin.open(&path);
        assert!(!page.body.contains("<script>alert"), "{path}");
        assert!(!page.body.contains("href=\"javascript"), "{path}");
        assert!(!page.body.contains("href=\"data:"), "{path}");
    }
    let page = admin.open(&format!("{LIST}/clients/{good}"));
    let link = "main a[href^='https://ledgerly.example']";
    assert_eq!(page.attribute(link, "rel").as_deref(), Some("noopener noreferrer"));
    assert_eq!(page.attribute(link, "target").as_deref(), Some("_blank"));
}
