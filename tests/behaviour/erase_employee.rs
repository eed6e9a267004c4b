//! Erasing the personal data of an employee who left.

use client_api_access::access::erasure::{Erasure, Progress};
use client_api_access::activity::{Actor, Detail, Kind, NewActivity, Subject};
use client_api_access::db::in_transaction;
use client_api_access::id::ClientKey;
use client_api_access::scopes::Role;
use client_api_access::secrets::TokenHash;
use diesel::connection::SimpleConnection;

use crate::sealing::{broken, without_triggers};
use crate::support::{Browser, KEY, PASSWORD, Page, Person, Shop, TestApp, client_path, is_postgres, run};
use crate::upgrade::{each_release, verify_activity};

const LOG: &str = "/settings/activity";
const THEIR_IP: &str = "203.0.113.77";

// Behind a proxy, so that everybody has an IP of their own.
fn start() -> TestApp {
    TestApp::start_with(|config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()])
}

fn at(mut browser: Browser, client_ip: &str) -> Browser {
    browser.headers.push(("x-forwarded-for".into(), client_ip.into()));
    browser
}

fn erase(admin: &mut Browser, path: &str) -> Page {
    let page = admin.open(path);
    let confirmation = admin.open(&page.link("Erase personal data").expect("a link"));
    let done = admin.submit(&confirmation, "/erase", &[]);
    admin.follow(&done)
}

// The text columns of all tables, as `table.column`.
fn text_columns(shop: &mut Shop) -> Vec<(String, String)> {
    let columns = shop.words(match is_postgres() {
        true => {
            "SELECT CAST(table_name || '.' || column_name AS TEXT) AS word FROM information_schema.columns \
             WHERE table_schema = 'public' AND data_type = 'text'"
        }
        false => {
            "SELECT m.name || '.' || p.name AS word FROM sqlite_master m, pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND p.type = 'TEXT'"
        }
    });
    assert!(columns.len() > 60, "{columns:?}");
    columns.iter().map(|name| name.split_once('.').unwrap()).map(|(a, b)| (a.into(), b.into())).collect()
}

// Where the database still has one of the words.
fn traces(shop: &mut Shop, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (table, column) in text_columns(shop) {
        for word in words {
            let sql = format!("SELECT COUNT(*) FROM {table} WHERE {column} LIKE '%{word}%'");
            if shop.number(&sql) > 0 {
                found.push(format!("{table}.{column} has {word}"));
            }
        }
    }
    found
}

