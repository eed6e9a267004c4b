//! What retention deletes, as one list, for the command that runs it once. The background jobs call the same functions.

use diesel::QueryResult;

use crate::access::attention::Acknowledgement;
use crate::access::bulk_revocation::BulkRevocation;
use crate::access::usage;
use crate::api_tokens;
use crate::clients::ClientSecret;
use crate::clients::failed_secret_count::FailedSecretCount;
use crate::clients::token_failure::TokenFailure;
use crate::connections::{ConnectionEvent, PendingAuthorization};
use crate::db::DbConnection;
use crate::employees::{Attempts, OneTimeLink, Session};
use crate::notices::{NoticeMark, OutboxMessage};
use crate::time::Timestamp;
use crate::tokens::authorization_code::AuthorizationCode;
use crate::tokens::retention::{delete_api_key, delete_refresh_token, expired_api_keys, expired_refresh_tokens};
use crate::tokens::{EndedToken, RefreshToken};

/// When retention runs.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// The time of the run.
    pub now: Timestamp,
    /// Tokens that expired before this are deleted.
    pub cutoff: Timestamp,
}

/// Deletes some rows of one kind, about as many as it is told at most, and returns how many.
pub type Step = fn(&mut DbConnection, Retention, i64) -> QueryResult<usize>;

/// What retention deletes, by name, in the order of the background jobs.
pub const STEPS: &[(&str, Step)] = &[
    ("values of refresh tokens in the format of 0.1.0", |conn, at, most| {
        RefreshToken::purge_values(conn, at.now, most)
    }),
    ("expired access tokens", |conn, at, most| {
        EndedToken::move_expired(conn, at.now, most)?;
        delete(conn, at.cutoff, (EndedToken::older_than, EndedToken::delete), most)
    }),
    ("expired refresh tokens", |conn, at, most| {
        delete(conn, at.cutoff, (expired_refresh_tokens, delete_refresh_token), most)
    }),
    ("expired API keys", |conn, at, most| delete(conn, at.cutoff, (expired_api_keys, delete_api_key), most)),
    ("expired and revoked API tokens", |conn, at, most| {
        delete(conn, at.cutoff, (api_tokens::retention::ended, api_tokens::retention::delete_ended), most)
    }),
    ("authorization codes", |conn, at, most| AuthorizationCode::purge(conn, at.now, most)),
    ("failed token requests", |conn, at, most| TokenFailure::purge(conn, at.now, most)),
    ("events of connections", |conn, at, most| ConnectionEvent::purge(conn, at.now, most)),
    ("delivered notices", |conn, at, most| OutboxMessage::purge(conn, at.now, most)),
    ("marks of notices", |conn, at, most| NoticeMark::purge(conn, at.now, most)),
    ("counts of failed sign-ins", |conn, at, most| Attempts::purge(conn, at.now, most)),
    ("counts of wrong client secrets", |conn, at, most| FailedSecretCount::purge(conn, at.now, most)),
    ("acknowledgements", |conn, at, most| Acknowledgement::purge(conn, at.now, most)),
    ("days of use of clients", |conn, at, most| usage::purge_clients(conn, at.now, most)),
    ("days of use of API keys", |conn, at, most| usage::purge_api_keys(conn, at.now, most)),
    ("expired sessions", |conn, at, _| Session::purge(conn, at.now)),
    ("expired one-time links", |conn, at, _| OneTimeLink::purge(conn, at.now)),
    ("replaced client secrets", |conn, at, _| ClientSecret::purge(conn, at.now)),
    ("unfinished authorizations of connections", |conn, at, _| PendingAuthorization::purge(conn, at.now)),
    ("bulk revocations that were not confirmed", |conn, at, _| BulkRevocation::purge(conn, at.now)),
];

type Find = fn(&mut DbConnection, Timestamp, i64) -> QueryResult<Vec<i64>>;
type Delete = fn(&mut DbConnection, i64, Timestamp) -> QueryResult<usize>;

fn delete(conn: &mut DbConnection, cutoff: Timestamp, of: (Find, Delete), most: i64) -> QueryResult<usize> {
    let (find, delete) = of;
    let found = find(conn, cutoff, most)?;
    found.into_iter().try_fold(0, |done, id| Ok(done + delete(conn, id, cutoff)?))
}
