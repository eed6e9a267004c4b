//! Revokes clients, refresh tokens, access tokens and API keys, and records it in the activity log.
//!
//! Up to [`MAX_AT_ONCE`] rows are deleted in the same transaction; foreign keys delete what belongs to them. A larger
//! deletion would make every other writer wait. So the transaction only marks the client or refresh token as revoked, or
//! stores the highest token ids of an employee. That revokes all access immediately; a [`DeletionJob`] deletes the rows in
//! batches. Tokens created after the confirmation page was shown are revoked too, and the message names them.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject, TokenCount};
use crate::clients::Client;
use crate::db::index_order::in_index_order;
use crate::db::{DbConnection, tally};
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::metrics::Act;
use crate::notices;
use crate::schema::{access_tokens, refresh_tokens};
use crate::time::Timestamp;
use crate::tokens::access_token::AccessToken;
use crate::tokens::authorization_code::AuthorizationCode;
use crate::tokens::client_counters;
use crate::tokens::refresh_token::RefreshToken;
use crate::tokens::revocation::batch::is_larger;
use crate::tokens::revocation::impact::{created_since, recorded};
use crate::tokens::revocation::rows::{First, Rows};
use crate::tokens::revocation::{DeletionJob, Seen, Target};

/// What a revocation did.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// What was revoked; counts stop at a thousand.
    pub detail: Detail,
    /// The part that was created after the confirmation page was shown.
    pub new: Detail,
    /// Whether a background job is still deleting the rows.
    pub is_purging: bool,
}

impl Revoked {
    /// Whether so many rows are being deleted that a page shows the progress: more tokens than were counted.
    pub fn takes_a_while(&self) -> bool {
        self.is_purging && self.detail.is_capped()
    }
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
    if let Target::Grants(employee) = target {
        // First, because on PostgreSQL this waits for a code that is just being redeemed, so that the refresh token issued
        // from it is seen below.
        AuthorizationCode::withdraw(conn, employee.id, now)?;
    }
    let rows = target.rows();
    let is_purging = is_larger(conn, &rows)?;
    let new = match seen {
        Some(seen) => created_since(conn, target, seen)?,
        None => Detail::default(),
    };
    let mut detail = recorded(conn, target)?;
    match is_purging {
        true => mark(conn, target, &detail, now)?,
        false => {
            delete(conn, target, &rows)?;
            tally(conn, Act::RefreshTokenRevoked, detail.refresh_tokens.n());
            tally(conn, Act::AccessTokenRevoked, detail.access_tokens.n());
            tally(conn, Act::ApiKeyRevoked, detail.api_keys.n());
        }
    }
    let created_later = match new.counts() {
        counts if counts.is_empty() => counts,
        counts => format!("{counts} created after the confirmation page was opened"),
    };
    let deleting = if is_purging { "the rows are being deleted" } else { "" };
    let notes = [note, &created_later, deleting].into_iter().filter(|part| !part.is_empty());
    detail.note = notes.collect::<Vec<_>>().join("; ");
    NewActivity::new(kind, actor.clone(), target.subject()).from(client_ip).with(detail.clone()).record(conn, now)?;
    if let Some(notice) = target.notice(kind, note, actor) {
        notices::raise(conn, &notice, now)?;
    }
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
    let (kind, act) = match token.is_api_key() {
        true => (Kind::ApiKeyRevoked, Act::ApiKeyRevoked),
        false => (Kind::AccessTokenRevoked, Act::AccessTokenRevoked),
    };
    tally(conn, act, 1);
    let subject = Subject::token("access_token", token.id.0, &token.mask, (client.id, &client.name), token.employee_id);
    let note = if token.label.is_empty() { String::new() } else { format!("“{}”", token.label) };
    NewActivity::new(kind, actor.clone(), subject).from(client_ip).with(Detail::note(note)).record(conn, now)?;
    client_counters::recount(conn, client.id)?;
    Ok(())
}

// Deletes the few rows now. The parent goes first: a refresh locks its refresh token before it writes what belongs to it,
// and the opposite order could deadlock on PostgreSQL.
fn delete(conn: &mut DbConnection, target: &Target, rows: &Rows) -> Result<()> {
    let was_deleted = match target {
        Target::Client(client) => Client::delete(conn, client.id)?,
        Target::RefreshToken(_, token) => diesel::delete(refresh_tokens::table.find(token.id)).execute(conn)? == 1,
        Target::Grants(_) => {
            let mut clients: Vec<ClientKey> =
                rows.refresh_tokens(conn, First::Oldest).select(refresh_tokens::client_id).load(conn)?;
            clients.extend(
                rows.access_tokens(conn, First::Oldest).select(access_tokens::client_id).load::<ClientKey>(conn)?,
            );
            clients.sort_unstable();
            clients.dedup();
            let grants: Vec<i64> = rows.refresh_tokens(conn, First::Oldest).select(refresh_tokens::id).load(conn)?;
            diesel::delete(refresh_tokens::table.filter(refresh_tokens::id.eq_any(grants))).execute(conn)?;
            let tokens: Vec<i64> = rows.access_tokens(conn, First::Oldest).select(access_tokens::id).load(conn)?;
            diesel::delete(access_tokens::table.filter(access_tokens::id.eq_any(tokens))).execute(conn)?;
            for client in clients {
                client_counters::recount(conn, client)?;
            }
            true
        }
    };
    if was_deleted { Ok(()) } else { Err(already_revoked()) }
}

// Revokes access now and leaves the rows to a deletion job.
fn mark(conn: &mut DbConnection, target: &Target, detail: &Detail, now: Timestamp) -> Result<()> {
    let is_marked = match target {
        Target::Client(client) => Client::mark_revoked(conn, client.id, now)?,
        Target::RefreshToken(_, token) => RefreshToken::mark_revoked(conn, token.id, now)?,
        Target::Grants(employee) => {
            let rows = target.rows();
            let (refresh, access) = in_index_order(conn, |conn| {
                let refresh = rows.refresh_tokens(conn, First::Newest).select(refresh_tokens::id);
                let access = rows.access_tokens(conn, First::Newest).select(access_tokens::id);
                let refresh: Option<i64> = refresh.limit(1).load(conn)?.pop();
                let access: Option<i64> = access.limit(1).load(conn)?.pop();
                Ok((refresh, access))
            })?;
            Employee::mark_all_access_revoked(conn, employee.id, refresh.unwrap_or(0), access.unwrap_or(0))?;
            true
        }
    };
    if !is_marked {
        return Err(Error::Conflict("It was already revoked and is being deleted.".into()));
    }
    let counted: i64 = [detail.refresh_tokens, detail.access_tokens, detail.api_keys].map(TokenCount::n).iter().sum();
    let about = match target {
        Target::Client(client) => client.valid_refresh_tokens + client.valid_access_tokens,
        _ => 0,
    };
    DeletionJob::start(conn, target, counted.max(about), now)?;
    Ok(())
}
