//! Rows R1 to R5, R7, R8 and R10: a refresh token told as stories. Whoever lost a reply gets on; whoever stole a value is
//! found out, and both are named. R6 and R9 are races and live in `races`.

use std::time::Duration;

use client_api_access::scopes::Role;
use client_api_access::time::{Clock, DAY, HOUR};

use crate::support::oauth::{Integration, Pair, encode, pair, refusal};
use crate::support::{Database, PASSWORD, Page, Server, Shop, TestApp, is_postgres};

pub(super) const OWNER: &str = "203.0.113.7";
pub(super) const THIEF: &str = "198.51.100.66";
const WHOLE: &str = "employee:inventory employee:register_read";

/// One integration and its grant, called from addresses that a proxy vouches for.
pub(super) struct Story {
    pub app: TestApp,
    pub integration: Integration,
    pub first: Pair,
}

impl Story {
    pub fn begin() -> Story {
        Self::on(TestApp::start_with(|config| config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]))
    }

    pub fn on(app: TestApp) -> Story {
        let mut shop = app.shop();
        let (integration, person) = (shop.integration("Ledgerly"), shop.staff("Stina Staff"));
        let grant = shop.grant(integration.id, &person);
        let first = Pair { access_token: grant.access_token, refresh_token: grant.refresh_token };
        Story { app, integration, first }
    }

    pub fn refresh_from(&self, address: &str, value: &str) -> Page {
        let mut program = self.app.program();
        program.headers.push(("x-forwarded-for".into(), address.into()));
        program.post("/auth/oauth/token", &self.integration.refresh_request(value))
    }

    pub fn refresh(&self, value: &str) -> Page {
        self.refresh_from(OWNER, value)
    }

    fn asks_for(&self, value: &str, scope: &str) -> Page {
        let mut fields = self.integration.refresh_request(value);
        fields.push(("scope", scope));
        self.app.token(&fields)
    }

    fn scope_of(&self, pair: &Pair) -> String {
        let answer = self.app.call("/auth/oauth/introspect", &pair.access_token);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["scope"].as_str().unwrap().to_string()
    }

    pub fn grants(&self) -> i64 {
        self.app.shop().number("SELECT COUNT(*) FROM refresh_tokens WHERE revoked_at IS NULL")
    }

    // The value is answered as a replay, and the grant is revoked.
    pub fn assert_replay(&self, answer: &Page, employee_count: &[&Pair]) {
        let (status, error, hint) = refusal(answer);
        assert_eq!((status, error.as_str()), (400, "invalid_grant"), "{}", answer.body);
        assert!(hint.contains("All tokens of the grant have been revoked"), "{hint}");
        assert_eq!(self.grants(), 0, "the grant is revoked");
        for pair in employee_count {
            assert!(!self.app.works(&pair.access_token), "no access token of it works");
            let (status, error, hint) = refusal(&self.refresh(&pair.refresh_token));
            assert_eq!((status, error.as_str()), (400, "invalid_grant"));
            assert!(hint.contains("token reuse detected"), "its developer is told why: {hint}");
        }
    }

    // The activity page names who showed the old value and who has the newest.
    pub fn assert_both_named(&self, shown_from: &str, newest_went_to: &str) {
        let page = self.app.manager().open("/settings/activity?kind=refresh+token+replayed");
        let rows = page.rows("#activity");
        assert_eq!(rows.len(), 1, "{}", page.text());
        let note = format!("used from {shown_from}; the newest was issued to {newest_went_to}");
        assert!(rows[0].says(&note), "{:?}", rows[0]);
        assert!(rows[0].says(&format!("{} of Ledgerly", &self.first.refresh_token[..7])), "{:?}", rows[0]);
        assert_eq!(rows[0].cells[4], shown_from);
    }
}

