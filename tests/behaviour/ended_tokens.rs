//! Access tokens that have expired: a job moves them out of the table of valid tokens, and they are still known as expired.

use actix_web::rt::System;
use client_api_access::access::token_access::Inactive;
use client_api_access::scopes::Role;
use client_api_access::time::{DAY, HOUR};
use client_api_access::web::bearer::token_checks;
use sha2::{Digest, Sha256};

use crate::support::oauth::refusal;
use crate::support::{Grant, TestApp, client_path};

const EXPIRED: &str = "Access token could not be verified";
const REVOKED: &str = "Access token has been revoked";

struct World {
    app: TestApp,
    integration: crate::support::oauth::Integration,
    grant: Grant,
    // The same grant, refreshed.
    valid: Grant,
}

// A grant whose access token has expired and was moved, beside a valid one and an API key that has expired.
fn world() -> World {
    let app = TestApp::start_with(|config| config.keep_expired_days = 7);
    let mut shop = app.shop();
    let anna = shop.staff("Anna Berg");
    let integration = shop.integration("Ledgerly");
    let grant = shop.grant(integration.id, &anna);
    shop.api_key_until(integration.id, &anna, "till", app.now().plus(HOUR));
    app.advance(HOUR);
    let valid = app.shop().refresh(&grant);
    app.run_background();
    World { app, integration, grant, valid }
}

impl World {
    fn count(&self, table: &str) -> i64 {
        self.app.shop().number(&format!("SELECT COUNT(*) FROM {table}"))
    }

    fn hint(&self, token: &str) -> String {
        let answer = self.app.call("/API/V3/Account.json", token);
        assert_eq!(answer.status, 401, "{}", answer.body);
        refusal(&answer).2
    }
}

#[test]
fn a_token_that_expires_between_its_check_and_its_use_has_expired_and_was_not_revoked() {
    for (is_revoked, expected) in [(false, Inactive::NotVerified), (true, Inactive::Revoked)] {
        let app = TestApp::start();
        let mut shop = app.shop();
        let (client, anna) = (shop.client("Ledgerly"), shop.staff("Anna Berg"));
        let grant = shop.grant(client, &anna);
        let checks = token_checks(&app.state);
        let access = System::new().block_on(checks.check(&grant.access_token)).unwrap().unwrap();
        match is_revoked {
            true => shop.sql("DELETE FROM access_tokens"),
            false => {
                app.advance(HOUR);
                app.run_background();
            }
        }

        let used = System::new().block_on(checks.record_use(access, None)).unwrap();

        assert_eq!(used.err(), Some(expected));
    }
}

#[test]
fn only_access_tokens_that_have_expired_are_moved() {
    let world = world();

    assert_eq!(world.count("ended_tokens"), 1);
    assert_eq!(world.count("access_tokens"), 2, "the valid access token, and the API key until retention deletes it");
    assert_eq!(world.app.shop().number("SELECT id FROM ended_tokens"), world.grant.access_token_id.0);
    assert!(world.app.works(&world.valid.access_token));
}

#[test]
fn an_ended_token_has_expired_and_is_told_from_one_that_was_revoked() {
    let world = world();
    let revoked = world.valid.access_token.as_str();
    let (id, secret) = (world.integration.client_id.as_str(), world.integration.secret.as_str());
    let revoke = |token: &str| {
        let fields = [("client_id", id), ("client_secret", secret), ("token", token)];
        let answer = world.app.program().post("/auth/oauth/revoke", &fields);
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    };
    revoke(revoked);
    revoke(&world.grant.access_token);

    assert_eq!(world.hint(&world.grant.access_token), EXPIRED);
    assert_eq!(world.hint(revoked), REVOKED);
    assert_eq!(world.count("ended_tokens"), 1, "there is nothing to revoke");
    let fields = [("client_id", id), ("client_secret", secret), ("token", &world.grant.access_token)];
    let answer = world.app.program().post("/auth/oauth/introspect", &fields);
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"active":false}"#));
    let (_, error, _) = refusal(&world.integration.refresh(&world.app, &world.grant.access_token));
    assert_eq!(error, "invalid_grant", "it is no refresh token");
}