#[test]
fn nothing_in_the_database_names_somebody_whose_personal_data_was_erased() {
    let app = start();
    let mut shop = app.shop();
    let marta = shop.employee("Marta Lindqvist", Role::Admin);
    let client = shop.pending_client("Ledgerly");
    let (grant, kept) = (shop.grant(client, &marta), shop.grant(client, &marta));
    let oauth_client = app.oauth_client("Harbour at its provider", client_api_access::connections::ApiType::Other);
    let connection = app.named_online("Stock sync", oauth_client, &marta);
    let mut hers = at(app.browser(), THEIR_IP);
    hers.sign_in(&marta.email, "a wrong password");
    assert_eq!(hers.sign_in(&marta.email, PASSWORD).status, 303);
    let page = hers.open(&client_path(client));
    hers.submit(&page, "/approve", &[]);
    let form = hers.open(&format!("{}/api-keys/new?employee={}", client_path(client), marta.id));
    hers.submit(&form, "/api-keys/new", &[("label", "Nightly export"), ("scope", "employee:inventory")]);
    let page = hers.open(&format!("/settings/connections/{connection}"));
    hers.submit(&page, "/pause", &[]);
    hers.submit(&page, "/keys", &[("label", "Nightly")]);
    shop.sql(&format!(
        "UPDATE refresh_tokens SET rotated_from = '{THEIR_IP}', last_used_address = '{THEIR_IP}'; \
         UPDATE access_tokens SET last_used_address = '{THEIR_IP}'"
    ));
    shop.sql(&format!(
        "INSERT INTO acknowledgements (rule, subject_kind, subject_id, subject_name, reason, quiet_until, employee_id, \
         created_at) VALUES ('unused', 'refresh_token', 1, 'of Marta Lindqvist', 'Marta Lindqvist needs it', 1, {}, 1)",
        marta.id
    ));
    shop.sql(&format!(
        "INSERT INTO bulk_revocations (state, selection, actor_id, actor_name, client_ip, judged_at, \
         refresh_tokens_through, access_tokens_through, tally, stopped_by) VALUES ('finished', \
         '{{\"filter\":{{\"employee\":\"Marta Lindqvist\"}}}}', {}, 'Marta Lindqvist', '{THEIR_IP}', 1, 1, 1, '{{}}', 'Marta Lindqvist')",
        marta.id
    ));
    shop.sql("UPDATE clients SET suspended_reason = 'Marta Lindqvist left'");
    let mut admin = at(app.admin(), "203.0.113.5");
    let confirmation = admin.open(&format!("{}/revoke", grant.path()));
    admin.submit(&confirmation, "/revoke", &[]);
    let page = admin.open(&marta.path());
    admin.submit(&page, "/archive", &[]);
    app.run_background();
    at(app.browser(), THEIR_IP).sign_in(&marta.email, "a wrong password");
    let address = TokenHash::of(&marta.email).short_hex();
    let words = ["Marta", "marta", "Lindqvist", &marta.email, &address, THEIR_IP];
    let before = traces(&mut shop, &words);
    assert!(before.len() > 8, "{before:?}");
    for column in ["refresh_tokens.rotated_from", "refresh_tokens.last_used_address", "access_tokens.last_used_address"]
    {
        assert!(before.contains(&format!("{column} has {THEIR_IP}")), "{column}: {before:?}");
    }

    let page = erase(&mut admin, &marta.path());
    app.run_background();

    let called = format!("Former employee {}", marta.id);
    assert_eq!(page.heading(), called);
    assert!(page.notice().contains("Personal data erased"), "{}", page.notice());
    // The network of an attempt is counted without a name, for at most a day.
    let left = traces(&mut shop, &words);
    assert_eq!(left, [format!("sign_in_attempts.subject has {THEIR_IP}")]);
    let told = verify_activity(&app.database, &[]);
    assert!(told.contains("not sealed yet: 0.") && told.contains("personal data was erased: "), "{told}");
    assert_eq!(admin.open(&kept.path()).fact("Refreshed"), "0 times", "the token stays");
    let log = admin.open(LOG);
    assert!(log.text().contains(&format!("Personal data erased: {called}")), "{}", log.text());
    assert!(admin.open(&format!("{LOG}?actor=former")).text().contains("Client approved"), "what they did stays");
    assert!(admin.open(&format!("{LOG}/export")).body.contains(&format!("\"{called}\"")));
    assert!(admin.open(&client_path(client)).text().contains(&called));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM erasures"), 0);
}

#[test]
fn entries_of_earlier_versions_are_erased_too_and_the_chain_stays_intact() {
    each_release(|before| {
        let (app, mut shop) = (&before.app, before.app.shop());
        let known = &before.known.employees["Stina Staff"];
        let person =
            Person { id: client_api_access::id::EmployeeKey(known.id), name: String::new(), email: String::new() };
        let address = TokenHash::of(&known.email.to_lowercase()).short_hex();
        let words = ["Stina Staff", &known.email, &address];
        let mut admin = before.admin();
        let page = admin.open(&person.path());
        admin.submit(&page, "/archive", &[]);
        app.advance(60);
        let found = traces(&mut shop, &words);
        assert!(found.iter().any(|column| column.starts_with("activity.detail")), "{found:?}");
        assert!(found.iter().any(|column| column.starts_with("activity.actor_name")), "{found:?}");

        erase(&mut admin, &person.path());
        app.run_background();

        assert_eq!(traces(&mut shop, &words), [] as [String; 0]);
        let head = &before.known.activity_head;
        let told = verify_activity(&app.database, &["--head", head]);
        assert!(told.contains("personal data was erased: "), "{told}");
        admin.open(LOG);
    });
}

