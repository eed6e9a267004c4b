//! What the token endpoint refused, for the developer of the client who asks why: the words its app was given, never a
//! value. Collected in memory and written every few seconds: whoever sends nonsense costs no write each time.

use std::collections::HashMap;
use std::sync::Mutex;

use diesel::prelude::*;

use crate::db::{Db, DbConnection};
use crate::error::Result;
use crate::id::ClientKey;
use crate::schema::{clients, token_failures};
use crate::time::{DAY, Timestamp};

/// How many of a client are shown and kept.
pub const KEPT: i64 = 50;
const KEPT_FOR: i64 = 30 * DAY;
// Between two writes, per client.
const COLLECTED: usize = 20;

/// One row.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = token_failures)]
pub struct TokenFailure {
    /// When.
    pub at: Timestamp,
    /// `authorization_code`, `refresh_token`, or empty when it never came to that.
    pub grant_type: String,
    /// The error code that was answered.
    pub error: String,
    /// The hint that was answered.
    pub hint: String,
    /// The address that asked.
    pub client_ip: String,
}

impl TokenFailure {
    /// The newest failures of a client.
    pub fn of_client(conn: &mut DbConnection, client: ClientKey, limit: i64) -> QueryResult<Vec<TokenFailure>> {
        token_failures::table
            .filter(token_failures::client_id.eq(client))
            .order(token_failures::id.desc())
            .limit(limit)
            .select(TokenFailure::as_select())
            .load(conn)
    }

    /// Deletes a batch of those that are too old to be asked about.
    pub fn purge(conn: &mut DbConnection, now: Timestamp, batch: i64) -> QueryResult<usize> {
        let old = token_failures::table.filter(token_failures::at.lt(now.plus(-KEPT_FOR)));
        let ids: Vec<i64> = old.select(token_failures::id).limit(batch).load(conn)?;
        diesel::delete(token_failures::table.filter(token_failures::id.eq_any(ids))).execute(conn)
    }

    /// Writes it.
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

/// Failures on their way to the database.
#[derive(Default)]
pub struct Failures(Mutex<HashMap<ClientKey, Vec<TokenFailure>>>);

impl Failures {
    /// Notes a failure of a client; beyond a few between two writes, the first ones are kept.
    pub fn note(&self, client: ClientKey, failure: TokenFailure) {
        let Ok(mut noted) = self.0.lock() else { return };
        let of_client = noted.entry(client).or_default();
        if of_client.len() < COLLECTED {
            of_client.push(failure);
        }
    }

    /// Writes what was collected.
    pub async fn flush(&self, db: &Db) -> Result<()> {
        let noted = match self.0.lock() {
            Ok(mut noted) => std::mem::take(&mut *noted),
            Err(_) => return Ok(()),
        };
        for (client, failures) in noted {
            let written = db.write(move |conn| {
                // The client may have been revoked meanwhile, and its failures with it.
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
