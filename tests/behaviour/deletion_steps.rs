//! How the rows of a large revocation are deleted: in steps that stay within their bound, through indexes, to the exact
//! number.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex};

use client_api_access::activity::Actor;
use client_api_access::clients::Client;
use client_api_access::db::DbConnection;
use client_api_access::employees::Employee;
use client_api_access::id::ClientKey;
use client_api_access::tokens::RefreshToken;
use client_api_access::tokens::revocation::{
    CountedSoFar, DeletionJob, MAX_AT_ONCE, RevocationImpact, Seen, Target, revoke,
};
use diesel::connection::{InstrumentationEvent, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::support::oauth::Integration;
use crate::support::{Grant, Key, Person, Shop, TestApp, client_path, is_postgres};

const TABLES: [&str; 8] = [
    "access_tokens",
    "authorization_codes",
    "client_secrets",
    "clients",
    "redirect_uris",
    "refresh_token_values",
    "refresh_tokens",
    "token_failures",
];

/// Two clients of two people. One client has a little more than goes at once, in every table.
struct World {
    app: TestApp,
    client: Integration,
    anna: Person,
    grants: Vec<Grant>,
    keys: Vec<Key>,
}

impl World {
    fn make() -> World {
        let app = TestApp::start();
        let mut shop = app.shop();
        let (anna, bo) = (shop.staff("Anna Berg"), shop.staff("Bo Dahl"));
        let (client, other) = (shop.integration("Ledgerly"), shop.integration("Stockbird"));
        let grants: Vec<Grant> = (0..3).map(|_| shop.grant(client.id, &anna)).collect();
        for grant in &grants {
            shop.many_access_tokens(grant, 60);
            shop.many_values(grant, 60);
            shop.many_codes(grant, 4);
        }
        let keys = (0..4).map(|_| shop.api_key(client.id, &anna, "till")).collect();
        shop.many_failures(client.id, 60);
        shop.redirect_uri(&client, "https://app.example/other");
        for (client, person) in [(client.id, &bo), (other.id, &anna), (other.id, &bo)] {
            let grant = shop.grant(client, person);
            shop.refresh(&grant);
            shop.many_codes(&grant, 2);
            shop.api_key(client, person, "kept");
        }
        shop.many_failures(other.id, 3);
        World { app, client, anna, grants, keys }
    }

    fn targets(&self) -> [(&'static str, Target); 3] {
        let mut conn = self.app.database.connect();
        let client = Client::find(&mut conn, self.client.id).unwrap();
        let grant = RefreshToken::find(&mut conn, client.id, self.grants[0].id).unwrap();
        let anna = Employee::find(&mut conn, self.anna.id).unwrap();
        [
            ("client", Target::Client(client.clone())),
            ("refresh_token", Target::RefreshToken(client, grant)),
            ("employee", Target::Grants(anna)),
        ]
    }

    fn revoke(&self, target: &Target) {
        let (mut conn, now) = (self.app.database.connect(), self.app.now());
        let actor = Actor::server();
        let revoked = revoke(&mut conn, target, None, (&actor, ""), now).unwrap();
        assert!(revoked.is_purging);
    }
}

fn counts(shop: &mut Shop) -> BTreeMap<&'static str, i64> {
    TABLES.map(|table| (table, shop.number(&format!("SELECT COUNT(*) FROM {table}")))).into_iter().collect()
}

fn next(conn: &mut DbConnection, last: i64) -> Option<DeletionJob> {
    DeletionJob::next_after(conn, last, &HashSet::new()).unwrap()
}

#[test]
fn d9_no_step_deletes_more_rows_than_it_may_and_what_was_there_before_is_there_after_or_was_deleted() {
    for (n, room) in [(0, 7), (1, 1), (2, 40), (0, 500)] {
        let world = World::make();
        let (mut conn, mut shop, now) = (world.app.database.connect(), world.app.shop(), world.app.now());
        let (kind, target) = world.targets()[n].clone();
        world.revoke(&target);
        let before = counts(&mut shop);
        let (mut steps, mut is_finished) = (0, false);
        while !is_finished {
            let there = counts(&mut shop).values().sum::<i64>();
            let step = next(&mut conn, 0).unwrap().step(&mut conn, room, now).unwrap();
            let left = counts(&mut shop).values().sum::<i64>();
            assert_eq!(there - left, step.rows, "{kind}: foreign keys delete nothing more");
            assert!(step.rows <= room, "{kind}: {} rows at once", step.rows);
            (steps, is_finished) = (steps + 1, step.is_finished);
        }

        let after = counts(&mut shop);
        let gone = |table: &str| before[table] - after[table];
        let rows: i64 = TABLES.iter().map(|table| gone(table)).sum();
        assert!(steps >= rows / room, "{kind}: {steps} steps for {rows} rows");
        // Refresh tokens, access tokens, API keys and clients. Bo has a grant and a key of the client, and Anna has a grant
        // and a key with another client.
        let expected = match kind {
            "client" => [3 + 1, 3 * 61 + 2, 4 + 1, 1],
            "refresh_token" => [1, 61, 0, 0],
            _ => [3 + 1, 3 * 61 + 2, 4 + 1, 0],
        };
        let [refresh, access, keys, clients] = expected;
        assert_eq!((gone("refresh_tokens"), gone("access_tokens")), (refresh, access + keys), "{kind}");
        assert_eq!(gone("clients"), clients, "{kind}");
        let mut admin = world.app.admin();
        let log = admin.open("/settings/activity?kind=deletion+finished").rows("#activity");
        let number = |n: i64, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
        let told = match keys {
            0 => format!("{} and {}", number(refresh, "refresh token"), number(access, "access token")),
            _ => format!(
                "{}, {} and {}",
                number(refresh, "refresh token"),
                number(access, "access token"),
                number(keys, "API key")
            ),
        };
        assert!(log[0].cells[3].starts_with(&told), "{kind}: {told}: {:?}", log[0]);
        assert!(next(&mut conn, 0).is_none(), "{kind}");
    }
}

#[test]
fn no_read_and_no_step_of_a_revocation_sorts_or_scans_a_table() {
    // On SQLite without statistics, and with those that it gathers of a client with some thousand access tokens. PostgreSQL has
    // none, but guesses from the size of the table: of a few rows, any index would do.
    let worlds = if is_postgres() { [false].as_slice() } else { &[false, true] };
    for (n, has_statistics) in (0..3).flat_map(|n| worlds.iter().map(move |has| (n, *has))) {
        let world = World::make();
        let mut shop = world.app.shop();
        if has_statistics || is_postgres() {
            shop.many_access_tokens(&world.grants[0], 3_000);
        }
        if has_statistics {
            shop.conn().batch_execute("PRAGMA analysis_limit = 400; ANALYZE access_tokens").unwrap();
        }
        let (kind, target) = world.targets()[n].clone();
        let (mut conn, now) = (world.app.database.connect(), world.app.now());
        let queries: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let seen = queries.clone();
        client_api_access::db::watch(&mut conn, move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                seen.lock().unwrap().insert(query.to_string());
            }
        });
        RevocationImpact::of(&mut conn, &target).unwrap();
        let actor = Actor::server();
        let revoked = revoke(&mut conn, &target, Some(Seen::default()), (&actor, ""), now).unwrap();
        assert!(revoked.is_purging, "{kind}");
        let job = next(&mut conn, 0).unwrap();
        job.count_some(&mut conn, CountedSoFar::default()).unwrap();
        while !job.step(&mut conn, 100, now).unwrap().is_finished {
            assert!(next(&mut conn, job.id - 1).is_some());
        }

        let queries = std::mem::take(&mut *queries.lock().unwrap());
        let mut plain = world.app.database.connect();
        assert!(queries.len() > 10, "{kind}: the queries are seen");
        for query in &queries {
            assert_follows_indexes(&mut plain, kind, query);
        }
    }
}

