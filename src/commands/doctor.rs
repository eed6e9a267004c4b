//! `doctor`: checks an installation and prints one line for each check. It changes nothing, and the server can keep running.

use crate::account::{Account, time_zone};
use crate::activity::Activity;
use crate::commands::{Outcome, one, refusal, require_database};
use crate::config::{Config, Doctor};
use crate::db::inspect::{Transport, server_time, transport};
use crate::db::{self, DbConnection, SchemaVersion};
use crate::error::Error;
use crate::notices::{self, Guard, MailServer};
use crate::secrets::MasterKey;
use crate::secrets::sealed::Vault;
use crate::text::one_line;
use crate::time::{Clock, Timestamp, count, thousands};

// The most seconds that two clocks may differ. Nodes compare times that others stored.
const MOST_SKEW: i64 = 5;
const MEGABYTE: u64 = 1_000_000;

// What a check found: what is so, or what is wrong and what to do.
type Finding = Result<String, String>;

pub(super) fn run(config: &Config, arguments: &Doctor) -> Outcome {
    let mut report = Report::default();
    report.tell("permissions", Some(permissions(config)));
    let conn = require_database(config).and_then(|()| db::connect(&config.database).map_err(one));
    let (mut conn, opened) = match conn {
        Ok(conn) => (Some(conn), Ok(config.database.describe())),
        Err(problems) => (None, Err(problems.join("; "))),
    };
    report.tell("database", Some(opened));
    let encryption = conn.as_mut().map(encryption);
    let schema = conn.as_mut().map(schema);
    // Without its tables, a database cannot answer anything else.
    let mut conn = conn.filter(|_| matches!(schema, Some(Ok(_))));
    report.tell("schema", schema);
    let key = config.read_key();
    report.tell(
        "secret key",
        match (&key, conn.as_mut()) {
            (Ok(key), Some(conn)) => Some(secret_key(conn, key)),
            (Ok(_), None) => None,
            (Err(problem), _) => Some(Err(problem.clone())),
        },
    );
    report.tell("clock", conn.as_mut().map(|conn| clock(conn, &Clock::System)));
    report.tell("time zone", conn.as_mut().map(zone));
    report.tell("encryption", encryption);
    report.tell("mail server", mail_server(config, conn.as_mut(), key.as_ref().ok()));
    report.tell("disk", Some(disk(config, arguments.free_megabytes)));
    report.finish()
}

#[derive(Default)]
struct Report {
    checks: usize,
    failed: usize,
}

impl Report {
    // A check without a finding could not be made.
    fn tell(&mut self, check: &str, finding: Option<Finding>) {
        let (word, text) = match finding {
            Some(Ok(text)) => ("ok", text),
            Some(Err(problem)) => ("FAILED", problem),
            None => ("skipped", "an earlier check has to succeed first".into()),
        };
        self.checks += 1;
        self.failed += usize::from(word == "FAILED");
        println!("{word:8} {check:12} {}", one_line(&text));
    }

    fn finish(self) -> Outcome {
        match self.failed {
            0 => Ok(()),
            failed => Err(one(format!("{failed} of {} checks failed", self.checks))),
        }
    }
}

fn permissions(config: &Config) -> Finding {
    match config.permission_problems() {
        problems if problems.is_empty() => Ok("only the user of the server can access its files".into()),
        problems => Err(problems.join("; ")),
    }
}

fn schema(conn: &mut DbConnection) -> Finding {
    let schema = SchemaVersion::of(conn)
        .map_err(|error| format!("cannot be read: {}; start the server, or run migrate", words(error)))?;
    if let Some(unknown) = schema.unknown.last() {
        return Err(format!("a newer version of this program changed it ({unknown}): use that version"));
    }
    match schema.pending.as_slice() {
        [] => Ok("up to date".into()),
        pending => Err(format!(
            "{} not applied: {}; start the server, or run migrate",
            migrations_are(pending.len()),
            pending.join(", ")
        )),
    }
}

fn migrations_are(n: usize) -> String {
    let n = i64::try_from(n).unwrap_or(i64::MAX);
    format!("{} {}", count(n, "migration"), if n == 1 { "is" } else { "are" })
}