#[test]
fn r1_nobody_but_the_client_itself_refreshes_and_an_attempt_by_others_costs_it_nothing() {
    let story = Story::begin();
    let other = story.app.shop().integration("Other");
    let value = story.first.refresh_token.as_str();
    let (id, secret) = (story.integration.client_id.as_str(), other.secret.as_str());

    for credentials in [vec![], vec![("client_id", id)], vec![("client_id", id), ("client_secret", secret)]] {
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", value)];
        fields.extend(&credentials);
        let (status, error, _) = refusal(&story.app.token(&fields));
        assert_eq!((status, error.as_str()), (401, "invalid_client"), "{credentials:?}");
    }
    let (status, error, hint) = refusal(&other.refresh(&story.app, value));
    assert_eq!((status, error.as_str(), hint.as_str()), (400, "invalid_grant", "Token is not linked to client"));

    let sql = "SELECT COUNT(*) FROM refresh_tokens WHERE generation = 1 AND last_used_at = 0";
    assert_eq!(story.app.shop().number(sql), 1, "neither rotated nor burned");
    assert!(story.app.works(&pair(&story.refresh(value)).access_token));
}

#[test]
fn r1_a_public_client_refreshes_without_a_secret_and_its_values_rotate_too() {
    let story = Story::begin();
    let sql = format!("UPDATE clients SET publicly_distributed = TRUE WHERE id = {}", story.integration.id);
    story.app.shop().sql(&sql);
    let refresh = |value: &str| {
        let id = story.integration.client_id.as_str();
        story.app.token(&[("grant_type", "refresh_token"), ("client_id", id), ("refresh_token", value)])
    };

    let second = pair(&refresh(&story.first.refresh_token));
    assert_ne!(second.refresh_token, story.first.refresh_token);
    assert!(story.app.works(&second.access_token));
    story.app.advance(31);
    let answer = refresh(&story.first.refresh_token);

    story.assert_replay(&answer, &[]);
    assert!(!story.app.works(&second.access_token));
}

#[test]
fn r2_less_can_be_asked_for_and_the_whole_again_next_time_but_never_more() {
    let story = Story::begin();

    let second = pair(&story.asks_for(&story.first.refresh_token, "employee:inventory"));
    assert_eq!(story.scope_of(&second), "employee:inventory");
    let third = pair(&story.asks_for(&second.refresh_token, WHOLE));
    assert_eq!(story.scope_of(&third), WHOLE);
    let fourth = pair(&story.asks_for(&third.refresh_token, "employee:register_read"));
    let fifth = pair(&story.refresh(&fourth.refresh_token));
    assert_eq!(story.scope_of(&fifth), WHOLE, "left out, it is what was granted, not what was asked for last");

    for wider in ["employee:inventory employee:reports", "employee:all", "employee:nonsense", "inventory\temployee"] {
        let (status, error, _) = refusal(&story.asks_for(&fifth.refresh_token, wider));
        assert_eq!((status, error.as_str()), (400, "invalid_scope"), "{wider:?}");
    }
    assert_eq!(story.app.shop().number("SELECT generation FROM refresh_tokens"), 5, "a refusal rotates nothing");
    assert!(story.app.works(&fifth.access_token));
}

