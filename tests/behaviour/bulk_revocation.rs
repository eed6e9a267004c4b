//! Many refresh tokens and API keys are revoked together: counted first, confirmed with that count, then in small steps.

use client_api_access::access::bulk_revocation::{BulkRevocation, candidates, revoke_step};
use client_api_access::id::{BulkRevocationKey, ClientKey};
use client_api_access::scopes::Role;
use client_api_access::time::DAY;

use crate::support::{Browser, Grant, Page, Person, Shop, TestApp};

const LIST: &str = "/settings/access";

// Presses a button of the list: `Revoke selected` with the ids of tokens, or the one for all that match.
fn select(browser: &mut Browser, query: &str, tokens: &[String]) -> Page {
    let list = browser.open(&format!("{LIST}{query}"));
    let mut fields: Vec<(&str, &str)> = tokens.iter().map(|token| ("token", token.as_str())).collect();
    if tokens.is_empty() {
        fields.push(("all", "1"));
    }
    let action = format!("/revocations{}", if query.is_empty() { "?" } else { query });
    browser.submit(&list, &action, &fields)
}

// The same, up to the confirmation.
fn dry_run(browser: &mut Browser, query: &str, tokens: &[String]) -> Page {
    let answer = select(browser, query, tokens);
    browser.follow(&answer)
}

fn confirm(browser: &mut Browser, confirmation: &Page, fields: &[(&str, &str)]) -> Page {
    let answer = browser.submit(confirmation, "/revoke", fields);
    if answer.status == 303 { browser.follow(&answer) } else { answer }
}

fn entries(browser: &mut Browser) -> Vec<String> {
    let rows = browser.open("/settings/activity?kind=bulk+revocation").rows("#activity");
    rows.iter().map(|row| format!("{} | {}", row.cells[2], row.cells[3])).collect()
}

// Many refresh tokens that nobody has used for 200 days, all of one client and one person.
fn many_unused(shop: &mut Shop, n: i64) -> (Person, ClientKey, Grant) {
    let (anna, client) = (shop.staff("Anna Berg"), shop.client("Ledgerly"));
    let grant = shop.grant(client, &anna);
    let (old, end) = (shop.now().plus(-200 * DAY).0, shop.now().plus(DAY).0);
    shop.sql(&format!("UPDATE refresh_tokens SET created_at = {old}, expires_at = {end}"));
    shop.sql(&format!(
        "WITH RECURSIVE numbers (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM numbers WHERE i < {n}) \
         INSERT INTO refresh_tokens (client_id, employee_id, prefix, scope, created_at, expires_at, generation, rotated_at) \
         SELECT client_id, employee_id, prefix, scope, created_at, expires_at, 1, created_at FROM refresh_tokens, numbers \
         WHERE refresh_tokens.id = {}",
        grant.id
    ));
    (anna, client, grant)
}

#[test]
fn what_is_selected_is_revoked_and_nothing_else() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna Berg");
    let (ledgerly, stockbird) = (shop.client("Ledgerly"), shop.client("Stockbird"));
    let (grant, kept) = (shop.grant(ledgerly, &anna), shop.grant(ledgerly, &anna));
    let key = shop.api_key(stockbird, &anna, "till");
    let mut manager = app.manager();
    let tokens = [format!("r{}", grant.id), format!("k{}", key.id)];

    let confirmation = dry_run(&mut manager, "", &tokens);
    let done = confirm(&mut manager, &confirmation, &[]);

    assert_eq!(confirmation.heading(), "Revoke 2 tokens and keys?");
    assert_eq!([confirmation.impact("Refresh"), confirmation.impact("API keys")], ["1", "1"]);
    assert_eq!(confirmation.impact("Access tokens"), "1");
    assert_eq!(confirmation.impact("Clients"), "Ledgerly (1), Stockbird (1)");
    assert_eq!(confirmation.impact("Employees"), "Anna Berg (2)");
    assert_eq!(done.heading(), "Access revoked");
    assert!(done.text().contains("Revoked 1 refresh token and 1 API key."), "{}", done.text());
    assert!(!app.works(&grant.access_token) && !app.works(&key.value) && app.works(&kept.access_token));
    let log = entries(&mut manager);
    assert_eq!(log.len(), 1);
    let expected = "1 refresh token and 1 API key · authorized by Anna Berg";
    assert!(log[0].starts_with("Tokens revoked in bulk: 2 tokens | ") && log[0].contains(expected), "{log:?}");
    assert!(log[0].contains(grant.mask()) && log[0].contains("chosen by hand; 2 tokens confirmed"), "{log:?}");

    app.run_background();

    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 1);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 1);
    assert_eq!(manager.open(LIST).rows("#access").len(), 1);
}

