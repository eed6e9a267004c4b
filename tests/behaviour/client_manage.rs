//! What admins do with a client and its secrets, and what the client's page shows of it.

use client_api_access::scopes::Role;
use client_api_access::time::{DAY, HOUR};

use crate::support::oauth::{Integration, pair, refusal};
use crate::support::{Browser, Page, TestApp, client_path};

// Presses a button on a client's page and lands on it again.
fn press(browser: &mut Browser, path: &str, action: &str) -> Page {
    let page = browser.open(path);
    let answer = browser.submit(&page, action, &[]);
    browser.follow(&answer)
}

// Regenerates the secret of a client as the signed-in admin.
fn new_secret(admin: &mut Browser, integration: &Integration, overlap: i64) -> (Page, Integration) {
    let form = admin.open(&format!("{}/secret", client_path(integration.id)));
    let shown = admin.submit(&form, "/secret", &[("overlap", &overlap.to_string())]);
    let secret = shown.texts("#secret").pop().unwrap_or_else(|| panic!("{}", shown.text()));
    (shown, Integration { secret, ..integration.clone() })
}

// Whether the token endpoint accepts the credentials: an invalid refresh token is then the only error.
fn is_known(app: &TestApp, integration: &Integration) -> bool {
    refusal(&integration.refresh(app, "nonsense")).1 == "invalid_grant"
}

#[test]
fn everybody_sees_the_registration_and_only_admins_see_the_secrets() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let path = client_path(integration.id);
    app.shop().sql("UPDATE clients SET contact_name = 'Lea Ledger', contact_email = 'lea@ledgerly.example'");
    let (mut admin, mut staff) = (app.admin(), app.sign_in_as(Role::Staff).0);

    let (theirs, own) = (staff.open(&path), admin.open(&path));

    for page in [&theirs, &own] {
        assert_eq!(page.fact("Client ID"), integration.client_id);
        assert_eq!(page.fact("Redirect URIs"), "https://app.example/cb");
        assert_eq!(page.fact("Contact"), "Lea Ledger · lea@ledgerly.example");
        assert_eq!((page.fact("Publicly distributed"), page.fact("PKCE")), ("No".into(), "Required".into()));
        assert_eq!(page.fact("Approval"), "Approved by Ada Admin on 20 Nov 2026, 12:00");
        assert!(!page.body.contains(&integration.secret));
    }
    assert_eq!(own.fact("Client secret"), "Created 20 Nov 2026, 12:00 ; never used");
    assert!(!theirs.text().contains("Client secret") && !theirs.text().contains("Manage"));
    assert!(theirs.link("Edit client").is_none() && own.link("Edit client").is_some());
}

#[test]
fn the_page_shows_every_redirect_uri_and_a_client_without_pkce() {
    let app = TestApp::start();
    let integration = app.shop().integration_without_pkce("Ledgerly");
    app.shop().redirect_uri(&integration, "https://app.example/second");
    app.shop().sql("UPDATE clients SET grants_end_after = 7776000");

    let page = app.manager().open(&client_path(integration.id));

    assert_eq!(page.fact("Redirect URIs"), "https://app.example/cb https://app.example/second");
    assert_eq!((page.fact("PKCE"), page.fact("Access expires")), ("Not required".into(), "After 90 days".into()));
}

#[test]
fn the_lightspeed_approved_badge_is_added_and_removed_and_says_who_added_it() {
    let app = TestApp::start();
    let id = app.shop().client("Ledgerly");
    app.shop().sql("UPDATE clients SET lightspeed_approved_at = NULL");
    let path = client_path(id);
    let mut admin = app.admin();
    let before = admin.open(&path);

    let given = press(&mut admin, &path, "/lightspeed-approved");
    let again = admin.submit(&before, "/lightspeed-approved", &[]);
    let again = admin.follow(&again);
    let taken = press(&mut admin, &path, "/lightspeed-approved/withdraw");

    assert!(given.notice().contains("is marked as Lightspeed Approved"), "{}", given.notice());
    assert_eq!(given.fact("Lightspeed Approved"), "Marked by Ada Admin on 20 Nov 2026, 12:00");
    assert!(again.notice().contains("already"), "{}", again.notice());
    assert_eq!(taken.fact("Lightspeed Approved"), "No");
    let log = admin.open("/settings/activity").rows("#activity");
    assert!(log[0].says("Lightspeed Approved removed") && log[1].says("Marked as Lightspeed Approved"), "{log:?}");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity WHERE kind = 'client approved'"), 1);
}

