//! Revokes clients, refresh tokens, access tokens and API keys, and records it in the activity log.
//!
//! Up to [`MAX_AT_ONCE`] tokens are deleted in the same transaction; foreign keys delete what belongs to them. A larger
//! deletion would block every other writer for seconds. So the transaction only marks the client or refresh token as
//! revoked, or stores the highest token ids of an employee. That revokes all access immediately; a
//! [`DeletionJob`](super::DeletionJob) deletes the rows in batches. Tokens created after the confirmation page was shown
//! are revoked too, and the message names them.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{ClientKey, EmployeeKey};
use crate::schema::{access_tokens, purges, refresh_tokens};
use crate::time::Timestamp;
use crate::tokens::access_token::AccessToken;
use crate::tokens::client_counters;
use crate::tokens::listing::Table;
use crate::tokens::refresh_token::RefreshToken;
use crate::tokens::revocation::impact::{count_up_to, created_since, newest_masks};
use crate::tokens::revocation::{RevocationImpact, Seen, Target};

/// How many tokens one transaction deletes.
pub const MAX_AT_ONCE: i64 = 2_000;

/// What a revocation did.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// What was revoked; for a large revocation, what is known before the rows are deleted.
    pub detail: Detail,
    /// The part that was created after the confirmation page was shown.
    pub new: Detail,
    /// Whether a background job is still deleting the rows.
    pub is_purging: bool,
}

