//! The write-behind buffer of "last used": written every few seconds, in the same order on every node.

use actix_web::rt::System;
use client_api_access::jobs;
use client_api_access::scopes::Role;
use diesel::connection::SimpleConnection;

use crate::support::outbound::Link;
use crate::support::provider::Provider;
use crate::support::{Browser, TestApp, is_postgres, until};

const MANY: usize = 12;

// Runs the jobs while another transaction locks the last row of the table, and checks which rows they locked before it.
fn written_in_order(app: &TestApp, table: &str) {
    if !is_postgres() {
        // There is one writer.
        app.run_background();
        return;
    }
    let mut holder = app.database.connect();
    holder
        .batch_execute(&format!("BEGIN; SELECT id FROM {table} WHERE id = (SELECT MAX(id) FROM {table}) FOR UPDATE"))
        .unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| app.run_background());
        let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        until("it waits for the row", || app.shop().number(waiting) > 0);
        let free = format!("WITH free AS (SELECT id FROM {table} FOR UPDATE SKIP LOCKED) SELECT COUNT(*) FROM free");
        let free = app.shop().number(&free);
        holder.batch_execute("COMMIT").unwrap();
        assert_eq!(
            free, 0,
            "{table}: the last one was asked for before others, so two nodes could wait for each other"
        );
    });
}

#[test]
fn calls_through_connections_are_written_in_one_order_on_every_node() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let links: Vec<Link> = (0..MANY).map(|_| app.online(provider.origin(), 3600)).collect();
    app.advance(60);
    for link in &links {
        assert_eq!(app.through(link, &app.service_key(link), "/me").status, 200);
    }

    written_in_order(&app, "connections");

    assert!(links.iter().all(|link| app.connection(link).last_used_at == app.now()));
}

#[test]
fn a_late_write_does_not_overwrite_a_newer_time() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    let key = app.service_key(&link);
    app.advance(60);
    let newest = app.now();
    for seconds in [0, -40] {
        app.advance(seconds);
        assert_eq!(app.through(&link, &key, "/me").status, 200);
        app.run_background();
    }

    assert_eq!(app.connection(&link).last_used_at, newest);
    assert_eq!(app.shop().number("SELECT MIN(last_used_at) FROM service_keys"), newest.0);
}

#[test]
fn times_that_cannot_be_written_are_written_later() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    let key = app.service_key(&link);
    app.advance(60);
    let used = app.now();
    assert_eq!(app.through(&link, &key, "/me").status, 200);

    let mut holder = app.database.connect();
    let lock = if is_postgres() { "BEGIN; LOCK TABLE connections IN EXCLUSIVE MODE" } else { "BEGIN IMMEDIATE" };
    holder.batch_execute(lock).unwrap();
    let flushed = System::new().block_on(jobs::flush(&app.state));
    assert_eq!(flushed.unwrap_err().status().as_u16(), 503);
    holder.batch_execute("COMMIT").unwrap();
    assert!(app.connection(&link).last_used_at < used);

    app.advance(60);
    app.run_background();
    assert_eq!(app.connection(&link).last_used_at, used);
}

#[test]
fn sessions_are_written_in_one_order_on_every_node() {
    let app = TestApp::start();
    let mut people: Vec<Browser> = (0..MANY).map(|_| app.sign_in_as(Role::Staff).0).collect();
    app.advance(60);
    for browser in &mut people {
        assert_eq!(browser.get("/settings/profile").status, 200);
    }

    written_in_order(&app, "sessions");

    let seen = format!("SELECT COUNT(*) FROM sessions WHERE last_seen_at = {}", app.now().0);
    assert_eq!(app.shop().number(&seen), i64::try_from(MANY).unwrap());
}
