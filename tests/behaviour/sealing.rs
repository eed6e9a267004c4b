//! The hash chain over the activity log: what is sealed, when, and what `verify-activity` finds.

use std::sync::{Arc, Mutex};

use client_api_access::activity::{Actor, Kind, NewActivity, Subject, seal};
use client_api_access::db::in_transaction;
use client_api_access::id::ClientKey;
use diesel::connection::{Connection, InstrumentationEvent, SimpleConnection};

use crate::support::{Database, KEY, Shop, TestApp, is_postgres, run};
use crate::upgrade::verify_activity;

fn entry(name: &str) -> NewActivity {
    NewActivity::new(Kind::Purged, Actor::server(), Subject::client(ClientKey(1), name))
}

pub fn record(app: &TestApp, names: &[&str]) {
    let mut conn = app.database.connect();
    for name in names {
        in_transaction(&mut conn, &|conn| entry(name).record(conn, app.now())).unwrap();
    }
}

// A million entries with a seal each, as a shop has after some years.
fn million_sealed_entries(app: &TestApp) {
    let (numbers, seal) = match is_postgres() {
        true => ("SELECT i FROM generate_series(1, 1000000) AS i", "decode(repeat('ab', 32), 'hex')"),
        false => (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT i FROM n",
            "zeroblob(32)",
        ),
    };
    let mut shop = app.shop();
    shop.sql(&format!(
        "INSERT INTO activity (id, at, kind, actor_name, subject_kind, subject_id, subject_name, detail, client_ip) \
         SELECT i, 1, 'deletion finished', '', 'client', 1, '', '{{}}', '' FROM ({numbers}) AS numbers"
    ));
    shop.sql(&format!(
        "INSERT INTO activity_seals (id, activity_id, seal) SELECT i, i, {seal} FROM ({numbers}) AS numbers"
    ));
    if is_postgres() {
        shop.sql("ALTER TABLE activity ALTER COLUMN id RESTART WITH 1000001");
    }
}

#[test]
fn sealing_behind_a_million_sealed_entries_reads_only_what_waits_for_a_seal() {
    let app = TestApp::start();
    million_sealed_entries(&app);
    record(&app, &["one", "two", "three"]);

    let mut conn = app.database.connect();
    let statements = Arc::new(Mutex::new(Vec::new()));
    let seen = statements.clone();
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            seen.lock().unwrap().push(query.to_string());
        }
    });
    conn.batch_execute("BEGIN").unwrap();
    assert!(seal::is_due(&mut conn).unwrap());
    let head = seal::advance(&mut conn, &app.state.chain_key, app.now()).unwrap().unwrap();
    let read = is_postgres().then(|| rows_read(&mut conn));
    conn.batch_execute("COMMIT").unwrap();

    assert_eq!(head.number, 1_000_003);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity_unsealed"), 0);
    match read {
        Some(read) => assert!(read < 20, "{read} rows of the log and its seals were read"),
        None => assert_no_scan(&app, &statements.lock().unwrap()),
    }
}

// PostgreSQL counts the rows that this transaction has read.
fn rows_read(conn: &mut client_api_access::db::DbConnection) -> i64 {
    use diesel::prelude::*;
    let read = "SELECT SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0))::BIGINT FROM pg_stat_xact_user_tables \
                WHERE relname IN ('activity', 'activity_seals')";
    diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(&format!("({read})"))).get_result(conn).unwrap()
}

fn assert_no_scan(app: &TestApp, statements: &[String]) {
    let sealing: Vec<&String> = statements.iter().filter(|statement| statement.contains("activity")).collect();
    assert!(sealing.len() >= 5, "{statements:#?}");
    for statement in sealing {
        // Without the values bound to it, which SQLite does not need for a plan.
        let statement = statement.split(" -- binds").next().unwrap();
        let plan = explain(app, statement);
        let scans = plan.iter().any(|step| step.contains("SCAN activity") && !step.contains("SCAN activity_unsealed"));
        // The newest seal is the last one of the primary key.
        let newest = statement.contains("ORDER BY") && statement.contains("LIMIT");
        assert!(!scans || newest, "{statement}: {plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{statement}: {plan:?}");
    }
}

