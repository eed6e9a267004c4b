//! Key rotation: re-encryption of the tokens of connections.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::System;
use client_api_access::app::App;
use client_api_access::commands::rotate_key;
use client_api_access::commands::rotate_key::SEALED_COLUMNS;
use client_api_access::connections::{ApiType, Connection, OAuthClient, OAuthClientFields, PendingAuthorization};
use client_api_access::db;
use client_api_access::db::DatabaseUrl;
use client_api_access::id::{ConnectionKey, SessionKey};
use client_api_access::jobs;
use client_api_access::secrets::sealed::Vault;
use client_api_access::secrets::{MasterKey, TokenHash};
use client_api_access::time::{Clock, HOUR};
use serde_json::json;

use crate::support::outbound::SECRET;
use crate::support::provider::{Answer, Provider};
use crate::support::{Database, Finished, NOW, Server, TestApp, is_postgres, run};

const OLD: &str = "a key that only the tests know of";
const NEW: &str = "a key that only these tests know of";

fn key(text: &str) -> MasterKey {
    MasterKey::from_text(text).unwrap()
}

fn rotate(app: &TestApp, keys: &[(&str, &str)]) -> Finished {
    let folder = app.database.folder.path().to_str().unwrap();
    let env: Vec<_> = keys.iter().copied().chain([("DATABASE_URL", app.database.text.as_str())]).collect();
    run(&["rotate-key", "--data-dir", folder], &env)
}

// Another node on the same data.
fn open(app: &TestApp, key: MasterKey) -> Result<Arc<App>, String> {
    System::new().block_on(App::open(app.state.config.clone(), &key, Clock::fixed(NOW)))
}

// A way to a provider that holds a verifier and tokens.
fn request(app: &TestApp, connection: ConnectionKey) -> PendingAuthorization {
    let mut conn = app.database.connect();
    app.admin();
    let session = SessionKey(app.shop().number("SELECT MAX(id) FROM sessions"));
    let state = TokenHash::of("state");
    let vault = &app.state.connections.vault;
    PendingAuthorization::create(&mut conn, vault, (connection, session), &state, Some("the verifier"), NOW).unwrap();
    let back = PendingAuthorization::redeem_state(&mut conn, &state, session, NOW).unwrap().unwrap();
    let reply = serde_json::from_value(json!({ "access_token": "held access" })).unwrap();
    back.store_tokens(&mut conn, vault, &reply).unwrap();
    PendingAuthorization::find_with_tokens(&mut conn, (connection, session), NOW).unwrap().unwrap()
}

// Opens everything that is sealed for a connection.
fn opens(app: &TestApp, vault: &Vault, id: ConnectionKey) -> bool {
    let (connection, client) = Connection::with_client(&mut app.database.connect(), id).unwrap();
    [
        (connection.access_token(vault), format!("first-access-{id}")),
        (connection.refresh_token(vault), format!("first-refresh-{id}")),
        (client.secret(vault), SECRET.to_string()),
    ]
    .into_iter()
    .all(|(opened, plain)| opened.is_ok_and(|opened| opened.expose() == plain))
}

#[test]
fn s5_rotate_key_seals_everything_anew_and_gives_the_database_to_the_new_key() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let ids: Vec<_> = (0..3).map(|_| app.online(provider.origin(), 3600).id).collect();
    let held = request(&app, ids[0]);
    let (new, both) = (Vault::new(&key(NEW), None), Vault::new(&key(NEW), Some(&key(OLD))));
    assert!(open(&app, key(NEW)).is_err_and(|why| why.contains("not the key that the database was created with")));
    assert!(open(&app, key(NEW).replacing(key(OLD))).is_ok(), "both keys serve meanwhile");
    // As it is when it was cut off: one is sealed anew already, and one opens under no key.
    let [client, other] =
        [ids[0], ids[1]].map(|id| Connection::with_client(&mut app.database.connect(), id).unwrap().1.id);
    OAuthClient::change_secret(&mut app.database.connect(), &both, client, SECRET, NOW).unwrap();
    app.shop().sql(&format!(
        "UPDATE connections SET access_token = (SELECT c.client_secret FROM oauth_clients c WHERE c.id = {other}) \
         WHERE id = {}",
        ids[2]
    ));

    let alone = rotate(&app, &[("SECRET_KEY", NEW)]);
    let wrong = rotate(&app, &[("SECRET_KEY", NEW), ("SECRET_KEY_PREVIOUS", "a key that never was the one of this")]);
    let done = rotate(&app, &[("SECRET_KEY", NEW), ("SECRET_KEY_PREVIOUS", OLD)]);
    let again = rotate(&app, &[("SECRET_KEY", NEW), ("SECRET_KEY_PREVIOUS", OLD)]);

    assert_eq!((alone.code, wrong.code), (1, 1), "{} {}", alone.stdout, wrong.stdout);
    assert!(alone.stderr.contains("SECRET_KEY_PREVIOUS: required"), "{}", alone.stderr);
    assert!(wrong.stderr.contains("not the key that the database was created with"), "{}", wrong.stderr);
    assert_eq!((done.code, again.code), (0, 0), "{} {}", done.stderr, again.stderr);
    assert!(
        done.stdout.starts_with("Encrypted 10 stored secrets with the new key; 1 already used it."),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("Everyone has to sign in again"), "{}", done.stdout);
    assert!(done.stdout.contains("Left 1 stored secret unchanged"), "{}", done.stdout);
    assert!(
        again.stdout.starts_with("Encrypted 0 stored secrets with the new key; 11 already used it."),
        "{}",
        again.stdout
    );
    assert!(opens(&app, &new, ids[0]) && opens(&app, &new, ids[1]));
    assert!(!opens(&app, &new, ids[2]), "what was copied there does not open");
    let session = SessionKey(app.shop().number("SELECT MAX(id) FROM sessions"));
    let held_now =
        PendingAuthorization::find_with_tokens(&mut app.database.connect(), (ids[0], session), NOW).unwrap().unwrap();
    assert_eq!(held_now.id, held.id);
    assert_eq!(held_now.verifier(&new).unwrap().unwrap().expose(), "the verifier");
    assert!(held_now.tokens(&new).is_ok());
    assert!(open(&app, key(NEW)).is_ok());
    assert!(open(&app, key(OLD)).is_err(), "a node that was forgotten is refused");
    let entries = app.shop().words("SELECT kind AS word FROM activity WHERE kind = 'secret key replaced'");
    assert_eq!(entries.len(), 1, "once");
}