#[derive(QueryableByName)]
struct PlanLine {
    #[diesel(sql_type = Text)]
    #[diesel(column_name = "detail")]
    sqlite: String,
}

#[derive(QueryableByName)]
struct PostgresPlanLine {
    #[diesel(sql_type = Text)]
    #[diesel(column_name = "QUERY PLAN")]
    postgres: String,
}

fn assert_follows_indexes(conn: &mut DbConnection, kind: &str, query: &str) {
    let (sql, binds) = query.split_once(" -- binds: ").unwrap_or((query, "[]"));
    if !["SELECT", "DELETE", "UPDATE"].iter().any(|verb| sql.starts_with(verb)) {
        return;
    }
    // API keys are few among access tokens: only their own indexes find them without reading the others.
    let reads_keys = sql.split_once(" WHERE ").is_some_and(|(_, condition)| {
        condition.contains("`refresh_token_id` IS NULL") || condition.contains("\"refresh_token_id\" IS NULL")
    });
    if is_postgres() {
        // Without these, PostgreSQL reads a table of a few rows, or an index of it, as a whole.
        for way in ["seqscan", "bitmapscan", "indexonlyscan", "sort"] {
            conn.batch_execute(&format!("SET enable_{way} = off")).unwrap();
        }
        let lines = diesel::sql_query(format!("EXPLAIN {}", with_values(sql, binds)));
        let lines: Vec<PostgresPlanLine> = lines.load(conn).unwrap_or_else(|error| panic!("{query}: {error}"));
        let plan = lines.into_iter().map(|line| line.postgres).collect::<Vec<_>>().join("\n");
        assert!(!plan.contains("Seq Scan") && !plan.contains("Sort"), "{kind}: {query}\n{plan}");
        // An index scan without a condition reads the whole index; that of unfinished deletions holds only those.
        let scans = plan.matches("Scan using").count() + plan.matches("Scan Backward using").count();
        let bounded = plan.matches("Index Cond:").count() + plan.matches("using purges_unfinished").count();
        assert_eq!(scans, bounded, "{kind}: {query}\n{plan}");
        assert!(!reads_keys || plan.contains("access_tokens_api_keys"), "{kind}: {query}\n{plan}");
    } else {
        let lines: Vec<PlanLine> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(conn).unwrap();
        let finds_keys = lines.iter().any(|line| line.sqlite.contains("access_tokens_api_keys"));
        assert!(!reads_keys || finds_keys, "{kind}: {query}");
        for PlanLine { sqlite: line } in lines {
            let scans = line.starts_with("SCAN") && !line.contains("purges_unfinished");
            // A range of all ids of a table, instead of the ids of one owner.
            let by_id = line.contains("PRIMARY KEY (rowid>") || line.contains("PRIMARY KEY (rowid<");
            assert!(!scans && !by_id && !line.contains("TEMP B-TREE"), "{kind}: {query}\n{line}");
        }
    }
}

