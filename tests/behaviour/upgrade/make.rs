//! The small world that later releases are upgraded from. It is made by the services and pages of the present release, over
//! twelve days, with something in every table. `scripts/fixture` stores it as SQL text.

use std::collections::BTreeMap;
use std::process::Command;

use client_api_access::connections::{ApiType, ConnectionFields, OAuthClient};
use client_api_access::id::{BusinessKey, ClientKey};
use client_api_access::scopes::Role;
use client_api_access::time::DAY;
use serde_json::json;

use super::past::{self, Known, KnownEmployee, KnownGrant};
use super::set;
use crate::second_factor::set_up;
use crate::support::connections::connection_path;
use crate::support::oauth::{Integration, pair};
use crate::support::outbound::{Link, SECRET, begin_authorization, other_server, parameter, verify_callback};
use crate::support::provider::{Answer, Provider};
use crate::support::{Browser, Database, KEY, PASSWORD, Page, Person, Shop, TestApp, client_path, is_postgres, run};

/// The end of the redirect URI at the provider.
pub const CALLBACK: &str = "fixture12345";

#[test]
fn the_world_to_upgrade_from_has_rows_in_every_table() {
    let provider = Provider::start();
    let app = TestApp::start_with(|config| set(config, &provider));

    let known = make(&app, &provider);

    let mut shop = app.shop();
    // Every entry has been sealed, nobody's personal data was erased, and nothing was revoked in bulk. Requests for a new
    // password are answered, no form waits for a confirmation, and no act of the admin API was sent with a key. The
    // environment sets up the webhook. No role needs a second factor, and passkeys need an address with a host name.
    let empty = [
        "activity_unsealed",
        "activity_redactions",
        "erasures",
        "bulk_revocations",
        "held_forms",
        "notice_marks",
        "reset_requests",
        "idempotency_keys",
        "passkeys",
        "required_second_factors",
        "mail_settings",
        "webhook_settings",
        "employee_identities",
        "identity_settings",
    ];
    for table in tables(&mut shop).into_iter().filter(|table| !empty.contains(&table.as_str())) {
        let rows = shop.number(&format!("SELECT COUNT(*) FROM {table}"));
        assert!((1..60).contains(&rows), "{table} has {rows} rows");
    }
    if let Ok(release) = std::env::var("KEEP_FIXTURE") {
        keep(&release, &app.database, &known);
    }
}

fn tables(shop: &mut Shop) -> Vec<String> {
    shop.words(match is_postgres() {
        true => "SELECT tablename::text AS word FROM pg_tables WHERE schemaname = 'public'",
        // Without the planner's statistics.
        false => "SELECT name AS word FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%'",
    })
}