fn explain(app: &TestApp, statement: &str) -> Vec<String> {
    use diesel::prelude::*;
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }
    let steps = diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}"));
    steps.load::<Step>(app.shop().conn()).unwrap().into_iter().map(|step| step.detail).collect()
}

#[test]
fn an_entry_that_commits_after_later_ones_were_sealed_is_sealed_by_the_next_run() {
    if !is_postgres() {
        println!("left out on SQLite: entries commit in the order of their ids");
        return;
    }
    let app = TestApp::start();
    let mut late = app.database.connect();
    late.batch_execute("BEGIN").unwrap();
    entry("late").record(&mut late, app.now()).unwrap();
    record(&app, &["in between"]);
    app.run_background();
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity_seals"), 1);

    late.batch_execute("COMMIT").unwrap();
    assert!(verify_activity(&app.database, &[]).contains("not sealed yet: 1."));
    app.run_background();

    assert!(verify_activity(&app.database, &[]).contains("not sealed yet: 0."));
    let order = "SELECT subject_name AS word FROM activity_seals JOIN activity ON activity.id = activity_id \
                 ORDER BY activity_seals.id";
    assert_eq!(app.shop().words(order), ["in between", "late"]);
}

pub fn broken(database: &Database) -> String {
    let folder = database.folder.path().to_str().unwrap();
    let env = [("DATABASE_URL", database.text.as_str()), ("SECRET_KEY", KEY)];
    let finished = run(&["verify-activity", "--data-dir", folder], &env);
    assert_eq!(finished.code, 1, "{}", finished.stdout);
    finished.stderr
}

/// Lets statements edit and delete entries, as somebody with full access to the database can.
pub fn without_triggers(shop: &mut Shop) {
    shop.sql(match is_postgres() {
        true => "ALTER TABLE activity DISABLE TRIGGER USER",
        false => "DROP TRIGGER activity_is_never_edited; DROP TRIGGER activity_is_never_deleted",
    });
}

/// What the job reports of an entry that it does not seal.
pub fn refused_by_the_job(app: &TestApp) -> String {
    let outcome = actix_web::rt::System::new().block_on(client_api_access::jobs::run_once(&app.state));
    outcome.unwrap_err().to_string()
}

#[test]
fn verify_activity_finds_an_entry_that_was_edited_deleted_or_kept_from_being_sealed() {
    let app = TestApp::start();
    record(&app, &["one", "two", "three"]);
    app.run_background();
    record(&app, &["four", "five"]);
    assert!(verify_activity(&app.database, &[]).contains("not sealed yet: 2."));
    let mut shop = app.shop();
    without_triggers(&mut shop);
    let [two, four, five] = ["two", "four", "five"].map(|name| {
        let found = format!("SELECT id FROM activity WHERE subject_name = '{name}'");
        app.shop().number(&found)
    });

    shop.sql(&format!("UPDATE activity SET actor_name = 'Somebody else' WHERE id = {two}"));
    assert!(broken(&app.database).contains(&format!("entry {two} (seal 2, deletion finished) was edited")));
    shop.sql(&format!("UPDATE activity SET actor_name = 'the server' WHERE id = {two}"));

    let keep = format!("CREATE TABLE kept AS SELECT * FROM activity_unsealed WHERE activity_id = {four}");
    shop.sql(&format!("{keep}; DELETE FROM activity_unsealed WHERE activity_id = {four}"));
    assert!(broken(&app.database).contains(&format!("entry {four} has no seal and does not wait for one")));
    shop.sql("INSERT INTO activity_unsealed SELECT * FROM kept");

    shop.sql(&format!("DELETE FROM activity WHERE id = {four}"));
    assert!(broken(&app.database).contains(&format!("entry {four} was deleted before it was sealed")));
    assert!(refused_by_the_job(&app).contains(&format!("activity entry {four} cannot be sealed")));
    let seals = format!("SELECT COUNT(*) FROM activity_seals WHERE activity_id = {five}");
    assert_eq!(shop.number(&seals), 1, "the others are sealed");
    assert!(broken(&app.database).contains(&format!("entry {four} was deleted before it was sealed")));

    shop.sql(&format!("DELETE FROM activity WHERE id = {two}"));
    assert!(broken(&app.database).contains(&format!("entry {two} (seal 2) was deleted")));
}
