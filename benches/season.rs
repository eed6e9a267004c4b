//! A busy season in simulated time: grants that are refreshed every hour for sixty days, with the background jobs running,
//! and the size of the database along the way.
//!
//! ```text
//! cargo bench --bench season                                            on SQLite
//! scripts/postgres --durable run -- cargo bench --bench season          on SQLite and on PostgreSQL
//! cargo bench --bench season -- --help                                  more grants, fewer days
//! ```
//!
//! The services are called in this process, with a clock that is moved from one batch of refreshes to the next; the jobs
//! run four times in each simulated hour. A hundred thousand grants would be 144 million refreshes, which take days, so the
//! default is a hundredth of them: rows and bytes per grant do not depend on how many grants there are. What is not
//! simulated: gaps that real traffic leaves in pages, and a real day's vacuum on PostgreSQL, which has minutes here.

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
    pub mod shape;
    pub mod sizes;
    pub mod table;
    pub mod world;
}

use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use client_api_access::app::App;
use client_api_access::config::{Config, Settings};
use client_api_access::jobs;
use client_api_access::secrets::MasterKey;
use client_api_access::time::{Clock, DAY, HOUR, Timestamp};
use client_api_access::web::state::State;
use support::process::SECRET_KEY;
use support::program;
use support::sizes::{Sizes, print_tables};
use support::table::Table;
use support::world::{World, seconds};

const BATCH: usize = 250;
const JOBS_PER_HOUR: usize = 4;
const REPORTS: i64 = 12;
/// How many grants the result is compared with.
const FULL: i64 = 100_000;
/// Once the oldest expired tokens are deleted, the database may not grow by more than this.
const GROWTH: f64 = 1.1;

/// Refreshes grants every hour for many simulated days and prints the size of the database.
#[derive(Parser)]
#[command(name = "cargo bench --bench season --")]
struct Arguments {
    /// Number of grants that are refreshed every hour
    #[arg(long, default_value_t = 1_000)]
    grants: usize,
    /// Number of simulated days
    #[arg(long, default_value_t = 60)]
    days: i64,
    /// Number of days for which expired tokens are kept; by default the server's default
    #[arg(long)]
    keep_expired_days: Option<i64>,
    /// Skip SQLite, and measure on PostgreSQL only
    #[arg(long)]
    postgres_only: bool,
    /// PostgreSQL server to create and drop a database on; without it, SQLite only
    #[arg(long, env = "BENCH_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    // Cargo says that this is a benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

// The server's own settings, with their defaults.
#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    settings: Settings,
}

fn main() {
    let arguments = Arguments::parse();
    let postgres = arguments.database_url.clone().or_else(|| std::env::var("TEST_DATABASE_URL").ok());
    if !arguments.postgres_only {
        println!("# SQLite\n");
        run(&World::empty(None), &arguments);
    }
    match postgres {
        Some(url) => {
            println!("# PostgreSQL\n");
            run(&World::empty(Some(&url)), &arguments);
        }
        None => println!("PostgreSQL was left out: set BENCH_DATABASE_URL, or use scripts/postgres --durable run."),
    }
}

fn config(world: &World, arguments: &Arguments) -> Config {
    let folder = world.folder.display().to_string();
    let mut words = vec!["season".to_string(), "--data-dir".into(), folder, "--log-level".into(), "error".into()];
    for (flag, value) in [
        ("--database-url", world.url.clone()),
        ("--keep-expired-days", arguments.keep_expired_days.map(|days| days.to_string())),
    ] {
        words.extend(value.into_iter().flat_map(|value| [flag.to_string(), value]));
    }
    Config::from_settings(&Defaults::parse_from(words).settings)
        .unwrap_or_else(|errors| panic!("{}", errors.join("\n")))
}

fn run(world: &World, arguments: &Arguments) {
    actix_web::rt::System::new().block_on(async {
        let start = Timestamp(seconds());
        let master = MasterKey::from_text(SECRET_KEY).expect("a key");
        let app =
            App::open(config(world, arguments), &master, Clock::fixed(start)).await.expect("the application opens");
        season(world, app.state.clone(), arguments).await;
    });
}

async fn season(world: &World, state: Arc<State>, arguments: &Arguments) {
    let mut conn = world.connect();
    let prepared = program::prepare_with(&mut conn, 1);
    let empty = Sizes::of(world, &mut conn).total();
    let mut values = program::grants_at(&mut conn, &prepared, arguments.grants, state.clock.now());
    let keep = state.config.keep_expired_days;
    println!(
        "{} grants, refreshed every hour for {} days; expired tokens are kept for {keep} days.\n",
        arguments.grants, arguments.days
    );
    let columns = Sizes::columns();
    let headings = ["day", "refreshes", "real s"].into_iter().chain(columns.iter().map(String::as_str));
    let mut table = Table::new(&headings.collect::<Vec<_>>());
    let (begun, mut refreshes, mut settled) = (Instant::now(), 0, None);
    let mut last = Sizes::of(world, &mut conn);
    for day in 1..=arguments.days {
        for _ in 0..24 {
            hour(&state, &prepared, &mut values).await;
            refreshes += arguments.grants;
        }
        last = Sizes::of(world, &mut conn);
        // Two days later, because the jobs that delete work through what has expired in turns.
        if day == keep + 2 && day < arguments.days {
            settled = Some(last.total());
        }
        if day % (arguments.days / REPORTS).max(1) == 0 || day == arguments.days {
            let own = [day.to_string(), refreshes.to_string(), begun.elapsed().as_secs().to_string()];
            table.row(own.into_iter().chain(last.cells()).collect());
        }
    }
    table.print();
    print_tables(world, &mut conn);
    conclude(&last, (empty, settled), arguments, keep);
}

fn conclude(last: &Sizes, (empty, settled): (i64, Option<i64>), arguments: &Arguments, keep: i64) {
    match settled {
        Some(settled) => {
            let growth = last.total() as f64 / settled.max(1) as f64;
            let mark = if growth > GROWTH { "! " } else { "" };
            println!("{mark}At the end it was {growth:.2} times as large as on day {} (goal {GROWTH}).", keep + 2);
        }
        None => println!("Too few days to see whether it stays as large: expired tokens are kept for {keep}."),
    }
    let times = FULL as f64 / arguments.grants as f64;
    println!(
        "{FULL} grants have {times:.0} times as many rows, about {:.1} GB. This is computed, not measured.\n",
        (empty as f64 + (last.total() - empty) as f64 * times) / 1e9
    );
}

// Refreshes every grant once, evenly over an hour.
async fn hour(state: &State, prepared: &program::Prepared, values: &mut [String]) {
    let (client, count) = (prepared.client, values.len());
    let begin = state.clock.now();
    let quarter = count.div_ceil(JOBS_PER_HOUR).max(1);
    let mut done = 0;
    for part in values.chunks_mut(quarter) {
        for batch in part.chunks_mut(BATCH) {
            done += batch.len();
            let due = begin.plus(HOUR * done as i64 / count as i64);
            state.clock.advance(due.since(state.clock.now()));
            let (now, sent) = (state.clock.now(), batch.to_vec());
            let next =
                state.db.with_long_timeout().write(move |conn| program::refresh_all(conn, client, &sent, now)).await;
            batch.clone_from_slice(&next.expect("the grants are refreshed"));
        }
        jobs::run_once(state).await.expect("the jobs run");
    }
    debug_assert!(state.clock.now().since(begin) <= DAY, "an hour has passed");
}
