//! OAuth endpoints under load, on a million tokens or on other numbers of them: verify, introspect, refresh with rotation,
//! code exchange.
//!
//! ```text
//! cargo bench --bench tokens                                            on SQLite
//! scripts/postgres --durable run -- cargo bench --bench tokens          on SQLite and on PostgreSQL
//! cargo bench --bench tokens -- --sizes 10k,1M,10M                      whether endpoints get slower with more data
//! cargo bench --bench tokens -- --sealed 1M,4M                          refreshes behind a long activity log
//! cargo bench --bench tokens -- --help                                  smaller, shorter, one of the two
//! ```
//!
//! The data and the processes are those of `pages`. Two bare servers stand beside: one answers "hello", one looks a single
//! row up by its hash in the same database, in the two ways there are: in the thread that serves the request, and handed
//! to another. All of them share the machine's processors with the load, so compare figures only within a run. `!`
//! marks a missed goal; the benchmark does not fail for it.

#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on has nobody else to tell")]
#![allow(dead_code, reason = "the other benchmarks use the rest of what they share")]

mod support {
    pub mod bulk;
    pub mod facts;
    pub mod http;
    pub mod indexes;
    pub mod load;
    pub mod process;
    pub mod program;
    pub mod ratios;
    pub mod shape;
    pub mod table;
    pub mod world;
    pub mod worlds;
}

use std::time::Duration;

use clap::Parser;
use support::facts::number;
use support::load::{Figures, drive};
use support::process::{HELLO, LOOKUP, Server, serve_hello, serve_lookup};
use support::program::{self, Prepared, cycle};
use support::ratios;
use support::table::{Table, against, micros, ms};
use support::world::{World, seconds};
use support::worlds::{Worlds, size};

const CONNECTIONS: [usize; 3] = [1, 8, 64];
/// Of the bare lookup's rate.
const VERIFY_SHARE: f64 = 0.95;
const INTROSPECT_SHARE: f64 = 0.8;
const REFRESHES_ON_POSTGRES: f64 = 1_500.0;
const REFRESH_CPU: Duration = Duration::from_micros(250);
const REFRESH_P99: [(usize, Duration); 2] = [(8, Duration::from_millis(25)), (64, Duration::from_millis(100))];
/// How many connections refresh while access tokens expire, or behind a long activity log.
const BUSY: usize = 8;

/// Loads the endpoints on a million tokens and prints what it took.
#[derive(Parser)]
#[command(name = "cargo bench --bench tokens --")]
struct Arguments {
    #[command(flatten)]
    worlds: Worlds,
    /// Seconds of load per endpoint and number of connections
    #[arg(long, env = "BENCH_SECONDS", default_value_t = 3.0)]
    seconds: f64,
    /// Numbers of sealed activity entries behind which to refresh, such as 1M,4M
    #[arg(long, value_delimiter = ',', value_parser = size)]
    sealed: Vec<i64>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(HELLO) => return serve_hello(&arguments[1]),
        Some(LOOKUP) => return serve_lookup(&arguments[1]),
        _ => {}
    }
    let arguments = Arguments::parse();
    let compare = |sizes: &[(String, ratios::Measured)]| ratios::print("endpoint, connections", sizes);
    arguments.worlds.each(|world| measure(world, &arguments), compare);
}

// One row of the table.
struct Row {
    name: &'static str,
    connections: usize,
    figures: Figures,
    // Its rate as a share of the bare lookup's on as many connections, and the goal.
    share: Option<(f64, f64)>,
    // Goals of their own: rate, p99, processor time.
    rate: f64,
    p99: Duration,
    cpu: Duration,
}

impl Row {
    fn new(name: &'static str, connections: usize, figures: Figures) -> Row {
        Row { name, connections, figures, share: None, rate: 0.0, p99: Duration::MAX, cpu: Duration::MAX }
    }
}

