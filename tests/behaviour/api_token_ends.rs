//! API tokens of people who leave, that nobody uses, that expire, that leak, and that a backup brings back.

use client_api_access::activity::Actor;
use client_api_access::api_tokens::{self, Caller, Refusal};
use client_api_access::scopes::Role;
use client_api_access::time::DAY;

use crate::support::{Browser, Page, TestApp};

fn who(app: &TestApp, value: &str) -> Result<Caller, Refusal> {
    api_tokens::authenticate(app.shop().conn(), value, app.now()).unwrap()
}

#[test]
fn x3_api_tokens_of_a_person_rest_while_they_are_locked_and_are_revoked_with_all_their_access() {
    let app = TestApp::start();
    let (mut admin, _) = app.sign_in_as(Role::Admin);
    let (mona, stina) = (app.shop().employee("Mona Berg", Role::Manager), app.shop().staff("Stina Berg"));
    let (_, of_mona) = app.shop().api_token(&mona, Role::Manager, "tokens:read");
    let (_, of_stina) = app.shop().api_token(&stina, Role::Staff, "tokens:read");

    let rows = admin.open(&mona.path()).rows("#api-tokens");
    assert!(rows.len() == 1 && rows[0].says("Nightly report") && rows[0].says(&of_mona[..7]), "{rows:?}");
    app.shop().lock(&mona);
    assert_eq!(who(&app, &of_mona).err(), Some(Refusal::PersonInactive));
    assert!(admin.open(&mona.path()).rows("#api-tokens")[0].says("Employee locked"));
    app.shop().sql("UPDATE employees SET locked_at = NULL");
    assert!(who(&app, &of_mona).is_ok());

    let form = admin.open(&format!("{}/revoke-all-access", mona.path()));
    assert_eq!(form.impact("API tokens"), "1");
    let done = admin.submit(&form, "/revoke-all-access", &[]);
    let page = admin.follow(&done);
    assert!(page.notice().contains("Also revoked: 1 API token."), "{}", page.notice());
    assert!(page.rows("#api-tokens").is_empty());
    assert_eq!(who(&app, &of_mona).err(), Some(Refusal::Revoked));
    assert!(who(&app, &of_stina).is_ok(), "only hers");

    // A store manager offboards without the connections, but with the API tokens.
    let mut own = app.sign_in(&stina);
    let theirs = own.open(&stina.path());
    assert_eq!(theirs.rows("#api-tokens").len(), 1, "everybody sees their own");
    assert_eq!(theirs.link("Nightly report"), None, "and only admins its page");
    let mut manager = app.manager();
    let form = manager.open(&format!("{}/offboard", stina.path()));
    assert_eq!(form.impact("API tokens"), "1");
    let done = manager.submit(&form, "/offboard", &[]);
    assert!(manager.follow(&done).notice().contains("Also revoked: 1 API token."));
    assert_eq!(who(&app, &of_stina).err(), Some(Refusal::Revoked));
    app.shop().sql("UPDATE employees SET locked_at = NULL");
    assert_eq!(who(&app, &of_stina).err(), Some(Refusal::Revoked), "unlocked, it does not come back");
    let entries = "SELECT COUNT(*) FROM activity WHERE kind = 'API token revoked' AND subject_kind = 'api_token'";
    assert_eq!(app.shop().number(entries), 2);
}

#[test]
fn the_last_use_is_stored_with_its_address_and_what_has_ended_is_deleted_later() {
    let app = TestApp::start();
    let (mut admin, ada) = app.sign_in_as(Role::Admin);
    let (id, value) = app.shop().api_token(&ada, Role::Admin, "tokens:read");
    let (revoked, _) = app.shop().api_token(&ada, Role::Admin, "tokens:read");
    let path = format!("/settings/api-tokens/{id}");

    assert_eq!(admin.open(&path).fact("Last used"), "never used");
    let caller = who(&app, &value).unwrap();
    app.state.last_used_buffer.api_token(&caller, "203.0.113.7".parse().ok(), app.now());
    app.run_background();
    let used = admin.open(&path).fact("Last used");
    assert!(used.contains("just now") && used.contains("from 203.0.113.7"), "{used}");

    let now = app.now();
    assert!(api_tokens::revoke(app.shop().conn(), revoked, (&Actor::console(), ""), now).unwrap());
    app.advance(29 * DAY);
    app.run_background();
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM api_tokens"), 2, "for a while its page says what happened");
    app.advance(2 * DAY);
    app.run_background();
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM api_tokens"), 1);
    assert!(who(&app, &value).is_ok());
    app.advance(90 * DAY);
    app.run_background();
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM api_tokens"), 0, "it expired a month ago");
    assert_eq!(who(&app, &value).err(), Some(Refusal::Unknown));
}

