//! Revokes that are too large for one transaction: access ends at once, the rows follow.

use client_api_access::error::Error;
use client_api_access::id::ClientKey;
use client_api_access::scopes::Role;
use client_api_access::scopes::Scope;
use client_api_access::secrets::PlainToken;
use client_api_access::tokens::RefreshToken;
use client_api_access::tokens::issue;
use client_api_access::tokens::issue::Lifetimes;

use crate::support::oauth::refusal;
use crate::support::{Browser, Grant, Key, Person, TestApp, client_path, with_access_tokens};

const LIST: &str = "/settings/client-api-access";

fn large_client(app: &TestApp) -> (Person, ClientKey, Grant, Key) {
    let mut shop = app.shop();
    let anna = shop.staff("Anna Berg");
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    let key = shop.api_key(client, &anna, "till");
    shop.many_access_tokens(&grant, 2_100);
    (anna, client, grant, key)
}

#[test]
fn a_large_client_loses_all_access_at_once_and_its_rows_behind_it() {
    let app = TestApp::start();
    let (_, client, grant, key) = large_client(&app);
    let mut browser = app.admin();

    app.shop().sql("UPDATE clients SET valid_refresh_tokens = 1, valid_access_tokens = 2102");
    let confirmation = browser.open(&format!("{}/revoke", client_path(client)));
    let done = browser.submit(&confirmation, "/revoke", &[("name", "Ledgerly")]);
    let progress = browser.follow(&done);

    assert_eq!(confirmation.impact("Access tokens"), "1,000+ (about 2,102 valid)");
    assert_eq!(confirmation.impact("API keys"), "1");

    assert_eq!(done.location(), client_path(client));
    assert_eq!(progress.heading(), "Access revoked: Ledgerly");
    assert_eq!(
        progress.notice(),
        "Access revoked for Ledgerly. Revoked 1 refresh token, 1,000+ access tokens and 1 API key. The records are being \
         deleted."
    );
    assert!(progress.text().contains("All access was revoked just now") && progress.has("progress"));
    assert!(browser.open(LIST).rows("#clients").is_empty());
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 2_102, "nothing is deleted yet");
    for path in [grant.path(), grant.access_token_path(), grant.access_token_path_below(), key.path()] {
        for path in [path.clone(), format!("{path}/revoke")] {
            assert_eq!(browser.get(&path).status, 410, "{path}");
        }
    }
    assert_eq!(browser.get(&format!("{}/revoke", client_path(client))).status, 409);

    app.run_background();
    let revoked_error = browser.get(&client_path(client));

    assert_eq!((revoked_error.status, revoked_error.heading().as_str()), (410, "Already revoked"));
    for table in ["clients", "refresh_tokens", "refresh_token_values", "access_tokens"] {
        assert_eq!(app.shop().number(&format!("SELECT COUNT(*) FROM {table}")), 0, "{table}");
    }
    let log = browser.open("/settings/activity?kind=deletion+finished").rows("#activity");
    assert_eq!(log.len(), 1);
    assert!(log[0].cells[3].starts_with("1 refresh token, 2,101 access tokens and 1 API key"), "{:?}", log[0]);
    let log = browser.open("/settings/activity?kind=client+revoked").rows("#activity");
    assert_eq!(log.len(), 1);
    assert!(log[0].cells[3].starts_with("1 refresh token, 1,000+ access tokens and 1 API key"), "{:?}", log[0]);
}

