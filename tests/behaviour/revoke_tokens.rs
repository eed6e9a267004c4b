//! Revoking a refresh token, an access token, an API key.

use client_api_access::scopes::Role;

use crate::support::{Browser, TestApp, client_path, hrefs, with_access_tokens};

fn entries(app: &TestApp, kind: &str) -> i64 {
    app.shop().number(&format!("SELECT COUNT(*) FROM activity WHERE kind = '{kind}'"))
}

#[test]
fn d9_revoking_a_refresh_token_takes_the_access_tokens_it_made_and_nothing_else() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.staff("Bo Dahl"));
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    shop.refresh(&grant);
    let other = shop.grant(client, &bo);
    let key = shop.api_key(client, &anna, "till");
    let mut browser = app.manager();

    let page = browser.open(&grant.path());
    let confirmation = browser.click(&page, &page.link("Revoke refresh token").unwrap());
    let done = browser.submit(&confirmation, "/revoke", &[]);
    let after = browser.follow(&done);

    assert_eq!(confirmation.impact("Refresh token"), format!("{} *** REDACTED ***", grant.mask()));
    assert_eq!(confirmation.impact("Access tokens"), "2");
    assert_eq!(confirmation.impact("Employee"), "Anna Berg");
    assert_eq!(done.location(), client_path(client));
    assert_eq!(
        after.notice(),
        format!("Refresh token {} *** REDACTED *** revoked, together with 2 access tokens.", grant.mask())
    );
    assert_eq!(hrefs(&after.rows("#refresh-tokens")), [other.path()]);
    assert_eq!(hrefs(&after.rows("#api-keys")), [key.path()]);
    let unfolded = browser.open(&with_access_tokens(&client_path(client)));
    assert_eq!(hrefs(&unfolded.rows("#access-tokens")), [other.access_token_path()]);
    assert_eq!(browser.get(&grant.path()).status, 410);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_token_values"), 1);
}

#[test]
fn revoking_an_access_token_alone_says_that_another_can_be_made() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    let mut browser = app.manager();

    for (path, lands) in [(grant.access_token_path(), client_path(client)), (String::new(), grant.path())] {
        let now = app.shop().refresh(&grant);
        let path = if path.is_empty() { now.access_token_path_below() } else { path };
        let page = browser.open(&path);
        let confirmation = browser.click(&page, &page.link("Revoke access token").unwrap());
        let done = browser.submit(&confirmation, "/revoke", &[]);

        assert_eq!(confirmation.heading(), "Revoke this access token?");
        assert!(confirmation.text().contains("can get a new access token with its refresh token"));
        assert_eq!(confirmation.link("revoke the refresh token"), Some(grant.path()));
        assert_eq!(done.location(), lands);
        assert!(browser.follow(&done).notice().ends_with("*** REDACTED *** of Ledgerly revoked."));
        assert_eq!(browser.get(&path).status, 410);
    }
    assert_eq!(browser.open(&grant.path()).rows("#access-tokens").len(), 1);
    assert_eq!(entries(&app, "access token revoked"), 2);
}

#[test]
fn revoking_an_api_key_ends_only_that_key() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let client = app.shop().client("Ledgerly");
    let (key, other) = (app.shop().api_key(client, &anna, "till"), app.shop().api_key(client, &anna, "web"));
    let mut browser = app.manager();

    let page = browser.open(&key.path());
    let confirmation = browser.click(&page, &page.link("Revoke API key").unwrap());
    let done = browser.submit(&confirmation, "/revoke", &[]);
    let after = browser.follow(&done);

    assert_eq!(confirmation.heading(), "Revoke this API key?");
    assert_eq!(confirmation.impact("Label"), "till");
    assert!(!confirmation.text().contains("can get a new access token"));
    assert_eq!(after.notice(), format!("API Key {} *** REDACTED *** of Ledgerly revoked.", key.mask()));
    assert_eq!(hrefs(&after.rows("#api-keys")), [other.path()]);
    assert_eq!(entries(&app, "API key revoked"), 1);
}

#[test]
fn stopping_a_refresh_token_always_wins_and_names_what_was_new() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    let mut browser = app.manager();

    let confirmation = browser.open(&format!("{}/revoke", grant.path()));
    app.shop().refresh(&grant);
    let done = browser.submit(&confirmation, "/revoke", &[]);

    let notice = browser.follow(&done).notice();
    assert!(notice.contains("revoked, together with 2 access tokens."), "{notice}");
    assert!(notice.contains("1 access token created after you opened the confirmation (Anna Berg)"), "{notice}");
}

