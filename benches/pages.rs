//! Pages under load, and revocations of every size, on a million tokens or on other numbers of them:
//!
//! ```text
//! cargo bench --bench pages                                            on SQLite
//! scripts/postgres --durable run -- cargo bench --bench pages          on SQLite and on PostgreSQL
//! cargo bench --bench pages -- --sizes 10k,1M,10M                      whether pages get slower with more data
//! cargo bench --bench pages -- --world skewed                          rows distributed so that a query may be slow
//! cargo bench --bench pages -- --help                                  smaller, shorter, one of the two
//! ```
//!
//! The program's own `demo` makes a shop with 500 clients; `support/bulk.rs` adds the tokens, half of them to one client. The
//! server runs as it is shipped, in its own process; this process sends requests over loopback, first on one keep-alive
//! connection, then on sixteen, each sending the next request as soon as it has a response. A bare "hello" from the same
//! web server in a third process shows what the machine can do. All of them share its processors, so compare figures only
//! within a run. `!` marks a missed goal; the benchmark does not fail for it. A wrong answer or a closed connection is
//! counted and printed.

#![allow(dead_code, reason = "the other benchmarks use the rest of what they share")]
#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on has nobody else to tell")]

mod support {
    pub mod beside;
    pub mod bulk;
    pub mod cases;
    pub mod facts;
    pub mod http;
    pub mod indexes;
    pub mod load;
    pub mod process;
    pub mod program;
    pub mod ratios;
    pub mod revokes;
    pub mod shape;
    pub mod table;
    pub mod world;
    pub mod worlds;
}

use std::time::Duration;

use clap::Parser;
use support::cases;
use support::facts::Facts;
use support::http::Visitor;
use support::load::{Case, Figures, run};
use support::process::{HELLO, Server, serve_hello};
use support::ratios;
use support::table::{Table, against, micros, ms};
use support::world::World;
use support::worlds::Worlds;
use support::{beside, program, revokes};

const ALONE: Duration = Duration::from_millis(5);
const CROWDED: Duration = Duration::from_millis(50);
const CLIENT_PAGE_CPU: Duration = Duration::from_millis(1);
const CROWD: usize = 16;

/// Loads the pages on a million tokens and prints what it took.
#[derive(Parser)]
#[command(name = "cargo bench --bench pages --")]
struct Arguments {
    #[command(flatten)]
    worlds: Worlds,
    /// Seconds of load per page, with one connection and again with sixteen
    #[arg(long, env = "BENCH_SECONDS", default_value_t = 2.0)]
    seconds: f64,
    /// Only pages whose name contains this text; can be repeated; skips revocations
    #[arg(long, value_name = "TEXT")]
    page: Vec<String>,
    /// Skip the revocations
    #[arg(long)]
    no_revokes: bool,
    /// Skip the pages
    #[arg(long)]
    no_pages: bool,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(HELLO) {
        return serve_hello(&arguments.next().unwrap_or_default());
    }
    let arguments = Arguments::parse();
    let compare = |sizes: &[(String, ratios::Measured)]| ratios::print("page", sizes);
    arguments.worlds.each(|world| measure(world, &arguments), compare);
}

// Returns the time of each page with one visitor.
fn measure(world: &World, arguments: &Arguments) -> ratios::Measured {
    let mut conn = world.connect();
    let facts = Facts::of(&mut conn);
    let prepared = program::prepare(&mut conn);
    let [beside_grants, revoke_grants] =
        [beside::GRANTS, revokes::REFRESHERS].map(|n| program::grants(&mut conn, &prepared, n));
    drop(conn);
    let server = Server::start(&world.folder, world.url.as_deref(), &[]);
    let mut memory = Table::new(&["server memory", "MB now", "MB at most"]);
    let mut remember = |phase: &str| {
        let (now, most) = server.memory();
        let goal = if most > 100.0 { "! " } else { "" };
        memory.row(vec![phase.into(), format!("{now:.0}"), format!("{goal}{most:.0}")]);
    };
    remember("after its start");
    let visitor = Visitor::sign_in(server.address, &world.email, &world.password);
    // The numbers on the client list are counted in the background; that is not what is measured here.
    std::thread::sleep(Duration::from_secs(8));
    println!(
        "The big client, {}, has {} refresh tokens and {} access tokens and API keys; the small one has {} and {}. Goals: \
         p50 within {} ms alone, p99 within {} ms among {CROWD}, a client's page within {} ms of the server's processor.\n",
        facts.big.name,
        facts.big.refresh_tokens,
        facts.big.tokens,
        facts.small.refresh_tokens,
        facts.small.tokens,
        ms(ALONE),
        ms(CROWDED),
        ms(CLIENT_PAGE_CPU),
    );
    let time = Duration::from_secs_f64(arguments.seconds);
    let mut table = Table::new(&[
        "page",
        "alone: p50 ms",
        "p99 ms",
        "req/s",
        "sixteen: p50 ms",
        "p99 ms",
        "req/s",
        "CPU µs",
        "bytes",
        "wrong",
    ]);
    {
        let hello = Server::hello();
        let nobody = Visitor::stranger(hello.address);
        row(&mut table, &hello, &Case::get("a bare hello", &nobody, "/"), time);
    }
    let cases = cases::all(&visitor, &facts);
    let wanted = |case: &&Case| {
        let named = arguments.page.iter().any(|part| case.name.contains(part.as_str()));
        !arguments.no_pages && (named || arguments.page.is_empty())
    };
    let wanted: Vec<&Case> = cases.iter().filter(wanted).collect();
    let measured: ratios::Measured =
        wanted.iter().map(|case| (case.name.clone(), row(&mut table, &server, case, time))).collect();
    table.print();
    remember("after the pages");
    let slowest = measured.iter().zip(&wanted).filter(|((name, _), _)| cases::is_filter(name));
    if let Some((_, case)) = slowest.max_by_key(|((_, p50), _)| *p50) {
        beside::measure(&server, &visitor, (&prepared, &beside_grants), case, 2 * time);
        remember("after the slowest filter");
    }
    if arguments.page.is_empty() && !arguments.no_revokes {
        println!(
            "Goals: access has ended within 10 ms, no other writer waits longer than 150 ms, and the big client's rows are \
             gone within 60 s. Beside it, one visitor revokes single tokens and another reads the client list.\n"
        );
        revokes::measure(world, &visitor, &facts, (&prepared, &revoke_grants));
        remember("after the revokes");
    }
    memory.print();
    measured
}

fn row(table: &mut Table, server: &Server, case: &Case, time: Duration) -> Duration {
    let [alone, crowd] = [1, CROWD].map(|connections| run(server, case, connections, time));
    let rate = |figures: &Figures| format!("{:.0}", figures.rate);
    let cpu_goal = if case.name.contains(" client, first page") || case.name == "small client" {
        CLIENT_PAGE_CPU
    } else {
        Duration::MAX
    };
    let mark = if alone.wrong + alone.closed + crowd.wrong + crowd.closed > 0 { "! " } else { "" };
    let failed = Figures { wrong: alone.wrong + crowd.wrong, closed: alone.closed + crowd.closed, ..alone.clone() };
    table.row(vec![
        case.name.clone(),
        against(alone.p50, ALONE),
        ms(alone.p99),
        rate(&alone),
        ms(crowd.p50),
        against(crowd.p99, CROWDED),
        rate(&crowd),
        micros(crowd.cpu, cpu_goal),
        crowd.bytes.to_string(),
        format!("{mark}{}", failed.failures()),
    ]);
    alone.p50
}