#[test]
fn a_suspended_client_stops_working_at_once_until_it_is_resumed() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let path = client_path(integration.id);
    let mut admin = app.admin();
    let granted = integration.grant(&app, &mut admin);

    let form = admin.open(&format!("{path}/suspend"));
    let suspended = admin.submit(&form, "/suspend", &[]);
    let suspended = admin.follow(&suspended);
    let (works, refused) = (app.works(&granted.access_token), integration.refresh(&app, &granted.refresh_token));
    let resumed = press(&mut admin, &path, "/resume");

    assert_eq!(suspended.fact("Suspended"), "Suspended by Ada Admin on 20 Nov 2026, 12:00");
    assert!(!works);
    assert_eq!(refusal(&refused).0, 401);
    assert!(resumed.notice().contains("work again"), "{}", resumed.notice());
    assert!(app.works(&granted.access_token));
    pair(&integration.refresh(&app, &granted.refresh_token));
    let log = admin.open("/settings/activity").rows("#activity");
    assert!(log[0].says("Client resumed") && log[1].says("Client suspended"), "{log:?}");
}

#[test]
fn a_pending_client_gets_no_tokens_until_an_admin_approves_it() {
    let app = TestApp::start();
    let id = app.shop().pending_client("Ledgerly");
    let integration = app.shop().credentials(id);
    let mut admin = app.admin();
    assert_eq!(refusal(&integration.refresh(&app, "nonsense")).1, "invalid_client");

    let approved = press(&mut admin, &client_path(id), "/approve");

    assert_eq!(approved.fact("Approval"), "Approved by Ada Admin on 20 Nov 2026, 12:00");
    assert!(!approved.text().contains("Approve client"));
    assert!(is_known(&app, &integration));
}

#[test]
fn a_client_that_is_being_deleted_cannot_be_changed() {
    let app = TestApp::start();
    let id = app.shop().client("Ledgerly");
    let mut admin = app.admin();
    let (csrf, now, path) = (admin.csrf(), app.now().0, client_path(id));
    app.shop().sql(&format!("UPDATE clients SET revoked_at = {now} WHERE id = {id}"));

    for action in [
        "approve",
        "lightspeed-approved",
        "lightspeed-approved/withdraw",
        "suspend",
        "resume",
        "secret",
        "secret/revoke-previous",
    ] {
        let fields = [("csrf", csrf.as_str()), ("nonce", "0123456789"), ("overlap", "0")];
        let answer = admin.post(&format!("{path}/{action}"), &fields);
        assert_eq!(answer.status, 409, "{action}: {}", answer.text());
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity WHERE subject_kind = 'client'"), 0);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM client_secrets"), 0);
}

#[test]
fn c6_a_new_secret_is_shown_once_and_the_previous_one_stops_at_once() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let path = client_path(integration.id);
    let mut admin = app.admin();
    assert!(is_known(&app, &integration));
    let form = admin.open(&format!("{path}/secret"));

    let (shown, renewed) = new_secret(&mut admin, &integration, 0);

    assert_eq!(shown.header("cache-control"), Some("no-store"));
    assert_eq!(shown.texts("#public-id"), [integration.client_id.as_str()]);
    assert!(is_known(&app, &renewed) && !is_known(&app, &integration));
    let by_basic = |integration: &Integration| {
        let body = "grant_type=refresh_token&refresh_token=nonsense";
        let headers = [integration.basic(), ("content-type".into(), "application/x-www-form-urlencoded".into())];
        app.program().send("POST", "/auth/oauth/token", &headers, body).status
    };
    assert_eq!((by_basic(&renewed), by_basic(&integration)), (400, 401));
    let fields = [("overlap", "0")];
    let first = admin.submit(&form, "/secret", &fields);
    let again = admin.submit(&form, "/secret", &fields);
    assert_eq!((first.status, again.status), (200, 409), "a form generates one secret");
    let newest = first.texts("#secret")[0].clone();
    let secrets = [&integration.secret, &renewed.secret, &newest];
    for page in [path.clone(), format!("{path}/secret"), format!("{path}/edit"), "/settings/activity".into()] {
        let body = admin.open(&page).body;
        assert!(secrets.iter().all(|secret| !body.contains(&secret[12..])), "{page}");
    }
    let log = admin.open("/settings/activity?kind=secret+regenerated").rows("#activity");
    assert_eq!(log.len(), 2);
    assert!(log[0].says("stopped working at once"), "{log:?}");
}