#[test]
fn only_an_admin_erases_only_archived_people_and_only_once() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let (mut admin, me) = app.sign_in_as(Role::Admin);
    let form = format!("{}/erase", anna.path());
    let post = |browser: &mut Browser, path: &str| {
        let csrf = browser.csrf();
        browser.post(path, &[("csrf", &csrf)])
    };

    for mut other in [app.manager(), app.sign_in_as(Role::Staff).0] {
        assert_eq!((other.get(&form).status, post(&mut other, &form).status), (403, 403));
    }
    assert!(!admin.open(&anna.path()).text().contains("Erase personal data"));
    for path in [form.clone(), format!("{}/erase", me.path())] {
        let refused = post(&mut admin, &path);
        match path == form {
            true => assert!(admin.follow(&refused).notice().contains("Anna Berg is not archived")),
            false => assert_eq!(refused.status, 403, "not oneself"),
        }
    }
    app.shop().archive(&anna);
    erase(&mut admin, &anna.path());

    let again = post(&mut admin, &form);
    assert!(admin.follow(&again).notice().contains("already erased"));
    let gone = admin.get(&form);
    assert!(admin.follow(&gone).notice().contains("already erased"));
    assert!(!admin.open(&anna.path()).text().contains("Restore"));
    for act in ["restore", "unlock", "lock", "archive", "locations"] {
        let refused = post(&mut admin, &format!("{}/{act}", anna.path()));
        let told = admin.follow(&refused).notice();
        assert!(told.contains("The personal data of Former employee") && told.contains("was erased"), "{act}: {told}");
    }
    let nonce = admin.open(&format!("{}/link", me.path())).attribute("input[name=nonce]", "value").unwrap();
    let csrf = admin.csrf();
    let link = admin.post(&format!("{}/link", anna.path()), &[("csrf", &csrf), ("nonce", &nonce)]);
    assert!(link.status == 409 && link.text().contains("was erased"), "{} {}", link.status, link.text());
    assert_ne!(app.browser().sign_in(&anna.email, PASSWORD).status, 303);
    let email = format!("erased-{}@erased.invalid", anna.id);
    assert_ne!(app.browser().sign_in(&email, PASSWORD).status, 303);
    let folder = app.database.folder.path().to_str().unwrap();
    let env = [("DATABASE_URL", app.database.text.as_str()), ("SECRET_KEY", KEY)];
    let link = run(&["reset-link", &email, "--data-dir", folder], &env);
    assert!(link.code == 1 && link.stderr.contains("was erased"), "{} {}", link.stdout, link.stderr);
    // The address is free: somebody who comes back is another employee.
    let invitation = admin.open("/settings/employees/invite");
    let fields = [("name", "Anna Berg"), ("email", &*anna.email), ("role", "staff")];
    assert_eq!(admin.submit(&invitation, "/invite", &fields).status, 200);
}

// Entries of a person that have a client IP, sealed; the person is archived.
fn with_entries(app: &TestApp, n: usize) -> Person {
    let anna = app.shop().staff("Anna Berg");
    let mut conn = app.database.connect();
    for _ in 0..n {
        let entry = NewActivity::new(
            Kind::TokenLookedUp,
            Actor::person(anna.id, &anna.name),
            Subject::client(ClientKey(1), "Ledgerly"),
        );
        let entry = entry.from(THEIR_IP).with(Detail::note("noted by Anna Berg"));
        in_transaction(&mut conn, &|conn| entry.record(conn, app.now())).unwrap();
    }
    app.shop().archive(&anna);
    anna
}

fn step(app: &TestApp) -> Progress {
    let mut conn = app.database.connect();
    let erasure = Erasure::next(&mut conn).unwrap().unwrap();
    in_transaction(&mut conn, &|conn| erasure.step(conn, &app.state.chain_key, app.now())).unwrap()
}

