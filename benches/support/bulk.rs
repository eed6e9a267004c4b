//! Fills a small shop with millions of tokens, by SQL: [`super::shape`] says which.
//!
//! Hashes and shown characters are random, so nobody has these tokens; requests that need a real value issue their own.

use client_api_access::clients::{Client, NewClient, Registration, Website};
use client_api_access::db::{DbConnection, in_transaction};
use client_api_access::time::Timestamp;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::facts::{number, numbers};
use super::indexes::{Indexes, run};
use super::shape::{EMPLOYEES, Kind, SLOTS, Shape};

/// Sizes of the clients that are added to be revoked, in worlds ten times as large; the largest of all is the big client.
pub const REVOKED: [i64; 3] = [1, 1_000, 100_000];
/// Worlds of this size have a client with grants in the earlier format.
const HISTORY_FROM: i64 = 1_000_000;
const HISTORY_GRANTS: i64 = 1_000;
/// The values that an hourly client left in sixty days.
const HISTORY_VALUES: i64 = 1_440;
/// The name of that client.
pub const HISTORY: &str = "Revoked with a history";
// Clients that keep the few tokens the demo gave them.
const LEFT_SMALL: usize = 50;
const ALPHABET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The name of a client that is added to be revoked.
pub fn name_of(size: i64) -> String {
    format!("Revoked with {size}")
}

/// Adds `tokens` valid access tokens and API keys, their grants, and expired ones.
pub fn fill(conn: &mut DbConnection, kind: Kind, tokens: i64, now: i64) {
    make_fast(conn, tokens);
    hire(conn);
    deal_clients(conn);
    let added =
        REVOKED.iter().filter(|size| **size * 10 <= tokens).map(|size| (*size, add_client(conn, &name_of(*size), now)));
    let added: Vec<(i64, i64)> = added.collect();
    let history = (tokens >= HISTORY_FROM).then(|| add_client(conn, HISTORY, now));
    let indexes = Indexes::drop_all(conn, &BIG);
    Block { shape: Shape::of(kind, tokens, now), client: None }.insert(conn);
    for (size, client) in added {
        Block { shape: Shape::valid(size, now), client: Some(client) }.insert(conn);
    }
    if let Some(client) = history {
        add_history(conn, client, now);
    }
    indexes.create_all(conn);
    run(conn, &COUNTERS.replace("NOW", &now.to_string()));
    run(conn, "DROP TABLE bench_slots");
    make_safe(conn);
}

/// Adds sealed entries to the activity log until there are this many. The seals are random: nobody verifies them here.
pub fn add_sealed(conn: &mut DbConnection, entries: i64, now: i64) {
    make_fast(conn, entries);
    let indexes = Indexes::drop_all(conn, &["activity", "activity_seals"]);
    let [first, number_of_first] = ["activity", "activity_seals"].map(|table| next_id(conn, table));
    let missing = entries - number(conn, "SELECT COUNT(*) AS n FROM activity_seals");
    let rows = series(conn, missing);
    run(
        conn,
        &format!(
            "INSERT INTO activity (id, at, kind, actor_name, subject_kind, subject_id, subject_name, employee_id, detail, client_ip)
             SELECT {first} + i, {now} - {missing} + i, 'client-viewed', 'Bench', 'client', 1 + i % 500, 'Bench', 1 + i % {EMPLOYEES},
                 '{{}}', '127.0.0.1' FROM {rows}"
        ),
    );
    let seal = hash(conn, "'seal ' || i");
    run(
        conn,
        &format!(
            "INSERT INTO activity_seals (id, activity_id, seal) SELECT {number_of_first} + i, {first} + i, {seal} FROM {rows}"
        ),
    );
    run(
        conn,
        &format!("INSERT INTO activity_clients (client_id, activity_id) SELECT 1 + i % 500, {first} + i FROM {rows}"),
    );
    indexes.create_all(conn);
    set_sequence(conn, "activity");
    make_safe(conn);
}

// The tables with millions of rows.
const BIG: [&str; 4] = ["refresh_tokens", "refresh_token_values", "access_tokens", "ended_tokens"];

// Counts for the list of clients, as the background job would store them.
const COUNTERS: &str = "
    UPDATE clients SET valid_refresh_tokens = g.n, employee_count = g.employees, last_used_at = g.used, counted_at = NOW
    FROM (SELECT client_id, COUNT(*) AS n, COUNT(DISTINCT employee_id) AS employees, MAX(last_used_at) AS used
          FROM refresh_tokens WHERE expires_at > NOW GROUP BY client_id) AS g WHERE g.client_id = clients.id;
    UPDATE clients SET valid_access_tokens = g.n
    FROM (SELECT client_id, COUNT(*) AS n FROM access_tokens WHERE expires_at > NOW GROUP BY client_id) AS g
    WHERE g.client_id = clients.id;";

