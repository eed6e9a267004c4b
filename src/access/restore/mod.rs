//! What a restored database must not bring back. A backup is an older state: what was revoked, locked, rotated or replaced
//! since would be as before. So the restored database is compared with the one that it replaces, or, if that cannot be read,
//! treated as the operator chose.

mod changes;
mod statements;

use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::account::Account;
use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::db::{DbConnection, sqlite_file};
use crate::error::{Error, Result};
use crate::schema::{
    access_tokens, api_tokens, authorization_codes, client_secrets, clients, employees, leases, one_time_links, outbox,
    refresh_tokens, reset_requests, resource_servers, service_keys, sessions,
};
use crate::secrets::{PlainToken, TokenKind};
use crate::time::Timestamp;

pub use changes::Changes;

/// How the state of the backup is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// By the database that it replaces, which [`attach`] has attached.
    Replaced,
    /// Not at all: the operator chose to trust it.
    TrustBackup,
    /// The operator chose to revoke everything that was ever issued.
    RevokeEverythingIssued,
}

/// What the activity log records about the origin of the restored data.
#[derive(Clone, Debug)]
pub struct Origin {
    /// When the backup was made, in words.
    pub made: String,
    /// The head of its activity log.
    pub head: String,
    /// The head of the database that it replaces; empty if that could not be read.
    pub replaced_head: String,
}

/// Makes the database that is replaced readable to [`apply`]. SQLite only, outside a transaction; nobody may have it open.
pub fn attach(conn: &mut DbConnection, replaced: &Path) -> Result<()> {
    let address = sqlite_file::unchanged(replaced).map_err(Error::internal)?;
    diesel::sql_query("ATTACH $1 AS replaced").bind::<Text, _>(address).execute(conn)?;
    Ok(())
}

/// Makes a database that was just restored safe to use, and records that it was restored and what changed because of it. Call it
/// in one transaction. All sessions, one-time links and authorization codes end in any case.
pub fn apply(conn: &mut DbConnection, basis: Basis, origin: &Origin, now: Timestamp) -> Result<Changes> {
    let changes = match basis {
        Basis::Replaced => compare(conn, now)?,
        Basis::TrustBackup => Changes::default(),
        Basis::RevokeEverythingIssued => revoke_everything_issued(conn, now)?,
    };
    end_sessions(conn)?;
    if basis != Basis::Replaced {
        // Which ids the lost database used is not known.
        changes::skip_ids(conn)?;
    }
    Account::set_restored(conn, now)?;
    record(conn, basis, origin, &changes, now)?;
    Ok(changes)
}

fn compare(conn: &mut DbConnection, now: Timestamp) -> Result<Changes> {
    let run = |conn: &mut DbConnection, list: &[&str]| -> Result<()> {
        list.iter().try_for_each(|sql| Ok(diesel::sql_query(*sql).execute(conn).map(drop)?))
    };
    run(conn, statements::FIND)?;
    let changes = Changes::found(conn, now)?;
    use statements::{API_TOKENS, CLIENTS, CONNECTIONS, PEOPLE, TOKENS};
    for list in [PEOPLE, TOKENS, API_TOKENS, CLIENTS, CONNECTIONS] {
        run(conn, list)?;
    }
    for (table, columns) in statements::WHOLE_TABLES {
        diesel::sql_query(format!("DELETE FROM main.{table}")).execute(conn)?;
        let copy = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM replaced.{table}");
        diesel::sql_query(copy).execute(conn)?;
    }
    // Before the first entry of the activity log is recorded.
    run(conn, statements::IDS)?;
    changes.erase_people(conn, now)?;
    Ok(changes)
}

// Sessions of the backup may have been signed out since, links and codes used. Leases are of servers that are gone.
fn end_sessions(conn: &mut DbConnection) -> QueryResult<()> {
    diesel::delete(sessions::table).execute(conn)?;
    diesel::delete(one_time_links::table).execute(conn)?;
    diesel::delete(reset_requests::table).execute(conn)?;
    diesel::delete(outbox::table.filter(outbox::sealed_link.is_not_null())).execute(conn)?;
    diesel::delete(authorization_codes::table.filter(authorization_codes::redeemed_at.is_null())).execute(conn)?;
    diesel::delete(leases::table).execute(conn).map(drop)
}

// Tokens, keys and secrets. Passwords stay, because otherwise nobody could sign in.
fn revoke_everything_issued(conn: &mut DbConnection, now: Timestamp) -> Result<Changes> {
    let changes = Changes::everything(conn, now)?;
    diesel::delete(authorization_codes::table).execute(conn)?;
    diesel::delete(access_tokens::table).execute(conn)?;
    diesel::delete(refresh_tokens::table).execute(conn)?;
    diesel::delete(client_secrets::table).execute(conn)?;
    diesel::delete(service_keys::table).execute(conn)?;
    diesel::delete(api_tokens::table).execute(conn)?;
    let ids: Vec<i64> = resource_servers::table.select(resource_servers::id).load(conn)?;
    for id in ids {
        // A secret that nobody knows: an admin generates another.
        let nobodys = PlainToken::generate(TokenKind::ClientSecret).hash();
        let row = resource_servers::table.filter(resource_servers::id.eq(id));
        diesel::update(row).set(resource_servers::hash.eq(nobodys)).execute(conn)?;
    }
    diesel::update(clients::table).set(clients::counted_at.eq(0)).execute(conn)?;
    diesel::update(employees::table).set(employees::grants_counted_at.eq(0)).execute(conn)?;
    Ok(changes)
}

fn record(conn: &mut DbConnection, basis: Basis, origin: &Origin, changes: &Changes, now: Timestamp) -> Result<()> {
    let how = match basis {
        Basis::Replaced => format!("compared with the database it replaced, head {}", origin.replaced_head),
        Basis::TrustBackup => "--trust-backup".to_string(),
        Basis::RevokeEverythingIssued => "--revoke-everything-issued".to_string(),
    };
    let replaced = match (basis, origin.replaced_head.as_str()) {
        (Basis::Replaced, _) | (_, "") => String::new(),
        (_, head) => format!("; head of the database it replaced: {head}"),
    };
    let note = format!("backup of {}, head {}; {how}{replaced}", origin.made, origin.head);
    let detail = Detail { note, ..changes.detail() };
    NewActivity::new(Kind::DatabaseRestored, Actor::console(), Subject::named("account", 1, "Database"))
        .with(detail)
        .record(conn, now)?;
    changes.record(conn, now)
}
