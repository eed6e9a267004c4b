//! Registering a client and editing one: the form an admin fills in, and its validation.

use client_api_access::scopes::Role;

use crate::support::oauth::{pair, refusal};
use crate::support::{Browser, Page, TestApp, client_path};

const LIST: &str = "/settings/client-api-access";
const REGISTER: &str = "/settings/client-api-access/register";

/// A valid form.
pub const GOOD: [(&str, &str); 6] = [
    ("name", "Ledgerly"),
    ("website", "https://ledgerly.example"),
    ("redirect-uris", "https://app.example/cb"),
    ("contact-name", "Lea Ledger"),
    ("email", "lea@ledgerly.example"),
    ("phone", "+46 8 123 456"),
];

/// The same with some fields changed.
pub fn with<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = GOOD.to_vec();
    fields.retain(|(name, _)| changes.iter().all(|(own, _)| own != name));
    fields.extend(changes);
    fields
}

fn register(admin: &mut Browser, changes: &[(&str, &str)]) -> Page {
    let form = admin.open(REGISTER);
    admin.submit(&form, "/register", &with(changes))
}

#[test]
fn a_client_that_an_admin_registers_works_at_once() {
    let app = TestApp::start();
    let (mut admin, _) = app.sign_in_as(Role::Admin);
    let list = admin.open(LIST);

    let form = admin.click(&list, &list.link("Register a client").unwrap());
    let shown = admin.submit(&form, "/register", &GOOD);
    let (id, secret) = (shown.texts("#public-id")[0].clone(), shown.texts("#secret")[0].clone());
    let client = shown.link("I have copied it").unwrap();
    let page = admin.open(&client);

    assert_eq!((shown.status, shown.header("cache-control")), (200, Some("no-store")));
    assert_eq!(shown.heading(), "Ledgerly is registered");
    assert_eq!(page.heading(), "Ledgerly");
    let integration = crate::support::oauth::Integration {
        id: client_api_access::id::ClientKey(client.rsplit('/').next().unwrap().parse().unwrap()),
        client_id: id,
        secret,
    };
    let granted = integration.grant(&app, &mut admin);
    assert!(app.works(&granted.access_token));
    let log = admin.open("/settings/activity?kind=client+registered").rows("#activity");
    assert!(log[0].says("Ada Admin") && log[0].says("Ledgerly"), "{log:?}");
}

#[test]
fn the_page_after_registering_has_all_that_the_developer_needs() {
    let app = TestApp::start();
    let mut admin = app.admin();

    let shown = register(&mut admin, &[("redirect-uris", "https://app.example/cb\nhttps://app.example/two")]);
    let guide = app.browser().get(&shown.link(&format!("{}/oauth/integration-guide", app.origin())).unwrap());
    let text = shown.texts("#hand-over").join(" ");

    assert_eq!(shown.fact("Token endpoint"), format!("{}/auth/oauth/token", app.origin()));
    assert_eq!(shown.fact("Redirect URIs"), "https://app.example/cb https://app.example/two");
    assert_eq!(shown.fact("PKCE"), "Required, with S256");
    assert!(shown.texts(".scopes li").contains(&"employee:inventory_read Inventory (read)".to_string()));
    let secret = &shown.texts("#secret")[0];
    for part in [
        &format!("Client ID: {}", shown.texts("#public-id")[0]),
        &format!("Client secret: {secret}"),
        &format!("Authorization endpoint: {}/auth/oauth/authorize", app.origin()),
        "employee:all: Full access",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert_eq!(shown.attribute("[data-copy='#hand-over']", "type").as_deref(), Some("button"));
    assert_eq!((guide.status, guide.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    assert!(guide.body.starts_with("# ") && guide.body.contains("/auth/oauth/token"));
    let metadata = app.browser().get("/.well-known/oauth-authorization-server").json();
    assert_eq!(metadata["service_documentation"], format!("{}/oauth/integration-guide", app.origin()));
}

#[test]
fn submitting_the_form_twice_registers_one_client() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let form = admin.open(REGISTER);

    let first = admin.submit(&form, "/register", &GOOD);
    let again = admin.submit(&form, "/register", &GOOD);

    assert_eq!((first.status, again.status), (200, 409));
    assert_eq!(again.heading(), "Try again");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM clients"), 1);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM client_secrets"), 1);
}

