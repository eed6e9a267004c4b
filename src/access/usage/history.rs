//! The counts of the last 90 days, and the deletion of older ones.

use std::ops::AddAssign;

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::{AccessTokenKey, ClientKey};
use crate::schema::{api_key_days, client_days};
use crate::time::{DAY, Timestamp};

/// How many days are kept and shown, today among them.
pub const DAYS: usize = 90;

/// How often something happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Queryable)]
pub struct Counts {
    /// Calls with a valid token.
    pub calls: i64,
    /// Tokens that were refreshed.
    pub refreshes: i64,
    /// Requests that were refused.
    pub refusals: i64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.calls += other.calls;
        self.refreshes += other.refreshes;
        self.refusals += other.refusals;
    }
}

/// What happened on each of the last 90 days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Each day with its counts, oldest first: exactly [`DAYS`], also those on which nothing happened. A day is given by its
    /// beginning in UTC.
    pub days: Vec<(Timestamp, Counts)>,
}

impl Usage {
    /// What a client did.
    pub fn of_client(conn: &mut DbConnection, client: ClientKey, now: Timestamp) -> QueryResult<Usage> {
        let rows = client_days::table
            .filter(client_days::client_id.eq(client))
            .filter(client_days::day.ge(first_day(now)))
            .select((client_days::day, (client_days::calls, client_days::refreshes, client_days::refusals)))
            .load(conn)?;
        Ok(Usage::with(rows, now))
    }

    /// What was done with an API key: calls only.
    pub fn of_api_key(conn: &mut DbConnection, key: AccessTokenKey, now: Timestamp) -> QueryResult<Usage> {
        let rows: Vec<(Timestamp, i64)> = api_key_days::table
            .filter(api_key_days::api_key_id.eq(key))
            .filter(api_key_days::day.ge(first_day(now)))
            .select((api_key_days::day, api_key_days::calls))
            .load(conn)?;
        let rows = rows.into_iter().map(|(day, calls)| (day, Counts { calls, ..Counts::default() })).collect();
        Ok(Usage::with(rows, now))
    }

    fn with(rows: Vec<(Timestamp, Counts)>, now: Timestamp) -> Usage {
        let first = first_day(now);
        let mut days: Vec<_> = (0_i64..).take(DAYS).map(|n| (first.plus(n * DAY), Counts::default())).collect();
        for (day, counts) in rows {
            if let Some((_, found)) = days.iter_mut().find(|(at, _)| *at == day) {
                *found = counts;
            }
        }
        Usage { days }
    }

    /// The sums of all days.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.days.iter().for_each(|(_, counts)| total += *counts);
        total
    }

    /// The beginning of the first of the days.
    pub fn begins_at(&self) -> Timestamp {
        self.days.first().map_or(Timestamp::NEVER_YET, |(day, _)| *day)
    }
}

fn first_day(now: Timestamp) -> Timestamp {
    now.start_of_utc_day().plus(-(DAYS as i64 - 1) * DAY)
}

/// Deletes up to `limit` rows of clients, all of one day that is no longer shown. Returns how many.
pub fn purge_clients(conn: &mut DbConnection, now: Timestamp, limit: i64) -> QueryResult<usize> {
    let old = client_days::table.filter(client_days::day.lt(first_day(now))).order(client_days::day);
    let Some(day) = old.select(client_days::day).first::<Timestamp>(conn).optional()? else {
        return Ok(0);
    };
    let of_day = client_days::table.filter(client_days::day.eq(day));
    let clients: Vec<ClientKey> =
        of_day.order(client_days::client_id).select(client_days::client_id).limit(limit).load(conn)?;
    diesel::delete(of_day.filter(client_days::client_id.eq_any(clients))).execute(conn)
}

/// The same for API keys.
pub fn purge_api_keys(conn: &mut DbConnection, now: Timestamp, limit: i64) -> QueryResult<usize> {
    let old = api_key_days::table.filter(api_key_days::day.lt(first_day(now))).order(api_key_days::day);
    let Some(day) = old.select(api_key_days::day).first::<Timestamp>(conn).optional()? else {
        return Ok(0);
    };
    let of_day = api_key_days::table.filter(api_key_days::day.eq(day));
    let keys: Vec<AccessTokenKey> =
        of_day.order(api_key_days::api_key_id).select(api_key_days::api_key_id).limit(limit).load(conn)?;
    diesel::delete(of_day.filter(api_key_days::api_key_id.eq_any(keys))).execute(conn)
}