#[test]
fn r3_any_first_use_of_the_new_access_token_makes_the_old_value_a_replay() {
    type Use = fn(&Story, &str) -> Page;
    let by_resource_server: Use = |story, token| {
        let (server, secret) = story.app.shop().resource_server("API");
        let fields = [("client_id", server.as_str()), ("client_secret", &secret), ("token", token)];
        story.app.program().post("/auth/oauth/introspect", &fields)
    };
    let uses: [(&str, Use); 8] = [
        ("verify", |story, token| story.app.call("/auth/oauth/verify", token)),
        ("verify that is refused for its scope", |story, token| {
            let answer = story.app.call("/auth/oauth/verify?scope=employee%3Areports", token);
            assert_eq!(answer.status, 403);
            Page { status: 200, ..answer }
        }),
        ("introspection by a resource server", by_resource_server),
        ("introspection by its client", |story, token| {
            let (id, secret) = (story.integration.client_id.as_str(), story.integration.secret.as_str());
            let fields = [("client_id", id), ("client_secret", secret), ("token", token)];
            story.app.program().post("/auth/oauth/introspect", &fields)
        }),
        ("introspection by itself", |story, token| story.app.call("/auth/oauth/introspect", token)),
        ("Account.json", |story, token| story.app.call("/API/V3/Account.json", token)),
        ("Session.json", |story, token| story.app.call("/API/Session.json", token)),
        ("userinfo", |story, token| story.app.call("/oauth/userinfo", token)),
    ];
    for (name, use_it) in uses {
        let story = Story::begin();
        let second = pair(&story.refresh(&story.first.refresh_token));
        let used = use_it(&story, &second.access_token);
        assert!([200, 204].contains(&used.status), "{name}: {} {}", used.status, used.body);
        story.app.advance(31);

        let answer = story.refresh(&story.first.refresh_token);

        assert_eq!(answer.status, 400, "after a use by {name}: {}", answer.body);
        story.assert_replay(&answer, &[&second]);
    }
}

#[test]
fn r3_another_client_that_asks_about_a_token_has_not_used_it() {
    let story = Story::begin();
    let other = story.app.shop().integration("Other");
    let second = pair(&story.refresh(&story.first.refresh_token));
    let fields =
        [("client_id", other.client_id.as_str()), ("client_secret", &other.secret), ("token", &second.access_token)];

    let answer = story.app.program().post("/auth/oauth/introspect", &fields);
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"active":false}"#));
    story.app.advance(31);

    // The reply with it was lost, so nobody has used anything.
    assert!(story.app.works(&pair(&story.refresh(&story.first.refresh_token)).access_token));
}

#[test]
fn r3_the_owner_refreshes_first_and_the_thief_ends_it() {
    let story = Story::begin();
    let owner = pair(&story.refresh_from(OWNER, &story.first.refresh_token));
    assert!(story.app.works(&owner.access_token));
    story.app.advance(31);

    let answer = story.refresh_from(THIEF, &story.first.refresh_token);

    story.assert_replay(&answer, &[&owner, &story.first]);
    story.assert_both_named(THIEF, OWNER);
}

#[test]
fn r3_the_thief_refreshes_first_and_the_owner_ends_it() {
    let story = Story::begin();
    let thief = pair(&story.refresh_from(THIEF, &story.first.refresh_token));
    assert!(story.app.works(&thief.access_token));
    story.app.advance(HOUR);

    let answer = story.refresh_from(OWNER, &story.first.refresh_token);

    story.assert_replay(&answer, &[&thief]);
    story.assert_both_named(OWNER, THIEF);
}

#[test]
fn r3_a_thief_who_comes_within_the_grace_is_found_out_by_the_next_refresh_of_either() {
    for owner_goes_on in [true, false] {
        let story = Story::begin();
        let owner = pair(&story.refresh_from(OWNER, &story.first.refresh_token));
        story.app.advance(12);
        let thief = pair(&story.refresh_from(THIEF, &story.first.refresh_token));
        assert!(story.app.works(&owner.access_token) && story.app.works(&thief.access_token), "both live for a while");
        story.app.advance(HOUR);

        let (early, late) = if owner_goes_on { (OWNER, THIEF) } else { (THIEF, OWNER) };
        let (goes_on, comes_late) = if owner_goes_on { (&owner, &thief) } else { (&thief, &owner) };
        let next = pair(&story.refresh_from(early, &goes_on.refresh_token));
        assert!(story.app.works(&next.access_token));
        story.app.advance(HOUR / 2);
        let answer = story.refresh_from(late, &comes_late.refresh_token);

        story.assert_replay(&answer, &[&owner, &thief, &next]);
        story.assert_both_named(late, early);
    }
}

