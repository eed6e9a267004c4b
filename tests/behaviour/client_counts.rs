//! The counts in the list of clients: how old they may be, and what counting costs.

use client_api_access::time::{HOUR, MINUTE};
use client_api_access::tokens::client_counters;
use diesel::connection::{Connection, InstrumentationEvent};

use crate::support::{Shop, TestApp, is_postgres};

fn counts(shop: &mut Shop) -> (i64, i64, i64) {
    let mut number = |column| shop.number(&format!("SELECT SUM({column}) FROM clients"));
    (number("valid_refresh_tokens"), number("valid_access_tokens"), number("employee_count"))
}

#[test]
fn a_small_client_is_counted_again_after_a_minute_and_at_once_after_a_revocation() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (client, anna) = (shop.client("Ledgerly"), shop.staff("Anna Berg"));
    let first = shop.grant(client, &anna);
    app.run_background();
    assert_eq!(counts(&mut shop), (1, 1, 1));

    shop.grant(client, &anna);
    app.advance(MINUTE / 2);
    app.run_background();
    assert_eq!(counts(&mut shop), (1, 1, 1), "the count is half a minute old");
    app.advance(MINUTE / 2 + 2);
    app.run_background();
    assert_eq!(counts(&mut shop), (2, 2, 1));

    let mut admin = app.admin();
    let confirmation = admin.open(&format!("{}/revoke", first.path()));
    admin.submit(&confirmation, "/revoke", &[]);
    app.run_background();
    assert_eq!(counts(&mut shop), (1, 1, 1));
}

#[test]
fn a_large_client_is_counted_less_often_and_at_least_once_an_hour() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let client = shop.client("Ledgerly");
    app.run_background();
    let mut is_due_after = |tokens: i64, seconds: i64| {
        let counted = app.now().0 - seconds;
        shop.sql(&format!("UPDATE clients SET valid_access_tokens = {tokens}, counted_at = {counted}"));
        let due = client_counters::due(shop.conn(), 50_000, app.now()).unwrap();
        assert!(due.iter().all(|due| due.id == client));
        !due.is_empty()
    };

    assert!(is_due_after(500, 66) && !is_due_after(500, 64));
    assert!(is_due_after(60_000, 661) && !is_due_after(60_000, 659));
    assert!(is_due_after(5_000_000, 3661) && !is_due_after(5_000_000, 3599));
}

#[test]
fn a_large_client_is_not_counted_at_once_after_every_revocation() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let client = shop.client("Ledgerly");
    let mut is_due_with = |tokens: i64| {
        let counted = app.now().0;
        shop.sql(&format!(
            "UPDATE clients SET valid_refresh_tokens = 1, valid_access_tokens = {tokens} - 1, counted_at = {counted}"
        ));
        client_counters::recount(shop.conn(), client).unwrap();
        !client_counters::due(shop.conn(), 50_000, app.now()).unwrap().is_empty()
    };

    assert!(is_due_with(10_000));
    assert!(!is_due_with(10_001));
}

#[test]
fn clients_that_change_all_the_time_do_not_keep_the_others_from_being_counted() {
    let app = TestApp::start();
    let mut shop = app.shop();
    for n in 0..8 {
        shop.client(&format!("Busy {n}"));
    }
    shop.sql("UPDATE clients SET valid_access_tokens = 10000, counted_at = 0");
    let (calm, large) = (shop.client("Calm"), shop.client("Large"));
    let counted = app.now().plus(-2 * MINUTE).0;
    shop.sql(&format!("UPDATE clients SET counted_at = {counted} WHERE id = {calm}"));
    let mut due_with = |tokens: i64| {
        let counted = app.now().plus(-2 * HOUR).0;
        shop.sql(&format!(
            "UPDATE clients SET valid_access_tokens = {tokens}, counted_at = {counted} WHERE id = {large}"
        ));
        client_counters::due(shop.conn(), 50_000, app.now()).unwrap()
    };

    let due = due_with(5_000);
    assert!(due.iter().any(|due| due.id == calm) && due.iter().any(|due| due.id == large), "{due:?}");
    assert_eq!(due.len(), 4, "two of the clients that change all the time are counted too: {due:?}");
    assert!(due_with(5_000_000).iter().any(|due| due.id == large), "however large it is");
}

#[test]
fn a_count_from_before_a_revocation_is_not_stored_as_new() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (client, anna) = (shop.client("Ledgerly"), shop.staff("Anna Berg"));
    shop.grant(client, &anna);
    app.run_background();
    app.advance(2 * MINUTE);

    let counted = client_counters::count(shop.conn(), &[client], app.now()).unwrap();
    client_counters::recount(shop.conn(), client).unwrap();
    assert_eq!(client_counters::store(shop.conn(), &counted, app.now()).unwrap(), 0);

    assert_eq!(client_counters::due(shop.conn(), 50_000, app.now()).unwrap().len(), 1);
}

#[test]
fn hundreds_of_clients_are_counted_with_a_handful_of_statements() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (numbers, anna) = (
        match is_postgres() {
            true => "SELECT i FROM generate_series(1, 1000) AS i",
            false => "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n",
        },
        shop.staff("Anna Berg"),
    );
    let client = shop.client("Client");
    let (columns, values) = copied_columns(&mut shop);
    shop.sql(&format!(
        "INSERT INTO clients ({columns}) SELECT {values} FROM clients, ({numbers}) AS numbers WHERE clients.id = {client}"
    ));
    let last = client_api_access::id::ClientKey(shop.number("SELECT MAX(id) FROM clients"));
    shop.grant(last, &anna);

    let mut conn = app.database.connect();
    let statements = std::sync::Arc::new(std::sync::Mutex::new(0));
    let seen = statements.clone();
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { .. } = event {
            *seen.lock().unwrap() += 1;
        }
    });
    let due = client_counters::due(&mut conn, 50_000, app.now()).unwrap();
    let ids: Vec<_> = due.iter().map(|client| client.id).collect();
    let counted = client_counters::count(&mut conn, &ids, app.now()).unwrap();
    let stored = client_counters::store(&mut conn, &counted, app.now()).unwrap();

    assert_eq!((due.len(), stored), (300, 300));
    assert!(*statements.lock().unwrap() <= 8, "{} statements", statements.lock().unwrap());
    app.run_background();
    assert_eq!(shop.number("SELECT COUNT(*) FROM clients WHERE counted_at = 0"), 0);
    assert_eq!(counts(&mut shop), (1, 1, 1));
}

// Every column of a client but its id, and what to copy it from: what must be unique gets a number.
fn copied_columns(shop: &mut Shop) -> (String, String) {
    let all = match is_postgres() {
        true => "SELECT column_name::text AS word FROM information_schema.columns WHERE table_name = 'clients'",
        false => "SELECT name AS word FROM pragma_table_info('clients')",
    };
    let columns: Vec<String> = shop.words(all).into_iter().filter(|column| column != "id").collect();
    let values: Vec<String> = columns
        .iter()
        .map(|column| if column == "client_id" { "client_id || i".into() } else { format!("clients.{column}") })
        .collect();
    (columns.join(", "), values.join(", "))
}
