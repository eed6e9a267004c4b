//! Runs a benchmark on each size of data, and on one database after the other, as its arguments say.

use clap::{Args, ValueEnum};

use super::shape::Kind;
use super::world::{Plan, World};

/// Arguments that every benchmark has.
#[derive(Args)]
pub struct Worlds {
    /// Numbers of valid access tokens and API keys, such as 10k,1M,10M; the goals apply to the default
    #[arg(long, env = "BENCH_SIZES", default_value = "1M", value_delimiter = ',', value_parser = size)]
    sizes: Vec<i64>,
    /// How valid, expired and old rows are distributed
    #[arg(long, value_enum, default_value = "young")]
    world: Kind,
    /// Create the data again instead of copying that of an earlier run
    #[arg(long)]
    fresh: bool,
    /// Create the data, and measure nothing
    #[arg(long)]
    only_make: bool,
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
    /// Measures every size on SQLite and, where there is one, on PostgreSQL; then `compare` gets what was measured on one
    /// database, from the smallest size to the largest.
    pub fn each<T>(&self, measure: impl Fn(&World) -> T, compare: impl Fn(&[(String, T)])) {
        let postgres = self.database_url.clone().or_else(|| std::env::var("TEST_DATABASE_URL").ok());
        if self.only != Some(Database::Postgres) {
            self.sizes_of("SQLite", World::sqlite, &measure, &compare);
        }
        match postgres {
            _ if self.only == Some(Database::Sqlite) => {}
            Some(url) => self.sizes_of("PostgreSQL", |plan| World::postgres(&url, plan), &measure, &compare),
            None => println!("PostgreSQL was left out: set BENCH_DATABASE_URL, or use scripts/postgres --durable run."),
        }
    }

    fn sizes_of<T>(
        &self,
        database: &str,
        make: impl Fn(Plan) -> World,
        measure: impl Fn(&World) -> T,
        compare: impl Fn(&[(String, T)]),
    ) {
        let mut sizes = self.sizes.clone();
        sizes.sort_unstable();
        let mut measured = Vec::new();
        for tokens in sizes {
            let kind = self.world.to_possible_value().map(|kind| kind.get_name().to_string()).unwrap_or_default();
            println!("# {database}, {} tokens, world: {kind}\n", short(tokens));
            let world = make(Plan { tokens, kind: self.world, fresh: self.fresh });
            if !self.only_make {
                measured.push((short(tokens), measure(&world)));
            }
        }
        if measured.len() > 1 {
            println!("# {database}, every size\n");
            compare(&measured);
        }
    }
}

/// A number such as 10k or 1M.
pub fn size(text: &str) -> Result<i64, String> {
    let digits = text.trim_end_matches(['k', 'M']);
    let times = match &text[digits.len()..] {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        _ => return Err("a number such as 10k or 1M".into()),
    };
    match digits.parse::<i64>() {
        Ok(n) if n * times >= 10_000 && n * times % 1_000 == 0 => Ok(n * times),
        _ => Err("a number of thousands, at least 10k".into()),
    }
}

fn short(tokens: i64) -> String {
    match tokens {
        n if n % 1_000_000 == 0 => format!("{}M", n / 1_000_000),
        n => format!("{}k", n / 1_000),
    }
}
