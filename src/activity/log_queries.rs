//! Queries over the log: the newest entries of a kind or of a person, and the entry that revoked something.

use diesel::prelude::*;

use crate::activity::entry::Activity;
use crate::activity::kind::Kind;
use crate::db::DbConnection;
use crate::id::{ActivityKey, EmployeeKey};
use crate::schema::activity;
use crate::time::Timestamp;

impl Activity {
    /// The id of the newest entry; 0 if there is none.
    pub fn newest_id(conn: &mut DbConnection) -> QueryResult<i64> {
        let newest = activity::table.order(activity::id.desc()).select(activity::id).first(conn).optional()?;
        Ok(newest.map_or(0, |id: ActivityKey| id.0))
    }

    /// The time of the newest entry.
    pub fn newest_time(conn: &mut DbConnection) -> QueryResult<Option<Timestamp>> {
        activity::table.order(activity::id.desc()).select(activity::at).first(conn).optional()
    }

    /// The newest entries of a kind, at most `limit`, newest first.
    pub fn newest_of(conn: &mut DbConnection, kind: Kind, limit: i64) -> QueryResult<Vec<Activity>> {
        let of_kind = activity::table.filter(activity::kind.eq(kind)).order(activity::id.desc()).limit(limit);
        of_kind.select(Activity::as_select()).load(conn)
    }

    /// The ids of the subjects that the newest entries about this name have; those of two hundred entries at most.
    pub fn subjects_named(conn: &mut DbConnection, subject_kind: &str, name: &str) -> QueryResult<Vec<i64>> {
        let named = activity::table.filter(activity::subject_name.eq(name)).order(activity::id.desc()).limit(200);
        let found: Vec<(String, i64)> = named.select((activity::subject_kind, activity::subject_id)).load(conn)?;
        Ok(found.into_iter().filter(|(kind, _)| kind == subject_kind).map(|(_, id)| id).collect())
    }

    /// The newest entries that concern an employee, at most `limit`, newest first.
    pub fn newest_concerning(conn: &mut DbConnection, employee: EmployeeKey, limit: i64) -> QueryResult<Vec<Activity>> {
        let own = activity::table.filter(activity::employee_id.eq(employee)).order(activity::id.desc()).limit(limit);
        own.select(Activity::as_select()).load(conn)
    }

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
