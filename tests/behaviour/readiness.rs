//! `/readyz`, and the background jobs that it reports.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use actix_web::rt::System;
use client_api_access::jobs::{Job, supervise};
use client_api_access::time::MINUTE;
use diesel::connection::SimpleConnection;
use futures_util::FutureExt;

use crate::support::{Browser, Database, PASSWORD, Server, TestApp, is_postgres, until};

const READY: &str = "ready\n";

fn readyz(browser: &mut Browser) -> (u16, String) {
    let answer = browser.get("/readyz");
    (answer.status, answer.body)
}

// Runs a job under the supervisor of this server for as long as `test` takes.
fn while_supervised(app: &TestApp, job: Job, test: impl FnOnce(&mut Browser)) {
    let (state, is_done) = (app.state.clone(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            System::new().block_on(async {
                supervise(state, job);
                while !is_done.load(Ordering::SeqCst) {
                    actix_web::rt::time::sleep(Duration::from_millis(10)).await;
                }
            });
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&mut app.browser())));
        is_done.store(true, Ordering::SeqCst);
        outcome.unwrap();
    });
}

#[test]
fn a_job_that_panics_is_restarted_and_readyz_says_so() {
    static IS_BROKEN: AtomicBool = AtomicBool::new(true);
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let app = TestApp::start();
    let job = Job {
        name: "test job",
        every: Duration::from_millis(10),
        run: |_| {
            async {
                RUNS.fetch_add(1, Ordering::SeqCst);
                assert!(!IS_BROKEN.load(Ordering::SeqCst), "on purpose, with a secret");
                Ok(())
            }
            .boxed_local()
        },
    };

    while_supervised(&app, job, |browser| {
        until("it has failed three times", || RUNS.load(Ordering::SeqCst) >= 3);
        let (status, body) = readyz(browser);
        assert_eq!(status, 200, "other nodes could not do better");
        assert!(body.starts_with("ready\njob \"test job\": failed ") && body.ends_with("times, last: it panicked\n"));

        IS_BROKEN.store(false, Ordering::SeqCst);
        until("it works again", || readyz(browser) == (200, READY.into()));
    });
}

#[test]
fn a_job_that_has_been_running_for_long_is_named() {
    let app = TestApp::start();
    let job = Job {
        name: "test job",
        every: Duration::from_millis(10),
        run: |_| futures_util::future::pending().boxed_local(),
    };

    while_supervised(&app, job, |browser| {
        until("it has started", || !app.state.job_health.reports().is_empty());
        assert_eq!(readyz(browser), (200, READY.into()));

        app.advance(20 * MINUTE);

        let line = "job \"test job\": has been running for 20 minutes\n";
        assert_eq!(readyz(browser), (200, format!("{READY}{line}")));
    });
}

#[test]
fn readyz_is_503_while_the_database_accepts_no_changes() {
    let app = TestApp::start();
    let mut browser = app.browser();
    assert_eq!(readyz(&mut browser), (200, READY.into()));

    let mut holder = app.database.connect();
    let lock = if is_postgres() { "BEGIN; LOCK TABLE leases IN EXCLUSIVE MODE" } else { "BEGIN IMMEDIATE" };
    holder.batch_execute(lock).unwrap();
    // The answer from before is valid for a second.
    std::thread::sleep(Duration::from_millis(1100));
    let begun = Instant::now();
    let (status, body) = readyz(&mut browser);
    let lines: Vec<&str> = body.lines().collect();
    assert_eq!((status, lines[0], lines[1], lines[3]), (503, "not ready", "database: ok", "schema: ok"), "{body}");
    assert!(
        lines[2].starts_with("writer: the change was not finished in time")
            || lines[2] == "writer: the change could not be committed"
    );
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());

    holder.batch_execute("COMMIT").unwrap();
    until("it is ready again", || readyz(&mut browser).0 == 200);
}

