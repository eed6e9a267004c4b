//! Erasing the personal data of an employee who left: their name, e-mail address and client IPs.
//!
//! One transaction makes the employee anonymous and notes the erasure. A background job then erases what other tables and
//! earlier activity entries say about them, in batches; [`Erasure`] keeps how far it is. What they did stays, under their
//! number.

use diesel::prelude::*;

use crate::activity::redaction::{ErasedPerson, redact};
use crate::activity::{Activity, Actor, ChainKey, Kind, NewActivity, unknown_address};
use crate::api_tokens;
use crate::db::DbConnection;
use crate::employees::{Attempts, Employee};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::notices::MailSettings;
use crate::schema::{
    access_tokens, acknowledgements, bulk_revocations, clients, connection_events, connections, employees, erasures,
    outbox, purges, refresh_tokens, service_keys,
};
use crate::text::exact_like_pattern;
use crate::time::Timestamp;

/// An erasure that is not finished.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = erasures)]
pub struct Erasure {
    employee_id: EmployeeKey,
    name: String,
    email: String,
    through_activity_id: i64,
    done_activity_id: i64,
}

/// What the next run of the job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to erase.
    Continues,
    /// An entry has no seal yet.
    WaitsForSeal,
    /// Nothing is left to erase.
    Finished,
}

/// Erases the personal data of an archived employee, and records it. Errors: [`Error::Conflict`] when they are not archived or
/// it was erased before, [`Error::Forbidden`] when it is the actor.
pub fn erase(
    conn: &mut DbConnection,
    id: EmployeeKey,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Employee> {
    let employee = Employee::find(conn, id)?;
    if actor.is(id) {
        return Err(Error::Forbidden("You cannot erase your own personal data. Ask another admin.".into()));
    }
    if employee.archived_at.is_none() {
        return Err(Error::Conflict(format!("{} is not archived. Archive them first.", employee.name)));
    }
    if !Employee::erase(conn, id, now)? {
        return Err(Error::Conflict("The personal data of this employee was already erased.".into()));
    }
    NewActivity::new(Kind::EmployeeErased, actor.clone(), employee.subject()).from(client_ip).record(conn, now)?;
    let newest = Activity::newest_id(conn)?;
    let row = (
        erasures::employee_id.eq(id),
        erasures::name.eq(&employee.name),
        erasures::email.eq(&employee.email),
        erasures::started_at.eq(now),
        erasures::through_activity_id.eq(newest),
    );
    diesel::insert_into(erasures::table).values(row).execute(conn)?;
    Ok(Employee::find(conn, id)?)
}

impl Erasure {
    /// The next erasure to continue. A read: no writer waits for it.
    pub fn next(conn: &mut DbConnection) -> Result<Option<Erasure>> {
        let next = erasures::table.order((erasures::started_at, erasures::employee_id));
        Ok(next.select(Erasure::as_select()).first(conn).optional()?)
    }

    /// Whether the personal data of an employee is being erased.
    pub fn is_running(conn: &mut DbConnection, id: EmployeeKey) -> QueryResult<bool> {
        diesel::select(diesel::dsl::exists(erasures::table.find(id))).get_result(conn)
    }

    /// Erases some more: first what other tables say, then up to five hundred entries of the activity log at a time. At the
    /// end it deletes its own row, which has the name. Errors: an entry is not the one that was sealed.
    pub fn step(&self, conn: &mut DbConnection, key: &ChainKey, now: Timestamp) -> Result<Progress> {
        let person = ErasedPerson {
            id: self.employee_id,
            name: self.name.clone(),
            email: self.email.clone(),
            failed_sign_ins: unknown_address(&self.email),
        };
        if self.done_activity_id == 0 {
            self.erase_elsewhere(conn, &person)?;
        }
        let (after, through) = (self.done_activity_id, self.through_activity_id);
        let step = redact(conn, key, &person, (after, through), now)?;
        let row = erasures::table.find(self.employee_id);
        if step.done >= through {
            diesel::delete(row).execute(conn)?;
            return Ok(Progress::Finished);
        }
        diesel::update(row).set(erasures::done_activity_id.eq(step.done)).execute(conn)?;
        Ok(if step.waits_for_seal { Progress::WaitsForSeal } else { Progress::Continues })
    }

    fn erase_elsewhere(&self, conn: &mut DbConnection, person: &ErasedPerson) -> Result<()> {
        let (id, name) = (self.employee_id, &self.name);
        // Columns that have a name and no id: of two people with one name, nobody knows whom they mean.
        let others = employees::table.filter(employees::name.eq(name)).filter(employees::id.ne(id));
        let instead = match diesel::select(diesel::dsl::exists(others)).get_result(conn)? {
            true => "an employee".to_string(),
            false => Employee::erased_name(id),
        };
        macro_rules! replace {
            ($($table:ident.$column:ident),+) => {$(
                diesel::update($table::table.filter($table::$column.eq(name)))
                    .set($table::$column.eq(&instead))
                    .execute(conn)?;
            )+};
        }
        replace!(clients.approved_by, clients.lightspeed_approved_by, clients.suspended_by);
        replace!(service_keys.created_by, connection_events.by_name);
        replace!(bulk_revocations.actor_name, bulk_revocations.stopped_by);
        macro_rules! replace_within {
            ($($table:ident.$column:ident),+) => {$(
                for word in [&person.name, &person.email] {
                    let found = $table::table.filter($table::$column.like(exact_like_pattern(word)).escape('\\'));
                    for (id, text) in found.select(($table::id, $table::$column)).load::<(i64, String)>(conn)? {
                        let left = person.text_without(&text, &instead);
                        diesel::update($table::table.find(id)).set($table::$column.eq(left)).execute(conn)?;
                    }
                }
            )+};
        }
        replace_within!(
            connection_events.words,
            connections.reason,
            clients.suspended_reason,
            outbox.subject,
            outbox.body
        );
        replace_within!(acknowledgements.subject_name, acknowledgements.reason, bulk_revocations.selection);
        let own = purges::table.filter(purges::subject_kind.eq("employee")).filter(purges::subject_id.eq(id.0));
        diesel::update(own).set(purges::subject_name.eq("")).execute(conn)?;
        let theirs = bulk_revocations::table.filter(bulk_revocations::actor_id.eq(id));
        diesel::update(theirs).set(bulk_revocations::client_ip.eq("")).execute(conn)?;
        api_tokens::retention::erase(conn, id, [name, &self.email], |text| person.text_without(text, &instead))?;
        forget_addresses(conn, id)?;
        // Notices about them, which may name a client IP.
        diesel::delete(outbox::table.filter(outbox::employee_id.eq(id))).execute(conn)?;
        MailSettings::forget(conn, &self.email)?;
        Attempts::forget(conn, &self.email)?;
        Ok(())
    }
}

// The IPs that refreshes and calls came from, which may be those of their own devices.
fn forget_addresses(conn: &mut DbConnection, id: EmployeeKey) -> QueryResult<usize> {
    let grants = refresh_tokens::table.filter(refresh_tokens::employee_id.eq(id));
    let known = refresh_tokens::rotated_from.ne("").or(refresh_tokens::last_used_address.ne(""));
    diesel::update(grants.filter(known))
        .set((refresh_tokens::rotated_from.eq(""), refresh_tokens::last_used_address.eq("")))
        .execute(conn)?;
    let tokens = access_tokens::table.filter(access_tokens::employee_id.eq(id));
    diesel::update(tokens.filter(access_tokens::last_used_address.ne("")))
        .set(access_tokens::last_used_address.eq(""))
        .execute(conn)
}