#[test]
fn progress_is_shown_while_the_rows_go() {
    let app = TestApp::start();
    let (_, client, ..) = large_client(&app);
    let mut browser = app.admin();

    let confirmation = browser.open(&format!("{}/revoke", client_path(client)));
    browser.submit(&confirmation, "/revoke", &[("name", "Ledgerly")]);
    app.shop().sql("UPDATE purges SET total = 2103, deleted_access_tokens = 600");
    let half = browser.open(&client_path(client));

    assert!(half.text().contains("600 of 2,103"), "{}", half.text());
    assert_eq!(half.attribute("main", "data-refresh").as_deref(), Some("2"));
    assert!(half.body.contains(r#"<noscript><meta http-equiv="refresh""#));
}

#[test]
fn nothing_is_issued_to_a_client_whose_rows_are_still_there() {
    let app = TestApp::start();
    let (anna, client, grant, _) = large_client(&app);
    let mut browser = app.admin();

    let confirmation = browser.open(&format!("{}/revoke", client_path(client)));
    browser.submit(&confirmation, "/revoke", &[("name", "Ledgerly")]);

    let mut conn = app.database.connect();
    let scope = Scope::parse("employee:reports").unwrap();
    let wish = issue::Grant { client, employee: anna.id, scope: &scope };
    let token = RefreshToken::find(&mut conn, client, grant.id).unwrap();
    let value = PlainToken::parse(&grant.refresh_token).unwrap();
    let (lifetimes, now) = (Lifetimes::default(), app.now());
    assert!(matches!(issue::grant(&mut conn, &wish, lifetimes, now), Err(Error::Conflict(_))));
    assert!(matches!(issue::rotate(&mut conn, (&token, &value), lifetimes, now), Err(Error::Conflict(_))));
    assert!(matches!(issue::api_key(&mut conn, &wish, "", now, now), Err(Error::Conflict(_))));
}

#[test]
fn d11_a_second_revoke_of_a_large_client_changes_nothing() {
    let app = TestApp::start();
    let (_, client, grant, key) = large_client(&app);
    let mut browser = app.admin();

    let confirmation = browser.open(&format!("{}/revoke", client_path(client)));
    let token = browser.open(&format!("{}/revoke", grant.path()));
    let api_key = browser.open(&format!("{}/revoke", key.path()));
    browser.submit(&confirmation, "/revoke", &[("name", "Ledgerly")]);
    for page in [&confirmation, &token, &api_key] {
        let again = browser.submit(page, "/revoke", &[("name", "Ledgerly")]);
        assert_eq!(again.status, 303, "{}", page.path);
        let notice = browser.follow(&again).notice();
        assert!(notice.starts_with("Ledgerly") && notice.contains("revoked"), "{notice}");
    }

    assert_eq!(app.shop().number("SELECT COUNT(*) FROM purges"), 1);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 2_102);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity WHERE kind LIKE '%revoked'"), 1);
}

#[test]
fn what_a_revoked_client_still_holds_is_shown_to_nobody_as_live() {
    let app = TestApp::start();
    let (anna, client, grant, _) = large_client(&app);
    let mut browser = app.admin();

    let confirmation = browser.open(&format!("{}/revoke", client_path(client)));
    browser.submit(&confirmation, "/revoke", &[("name", "Ledgerly")]);
    let person = browser.open(&with_access_tokens(&anna.path()));

    assert!(person.rows("#refresh-tokens").is_empty(), "{:?}", person.rows("#refresh-tokens"));
    assert!(person.rows("#access-tokens").is_empty() && person.rows("#api-keys").is_empty());
    let form = browser.open(&format!("{LIST}/find-token"));
    let found = browser.submit(&form, "/find-token", &[("token", &grant.access_token)]);
    assert_eq!(browser.follow(&found).status, 410);
}

#[test]
fn a_large_refresh_token_goes_the_same_way() {
    let app = TestApp::start();
    let (anna, client, grant, key) = large_client(&app);
    let mut browser = app.manager();

    let confirmation = browser.open(&format!("{}/revoke", grant.path()));
    let stale = browser.open(&format!("{}/revoke", grant.access_token_path()));
    let done = browser.submit(&confirmation, "/revoke", &[]);
    let progress = browser.follow(&done);

    assert_eq!(progress.heading(), format!("Access revoked: {} *** REDACTED ***", grant.mask()));
    for path in [client_path(client), anna.path()] {
        let page = browser.open(&with_access_tokens(&path));
        assert!(page.rows("#refresh-tokens").is_empty() && page.rows("#access-tokens").is_empty(), "{path}");
        assert_eq!(page.rows("#api-keys").len(), 1, "{path}");
    }
    for path in [grant.access_token_path(), grant.access_token_path_below()] {
        for path in [path.clone(), format!("{path}/revoke")] {
            assert!(matches!(browser.get(&path).status, 409 | 410), "{path}");
        }
    }
    assert!(matches!(browser.get(&format!("{}/revoke", grant.path())).status, 409 | 410));
    let again = browser.submit(&confirmation, "/revoke", &[]);
    assert!(browser.follow(&again).notice().contains("revoked"));
    let late = browser.submit(&stale, "/revoke", &[]);
    assert!(browser.follow(&late).notice().contains("revoked"));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity WHERE kind LIKE '%revoked'"), 1);

    app.run_background();

    assert_eq!(browser.get(&grant.path()).status, 410);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 1);
    assert_eq!(browser.get(&key.path()).status, 200);
    let log = browser.open("/settings/activity?kind=deletion+finished").rows("#activity");
    assert!(log[0].cells[3].starts_with("1 refresh token and 2,101 access tokens"), "{:?}", log[0]);
}