// The data can be made again, so nothing is synced to disk and no transaction can be rolled back. No server may run on it.
fn make_fast(conn: &mut DbConnection, rows: i64) {
    match conn {
        DbConnection::Sqlite(_) => {
            let cache = (rows / 2).clamp(64_000, 4_000_000);
            run(
                conn,
                &format!(
                    "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE; PRAGMA locking_mode = EXCLUSIVE;
                     PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA threads = 2;
                     PRAGMA cache_size = -{cache}; PRAGMA analysis_limit = 1000;"
                ),
            );
        }
        DbConnection::Postgres(_) => run(
            conn,
            "SET statement_timeout = 0; SET synchronous_commit = off; SET maintenance_work_mem = '512MB';
             SET work_mem = '256MB'; SET max_parallel_maintenance_workers = 2; SET client_min_messages = error;",
        ),
    }
}

fn make_safe(conn: &mut DbConnection) {
    match conn {
        // The settings above end with the connection; the next one that opens the file turns the write-ahead log on.
        DbConnection::Sqlite(_) => run(conn, "ANALYZE"),
        DbConnection::Postgres(_) => {
            set_sequence(conn, "refresh_tokens");
            set_sequence(conn, "access_tokens");
            run(conn, "VACUUM ANALYZE");
            // Allowed to some accounts only; without, the server does it in the first minutes of the measurement.
            drop(diesel::sql_query("CHECKPOINT").execute(conn));
        }
    }
}

// SQLite takes the next id from the rows themselves.
fn set_sequence(conn: &mut DbConnection, table: &str) {
    if let DbConnection::Postgres(_) = conn {
        let sequence = format!("pg_get_serial_sequence('{table}', 'id')");
        run(conn, &format!("SELECT setval({sequence}, (SELECT MAX(id) FROM {table}))"));
    }
}