#[test]
fn r3_a_thief_who_lies_low_loses_what_he_took_and_ends_it_when_he_tries() {
    let story = Story::begin();
    let thief = pair(&story.refresh_from(THIEF, &story.first.refresh_token));
    story.app.advance(HOUR / 2);
    // To the server this is an owner whose reply was lost.
    let owner = pair(&story.refresh_from(OWNER, &story.first.refresh_token));
    assert!(!story.app.works(&thief.access_token), "what he took is withdrawn");
    assert!(story.app.works(&owner.access_token));

    let answer = story.refresh_from(THIEF, &thief.refresh_token);

    story.assert_replay(&answer, &[&owner]);
    story.assert_both_named(THIEF, OWNER);
}

#[test]
fn r4_the_grace_covers_the_direct_predecessor_alone() {
    let story = Story::begin();
    let second = pair(&story.refresh(&story.first.refresh_token));
    let third = pair(&story.refresh(&second.refresh_token));

    let answer = story.refresh_from(THIEF, &story.first.refresh_token);

    story.assert_replay(&answer, &[&second, &third]);
    story.assert_both_named(THIEF, OWNER);
}

#[test]
fn r5_two_racing_workers_both_live_and_either_can_go_on() {
    let story = Story::begin();
    let one = pair(&story.refresh(&story.first.refresh_token));
    assert!(story.app.works(&one.access_token));
    story.app.advance(30);
    let two = pair(&story.refresh(&story.first.refresh_token));

    assert_ne!((&one.access_token, &one.refresh_token), (&two.access_token, &two.refresh_token));
    assert!(story.app.works(&one.access_token) && story.app.works(&two.access_token));
    assert_eq!(story.grants(), 1, "one line for the employee");
    story.app.advance(HOUR);
    let next = pair(&story.refresh(&two.refresh_token));
    let beside = pair(&story.refresh(&one.refresh_token));
    assert!(story.app.works(&next.access_token) && story.app.works(&beside.access_token));
}

#[test]
fn r5_a_lost_reply_is_retried_at_once_or_much_later() {
    for wait in [1, 30, 31, 29 * DAY] {
        let story = Story::begin();
        let lost = pair(&story.refresh(&story.first.refresh_token));
        story.app.advance(wait);

        let second = pair(&story.refresh(&story.first.refresh_token));

        assert!(story.app.works(&second.access_token), "after {wait} s");
        assert_eq!(story.grants(), 1);
        if wait > 30 {
            assert!(!story.app.works(&lost.access_token), "after {wait} s the lost pair is withdrawn");
            let answer = story.refresh(&lost.refresh_token);
            story.assert_replay(&answer, &[&second]);
        }
    }
}

#[test]
fn r5_a_reply_may_be_lost_again_and_two_may_retry_together() {
    let story = Story::begin();
    for _ in 0..3 {
        story.refresh(&story.first.refresh_token);
        story.app.advance(31);
    }
    let one = pair(&story.refresh(&story.first.refresh_token));
    assert!(story.app.works(&one.access_token));
    story.app.advance(20);
    let two = pair(&story.refresh(&story.first.refresh_token));
    assert!(story.app.works(&one.access_token) && story.app.works(&two.access_token));
    story.app.advance(11);

    let answer = story.refresh(&story.first.refresh_token);

    story.assert_replay(&answer, &[&one, &two]);
}

