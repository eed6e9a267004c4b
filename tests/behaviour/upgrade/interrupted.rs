//! A migration that fails or is killed leaves the database as it was before that migration, and the next one completes it.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use client_api_access::db::{connect, migrate};
use diesel::connection::SimpleConnection;

use super::past::each_database;
use crate::schema::dump;
use crate::support::{Database, NOW, Shop, is_postgres, spawn};

// It creates the indexes of access tokens.
const LARGE: &str = "2026-11-25-000006_narrow_indexes";

fn applied(database: &Database) -> Vec<String> {
    Shop::open(database, NOW).words("SELECT version AS word FROM __diesel_schema_migrations ORDER BY version")
}

fn is_like_new(database: &Database) -> bool {
    dump(&mut database.connect()) == dump(&mut Database::migrated().connect())
}

#[test]
fn a_migration_that_fails_is_rolled_back_and_completes_when_it_is_run_again() {
    each_database(|database| {
        // In the way of an index that the migration creates after it has dropped others.
        let mut conn = connect(&database.url).unwrap();
        conn.batch_execute("CREATE INDEX access_tokens_api_keys_expires ON clients (id)").unwrap();

        let error = migrate(&database.url).unwrap_err();

        assert!(error.contains(&format!("{LARGE} failed")), "{error}");
        assert_eq!(applied(&database).last().unwrap(), "20261125000005", "those before it are kept");
        // What it had dropped is back, because it is dropped again.
        conn.batch_execute("DROP INDEX access_tokens_api_keys_expires").unwrap();
        assert_eq!(migrate(&database.url).unwrap()[0], LARGE);
        assert!(is_like_new(&database));
    });
}

#[test]
fn a_migration_that_is_killed_completes_when_it_is_run_again() {
    each_database(|database| {
        let mut shop = Shop::open(&database, NOW);
        let (hash, prefix) = match is_postgres() {
            true => ("sha256((random()::text || i::text)::bytea)", "substr(md5(random()::text || i::text), 1, 7)"),
            false => ("randomblob(32)", "substr(hex(randomblob(4)), 1, 7)"),
        };
        // So many that creating the indexes takes a while.
        shop.sql(&format!(
            "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 200000) \
             INSERT INTO access_tokens (client_id, employee_id, refresh_token_id, hash, prefix, scope, generation, \
             created_at, expires_at) SELECT client_id, employee_id, id, {hash}, {prefix}, scope, 1, i, i \
             FROM numbers, (SELECT client_id, employee_id, id, scope FROM refresh_tokens ORDER BY id LIMIT 1) AS one"
        ));
        let rows = shop.number("SELECT COUNT(*) FROM access_tokens");
        let pending = applied(&Database::migrated()).len() - applied(&database).len();
        let folder = database.folder.path().join("data");
        let args = ["migrate", "--data-dir", folder.to_str().unwrap()];
        let key = "a key for the processes under test only";
        let env = [("DATABASE_URL", database.text.as_str()), ("SECRET_KEY", key)];

        let mut child = spawn(&args, &env);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let told: Vec<String> = lines.take_while(|line| !line.contains(&format!(" of {pending}: {LARGE}"))).collect();
        std::thread::sleep(Duration::from_millis(30));
        child.kill().unwrap();
        child.wait().unwrap();

        assert!(told.last().unwrap().contains(&format!("; left: {LARGE}")), "{told:?}");
        assert_eq!(applied(&database).last().unwrap(), "20261125000005", "it was killed in the middle of the next one");
        assert_eq!(migrate(&database.url).unwrap()[0], LARGE);
        assert!(is_like_new(&database));
        assert_eq!(shop.number("SELECT COUNT(*) FROM access_tokens"), rows);
    });
}