#[test]
fn an_erasure_that_was_cut_off_is_continued_and_waits_for_seals() {
    let app = TestApp::start();
    let anna = with_entries(&app, 1_200);
    let mut admin = app.admin();
    erase(&mut admin, &anna.path());
    let left = || app.shop().number(&format!("SELECT COUNT(*) FROM activity WHERE client_ip = '{THEIR_IP}'"));

    assert_eq!((step(&app), left()), (Progress::WaitsForSeal, 1_200), "nothing is sealed yet");
    while client_api_access::activity::seal::is_due(&mut app.database.connect()).unwrap() {
        let advance = |conn: &mut _| client_api_access::activity::seal::advance(conn, &app.state.chain_key, app.now());
        in_transaction(&mut app.database.connect(), &advance).unwrap();
    }
    assert_eq!((step(&app), left()), (Progress::Continues, 700));
    assert!(verify_activity(&app.database, &[]).contains("personal data was erased: 500."), "intact in between");
    assert!(admin.open(&anna.path()).text().contains("still removing it"));
    app.run_background();

    assert_eq!(left(), 0);
    assert_eq!(traces(&mut app.shop(), &["Anna Berg", THEIR_IP]), [] as [String; 0]);
    assert!(verify_activity(&app.database, &[]).contains("personal data was erased: 1200."));
    assert!(!admin.open(&anna.path()).text().contains("still removing it"));
}

#[test]
fn a_redaction_that_no_server_made_is_found() {
    let app = TestApp::start();
    let anna = with_entries(&app, 3);
    app.run_background();
    erase(&mut app.admin(), &anna.path());
    app.run_background();
    assert!(verify_activity(&app.database, &[]).contains("personal data was erased: 3."));
    let mut shop = app.shop();
    let id = |n: i64| shop_id(&app, n);
    let (one, other) = (id(1), app.shop().number("SELECT MAX(id) FROM activity"));
    // The database itself refuses to edit an entry without a redaction, and to edit what is never erased.
    let refused = |sql: &str| assert!(app.database.connect().batch_execute(sql).is_err(), "{sql}");
    refused(&format!("UPDATE activity SET client_ip = '' WHERE id = {other}"));
    refused(&format!("UPDATE activity SET kind = 'signed in' WHERE id = {one}"));
    refused(&format!("UPDATE activity SET actor_id = NULL WHERE id = {one}"));
    refused(&format!("DELETE FROM activity WHERE id = {one}"));

    shop.sql(&format!("UPDATE activity SET client_ip = '198.51.100.1' WHERE id = {one}"));
    assert!(broken(&app.database).contains(&format!("entry {one} (seal ")));
    shop.sql(&format!("UPDATE activity SET client_ip = '' WHERE id = {one}"));
    verify_activity(&app.database, &[]);

    // Somebody makes a redaction of their own, with the code of another one.
    shop.sql(&format!(
        "INSERT INTO activity_redactions SELECT {other}, at, mac FROM activity_redactions WHERE activity_id = {one}; \
         UPDATE activity SET actor_name = 'Somebody else' WHERE id = {other}"
    ));
    assert!(broken(&app.database).contains(&format!("entry {other} (seal ")));
    shop.sql(&format!("UPDATE activity SET actor_name = '' WHERE id = {other}"));
    assert!(broken(&app.database).contains(&format!("entry {other} (seal ")), "even if the entry is as it was");
    shop.sql(&format!("DELETE FROM activity_redactions WHERE activity_id = {other}"));
    verify_activity(&app.database, &[]);

    shop.sql(&format!("DELETE FROM activity_redactions WHERE activity_id = {one}"));
    assert!(broken(&app.database).contains(&format!("entry {one} (seal ")));
}

fn shop_id(app: &TestApp, number: i64) -> i64 {
    app.shop().number(&format!("SELECT activity_id FROM activity_seals WHERE id = {number}"))
}

#[test]
fn what_was_edited_before_is_not_erased() {
    let app = TestApp::start();
    let anna = with_entries(&app, 3);
    app.run_background();
    let mut shop = app.shop();
    without_triggers(&mut shop);
    shop.sql("UPDATE activity SET subject_name = 'Stockbird' WHERE id = (SELECT activity_id FROM activity_seals WHERE id = 2)");

    erase(&mut app.admin(), &anna.path());

    let outcome = actix_web::rt::System::new().block_on(client_api_access::jobs::run_once(&app.state));
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("is not the one that was sealed"), "{error}");
    assert!(broken(&app.database).contains("(seal 2, "), "the edit is not covered up");
}
