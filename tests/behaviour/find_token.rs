//! Finding a token by its whole value.

use client_api_access::scopes::Role;
use client_api_access::time::DAY;
use sha2::{Digest, Sha256};

use crate::support::{Browser, Page, TestApp};

const FORM: &str = "/settings/client-api-access/find-token";

fn find(browser: &mut Browser, token: &str) -> Page {
    let form = browser.open(FORM);
    browser.submit(&form, "/find-token", &[("token", token)])
}

#[test]
fn i5_a_whole_token_lands_on_its_page_and_its_value_goes_no_further() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    let key = app.shop().api_key(client, &anna, "");
    let old = app.shop().at(-3 * DAY).grant(client, &anna);
    let mut browser = app.sign_in_as(Role::Staff).0;

    let tokens = [
        (grant.refresh_token.clone(), grant.path()),
        (grant.access_token.clone(), grant.access_token_path()),
        (key.value.clone(), key.path()),
        (format!("  Bearer {}\n", key.value), key.path()),
        (format!("bearer {} ", grant.access_token), grant.access_token_path()),
        (old.access_token.clone(), old.access_token_path()),
    ];
    for (token, path) in &tokens {
        let found = find(&mut browser, token);
        let page = browser.follow(&found);

        assert_eq!(&found.location(), path);
        assert_eq!(page.status, 200);
        assert!(!page.body.contains(&token.trim()[10..40]));
    }
    let kept = app.shop().words("SELECT subject_name || detail || client_ip AS word FROM activity");
    let state = app.shop().words("SELECT state AS word FROM sessions");
    for secret in [&grant.refresh_token, &grant.access_token, &key.value] {
        assert!(!kept.iter().chain(&state).any(|text| text.contains(&secret[..9])));
    }
}

#[test]
fn an_earlier_value_of_a_grant_is_known_as_one() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let first = app.shop().grant(client, &anna);
    let second = app.shop().refresh(&first);
    let mut browser = app.manager();

    let found = find(&mut browser, &first.refresh_token);
    let page = browser.follow(&found);
    let newest = find(&mut browser, &second.refresh_token);

    assert_eq!(found.location(), first.path());
    assert!(page.notice().contains("earlier value of this refresh token"));
    assert_eq!(browser.follow(&newest).notice(), "");
}

#[test]
fn s10_the_fingerprint_a_scanner_reports_finds_the_token_too() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let key = app.shop().api_key(client, &anna, "");
    let mut browser = app.admin();

    let hash: String = Sha256::digest(key.value.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let found = find(&mut browser, &hash);
    let page = browser.follow(&found);
    let confirmation = browser.click(&page, &page.link("Revoke API key").unwrap());

    assert_eq!(found.location(), key.path());
    assert_eq!(browser.submit(&confirmation, "/revoke", &[]).status, 303);
    assert!(find(&mut browser, &hash.to_uppercase()).text().contains("Token not found"));
}

#[test]
fn a_mistyped_a_foreign_and_an_unknown_token_are_told_apart() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let key = app.shop().api_key(client, &anna, "");
    let mut browser = app.manager();
    let last = if key.value.ends_with('x') { 'y' } else { 'x' };
    let mistyped = format!("{}{last}", &key.value[..59]);

    let problem = |page: Page| {
        assert_eq!(page.status, 200);
        page.texts("[role=alert] strong").join("")
    };
    assert_eq!(problem(find(&mut browser, &mistyped)), "Check the token");
    for foreign in ["", "def50200abcdef", "ä\u{0}ö", &"x".repeat(5000)] {
        assert_eq!(problem(find(&mut browser, foreign)), "No token from this server");
    }
    assert_eq!(problem(find(&mut browser, "Zk3f9aB")), "No token begins with Zk3f9aB");
    let page = browser.open(&key.path());
    let confirmation = browser.click(&page, &page.link("Revoke API key").unwrap());
    browser.submit(&confirmation, "/revoke", &[]);
    assert_eq!(problem(find(&mut browser, &key.value)), "Token not found");
}

#[test]
fn guessing_has_to_wait_and_finding_does_not() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let key = app.shop().api_key(client, &anna, "");
    let (mut browser, mut other) = (app.manager(), app.manager());
    let unknown = |n: usize| format!("{n:064x}");

    for _ in 0..20 {
        assert_eq!(find(&mut browser, &key.value).status, 303);
    }
    for n in 0..5 {
        assert_eq!(find(&mut browser, &unknown(n)).status, 200);
    }
    let refused = find(&mut browser, &unknown(6));

    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    assert_eq!(refused.heading(), "Too many attempts");
    assert_eq!(find(&mut other, &unknown(7)).status, 200, "another person is not held up");
    app.advance(1);
    assert_eq!(find(&mut browser, &key.value).status, 303);
}