#[test]
fn d11_a_second_revoke_of_a_half_deleted_refresh_token_is_not_a_second_revoke() {
    let app = TestApp::start();
    let (_, _, grant, _) = large_client(&app);
    let mut browser = app.manager();

    let confirmation = browser.open(&format!("{}/revoke", grant.path()));
    browser.submit(&confirmation, "/revoke", &[]);
    let some = "SELECT id FROM access_tokens WHERE refresh_token_id IS NOT NULL ORDER BY id LIMIT 1500";
    app.shop().sql(&format!("DELETE FROM access_tokens WHERE id IN ({some})"));
    let again = browser.submit(&confirmation, "/revoke", &[]);

    assert!(browser.follow(&again).notice().contains("revoked"));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity WHERE kind LIKE '%revoked'"), 1);
}

#[test]
fn ending_very_much_that_one_person_granted_works_the_same_way() {
    let app = TestApp::start();
    let (anna, client, grant, key) = large_client(&app);
    let bo = app.shop().staff("Bo Dahl");
    let kept = app.shop().grant(client, &bo);
    let mut browser = app.sign_in_as(Role::Manager).0;

    let confirmation = browser.open(&format!("{}/revoke-all-access", anna.path()));
    let done = browser.submit(&confirmation, "/revoke-all-access", &[]);
    let after = browser.follow(&done);

    assert!(after.notice().starts_with("All access of Anna Berg is revoked: 1 refresh token, 1,000+ access tokens"));
    assert!(after.has("progress"));
    let person = browser.open(&with_access_tokens(&anna.path()));
    for panel in ["#api-keys", "#refresh-tokens", "#access-tokens"] {
        assert!(person.rows(panel).is_empty(), "{panel}");
    }
    let page = browser.open(&with_access_tokens(&client_path(client)));
    assert_eq!(["#api-keys", "#refresh-tokens", "#access-tokens"].map(|panel| page.rows(panel).len()), [0, 1, 1]);
    for path in [grant.path(), grant.access_token_path(), grant.access_token_path_below(), key.path()] {
        for path in [path.clone(), format!("{path}/revoke")] {
            assert!(matches!(browser.get(&path).status, 409 | 410), "{path}: it has ended");
        }
    }
    let later = app.shop().grant(client, &anna);
    assert_eq!(browser.open(&later.path()).status, 200, "what is granted afterwards lives");

    app.run_background();

    assert_eq!(browser.get(&grant.path()).status, 404, "its end was recorded for the person, not for each token");
    assert_eq!((browser.get(&later.path()).status, browser.get(&kept.path()).status), (200, 200));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 2);
    assert!(!browser.open(&anna.path()).has("progress"));
}

