//! Failed sign-ins in the activity log: the first few of a network in an hour have an entry each, the others are counted and
//! have one entry together, so that a flood does not fill the log.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject, unknown_address};
use crate::db::DbConnection;
use crate::employees::sign_in_attempts::{EVERYBODY, ensure_row, hour_of, network_row};
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::network;
use crate::schema::sign_in_attempts;
use crate::time::{HOUR, Timestamp};

// Entries in an hour: of one network, and of all networks.
const OWN_ENTRIES: i64 = 5;
const ALL_ENTRIES: i64 = 200;
// Networks that have an entry for the others of an hour; further ones are counted together.
const NETWORKS_AT_ONCE: usize = 50;

/// Records a failed sign-in, or counts it. `employee` is the one with this e-mail address.
pub(in crate::employees) fn record(
    conn: &mut DbConnection,
    (email, employee): (&str, Option<EmployeeKey>),
    client_ip: &str,
    now: Timestamp,
) -> Result<()> {
    let subject = match employee {
        Some(id) => Subject::employee(id, ""),
        None => Subject::named("sign_in", 0, &unknown_address(email)),
    };
    record_or_count(conn, (subject, Detail::default()), client_ip, now)
}

/// Records a failed sign-in through an identity provider, or counts it; `reason` names no person.
pub fn record_at_provider(
    conn: &mut DbConnection,
    (provider, reason): (&str, &str),
    client_ip: &str,
    now: Timestamp,
) -> Result<()> {
    let subject = Subject::named("sign_in", 0, &format!("through {provider}"));
    record_or_count(conn, (subject, Detail::note(reason)), client_ip, now)
}

fn record_or_count(
    conn: &mut DbConnection,
    (subject, detail): (Subject, Detail),
    client_ip: &str,
    now: Timestamp,
) -> Result<()> {
    let rows = [EVERYBODY.to_string(), network_row(&network::of(client_ip))];
    let mut is_recorded = true;
    for (subject, most) in rows.iter().zip([ALL_ENTRIES, OWN_ENTRIES]) {
        ensure_row(conn, subject, now)?;
        is_recorded &= entries_this_hour(conn, subject, now)? < most;
    }
    if !is_recorded {
        diesel::update(sign_in_attempts::table.find(&rows[1]))
            .set(sign_in_attempts::unrecorded.eq(sign_in_attempts::unrecorded + 1))
            .execute(conn)?;
        return Ok(());
    }
    diesel::update(sign_in_attempts::table.filter(sign_in_attempts::subject.eq_any(&rows)))
        .set(sign_in_attempts::recorded.eq(sign_in_attempts::recorded + 1))
        .execute(conn)?;
    NewActivity::new(Kind::SignInFailed, Actor::nobody(), subject).from(client_ip).with(detail).record(conn, now)
}

// Starts a new hour if the last one is over, and returns how many entries this one has.
fn entries_this_hour(conn: &mut DbConnection, subject: &str, now: Timestamp) -> Result<i64> {
    let row = sign_in_attempts::table.find(subject);
    let columns = (sign_in_attempts::hour, sign_in_attempts::recorded, sign_in_attempts::unrecorded);
    let (hour, recorded, unrecorded): (Timestamp, i64, i64) = row.select(columns).first(conn)?;
    let this = hour_of(now);
    if hour == this {
        return Ok(recorded);
    }
    if unrecorded > 0 {
        write(conn, subject, (hour, unrecorded), now)?;
    }
    diesel::update(row)
        .set((sign_in_attempts::hour.eq(this), sign_in_attempts::recorded.eq(0), sign_in_attempts::unrecorded.eq(0)))
        .execute(conn)?;
    Ok(0)
}

/// Records what was only counted in the hours that are over: the networks with most failures each, the others together.
pub fn record_rest(conn: &mut DbConnection, now: Timestamp) -> Result<()> {
    let due = sign_in_attempts::table
        .filter(sign_in_attempts::unrecorded.gt(0))
        .filter(sign_in_attempts::hour.lt(hour_of(now)));
    let columns = (sign_in_attempts::subject, sign_in_attempts::hour, sign_in_attempts::unrecorded);
    let mut rows: Vec<(String, Timestamp, i64)> = due.select(columns).load(conn)?;
    rows.sort_by_key(|(_, _, unrecorded)| std::cmp::Reverse(*unrecorded));
    let others = rows.split_off(rows.len().min(NETWORKS_AT_ONCE));
    for (subject, hour, unrecorded) in &rows {
        write(conn, subject, (*hour, *unrecorded), now)?;
    }
    if let Some(first) = others.iter().map(|(_, hour, _)| *hour).min() {
        write(conn, EVERYBODY, (first, others.iter().map(|(_, _, unrecorded)| unrecorded).sum()), now)?;
    }
    let done = sign_in_attempts::hour.lt(hour_of(now));
    diesel::update(sign_in_attempts::table.filter(sign_in_attempts::unrecorded.gt(0)).filter(done))
        .set(sign_in_attempts::unrecorded.eq(0))
        .execute(conn)?;
    Ok(())
}

fn write(conn: &mut DbConnection, row: &str, (hour, count): (Timestamp, i64), now: Timestamp) -> Result<()> {
    let attempts = if count == 1 { "attempt" } else { "attempts" };
    let name = format!("{count} more {attempts} between {} and {} UTC", clock(hour), clock(hour.plus(HOUR)));
    let network = row.strip_prefix("network ").unwrap_or("several networks");
    let subject = Subject::named("sign_in", 0, &name);
    NewActivity::new(Kind::SignInFailed, Actor::nobody(), subject).from(network).record(conn, now)
}

fn clock(at: Timestamp) -> String {
    format!("{:02}:00", at.0.div_euclid(HOUR).rem_euclid(24))
}
