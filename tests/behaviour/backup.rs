//! `backup`: the copy, its manifest, and what it refuses.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use client_api_access::db::{self, DatabaseUrl};

use crate::support::{Database, Finished, KEY, Shop, TestApp, is_postgres, run, until};

/// Runs a command on the database of a test, with its key.
pub fn command(database: &Database, args: &[&str]) -> Finished {
    let folder = database.folder.path().to_str().unwrap();
    let mut all = args.to_vec();
    all.extend(["--data-dir", folder, "--database-url", &database.text, "--log-level", "error"]);
    run(&all, &[("SECRET_KEY", KEY)])
}

/// A file in the folder of a test.
pub fn file(database: &Database, name: &str) -> PathBuf {
    database.folder.path().join(name)
}

/// Stops a server, and waits until it has closed its database.
pub fn stop(app: TestApp, database: &Database) {
    drop(app);
    if !is_postgres() {
        until("the server has closed its database", || !file(database, "test.db-wal").exists());
    }
}

/// Runs the background jobs in a thread of their own, because a thread keeps its connection as long as it lives.
pub fn run_jobs(app: &TestApp) {
    std::thread::scope(|scope| scope.spawn(|| app.run_background()).join().unwrap());
}

/// Backs a database up.
pub fn back_up(database: &Database) -> PathBuf {
    let path = file(database, "backup.db");
    let made = command(database, &["backup", path.to_str().unwrap()]);
    assert_eq!(made.code, 0, "{} {}", made.stdout, made.stderr);
    path
}

fn manifest(path: &std::path::Path) -> serde_json::Value {
    let text = std::fs::read_to_string(path.with_file_name("backup.db.manifest.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn f11_a_backup_beside_a_busy_server_holds_every_commit_answered_before_it() {
    if is_postgres() {
        return;
    }
    let database = Database::migrated();
    let app = TestApp::start_on(database.shared(), None, |_| ());
    let mut shop = app.shop();
    let client = shop.client("Ledgerly");
    let person = shop.staff("Stina Staff");
    let before: Vec<_> = (0..20).map(|_| shop.grant(client, &person)).collect();
    let (is_done, url) = (AtomicBool::new(false), database.url.clone());

    let path = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut shop = Shop::open(&database, app.now());
            while !is_done.load(Ordering::Relaxed) {
                shop.grant(client, &person);
            }
        });
        let path = back_up(&database);
        is_done.store(true, Ordering::Relaxed);
        path
    });

    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let manifest_file = file(&database, "backup.db.manifest.json");
    assert_eq!((mode(&path), mode(&manifest_file)), (0o600, 0o600));
    let manifest = manifest(&path);
    let copied = manifest["rows"]["refresh_tokens"].as_i64().unwrap();
    assert!(copied >= 20, "{manifest}");
    assert_eq!(manifest["schema"].as_str().unwrap().len(), 14);
    assert_eq!(manifest["sha256"].as_str().unwrap().len(), 64);
    let mut copy = Shop::at_file(&path);
    assert_eq!(copy.number("SELECT COUNT(*) FROM refresh_tokens"), copied);
    for grant in before {
        assert_eq!(copy.number(&format!("SELECT COUNT(*) FROM refresh_tokens WHERE id = {}", grant.id)), 1);
    }
    assert!(matches!(url, DatabaseUrl::Sqlite(_)));
    assert!(!file(&database, "backup.db.partial").exists());
}

#[test]
fn a_backup_never_overwrites_and_leaves_no_half_file() {
    if is_postgres() {
        return;
    }
    let database = Database::migrated();
    stop(TestApp::start_on(database.shared(), None, |_| ()), &database);
    // What an interrupted backup leaves.
    std::fs::write(file(&database, "backup.db.partial"), "half").unwrap();
    let path = back_up(&database);
    let bytes = std::fs::read(&path).unwrap();

    let again = command(&database, &["backup", path.to_str().unwrap()]);
    let nowhere = command(&database, &["backup", "/no/such/folder/backup.db"]);

    assert_eq!((again.code, nowhere.code), (1, 1));
    assert!(again.stderr.contains("exists already"), "{}", again.stderr);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert!(!file(&database, "backup.db.partial").exists());
}

#[test]
fn a_backup_of_a_damaged_database_is_refused() {
    if is_postgres() {
        return;
    }
    let database = Database::migrated();
    let app = TestApp::start_on(database.shared(), None, |_| ());
    let (client, person) = (app.shop().client("Ledgerly"), app.shop().staff("Stina Staff"));
    app.shop().grant(client, &person);
    stop(app, &database);
    // A row that refers to nothing: no statement of the server could write it.
    let mut shop = Shop::at_file(&file(&database, "test.db"));
    shop.sql("PRAGMA foreign_keys = OFF");
    shop.sql("DELETE FROM clients");
    drop(shop);

    let refused = command(&database, &["backup", file(&database, "backup.db").to_str().unwrap()]);

    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("the database is damaged"), "{}", refused.stderr);
    assert!(!file(&database, "backup.db").exists() && !file(&database, "backup.db.partial").exists());
}