fn secret_key(conn: &mut DbConnection, key: &MasterKey) -> Finding {
    match Account::chain(conn, key) {
        Ok(Some(_)) => Ok("the one that the database belongs to".into()),
        Ok(None) => Err("no server has started with this database yet: start the server".into()),
        Err(error) => Err(words(error)),
    }
}

fn clock(conn: &mut DbConnection, clock: &Clock) -> Finding {
    let before = clock.now();
    let server = server_time(conn).map_err(|error| words(error.into()))?;
    let after = clock.now();
    if let Some(server) = server {
        let skew = skew(server, (before, after));
        if skew.abs() > MOST_SKEW {
            let how = if skew > 0 { "ahead of" } else { "behind" };
            let seconds = count(skew.abs(), "second");
            return Err(format!("the clock of the database is {seconds} {how} this machine's: set both by NTP"));
        }
    }
    let newest = Activity::newest_time(conn).map_err(|error| words(error.into()))?;
    if let Some(ahead) = newest.map(|newest| newest.since(after)).filter(|ahead| *ahead > MOST_SKEW) {
        let seconds = count(ahead, "second");
        return Err(format!(
            "the newest activity entry is {seconds} in the future: set the clock of this machine by NTP"
        ));
    }
    Ok(match server {
        Some(_) => format!("within {MOST_SKEW} seconds of the database"),
        None => "not behind the newest activity entry".into(),
    })
}

// How many seconds a time is after, or negative before, the period in which it was asked for.
fn skew(time: Timestamp, (before, after): (Timestamp, Timestamp)) -> i64 {
    time.since(time.clamp(before, after))
}

fn zone(conn: &mut DbConnection) -> Finding {
    let account = Account::get(conn).map_err(|error| words(error.into()))?;
    time_zone(account.time_zone).map_err(words)
}

fn encryption(conn: &mut DbConnection) -> Finding {
    match transport(conn).map_err(|error| words(error.into()))? {
        Transport::SameMachine => Ok("the database is on this machine".into()),
        Transport::Encrypted => Ok("TLS to the database".into()),
        Transport::Plain(address) => {
            Err(format!("the connection to the database at {address} is not encrypted: use TLS or a tunnel"))
        }
    }
}

// The mail server of the environment, or the one that an admin entered; without the database, nobody knows the latter.
fn mail_server(config: &Config, conn: Option<&mut DbConnection>, key: Option<&MasterKey>) -> Option<Finding> {
    let server = match (&config.notices.smtp, conn, key) {
        (Some(smtp), _, _) => Ok(MailServer::Usable(smtp.clone())),
        (None, Some(conn), Some(key)) => {
            let vault = Vault::new(key, key.previous());
            MailServer::stored(conn, Guard { vault: &vault, allows_private: config.outbound.private })
        }
        _ => return None,
    };
    Some(match server {
        Err(error) => Err(words(error)),
        Ok(MailServer::None) => Ok("none is set up".into()),
        Ok(MailServer::Unusable) => {
            Err("the settings that were entered cannot be used: enter them again under Notice settings".into())
        }
        Ok(MailServer::Usable(smtp)) => {
            actix_web::rt::System::new().block_on(notices::reach(&smtp, &config.outbound.authorities))
        }
    })
}

fn disk(config: &Config, least_megabytes: u64) -> Finding {
    let Some(space) = config.free_space()? else { return Ok("PostgreSQL has its own: watch it there".into()) };
    let least = space.database.max(least_megabytes.saturating_mul(MEGABYTE));
    let free = format!("{} are free", megabytes(space.free));
    match space.free >= least {
        true => Ok(free),
        false => Err(format!("{free}, and {} are needed: delete something, or use a larger disk", megabytes(least))),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", thousands(i64::try_from(bytes / MEGABYTE).unwrap_or(i64::MAX)))
}

// An error as a clause: why something is refused is said in full.
fn words(error: Error) -> String {
    refusal(error).join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_differs_only_outside_the_period_in_which_it_was_asked() {
        let period = (Timestamp(100), Timestamp(103));

        let skews = [94, 100, 103, 110].map(|seconds| skew(Timestamp(seconds), period));

        assert_eq!(skews, [-6, 0, 0, 7]);
    }
}