#[test]
fn all_errors_are_shown_at_once_beside_their_fields_and_what_was_typed_stays() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let uris = "https://app.example/cb\nhttp://app.example/cb\nnowhere";
    let changes = [
        ("name", "Lightspeed Ledger"),
        ("website", "nowhere"),
        ("redirect-uris", uris),
        ("contact-name", ""),
        ("email", "lea"),
        ("grants-end-after", "soon"),
        ("publicly-distributed", "yes"),
    ];

    let page = register(&mut admin, &changes);

    assert_eq!(page.status, 422);
    for field in ["name", "website", "redirect-uris", "contact-name", "email", "grants-end-after"] {
        assert!(!page.texts(&format!("#{field}-error")).is_empty(), "{field}");
        assert_eq!(page.attribute(&format!("#{field}"), "aria-invalid").as_deref(), Some("true"), "{field}");
        let described = page.attribute(&format!("#{field}"), "aria-describedby").unwrap();
        assert!(described.ends_with(&format!("{field}-error")), "{described}");
        assert!(page.has(&format!(".notice a[href='#{field}']")), "{field}");
    }
    assert_eq!(page.texts("#redirect-uris-error .error").len(), 2, "one sentence for each wrong URI");
    assert!(page.notice().contains("Fix 7 errors"), "{}", page.notice());
    assert!(page.has("#phone") && !page.has("#phone-error"));
    assert_eq!(page.attribute("#name", "value").as_deref(), Some("Lightspeed Ledger"));
    assert_eq!(page.attribute("#grants-end-after", "value").as_deref(), Some("soon"));
    assert!(page.has("#publicly-distributed[checked]"));
    assert_eq!(page.texts("#redirect-uris"), [uris.replace('\n', " ")]);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM clients"), 0);
}

#[test]
fn a_client_has_one_to_ten_redirect_uris() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let uris = |n: usize| (0..n).map(|i| format!("https://app.example/{i}")).collect::<Vec<_>>().join("\r\n");

    for (given, status) in [(uris(11), 422), (" \r\n ".to_string(), 422), (uris(10), 200)] {
        let page = register(&mut admin, &[("redirect-uris", &given)]);

        assert_eq!(page.status, status, "{given}");
        assert_eq!(page.has("#redirect-uris-error"), status == 422);
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM redirect_uris"), 10);
}

#[test]
fn an_admin_edits_a_client_and_the_log_says_what_changed() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let shown = register(&mut admin, &[("requires-pkce", "yes")]);
    let client = shown.link("I have copied it").unwrap();

    let form = admin.open(&format!("{client}/edit"));
    let same = admin.submit(&form, "/edit", &[]);
    let unchanged = admin.follow(&same);
    let changes = [("name", "Ledgerly Two"), ("redirect-uris", "https://new.example/cb"), ("grants-end-after", "90")];
    let saved = admin.submit(&form, "/edit", &changes);
    let page = admin.follow(&saved);
    let again = admin.open(&format!("{client}/edit"));
    let wrong = admin.submit(&again, "/edit", &[("name", "")]);

    assert!(unchanged.notice().contains("No changes to save"), "{}", unchanged.notice());
    assert_eq!(page.heading(), "Ledgerly Two");
    assert_eq!(again.attribute("#grants-end-after", "value").as_deref(), Some("90"));
    assert_eq!(again.texts("#redirect-uris"), ["https://new.example/cb"]);
    assert!(again.has("#requires-pkce[checked]") && !again.has("#publicly-distributed"));
    assert_eq!((wrong.status, wrong.heading().as_str()), (422, "Edit Ledgerly Two"));
    let log = admin.open("/settings/activity?kind=client+changed").rows("#activity");
    assert_eq!(log.len(), 1, "{log:?}");
    for part in ["name from Ledgerly to Ledgerly Two", "https://new.example/cb", "access expires after 90 days"] {
        assert!(log[0].says(part), "{part}: {log:?}");
    }
}

#[test]
fn whether_a_client_is_publicly_distributed_cannot_be_changed() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let uri = ("redirect-uris", "http://127.0.0.1/cb");

    let refused = register(&mut admin, &[uri]);
    let shown = register(&mut admin, &[uri, ("publicly-distributed", "yes")]);
    let client = shown.link("I have copied it").unwrap();
    let form = admin.open(&format!("{client}/edit"));
    let edited = admin.submit(&form, "/edit", &[("publicly-distributed", ""), ("name", "Other")]);

    assert_eq!((refused.status, shown.status, edited.status), (422, 200, 303));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM clients WHERE publicly_distributed"), 1);
}