fn next_id(conn: &mut DbConnection, table: &str) -> i64 {
    number(conn, &format!("SELECT COALESCE(MAX(id), 0) + 1 AS n FROM {table}"))
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

// The demo employs as many as a small shop has: combine their first and last names until there are a thousand.
fn hire(conn: &mut DbConnection) {
    let known: Vec<Name> = diesel::sql_query("SELECT name FROM employees ORDER BY id").load(conn).expect("employees");
    let split = known.iter().filter_map(|one| one.name.split_once(' '));
    let (first, last): (Vec<&str>, Vec<&str>) = split.unzip();
    let mut taken: std::collections::HashSet<String> = known.iter().map(|one| one.name.clone()).collect();
    let pairs = (1..last.len()).flat_map(|n| first.iter().zip(last.iter().cycle().skip(n)));
    let names = pairs.map(|(first, last)| format!("{first} {last}")).filter(|name| taken.insert(name.clone()));
    let missing = EMPLOYEES - known.len() as i64;
    for (n, name) in names.take(missing as usize).enumerate() {
        let ended = if n % 16 == 5 { "created_at, NULL" } else { "NULL, NULL" };
        let (fold, quoted) = (name.to_lowercase().replace('\'', "''"), name.replace('\'', "''"));
        run(
            conn,
            &format!(
                "INSERT INTO employees (name, name_fold, email, email_fold, role, created_at, locked_at, archived_at)
                 SELECT '{quoted}', '{fold}', 'e{n}@bench.example', 'e{n}@bench.example', 'staff', created_at, {ended}
                 FROM employees WHERE id = 1"
            ),
        );
    }
    let highest = number(conn, "SELECT MAX(id) AS n FROM employees");
    assert_eq!(highest, EMPLOYEES, "ids of employees are 1 to {EMPLOYEES}");
}

// Which client each of a thousand rows belongs to.
fn deal_clients(conn: &mut DbConnection) {
    let able = "SELECT id AS n FROM clients WHERE approved_at IS NOT NULL AND suspended_at IS NULL ORDER BY id";
    let able = numbers(conn, able);
    assert!(able.len() > LEFT_SMALL + 10, "the demo has made clients");
    let others = &able[3..able.len() - LEFT_SMALL];
    let of = |slot: usize| match slot {
        0..500 => able[1],
        500..600 => able[2],
        _ => others[slot % others.len()],
    };
    let rows: Vec<String> = (0..SLOTS).map(|slot| format!("({slot}, {})", of(slot as usize))).collect();
    let rows = rows.join(", ");
    run(conn, "CREATE TEMPORARY TABLE bench_slots (slot INTEGER PRIMARY KEY, client_id BIGINT NOT NULL)");
    run(conn, &format!("INSERT INTO bench_slots VALUES {rows}"));
    if let DbConnection::Postgres(_) = conn {
        run(conn, "ANALYZE bench_slots");
    }
}

fn add_client(conn: &mut DbConnection, name: &str, now: i64) -> i64 {
    let client = in_transaction(conn, &|conn| {
        let website = Website::parse("https://revoked.example").expect("a website");
        let new = NewClient {
            name,
            website: &website,
            approved: true,
            lightspeed_approved: false,
            by: "",
            registration: &Registration::default(),
        };
        Ok(Client::create(conn, &new, Timestamp(now))?)
    });
    client.expect("a client").0
}

// Rows of one shape, of all clients or of one.
struct Block {
    shape: Shape,
    client: Option<i64>,
}

impl Block {
    fn insert(&self, conn: &mut DbConnection) {
        let grants = next_id(conn, "refresh_tokens");
        let tokens = next_id(conn, "access_tokens").max(next_id(conn, "ended_tokens"));
        self.insert_grants(conn, grants);
        self.insert_values(conn, grants);
        self.insert_ended(conn, grants, tokens);
        self.insert_tokens(conn, grants, tokens + self.shape.ended);
        self.check(conn, (grants, tokens));
    }

    // Rows `i`, with the client of each.
    fn from(&self, conn: &DbConnection, (columns, slot): (&str, &str), count: i64) -> String {
        let rows = format!("(SELECT i, {columns} FROM {}) AS s", series(conn, count));
        match self.client {
            Some(id) => format!("{rows} CROSS JOIN (SELECT {id} AS client_id) AS c"),
            None => match conn {
                // CROSS JOIN keeps SQLite from reading the clients first.
                DbConnection::Sqlite(_) => format!("{rows} CROSS JOIN bench_slots AS c WHERE c.slot = {slot}"),
                DbConnection::Postgres(_) => format!("{rows} JOIN bench_slots AS c ON c.slot = {slot}"),
            },
        }
    }

    fn insert_grants(&self, conn: &mut DbConnection, first: i64) {
        let shape = &self.shape;
        let columns = format!(
            "{} AS o, CASE WHEN {} THEN 1 ELSE 0 END AS e, {} AS t",
            shape.ordinal("i"),
            shape.is_expired("i"),
            shape.granted("i"),
        );
        // Valid and expired grants are as many wherever rows are dealt out by their number.
        let of = shape.holders();
        let from = self.from(conn, (&columns, &shape.slot("s.o", of)), shape.all_grants());
        let used = shape.last_used("s.o", "s.t");
        run(
            conn,
            &format!(
                "INSERT INTO refresh_tokens (id, client_id, employee_id, prefix, scope, created_at, last_used_at, expires_at,
                     generation, rotated_at, generation_used_at, grant_hash)
                 SELECT {first} + s.i, c.client_id, {}, {}, {}, s.t, {used}, {}, {}, s.t,
                     CASE WHEN s.o % 10 = 3 THEN NULL ELSE s.t END, CASE WHEN s.o % 20 = 7 THEN NULL ELSE {} END
                 FROM {from}",
                shape.employee("s.o", of),
                prefix(conn),
                scope("s.o"),
                shape.grant_expires("s.o", "s.e = 1"),
                generation("s.o"),
                hash(conn, &format!("'grant ' || {first} || ' ' || s.i")),
            ),
        );
    }

    // The current value of each valid grant, and the previous one of every other.
    fn insert_values(&self, conn: &mut DbConnection, first: i64) {
        let shape = &self.shape;
        let (v, previous) = ("(i / 3 * 2 + i % 3 / 2)", "CASE WHEN i % 3 = 1 THEN 1 ELSE 0 END");
        let rows = shape.grants / 2 * 3 + shape.grants % 2;
        let series = series(conn, rows);
        run(
            conn,
            &format!(
                "INSERT INTO refresh_token_values (refresh_token_id, hash, generation, created_at, expires_at, earlier_format)
                 SELECT {first} + {}, {}, {} - p, {}, {}, v % 20 = 7
                 FROM (SELECT i, {v} AS v, {previous} AS p FROM {series}) AS s",
                shape.place("v"),
                hash(conn, &format!("'value ' || {first} || ' ' || i")),
                generation("v"),
                shape.granted(&format!("({})", shape.place("v"))),
                shape.grant_expires("v", "1 = 0"),
            ),
        );
    }

    fn insert_ended(&self, conn: &mut DbConnection, grants: i64, first: i64) {
        let shape = &self.shape;
        if shape.ended == 0 {
            return;
        }
        let columns = format!("{} AS v, {} AS t", shape.grant_of("i", shape.ended), shape.ended_at("i"));
        let from = self.from(conn, (&columns, &shape.slot("s.v", shape.holders())), shape.ended);
        let (table, more, values) = match shape.kind {
            Kind::JobOff => ("access_tokens", ", scope, generation", format!(", {}, 1", scope("s.v"))),
            _ => ("ended_tokens", "", String::new()),
        };
        run(
            conn,
            &format!(
                "INSERT INTO {table} (id, client_id, employee_id, refresh_token_id, hash, prefix, created_at, last_used_at,
                     expires_at{more})
                 SELECT {first} + s.i, c.client_id, {}, {grants} + {}, {}, {}, s.t - 3600, CASE WHEN s.i % 10 = 3 THEN 0
                     ELSE s.t - 60 END, s.t{values}
                 FROM {from}",
                shape.employee("s.v", shape.holders()),
                shape.place("s.v"),
                hash(conn, &format!("'ended ' || {first} || ' ' || s.i")),
                prefix(conn),
            ),
        );
    }

    fn insert_tokens(&self, conn: &mut DbConnection, grants: i64, first: i64) {
        let shape = &self.shape;
        let (key, j) = (shape.is_key("i"), shape.of_its_kind("i"));
        let columns = format!("CASE WHEN {key} THEN 1 ELSE 0 END AS k, {j} AS j");
        // One more level, because the grant follows from the number.
        let (of_grant, of) = (shape.grant_of("j", shape.access_tokens.max(1)), shape.holders());
        let rows = series(conn, shape.access_tokens + shape.api_keys);
        let rows = format!(
            "(SELECT i, k, j, CASE WHEN k = 1 THEN j ELSE {of_grant} END AS v FROM (SELECT i, {columns} FROM {rows}) AS r) AS s"
        );
        let slot = format!(
            "CASE WHEN s.k = 1 THEN {} ELSE {} END",
            shape.slot("s.v", shape.api_keys.max(1)),
            shape.slot("s.v", of)
        );
        let from = match (self.client, &*conn) {
            (Some(id), _) => format!("{rows} CROSS JOIN (SELECT {id} AS client_id) AS c"),
            (None, DbConnection::Sqlite(_)) => format!("{rows} CROSS JOIN bench_slots AS c WHERE c.slot = {slot}"),
            (None, DbConnection::Postgres(_)) => format!("{rows} JOIN bench_slots AS c ON c.slot = {slot}"),
        };
        let either = |key: String, token: String| format!("CASE WHEN s.k = 1 THEN {key} ELSE {token} END");
        run(
            conn,
            &format!(
                "INSERT INTO access_tokens (id, client_id, employee_id, refresh_token_id, hash, prefix, scope, label,
                     generation, created_at, last_used_at, expires_at)
                 SELECT {first} + s.i, c.client_id, {}, {}, {}, {}, {}, {}, {}, {}, {}, {} FROM {from}",
                either(shape.employee("s.v", shape.api_keys), shape.employee("s.v", of)),
                either("NULL".into(), format!("{grants} + {}", shape.place("s.v"))),
                hash(conn, &format!("'access ' || {first} || ' ' || s.i")),
                prefix(conn),
                scope("s.v"),
                either("'Key ' || s.j".into(), "''".into()),
                either("0".into(), generation("s.v")),
                shape.issued("s.j"),
                shape.last_used("s.j", &shape.issued("s.j")),
                either(shape.key_expires("s.j"), shape.access_expires("s.j")),
            ),
        );
    }

    // Foreign keys are not checked row by row: grants have consecutive ids, and every token's is one of them; the clients of
    // a sample agree.
    fn check(&self, conn: &mut DbConnection, (grants, tokens): (i64, i64)) {
        let shape = &self.shape;
        let last = grants + shape.all_grants() - 1;
        let made =
            number(conn, &format!("SELECT COUNT(*) AS n FROM refresh_tokens WHERE id BETWEEN {grants} AND {last}"));
        assert_eq!(made, shape.all_grants(), "every row found its client");
        for (table, from) in [("access_tokens", tokens), ("ended_tokens", tokens)] {
            let outside = format!("NOT (refresh_token_id BETWEEN {grants} AND {last})");
            let sql = format!("SELECT COUNT(*) AS n FROM {table} WHERE id >= {from} AND {outside}");
            assert_eq!(number(conn, &sql), 0, "tokens of {table} belong to a grant");
        }
        let made = number(conn, &format!("SELECT COUNT(*) AS n FROM access_tokens WHERE id >= {tokens}"));
        let expected = shape.access_tokens + shape.api_keys + if shape.kind == Kind::JobOff { shape.ended } else { 0 };
        assert_eq!(made, expected, "every token found its client");
        let sample = format!("id >= {tokens} AND id < {tokens} + 10000 AND refresh_token_id IS NOT NULL");
        let all = number(conn, &format!("SELECT COUNT(*) AS n FROM access_tokens WHERE {sample}"));
        let agreeing = format!(
            "SELECT COUNT(*) AS n FROM (SELECT * FROM access_tokens WHERE {sample}) AS a JOIN refresh_tokens AS r
             ON r.id = a.refresh_token_id AND r.client_id = a.client_id AND r.employee_id = a.employee_id"
        );
        assert_eq!(number(conn, &agreeing), all, "a token has the client and the employee of its grant");
    }
}