#[test]
fn access_ends_for_every_endpoint_while_the_rows_are_still_there() {
    for n in 0..3 {
        let app = TestApp::start();
        let (mut anna_s_browser, anna) = app.sign_in_as(Role::Staff);
        let client = app.shop().integration("Ledgerly");
        let grant = app.shop().grant(client.id, &anna);
        let key = app.shop().api_key(client.id, &anna, "till");
        app.shop().many_access_tokens(&grant, 60);
        let (code, pkce) = client.code(&mut anna_s_browser);
        let before = app.shop().number("SELECT COUNT(*) FROM access_tokens");
        let mut admin = app.admin();

        let (path, action) =
            [(client_path(client.id), "/revoke"), (grant.path(), "/revoke"), (anna.path(), "/revoke-all-access")][n]
                .clone();
        let form = admin.open(&format!("{path}{action}"));
        assert_eq!(admin.submit(&form, action, &[]).status, 303, "{path}");

        assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), before, "{path}: nothing is deleted yet");
        assert!(!app.works(&grant.access_token), "{path}");
        assert_eq!(app.works(&key.value), n == 1, "{path}: a refresh token's revocation leaves API keys");
        assert_eq!(app.call("/auth/oauth/introspect", &grant.access_token).status, 401, "{path}");
        let refreshed = client.refresh(&app, &grant.refresh_token);
        assert!(matches!(refreshed.status, 400 | 401), "{path}: {}", refreshed.body);
        let redeemed = app.token(&client.code_request(&code, &pkce.verifier));
        assert_eq!(redeemed.status == 200, n == 1, "{path}: {}", redeemed.body);
        if n != 1 {
            assert!(refusal(&redeemed).1.starts_with("invalid_"), "{path}: {}", redeemed.body);
        }
    }
}

#[test]
fn all_access_can_be_revoked_again_while_the_rows_of_the_first_time_are_left() {
    let app = TestApp::start();
    let (anna, client, first, _) = large_client(&app);
    let mut browser = app.manager();
    let revoke = |browser: &mut Browser| {
        let form = browser.open(&format!("{}/revoke-all-access", anna.path()));
        let counted = form.impact("Access tokens");
        let done = browser.submit(&form, "/revoke-all-access", &[]);
        (counted, browser.follow(&done).notice())
    };

    assert_eq!(revoke(&mut browser).0, "1,000+");
    assert_eq!(revoke(&mut browser), ("0".into(), "Anna Berg had no access left to revoke.".into()));
    // A few tokens go at once, many join those that are being deleted.
    let small = app.shop().grant(client, &anna);
    assert_eq!(revoke(&mut browser).0, "1");
    assert_eq!(app.shop().number(&format!("SELECT COUNT(*) FROM refresh_tokens WHERE id = {}", small.id)), 0);
    let large = app.shop().grant(client, &anna);
    app.shop().many_access_tokens(&large, 60);
    assert_eq!(revoke(&mut browser).0, "61");
    for grant in [&first, &small, &large] {
        assert!(!app.works(&grant.access_token));
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM purges"), 1);
    let kept = app.shop().grant(client, &anna);

    app.run_background();

    assert!(app.works(&kept.access_token), "what is granted afterwards lives");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 1);
    let log = browser.open("/settings/activity?kind=deletion+finished").rows("#activity");
    assert!(log[0].cells[3].starts_with("2 refresh tokens, 2,162 access tokens and 1 API key"), "{:?}", log[0]);
}

#[test]
fn a_refresh_token_with_a_long_history_is_revoked_in_small_steps_too() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    app.shop().many_values(&grant, 1_440);
    let mut browser = app.manager();

    let form = browser.open(&format!("{}/revoke", grant.path()));
    let done = browser.submit(&form, "/revoke", &[]);
    let after = browser.follow(&done);

    assert_eq!(done.location(), client_path(client), "few tokens: nobody needs to watch");
    assert!(after.notice().ends_with("together with 1 access token. The records are being deleted."));
    assert!(after.rows("#refresh-tokens").is_empty() && after.rows("#access-tokens").is_empty());
    assert!(!app.works(&grant.access_token));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_token_values"), 1_441);

    app.run_background();

    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_token_values"), 0);
    assert_eq!(browser.get(&grant.path()).status, 410);
}