#[test]
fn s5_a_key_file_is_changed_by_one_command_that_can_be_cut_off() {
    if is_postgres() {
        println!("left out on PostgreSQL: there is no key file");
        return;
    }
    let database = Database::blank();
    let mut server = Server::start(&database, &[]);
    let folder = database.folder.path().join("data");
    let (present, new) = (folder.join("secret.key"), folder.join("secret.key.new"));
    let rotate = || run(&["rotate-key", "--data-dir", folder.to_str().unwrap()], &[]);
    let in_file = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    let vault = || Vault::new(&key(&in_file(&present)), None);
    let file = folder.join("client-api-access.db");
    let meanwhile = rotate();
    server.stop();
    let first = in_file(&present);
    let fields = OAuthClientFields { name: "Ours".into(), ..OAuthClientFields::default() };
    let mut conn = db::connect(&DatabaseUrl::Sqlite(file)).unwrap();
    let kind = (ApiType::Other, "other");
    let client = OAuthClient::create(&mut conn, &vault(), kind, &fields, SECRET, NOW).unwrap().id;
    let mut secret = |vault: &Vault| {
        let opened = OAuthClient::find(&mut conn, client).unwrap().secret(vault);
        opened.is_ok_and(|opened| opened.expose() == SECRET)
    };

    let done = rotate();

    assert!(meanwhile.stderr.contains("another server is running"), "{}", meanwhile.stderr);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(
        done.stdout.contains("Encrypted 2 stored secrets") && done.stdout.contains("secret.key"),
        "{}",
        done.stdout
    );
    let second = in_file(&present);
    assert!(first != second && !new.exists());
    assert!(!done.stdout.contains(&second) && !done.stderr.contains(&second), "the key itself is not printed");
    assert!(secret(&vault()) && !secret(&Vault::new(&key(&first), None)));

    // Cut off before the new file took the old one's place, and then while a new file was written.
    for left in [second.as_str(), "half a k"] {
        if left == second {
            std::fs::write(&present, &first).unwrap();
        }
        std::fs::write(&new, left).unwrap();
        let serve = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", folder.to_str().unwrap()], &[]);
        assert!(serve.stderr.contains("run rotate-key again"), "{}", serve.stderr);
        let again = rotate();
        assert_eq!(again.code, 0, "{}", again.stderr);
        assert!(secret(&vault()) && !new.exists());
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&present).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    // And it starts.
    drop(Server::start(&database, &[]));
}

#[test]
fn s5_a_refresh_on_its_way_while_the_key_is_changed_keeps_its_tokens() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let id = app.online(provider.origin(), 3600).id;
    let node = open(&app, key(NEW).replacing(key(OLD))).unwrap();
    node.state.clock.advance(2 * HOUR);
    // Its answer brings no refresh token, so the one there is stays.
    provider.tokens_with(json!({ "refresh_token": null }));
    provider.answer("/token", Answer::AfterProcessing(Duration::from_secs(2)));

    std::thread::scope(|scope| {
        let refresh = scope.spawn(|| System::new().block_on(jobs::run_once(&node.state)).unwrap());
        while provider.requests().is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let both = key(NEW).replacing(key(OLD));
        let rotated = rotate_key::rotate(&mut app.database.connect(), &both, NOW).unwrap();
        assert_eq!((rotated.resealed, refresh.is_finished()), (4, false));
    });

    let connection = Connection::find(&mut app.database.connect(), id).unwrap();
    let new = Vault::new(&key(NEW), None);
    assert_eq!(connection.refresh_token(&new).unwrap().expose(), format!("first-refresh-{id}"));
    assert_eq!(connection.access_token(&new).unwrap().expose(), provider.issued()[0]);
}

// Binary columns that are not sealed hold hashes. All but three are NOT NULL: a grant of the earlier token format has no hash,
// most API keys have no previous value, and in most sessions nobody has confirmed that it is them.
#[test]
fn s5_every_column_that_could_hold_a_sealed_value_is_listed() {
    let app = TestApp::start();

    let columns = app.shop().words(match is_postgres() {
        true => {
            "SELECT CAST(table_name || '.' || column_name AS TEXT) AS word FROM information_schema.columns \
             WHERE table_schema = 'public' AND data_type = 'bytea' AND is_nullable = 'YES'"
        }
        false => {
            "SELECT m.name || '.' || p.name AS word FROM sqlite_master m, pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND p.type = 'BLOB' AND p.\"notnull\" = 0"
        }
    });

    let mut columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut listed: Vec<&str> = SEALED_COLUMNS.iter().copied().flatten().map(|column| column.name).collect();
    let hashes = ["access_tokens.previous_hash", "refresh_tokens.grant_hash", "sessions.confirmed_hash"];
    columns.retain(|column| !hashes.contains(column));
    columns.sort_unstable();
    listed.sort_unstable();
    assert_eq!(columns, listed);
}
