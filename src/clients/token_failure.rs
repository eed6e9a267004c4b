//! Failed token requests, shown on the client's page: the error code and hint that were returned, never a secret or token.
//! Failures are buffered in memory and written every few seconds, so that a flood of bad requests does not cause a write
//! each.

use std::collections::HashMap;
use std::sync::Mutex;

use diesel::prelude::*;

use crate::db::{Db, DbConnection};
use crate::error::Result;
use crate::id::ClientKey;
use crate::schema::{clients, token_failures};
use crate::time::{DAY, Timestamp};

/// How many failures are kept and shown per client.
pub const KEPT: i64 = 50;
const KEPT_FOR: i64 = 30 * DAY;
// Per client, between two writes.
const MAX_BUFFERED: usize = 20;

/// A row of `token_failures`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = token_failures)]
pub struct TokenFailure {
    /// When the request failed.
    pub at: Timestamp,
    /// `authorization_code`, `refresh_token`, or empty when the request failed before its grant type was read.
    pub grant_type: String,
    /// The error code returned.
    pub error: String,
    /// The hint returned.
    pub hint: String,
    /// The IP address the request came from.
    pub client_ip: String,
}

impl TokenFailure {
    /// The latest failures of a client, newest first.
    pub fn of_client(conn: &mut DbConnection, client: ClientKey, limit: i64) -> QueryResult<Vec<TokenFailure>> {
        token_failures::table
            .filter(token_failures::client_id.eq(client))
            .order(token_failures::id.desc())
            .limit(limit)
            .select(TokenFailure::as_select())
            .load(conn)
    }

    /// Deletes a batch of failures older than 30 days.
    pub fn purge(conn: &mut DbConnection, now: Timestamp, batch: i64) -> QueryResult<usize> {
        let old = token_failures::table.filter(token_failures::at.lt(now.plus(-KEPT_FOR)));
        let ids: Vec<i64> = old.select(token_failures::id).limit(batch).load(conn)?;
        diesel::delete(token_failures::table.filter(token_failures::id.eq_any(ids))).execute(conn)
    }

    /// Inserts the failure.
    pub fn record(&self, conn: &mut DbConnection, client: ClientKey) -> QueryResult<usize> {
        diesel::insert_into(token_failures::table)
            .values((
                token_failures::client_id.eq(client),
                token_failures::at.eq(self.at),
                token_failures::grant_type.eq(&self.grant_type),
                token_failures::error.eq(&self.error),
                token_failures::hint.eq(&self.hint),
                token_failures::client_ip.eq(&self.client_ip),
            ))
            .execute(conn)
    }
}

/// Failures that are not written yet.
#[derive(Default)]
pub struct Failures(Mutex<HashMap<ClientKey, Vec<TokenFailure>>>);

impl Failures {
    /// Buffers a failure of a client. Between two writes only the first few per client are kept.
    pub fn note(&self, client: ClientKey, failure: TokenFailure) {
        let Ok(mut buffered) = self.0.lock() else { return };
        let of_client = buffered.entry(client).or_default();
        if of_client.len() < MAX_BUFFERED {
            of_client.push(failure);
        }
    }

    /// Writes the buffered failures.
    pub async fn flush(&self, db: &Db) -> Result<()> {
        let buffered = match self.0.lock() {
            Ok(mut buffered) => std::mem::take(&mut *buffered),
            Err(_) => return Ok(()),
        };
        for (client, failures) in buffered {
            let written = db.write(move |conn| {
                // The client may have been revoked and deleted meanwhile, together with its failures.
                if clients::table.find(client).select(clients::id).first::<ClientKey>(conn).optional()?.is_none() {
                    return Ok(());
                }
                for failure in &failures {
                    failure.record(conn, client)?;
                }
                let of_client = token_failures::table.filter(token_failures::client_id.eq(client));
                let ids = of_client.order(token_failures::id.desc()).select(token_failures::id).offset(KEPT);
                if let Some(last) = ids.first::<i64>(conn).optional()? {
                    let surplus = token_failures::id.le(last);
                    diesel::delete(of_client.filter(surplus)).execute(conn)?;
                }
                Ok(())
            });
            written.await?;
        }
        Ok(())
    }
}