#[test]
fn looking_a_token_up_is_written_down() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    let mut browser = app.manager();

    find(&mut browser, &grant.refresh_token);
    let rows = browser.open("/settings/activity?kind=token+looked+up").rows("#activity");

    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].cells[1], "Mona Manager");
    assert!(rows[0].cells[2].contains(&format!("{} of Ledgerly", grant.mask())));
}

#[test]
fn a_client_secret_that_turned_up_somewhere_leads_to_its_client() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.admin();

    let found = find(&mut browser, &integration.secret);
    let page = browser.follow(&found);

    assert_eq!(found.location(), crate::support::client_path(integration.id));
    assert!(page.text().contains("regenerate it"), "{}", page.text());
    assert!(!page.body.contains(&integration.secret[..12]));
}

#[test]
fn the_tokens_in_a_message_are_found_with_whose_they_are_and_what_to_do() {
    let app = TestApp::start();
    let (anna, bert) = (app.shop().staff("Anna"), app.shop().staff("Bert"));
    let (ledgerly, stockbird) = (app.shop().client("Ledgerly"), app.shop().client("Stockbird"));
    let grant = app.shop().grant(ledgerly, &anna);
    let old = app.shop().at(-3 * DAY).grant(stockbird, &bert);
    let key = app.shop().api_key(stockbird, &bert, "till");
    let unknown = format!("{:064x}", 7);
    let mistyped = format!("{}-", &key.value[..40]);
    let text = format!(
        "Hi, we found this on a public page:\n{{\"access_token\":\"{}\"}} and {}\nhttps://x.example/?key={}, twice {}, {unknown}, {mistyped}",
        grant.access_token, old.access_token, key.value, key.value
    );
    let mut browser = app.manager();

    let page = find(&mut browser, &text);

    assert_eq!(page.status, 200);
    let rows: Vec<Vec<String>> = page.rows("#found").into_iter().map(|row| row.cells[..4].to_vec()).collect();
    let masked = |mask: &str, kind: &str| format!("{mask} *** REDACTED *** {kind}");
    let found = [
        vec![masked(&grant.access_token[..7], "Access token"), "Ledgerly".into(), "Anna".into(), "Never used".into()],
        vec![masked(&old.access_token[..7], "Access token"), "Stockbird".into(), "Bert".into(), "Expired".into()],
        vec![masked(&key.value[..7], "API key"), "Stockbird".into(), "Bert".into(), "Never used".into()],
    ];
    assert_eq!(rows, found);
    assert_eq!(page.texts("[role=alert] strong"), ["1 of 4 not found", "Check the token"]);
    assert!(page.text().contains(&format!("What begins with {} has a wrong character", &key.value[..7])));
    let leads_to = |page: &Page, path: &str| page.body.contains(&format!("href=\"{path}\""));
    let revoke = format!("{}/revoke", key.path());
    assert!(leads_to(&page, &revoke) && leads_to(&page, &grant.path()));
    assert!(!leads_to(&page, &format!("{}/revoke", old.access_token_path())), "it has expired");
    let (mut staff, _) = app.sign_in_as(Role::Staff);
    let seen = find(&mut staff, &text);
    assert!(leads_to(&seen, &key.path()) && !leads_to(&seen, &revoke), "another person's");

    let kept = app.shop().words("SELECT subject_name || detail || client_ip AS word FROM activity");
    let state = app.shop().words("SELECT state AS word FROM sessions");
    for secret in [&grant.access_token, &old.access_token, &key.value] {
        assert!(!page.body.contains(&secret[..12]) && !seen.body.contains(&secret[..12]));
        assert!(!kept.iter().chain(&state).any(|text| text.contains(&secret[..9])));
    }
}

#[test]
fn seven_characters_alone_list_the_tokens_that_begin_with_them() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let (ledgerly, stockbird) = (app.shop().client("Ledgerly"), app.shop().client("Stockbird"));
    let grant = app.shop().grant(ledgerly, &anna);
    let key = app.shop().api_key(stockbird, &anna, "");
    app.shop().sql(&format!("UPDATE access_tokens SET prefix = '{}' WHERE label = ''", grant.mask()));
    let mut browser = app.manager();

    let shown = find(&mut browser, &format!(" {} *** REDACTED ***", grant.mask()));

    let clients: Vec<String> = shown.rows("#found").iter().map(|row| row.cells[1].clone()).collect();
    assert_eq!(clients, ["Ledgerly", "Ledgerly", "Stockbird"], "the grant, its access token, and the key");
    assert!(shown.body.contains(&format!("{}/revoke", key.path())));
    let other = if grant.mask() == "aaaaaaa" { "bbbbbbb" } else { "aaaaaaa" };
    assert!(find(&mut browser, other).text().contains("No token begins with"));
}