#[test]
fn r5_the_sixth_within_a_minute_waits_as_told_and_is_not_punished() {
    let story = Story::begin();
    let pairs: Vec<Pair> = (0..5).map(|_| pair(&story.refresh(&story.first.refresh_token))).collect();
    assert!(pairs.iter().all(|pair| story.app.works(&pair.access_token)));
    story.app.advance(20);

    let told = story.refresh(&story.first.refresh_token);
    let (status, error, _) = refusal(&told);
    assert_eq!((status, error.as_str()), (429, "temporarily_unavailable"), "{}", told.body);
    assert_eq!(told.header("retry-after"), Some("40"));
    assert_eq!(story.grants(), 1);
    story.app.advance(39);
    assert_eq!(refusal(&story.refresh(&story.first.refresh_token)).0, 429, "a second too early");
    story.app.advance(1);
    let late = pair(&story.refresh(&story.first.refresh_token));

    assert!(story.app.works(&late.access_token));
    assert!(pairs.iter().all(|pair| story.app.works(&pair.access_token)));
    story.app.advance(HOUR);
    assert!(story.app.works(&pair(&story.refresh(&late.refresh_token)).access_token));
}

#[test]
fn r5_every_worker_of_a_crowd_that_waits_as_told_gets_its_pair() {
    let story = Story::begin();
    let (mut served, mut waited) = (0, 0);
    while served < 23 {
        let answer = story.refresh(&story.first.refresh_token);
        match answer.status {
            200 => {
                served += 1;
                assert!(story.app.works(&pair(&answer).access_token));
            }
            429 => {
                let seconds = answer.header("retry-after").unwrap().parse::<i64>().unwrap();
                assert!((1..=60).contains(&seconds), "{seconds}");
                story.app.advance(seconds);
                waited += seconds;
            }
            _ => panic!("{served} served, {waited} s waited: {} {}", answer.status, answer.body),
        }
        assert!(waited <= 240, "five a minute: {served} served after {waited} s");
    }
    assert_eq!(waited, 240, "never more than five a minute");
}

#[test]
fn r5_once_the_crowd_is_served_the_old_value_is_a_replay_again() {
    let story = Story::begin();
    let pairs: Vec<Pair> = (0..5).map(|_| pair(&story.refresh(&story.first.refresh_token))).collect();
    assert!(story.app.works(&pairs[3].access_token));
    story.app.advance(91);

    let answer = story.refresh_from(THIEF, &story.first.refresh_token);

    story.assert_replay(&answer, &[&pairs[0], &pairs[4]]);
}

#[test]
fn r5_asking_on_and_on_with_an_old_value_does_not_keep_it_alive() {
    let story = Story::begin();
    let first = pair(&story.refresh(&story.first.refresh_token));
    assert!(story.app.works(&first.access_token));
    let mut minutes = 0;
    let answer = loop {
        // Five a minute, the one above counted.
        while { story.refresh_from(THIEF, &story.first.refresh_token) }.status == 200 {}
        story.app.advance(60);
        minutes += 1;
        let answer = story.refresh_from(THIEF, &story.first.refresh_token);
        if answer.status != 200 || minutes == 20 {
            break answer;
        }
    };

    assert_eq!(minutes, 11, "a crowd of fifty is served, and nobody after it");
    story.assert_replay(&answer, &[&first]);
}

#[test]
fn r7_a_clock_that_stands_still_forgives_no_replay() {
    let story = Story::begin();
    let lost = pair(&story.refresh(&story.first.refresh_token));
    story.app.advance(31);
    let second = pair(&story.refresh(&story.first.refresh_token));
    // In the very second in which it was withdrawn.
    let answer = story.refresh(&lost.refresh_token);
    story.assert_replay(&answer, &[&second]);

    let story = Story::begin();
    let second = pair(&story.refresh(&story.first.refresh_token));
    let third = pair(&story.refresh(&second.refresh_token));
    let fourth = pair(&story.refresh(&third.refresh_token));
    assert!(story.app.works(&fourth.access_token));
    let answer = story.refresh(&second.refresh_token);
    story.assert_replay(&answer, &[&third, &fourth]);
}

