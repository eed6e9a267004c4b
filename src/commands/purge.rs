//! `purge`: runs retention once, as the background jobs do, in small transactions beside a running server.

use std::cell::Cell;
use std::time::Duration;

use crate::commands::{Outcome, one, refusal, require_database};
use crate::config::{Config, Purge};
use crate::db::{self, DbConnection, in_transaction};
use crate::error::{Error, Result};
use crate::jobs::retention::{Retention, STEPS, Step};
use crate::time::{Clock, DAY, thousands};

const BATCH: i64 = 200;
// A dry run deletes as much in a transaction that it rolls back, and then says "or more".
const MOST_COUNTED: i64 = 1_000;
const PAUSE: Duration = Duration::from_millis(5);

pub(super) fn run(config: &Config, arguments: &Purge) -> Outcome {
    require_database(config)?;
    let mut conn = db::connect(&config.database).map_err(one)?;
    if db::known_schema(&mut conn).map_err(one)?.is_older() {
        return Err(one("the schema of the database is older than this program: run migrate first"));
    }
    let now = Clock::System.now();
    let at = Retention { now, cutoff: now.plus(-config.keep_expired_days * DAY) };
    let mut total = 0;
    for (name, step) in STEPS {
        let n = match arguments.dry_run {
            true => count(&mut conn, *step, at),
            false => delete(&mut conn, *step, at),
        };
        let n = n.map_err(refusal)?;
        let more = if arguments.dry_run && n >= MOST_COUNTED { " or more" } else { "" };
        if n > 0 {
            println!("{name}: {}{more}", thousands(n));
        }
        total += n;
    }
    match (total, arguments.dry_run) {
        (0, _) => println!("There is nothing to delete."),
        (_, true) => println!("Nothing was deleted (--dry-run)."),
        (n, false) => println!("Deleted {} rows.", thousands(n)),
    }
    Ok(())
}

fn delete(conn: &mut DbConnection, step: Step, at: Retention) -> Result<i64> {
    let mut total = 0;
    loop {
        let n = in_transaction(conn, &|conn| Ok(step(conn, at, BATCH)?))?;
        total += n as i64;
        if (n as i64) < BATCH {
            return Ok(total);
        }
        std::thread::sleep(PAUSE);
    }
}

// Rolls back what it deletes.
fn count(conn: &mut DbConnection, step: Step, at: Retention) -> Result<i64> {
    let counted = Cell::new(None);
    let outcome: Result<()> = in_transaction(conn, &|conn| {
        counted.set(Some(step(conn, at, MOST_COUNTED)? as i64));
        Err(Error::Conflict("a dry run".into()))
    });
    match (outcome, counted.get()) {
        (_, Some(n)) => Ok(n),
        (Err(error), None) => Err(error),
        (Ok(()), None) => Ok(0),
    }
}
