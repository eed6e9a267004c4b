//! The page of an access token or an API key, below its client or below its refresh token.

use client_api_access::scopes::Role;
use client_api_access::time::{DAY, HOUR};

use crate::support::TestApp;

#[test]
fn an_access_token_shows_its_client_its_type_and_its_value() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let client = app.shop().client_with("Ledgerly", "https://ledgerly.example/", true);
    let grant = app.shop().grant(client, &anna);
    let mut browser = app.manager();

    for path in [grant.access_token_path(), grant.access_token_path_below()] {
        let page = browser.open(&path);

        assert_eq!(page.heading(), format!("{} *** REDACTED ***", grant.access_token_mask()));
        assert_eq!(page.fact("Type"), "Access Token");
        assert_eq!(page.fact("Value"), format!("{} *** REDACTED ***", grant.access_token_mask()));
        assert_eq!(page.fact("Client"), "Ledgerly Lightspeed Approved");
        assert_eq!(page.attribute("dl a[target]", "href").as_deref(), Some("https://ledgerly.example/"));
        assert_eq!(page.attribute("dl a[target]", "rel").as_deref(), Some("noopener noreferrer"));
        assert_eq!(page.fact("Employee"), "Anna Berg Staff");
        let rights = ["View and edit inventory employee:inventory", "View the sales history employee:register_read"];
        assert_eq!(page.texts(".rights li"), rights);
        assert_eq!(page.fact("Expires"), "in 1 hour");
        assert_eq!(page.fact("Issued with"), format!("Refresh token {} *** REDACTED ***", grant.mask()));
    }
}

#[test]
fn an_api_key_shows_its_client_its_type_and_its_value() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let client = app.shop().client_with("Stockbird", "https://stockbird.example/", false);
    let key = app.shop().at(-40 * DAY).api_key(client, &anna, "till no. 4");

    let page = app.manager().open(&key.path());

    assert_eq!(page.fact("Type"), "API Key");
    assert_eq!(page.fact("Value"), format!("{} *** REDACTED ***", key.mask()));
    assert_eq!(page.fact("Label"), "till no. 4");
    assert_eq!(page.fact("Client"), "Stockbird Not Lightspeed Approved");
    assert_eq!(page.fact("Created"), "11 Oct 2026, 13:00");
    assert_eq!((page.fact("Last used").as_str(), page.fact("Expires").as_str()), ("never used", "never"));
    assert!(!page.text().contains("Issued with"));
}

#[test]
fn breadcrumbs_follow_the_way_one_came() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    let mut browser = app.manager();

    let direct = browser.open(&grant.access_token_path());
    let breadcrumb = browser.open(&grant.access_token_path_below());

    let (refresh, access) =
        (format!("{} *** REDACTED ***", grant.mask()), format!("{} *** REDACTED ***", grant.access_token_mask()));
    assert_eq!(direct.texts(".crumbs li"), ["Settings", "Client API Access", "Ledgerly", &access]);
    assert_eq!(breadcrumb.texts(".crumbs li"), ["Settings", "Client API Access", "Ledgerly", &refresh, &access]);
    assert_eq!(breadcrumb.link("Revoke access token"), Some(format!("{}/revoke", grant.access_token_path_below())));
}

#[test]
fn staff_are_offered_to_revoke_only_what_they_granted() {
    let app = TestApp::start();
    let (mut browser, me) = app.sign_in_as(Role::Staff);
    let other = app.shop().staff("Other");
    let client = app.shop().client("Ledgerly");
    let (mine, theirs) = (app.shop().api_key(client, &me, ""), app.shop().api_key(client, &other, ""));

    let own = browser.open(&mine.path());
    let foreign = browser.open(&theirs.path());
    let by_hand = browser.get(&format!("{}/revoke", theirs.path()));

    assert!(own.link("Revoke API key").is_some());
    assert!(foreign.link("Revoke API key").is_none());
    assert_eq!((by_hand.status, by_hand.heading().as_str()), (403, "Not allowed"));
}

#[test]
fn an_access_token_that_has_expired_shows_that_instead_of_a_way_to_revoke_it() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    app.advance(HOUR + 1);
    let mut manager = app.manager();

    let before = manager.open(&grant.access_token_path());
    app.run_background();
    let moved = manager.open(&grant.access_token_path());

    for page in [before, moved] {
        assert_eq!(page.link("Revoke access token"), None, "{}", page.path);
        assert_eq!(page.texts(".heading .badge"), ["Expired"]);
    }
}
