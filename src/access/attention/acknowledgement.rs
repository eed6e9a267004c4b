//! Acknowledging an item: it is quiet until a date, for a reason.

use std::collections::HashSet;

use diesel::prelude::*;

use crate::access::attention::{Asked, Item, Rule, Subject};
use crate::activity::{self, Actor, Detail, Kind, NewActivity};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::{AcknowledgementKey, EmployeeKey};
use crate::schema::{acknowledgements, employees};
use crate::time::{DAY, Timestamp};

/// The most seconds that an item can be quiet.
pub const LONGEST_QUIET: i64 = 366 * DAY;
// The most acknowledgements that are read; nobody writes more by hand.
const MOST: i64 = 10_000;

/// The items that are quiet now.
#[derive(Debug, Default)]
pub struct Acknowledged(HashSet<(String, String, i64)>);

impl Acknowledged {
    /// Reads them.
    pub fn load(conn: &mut DbConnection, now: Timestamp) -> QueryResult<Acknowledged> {
        let quiet = acknowledgements::table.filter(acknowledgements::quiet_until.gt(now)).limit(MOST);
        let key = (acknowledgements::rule, acknowledgements::subject_kind, acknowledgements::subject_id);
        Ok(Acknowledged(quiet.select(key).load(conn)?.into_iter().collect()))
    }

    /// Whether an item of a rule is quiet.
    pub fn has(&self, rule: &str, subject: Subject) -> bool {
        let (kind, id) = subject.stored();
        !self.0.is_empty() && self.0.contains(&(rule.into(), kind.into(), id))
    }
}

/// One acknowledgement that is in force.
#[derive(Debug, Queryable)]
pub struct Acknowledgement {
    /// Its id.
    pub id: AcknowledgementKey,
    /// The name of the item.
    pub name: String,
    /// Why it is quiet.
    pub reason: String,
    /// Until when.
    pub quiet_until: Timestamp,
    /// Who acknowledged it.
    pub by: String,
    /// When.
    pub created_at: Timestamp,
}

impl Acknowledgement {
    /// The most that are listed.
    pub const LISTED: i64 = 100;

    /// Those of a rule that are in force, the one that ends first at the top.
    pub fn of_rule(conn: &mut DbConnection, rule: &Rule, now: Timestamp) -> QueryResult<Vec<Acknowledgement>> {
        acknowledgements::table
            .inner_join(employees::table)
            .filter(acknowledgements::rule.eq(rule.word))
            .filter(acknowledgements::quiet_until.gt(now))
            .order((acknowledgements::quiet_until, acknowledgements::id))
            .limit(Self::LISTED)
            .select((
                acknowledgements::id,
                acknowledgements::subject_name,
                acknowledgements::reason,
                acknowledgements::quiet_until,
                employees::name,
                acknowledgements::created_at,
            ))
            .load(conn)
    }

    /// How many are in force.
    pub fn count(conn: &mut DbConnection, now: Timestamp) -> QueryResult<i64> {
        acknowledgements::table.filter(acknowledgements::quiet_until.gt(now)).count().get_result(conn)
    }

    /// Deletes those that ended a day ago or earlier, at most `batch`.
    pub fn purge(conn: &mut DbConnection, now: Timestamp, batch: i64) -> QueryResult<usize> {
        let ended = acknowledgements::table
            .filter(acknowledgements::quiet_until.lt(now.plus(-DAY)))
            .order((acknowledgements::quiet_until, acknowledgements::id))
            .limit(batch);
        let ids: Vec<AcknowledgementKey> = ended.select(acknowledgements::id).load(conn)?;
        diesel::delete(acknowledgements::table.filter(acknowledgements::id.eq_any(ids))).execute(conn)
    }
}

/// The item with this word among those that a rule finds now; `None` when it is not listed any more.
pub fn listed(conn: &mut DbConnection, rule: &Rule, word: &str, now: Timestamp) -> QueryResult<Option<Item>> {
    let quiet = Acknowledged::load(conn, now)?;
    let found = rule.find(conn, Asked { only: None, now }, &quiet)?;
    Ok(found.items.into_iter().find(|item| item.subject.word() == word))
}

/// Keeps an item quiet until `until`, and records who did it and why.
///
/// Errors: [`Error::Invalid`] when the date is in the past or more than a year away; [`Error::Conflict`] when the rule does
/// not list the item any more.
pub fn acknowledge(
    conn: &mut DbConnection,
    (rule, word): (&Rule, &str),
    (reason, until): (&str, Timestamp),
    (employee, actor, client_ip): (EmployeeKey, &Actor, &str),
    now: Timestamp,
) -> Result<Item> {
    if until <= now || until.since(now) > LONGEST_QUIET {
        return Err(Error::Invalid("Choose a date from tomorrow to a year from now.".into()));
    }
    let gone = || Error::Conflict("This is not listed any more.".into());
    let item = listed(conn, rule, word, now)?.ok_or_else(gone)?;
    let (kind, id) = item.subject.stored();
    let own = acknowledgements::table
        .filter(acknowledgements::rule.eq(rule.word))
        .filter(acknowledgements::subject_kind.eq(kind))
        .filter(acknowledgements::subject_id.eq(id));
    // An earlier one that has ended.
    diesel::delete(own).execute(conn)?;
    diesel::insert_into(acknowledgements::table)
        .values((
            acknowledgements::rule.eq(rule.word),
            acknowledgements::subject_kind.eq(kind),
            acknowledgements::subject_id.eq(id),
            acknowledgements::subject_name.eq(item.logged_name()),
            acknowledgements::reason.eq(reason),
            acknowledgements::quiet_until.eq(until),
            acknowledgements::employee_id.eq(employee),
            acknowledgements::created_at.eq(now),
        ))
        .execute(conn)
        .map_err(Error::from)
        .map_err(|error| if error.is_duplicate() { gone() } else { error })?;
    let day = until.iso();
    let note = format!("{}, quiet until {}: {reason}", rule.name, day.get(..10).unwrap_or(&day));
    record(conn, Kind::AttentionAcknowledged, (kind, id, &item.logged_name(), &note), (actor, client_ip), now)?;
    Ok(item)
}

/// Ends an acknowledgement, so that its item is listed again. Errors: [`Error::NotFound`].
pub fn withdraw(
    conn: &mut DbConnection,
    rule: &Rule,
    id: AcknowledgementKey,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<String> {
    let row = acknowledgements::table.find(id).filter(acknowledgements::rule.eq(rule.word));
    let named = (acknowledgements::subject_kind, acknowledgements::subject_id, acknowledgements::subject_name);
    let (kind, subject, name): (String, i64, String) = row.select(named).first(conn)?;
    if diesel::delete(acknowledgements::table.find(id)).execute(conn)? == 0 {
        return Err(Error::NotFound);
    }
    record(conn, Kind::AttentionWithdrawn, (&kind, subject, &name, rule.name), (actor, client_ip), now)?;
    Ok(name)
}

fn record(
    conn: &mut DbConnection,
    event: Kind,
    (kind, id, name, note): (&str, i64, &str, &str),
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<()> {
    // The kinds of subjects that the activity log knows.
    let (kind, id) = match kind {
        "client" => ("client", id),
        "refresh_token" => ("refresh_token", id),
        "api_key" => ("access_token", id),
        "connection" => ("connection", id),
        "api_token" => ("api_token", id),
        _ => ("attention", id),
    };
    NewActivity::new(event, actor.clone(), activity::Subject::named(kind, id, name))
        .from(client_ip)
        .with(Detail::note(note))
        .record(conn, now)
}