#[test]
fn nothing_selected_no_filter_and_a_damaged_selection_are_refused() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, client) = (shop.staff("Anna Berg"), shop.client("Ledgerly"));
    shop.grant(client, &anna);
    let mut manager = app.manager();

    let list = manager.open(LIST);
    let nothing = manager.submit(&list, "/revocations?", &[]);
    assert_eq!(nothing.status, 422);
    assert!(nothing.notice().contains("Select at least one token"), "{}", nothing.notice());
    assert!(!list.text().contains("that match"), "there is no button for all without a filter");
    assert_eq!(select(&mut manager, "", &[]).status, 400);
    assert_eq!(select(&mut manager, "", &["7".into()]).status, 400);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM bulk_revocations"), 0);
}

#[test]
fn a_token_that_is_used_or_created_after_the_count_is_kept() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, client) = (shop.staff("Anna Berg"), shop.client("Ledgerly"));
    let (unused, used) = (shop.grant(client, &anna), shop.grant(client, &anna));
    let mut manager = app.manager();

    let confirmation = dry_run(&mut manager, "?usage=never-used", &[]);
    let newer = app.shop().api_key(client, &anna, "new");
    app.shop().used("refresh_tokens", used.id.0, app.now());
    let done = confirm(&mut manager, &confirmation, &[]);

    assert_eq!(confirmation.heading(), "Revoke 2 refresh tokens?");
    assert!(done.text().contains("Revoked 1 refresh token."), "{}", done.text());
    assert!(done.text().contains("1 token no longer matched"), "{}", done.text());
    assert!(done.text().contains("1 matching token appeared after the count, and was kept."), "{}", done.text());
    assert!(!app.works(&unused.access_token) && app.works(&used.access_token) && app.works(&newer.value));
    let log = entries(&mut manager);
    let expected = "refresh tokens and API keys, never used; 2 tokens confirmed; 1 newer kept";
    assert!(log[0].contains(expected), "{log:?}");
}

#[test]
fn a_token_that_is_used_just_before_its_step_is_kept() {
    let app = TestApp::start();
    let (_, _, grant) = many_unused(&mut app.shop(), 110);
    let mut manager = app.manager();
    let confirmation = dry_run(&mut manager, "?usage=unused-90", &[]);
    let progress = confirm(&mut manager, &confirmation, &[("count", "110")]);
    let mut shop = app.shop();
    let id = BulkRevocationKey(shop.number("SELECT MIN(id) FROM bulk_revocations"));
    let bulk = BulkRevocation::find(shop.conn(), id).unwrap();
    let found = candidates(shop.conn(), &bulk).unwrap();

    shop.used("refresh_tokens", grant.id.0, app.now());
    revoke_step(shop.conn(), &bulk, &found, app.now()).unwrap();
    app.run_background();

    assert!(app.works(&grant.access_token));
    let done = manager.open(&progress.path);
    assert!(done.text().contains("Revoked 109 refresh tokens."), "{}", done.text());
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens WHERE revoked_at IS NULL"), 1);
}

#[test]
fn the_count_of_more_than_a_hundred_is_typed_and_access_ends_before_the_rows_go() {
    let app = TestApp::start();
    let (anna, client, grant) = many_unused(&mut app.shop(), 450);
    let kept = app.shop().grant(client, &anna);
    app.shop().used("refresh_tokens", kept.id.0, app.now());
    let mut manager = app.manager();

    let confirmation = dry_run(&mut manager, "?usage=unused-90", &[]);
    assert_eq!(confirmation.heading(), "Revoke 450 refresh tokens?");
    for wrong in ["", "45", "451"] {
        let again = confirm(&mut manager, &confirmation, &[("count", wrong)]);
        assert_eq!((again.status, again.heading().as_str()), (422, "Revoke 450 refresh tokens?"), "{wrong}");
        assert!(again.text().contains("Type the number 450."));
    }
    let progress = confirm(&mut manager, &confirmation, &[("count", "450")]);

    assert_eq!(progress.heading(), "Revoking 450 refresh tokens");
    assert_eq!(progress.attribute("main", "data-refresh").as_deref(), Some("2"));
    assert!(progress.body.contains(r#"<noscript><meta http-equiv="refresh""#));
    step(&app);
    let progress = manager.open(&progress.path);
    assert!(progress.text().contains("200 of 450"), "{}", progress.text());
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 451, "nothing is deleted yet");
    assert!(!app.works(&grant.access_token), "access has ended");
    assert_eq!(manager.open(&format!("{LIST}?usage=unused-90")).texts("#access-h .sum"), ["250"]);

    app.run_background();

    let done = manager.open(&progress.path);
    assert_eq!(done.heading(), "Access revoked");
    assert!(done.text().contains("Revoked 450 refresh tokens."), "{}", done.text());
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 1);
    assert!(app.works(&kept.access_token));
    let log = manager.open("/settings/activity?kind=deletion+finished").rows("#activity");
    assert!(log[0].cells[3].starts_with("450 refresh tokens and 1 access token"), "{:?}", log[0]);
}