fn measure(world: &World, arguments: &Arguments) -> ratios::Measured {
    let prepared = program::prepare(&mut world.connect());
    let time = Duration::from_secs_f64(arguments.seconds);
    let mut rows = bare(world, &prepared, time);
    let lookups: Vec<(usize, f64)> =
        rows.iter().filter(|row| row.name != "a bare hello").map(|row| (row.connections, row.figures.rate)).collect();
    let server = Server::start(&world.folder, world.url.as_deref(), &[]);
    let (started, _) = server.memory();
    let verify = prepared.requests(|token| program::verify(server.address, token));
    let basic = prepared.requests(|token| program::introspect(server.address, &prepared, token));
    let body = prepared.requests(|token| program::introspect_with_body(server.address, &prepared, token));
    let lookup_goals = [
        ("verify", verify, VERIFY_SHARE),
        ("introspect, Basic", basic, INTROSPECT_SHARE),
        ("introspect, body", body, INTROSPECT_SHARE),
    ];
    for (name, requests, goal) in lookup_goals {
        for connections in CONNECTIONS {
            let figures = drive(&server, connections, time, |n| cycle(&requests, n));
            // The better of the two ways.
            let bare = lookups.iter().filter(|(n, _)| *n == connections).map(|(_, rate)| *rate).fold(0.0, f64::max);
            let share = Some((figures.rate / bare.max(1.0), goal));
            rows.push(Row { share, ..Row::new(name, connections, figures) });
        }
    }
    for connections in CONNECTIONS {
        let figures = refresh(world, &server, &prepared, connections, time);
        let p99 = REFRESH_P99.iter().find(|(n, _)| *n == connections).map_or(Duration::MAX, |(_, goal)| *goal);
        let rate = if world.url.is_some() && connections > 1 { REFRESHES_ON_POSTGRES } else { 0.0 };
        rows.push(Row { rate, p99, cpu: REFRESH_CPU, ..Row::new("refresh with rotation", connections, figures) });
    }
    for connections in CONNECTIONS {
        // Codes live for a minute: as many as could be redeemed in the time, made just before.
        let each = (4_000.0 * arguments.seconds) as usize / connections;
        let codes = program::codes(&mut world.connect(), &prepared, connections, each);
        let figures =
            drive(&server, connections, time, |n| program::exchanger(&prepared, server.address, codes[n].clone()));
        rows.push(Row::new("code exchange", connections, figures));
    }
    print(&rows);
    let (now, most) = server.memory();
    println!("Server memory: {started:.0} MB after its start, {now:.0} MB now, {most:.0} MB at most.\n");
    while_tokens_expire(world, &server, &prepared, 3 * time);
    drop(server);
    if !arguments.sealed.is_empty() {
        behind_sealed_entries(world, &prepared, &arguments.sealed, 3 * time);
    }
    rows.iter().map(|row| (format!("{}, {}", row.name, row.connections), row.figures.p50)).collect()
}

fn bare(world: &World, prepared: &Prepared, time: Duration) -> Vec<Row> {
    let (hello, lookup) = (Server::hello(), Server::lookup(&world.folder, world.url.as_deref()));
    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        let greet = vec![program::get(hello.address, "/", "")];
        let figures = drive(&hello, connections, time, |_| cycle(&greet, 0));
        rows.push(Row::new("a bare hello", connections, figures));
        // The same rows that the endpoints are asked about.
        for (name, path) in [("a bare lookup, same thread", "here"), ("a bare lookup, another thread", "there")] {
            let requests = prepared.requests(|token| program::get(lookup.address, &format!("/{path}/{token}"), ""));
            let figures = drive(&lookup, connections, time, |n| cycle(&requests, n));
            rows.push(Row::new(name, connections, figures));
        }
    }
    rows
}

fn refresh(world: &World, server: &Server, prepared: &Prepared, connections: usize, time: Duration) -> Figures {
    let grants = program::grants(&mut world.connect(), prepared, connections);
    drive(server, connections, time, |n| program::refresher(prepared, server.address, &grants[n]))
}