fn keep(release: &str, database: &Database, known: &Known) {
    let path = past::folder().join(release).join(past::kind());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let sql = if is_postgres() { dump_postgres(&database.text) } else { dump_sqlite(&database.text) };
    let head = format!("-- Made-up data of {release} for the upgrade tests, written by scripts/fixture.\n");
    std::fs::write(path.with_extension("sql"), head + &sql).unwrap();
    let json = serde_json::to_string_pretty(known).unwrap();
    std::fs::write(path.with_extension("json"), json + "\n").unwrap();
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn dump_sqlite(url: &str) -> String {
    let program = "import sqlite3, sys\nfor line in sqlite3.connect(sys.argv[1]).iterdump(): print(line)";
    let sql = output(Command::new("python3").args(["-c", program, url.trim_start_matches("sqlite:")]));
    // Tables come in the order of their names, rows with them.
    format!("PRAGMA foreign_keys = OFF;\n{sql}PRAGMA foreign_keys = ON;\n")
}

fn dump_postgres(url: &str) -> String {
    let sql = output(Command::new("pg_dump").args(["--no-owner", "--no-privileges", "--inserts", url]));
    // psql's own commands, and settings that older servers do not know.
    let is_needed = |line: &&str| {
        !(line.is_empty()
            || ["--", "\\", "SET ", "SELECT pg_catalog.set_config("].iter().any(|start| line.starts_with(start)))
    };
    let lines: Vec<&str> = sql.lines().filter(is_needed).collect();
    lines.join("\n") + "\n"
}

// Presses a button of a page and follows the redirect.
fn press(browser: &mut Browser, path: &str, action: &str, fields: &[(&str, &str)]) -> Page {
    let page = browser.open(path);
    let answer = browser.submit(&page, action, fields);
    browser.follow(&answer)
}

fn refresh(app: &TestApp, client: &Integration, grant: &mut KnownGrant) {
    let issued = pair(&client.refresh(app, grant.current()));
    grant.refresh_tokens.push(issued.refresh_token);
    grant.access_token = issued.access_token;
}

fn make(app: &TestApp, provider: &Provider) -> Known {
    let mut shop = app.shop();
    let mut employee = |name, role| shop.employee(name, role);
    let (ada, mona) = (employee("Ada Admin", Role::Admin), employee("Mona Manager", Role::Manager));
    let (stina, lotta) = (employee("Stina Staff", Role::Staff), employee("Lotta Locked", Role::Staff));
    let (arvid, eskil) = (employee("Arvid Archived", Role::Staff), employee("Eskil Ended", Role::Staff));
    let (business, location) = shop.location("Pine Retail AB", "Harbour");
    let first = shop.integration("Ledgerly");
    shop.redirect_uri(&first, "https://app.example/second");
    let (pending, suspended) = (shop.pending_client("Stockbird"), shop.integration("Bookwise"));
    let old = shop.client("Old Times");
    let resource_server = shop.resource_server("Orders API");
    let api_keys = BTreeMap::from([
        ("active", shop.api_key(first.id, &mona, "Nightly export")),
        ("expired", shop.api_key_until(first.id, &mona, "Stocktaking", app.now().plus(DAY))),
        ("suspended", shop.api_key(suspended.id, &mona, "Bookkeeping")),
    ]);
    shop.api_token(&ada, Role::Manager, "clients:read tokens:write");
    set_up(app, &mut app.sign_in(&shop.staff("Frida Factor")));
    let mut admin = app.sign_in(&ada);
    press(&mut admin, &client_path(first.id), "/lightspeed-approved", &[]);
    press(&mut admin, &stina.path(), "/locations", &[("location", &location.to_string())]);

    let mut grants = BTreeMap::new();
    for (name, client, person) in [
        ("rotated", &first, &stina),
        ("reused", &first, &stina),
        ("lost reply", &first, &stina),
        ("dormant", &first, &stina),
        ("revoked", &first, &stina),
        ("locked", &first, &lotta),
        ("archived", &first, &arvid),
        ("suspended", &suspended, &stina),
    ] {
        let issued = client.grant(app, &mut app.sign_in(person));
        let grant = KnownGrant { refresh_tokens: vec![issued.refresh_token], access_token: issued.access_token };
        grants.insert(name.to_string(), grant);
    }
    for _ in 0..2 {
        app.advance(DAY);
        for name in ["rotated", "reused"] {
            let grant = grants.get_mut(name).unwrap();
            refresh(app, &first, grant);
            assert!(app.works(&grant.access_token));
        }
    }
    app.run_background();

    app.advance(9 * DAY);
    refresh(app, &first, grants.get_mut("lost reply").unwrap());
    app.advance(DAY - 15 * 60);
    let mut admin = app.sign_in(&ada);
    for name in ["active", "suspended"] {
        assert!(app.works(&api_keys[name].value));
    }
    let sign_in = app.browser().sign_in(&mona.email, "not her password");
    assert_eq!(sign_in.status, 422);
    first.refresh(app, "nonsense");
    for (name, client) in [("revoked", &first), ("locked", &first), ("archived", &first), ("suspended", &suspended)] {
        refresh(app, client, grants.get_mut(name).unwrap());
    }
    press(&mut admin, &format!("{}/suspend", client_path(suspended.id)), "/suspend", &[]);
    press(&mut admin, &lotta.path(), "/lock", &[]);
    press(&mut admin, &arvid.path(), "/archive", &[]);
    let attention = admin.open("/settings/attention/never-expires");
    let form = admin.open(&attention.attribute("#items .acts a.quiet", "href").unwrap());
    assert_eq!(admin.submit(&form, "/acknowledge", &[("reason", "The export needs it")]).status, 303);
    revoke_grant(app, &mut admin, &first, grants["revoked"].current());
    let mut theirs = app.sign_in(&stina);
    let redeemed = first.code(&mut theirs);
    let issued = pair(&app.token(&first.code_request(&redeemed.0, &redeemed.1.verifier)));
    let from_code = KnownGrant { refresh_tokens: vec![issued.refresh_token], access_token: issued.access_token };
    grants.insert("from the redeemed code".into(), from_code);
    let notices = "/settings/account/notices";
    press(&mut admin, notices, "/webhook/test", &[]);
    press(&mut admin, notices, "/notices", &[("sent", "webhook client.registered")]);
    press(&mut admin, notices, "/digest", &[("weekday", "5"), ("digest-webhook", "yes")]);
    app.run_background();
    let connected = connect_all(app, provider, &mut admin, business);
    app.run_background();

    Integration { secret: "not its secret".into(), ..first.clone() }.refresh(app, "nonsense");
    let form = admin.open("/settings/employees/invite");
    let invitation = admin.submit(&form, "/invite", &[("name", "Nils Ny"), ("email", "nils@harbourandpine.example")]);
    let invitation = invitation.texts("#secret")[0].clone();
    let form = admin.open(&format!("{}/secret", client_path(first.id)));
    let shown = admin.submit(&form, "/secret", &[("overlap", &DAY.to_string())]);
    let newest = Integration { secret: shown.texts("#secret")[0].clone(), ..first.clone() };
    let mut theirs = app.sign_in(&stina);
    interrupt_revokes(app, &mut admin, old, &first, (&mona, &eskil));
    let link = &connected.request;
    let there = begin_authorization(&mut admin, link);
    refresh(app, &newest, grants.get_mut("rotated").unwrap());
    let pending_code = newest.code(&mut theirs);
    let last = app.shop().client("Brief Encounter");
    app.shop().sql(&format!("DELETE FROM clients WHERE id = {last}"));
    app.advance(10);

    let people = [&ada, &mona, &stina, &lotta, &arvid, &eskil];
    let known_employee =
        |person: &&Person| (person.name.clone(), KnownEmployee { id: person.id.0, email: person.email.clone() });
    Known {
        about: "Made-up values for the tests. They open nothing but the database beside this file.".into(),
        made_at: app.now().0,
        provider: provider.origin().into(),
        password: PASSWORD.into(),
        employees: people.iter().map(known_employee).collect(),
        clients: [("Ledgerly", first.id), ("Stockbird", pending), ("Bookwise", suspended.id)]
            .map(|(name, id)| (name.to_string(), id.0))
            .into(),
        revoked_client: old.0,
        last_client: last.0,
        client_id: first.client_id.clone(),
        client_secrets: vec![first.secret.clone(), newest.secret.clone()],
        grants,
        api_keys: api_keys.into_iter().map(|(name, key)| (name.to_string(), key.value)).collect(),
        codes: [("pending", pending_code), ("redeemed", redeemed)]
            .map(|(name, (code, pkce))| (name.to_string(), (code, pkce.verifier)))
            .into(),
        resource_server,
        cookies: admin.cookies.iter().map(|cookie| (cookie.name.clone(), cookie.value.clone())).collect(),
        invitation: invitation.trim_start_matches(app.origin()).into(),
        connections: connected.ids,
        connection_tokens: connected.tokens,
        service_key: connected.service_key,
        held_access_token: connected.held_access_token,
        connection_request: (parameter(&there, "state"), parameter(&there, "code_challenge")),
        activity_head: head(app),
    }
}

// By the characters that its page shows.
fn revoke_grant(app: &TestApp, admin: &mut Browser, client: &Integration, refresh_token: &str) {
    let sql = format!("SELECT id FROM refresh_tokens WHERE prefix = '{}'", &refresh_token[..7]);
    let id = app.shop().number(&sql);
    let path = format!("{}/refresh-tokens/{id}/revoke", client_path(client.id));
    press(admin, &path, "/revoke", &[]);
}

// Revokes of a client, a grant and everything one person granted, each too large for one transaction: the server stopped
// when nearly all rows were deleted.
fn interrupt_revokes(
    app: &TestApp,
    admin: &mut Browser,
    old: ClientKey,
    client: &Integration,
    (mona, eskil): (&Person, &Person),
) {
    let mut shop = app.shop();
    let grants = [shop.grant(old, mona), shop.grant(client.id, mona), shop.grant(client.id, eskil)].map(|grant| {
        shop.many_access_tokens(&grant, 2_100);
        grant
    });
    let acts = [
        (client_path(old), "/revoke", [("name", "Old Times")].as_slice()),
        (grants[1].path(), "/revoke", &[]),
        (eskil.path(), "/revoke-all-access", &[]),
    ];
    for (path, action, fields) in acts {
        let form = admin.open(&format!("{path}{action}"));
        let answer = admin.submit(&form, action, fields);
        assert_eq!(answer.status, 303, "{path}{action}: {}", answer.text());
    }
    for grant in grants {
        shop.sql(&format!(
            "DELETE FROM access_tokens WHERE refresh_token_id = {} AND id NOT IN \
             (SELECT id FROM access_tokens WHERE refresh_token_id = {} ORDER BY id LIMIT 4)",
            grant.id, grant.id
        ));
    }
    shop.sql("UPDATE purges SET deleted_access_tokens = 2097");
}

struct Connected {
    ids: BTreeMap<String, i64>,
    tokens: Vec<String>,
    service_key: String,
    held_access_token: String,
    // The one that is to be authorized.
    request: Link,
}

// A connection in each state.
fn connect_all(app: &TestApp, provider: &Provider, admin: &mut Browser, business: BusinessKey) -> Connected {
    let account = |sub, name| Answer::json(200, json!({ "sub": sub, "name": name }));
    provider.always("/me", account("797", "Harbour & Pine Upstream"));
    let mut fields = other_server(provider.origin());
    fields.name = "Harbour at its provider".into();
    let (mut conn, now) = (app.database.connect(), app.now());
    let client =
        OAuthClient::create(&mut conn, &app.state.connections.vault, (ApiType::Other, CALLBACK), &fields, SECRET, now)
            .unwrap()
            .id;
    let r_series = app.oauth_client("Harbour at R-Series", ApiType::RSeries);
    let for_business =
        ConnectionFields { name: "Front till".into(), business: Some(business), ..ConnectionFields::default() };
    let mut ids = BTreeMap::from([("Front till".to_string(), app.connection_with(r_series, &for_business).0)]);
    let names =
        ["Stock sync", "Paused sync", "Failing sync", "Refused sync", "Moved sync", "Stopped sync", "Unfinished sync"];
    let links = names.map(|name| {
        let id = app.named_connection(name, client);
        ids.insert(name.to_string(), id.0);
        Link { id, client, callback: CALLBACK.into() }
    });
    let [stock, paused, failing, refused, moved, stopped, unfinished] = links;
    let mut bring = |link: &Link| {
        let state = parameter(&begin_authorization(admin, link), "state");
        let back = verify_callback(admin, link, &[("code", "a-code"), ("state", &state)]);
        assert_eq!(back.status, 303, "{}", back.text());
        provider.issued().split_off(provider.issued().len() - 2)
    };
    let tokens = bring(&stock);
    for link in [&paused, &failing, &refused, &moved, &stopped] {
        bring(link);
    }
    provider.answer("/me", account("other", "Somebody else's shop"));
    let held_access_token = bring(&moved).swap_remove(0);
    let service_key = app.service_key(&stock);
    app.advance(60);
    press(admin, &connection_path(paused.id), "/pause", &[]);
    provider.answer("/token", Answer::json(400, ""));
    press(admin, &connection_path(failing.id), "/refresh", &[]);
    provider.answer("/token", Answer::json(400, json!({ "error": "invalid_grant" })));
    press(admin, &connection_path(refused.id), "/refresh", &[]);
    // A notice that is to be sent again.
    provider.answer("/hook", Answer::json(500, "{}"));
    let (now, lease) = (app.now(), app.now().plus(15));
    // The server stopped before the answer came.
    app.shop().sql(&format!(
        "UPDATE connections SET attempted_at = {}, lease_until = {} WHERE id = {}",
        now.0, lease.0, stopped.id
    ));
    Connected { ids, tokens, service_key, held_access_token, request: unfinished }
}

fn head(app: &TestApp) -> String {
    let checked = verify_activity(&app.database, &[]);
    let head = checked.split_once("Head: ").expect("a sealed activity log").1;
    head.split('.').next().unwrap().to_string()
}

/// What `verify-activity` prints for an intact log.
pub fn verify_activity(database: &Database, more: &[&str]) -> String {
    let folder = database.folder.path().to_str().unwrap();
    let args = [&["verify-activity", "--data-dir", folder], more].concat();
    let finished = run(&args, &[("DATABASE_URL", &database.text), ("SECRET_KEY", KEY)]);
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    finished.stdout
}