#[test]
fn with_postgresql_backup_says_how_to_use_pg_dump_and_records_the_head() {
    if !is_postgres() {
        return;
    }
    let database = Database::migrated();
    let app = TestApp::start_on(database.shared(), None, |_| ());
    app.admin();
    run_jobs(&app);

    let path = back_up(&database);
    let said = command(&database, &["backup", file(&database, "other.db").to_str().unwrap()]);

    assert!(said.stdout.contains("pg_dump --format=custom"), "{}", said.stdout);
    assert!(!path.exists(), "pg_dump writes it");
    assert!(manifest(&path)["activity_head"].as_str().unwrap().contains(':'));
}

#[test]
fn f13_a_program_that_is_older_than_the_schema_refuses_and_names_the_version_that_fits() {
    let database = Database::migrated();
    let mut shop = Shop::open(&database, crate::support::NOW);
    shop.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001')");
    shop.sql("UPDATE installation SET schema_version = '7.2.0'");
    drop(shop);

    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"], &["reset-link", "a@b.example"], &["purge"]] {
        let refused = command(&database, args);
        assert_eq!(refused.code, 1, "{args:?}");
        assert!(refused.stderr.contains("newer schema (29991231000001)"), "{args:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("use version 7.2.0 or newer"), "{args:?}: {}", refused.stderr);
    }
    assert!(db::migrate(&database.url).is_err());
}

#[test]
fn f14_a_server_refuses_a_database_that_is_damaged_cut_short_empty_or_without_its_log() {
    if is_postgres() {
        return;
    }
    let database = Database::blank();
    let folder = database.folder.path().join("data");
    let mut server = crate::support::Server::start(&database, &[]);
    server.set_up("ada@shop.example", crate::support::PASSWORD);
    assert!(folder.join("client-api-access.db-wal").exists());
    let id = server.id().to_string();
    assert!(std::process::Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
    server.stopped();
    let kept = database.folder.path().join("kept");
    copy_folder(&folder, &kept);
    let start = |change: &dyn Fn(&std::path::Path)| {
        std::fs::remove_dir_all(&folder).unwrap();
        copy_folder(&kept, &folder);
        change(&folder);
        let files = std::fs::read_dir(&folder).unwrap().count();
        let refused = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", folder.to_str().unwrap()], &[]);
        assert_eq!(refused.code, 1, "{}", refused.stderr);
        assert!(std::fs::read_dir(&folder).unwrap().count() <= files, "nothing was created");
        refused.stderr
    };
    let db = "client-api-access.db";
    // Like a command that closes the database as the last one: the log is written into it.
    let settle = |folder: &std::path::Path| {
        Shop::at_file(&folder.join(db)).sql("PRAGMA wal_checkpoint(TRUNCATE)");
        std::fs::write(folder.join("server.lock"), "ended").unwrap();
    };

    let without_log = start(&|folder| std::fs::remove_file(folder.join("client-api-access.db-wal")).unwrap());
    let missing = start(&|folder| std::fs::remove_file(folder.join(db)).unwrap());
    let empty = start(&|folder| std::fs::write(folder.join(db), "").unwrap());
    let cut = start(&|folder| {
        settle(folder);
        let bytes = std::fs::read(folder.join(db)).unwrap();
        std::fs::write(folder.join(db), &bytes[..bytes.len() / 2]).unwrap();
    });
    let flipped = start(&|folder| {
        settle(folder);
        let mut bytes = std::fs::read(folder.join(db)).unwrap();
        for page in 3..20 {
            bytes[page * 4096..page * 4096 + 16].fill(0xff);
        }
        std::fs::write(folder.join(db), bytes).unwrap();
    });
    let text = start(&|folder| {
        settle(folder);
        std::fs::write(folder.join(db), "something else".repeat(1_000)).unwrap();
    });

    assert!(without_log.contains("client-api-access.db-wal is missing"), "{without_log}");
    assert!(missing.contains("is missing or empty") && empty.contains("is missing or empty"), "{missing} {empty}");
    assert!(cut.contains("is damaged: it was cut short"), "{cut}");
    assert!(flipped.contains("is damaged"), "{flipped}");
    assert!(text.contains("it is not a SQLite database"), "{text}");
    // As it was when the server was killed, it starts; and also after a command has closed the database.
    std::fs::remove_dir_all(&folder).unwrap();
    copy_folder(&kept, &folder);
    let verified = run(&["verify-activity", "--data-dir", folder.to_str().unwrap()], &[]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    assert!(!folder.join("client-api-access.db-wal").exists());
    crate::support::Server::start(&database, &[]);
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