// One step of the first bulk revocation, as a node takes it that stops afterwards.
fn step(app: &TestApp) {
    let mut shop = app.shop();
    let id = BulkRevocationKey(shop.number("SELECT MIN(id) FROM bulk_revocations WHERE state = 'revoking'"));
    let bulk = BulkRevocation::find(shop.conn(), id).unwrap();
    let found = candidates(shop.conn(), &bulk).unwrap();
    revoke_step(shop.conn(), &bulk, &found, app.now()).unwrap();
    // Another process that had read the same candidates does nothing.
    revoke_step(shop.conn(), &bulk, &found, app.now()).unwrap();
}

#[test]
fn it_can_be_stopped_and_says_what_was_revoked() {
    let app = TestApp::start();
    many_unused(&mut app.shop(), 450);
    let mut manager = app.manager();
    let confirmation = dry_run(&mut manager, "?usage=unused-90", &[]);
    let progress = confirm(&mut manager, &confirmation, &[("count", "450")]);
    step(&app);

    let stopping = manager.submit(&progress, "/stop", &[]);
    assert!(manager.follow(&stopping).text().contains("Stopping"));
    app.run_background();

    let done = manager.open(&progress.path);
    assert_eq!(done.heading(), "Stopped early");
    assert!(
        done.text().contains("It was stopped by Mona Manager. 250 confirmed tokens may still work."),
        "{}",
        done.text()
    );
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 250);
    let log = entries(&mut manager);
    assert!(log[0].contains("200 refresh tokens") && log[0].ends_with("stopped by Mona Manager"), "{log:?}");
    let again = manager.submit(&progress, "/stop", &[]);
    assert!(manager.follow(&again).notice().contains("nothing left to stop"));
}

#[test]
fn a_count_can_be_cancelled_and_is_not_confirmed_afterwards() {
    let app = TestApp::start();
    many_unused(&mut app.shop(), 5_200);
    let mut manager = app.manager();

    let counting = dry_run(&mut manager, "?usage=unused-90", &[]);
    assert_eq!(counting.heading(), "Counting what would be revoked");
    assert!(counting.text().contains("Matching so far 5,000"), "{}", counting.text());
    app.run_background();
    let confirmation = manager.open(&counting.path);
    assert_eq!(confirmation.heading(), "Revoke 5,200 refresh tokens?");
    manager.submit(&counting, "/stop", &[]);
    let late = confirm(&mut manager, &confirmation, &[("count", "5,200")]);

    assert!(late.notice().contains("confirmed or stopped before") && late.heading() == "Cancelled", "{}", late.text());
    app.run_background();
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 5_200);
    assert!(entries(&mut manager).is_empty());
}

#[test]
fn a_count_is_valid_for_an_hour_and_confirmed_once() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, client) = (shop.staff("Anna Berg"), shop.client("Ledgerly"));
    let grant = shop.grant(client, &anna);
    let (_, mona) = app.sign_in_as(Role::Manager);
    let mut manager = app.sign_in(&mona);
    let old = dry_run(&mut manager, "?client=ledger", &[]);
    app.advance(3_601);
    let mut manager = app.sign_in(&mona);

    let late = manager.open(&old.path);
    let late = confirm(&mut manager, &late, &[]);
    assert!(late.notice().contains("more than an hour ago"), "{}", late.text());
    let new = dry_run(&mut manager, "?client=ledger", &[]);
    confirm(&mut manager, &new, &[]);
    let again = confirm(&mut manager, &new, &[]);

    assert!(again.notice().contains("confirmed or stopped before"), "{}", again.text());
    assert_eq!(entries(&mut manager).len(), 1);
    assert!(!app.works(&grant.access_token));
}