#[test]
fn d11_what_is_gone_already_is_said_so_and_nothing_happens_twice() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    let key = app.shop().api_key(client, &anna, "");
    let mut browser = app.manager();

    for path in [key.path(), grant.access_token_path_below(), grant.path()] {
        let confirmation = browser.open(&format!("{path}/revoke"));
        let first = browser.submit(&confirmation, "/revoke", &[]);
        let second = browser.submit(&confirmation, "/revoke", &[]);
        let told = browser.follow(&second).notice();

        assert_eq!((first.status, second.status), (303, 303), "{path}");
        assert!(told.contains("was already revoked by Mona Manager"), "{path}: {told}");
        assert_eq!(browser.get(&format!("{path}/revoke")).status, 410, "{path}");
    }
    let counts = ["API key revoked", "access token revoked", "refresh token revoked"].map(|kind| entries(&app, kind));
    assert_eq!(counts, [1, 1, 1]);
}

#[test]
fn d11_a_token_revoked_by_two_at_once_is_revoked_once() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna");
    let client = shop.client("Ledgerly");
    let mut managers: Vec<_> = (0..4).map(|_| app.manager()).collect();

    for round in 0..6 {
        let grant = shop.grant(client, &anna);
        let path = if round % 2 == 0 { grant.path() } else { grant.access_token_path() };
        let pages: Vec<_> = managers.iter_mut().map(|browser| browser.open(&format!("{path}/revoke"))).collect();
        let answers: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = managers
                .iter_mut()
                .zip(&pages)
                .map(|(browser, page)| scope.spawn(move || browser.submit(page, "/revoke", &[]).status))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });

        assert_eq!(answers, [303; 4], "round {round}");
    }
    assert_eq!((entries(&app, "refresh token revoked"), entries(&app, "access token revoked")), (3, 3));
}

#[test]
fn d11_a_client_and_what_is_below_it_can_be_revoked_at_the_same_moment() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna");
    let mut admins: Vec<_> = (0..4).map(|_| app.admin()).collect();

    for round in 0..6 {
        let client = shop.client("Ledgerly");
        let grant = shop.grant(client, &anna);
        let key = shop.api_key(client, &anna, "");
        let paths = [client_path(client), grant.path(), grant.access_token_path_below(), key.path()];
        let open = |(browser, path): (&mut Browser, &String)| browser.open(&format!("{path}/revoke"));
        let pages: Vec<_> = admins.iter_mut().zip(&paths).map(open).collect();
        let answers: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = admins
                .iter_mut()
                .zip(&pages)
                .map(|(browser, page)| scope.spawn(move || browser.submit(page, "/revoke", &[]).status))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });

        assert_eq!(answers, [303; 4], "round {round}");
        assert_eq!(app.shop().number("SELECT COUNT(*) FROM clients"), 0, "round {round}");
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 0);
    assert_eq!(entries(&app, "client revoked"), 6);
}

#[test]
fn staff_revoke_what_they_granted_and_nothing_else() {
    let app = TestApp::start();
    let (mut browser, me) = app.sign_in_as(Role::Staff);
    let other = app.shop().staff("Other");
    let client = app.shop().client("Ledgerly");
    let (mine, theirs) = (app.shop().grant(client, &me), app.shop().grant(client, &other));
    let key = app.shop().api_key(client, &other, "");
    let csrf = browser.csrf();

    for path in [theirs.path(), theirs.access_token_path(), theirs.access_token_path_below(), key.path()] {
        let refused = browser.post(&format!("{path}/revoke"), &[("csrf", &csrf)]);
        assert_eq!((refused.status, refused.heading().as_str()), (403, "Not allowed"), "{path}");
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 3);
    for path in [mine.access_token_path_below(), mine.path()] {
        let confirmation = browser.open(&format!("{path}/revoke"));
        assert_eq!(browser.submit(&confirmation, "/revoke", &[]).status, 303, "{path}");
    }

    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 1);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 2);
}

#[test]
fn the_numbers_in_the_list_follow_a_revoke() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    app.run_background();
    let mut browser = app.manager();

    let before = browser.open("/settings/client-api-access").rows("#clients")[0].cells[4..7].to_vec();
    let confirmation = browser.open(&format!("{}/revoke", grant.path()));
    browser.submit(&confirmation, "/revoke", &[]);
    app.run_background();
    let after = browser.open("/settings/client-api-access").rows("#clients")[0].cells[4..7].to_vec();

    assert_eq!(
        (before, after),
        (vec!["1".into(), "1".into(), "1".into()], vec!["0".into(), "0".into(), "0".into()] as Vec<String>)
    );
}