#[test]
fn r8_a_restart_forgets_neither_the_rotation_nor_the_use() {
    let database = Database::blank();
    let mut server = Server::start(&database, &[]);
    let mut admin = server.set_up("ada@shop.example", PASSWORD);
    let now = Clock::System.now();
    let mut shop = match is_postgres() {
        true => Shop::open(&database, now),
        false => Shop::at_file(&database.folder.path().join("data/client-api-access.db")).at_moment(now),
    };
    let integration = shop.integration("Ledgerly");
    let (code, pkce) = integration.code(&mut admin);
    let post = |server: &Server, fields: &[(&str, &str)]| {
        let mut program = server.browser();
        program.origin_header = None;
        program.post("/auth/oauth/token", fields)
    };
    let verify = |server: &Server, pair: &Pair| {
        let show = crate::support::oauth::bearer(&pair.access_token);
        server.browser().send("GET", "/auth/oauth/verify", &[show], "").status
    };

    let first = pair(&post(&server, &integration.code_request(&code, &pkce.verifier)));
    let second = pair(&post(&server, &integration.refresh_request(&first.refresh_token)));
    assert_eq!(verify(&server, &second), 204);
    std::thread::sleep(Duration::from_secs(31));
    assert_eq!(server.stop(), 0);
    drop(server);
    let server = Server::start(&database, &[]);

    assert_eq!(verify(&server, &second), 204, "what is good outlives a restart");
    let answer = post(&server, &integration.refresh_request(&first.refresh_token));
    let (status, error, hint) = refusal(&answer);
    assert_eq!((status, error.as_str()), (400, "invalid_grant"), "{}", answer.body);
    assert!(hint.contains("All tokens of the grant have been revoked"), "{hint}");
    assert_eq!(verify(&server, &second), 401);
    assert_eq!(refusal(&post(&server, &integration.refresh_request(&second.refresh_token))).0, 400);
    assert_eq!(shop.number("SELECT COUNT(*) FROM refresh_tokens"), 0);
}

#[test]
fn r10_the_newest_value_past_its_end_is_refused_and_nothing_is_deleted() {
    let story = Story::begin();
    story.app.advance(29 * DAY);
    let second = pair(&story.refresh(&story.first.refresh_token));
    assert!(story.app.works(&second.access_token));
    story.app.advance(30 * DAY - 1);
    let third = pair(&story.refresh(&second.refresh_token));
    story.app.advance(30 * DAY);

    let (status, error, hint) = refusal(&story.refresh(&third.refresh_token));

    assert_eq!((status, error.as_str()), (400, "invalid_grant"));
    assert!(hint.starts_with("Token has expired at 2027-02-17T"), "not a second more than 30 days: {hint}");
    assert_eq!(story.grants(), 1);
}

#[test]
fn r10_a_previous_value_past_its_end_gives_nothing_and_is_reuse_once_the_newest_was_used() {
    for used in [false, true] {
        let story = Story::begin();
        story.app.advance(29 * DAY);
        let second = pair(&story.refresh(&story.first.refresh_token));
        assert!(!used || story.app.works(&second.access_token));
        story.app.advance(DAY);

        let answer = story.refresh(&story.first.refresh_token);

        match used {
            true => story.assert_replay(&answer, &[&second]),
            false => {
                let (status, error, hint) = refusal(&answer);
                assert_eq!((status, error.as_str()), (400, "invalid_grant"));
                assert!(hint.starts_with("Token has expired at 2026-12-20T"), "{hint}");
                assert_eq!(story.grants(), 1);
                pair(&story.refresh(&second.refresh_token));
            }
        }
    }
}