#[test]
fn readyz_is_503_while_the_database_is_read_only() {
    let app = TestApp::start();
    let refuse = match is_postgres() {
        true => {
            "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN \
             RAISE 'cannot execute UPDATE in a read-only transaction' USING ERRCODE = '25006'; END $$ LANGUAGE plpgsql; \
             CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON leases EXECUTE FUNCTION refuse()"
        }
        false => {
            "CREATE TRIGGER refuse BEFORE INSERT ON leases BEGIN SELECT RAISE(ABORT, 'attempt to write a readonly database'); \
             END"
        }
    };
    app.database.connect().batch_execute(refuse).unwrap();

    let expected = "not ready\ndatabase: ok\nwriter: the database is read-only\nschema: ok\n";
    assert_eq!(readyz(&mut app.browser()), (503, expected.into()));
}

#[test]
fn readyz_is_503_while_the_schema_lacks_a_migration() {
    let app = TestApp::start();
    let newest = "DELETE FROM __diesel_schema_migrations WHERE version = \
                  (SELECT MAX(version) FROM __diesel_schema_migrations)";
    app.database.connect().batch_execute(newest).unwrap();

    let expected = "not ready\ndatabase: ok\nwriter: ok\nschema: older than this program\n";
    assert_eq!(readyz(&mut app.browser()), (503, expected.into()));
}

#[test]
fn readyz_says_why_the_activity_log_cannot_be_sealed() {
    let database = Database::migrated();
    let mut server = Server::start(&database, &[]);
    let mut admin = server.set_up("ada@shop.example", PASSWORD);
    let (mut conn, _) = server.data(&database);
    let refused = "INSERT INTO activity_unsealed (activity_id, mac, refused_at) VALUES (987654, 'x', 1)";
    conn.batch_execute(refused).unwrap();

    let line = "last: an activity entry cannot be sealed: run verify-activity";
    until("the job has failed", || readyz(&mut admin).1.contains(line));
    assert!(!readyz(&mut admin).1.contains("987654"), "which one is only in the log");
    assert!(server.log().contains("activity entry 987654 cannot be sealed"));
    assert_eq!(server.stop(), 0);
}

#[test]
fn callers_of_readyz_share_one_write_a_second() {
    let app = TestApp::start();
    let begun = Instant::now();

    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut browser = app.browser();
                (0..10).for_each(|_| assert_eq!(readyz(&mut browser), (200, READY.into())));
            });
        }
    });

    // The first write inserts the row, each further one adds 1.
    let writes = app.shop().number("SELECT expires_at FROM leases WHERE name = 'readyz'") + 1;
    let seconds = i64::try_from(begun.elapsed().as_secs()).unwrap();
    assert!((1..=1 + seconds).contains(&writes), "{writes} writes in {seconds} s");
}

#[test]
fn a_job_that_fails_is_named_and_the_others_go_on() {
    let database = Database::migrated();
    let mut server = Server::start(&database, &[]);
    let mut admin = server.set_up("ada@shop.example", PASSWORD);
    let (mut conn, _) = server.data(&database);
    let (refuse, allow) = match is_postgres() {
        true => (
            "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'a secret'; END $$ LANGUAGE plpgsql; \
             CREATE TRIGGER refuse BEFORE INSERT ON activity_seals EXECUTE FUNCTION refuse()",
            "DROP TRIGGER refuse ON activity_seals",
        ),
        false => (
            "CREATE TRIGGER refuse BEFORE INSERT ON activity_seals BEGIN SELECT RAISE(ABORT, 'a secret'); END",
            "DROP TRIGGER refuse",
        ),
    };
    conn.batch_execute(refuse).unwrap();
    // An entry to be sealed.
    let page = admin.open("/settings/profile");
    assert_eq!(admin.submit(&page, "/sign-out", &[]).status, 303);

    until("the job has failed twice", || server.log().contains("seal the activity log: failed 2 times"));
    let (status, body) = readyz(&mut admin);
    assert_eq!((status, body.lines().count()), (200, 2), "{body}");
    assert!(body.contains("job \"seal the activity log\": failed ") && body.contains("last: a query failed"), "{body}");
    assert!(!body.contains("secret"));

    conn.batch_execute(allow).unwrap();
    until("it works again", || readyz(&mut admin) == (200, READY.into()));
    assert!(server.log().contains("seal the activity log: works again after"));
    assert_eq!(server.stop(), 0);
}