// Grants of an hourly client from before values had a part in common: each has a row for every refresh.
fn add_history(conn: &mut DbConnection, client: i64, now: i64) {
    let shape = Shape { access_tokens: HISTORY_GRANTS, ..Shape::valid(2 * HISTORY_GRANTS, now) };
    let first = next_id(conn, "refresh_tokens");
    let block = Block { shape, client: Some(client) };
    let tokens = next_id(conn, "access_tokens");
    block.insert_grants(conn, first);
    block.insert_tokens(conn, first, tokens);
    block.check(conn, (first, tokens));
    let ended = format!("{first} + {HISTORY_GRANTS}");
    run(
        conn,
        &format!(
            "UPDATE refresh_tokens SET grant_hash = NULL, generation = {HISTORY_VALUES} WHERE id >= {first} AND id < {ended}"
        ),
    );
    let (series, hash) = (series(conn, HISTORY_GRANTS * HISTORY_VALUES), hash(conn, "'history ' || i"));
    run(
        conn,
        &format!(
            "INSERT INTO refresh_token_values (refresh_token_id, hash, generation, created_at, expires_at, earlier_format)
             SELECT {first} + i % {HISTORY_GRANTS}, {hash}, 1 + i / {HISTORY_GRANTS}, {now} - 3600, {now} + 5184000, TRUE
             FROM {series}"
        ),
    );
}

