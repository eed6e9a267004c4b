//! A new value of an API key: the previous value works for the overlap that was chosen, and not a second longer.

use client_api_access::scopes::Role;
use client_api_access::secrets::TokenHash;
use client_api_access::time::{DAY, HOUR};
use client_api_access::tokens::AccessToken;
use diesel::prelude::*;
use serde_json::Value;

use crate::support::oauth::Integration;
use crate::support::{Browser, Database, Key, NOW, Page, Person, Shop, TestApp, is_postgres};
use crate::token_lists::plans::fill;

const INTROSPECT: &str = "/auth/oauth/introspect";

fn key_of(app: &TestApp) -> (Integration, Person, Key) {
    let mut shop = app.shop();
    let (integration, mona) = (shop.integration("Ledgerly"), shop.employee("Mona Manager", Role::Manager));
    let key = shop.api_key_until(integration.id, &mona, "Nightly export", NOW.plus(30 * DAY));
    (integration, mona, key)
}

fn send(admin: &mut Browser, form: &Page, overlap: &str, expires: &str) -> Page {
    admin.submit(form, "/value", &[("overlap", overlap), ("expires", expires)])
}

fn replace(admin: &mut Browser, key: &Key, overlap: i64) -> String {
    let form = admin.open(&format!("{}/value", key.path()));
    let shown = send(admin, &form, &overlap.to_string(), "90");
    assert_eq!(shown.status, 200, "{}", shown.text());
    shown.texts("#secret")[0].clone()
}

fn introspected(app: &TestApp, integration: &Integration, value: &str) -> Value {
    let fields =
        [("client_id", integration.client_id.as_str()), ("client_secret", &integration.secret), ("token", value)];
    app.program().post(INTROSPECT, &fields).json()
}

#[test]
fn both_values_work_until_the_overlap_has_passed() {
    let app = TestApp::start();
    let (integration, _, key) = key_of(&app);
    let mut admin = app.admin();
    let (server, secret) = app.shop().resource_server("API");
    let of_server = |value: &str| {
        let fields = [("client_id", server.as_str()), ("client_secret", secret.as_str()), ("token", value)];
        app.program().post(INTROSPECT, &fields).json()
    };

    let page = admin.open(&key.path());
    let form = admin.click(&page, &page.link("New value").unwrap());
    let shown = send(&mut admin, &form, "3600", "90");
    let new = shown.texts("#secret")[0].clone();
    let page = admin.open(&key.path());

    assert_eq!((shown.status, shown.header("cache-control")), (200, Some("no-store")));
    assert_eq!(shown.heading(), "New value of “Nightly export”");
    assert!(shown.text().contains("The previous value works until 20 Nov 2026, 13:00."), "{}", shown.text());
    assert!(new != key.value && new[..7] == key.value[..7], "the same seven characters");
    assert!(!page.body.contains(&new[7..]));
    assert!(page.text().contains("Two values of this key work. The previous one works until 20 Nov 2026, 13:00."));
    assert!(page.fact("Current value").ends_with("Created 20 Nov 2026, 12:00"), "{}", page.fact("Current value"));
    assert!(page.fact("Previous value").ends_with("Works until 20 Nov 2026, 13:00"));
    assert_eq!(page.fact("Expires"), "18 Feb 2027");
    app.advance(HOUR - 1);
    for value in [&key.value, &new] {
        assert!(app.works(value));
        for answer in [introspected(&app, &integration, value), of_server(value)] {
            assert_eq!(answer["active"], Value::from(true));
        }
    }
    assert_eq!(introspected(&app, &integration, &key.value)["exp"], Value::from(NOW.plus(HOUR).0));
    app.advance(1);
    assert!(!app.works(&key.value) && app.works(&new));
    assert_eq!(introspected(&app, &integration, &key.value)["active"], Value::from(false));
    assert_eq!(of_server(&key.value)["active"], Value::from(false));
    let mut admin = app.admin();
    let page = admin.open(&key.path());
    assert!(
        !page.text().contains("Two values")
            && page.fact("Previous value").ends_with("Stopped working 20 Nov 2026, 13:00")
    );
    let log = admin.open("/settings/activity?kind=API+key+rotated").rows("#activity");
    assert!(log[0].says("API key value replaced") && log[0].says(&key.value[..7]), "{log:?}");
    assert!(log[0].says("“Nightly export”: the previous value works for another 1 hour"), "{log:?}");
}

