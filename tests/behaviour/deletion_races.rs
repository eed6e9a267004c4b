//! What another transaction commits in the middle of a step of a deletion, as it may on PostgreSQL.

use std::collections::HashSet;

use client_api_access::activity::Actor;
use client_api_access::clients::Client;
use client_api_access::db::DbConnection;
use client_api_access::employees::Employee;
use client_api_access::tokens::RefreshToken;
use client_api_access::tokens::revocation::{DeletionJob, Target, revoke};
use diesel::connection::InstrumentationEvent;

use crate::support::{Grant, Person, Shop, TestApp};

fn next(conn: &mut DbConnection) -> Option<DeletionJob> {
    DeletionJob::next_after(conn, 0, &HashSet::new()).unwrap()
}

fn revoke_all(app: &TestApp, target: &Target) {
    let actor = Actor::server();
    let revoked = revoke(&mut app.database.connect(), target, None, (&actor, ""), app.now()).unwrap();
    assert!(revoked.is_purging);
}

fn everything_of(app: &TestApp, person: &Person) -> Target {
    Target::Grants(Employee::find(&mut app.database.connect(), person.id).unwrap())
}

/// A connection on which something happens just before its first statement with these words.
fn interrupted(app: &TestApp, words: [&'static str; 2], act: impl FnOnce() + Send + 'static) -> DbConnection {
    let mut conn = app.database.connect();
    let mut act = Some(act);
    client_api_access::db::watch(&mut conn, move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let query = query.to_string();
            if words.iter().all(|word| query.contains(word))
                && let Some(act) = act.take()
            {
                act();
            }
        }
    });
    conn
}

fn large_grant(shop: &mut Shop, app: &TestApp, person: &Person) -> Grant {
    let client = match shop.number("SELECT COUNT(*) FROM clients") {
        0 => shop.client("Ledgerly"),
        _ => client_api_access::id::ClientKey(shop.number("SELECT MAX(id) FROM clients")),
    };
    let grant = shop.grant(client, person);
    shop.many_access_tokens(&grant, 60);
    assert!(app.works(&grant.access_token));
    grant
}

#[test]
fn what_is_revoked_while_the_last_step_of_an_earlier_revocation_runs_stays_revoked() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna Berg");
    large_grant(&mut shop, &app, &anna);
    revoke_all(&app, &everything_of(&app, &anna));
    let second = large_grant(&mut shop, &app, &anna);
    let target = everything_of(&app, &anna);
    let (mut other, now) = (app.database.connect(), app.now());
    let mut conn = interrupted(&app, ["UPDATE", "purges"], move || {
        assert!(revoke(&mut other, &target, None, (&Actor::server(), ""), now).unwrap().is_purging);
    });

    let step = next(&mut conn).unwrap().step(&mut conn, 1_000, now).unwrap();

    assert!(!step.is_finished);
    assert!(!app.works(&second.access_token));
    assert_eq!(shop.number("SELECT COUNT(*) FROM access_tokens"), 61, "they are left for the next step");
    let step = next(&mut conn).unwrap().step(&mut conn, 1_000, now).unwrap();
    assert!(step.is_finished);
    assert_eq!(shop.number("SELECT COUNT(*) FROM access_tokens"), 0);
    assert_eq!(shop.number("SELECT SUM(revoked_access_tokens_through) FROM employees"), 0);
}

#[test]
fn rows_that_another_job_deletes_first_are_not_taken_for_the_last() {
    for n in 0..3 {
        let app = TestApp::start();
        let mut shop = app.shop();
        let anna = shop.staff("Anna Berg");
        let grants = [(); 3].map(|()| large_grant(&mut shop, &app, &anna));
        let mut conn = app.database.connect();
        let client = Client::find(&mut conn, grants[0].client).unwrap();
        let grant = RefreshToken::find(&mut conn, client.id, grants[0].id).unwrap();
        let (kind, target) = [
            ("client", Target::Client(client.clone())),
            ("refresh_token", Target::RefreshToken(client, grant)),
            ("employee", everything_of(&app, &anna)),
        ][n]
            .clone();
        revoke_all(&app, &target);
        let mut other = app.shop();
        let mut conn = interrupted(&app, ["DELETE", "access_tokens"], move || {
            other.sql("DELETE FROM access_tokens WHERE id IN (SELECT id FROM access_tokens ORDER BY id LIMIT 15)");
        });

        let step = next(&mut conn).unwrap().step(&mut conn, 20, app.now()).unwrap();

        assert!(!step.is_finished, "{kind}");
        assert_eq!(step.rows, 5, "{kind}");
        assert_eq!(shop.number("SELECT COUNT(*) FROM access_tokens"), 3 * 61 - 20, "{kind}: nothing else is deleted");
        assert_eq!(shop.number("SELECT COUNT(*) FROM refresh_tokens"), 3, "{kind}");
        app.run_background();
        assert_eq!(shop.number("SELECT COUNT(*) FROM access_tokens"), if n == 1 { 2 * 61 } else { 0 }, "{kind}");
        assert!(next(&mut conn).is_none(), "{kind}");
    }
}