#[test]
fn r10_a_grant_in_use_has_no_end_unless_its_client_has_one() {
    let story = Story::begin();
    let mut value = story.first.refresh_token.clone();
    for _ in 0..24 {
        story.app.advance(29 * DAY);
        value = pair(&story.refresh(&value)).refresh_token;
    }
    assert_eq!(story.grants(), 1, "after two years");

    let story = Story::begin();
    story.app.shop().sql(&format!("UPDATE clients SET grants_end_after = {}", 40 * DAY));
    story.app.advance(29 * DAY);
    let second = pair(&story.refresh(&story.first.refresh_token));
    story.app.advance(11 * DAY - 600);
    let answer = story.refresh(&second.refresh_token);
    assert_eq!(answer.json()["expires_in"], 600, "an access token does not outlive its grant");
    let third = pair(&answer);
    assert!(story.app.works(&third.access_token));
    story.app.advance(600);

    assert!(!story.app.works(&third.access_token));
    let (status, error, hint) = refusal(&story.refresh(&third.refresh_token));
    assert_eq!((status, error.as_str()), (400, "invalid_grant"));
    assert!(hint.starts_with("Token has expired"), "{hint}");
}

#[test]
fn r10_an_end_that_is_set_later_ends_the_grants_that_are_older() {
    let story = Story::begin();
    story.app.advance(20 * DAY);
    story.app.shop().sql(&format!("UPDATE clients SET grants_end_after = {}", 10 * DAY));

    let answer = story.refresh(&story.first.refresh_token);

    let (status, error, hint) = refusal(&answer);
    assert_eq!((status, error.as_str()), (400, "invalid_grant"), "{}", answer.body);
    assert!(hint.starts_with("Token has expired at 2026-11-30T"), "{hint}");
    assert_eq!(story.grants(), 1, "refused, not deleted: the end may be taken back");
    story.app.shop().sql("UPDATE clients SET grants_end_after = NULL");
    assert!(story.app.works(&pair(&story.refresh(&story.first.refresh_token)).access_token));
}

#[test]
fn r10_somebody_who_is_locked_or_has_left_refreshes_nothing_until_they_are_back() {
    for (path, hint_says) in [("lock", "locked"), ("archive", "archived")] {
        let app = TestApp::start();
        let (integration, person) = (app.shop().integration("Ledgerly"), app.shop().staff("Anna Berg"));
        let grant = app.shop().grant(integration.id, &person);
        let (mut admin, _) = app.sign_in_as(Role::Admin);
        let button = |admin: &mut crate::support::Browser, action: &str| {
            let page = admin.open(&person.path());
            let answer = admin.submit(&page, action, &[]);
            assert_eq!(answer.status, 303, "{}", answer.text());
        };
        button(&mut admin, path);

        let (status, error, hint) = refusal(&integration.refresh(&app, &grant.refresh_token));
        assert_eq!((status, error.as_str()), (400, "invalid_grant"));
        assert!(hint.contains(hint_says), "{hint}");
        assert!(!app.works(&grant.access_token));

        button(&mut admin, if path == "lock" { "unlock" } else { "restore" });
        assert!(app.works(&grant.access_token), "lifting it brings everything back");
        assert!(app.works(&pair(&integration.refresh(&app, &grant.refresh_token)).access_token));
    }
}

#[test]
fn r3_json_urlencoded_and_multipart_bodies_meet_the_same_rules() {
    let story = Story::begin();
    let fields = story.integration.refresh_request(&story.first.refresh_token);
    let json = serde_json::Map::from_iter(fields.iter().map(|(name, value)| (name.to_string(), (*value).into())));
    let mut multipart = String::new();
    for (name, value) in &fields {
        multipart.push_str(&format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    multipart.push_str("--b--\r\n");
    let bodies = [
        ("application/json", serde_json::Value::Object(json).to_string()),
        ("application/x-www-form-urlencoded", encode(&fields)),
        ("multipart/form-data; boundary=b", multipart),
    ];

    for (kind, body) in &bodies {
        let answer = story.app.program().post_body("/auth/oauth/token", kind, body);
        assert!(story.app.works(&pair(&answer).access_token), "{kind}");
    }
    story.app.advance(31);
    let (kind, body) = &bodies[0];
    let answer = story.app.program().post_body("/auth/oauth/token", kind, body);

    story.assert_replay(&answer, &[]);
}