// The statement with its values in place of `$1`, `$2` …
fn with_values(sql: &str, binds: &str) -> String {
    let mut text = sql.to_string();
    for (n, value) in split(&binds[1..binds.len() - 1]).iter().enumerate().rev() {
        text = text.replace(&format!("${}", n + 1), &literal(value));
    }
    text
}

fn split(list: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in list.chars() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    parts.into_iter().map(|part| part.trim().to_string()).filter(|part| !part.is_empty()).collect()
}

fn literal(value: &str) -> String {
    match value.as_bytes().first() {
        Some(b'[') => {
            let items: Vec<String> = split(&value[1..value.len() - 1]).iter().map(|item| literal(item)).collect();
            format!("'{{{}}}'::bigint[]", items.join(","))
        }
        Some(b'"') => format!("'{}'", value.trim_matches('"')),
        _ if value == "None" => "NULL".into(),
        _ => value.chars().filter(|c| c.is_ascii_digit() || *c == '-').collect(),
    }
}

#[test]
fn several_deletions_take_turns_and_the_smaller_one_is_done_first() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna Berg");
    let (huge, small) = (shop.client("Huge"), shop.client("Small"));
    for (client, n) in [(huge, 600), (small, 60)] {
        let grant = shop.grant(client, &anna);
        shop.many_access_tokens(&grant, n);
    }
    let mut admin = app.admin();
    for (client, name) in [(huge, "Huge"), (small, "Small")] {
        let form = admin.open(&format!("{}/revoke", client_path(client)));
        admin.submit(&form, "/revoke", &[("name", name)]);
    }

    let (mut conn, now) = (app.database.connect(), app.now());
    let (mut last, mut names) = (0, Vec::new());
    for _ in 0..8 {
        let job = next(&mut conn, last).unwrap();
        last = job.id;
        job.step(&mut conn, 30, now).unwrap();
        names.push(job.subject_name);
    }

    assert_eq!(names, ["Huge", "Small", "Huge", "Small", "Huge", "Small", "Huge", "Huge"]);
    let of =
        |shop: &mut Shop, client: ClientKey| shop.number(&format!("SELECT COUNT(*) FROM clients WHERE id = {client}"));
    assert_eq!((of(&mut shop, huge), of(&mut shop, small)), (1, 0));
    // Whoever runs the job next continues where it stopped.
    app.run_background();
    assert_eq!(of(&mut shop, huge), 0);
    let log = admin.open("/settings/activity?kind=deletion+finished").rows("#activity");
    assert!(
        log[0].says("Huge") && log[0].cells[3].starts_with("1 refresh token and 601 access tokens"),
        "{:?}",
        log[0]
    );
    assert!(
        log[1].says("Small") && log[1].cells[3].starts_with("1 refresh token and 61 access tokens"),
        "{:?}",
        log[1]
    );
}