// As many access tokens expire as are issued: the job that moves them writes as many rows as the refreshes do.
fn while_tokens_expire(world: &World, server: &Server, prepared: &Prepared, time: Duration) {
    // The same length, and the same number of connections.
    let without = refresh(world, server, prepared, BUSY, time);
    let (rate, length) = (without.rate.ceil() as i64, time.as_secs() as i64 + 1);
    let begin = seconds() + 5;
    let mut conn = world.connect();
    let first = program::expiring(&mut conn, rate.max(1), begin, length);
    let prepared_rows = format!(
        "SELECT COUNT(*) AS n FROM access_tokens WHERE id BETWEEN {first} AND {first} + {} - 1 AND expires_at < {}",
        rate * length,
        begin + length
    );
    let all = number(&mut conn, &prepared_rows);
    while seconds() < begin {
        std::thread::sleep(Duration::from_millis(20));
    }
    let with = refresh(world, server, prepared, BUSY, time);
    let left = number(&mut conn, &prepared_rows);
    let mut table =
        Table::new(&["refresh with rotation, 8 connections", "requests/s", "p50 ms", "p99 ms", "CPU µs", "wrong"]);
    for (name, figures) in [("nothing expires", &without), ("as many access tokens expire", &with)] {
        table.row(vec![
            name.into(),
            format!("{:.0}", figures.rate),
            ms(figures.p50),
            ms(figures.p99),
            figures.cpu.as_micros().to_string(),
            figures.failures(),
        ]);
    }
    table.print();
    println!(
        "{rate} access tokens expired a second; {} of {all} had been moved when the refreshes stopped. The rate was {:.0} % of \
         the rate without.\n",
        all - left,
        100.0 * with.rate / without.rate.max(1.0)
    );
}

// Entries are sealed in the background while others refresh and codes are exchanged, which adds entries.
fn behind_sealed_entries(world: &World, prepared: &Prepared, sizes: &[i64], time: Duration) {
    let mut table = Table::new(&["sealed activity entries", "refreshes/s", "p50 ms", "p99 ms", "wrong"]);
    for entries in [0].iter().chain(sizes) {
        let mut conn = world.connect();
        if *entries > 0 {
            support::bulk::add_sealed(&mut conn, *entries, seconds());
        }
        let sealed = number(&mut conn, "SELECT COUNT(*) AS n FROM activity_seals");
        drop(conn);
        let server = Server::start(&world.folder, world.url.as_deref(), &[]);
        let codes = program::codes(&mut world.connect(), prepared, 1, (1_000.0 * time.as_secs_f64()) as usize);
        let figures = std::thread::scope(|scope| {
            scope.spawn(|| drive(&server, 1, time, |n| program::exchanger(prepared, server.address, codes[n].clone())));
            refresh(world, &server, prepared, BUSY, time)
        });
        let (_, goal) = REFRESH_P99[0];
        table.row(vec![
            sealed.to_string(),
            format!("{:.0}", figures.rate),
            ms(figures.p50),
            against(figures.p99, goal),
            figures.failures(),
        ]);
    }
    println!("Eight connections refresh and one exchanges codes, for {} s each.\n", time.as_secs());
    table.print();
}

fn print(rows: &[Row]) {
    let headings =
        ["", "connections", "requests/s", "of the bare lookup", "p50 ms", "p99 ms", "server CPU µs", "wrong"];
    let mut table = Table::new(&headings);
    for row in rows {
        let figures = &row.figures;
        let missed = |missed: bool| if missed { "! " } else { "" };
        let share = row.share.map(|(share, goal)| format!("{}{:.0} %", missed(share < goal), 100.0 * share));
        table.row(vec![
            row.name.into(),
            row.connections.to_string(),
            format!("{}{:.0}", missed(figures.rate < row.rate), figures.rate),
            share.unwrap_or_default(),
            ms(figures.p50),
            against(figures.p99, row.p99),
            micros(figures.cpu, row.cpu),
            format!("{}{}", missed(figures.wrong + figures.closed > 0), figures.failures()),
        ]);
    }
    table.print();
}
