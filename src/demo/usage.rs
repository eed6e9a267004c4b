//! How much clients and API keys were used in the last 90 days: busy weekdays, quiet Sundays, now and then a refusal, and for
//! some a day on which much was refused.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use diesel::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::access::usage::{Counts, DAYS, add_api_keys, add_clients};
use crate::clients::Client;
use crate::db::DbConnection;
use crate::demo::fill::Ids;
use crate::demo::rhythm::RARELY_USED;
use crate::demo::world::World;
use crate::error::Result;
use crate::id::{AccessTokenKey, ClientKey};
use crate::schema::{access_tokens, refresh_tokens};
use crate::time::{DAY, HOUR, Timestamp};
use crate::web::state::State;

const CLIENTS_AT_ONCE: usize = 20;
const MOST_KEYS: i64 = 200;
// Calls on a busy weekday of a client of average weight.
const CALLS: f64 = 180.0;
// How much of a weekday each day has, from Thursday: 1 January 1970 was one.
const WEEK: [f64; 7] = [1.0, 1.15, 1.3, 0.35, 0.85, 0.9, 0.95];

/// The address that a client calls from.
pub fn address(client: ClientKey) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, u8::try_from(client.0.rem_euclid(200)).unwrap_or_default() + 20))
}

/// Writes what each client and API key did on each day.
pub async fn write(app: &State, world: &Arc<World>, ids: &Ids, seed: u64, now: Timestamp) -> Result<()> {
    let weights = world.clients.iter().map(|client| client.weight);
    let clients: Vec<(ClientKey, f64)> = ids.clients.iter().copied().zip(weights).collect();
    for some in clients.chunks(CLIENTS_AT_ONCE).map(<[_]>::to_vec) {
        let change = move |conn: &mut DbConnection| {
            for (client, weight) in &some {
                let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(client.0.unsigned_abs()));
                of_client(conn, *client, *weight, &mut rng, now)?;
            }
            Ok(())
        };
        app.db.with_long_timeout().write(change).await?;
    }
    Ok(())
}

fn of_client(conn: &mut DbConnection, id: ClientKey, weight: f64, rng: &mut StdRng, now: Timestamp) -> QueryResult<()> {
    let Some(client) = Client::find(conn, id).optional()? else {
        return Ok(());
    };
    let used =
        refresh_tokens::table.filter(refresh_tokens::client_id.eq(id)).filter(refresh_tokens::last_used_at.gt(0));
    diesel::update(used).set(refresh_tokens::last_used_address.eq(address(id).to_string())).execute(conn)?;
    let bad_day = rng.random_bool(0.3).then(|| rng.random_range(3..DAYS));
    let mut rows = Vec::new();
    for (ago, day, calls) in calls_by_day((client.created_at, client.last_used_at), weight, rng, now) {
        let refusals = match Some(ago) == bad_day {
            true => rng.random_range(12..60),
            false if rng.random_bool(0.08) => rng.random_range(1..4),
            false => 0,
        };
        let refreshes = (calls / 12).min(rng.random_range(8..24)) + i64::from(calls > 0);
        rows.push(((id, day), Counts { calls, refreshes, refusals }));
    }
    add_clients(conn, &rows)?;
    let keys: Vec<(AccessTokenKey, Timestamp, Timestamp)> = access_tokens::table
        .filter(access_tokens::client_id.eq(id))
        .filter(access_tokens::refresh_token_id.is_null())
        .select((access_tokens::id, access_tokens::created_at, access_tokens::last_used_at))
        .order(access_tokens::id)
        .limit(MOST_KEYS)
        .load(conn)?;
    let share = weight / (keys.len() as f64 + 1.0);
    for (key, created_at, used_at) in keys {
        let days = calls_by_day((created_at, used_at), share, rng, now);
        let rows: Vec<_> = days.into_iter().map(|(_, day, calls)| ((key, day), calls)).collect();
        add_api_keys(conn, &rows)?;
    }
    Ok(())
}

// The days on which something was called, newest first: how long ago, the day, and the calls.
fn calls_by_day(
    (created_at, used_at): (Timestamp, Timestamp),
    weight: f64,
    rng: &mut StdRng,
    now: Timestamp,
) -> Vec<(usize, Timestamp, i64)> {
    let (today, chance) = (now.start_of_utc_day(), if weight < RARELY_USED { 0.25 } else { 0.97 });
    let mut days = Vec::new();
    for ago in 0..DAYS {
        let day = today.plus(-(ago as i64) * DAY);
        let is_last = day == used_at.start_of_utc_day();
        if used_at < day || created_at >= day.plus(DAY) || !(is_last || rng.random_bool(chance)) {
            continue;
        }
        let weekday = WEEK[usize::try_from((day.0 / DAY).rem_euclid(7)).unwrap_or_default()];
        // Today is not over, and use grew a little in the course of the weeks.
        let part = if ago == 0 { now.since(day).max(HOUR) as f64 / DAY as f64 } else { 1.0 };
        let trend = 1.0 - ago as f64 / DAYS as f64 * 0.35;
        let calls = CALLS * weight * weekday * part * trend * rng.random_range(0.7..1.3);
        days.push((ago, day, (calls.round() as i64).max(1)));
    }
    days
}