#[test]
fn fifty_rows_go_at_once_and_with_the_fifty_first_they_follow() {
    type Fill = fn(&mut Shop, &Grant, usize);
    let fills: [(&str, Fill); 4] = [
        ("access token", |shop, grant, n| shop.many_access_tokens(grant, n)),
        ("value", |shop, grant, n| shop.many_values(grant, n)),
        ("code", |shop, grant, n| shop.many_codes(grant, n)),
        ("failure", |shop, grant, n| shop.many_failures(grant.client, n)),
    ];
    for (what, fill) in fills {
        for (more, jobs) in [(0, 0), (1, 1)] {
            let app = TestApp::start();
            let mut shop = app.shop();
            let anna = shop.staff("Anna Berg");
            let client = shop.client("Ledgerly");
            let grant = shop.grant(client, &anna);
            // The refresh token, its value, an access token and the redirect URI.
            fill(&mut shop, &grant, (MAX_AT_ONCE - 4 + more) as usize);
            let mut admin = app.admin();

            let form = admin.open(&format!("{}/revoke", client_path(client)));
            let done = admin.submit(&form, "/revoke", &[]);

            assert_eq!(done.status, 303, "{what}");
            assert_eq!(shop.number("SELECT COUNT(*) FROM purges"), jobs, "{what}: {more} more");
            assert_eq!(shop.number("SELECT COUNT(*) FROM clients"), jobs, "{what}: {more} more");
            assert!(!app.works(&grant.access_token), "{what}");
            app.run_background();
            assert_eq!(counts(&mut shop).values().sum::<i64>(), 0, "{what}");
        }
    }
}

#[test]
fn a_key_is_not_counted_as_an_access_token() {
    let world = World::make();
    let mut admin = world.app.admin();

    let form = admin.open(&format!("{}/revoke", client_path(world.client.id)));

    assert_eq!(form.impact("Refresh tokens"), "4");
    assert_eq!(form.impact("Access tokens"), (3 * 61 + 2).to_string());
    assert_eq!(form.impact("API keys"), (world.keys.len() + 1).to_string());
    assert_eq!(form.impact("Employees"), "Anna Berg, Bo Dahl");
}
