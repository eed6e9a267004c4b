//! Row F8: what conflicts in the database is tried again inside, whatever the language of PostgreSQL's messages.

use std::time::{Duration, Instant};

use client_api_access::db;
use client_api_access::db::{DatabaseUrl, DbConnection};
use diesel::connection::SimpleConnection;

use crate::support::oauth::pair;
use crate::support::{Database, TestApp, is_postgres, until};

// A server whose PostgreSQL speaks English, and one whose PostgreSQL speaks German.
fn in_both_languages() -> Vec<TestApp> {
    if !is_postgres() {
        println!("left out on SQLite: its one writer conflicts with nobody, and it speaks English only");
        return Vec::new();
    }
    let (english, german) = (Database::migrated(), Database::migrated());
    let mut url = url::Url::parse(&german.text).unwrap();
    url.set_username("caa_german").unwrap();
    let mut conn = db::connect(&DatabaseUrl::parse(url.as_str()).unwrap()).unwrap();
    let error = conn.batch_execute("SELECT 1 / 0").unwrap_err().to_string();
    if error != "Division durch Null" {
        println!("German is left out, this PostgreSQL says: {error}");
        return vec![TestApp::start_on(english, None, |_| ())];
    }
    vec![TestApp::start_on(english, None, |_| ()), TestApp::start_on(german, Some(url.as_str()), |_| ())]
}

// How many sessions wait for a lock in this database. (What they do is not shown to others.)
fn waiting(app: &TestApp) -> i64 {
    let database = "(SELECT oid FROM pg_database WHERE datname = current_database())";
    app.shop().number(&format!("SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND database = {database}"))
}

#[test]
fn f8_a_deadlock_is_tried_again() {
    for app in in_both_languages() {
        let mut admin = app.admin();
        let form = admin.open("/settings/employees/invite");
        let mut other: DbConnection = app.database.connect();
        other.batch_execute("BEGIN; LOCK TABLE activity IN EXCLUSIVE MODE").unwrap();

        let fields = [("name", "Nils"), ("email", "nils@shop.example"), ("role", "staff")];
        let invited = std::thread::scope(|scope| {
            let invited = scope.spawn(|| admin.submit(&form, "/invite", &fields));
            until("the change waits for the log", || waiting(&app) == 1);
            // The change has locked employees and waits for activity: whoever began to wait first is told of the deadlock.
            other.batch_execute("LOCK TABLE employees IN EXCLUSIVE MODE; COMMIT").unwrap();
            invited.join().unwrap()
        });

        assert_eq!(invited.status, 200, "{}", invited.text());
        assert_eq!(app.shop().number("SELECT COUNT(*) FROM employees WHERE name = 'Nils'"), 1);
        let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        until("there was a deadlock", || app.shop().number(deadlocks) == 1);
    }
}

#[test]
fn f8_a_refresh_that_conflicts_is_tried_again_and_never_refused() {
    for app in in_both_languages() {
        for (state, times) in [("40001", 20), ("40P01", 3)] {
            let mut shop = app.shop();
            let (integration, person) = (shop.integration("Ledgerly"), shop.staff("Stina Staff"));
            let grant = shop.grant(integration.id, &person);
            // A sequence counts on when the transaction is rolled back.
            shop.sql(&format!(
                "CREATE SEQUENCE attempts; CREATE FUNCTION conflict() RETURNS trigger AS $$ BEGIN \
                 IF nextval('attempts') <= {times} THEN RAISE EXCEPTION 'Konflikt' USING ERRCODE = '{state}'; END IF; \
                 RETURN NEW; END $$ LANGUAGE plpgsql; \
                 CREATE TRIGGER conflict BEFORE UPDATE ON refresh_tokens FOR EACH ROW EXECUTE FUNCTION conflict()"
            ));

            let answer = integration.refresh(&app, &grant.refresh_token);

            assert!(app.works(&pair(&answer).access_token));
            assert!(shop.number("SELECT last_value FROM attempts") > times, "{state}");
            shop.sql("DROP TRIGGER conflict ON refresh_tokens; DROP FUNCTION conflict; DROP SEQUENCE attempts");
        }
    }
}

#[test]
fn a_page_whose_statement_takes_too_long_is_503_in_any_language() {
    for app in in_both_languages() {
        let mut admin = app.admin();
        let mut holder = app.database.connect();
        holder.batch_execute("BEGIN; LOCK TABLE clients IN ACCESS EXCLUSIVE MODE").unwrap();

        let begun = Instant::now();
        let page = admin.get("/settings/client-api-access");

        assert_eq!(page.status, 503, "{}", page.text());
        assert!(page.text().contains("took too long"), "{}", page.text());
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        holder.batch_execute("COMMIT").unwrap();
        assert_eq!(admin.get("/settings/client-api-access").status, 200);
    }
}
