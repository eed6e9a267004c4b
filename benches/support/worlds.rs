//! Runs a benchmark on one database after the other, as its arguments say.

use clap::{Args, ValueEnum};

use super::world::World;

/// Arguments that every benchmark has.
#[derive(Args)]
pub struct Worlds {
    /// Number of access tokens and API keys in the data; the goals apply to the default
    #[arg(long, env = "BENCH_TOKENS", default_value_t = 1_000_000)]
    tokens: u32,
    /// Create the data again instead of copying that of an earlier run
    #[arg(long)]
    fresh: bool,
    /// Only one database, or both
    #[arg(long, value_enum)]
    only: Option<Database>,
    /// PostgreSQL server to create and drop a database on; without it, SQLite only
    #[arg(long, env = "BENCH_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    // Cargo says that this is a benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

impl Worlds {
    /// Measures on SQLite and, where there is one, on PostgreSQL; `prepare` has the SQLite data first.
    pub fn each(&self, prepare: impl Fn(World) -> World, measure: impl Fn(&World)) {
        let postgres = self.database_url.clone().or_else(|| std::env::var("TEST_DATABASE_URL").ok());
        if self.only != Some(Database::Postgres) {
            println!("# SQLite\n");
            measure(&prepare(World::sqlite(self.tokens, self.fresh)));
        }
        match postgres {
            _ if self.only == Some(Database::Sqlite) => {}
            Some(url) => {
                println!("# PostgreSQL\n");
                measure(&World::postgres(&url, self.tokens));
            }
            None => println!("PostgreSQL was left out: set BENCH_DATABASE_URL, or use scripts/postgres --durable run."),
        }
    }
}
