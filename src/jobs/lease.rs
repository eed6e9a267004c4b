//! Leases: a job that changes what all nodes share runs only on the node that holds its lease.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::error::Result;
use crate::schema::leases;
use crate::time::Timestamp;
use crate::web::state::State;

const SECONDS: i64 = 20;
// The holder renews its lease when fewer seconds than this are left.
const RENEWED_BELOW: i64 = SECONDS / 2;
// The clocks of nodes may differ by less than this. A lease that ends even later was taken while a clock was wrong: waiting
// for its end could stop every job for as long as that clock was ahead.
const BELIEVED: i64 = 3 * SECONDS;

/// Runs `work` in a transaction that also takes or renews the lease `name`. Returns nothing if another node holds it.
pub(super) async fn with_lease<T: Send + 'static>(
    app: &State,
    name: &'static str,
    work: impl Fn(&mut DbConnection, Timestamp) -> Result<T> + Send + 'static,
) -> Result<Option<T>> {
    let (node, now) = (app.node.clone(), app.clock.now());
    app.db
        .write(move |conn| match hold(conn, name, &node, now)? {
            true => work(conn, now).map(Some),
            false => Ok(None),
        })
        .await
}

// Most batches of a job only read that they hold the lease; the job renews it every ten seconds.
fn hold(conn: &mut DbConnection, name: &str, node: &str, now: Timestamp) -> QueryResult<bool> {
    let row: Option<(String, Timestamp)> =
        leases::table.find(name).select((leases::holder, leases::expires_at)).first(conn).optional()?;
    match row {
        Some((holder, expires_at)) if holder == node && expires_at >= now.plus(RENEWED_BELOW) => Ok(true),
        Some((holder, expires_at)) if holder != node && expires_at > now && expires_at <= now.plus(BELIEVED) => {
            Ok(false)
        }
        Some(_) => take(conn, name, node, now),
        None => create(conn, name, node, now),
    }
}

// One conditional update, so that two nodes cannot both take the lease.
fn take(conn: &mut DbConnection, name: &str, node: &str, now: Timestamp) -> QueryResult<bool> {
    let is_over = leases::expires_at.le(now).or(leases::expires_at.gt(now.plus(BELIEVED)));
    let available = leases::table.find(name).filter(leases::holder.eq(node).or(is_over));
    diesel::update(available)
        .set((leases::holder.eq(node), leases::expires_at.eq(now.plus(SECONDS))))
        .execute(conn)
        .map(|n| n == 1)
}

fn create(conn: &mut DbConnection, name: &str, node: &str, now: Timestamp) -> QueryResult<bool> {
    let row = (leases::name.eq(name), leases::holder.eq(node), leases::expires_at.eq(now.plus(SECONDS)));
    crate::db::on_each!(conn, |inner| {
        diesel::insert_into(leases::table).values(row).on_conflict_do_nothing().execute(inner)
    })
    .map(|n| n == 1)
}