/// Revokes a target. `seen` is what the confirmation page counted; `None` when there was no such page.
///
/// Errors: [`Error::Conflict`] when it was revoked in the meantime.
pub fn revoke(
    conn: &mut DbConnection,
    target: &Target,
    seen: Option<Seen>,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Revoked> {
    revoke_as(conn, target, (target.kind(), ""), seen, (actor, client_ip), now)
}

/// Revokes a target and records it as `kind` with a note: token reuse also revokes a refresh token.
pub fn revoke_as(
    conn: &mut DbConnection,
    target: &Target,
    (kind, note): (Kind, &str),
    seen: Option<Seen>,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Revoked> {
    let is_purging = count_up_to(conn, target, MAX_AT_ONCE)? > MAX_AT_ONCE;
    let new = match seen {
        Some(seen) => created_since(conn, target, seen)?,
        None => Detail::default(),
    };
    let mut detail = match is_purging {
        true => mark_revoked(conn, target, now)?,
        false => delete(conn, target)?,
    };
    let created_later = match new.counts() {
        counts if counts.is_empty() => counts,
        counts => format!("{counts} created after the confirmation page was opened"),
    };
    let notes = [note, &detail.note, &created_later].into_iter().filter(|part| !part.is_empty());
    detail.note = notes.collect::<Vec<_>>().join("; ");
    NewActivity::new(kind, actor.clone(), target.subject()).from(client_ip).with(detail.clone()).record(conn, now)?;
    if let Target::RefreshToken(client, _) = target {
        client_counters::recount(conn, client.id)?;
    }
    Ok(Revoked { detail, new, is_purging })
}

// On PostgreSQL another transaction may delete it between the lookup and the deletion.
fn already_revoked() -> Error {
    Error::Conflict("Someone else revoked it a moment ago.".into())
}

/// Revokes one access token or API key. Errors: [`Error::Conflict`] when it was revoked in the meantime.
pub fn revoke_access_token(
    conn: &mut DbConnection,
    (client, token): (&Client, &AccessToken),
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<()> {
    if !AccessToken::delete(conn, token.id)? {
        return Err(already_revoked());
    }
    let kind = if token.is_api_key() { Kind::ApiKeyRevoked } else { Kind::AccessTokenRevoked };
    let subject = Subject::token("access_token", token.id.0, &token.mask, &client.name, token.employee_id);
    let note = if token.label.is_empty() { String::new() } else { format!("“{}”", token.label) };
    NewActivity::new(kind, actor.clone(), subject).from(client_ip).with(Detail::note(note)).record(conn, now)?;
    client_counters::recount(conn, client.id)?;
    Ok(())
}

// Deletes the rows now; what is deleted is counted in the same transaction.
fn delete(conn: &mut DbConnection, target: &Target) -> Result<Detail> {
    let mut detail = RevocationImpact::of(conn, target)?.detail;
    detail.employees.truncate(Detail::MOST_NAMES as usize);
    detail.masks = newest_masks(conn, target)?;
    let was_deleted = match target {
        Target::Client(client) => Client::delete(conn, client.id)?,
        Target::RefreshToken(_, token) => {
            detail.refresh_tokens = 1;
            diesel::delete(refresh_tokens::table.find(token.id)).execute(conn)? == 1
        }
        Target::Grants(employee) => {
            let clients = clients_of(conn, employee.id)?;
            diesel::delete(refresh_tokens::table.filter(refresh_tokens::employee_id.eq(employee.id))).execute(conn)?;
            diesel::delete(access_tokens::table.filter(access_tokens::employee_id.eq(employee.id))).execute(conn)?;
            for client in clients {
                client_counters::recount(conn, client)?;
            }
            true
        }
    };
    if was_deleted { Ok(detail) } else { Err(already_revoked()) }
}

// Revokes access now and leaves the rows to a deletion job.
fn mark_revoked(conn: &mut DbConnection, target: &Target, now: Timestamp) -> Result<Detail> {
    let (kind, id, name, is_marked, estimate) = match target {
        Target::Client(client) => {
            let estimate = client.valid_refresh_tokens + client.valid_access_tokens;
            ("client", client.id.0, client.name.clone(), Client::mark_revoked(conn, client.id, now)?, estimate)
        }
        Target::RefreshToken(client, token) => {
            let name = format!("{} of {}", token.mask.characters(), client.name);
            ("refresh_token", token.id.0, name, RefreshToken::mark_revoked(conn, token.id, now)?, MAX_AT_ONCE)
        }
        Target::Grants(employee) => {
            let refresh = highest(conn, Table::RefreshTokens)?;
            let access = highest(conn, Table::AccessTokens)?;
            Employee::mark_all_access_revoked(conn, employee.id, refresh, access)?;
            ("employee", employee.id.0, employee.name.clone(), true, MAX_AT_ONCE)
        }
    };
    if !is_marked {
        return Err(Error::Conflict("It was already revoked and is being deleted.".into()));
    }
    diesel::insert_into(purges::table)
        .values((
            purges::subject_kind.eq(kind),
            purges::subject_id.eq(id),
            purges::subject_name.eq(name),
            purges::total.eq(estimate.max(MAX_AT_ONCE)),
            purges::created_at.eq(now),
        ))
        .execute(conn)?;
    let note = format!(
        "more than {} tokens; access is revoked, the tokens are being deleted",
        crate::time::thousands(MAX_AT_ONCE)
    );
    Ok(Detail { masks: newest_masks(conn, target)?, note, ..Detail::default() })
}

fn highest(conn: &mut DbConnection, table: Table) -> QueryResult<i64> {
    let highest: Option<i64> = match table {
        Table::RefreshTokens => refresh_tokens::table.select(diesel::dsl::max(refresh_tokens::id)).first(conn)?,
        Table::AccessTokens => access_tokens::table.select(diesel::dsl::max(access_tokens::id)).first(conn)?,
    };
    Ok(highest.unwrap_or(0))
}

fn clients_of(conn: &mut DbConnection, employee: EmployeeKey) -> QueryResult<Vec<ClientKey>> {
    let mut ids: Vec<ClientKey> = access_tokens::table
        .filter(access_tokens::employee_id.eq(employee))
        .select(access_tokens::client_id)
        .distinct()
        .load(conn)?;
    let granted = refresh_tokens::table.filter(refresh_tokens::employee_id.eq(employee));
    ids.extend(granted.select(refresh_tokens::client_id).distinct().load::<ClientKey>(conn)?);
    Ok(ids)
}
