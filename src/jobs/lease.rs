//! Leases: a job runs only on the node that holds its lease.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::error::Result;
use crate::schema::leases;
use crate::time::Timestamp;
use crate::web::state::State;

const SECONDS: i64 = 20;

/// Runs `work` in a transaction that also takes or renews the lease `name`. Returns nothing if another node holds it.
pub(super) async fn with_lease<T: Send + 'static>(
    app: &State,
    name: &'static str,
    work: impl Fn(&mut DbConnection, Timestamp) -> Result<T> + Send + 'static,
) -> Result<Option<T>> {
    let (node, now) = (app.node.clone(), app.clock.now());
    app.db
        .write(move |conn| match take(conn, name, &node, now)? {
            true => work(conn, now).map(Some),
            false => Ok(None),
        })
        .await
}

// One conditional update, so that two nodes cannot both take the lease.
fn take(conn: &mut DbConnection, name: &str, node: &str, now: Timestamp) -> QueryResult<bool> {
    let row = (leases::name.eq(name), leases::holder.eq(""), leases::expires_at.eq(Timestamp(0)));
    crate::db::on_each!(conn, |inner| {
        diesel::insert_into(leases::table).values(row).on_conflict_do_nothing().execute(inner)
    })?;
    let available = leases::table.find(name).filter(leases::holder.eq(node).or(leases::expires_at.le(now)));
    diesel::update(available)
        .set((leases::holder.eq(node), leases::expires_at.eq(now.plus(SECONDS))))
        .execute(conn)
        .map(|n| n == 1)
}
