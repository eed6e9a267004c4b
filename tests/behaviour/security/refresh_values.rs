//! Rows R3, R4 and R10 where the database no longer holds the value: it has rows for the newest and the previous generation
//! only, and knows every other value by its grant part. Values of the earlier format have none and keep their rows.

use client_api_access::schema::{refresh_token_values, refresh_tokens};
use client_api_access::secrets::TokenHash;
use client_api_access::time::{DAY, HOUR};
use client_api_access::tokens::RefreshToken;
use diesel::prelude::*;

use super::refresh::{OWNER, Story, THIEF};
use crate::support::oauth::{Pair, pair, refusal};
use crate::support::{Page, TestApp};

impl Story {
    fn values(&self) -> i64 {
        self.app.shop().number("SELECT COUNT(*) FROM refresh_token_values")
    }

    fn rotate(&self, times: usize) -> Vec<Pair> {
        let mut pairs = vec![self.first.clone()];
        for _ in 0..times {
            let next = pair(&self.refresh(&pairs.last().unwrap().refresh_token));
            pairs.push(next);
        }
        pairs
    }

    /// The first value has the earlier format, as if it had been issued before the upgrade.
    fn begin_in_the_earlier_format() -> Story {
        Story::begin().in_the_earlier_format()
    }

    fn in_the_earlier_format(self) -> Story {
        let mut story = self;
        story.first.refresh_token = earlier_format(&story.first.refresh_token[..7]);
        let mut conn = story.app.database.connect();
        let hash = refresh_token_values::hash.eq(TokenHash::of(&story.first.refresh_token));
        let value = (hash, refresh_token_values::earlier_format.eq(true));
        diesel::update(refresh_token_values::table).set(value).execute(&mut conn).unwrap();
        let no_part = refresh_tokens::grant_hash.eq(None::<TokenHash>);
        diesel::update(refresh_tokens::table).set(no_part).execute(&mut conn).unwrap();
        story
    }

    fn grant_hash(&self) -> Option<TokenHash> {
        let mut conn = self.app.database.connect();
        refresh_tokens::table.select(RefreshToken::as_select()).first(&mut conn).unwrap().grant_hash
    }
}

// 43 characters after the marker, and no grant part.
fn earlier_format(mask: &str) -> String {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let body = format!("{mask}_rt_{}", "earlierFormat".repeat(4)[..43].to_owned());
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut checksum = String::new();
    for _ in 0..6 {
        checksum.insert(0, char::from(ALPHABET[(rest % 62) as usize]));
        rest /= 62;
    }
    body + &checksum
}

#[test]
fn r4_a_value_older_than_the_previous_one_is_reuse_at_any_age() {
    for wait in [0, HOUR, 20 * DAY] {
        let story = Story::begin();
        let mut pairs = story.rotate(2);
        for _ in 0..5 {
            story.app.advance(wait);
            let next = pair(&story.refresh(&pairs.last().unwrap().refresh_token));
            pairs.push(next);
        }
        story.app.run_background();
        assert_eq!(story.values(), 2, "the newest value and the previous one");

        let answer = story.refresh_from(THIEF, &pairs[1].refresh_token);

        story.assert_replay(&answer, &[&pairs[0], &pairs[3], &pairs[7]]);
        story.assert_both_named(THIEF, OWNER);
    }
}

#[test]
fn r4_1_500_rotations_leave_a_bounded_number_of_value_rows() {
    let story = Story::begin();
    let mut shop = story.app.shop();
    let second = pair(&story.refresh(&story.first.refresh_token));
    let mut grant = crate::support::Grant {
        client: story.integration.id,
        id: client_api_access::id::RefreshTokenKey(shop.number("SELECT MAX(id) FROM refresh_tokens")),
        refresh_token: second.refresh_token.clone(),
        access_token_id: client_api_access::id::AccessTokenKey(0),
        access_token: second.access_token.clone(),
    };
    shop.sql("BEGIN");
    for _ in 0..1_500 {
        grant = shop.refresh(&grant);
    }
    shop.sql("COMMIT");
    assert_eq!(story.values(), 2);

    let newest = pair(&story.refresh(&grant.refresh_token));
    assert_eq!((story.values(), newest.refresh_token.len()), (2, 61));
    assert!(story.app.works(&newest.access_token));
    let answer = story.refresh(&story.first.refresh_token);

    story.assert_replay(&answer, &[&second, &newest]);
}