fn find(browser: &mut Browser, text: &str) -> Page {
    let form = browser.open("/settings/client-api-access/find-token");
    browser.submit(&form, "/find-token", &[("token", text)])
}

#[test]
fn an_api_token_is_found_by_its_value_and_listed_as_needing_attention() {
    let app = TestApp::start();
    let (mut admin, ada) = app.sign_in_as(Role::Admin);
    let mut staff = app.sign_in_as(Role::Staff).0;
    let (id, value) = app.shop().api_token(&ada, Role::Admin, "tokens:read");
    let path = format!("/settings/api-tokens/{id}");

    assert_eq!(find(&mut admin, &format!("it said: {value}!")).location(), path);
    for text in [&value, &value[..7]] {
        let found = find(&mut staff, text);
        let rows = found.rows("#found");
        assert!(rows[0].says("API token") && rows[0].says("Nightly report") && rows[0].says("Ada Admin"), "{rows:?}");
        assert!(rows[0].href.is_empty() && !found.has("a[href$='/revoke']"), "{rows:?}");
    }
    let log = admin.open("/settings/activity?kind=token+looked+up").rows("#activity");
    assert!(log.len() == 2 && log[0].says("Nightly report"), "{log:?}");

    let listed = |admin: &mut Browser, rule: &str| admin.open(&format!("/settings/attention/{rule}")).rows("#items");
    for rule in ["unused", "expiring-soon", "owner-inactive"] {
        assert!(listed(&mut admin, &format!("api-token-{rule}")).is_empty(), "{rule}");
    }
    let mona = app.shop().employee("Mona Berg", Role::Manager);
    app.shop().api_token(&mona, Role::Staff, "tokens:read");
    app.shop().lock(&mona);
    app.shop().sql(&format!("UPDATE api_tokens SET created_at = created_at - 8640000 WHERE id = {id}"));
    app.shop().sql(&format!("UPDATE api_tokens SET expires_at = {} WHERE id = {id}", app.now().plus(3 * DAY).0));
    let home = admin.open("/settings").text();
    for title in
        ["1 API token was not used for 90 days", "1 API token expires within a week", "1 API token belongs to somebody"]
    {
        assert!(home.contains(title), "{title}: {home}");
    }
    for (rule, person) in [("unused", "Ada Admin"), ("expiring-soon", "Ada Admin"), ("owner-inactive", "Mona Berg")] {
        let rows = listed(&mut admin, &format!("api-token-{rule}"));
        assert!(rows.len() == 1 && rows[0].says(person) && rows[0].says("Revoke"), "{rule}: {rows:?}");
    }
    let unused = "/settings/attention/api-token-unused/acknowledge";
    let form = admin.open(&format!("{unused}?item=api_token-{id}"));
    let quiet = admin.submit(&form, "/acknowledge", &[("reason", "once a year")]);
    assert!(admin.follow(&quiet).text().contains("Nothing left here"));
    let mut manager = app.manager();
    let rows = listed(&mut manager, "api-token-expiring-soon");
    assert!(rows[0].href.contains("/settings/employees/") && !rows[0].says("Revoke"), "{rows:?}");
}

#[test]
fn the_inventory_has_a_panel_of_api_tokens_and_staff_see_their_own() {
    let app = TestApp::start();
    let (mut admin, ada) = app.sign_in_as(Role::Admin);
    let (mut staff, stina) = app.sign_in_as(Role::Staff);
    let (id, _) = app.shop().api_token(&ada, Role::Admin, "tokens:read");
    app.shop().api_token(&stina, Role::Staff, "activity:read");

    let all = admin.open("/settings/access").rows("#api-tokens");
    assert_eq!(all.len(), 2, "{all:?}");
    let hers = admin.open("/settings/access?employee=ada").rows("#api-tokens");
    assert!(hers.len() == 1 && hers[0].says("Ada Admin") && hers[0].says("Tokens and API keys: read"), "{hers:?}");
    assert_eq!(hers[0].href, format!("/settings/api-tokens/{id}"));
    assert!(admin.open("/settings/access?type=api-key").rows("#api-tokens").is_empty());
    let own = staff.open("/settings/access").rows("#api-tokens");
    assert!(own.len() == 1 && own[0].says("Stina Staff") && !own[0].href.contains("api-tokens"), "{own:?}");
}
