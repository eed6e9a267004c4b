//! The soak test of connections: a thousand connections with short-lived tokens, three nodes on one PostgreSQL, one node
//! killed every few seconds, and programs that call through the connections. `scripts/soak` runs it.
//!
//! It prints the state of the connections, the requests to the provider, and the responses to the callers.

#![expect(clippy::expect_used, reason = "a benchmark that cannot go on has nobody else to tell")]

mod calls;
mod nodes;
mod provider;
mod verdict;

use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};

use calls::Callers;
use nodes::Nodes;
use provider::Provider;

/// What the connections lead to.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Kind {
    /// This program's authorization server, which accepts a refresh token again like R-Series
    Own,
    /// oidc-provider, which revokes the grant on refresh token reuse
    Rotating,
}

/// What to run.
#[derive(Parser, Debug)]
pub struct Soak {
    /// Provider that the connections call
    pub provider: Option<Kind>,
    /// Number of connections
    #[arg(long, default_value_t = 1000)]
    pub connections: usize,
    /// Duration in seconds
    #[arg(long, default_value_t = 600)]
    pub seconds: u64,
    /// Lifetime of access tokens in seconds
    #[arg(long, default_value_t = 60)]
    pub token_seconds: i64,
    /// Seconds between two kills
    #[arg(long, default_value_t = 10)]
    pub kill_every: u64,
    /// Calls through the connections per second
    #[arg(long, default_value_t = 25)]
    pub calls: u64,
    /// What Cargo adds
    #[arg(long, hide = true)]
    pub bench: bool,
}

// Longer than a lease and a refresh, so that everything in progress at the last kill has finished.
const SETTLE: Duration = Duration::from_secs(45);

fn main() {
    let soak = Soak::parse();
    let (Some(kind), Ok(server)) = (soak.provider, std::env::var("TEST_DATABASE_URL")) else {
        println!("The soak needs a PostgreSQL and the name of a provider: scripts/soak own, or scripts/soak rotating.");
        return;
    };
    let provider = Provider::start(kind, soak.token_seconds);
    let mut nodes = Nodes::start(&server);
    let keys = nodes.connect(&provider, soak.connections, soak.token_seconds);
    println!("{} connections, {} nodes, {} s", keys.len(), nodes.count(), soak.seconds);

    let begun = Instant::now();
    let callers = Callers::start(nodes.addresses(), keys, provider.call(), soak.calls);
    let mut kills = 0;
    while begun.elapsed() < Duration::from_secs(soak.seconds) {
        std::thread::sleep(Duration::from_secs(soak.kill_every));
        if begun.elapsed() < Duration::from_secs(soak.seconds) {
            nodes.kill_and_restart(kills);
            kills += 1;
        }
        if kills % 6 == 0 {
            println!("{:>4} s  {}", begun.elapsed().as_secs(), nodes.in_short());
        }
    }
    std::thread::sleep(SETTLE);
    let answers = callers.stop();
    verdict::print(kind, kills, &answers, &provider.log(), &mut nodes);
}
