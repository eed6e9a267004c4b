//! `restore` with PostgreSQL: what is left to do after `pg_restore`.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::access::restore::{Basis, Origin};
use crate::activity::seal;
use crate::commands::restore::{CHOOSE, apply, tell, words};
use crate::commands::{Outcome, one};
use crate::config::{Config, Restore};
use crate::db;
use crate::time::Clock;

pub(super) fn run(config: &Config, arguments: &Restore) -> Outcome {
    if arguments.file.is_some() {
        return Err(one(
            "this command does not read backups of PostgreSQL: restore the database with pg_restore into an \
                        empty database, and then run it without a file",
        ));
    }
    let basis = match (arguments.trust_backup, arguments.revoke_everything_issued) {
        (true, _) => Basis::TrustBackup,
        (_, true) => Basis::RevokeEverythingIssued,
        _ => return Err(one(format!("with PostgreSQL the database that was replaced cannot be compared. {CHOOSE}"))),
    };
    let key = config.read_key().map_err(one)?;
    let mut conn = db::connect(&config.database).map_err(one)?;
    require_no_others(&mut conn)?;
    db::migrate_and_tell(&config.database, &mut |step| println!("{step}")).map_err(one)?;
    let head = seal::head(&mut conn).map_err(one)?;
    let now = Clock::System.now();
    let origin = Origin { made: "pg_dump".into(), head: words(head.as_ref()), replaced_head: String::new() };
    let unlimited = "SET statement_timeout = 0";
    diesel::sql_query(unlimited).execute(&mut conn).map_err(one)?;
    let changes = apply(&mut conn, &key, basis, &origin, now)?;
    println!("The database is marked as restored. Head of its activity log: {}.", origin.head);
    tell(basis, &origin, &changes);
    Ok(())
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

// A server keeps connections open all the time.
fn require_no_others(conn: &mut db::DbConnection) -> Outcome {
    let others = "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() \
                  AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    let Number { n } = diesel::sql_query(others).get_result(conn).map_err(one)?;
    match n {
        0 => Ok(()),
        n => Err(one(format!("{n} other connections to this database are open: stop every node first"))),
    }
}