#[test]
fn it_stops_before_it_revokes_more_than_was_confirmed() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, _, _) = many_unused(&mut shop, 120);
    let bo = shop.staff("Bo Dahl");
    shop.sql(&format!("UPDATE refresh_tokens SET employee_id = {} WHERE id % 2 = 0", bo.id));
    shop.lock(&anna);
    let mut manager = app.manager();

    let confirmation = dry_run(&mut manager, "?owner=inactive", &[]);
    assert_eq!(confirmation.heading(), "Revoke 60 refresh tokens?");
    // From now on twice as many match.
    app.shop().lock(&bo);
    let progress = confirm(&mut manager, &confirmation, &[]);
    app.run_background();

    let done = manager.open(&progress.path);
    assert!(done.text().contains("more tokens match than were confirmed"), "{}", done.text());
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 60);
    assert!(entries(&mut manager)[0].contains("60 refresh tokens"));
}

#[test]
fn staff_revoke_only_their_own() {
    let app = TestApp::start();
    let (mut mine, me) = app.sign_in_as(Role::Staff);
    let mut shop = app.shop();
    let (other, client) = (shop.staff("Other"), shop.client("Ledgerly"));
    let (own, foreign) = (shop.grant(client, &me), shop.grant(client, &other));

    let list = mine.open(LIST);
    assert_eq!(list.texts("#access .pick input").len(), 1, "one box, beside their own");
    let foreign_only = dry_run(&mut mine, "", &[format!("r{}", foreign.id)]);
    assert_eq!(foreign_only.heading(), "Nothing to revoke");
    let all = dry_run(&mut mine, "?client=ledger", &[]);
    assert_eq!(all.heading(), "Revoke 1 refresh token?");
    let mut manager = app.manager();
    let seen = manager.open(&all.path);
    assert!(!seen.has("button.danger"), "only the person who selected can confirm");
    let csrf = manager.csrf();
    assert_eq!(manager.post(&format!("{}/revoke", all.path), &[("csrf", &csrf)]).status, 403);
    let of_manager = dry_run(&mut manager, "?client=ledger", &[]);
    assert_eq!(mine.get(&of_manager.path).status, 403);
    confirm(&mut mine, &all, &[]);

    assert!(!app.works(&own.access_token) && app.works(&foreign.access_token));
    assert_eq!(entries(&mut mine).len(), 1, "their own act is in their log");
}

#[test]
fn somebody_who_is_no_manager_any_more_cannot_confirm_what_they_counted() {
    let app = TestApp::start();
    let (mut manager, mona) = app.sign_in_as(Role::Manager);
    let mut shop = app.shop();
    let (anna, client) = (shop.staff("Anna Berg"), shop.client("Ledgerly"));
    let grant = shop.grant(client, &anna);
    let confirmation = dry_run(&mut manager, "?client=ledger", &[]);
    app.shop().sql(&format!("UPDATE employees SET role = 'staff' WHERE id = {}", mona.id));

    assert_eq!(confirm(&mut manager, &confirmation, &[]).status, 403);
    assert!(app.works(&grant.access_token));
}

#[test]
fn tokens_are_issued_refreshed_and_revoked_at_the_same_time() {
    let app = TestApp::start();
    let (anna, client, _) = many_unused(&mut app.shop(), 400);
    let active: Vec<Grant> = (0..8).map(|_| app.shop().grant(client, &anna)).collect();
    let mut manager = app.manager();
    let confirmation = dry_run(&mut manager, "?client=ledger&usage=unused-90", &[]);
    let progress = confirm(&mut manager, &confirmation, &[("count", "400")]);

    let (database, now) = (&app.database, app.now());
    let refreshed = std::thread::scope(|scope| {
        let threads: Vec<_> = active
            .chunks(4)
            .map(|grants| {
                let anna = &anna;
                scope.spawn(move || {
                    let mut shop = Shop::open(database, now);
                    let mut newest: Vec<Grant> = grants.to_vec();
                    for _ in 0..10 {
                        newest = newest.iter().map(|grant| shop.refresh(grant)).collect();
                        newest.push(shop.grant(client, anna));
                    }
                    newest
                })
            })
            .collect();
        app.run_background();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<Grant>>()
    });
    app.run_background();

    assert!(manager.open(&progress.path).text().contains("Revoked 400 refresh tokens."));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 28);
    assert!(refreshed.iter().all(|grant| app.works(&grant.access_token)));
}
