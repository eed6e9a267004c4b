//! What changes in a restored database because of what happened after the backup, for the activity log and the console.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::access::erasure;
use crate::activity::{Actor, Detail, Kind, NewActivity, Subject, TokenCount};
use crate::db::DbConnection;
use crate::error::Result;
use crate::id::{ClientKey, EmployeeKey};
use crate::schema::{access_tokens, refresh_tokens};
use crate::time::Timestamp;

const NOTE: &str = "this happened after the backup that was restored";

// How far ids continue after those of the backup when it is not known which ones were used since.
const SKIPPED_IDS: i64 = 1_000_000;

/// What changed because of a restore, besides its own entry.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    refresh_tokens: i64,
    access_tokens: i64,
    api_keys: i64,
    masks: Vec<String>,
    clients: Vec<ClientKey>,
    events: Vec<(Kind, Subject)>,
    erased: Vec<EmployeeKey>,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

// What is recorded by name, the kind of its subject, and how to find it before it is changed.
const EVENTS: &[(Kind, &str, &str)] = &[
    (Kind::ClientRevoked, Subject::CLIENT, "SELECT id, name FROM gone_clients ORDER BY id"),
    (
        Kind::ClientSuspended,
        Subject::CLIENT,
        "SELECT c.id AS id, c.name AS name FROM main.clients c JOIN replaced.clients o ON o.id = c.id
         WHERE o.suspended_at IS NOT NULL AND c.suspended_at IS NULL AND c.id NOT IN (SELECT id FROM gone_clients)",
    ),
    (
        Kind::EmployeeLocked,
        Subject::EMPLOYEE,
        "SELECT e.id AS id, e.name AS name FROM main.employees e JOIN replaced.employees o ON o.id = e.id
         WHERE o.locked_at IS NOT NULL AND e.locked_at IS NULL",
    ),
    (
        Kind::EmployeeArchived,
        Subject::EMPLOYEE,
        "SELECT e.id AS id, e.name AS name FROM main.employees e JOIN replaced.employees o ON o.id = e.id
         WHERE o.archived_at IS NOT NULL AND e.archived_at IS NULL",
    ),
    (
        Kind::RoleChanged,
        Subject::EMPLOYEE,
        "SELECT e.id AS id, e.name AS name FROM main.employees e JOIN replaced.employees o ON o.id = e.id
         WHERE o.role = 'staff' AND e.role <> 'staff' OR o.role = 'manager' AND e.role = 'admin'",
    ),
    (
        Kind::PasswordChanged,
        Subject::EMPLOYEE,
        "SELECT e.id AS id, e.name AS name FROM main.employees e JOIN replaced.employees o ON o.id = e.id
         WHERE o.password_hash IS NOT e.password_hash AND o.erased_at IS NULL",
    ),
    (
        Kind::ResourceServerRemoved,
        "resource_server",
        "SELECT s.id AS id, s.name AS name FROM main.resource_servers s WHERE NOT EXISTS (
             SELECT 1 FROM replaced.resource_servers o WHERE o.id = s.id AND o.resource_server_id = s.resource_server_id)",
    ),
    (
        Kind::ResourceServerChanged,
        "resource_server",
        "SELECT s.id AS id, s.name AS name FROM main.resource_servers s JOIN replaced.resource_servers o ON o.id = s.id
         WHERE o.hash <> s.hash",
    ),
    (
        Kind::ApiTokenRevoked,
        "api_token",
        "SELECT a.id AS id, a.prefix || ' “' || a.name || '”' AS name FROM main.api_tokens a
         WHERE a.revoked_at IS NULL AND NOT EXISTS (SELECT 1 FROM replaced.api_tokens o
             WHERE o.id = a.id AND o.hash = a.hash AND o.revoked_at IS NULL)",
    ),
    (
        Kind::ConnectionDisconnected,
        "connection",
        "SELECT id, name FROM main.connections WHERE id NOT IN (SELECT id FROM replaced.connections)",
    ),
];