#[test]
fn a_value_that_is_newer_than_a_restored_backup_is_refused_and_revokes_nothing() {
    let story = Story::begin();
    let pairs = story.rotate(2);
    story.app.advance(DAY);
    // The state of the backup: the second value had not been issued yet.
    let mut shop = story.app.shop();
    shop.sql("DELETE FROM refresh_token_values WHERE generation = 3");
    shop.sql("UPDATE refresh_tokens SET generation = 2, generation_used_at = NULL");
    shop.sql(&format!("UPDATE accounts SET restored_at = {}", story.app.now().0));

    let (status, error, hint) = refusal(&story.refresh(&pairs[2].refresh_token));

    assert_eq!((status, error.as_str()), (400, "invalid_grant"));
    assert!(hint.contains("restored from a backup"), "{hint}");
    assert_eq!(story.grants(), 1, "nothing is revoked");
    // Once the grant is refreshed, every unknown value is reuse again.
    story.app.advance(1);
    pair(&story.refresh(&pairs[1].refresh_token));
    let answer = story.refresh(&pairs[2].refresh_token);
    story.assert_replay(&answer, &[]);
}

#[test]
fn r5_a_withdrawn_value_is_deleted_and_is_reuse_at_any_age() {
    for wait in [0, HOUR, 29 * DAY] {
        let story = Story::begin();
        let lost = pair(&story.refresh(&story.first.refresh_token));
        let beside = pair(&story.refresh(&story.first.refresh_token));
        story.app.advance(31);
        let again = pair(&story.refresh(&story.first.refresh_token));
        assert_eq!(story.values(), 2, "the first value and the one that was issued again");
        story.app.advance(wait);
        let next = pair(&story.refresh(&again.refresh_token));

        let answer = story.refresh_from(THIEF, if wait == 0 { &beside } else { &lost }.refresh_token.as_str());

        story.assert_replay(&answer, &[&lost, &beside, &again, &next]);
        story.assert_both_named(THIEF, OWNER);
    }
}

#[test]
fn r1_an_older_value_sent_by_another_client_or_for_somebody_who_is_locked_costs_the_owner_nothing() {
    let story = Story::begin();
    let pairs = story.rotate(3);
    let other = story.app.shop().integration("Other");

    let (_, error, hint) = refusal(&other.refresh(&story.app, &pairs[0].refresh_token));
    assert_eq!((error.as_str(), hint.as_str()), ("invalid_grant", "Token is not linked to client"));
    story.app.shop().sql("UPDATE employees SET locked_at = 1");
    let (_, error, hint) = refusal(&story.refresh(&pairs[0].refresh_token));
    assert_eq!(error, "invalid_grant");
    assert!(hint.contains("locked"), "{hint}");
    story.app.shop().sql("UPDATE employees SET locked_at = NULL");

    assert_eq!(story.grants(), 1);
    assert!(story.app.works(&pair(&story.refresh(&pairs[3].refresh_token)).access_token));
}