#[test]
fn without_an_overlap_the_previous_value_stops_at_once() {
    let app = TestApp::start();
    let (_, _, key) = key_of(&app);

    let new = replace(&mut app.admin(), &key, 0);

    assert!(!app.works(&key.value) && app.works(&new));
    app.advance(30 * DAY + 1);
    assert!(app.works(&new), "past the end that the key had before");
}

#[test]
fn the_previous_value_never_works_longer_than_before() {
    let app = TestApp::start();
    let mona = app.shop().employee("Mona Manager", Role::Manager);
    let client = app.shop().client("Ledgerly");
    let ending = app.shop().api_key_until(client, &mona, "ending", NOW.plus(DAY));
    let expired = app.shop().at(-DAY).api_key_until(client, &mona, "expired", NOW.plus(-HOUR));
    let mut admin = app.admin();

    let new = replace(&mut admin, &ending, 7 * DAY);
    let revived = replace(&mut admin, &expired, 7 * DAY);

    assert!(!app.works(&expired.value) && app.works(&revived), "an expired key works with its new value only");
    app.advance(DAY - 1);
    assert!(app.works(&ending.value));
    app.advance(1);
    assert!(!app.works(&ending.value) && app.works(&new) && app.works(&revived));
}

#[test]
fn the_previous_value_can_be_revoked_early_and_revoking_the_key_ends_both() {
    let app = TestApp::start();
    let (_, _, key) = key_of(&app);
    let mut admin = app.admin();
    let second = replace(&mut admin, &key, 7 * DAY);

    let page = admin.open(&key.path());
    let ended = admin.submit(&page, "/value/revoke-previous", &[]);
    let after = admin.follow(&ended);
    let again = admin.submit(&page, "/value/revoke-previous", &[]);

    assert!(after.notice().contains("Previous value revoked."), "{}", after.text());
    assert!(!app.works(&key.value) && app.works(&second));
    assert!(admin.follow(&again).notice().contains("had already stopped working"));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity WHERE kind = 'API key rotated'"), 2);

    let third = replace(&mut admin, &key, 7 * DAY);
    assert!(app.works(&second) && app.works(&third));
    let confirmation = admin.open(&format!("{}/revoke", key.path()));
    admin.submit(&confirmation, "/revoke", &[]);
    assert!(!app.works(&second) && !app.works(&third));
}

#[test]
fn a_key_has_two_values_at_most() {
    let app = TestApp::start();
    let (_, _, key) = key_of(&app);
    let mut admin = app.admin();

    let second = replace(&mut admin, &key, 7 * DAY);
    let form = admin.open(&format!("{}/value", key.path()));
    let third = replace(&mut admin, &key, HOUR);

    assert!(form.text().contains("It stops working at once, because a key has two values at most."), "{}", form.text());
    assert!(!app.works(&key.value) && app.works(&second) && app.works(&third));
}

#[test]
fn of_two_admins_with_the_form_open_one_replaces_the_value() {
    let app = TestApp::start();
    let (_, _, key) = key_of(&app);
    let mut admins = [app.admin(), app.admin()];
    let forms = admins.each_mut().map(|admin| admin.open(&format!("{}/value", key.path())));

    let answers: Vec<Page> = std::thread::scope(|scope| {
        let sent: Vec<_> = admins
            .iter_mut()
            .zip(&forms)
            .map(|(admin, form)| scope.spawn(move || send(admin, form, "604800", "90")))
            .collect();
        sent.into_iter().map(|thread| thread.join().unwrap()).collect()
    });

    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{}", answers[1].text());
    let shown = answers.iter().find(|answer| answer.status == 200).unwrap().texts("#secret")[0].clone();
    assert!(app.works(&key.value) && app.works(&shown));
    // And a form that is sent twice.
    let form = admins[0].open(&format!("{}/value", key.path()));
    let twice = [send(&mut admins[0], &form, "0", "90").status, send(&mut admins[0], &form, "0", "90").status];
    assert_eq!(twice, [200, 409]);
}