#[test]
fn the_page_of_an_ended_token_shows_it_as_expired_and_offers_nothing() {
    let world = world();
    let mut manager = world.app.manager();

    for path in [world.grant.access_token_path(), world.grant.access_token_path_below()] {
        let page = manager.open(&path);
        assert_eq!(page.heading(), format!("{} *** REDACTED ***", world.grant.access_token_mask()));
        assert!(page.text().contains("Expired"), "{}", page.text());
        assert_eq!((page.fact("Type").as_str(), page.fact("Employee").as_str()), ("Access Token", "Anna Berg Staff"));
        assert_eq!(page.fact("Issued with"), format!("Refresh token {} *** REDACTED ***", world.grant.mask()));
        assert!(page.link("Revoke access token").is_none());

        let asked = manager.get(&format!("{path}/revoke"));
        assert_eq!((asked.status, asked.location()), (303, path.clone()));
        assert_eq!(manager.follow(&asked).notice(), "This access token has expired. There is nothing to revoke.");
        let csrf = manager.csrf();
        let answer = manager.post(&format!("{path}/revoke"), &[("csrf", &csrf)]);
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert_eq!(manager.follow(&answer).notice(), "This access token has expired. There is nothing to revoke.");
    }
    assert_eq!(world.count("activity WHERE kind LIKE '%revoked%'"), 0);
    let other =
        format!("{}/refresh-tokens/999/access-tokens/{}", client_path(world.grant.client), world.grant.access_token_id);
    assert_eq!(manager.get(&other).status, 404);
}

#[test]
fn find_token_finds_an_ended_token_by_its_value_and_by_its_hash() {
    let world = world();
    let mut staff = world.app.sign_in_as(Role::Staff).0;
    let value = world.grant.access_token.clone();
    let hash: String = Sha256::digest(value.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();

    for token in [&value, &hash] {
        let form = staff.open("/settings/client-api-access/find-token");
        let found = staff.submit(&form, "/find-token", &[("token", token)]);
        assert_eq!(found.location(), world.grant.access_token_path());
        assert!(staff.follow(&found).text().contains("Expired"));
    }
}

#[test]
fn an_ended_token_whose_client_or_grant_is_gone_is_not_shown() {
    for whole_client in [true, false] {
        let world = world();
        let mut admin = world.app.admin();
        let (path, fields) = match whole_client {
            true => (client_path(world.grant.client), [("name", "Ledgerly")]),
            false => (world.grant.path(), [("name", "")]),
        };
        let confirmation = admin.open(&format!("{path}/revoke"));
        assert_eq!(admin.submit(&confirmation, "/revoke", &fields).status, 303);

        for path in [world.grant.access_token_path(), world.grant.access_token_path_below()] {
            let page = admin.get(&path);
            assert!([404, 410].contains(&page.status), "{path}: {}", page.status);
        }
        let form = admin.open("/settings/client-api-access/find-token");
        let found = admin.submit(&form, "/find-token", &[("token", &world.grant.access_token)]);
        assert!(found.text().contains("Token not found"), "{}", found.text());
        assert_eq!(world.count("ended_tokens"), 1);
        world.app.advance(8 * DAY);
        world.app.run_background();
        assert_eq!(world.count("ended_tokens"), 0, "it goes with retention");
    }
}

#[test]
fn whatever_expired_is_deleted_after_the_configured_days_and_not_before() {
    let world = world();
    let rows = || ["ended_tokens", "access_tokens", "refresh_tokens"].map(|table| world.count(table));
    world.app.advance(7 * DAY);
    world.app.run_background();
    assert_eq!(rows(), [2, 1, 1], "the second access token has expired too; seven days are not over by a second");
    assert_eq!(world.app.manager().get(&world.grant.access_token_path()).status, 200);

    world.app.advance(1);
    world.app.run_background();
    assert_eq!(rows(), [1, 0, 1]);
    assert_eq!(world.app.manager().get(&world.grant.access_token_path()).status, 404);
    world.app.advance(30 * DAY - 1);
    world.app.run_background();
    assert_eq!(rows(), [0, 0, 1], "the refresh token expired 23 days after that");
    world.app.advance(DAY);
    world.app.run_background();
    assert_eq!(rows(), [0, 0, 0]);
    assert_eq!(world.count("refresh_token_values"), 0);
}

#[test]
fn a_backlog_is_moved_in_the_order_in_which_it_expired() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna");
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    shop.many_access_tokens(&grant, 2_500);
    app.advance(7 * DAY);
    let valid = app.shop().refresh(&grant);

    app.run_background();

    assert_eq!(app.shop().number("SELECT COUNT(*) FROM ended_tokens"), 2_501);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 1);
    assert!(app.works(&valid.access_token));
}
