//! Every wait has a limit, and pages have a share of the connections: what is slow does not stop what is not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::rt::System;
use diesel::connection::SimpleConnection;

use crate::support::oauth::pair;
use crate::support::{PASSWORD, TestApp, client_path, is_postgres, until};

const CLIENTS: &str = "/settings/client-api-access";

// As many reads as pages have connections, and more, that end when `test` ends.
fn while_page_reads_are_stuck(app: &TestApp, test: impl FnOnce()) {
    let (is_over, started) = (std::sync::Arc::new(AtomicBool::new(false)), std::sync::Arc::new(AtomicBool::new(false)));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let stuck = (0..6).map(|_| {
                let (is_over, started) = (is_over.clone(), started.clone());
                app.state.db.read(move |_| {
                    started.store(true, Ordering::SeqCst);
                    while !is_over.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    Ok(())
                })
            });
            // Their callers give up after four seconds; the reads themselves go on.
            let results = System::new().block_on(futures_util::future::join_all(stuck));
            assert!(results.iter().all(Result::is_err));
        });
        until("the reads have started", || started.load(Ordering::SeqCst));
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(test));
        is_over.store(true, Ordering::SeqCst);
        outcome.unwrap();
    });
}

#[test]
fn reads_that_never_end_stop_neither_tokens_nor_sign_in_nor_jobs() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let integration = shop.integration("Ledgerly");
    let anna = shop.staff("Anna Berg");
    let mut admin = app.admin();
    let issued = integration.grant(&app, &mut app.sign_in(&anna));
    let (client, bo) = (shop.client("Timely"), shop.staff("Bo Dahl"));
    let grant = shop.grant(client, &bo);
    shop.many_access_tokens(&grant, 2_100);
    let revoke = admin.open(&format!("{}/revoke", client_path(client)));

    while_page_reads_are_stuck(&app, || {
        std::thread::scope(|scope| {
            let refused = scope.spawn(|| admin.clone().get(CLIENTS).status);

            let refreshed = pair(&integration.refresh(&app, &issued.refresh_token));
            assert!(app.works(&refreshed.access_token));
            let mut browser = app.browser();
            assert_eq!(browser.open("/sign-in").status, 200);
            assert_eq!(browser.sign_in(&anna.email, PASSWORD).status, 303);
            assert_eq!(admin.clone().submit(&revoke, "/revoke", &[("name", "Timely")]).status, 303);
            app.run_background();
            let deleted = "SELECT COUNT(*) FROM purges WHERE finished_at IS NOT NULL";
            assert_eq!(app.shop().number(deleted), 1, "the rows of Timely");
            assert_eq!(app.browser().get("/readyz").status, 200);

            assert_eq!(refused.join().unwrap(), 503, "pages wait for their own share");
        });
    });
    until("pages are back", || admin.get(CLIENTS).status == 200);
}

#[test]
fn a_change_that_waits_too_long_is_503_and_is_not_made_later() {
    if is_postgres() {
        println!("left out on PostgreSQL: f6 holds a lock there; it has no writer to hold up");
        return;
    }
    let app = TestApp::start();
    let mut admin = app.admin();
    let form = admin.open("/settings/employees/invite");
    let (is_over, started) = (std::sync::Arc::new(AtomicBool::new(false)), std::sync::Arc::new(AtomicBool::new(false)));

    let db = app.state.db.with_long_timeout();
    std::thread::scope(|scope| {
        let (until_over, has_started) = (is_over.clone(), started.clone());
        let stuck = db.write(move |_| {
            has_started.store(true, Ordering::SeqCst);
            while !until_over.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(())
        });
        scope.spawn(|| System::new().block_on(stuck).unwrap());
        until("the writer is busy", || started.load(Ordering::SeqCst));

        let begun = Instant::now();
        let fields = [("name", "Hasty"), ("email", "hasty@shop.example"), ("role", "staff")];
        let refused = admin.submit(&form, "/invite", &fields);

        is_over.store(true, Ordering::SeqCst);
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    });

    let fields = [("name", "Later"), ("email", "later@shop.example"), ("role", "staff")];
    assert_eq!(admin.submit(&form, "/invite", &fields).status, 200);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM employees WHERE name = 'Hasty'"), 0);
}

#[test]
fn a_page_that_needs_more_than_half_a_second_of_postgresql_says_so() {
    if !is_postgres() {
        println!("left out on SQLite: it has no time limit for a statement");
        return;
    }
    let app = TestApp::start();
    let mut admin = app.admin();
    let mut conn = app.database.connect();
    conn.batch_execute("BEGIN; LOCK TABLE clients IN ACCESS EXCLUSIVE MODE").unwrap();

    let begun = Instant::now();
    let answer = admin.get(CLIENTS);

    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("This page took too long"), "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    assert!(begun.elapsed() < Duration::from_millis(3500), "{:?}", begun.elapsed());
    conn.batch_execute("COMMIT").unwrap();
    assert_eq!(admin.get(CLIENTS).status, 200);
}
