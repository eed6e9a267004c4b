//! OAuth endpoints under load, on a million tokens: verify, introspect, refresh with rotation, code exchange.
//!
//! ```text
//! cargo bench --bench tokens                                            on SQLite
//! scripts/postgres --durable run -- cargo bench --bench tokens          on SQLite and on PostgreSQL
//! cargo bench --bench tokens -- --help                                  smaller, shorter, one of the two
//! ```
//!
//! The data and the processes are those of `pages`. Two bare servers stand beside: one answers "hello", one looks a single
//! row up by its hash in the same database, in the two ways there are: in the thread that serves the request, and handed
//! to another. All of them share the machine's processors with the load, so compare figures only within a run. `!`
//! marks a missed goal; the benchmark does not fail for it.

#![expect(clippy::expect_used, reason = "a benchmark that cannot go on has nobody else to tell")]
#![allow(dead_code, reason = "the other benchmark uses the rest of what they share")]

mod support {
    pub mod http;
    pub mod load;
    pub mod process;
    pub mod program;
    pub mod table;
    pub mod world;
    pub mod worlds;
}

use std::time::Duration;

use clap::Parser;
use support::http::Connection;
use support::load::{Figures, drive};
use support::process::{HELLO, LOOKUP, Server, serve_hello, serve_lookup};
use support::program;
use support::table::{Table, ms};
use support::world::World;
use support::worlds::Worlds;

const CONNECTIONS: [usize; 3] = [1, 8, 32];
const REFRESH_CONNECTIONS: [usize; 4] = [1, 8, 32, 64];
/// Of the bare lookup's rate.
const SHARE: f64 = 0.8;
const REFRESHES: f64 = 2_500.0;
const REFRESH_P99: Duration = Duration::from_millis(100);

/// Loads the endpoints on a million tokens and prints what it took.
#[derive(Parser)]
#[command(name = "cargo bench --bench tokens --")]
struct Arguments {
    #[command(flatten)]
    worlds: Worlds,
    /// Seconds of load per endpoint and number of connections
    #[arg(long, env = "BENCH_SECONDS", default_value_t = 3.0)]
    seconds: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(HELLO) => return serve_hello(&arguments[1]),
        Some(LOOKUP) => return serve_lookup(&arguments[1]),
        _ => {}
    }
    let arguments = Arguments::parse();
    arguments.worlds.each(|world| world, |world| measure(world, &arguments));
}

// One row of the table, and what its goal is compared with.
struct Row {
    name: String,
    connections: usize,
    figures: Figures,
    mark: &'static str,
}

fn measure(world: &World, arguments: &Arguments) {
    let prepared = program::prepare(&mut world.connect());
    let time = Duration::from_secs_f64(arguments.seconds);
    let mut rows = Vec::new();
    let mut bare = Vec::new();
    {
        let (hello, lookup) = (Server::hello(), Server::lookup(&world.folder, world.url.as_deref()));
        for connections in CONNECTIONS {
            let greet = vec![program::get(hello.address, "/", "")];
            rows.push(Row::new(
                "a bare hello",
                connections,
                drive(&hello, connections, time, |_| cycle(&greet, 0)),
                "",
            ));
            // The same rows that the endpoints below are asked about.
            for (name, path) in [("a bare lookup, same thread", "here"), ("a bare lookup, another thread", "there")] {
                let requests = prepared.requests(|token| program::get(lookup.address, &format!("/{path}/{token}"), ""));
                let figures = drive(&lookup, connections, time, |n| cycle(&requests, n));
                bare.push((connections, figures.rate));
                rows.push(Row::new(name, connections, figures, ""));
            }
        }
    }
    let server = Server::start(&world.folder, world.url.as_deref());
    let (started, _) = server.memory();
    let verify = prepared.requests(|token| program::verify(server.address, token));
    let introspect = prepared.requests(|token| program::introspect(server.address, &prepared, token));
    for (name, requests) in [("verify", verify), ("introspect", introspect)] {
        for connections in CONNECTIONS {
            let figures = drive(&server, connections, time, |n| cycle(&requests, n));
            // The better of the two ways.
            let bare = bare.iter().filter(|(n, _)| *n == connections).map(|(_, rate)| *rate).fold(0.0, f64::max);
            let mark = if figures.rate < SHARE * bare { "!" } else { "" };
            rows.push(Row::new(name, connections, figures, mark));
        }
    }
    for connections in REFRESH_CONNECTIONS {
        let grants = program::grants(&mut world.connect(), &prepared, connections);
        let figures = drive(&server, connections, time, |n| program::refresher(&prepared, server.address, &grants[n]));
        let missed = connections == 64 && (figures.rate < REFRESHES || figures.p99 > REFRESH_P99);
        rows.push(Row::new("refresh with rotation", connections, figures, if missed { "!" } else { "" }));
    }
    for connections in CONNECTIONS {
        // Codes live for a minute: as many as could be redeemed in the time, made just before.
        let each = (4_000.0 * arguments.seconds) as usize / connections;
        let codes = program::codes(&mut world.connect(), &prepared, connections, each);
        let figures =
            drive(&server, connections, time, |n| program::exchanger(&prepared, server.address, codes[n].clone()));
        rows.push(Row::new("code exchange", connections, figures, ""));
    }
    print(&rows, &server, started);
}

fn print(rows: &[Row], server: &Server, started: f64) {
    let mut table = Table::new(&["", "connections", "requests/s", "p50 ms", "p99 ms", "server CPU µs", "refused"]);
    for row in rows {
        let figures = &row.figures;
        table.row(vec![
            row.name.clone(),
            row.connections.to_string(),
            format!("{} {:.0}", row.mark, figures.rate).trim().to_string(),
            ms(figures.p50),
            ms(figures.p99),
            format!("{:.0}", figures.cpu.as_secs_f64() * 1e6),
            figures.wrong.to_string(),
        ]);
    }
    table.print();
    let (now, most) = server.memory();
    println!("Server memory: {started:.0} MB after its start, {now:.0} MB now, {most:.0} MB at most.\n");
}

impl Row {
    fn new(name: &str, connections: usize, figures: Figures, mark: &'static str) -> Row {
        Row { name: name.into(), connections, figures, mark }
    }
}

// Each connection goes round the same requests, from another one on.
fn cycle(requests: &[Vec<u8>], n: usize) -> impl FnMut(&mut Connection) -> Option<bool> {
    let mut next = n * 37;
    move |connection| {
        next = (next + 1) % requests.len();
        let answer = connection.send(&requests[next]).expect("an answer");
        Some(matches!(answer.status, 200 | 204))
    }
}