/// A table of so many rows, with a column `i` from zero.
pub fn series(conn: &DbConnection, count: i64) -> String {
    match conn {
        // Without rows, not even the first one.
        DbConnection::Sqlite(_) => format!(
            "(WITH RECURSIVE numbers(i) AS (SELECT 0 WHERE {count} > 0 UNION ALL SELECT i + 1 FROM numbers \
             WHERE i + 1 < {count}) SELECT i FROM numbers) AS series"
        ),
        DbConnection::Postgres(_) => {
            format!("generate_series(CAST(0 AS BIGINT), CAST({count} AS BIGINT) - 1) AS series(i)")
        }
    }
}

/// Another hash for each row; on PostgreSQL, of this text.
pub fn hash(conn: &DbConnection, text: &str) -> String {
    match conn {
        DbConnection::Sqlite(_) => "randomblob(32)".into(),
        DbConnection::Postgres(_) => format!("sha256(CAST({text} AS BYTEA))"),
    }
}

// Seven characters; one expression per character, so that each is drawn for each row.
fn prefix(conn: &DbConnection) -> String {
    let draw = match conn {
        DbConnection::Sqlite(_) => "1 + abs(random() % 62)",
        DbConnection::Postgres(_) => "1 + CAST(floor(random() * 62) AS INTEGER)",
    };
    let character = format!("substr('{ALPHABET}', {draw}, 1)");
    [character.as_str(); 7].join(" || ")
}

fn scope(n: &str) -> String {
    format!(
        "CASE ({n}) % 3 WHEN 0 THEN 'employee:inventory' WHEN 1 THEN 'employee:inventory employee:register_read' \
         ELSE 'employee:all' END"
    )
}

// Every other grant has been refreshed.
fn generation(n: &str) -> String {
    format!("CASE WHEN ({n}) % 2 = 0 THEN 2 + ({n}) % 500 ELSE 1 END")
}
