//! The soak of the outbound connections: a thousand of them with short tokens, three nodes on one PostgreSQL, one node
//! killed every few seconds, and programs that call through them all the while. `scripts/soak` runs it.
//!
//! It prints what became of the connections, what the provider was asked, and what the callers were answered.

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
    /// Our own authorization server, which forgives a lost reply as R-Series does
    Own,
    /// oidc-provider, which ends the grant when a refresh token comes twice
    Rotating,
}

/// What to run.
#[derive(Parser, Debug)]
pub struct Soak {
    /// What the connections lead to
    pub provider: Option<Kind>,
    /// How many connections
    #[arg(long, default_value_t = 1000)]
    pub connections: usize,
    /// How long, in seconds
    #[arg(long, default_value_t = 600)]
    pub seconds: u64,
    /// How long an access token lives, in seconds
    #[arg(long, default_value_t = 60)]
    pub token_seconds: i64,
    /// Seconds between two kills
    #[arg(long, default_value_t = 10)]
    pub kill_every: u64,
    /// Calls through the connections in a second
    #[arg(long, default_value_t = 25)]
    pub calls: u64,
    /// What Cargo adds
    #[arg(long, hide = true)]
    pub bench: bool,
}

// Longer than a lease and the refresh behind it: whatever was in flight at the last kill is settled.
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