#[test]
fn a_client_that_is_being_deleted_cannot_be_edited() {
    let app = TestApp::start();
    let id = app.shop().client("Ledgerly");
    let mut admin = app.admin();
    let form = admin.open(&format!("{}/edit", client_path(id)));
    let now = app.now().0;
    app.shop().sql(&format!("UPDATE clients SET revoked_at = {now} WHERE id = {id}"));

    let answer = admin.submit(&form, "/edit", &GOOD);

    assert_eq!(answer.status, 409);
    assert_eq!(admin.get(&format!("{}/edit", client_path(id))).status, 409);
    assert_eq!(app.shop().word("SELECT name AS word FROM clients"), "Ledgerly");
}

#[test]
fn access_expires_after_the_days_set_for_the_client_however_often_it_is_refreshed() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let integration = shop.integration("Ledgerly");
    let mut admin = app.admin();
    let form = admin.open(&format!("{}/edit", client_path(integration.id)));
    let fields = with(&[("grants-end-after", "1"), ("requires-pkce", "yes")]);
    assert_eq!(admin.submit(&form, "/edit", &fields).status, 303);
    let mut admin = app.admin();

    let first = integration.grant(&app, &mut admin);
    app.advance(23 * 3600);
    let second = pair(&integration.refresh(&app, &first.refresh_token));
    app.advance(2 * 3600);

    assert!(!app.works(&second.access_token));
    assert_eq!(refusal(&integration.refresh(&app, &second.refresh_token)).1, "invalid_grant");
}

#[test]
fn c1_an_invalid_redirect_uri_is_refused_with_an_error_beside_the_field() {
    let app = TestApp::start();
    let mut admin = app.admin();

    for bad in [
        "https://app.example/cb#here",
        "https://*.app.example/cb",
        "/callback",
        "app.example/cb",
        "https://user@app.example/cb",
        "https://user:pass@app.example/cb",
        "javascript:alert(1)",
        "data:text/html,hi",
        "http://app.example/cb",
        "http://127.0.0.1/cb",
        "https://app.example/cb?code=1",
        "https://app.example/cb?state=1",
        "https://app.example/cb?iss=1",
        "https://app.example/cb?error=1",
        "https://cloud.lightspeedapp.com/cb",
        "https://cloud.lightspeedapp.com./cb",
    ] {
        let page = register(&mut admin, &[("redirect-uris", bad)]);

        assert_eq!(page.status, 422, "{bad}");
        assert_eq!(page.texts("#redirect-uris-error .error").len(), 1, "{bad}");
        assert_eq!(page.texts("#redirect-uris"), [bad]);
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM clients"), 0);
}

#[test]
fn c2_an_unsafe_website_is_refused() {
    let app = TestApp::start();
    let mut admin = app.admin();

    for bad in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "\tjavascript:alert(1)",
        "data:text/html,hi",
        "//evil.example",
        "https://a\"onmouseover=x.example",
        "https://www.lightspeedhq.com",
        "https://LIGHTSPEEDHQ.com./",
    ] {
        let page = register(&mut admin, &[("website", bad)]);

        assert_eq!((page.status, page.texts("#website-error .error").len()), (422, 1), "{bad}");
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM clients"), 0);
}

#[test]
fn c4_a_name_is_escaped_and_cannot_impersonate_another() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let long = "x".repeat(10_000);

    for bad in ["Ledger\u{202E}yl", "Led\u{200B}gerly", "Led\u{00AD}gerly", &long, "My LIGHTspeed App", " ", "a\u{0}b"]
    {
        let page = register(&mut admin, &[("name", bad)]);
        let shown: String = bad.chars().take(20).collect();
        assert_eq!((page.status, page.texts("#name-error .error").len()), (422, 1), "{shown:?}");
    }
    let page = register(&mut admin, &[("name", "<script>alert(1)</script>")]);
    assert_eq!(page.heading(), "<script>alert(1)</script> is registered");
    for path in [LIST.to_string(), page.link("I have copied it").unwrap(), "/settings/activity".into()] {
        let page = admin.open(&path);
        assert!(page.text().contains("<script>alert(1)</script>"), "{path}");
        assert!(!page.body.contains("<script>alert"), "{path}");
    }
}