#[test]
fn c6_with_an_overlap_the_previous_secret_works_until_it_passes() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut admin = app.admin();

    let (shown, renewed) = new_secret(&mut admin, &integration, HOUR);
    let both = is_known(&app, &renewed) && is_known(&app, &integration);
    app.run_background();
    let during = admin.open(&client_path(integration.id));
    app.advance(HOUR - 1);
    let at_the_end = is_known(&app, &integration);
    app.advance(1);

    assert!(shown.text().contains("works until 20 Nov 2026, 13:00"), "{}", shown.text());
    assert!(both && at_the_end);
    let facts = during.fact("Client secret");
    assert!(facts.contains("The previous secret works until 20 Nov 2026, 13:00 ; last used just now"), "{facts}");
    assert!(is_known(&app, &renewed) && !is_known(&app, &integration));
    let after = app.admin().open(&client_path(integration.id));
    assert!(!after.text().contains("previous secret"));
}

#[test]
fn c6_the_previous_secret_can_be_revoked_early() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let path = client_path(integration.id);
    let mut admin = app.admin();
    let (_, renewed) = new_secret(&mut admin, &integration, DAY);
    let page = admin.open(&path);

    let ended = press(&mut admin, &path, "/secret/revoke-previous");
    let again = admin.submit(&page, "/secret/revoke-previous", &[]);
    let again = admin.follow(&again);

    assert!(ended.notice().contains("Previous secret revoked"), "{}", ended.notice());
    assert!(again.notice().contains("had already stopped working"), "{}", again.notice());
    assert!(is_known(&app, &renewed) && !is_known(&app, &integration));
    assert_eq!(admin.get(&format!("{path}/secret")).status, 200);
    let form = admin.open(&format!("{path}/secret"));
    assert_eq!(admin.submit(&form, "/secret", &[("overlap", "999999999")]).status, 400);
}

#[test]
fn c6_a_client_id_that_was_deleted_never_works_again() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let path = client_path(integration.id);
    let mut admin = app.admin();

    let form = admin.open(&format!("{path}/revoke"));
    assert_eq!(admin.submit(&form, "/revoke", &[]).status, 303);
    let form = admin.open("/settings/client-api-access/register");
    let shown = admin.submit(&form, "/register", &crate::registration::GOOD);

    assert_ne!(shown.texts("#public-id"), [integration.client_id.as_str()]);
    assert!(!is_known(&app, &integration));
    let mixed = Integration { secret: shown.texts("#secret")[0].clone(), ..integration };
    assert!(!is_known(&app, &mixed));
}

#[test]
fn the_clients_page_shows_why_a_refresh_failed() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let path = client_path(integration.id);
    let mut manager = app.manager();
    let empty = manager.open(&path);

    for _ in 0..12 {
        assert_eq!(integration.refresh(&app, "nonsense").status, 400);
    }
    let wrong = Integration { secret: "wrong".into(), ..integration.clone() };
    wrong.refresh(&app, "nonsense");
    let page = manager.open(&path);
    let all = manager.click(&page, &page.link("Show all 13").unwrap());

    assert!(empty.texts("#failures .empty").concat().contains("No failed requests"));
    let rows = page.rows("#failures");
    assert_eq!((rows.len(), all.rows("#failures").len()), (10, 13));
    assert!(rows[0].says("20 Nov 2026, 12:00") && rows[0].says("invalid_client"), "{rows:?}");
    assert!(rows[1].says("Refresh") && rows[1].says("invalid_grant") && rows[1].says("127.0.0.1"), "{rows:?}");
    assert!(!rows[1].cells[3].is_empty(), "the hint: {rows:?}");
    assert!(all.link("Show the latest 10").is_some());
    assert!(!app.sign_in_as(Role::Staff).0.open(&path).has("#failures"), "staff do not see IP addresses");
}
