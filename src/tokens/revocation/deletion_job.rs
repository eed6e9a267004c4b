//! Deletes the rows of a large revocation in small batches, so that other writers do not wait.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::clients::Client;
use crate::db::{Counted, DbConnection};
use crate::employees::Employee;
use crate::error::Result;
use crate::id::{ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{purges, refresh_tokens};
use crate::time::Timestamp;
use crate::tokens::listing::Table;

/// The deletion of the rows of one large revocation.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = purges)]
pub struct DeletionJob {
    /// Its id.
    pub id: i64,
    /// `client`, `refresh_token` or `employee`.
    pub subject_kind: String,
    /// The id of the revoked client, refresh token or employee.
    pub subject_id: i64,
    /// Its name.
    pub subject_name: String,
    /// About how many tokens there were to delete.
    pub total: i64,
    /// Refresh tokens deleted so far.
    pub deleted_refresh_tokens: i64,
    /// Access tokens and API keys deleted so far.
    pub deleted_access_tokens: i64,
}

impl DeletionJob {
    /// The unfinished job of a client, refresh token or employee.
    pub fn of(conn: &mut DbConnection, kind: &str, id: i64) -> QueryResult<Option<DeletionJob>> {
        purges::table
            .filter(purges::subject_kind.eq(kind))
            .filter(purges::subject_id.eq(id))
            .filter(purges::finished_at.is_null())
            .select(DeletionJob::as_select())
            .first(conn)
            .optional()
    }

    /// The oldest unfinished job.
    pub fn next(conn: &mut DbConnection) -> QueryResult<Option<DeletionJob>> {
        let open = purges::table.filter(purges::finished_at.is_null()).order(purges::id);
        open.select(DeletionJob::as_select()).first(conn).optional()
    }

    /// The progress: tokens deleted, and the total.
    pub fn progress(&self) -> (i64, i64) {
        let deleted = self.deleted_refresh_tokens + self.deleted_access_tokens;
        (deleted, self.total.max(deleted))
    }

    /// Counts the tokens to delete, for the progress bar. A read: no writer waits for it.
    pub fn count(&self, conn: &mut DbConnection) -> QueryResult<i64> {
        let mut sum = 0;
        for table in [Table::RefreshTokens, Table::AccessTokens] {
            let sql = format!("SELECT COUNT(*) AS n FROM {} WHERE {}", table.name(), self.condition(conn, table)?);
            sum += diesel::sql_query(sql).get_result::<Counted>(conn)?.n;
        }
        Ok(sum)
    }

    /// Stores the counted total.
    pub fn set_total(conn: &mut DbConnection, id: i64, total: i64) -> QueryResult<usize> {
        diesel::update(purges::table.find(id)).set(purges::total.eq(total)).execute(conn)
    }

    /// Deletes one small batch; returns whether there is more to delete.
    pub fn step(&self, conn: &mut DbConnection, batch: i64, now: Timestamp) -> Result<bool> {
        for table in [Table::AccessTokens, Table::RefreshTokens] {
            if self.subject_kind == "refresh_token" && table == Table::RefreshTokens {
                continue;
            }
            let (name, condition) = (table.name(), self.condition(conn, table)?);
            let sql = format!(
                "DELETE FROM {name} WHERE id IN (SELECT id FROM {name} WHERE {condition} ORDER BY id LIMIT {batch})"
            );
            let deleted = diesel::sql_query(sql).execute(conn)? as i64;
            if deleted > 0 {
                let row = purges::table.find(self.id);
                match table {
                    Table::AccessTokens => diesel::update(row)
                        .set(purges::deleted_access_tokens.eq(purges::deleted_access_tokens + deleted))
                        .execute(conn)?,
                    Table::RefreshTokens => diesel::update(row)
                        .set(purges::deleted_refresh_tokens.eq(purges::deleted_refresh_tokens + deleted))
                        .execute(conn)?,
                };
                return Ok(true);
            }
        }
        self.finish(conn, now)?;
        Ok(false)
    }

    fn finish(&self, conn: &mut DbConnection, now: Timestamp) -> Result<()> {
        let name = &self.subject_name;
        let subject = match self.subject_kind.as_str() {
            "client" => {
                Client::delete(conn, ClientKey(self.subject_id))?;
                Subject::named("client", self.subject_id, name)
            }
            "refresh_token" => {
                diesel::delete(refresh_tokens::table.find(RefreshTokenKey(self.subject_id))).execute(conn)?;
                Subject::named("refresh_token", self.subject_id, name)
            }
            _ => {
                Employee::mark_all_access_revoked(conn, EmployeeKey(self.subject_id), 0, 0)?;
                Subject::named("employee", self.subject_id, name)
            }
        };
        let row = purges::table.find(self.id);
        diesel::update(row).set(purges::finished_at.eq(Some(now))).execute(conn)?;
        let counts: (i64, i64) =
            row.select((purges::deleted_refresh_tokens, purges::deleted_access_tokens)).first(conn)?;
        let own = i64::from(self.subject_kind == "refresh_token");
        let detail = Detail { refresh_tokens: counts.0 + own, access_tokens: counts.1, ..Detail::default() };
        NewActivity::new(Kind::Purged, Actor::server(), subject).with(detail).record(conn, now)
    }

    fn condition(&self, conn: &mut DbConnection, table: Table) -> QueryResult<String> {
        let id = self.subject_id;
        Ok(match (self.subject_kind.as_str(), table) {
            ("client", _) => format!("client_id = {id}"),
            ("refresh_token", Table::RefreshTokens) => format!("id = {id}"),
            ("refresh_token", Table::AccessTokens) => format!("refresh_token_id = {id}"),
            (_, table) => {
                let employee = Employee::find(conn, EmployeeKey(id)).optional()?;
                let through = employee.map_or(0, |employee| match table {
                    Table::RefreshTokens => employee.revoked_refresh_tokens_through,
                    Table::AccessTokens => employee.revoked_access_tokens_through,
                });
                format!("employee_id = {id} AND id <= {through}")
            }
        })
    }
}