#[test]
fn r3_asking_about_an_older_value_is_no_reuse() {
    let story = Story::begin();
    let pairs = story.rotate(3);
    let (id, secret) = (story.integration.client_id.as_str(), story.integration.secret.as_str());

    // The previous value still works: the response with the newest may have been lost.
    for (value, is_active) in pairs.iter().zip([false, false, true, true]) {
        let fields = [("client_id", id), ("client_secret", secret), ("token", &value.refresh_token)];
        let answer = story.app.program().post("/auth/oauth/introspect", &fields);
        assert_eq!((answer.status, answer.json()["active"].as_bool()), (200, Some(is_active)));
        assert!(is_active || answer.body == r#"{"active":false}"#);
    }

    assert_eq!(story.grants(), 1);
    assert!(story.app.works(&pairs[3].access_token));
}

#[test]
fn d9_the_revocation_endpoint_revokes_a_grant_by_any_of_its_values_and_only_for_its_client() {
    for n in 0..4 {
        let story = Story::begin();
        let pairs = story.rotate(3);
        let other = story.app.shop().integration("Other");
        let revoke = |client: &crate::support::oauth::Integration| {
            let (id, secret) = (client.client_id.as_str(), client.secret.as_str());
            let fields = [("client_id", id), ("client_secret", secret), ("token", &pairs[n].refresh_token)];
            let answer = story.app.program().post("/auth/oauth/revoke", &fields);
            assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
        };

        revoke(&other);
        assert!(story.grants() == 1 && story.app.works(&pairs[3].access_token), "another client revokes nothing");
        revoke(&story.integration);

        assert_eq!((story.grants(), story.values()), (0, 0), "value {n}");
        assert!(!story.app.works(&pairs[3].access_token));
        let (_, _, hint) = refusal(&story.refresh(&pairs[3].refresh_token));
        assert!(hint.starts_with("Token has been revoked by this client at 2026-11-20T"), "{hint}");
    }
}

#[test]
fn a_value_of_the_earlier_format_is_followed_by_longer_ones_and_its_reuse_is_detected_until_30_days_after_its_end() {
    for wait in [0, 29 * DAY] {
        let story = Story::begin_in_the_earlier_format();
        assert_eq!(story.first.refresh_token.len(), 60);
        let pairs = story.rotate(2);
        assert!(pairs[1..].iter().all(|pair| pair.refresh_token.len() == 61));
        story.app.advance(29 * DAY);
        let next = pair(&story.refresh(&pairs[2].refresh_token));
        story.app.advance(wait);
        let newest = pair(&story.refresh(&next.refresh_token));
        story.app.run_background();
        assert_eq!(story.values(), 3, "the earlier one, the previous one and the newest");

        let answer = story.refresh_from(THIEF, &story.first.refresh_token);

        story.assert_replay(&answer, &[&newest]);
        story.assert_both_named(THIEF, OWNER);
    }
    let story = Story::begin_in_the_earlier_format();
    let mut newest = story.rotate(1).swap_remove(1);
    for _ in 0..3 {
        story.app.advance(25 * DAY);
        newest = pair(&story.refresh(&newest.refresh_token));
    }
    story.app.run_background();
    assert_eq!(story.values(), 2, "60 days after it was issued its row is deleted");
    let (_, _, hint) = refusal(&story.refresh(&story.first.refresh_token));
    assert!(hint.starts_with("Unknown refresh token"), "{hint}");
    assert_eq!(story.grants(), 1);
}

#[test]
fn workers_that_refresh_with_one_value_of_the_earlier_format_share_a_grant_part() {
    let story = Story::begin_in_the_earlier_format();
    let one = pair(&story.refresh(&story.first.refresh_token));
    let part = story.grant_hash();
    let two = pair(&story.refresh(&story.first.refresh_token));
    assert!(part.is_some() && story.grant_hash() == part);
    assert_eq!(one.refresh_token[..33], two.refresh_token[..33], "the shown characters and the grant part");
    assert_ne!(one.refresh_token, two.refresh_token);

    // Whoever goes on, the values of both are recognised later.
    let next = pair(&story.refresh(&two.refresh_token));
    let beside = pair(&story.refresh(&one.refresh_token));
    let newest = pair(&story.refresh(&beside.refresh_token));
    assert_eq!(story.grant_hash(), part);
    let last = pair(&story.refresh(&newest.refresh_token));
    let answer = story.refresh_from(THIEF, &one.refresh_token);

    story.assert_replay(&answer, &[&two, &next, &last]);
}

#[test]
fn r6_nodes_that_race_with_one_value_of_the_earlier_format_agree_on_the_grant_part() {
    let mut nodes = TestApp::nodes(1, |config| config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]);
    let story = Story::on(nodes.pop().unwrap()).in_the_earlier_format();
    let request = story.integration.refresh_request(&story.first.refresh_token);
    let apps: Vec<&TestApp> = nodes.iter().chain([&story.app]).cycle().take(5).collect();
    let answers: Vec<Page> = std::thread::scope(|scope| {
        let threads: Vec<_> = apps.iter().map(|app| scope.spawn(|| app.token(&request))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });

    let pairs: Vec<Pair> = answers.iter().map(pair).collect();
    assert!(pairs.iter().all(|one| one.refresh_token[..33] == pairs[0].refresh_token[..33]));
    let newest = pair(&story.refresh(&pair(&story.refresh(&pairs[3].refresh_token)).refresh_token));
    let answer = story.refresh_from(THIEF, &pairs[1].refresh_token);
    story.assert_replay(&answer, &[&pairs[0], &newest]);
}

#[test]
fn a_lost_reply_to_a_value_of_the_earlier_format_is_retried_and_what_was_lost_is_reuse() {
    let story = Story::begin_in_the_earlier_format();
    let lost = pair(&story.refresh(&story.first.refresh_token));
    story.app.advance(HOUR);
    let again = pair(&story.refresh(&story.first.refresh_token));
    assert!(story.app.works(&again.access_token) && !story.app.works(&lost.access_token));

    let answer = story.refresh_from(THIEF, &lost.refresh_token);

    story.assert_replay(&answer, &[&again]);
}

#[test]
fn find_token_leads_to_the_grant_by_any_of_its_values() {
    let story = Story::begin();
    let pairs = story.rotate(4);
    let mut manager = story.app.manager();
    let page = format!("/refresh-tokens/{}", story.app.shop().number("SELECT MAX(id) FROM refresh_tokens"));

    for (n, held) in pairs.iter().enumerate() {
        let form = manager.open("/settings/client-api-access/find-token");
        let found = manager.submit(&form, "/find-token", &[("token", &held.refresh_token)]);
        assert!(found.location().ends_with(&page), "value {n}: {}", found.text());
        let notice = manager.follow(&found).notice();
        assert_eq!(notice.contains("earlier value of this refresh token"), n < 4, "value {n}: {notice}");
    }
}
