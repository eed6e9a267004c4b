//! `restore`: what was revoked after the backup does not come back.

use client_api_access::activity::Actor;
use client_api_access::api_tokens::{self, Refusal};
use client_api_access::clients::client_state::suspend;
use client_api_access::clients::{Client, ClientSecret};
use client_api_access::connections::ApiType;
use client_api_access::employees::Purpose;
use client_api_access::scopes::Role;
use client_api_access::tokens::{AccessToken, NewKeyValue, replace_value};

use crate::backup::{back_up, command, file, run_jobs, stop};
use crate::support::oauth::{Integration, pair, refusal};
use crate::support::{Database, Finished, Grant, Key, Person, Shop, TestApp, is_postgres};

fn start(database: &Database) -> TestApp {
    TestApp::start_on(database.shared(), None, |_| ())
}

fn restore(database: &Database, more: &[&str]) -> Finished {
    let path = file(database, "backup.db");
    let file = if is_postgres() { None } else { path.to_str() };
    command(database, &["restore"].into_iter().chain(file).chain(more.iter().copied()).collect::<Vec<_>>())
}

fn restored(database: &Database, more: &[&str]) -> Finished {
    let done = restore(database, more);
    assert_eq!(done.code, 0, "{} {}", done.stdout, done.stderr);
    let verified = command(database, &["verify-activity"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    done
}

/// A shop with some of everything.
struct World {
    database: Database,
    integration: Integration,
    other: Integration,
    staff: Person,
    grants: Vec<Grant>,
    keys: Vec<Key>,
}

impl World {
    fn new() -> (World, TestApp) {
        let database = Database::migrated();
        let app = start(&database);
        let mut shop = app.shop();
        let (integration, other) = (shop.integration("Ledgerly"), shop.integration("Stocky"));
        let staff = shop.staff("Stina Staff");
        let grants =
            vec![shop.grant(integration.id, &staff), shop.grant(integration.id, &staff), shop.grant(other.id, &staff)];
        let keys = vec![
            shop.api_key(integration.id, &staff, "one"),
            shop.api_key(integration.id, &staff, "two"),
            shop.api_key(integration.id, &staff, "three"),
        ];
        run_jobs(&app);
        (World { database, integration, other, staff, grants, keys }, app)
    }

    fn revoke(&self, app: &TestApp, token: &str) {
        let fields = [
            ("client_id", &*self.integration.client_id),
            ("client_secret", &self.integration.secret),
            ("token", token),
        ];
        assert_eq!(app.program().post("/auth/oauth/revoke", &fields).status, 200);
    }
}

#[test]
fn f12_what_was_revoked_after_the_backup_stays_revoked_and_the_rest_works() {
    if is_postgres() {
        return;
    }
    let (world, app) = World::new();
    let mut shop = app.shop();
    let [kept, revoked, deleted] = [(); 3].map(|()| shop.api_token(&world.staff, Role::Staff, "tokens:read"));
    back_up(&world.database);
    world.revoke(&app, &world.grants[0].refresh_token);
    let by = Actor::console();
    assert!(api_tokens::revoke(shop.conn(), revoked.0, (&by, ""), app.now()).unwrap());
    shop.sql(&format!("DELETE FROM api_tokens WHERE id = {}", deleted.0));
    shop.sql(&format!("DELETE FROM access_tokens WHERE id = {}", world.keys[0].id));
    // A large client is marked, and its rows are deleted later.
    shop.sql(&format!("UPDATE clients SET revoked_at = {} WHERE id = {}", app.now().0, world.other.id));
    let late = shop.grant(world.integration.id, &world.staff);
    let last_id = shop.number("SELECT MAX(id) FROM activity");
    run_jobs(&app);
    drop(shop);
    stop(app, &world.database);
    // What a restore that was killed leaves.
    for name in ["test.db.restoring", "test.db.restoring-wal", "test.db.comparing"] {
        std::fs::write(file(&world.database, name), "half").unwrap();
    }

    let done = restored(&world.database, &[]);

    for name in ["test.db.restoring", "test.db.restoring-wal", "test.db.comparing"] {
        assert!(!file(&world.database, name).exists(), "{name}");
    }
    assert!(
        done.stdout.contains("Revoked: 2 refresh tokens, 2 access tokens and 1 API key")
            || done.stdout.contains("Revoked: 2 refresh tokens and 1 API key"),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("Client revoked: Stocky"), "{}", done.stdout);
    assert_eq!(done.stdout.matches("API token revoked: ").count(), 2, "{}", done.stdout);
    let app = start(&world.database);
    for dead in [&world.grants[0].access_token, &world.grants[2].access_token, &world.keys[0].value, &late.access_token]
    {
        assert!(!app.works(dead));
    }
    for alive in [&world.grants[1].access_token, &world.keys[1].value, &world.keys[2].value] {
        assert!(app.works(alive));
    }
    let who = |value: &str| api_tokens::authenticate(app.shop().conn(), value, app.now()).unwrap().err();
    assert_eq!(
        [&kept.1, &revoked.1, &deleted.1].map(|value| who(value)),
        [None, Some(Refusal::Revoked), Some(Refusal::Unknown)]
    );
    let (_, error, _) = refusal(&world.integration.refresh(&app, &world.grants[0].refresh_token));
    assert_eq!(error, "invalid_grant");
    assert_eq!(world.integration.refresh(&app, &world.grants[1].refresh_token).status, 200);
    let mut shop = app.shop();
    assert_eq!(shop.number("SELECT COUNT(*) FROM refresh_tokens"), 1, "the rows are gone, not only their values");
    let next = shop.grant(world.integration.id, &world.staff);
    assert!(next.id.0 > late.id.0, "ids are not used again");
    assert!(shop.number("SELECT MIN(id) FROM activity WHERE kind = 'database restored'") > last_id);
    let log = app.admin().open("/settings/activity?kind=database+restored").rows("#activity");
    assert!(log[0].says("the console") && log[0].says("compared with the database it replaced"), "{log:?}");
    assert!(shop.number("SELECT restored_at FROM accounts") > 0);
}

#[test]
fn what_was_rotated_after_the_backup_stays_rotated() {
    if is_postgres() {
        return;
    }
    let (mut world, app) = World::new();
    back_up(&world.database);
    app.advance(100);
    let newest = pair(&world.integration.refresh(&app, &world.grants[1].refresh_token));
    assert!(app.works(&newest.access_token));
    let mut shop = app.shop();
    let now = app.now();
    let client = Client::find(shop.conn(), world.integration.id).unwrap();
    let key = AccessToken::find(shop.conn(), client.id, world.keys[1].id).unwrap();
    let new = NewKeyValue { overlap: 0, expires_at: key.expires_at, seen_generation: key.generation };
    let replaced = replace_value(shop.conn(), (&client, &key), &new, (&Actor::console(), ""), now).unwrap();
    let old_secret = world.integration.secret.clone();
    world.integration.secret = ClientSecret::issue(shop.conn(), client.id, 0, now).unwrap().expose().into();
    drop(shop);
    run_jobs(&app);
    stop(app, &world.database);

    restored(&world.database, &[]);

    let app = start(&world.database);
    app.advance(200);
    assert!(!app.works(&world.keys[1].value) && app.works(replaced.value.expose()));
    let old = Integration { secret: old_secret, ..world.integration.clone() };
    assert_eq!(refusal(&old.refresh(&app, &newest.refresh_token)).1, "invalid_client");
    let next = pair(&world.integration.refresh(&app, &newest.refresh_token));
    assert!(app.works(&next.access_token));
    let reused = world.integration.refresh(&app, &world.grants[1].refresh_token);
    assert_eq!(refusal(&reused).1, "invalid_grant");
}

#[test]
fn people_clients_and_connections_that_lost_access_do_not_get_it_back() {
    if is_postgres() {
        return;
    }
    let (world, app) = World::new();
    let mut shop = app.shop();
    let (admin, left) = (shop.employee("Ada Admin", Role::Admin), shop.employee("Lars Left", Role::Manager));
    let demoted = shop.employee("Dora Demoted", Role::Admin);
    let link = shop.one_time_link(Purpose::Reset, Some(&left));
    let provider = app.oauth_client("Provider", ApiType::RSeries);
    let (kept, gone) = (app.named_online("Kept", provider, &admin), app.named_online("Gone", provider, &admin));
    let browser_before = app.sign_in(&admin);
    back_up(&world.database);
    shop.lock(&world.staff);
    shop.archive(&left);
    shop.sql(&format!("UPDATE employees SET role = 'staff', password_hash = 'changed' WHERE id = {}", demoted.id));
    let now = app.now();
    suspend(shop.conn(), world.other.id, "", (&Actor::console(), ""), now).unwrap();
    shop.sql(&format!("DELETE FROM connections WHERE id = {gone}"));
    shop.sql(&format!("UPDATE connections SET refresh_token = x'00112233', version = 9 WHERE id = {kept}"));
    shop.sql("DELETE FROM redirect_uris");
    drop(shop);
    run_jobs(&app);
    stop(app, &world.database);

    let done = restored(&world.database, &[]);

    for line in [
        "Employee locked: Stina Staff",
        "Employee archived: Lars Left",
        "Role changed: Dora Demoted",
        "Password changed: Dora Demoted",
        "Client suspended: Stocky",
        "Connection disconnected: Gone",
    ] {
        assert!(done.stdout.contains(line), "{line} is missing in {}", done.stdout);
    }
    let app = start(&world.database);
    assert!(!app.works(&world.grants[1].access_token), "its owner is locked");
    let mut shop = app.shop();
    assert_eq!(shop.word("SELECT hex(refresh_token) AS word FROM connections"), "00112233");
    assert!(shop.number("SELECT version FROM connections") > 9);
    assert_eq!(shop.number("SELECT COUNT(*) FROM redirect_uris"), 0);
    assert_eq!(shop.number("SELECT COUNT(*) FROM sessions"), 0);
    assert_eq!(shop.word(&format!("SELECT role AS word FROM employees WHERE id = {}", demoted.id)), "staff");
    assert_eq!(app.browser().get(&format!("/welcome/{link}")).status, 410);
    drop(browser_before);
    app.sign_in(&admin);
}

#[test]
fn a_restore_that_cannot_compare_needs_a_choice_in_so_many_words() {
    if is_postgres() {
        return;
    }
    for (choice, works) in [("--trust-backup", true), ("--revoke-everything-issued", false)] {
        let (world, app) = World::new();
        back_up(&world.database);
        world.revoke(&app, &world.grants[0].refresh_token);
        stop(app, &world.database);
        let path = file(&world.database, "test.db");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.truncate(bytes.len() / 2);
        std::fs::write(&path, &bytes).unwrap();

        let refused = restore(&world.database, &[]);
        assert_eq!(refused.code, 1, "{}", refused.stdout);
        assert!(refused.stderr.contains("cut short") && refused.stderr.contains(choice), "{}", refused.stderr);
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "nothing was replaced");
        assert!(!file(&world.database, "test.db.restoring").exists());
        let both = restore(&world.database, &["--trust-backup", "--revoke-everything-issued"]);
        assert_eq!(both.code, 2);
        restored(&world.database, &[choice]);

        assert_eq!(std::fs::read(file(&world.database, "test.db.replaced")).unwrap(), bytes);
        let app = start(&world.database);
        for token in [&world.grants[0].access_token, &world.grants[1].access_token, &world.keys[0].value] {
            assert_eq!(app.works(token), works, "{choice}");
        }
        let log = app.admin().open("/settings/activity?kind=database+restored").rows("#activity");
        assert!(log[0].says(choice), "{log:?}");
    }
}

#[test]
fn a_restore_refuses_a_running_server_a_wrong_key_a_newer_schema_and_a_changed_file() {
    if is_postgres() {
        return;
    }
    let (world, app) = World::new();
    let path = back_up(&world.database);
    let running = restore(&world.database, &[]);
    assert_eq!(running.code, 1);
    assert!(running.stderr.contains("another program uses"), "{}", running.stderr);
    stop(app, &world.database);
    let before = std::fs::read(file(&world.database, "test.db")).unwrap();
    let folder = world.database.folder.path().to_str().unwrap();
    let args = ["restore", path.to_str().unwrap(), "--data-dir", folder, "--database-url", &world.database.text];
    let wrong_key = crate::support::run(&args, &[("SECRET_KEY", "another key than that of the database")]);
    let lock =
        std::fs::File::options().write(true).create(true).truncate(false).open(file(&world.database, "server.lock"));
    let lock = lock.unwrap();
    lock.lock().unwrap();
    let locked = restore(&world.database, &[]);
    drop(lock);
    std::fs::remove_file(file(&world.database, "backup.db.manifest.json")).unwrap();
    Shop::at_file(&path).sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001')");
    let newer = restore(&world.database, &[]);
    std::fs::write(&path, "nothing of the kind").unwrap();
    let other = restore(&world.database, &[]);

    for (refused, why) in [
        (wrong_key, "SECRET_KEY: this is not the key"),
        (locked, "another server is running"),
        (newer, "newer schema"),
        (other, "not a SQLite database"),
    ] {
        assert_eq!(refused.code, 1, "{}", refused.stdout);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    assert_eq!(std::fs::read(file(&world.database, "test.db")).unwrap(), before);
}

#[test]
fn an_older_database_is_not_taken_for_what_happened_after_the_backup() {
    if is_postgres() {
        return;
    }
    let (world, app) = World::new();
    let older = file(&world.database, "older.db");
    assert_eq!(command(&world.database, &["backup", older.to_str().unwrap()]).code, 0);
    app.admin();
    run_jobs(&app);
    back_up(&world.database);
    stop(app, &world.database);
    std::fs::copy(&older, file(&world.database, "test.db")).unwrap();

    let refused = restore(&world.database, &[]);

    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("does not continue from the backup"), "{}", refused.stderr);
}

#[test]
fn with_postgresql_restore_marks_what_pg_restore_brought_back() {
    if !is_postgres() {
        return;
    }
    for (choice, works) in [("--trust-backup", true), ("--revoke-everything-issued", false)] {
        let (world, app) = World::new();
        let running = restore(&world.database, &[choice]);
        assert!(running.stderr.contains("stop every node"), "{}", running.stderr);
        drop(app);
        let undecided = restore(&world.database, &[]);
        assert!(undecided.stderr.contains("Choose one"), "{}", undecided.stderr);
        let mut done = restore(&world.database, &[choice]);
        crate::support::until("the server has closed its connections", || {
            if done.code != 0 {
                done = restore(&world.database, &[choice]);
            }
            done.code == 0
        });

        let app = start(&world.database);
        assert_eq!(app.works(&world.keys[0].value), works, "{choice}");
        let mut shop = app.shop();
        assert!(shop.number("SELECT restored_at FROM accounts") > 0);
        let late = shop.grant(world.integration.id, &world.staff);
        assert!(late.id.0 > 1_000_000, "{}", late.id);
    }
}