impl Changes {
    /// What the comparison found. Call it before anything is changed. Expired tokens do not count.
    pub(super) fn found(conn: &mut DbConnection, now: Timestamp) -> Result<Changes> {
        let mut changes = Changes {
            refresh_tokens: number(conn, "gone_refresh_tokens", now)?,
            access_tokens: number(conn, "gone_access_tokens", now)?,
            api_keys: number(conn, "gone_api_keys", now)?,
            ..Changes::default()
        };
        let most = Detail::MOST_NAMES;
        let tokens = format!(
            "SELECT client_id AS id, prefix AS name FROM gone_refresh_tokens WHERE expires_at > {now}
             UNION ALL SELECT client_id, prefix FROM gone_api_keys WHERE expires_at > {now} LIMIT {most}",
            now = now.0
        );
        let tokens: Vec<Named> = diesel::sql_query(tokens).load(conn)?;
        changes.clients = tokens.iter().map(|token| ClientKey(token.id)).collect();
        changes.clients.sort_unstable();
        changes.clients.dedup();
        changes.masks = tokens.into_iter().map(|token| token.name).collect();
        for (kind, subject, sql) in EVENTS {
            let found: Vec<Named> = diesel::sql_query(*sql).load(conn)?;
            changes.events.extend(found.into_iter().map(|named| (*kind, subject_of(subject, &named))));
        }
        let erased = "SELECT e.id AS id, e.name AS name FROM main.employees e JOIN replaced.employees o ON o.id = e.id
                      WHERE o.erased_at IS NOT NULL AND e.erased_at IS NULL";
        let erased: Vec<Named> = diesel::sql_query(erased).load(conn)?;
        changes.erased = erased.into_iter().map(|named| EmployeeKey(named.id)).collect();
        Ok(changes)
    }

    /// All tokens that have not expired.
    pub(super) fn everything(conn: &mut DbConnection, now: Timestamp) -> Result<Changes> {
        let valid = access_tokens::table.filter(access_tokens::expires_at.gt(now));
        let of_grants = valid.filter(access_tokens::refresh_token_id.is_not_null());
        Ok(Changes {
            refresh_tokens: refresh_tokens::table
                .filter(refresh_tokens::expires_at.gt(now))
                .count()
                .get_result(conn)?,
            access_tokens: of_grants.count().get_result(conn)?,
            api_keys: valid.filter(access_tokens::refresh_token_id.is_null()).count().get_result(conn)?,
            ..Changes::default()
        })
    }

    /// The tokens that were revoked, for the entry of the restore.
    pub fn detail(&self) -> Detail {
        Detail {
            refresh_tokens: TokenCount::exact(self.refresh_tokens),
            access_tokens: TokenCount::exact(self.access_tokens),
            api_keys: TokenCount::exact(self.api_keys),
            masks: self.masks.clone(),
            clients: self.clients.clone(),
            ..Detail::default()
        }
    }

    /// The clients, people, connections and resource servers that changed, one line for each.
    pub fn lines(&self) -> Vec<String> {
        self.events.iter().map(|(kind, subject)| format!("{}: {}", kind.label(), subject.name())).collect()
    }

    pub(super) fn record(&self, conn: &mut DbConnection, now: Timestamp) -> Result<()> {
        for (kind, subject) in &self.events {
            NewActivity::new(*kind, Actor::console(), subject.clone()).with(Detail::note(NOTE)).record(conn, now)?;
        }
        Ok(())
    }

    /// Erases the personal data that was erased after the backup again; a background job goes on with it.
    pub(super) fn erase_people(&self, conn: &mut DbConnection, now: Timestamp) -> Result<()> {
        for id in &self.erased {
            erasure::erase(conn, *id, (&Actor::console(), ""), now)?;
        }
        Ok(())
    }
}

fn subject_of(kind: &'static str, named: &Named) -> Subject {
    match kind {
        Subject::CLIENT => Subject::client(ClientKey(named.id), &named.name),
        Subject::EMPLOYEE => Subject::employee(EmployeeKey(named.id), &named.name),
        kind => Subject::named(kind, named.id, &named.name),
    }
}

fn number(conn: &mut DbConnection, table: &str, now: Timestamp) -> QueryResult<i64> {
    let sql = format!("SELECT COUNT(*) AS n FROM {table} WHERE expires_at > {}", now.0);
    diesel::sql_query(sql).get_result(conn).map(|Number { n }| n)
}

/// Lets ids continue far beyond those of the backup. Diesel knows neither SQLite's table of them nor sequences.
pub(super) fn skip_ids(conn: &mut DbConnection) -> QueryResult<()> {
    match conn {
        #[cfg(feature = "postgres-any")]
        DbConnection::Postgres(pg) => {
            let tables = "SELECT table_name::text AS name, 0::bigint AS id FROM information_schema.columns
                          WHERE table_schema = current_schema() AND column_name = 'id' AND is_identity = 'YES'";
            let tables: Vec<Named> = diesel::sql_query(tables).load(pg)?;
            for Named { name, .. } in tables {
                let skip = format!(
                    "SELECT setval(pg_get_serial_sequence('{name}', 'id'),
                     (SELECT COALESCE(MAX(id), 0) FROM {name}) + nextval(pg_get_serial_sequence('{name}', 'id')) + {SKIPPED_IDS}) AS n"
                );
                let Number { .. } = diesel::sql_query(skip).get_result(pg)?;
            }
            Ok(())
        }
        DbConnection::Sqlite(sqlite) => {
            let skip = format!("UPDATE sqlite_sequence SET seq = seq + {SKIPPED_IDS} WHERE name <> 'accounts'");
            diesel::sql_query(skip).execute(sqlite).map(drop)
        }
    }
}