#[test]
fn what_is_missing_is_said_and_only_admins_replace_the_values_of_api_keys() {
    let app = TestApp::start();
    let (integration, mona, key) = key_of(&app);
    let grant = app.shop().grant(integration.id, &mona);
    let mut admin = app.admin();
    let path = format!("{}/value", key.path());

    let form = admin.open(&path);
    let page = admin.submit(&form, "/value", &[("overlap", "5"), ("expires", "soon")]);
    assert_eq!((page.status, page.has("#overlap-error"), page.has("#expires-error")), (422, true, true));
    let page = admin.submit(&form, "/value", &[("overlap", "604800"), ("expires", "date"), ("expires-on", "never")]);
    assert!(page.has("input[value='604800'][checked]") && page.has("input[value=date][checked]"), "{}", page.text());
    assert_eq!(admin.get(&format!("{}/value", grant.access_token_path())).status, 404);
    let mut manager = app.manager();
    assert_eq!(manager.get(&path).status, 403);
    assert!(manager.open(&key.path()).link("New value").is_none());
    assert!(admin.open(&grant.access_token_path()).link("New value").is_none());
    assert!(app.works(&key.value));
}

#[test]
fn the_previous_value_leads_to_its_key_and_a_client_revokes_the_key_by_it() {
    let app = TestApp::start();
    let (integration, _, key) = key_of(&app);
    let mut admin = app.admin();
    let new = replace(&mut admin, &key, HOUR);
    app.advance(2 * HOUR);
    let mut admin = app.admin();

    let form = admin.open("/settings/client-api-access/find-token");
    let found = admin.submit(&form, "/find-token", &[("token", &key.value)]);
    let page = admin.follow(&found);
    assert_eq!(found.location(), key.path());
    assert!(page.notice().contains("the previous value of this API key"), "{}", page.notice());
    let form = admin.open("/settings/client-api-access/find-token");
    let found = admin.submit(&form, "/find-token", &[("token", &new)]);
    assert!(admin.follow(&found).notice().is_empty());
    let fields =
        [("client_id", integration.client_id.as_str()), ("client_secret", &integration.secret), ("token", &key.value)];
    assert_eq!(app.program().post("/auth/oauth/revoke", &fields).status, 200);
    assert!(!app.works(&new));
}

#[test]
fn a_value_is_found_in_two_indexes() {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
        line: String,
    }
    #[derive(QueryableByName)]
    struct Detail {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }
    let database = Database::migrated();
    let mut shop = Shop::open(&database, NOW);
    fill(&mut shop);
    shop.sql("ANALYZE");
    let unknown = TokenHash::of("unknown");
    assert!(AccessToken::find_by_value(shop.conn(), &unknown).unwrap().is_none());

    let plan = match is_postgres() {
        true => {
            shop.sql("PREPARE one AS SELECT id, scope FROM access_tokens WHERE hash = $1 OR previous_hash = $2");
            shop.sql("SET plan_cache_mode = force_generic_plan");
            let steps = diesel::sql_query("EXPLAIN EXECUTE one('', '')").load::<Step>(shop.conn()).unwrap();
            steps.into_iter().map(|step| step.line).collect::<Vec<_>>().join("\n")
        }
        false => {
            let text = "EXPLAIN QUERY PLAN SELECT id, scope FROM access_tokens WHERE hash = ?1 OR previous_hash = ?2";
            let steps = diesel::sql_query(text).load::<Detail>(shop.conn()).unwrap();
            steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("\n")
        }
    };
    assert!(plan.contains("access_tokens_previous_hash"), "{plan}");
    assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN access_tokens"), "{plan}");
}
