//! Queries over the log: filtered pages of entries, and the entry that revoked something.

use diesel::prelude::*;

use crate::activity::entry::Activity;
use crate::activity::kind::Kind;
use crate::db::DbConnection;
use crate::db::keyset::PAGE;
use crate::id::EmployeeKey;
use crate::schema::activity;
use crate::time::Timestamp;

/// Which entries a list shows.
#[derive(Clone, Debug, Default)]
pub struct ActivityFilter {
    /// Only acts of this employee, and acts that concern them.
    pub only_about: Option<EmployeeKey>,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only acts of these employees.
    pub actors: Option<Vec<EmployeeKey>>,
    /// Only entries from this moment on.
    pub from: Option<Timestamp>,
    /// Only entries before this moment.
    pub until: Option<Timestamp>,
}

impl Activity {
    /// Up to `limit` entries, newest first, starting after the id `edge`; backward lists newer entries, oldest first.
    pub fn list(
        conn: &mut DbConnection,
        filter: &ActivityFilter,
        edge: Option<i64>,
        backward: bool,
        limit: i64,
    ) -> QueryResult<Vec<Activity>> {
        let mut query = activity::table.select(Activity::as_select()).limit(limit).into_boxed();
        if let Some(about) = filter.only_about {
            query = query.filter(activity::actor_id.eq(about).or(activity::employee_id.eq(about)));
        }
        if let Some(kind) = filter.kind {
            query = query.filter(activity::kind.eq(kind));
        }
        if let Some(actors) = &filter.actors {
            query = query.filter(activity::actor_id.eq_any(actors.iter().copied().map(Some)));
        }
        if let Some(from) = filter.from {
            query = query.filter(activity::at.ge(from));
        }
        if let Some(until) = filter.until {
            query = query.filter(activity::at.lt(until));
        }
        match (edge, backward) {
            (Some(id), false) => query = query.filter(activity::id.lt(id)),
            (Some(id), true) => query = query.filter(activity::id.gt(id)),
            (None, _) => {}
        }
        match backward {
            false => query.order(activity::id.desc()).load(conn),
            true => query.order(activity::id.asc()).load(conn),
        }
    }

    /// The newest entries that concern an employee, at most `limit`, newest first.
    pub fn newest_concerning(conn: &mut DbConnection, employee: EmployeeKey, limit: i64) -> QueryResult<Vec<Activity>> {
        let own = activity::table.filter(activity::employee_id.eq(employee)).order(activity::id.desc()).limit(limit);
        own.select(Activity::as_select()).load(conn)
    }

    /// One more than a page holds, to know whether there is a next page.
    pub const LIMIT: i64 = PAGE as i64 + 1;

    /// The entry that revoked a refresh token, found by its name in the log, or by its first characters among the last two
    /// hundred entries that revoked all access of a person.
    pub fn ending_of_token(conn: &mut DbConnection, name: &str, mask: &str) -> QueryResult<Option<Activity>> {
        let kinds = [Kind::RefreshTokenRevoked, Kind::RefreshTokenReuseDetected, Kind::CodeReuseDetected];
        let named = activity::table
            .filter(activity::subject_name.eq(name))
            .filter(activity::kind.eq_any(kinds.iter().map(|kind| kind.word())))
            .order(activity::id.desc())
            .select(Activity::as_select())
            .first(conn)
            .optional()?;
        if named.is_some() {
            return Ok(named);
        }
        // Such an entry lists the tokens of every client: only a token that was issued to this client is meant.
        let granted =
            activity::table.filter(activity::subject_name.eq(name)).filter(activity::kind.eq(Kind::ClientAuthorized));
        if !diesel::select(diesel::dsl::exists(granted)).get_result::<bool>(conn)? {
            return Ok(None);
        }
        let ended: Vec<Activity> = activity::table
            .filter(activity::kind.eq(Kind::AllAccessRevoked))
            .order(activity::id.desc())
            .limit(200)
            .select(Activity::as_select())
            .load(conn)?;
        Ok(ended.into_iter().find(|entry| entry.details().masks.iter().any(|own| own == mask)))
    }

    /// The entries of one kind about several subjects.
    pub fn about_each(
        conn: &mut DbConnection,
        kind: Kind,
        subject_kind: &str,
        ids: &[i64],
    ) -> QueryResult<Vec<Activity>> {
        activity::table
            .filter(activity::subject_kind.eq(subject_kind))
            .filter(activity::subject_id.eq_any(ids))
            .filter(activity::kind.eq(kind))
            .select(Activity::as_select())
            .load(conn)
    }

    /// The newest entry of one of `kinds` about a subject.
    pub fn latest_about(
        conn: &mut DbConnection,
        kinds: &[Kind],
        subject_kind: &str,
        id: i64,
    ) -> QueryResult<Option<Activity>> {
        activity::table
            .filter(activity::subject_kind.eq(subject_kind))
            .filter(activity::subject_id.eq(id))
            .filter(activity::kind.eq_any(kinds.iter().map(|kind| kind.word())))
            .order(activity::id.desc())
            .select(Activity::as_select())
            .first(conn)
            .optional()
    }
}
