//! The account: one row.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::db::DbConnection;
use crate::schema::accounts;
use crate::time::Timestamp;

/// The shop that this installation belongs to.
#[derive(Clone, Debug, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = accounts)]
pub struct Account {
    /// The shop's name; empty until it is set up.
    pub name: String,
    /// The IANA name of the time zone that pages show times in.
    pub time_zone: String,
}

impl Account {
    /// The account.
    pub fn get(conn: &mut DbConnection) -> QueryResult<Account> {
        crate::db::on_each!(conn, |conn| accounts::table.select(Account::as_select()).get_result(conn))
    }

    /// When the database was last restored from a backup.
    pub fn restored_at(conn: &mut DbConnection) -> QueryResult<Option<Timestamp>> {
        accounts::table.select(accounts::restored_at).get_result(conn)
    }

    /// Records that the database was restored from a backup.
    pub fn set_restored(conn: &mut DbConnection, at: Timestamp) -> QueryResult<()> {
        diesel::update(accounts::table).set(accounts::restored_at.eq(at)).execute(conn).map(drop)
    }

    /// When the database was created; none before the first start. Two copies of one database have the same.
    pub fn created_at(conn: &mut DbConnection) -> QueryResult<Option<Timestamp>> {
        accounts::table.select(accounts::created_at).first(conn).optional()
    }

    // Creates the row at the first start, with the check value of the secret key. Returns whether it did.
    pub(super) fn create(conn: &mut DbConnection, check: &[u8], now: Timestamp) -> QueryResult<bool> {
        let row = (
            accounts::id.eq(1),
            accounts::name.eq(""),
            accounts::time_zone.eq("UTC"),
            accounts::key_check.eq(check),
            accounts::created_at.eq(now),
        );
        // Two nodes may start at once on an empty database; one of them inserts the row.
        let created = crate::db::on_each!(conn, |inner| {
            diesel::insert_into(accounts::table).values(row).on_conflict_do_nothing().execute(inner)
        })?;
        Ok(created == 1)
    }

    // The check value of the secret key; none before the first start.
    pub(super) fn key_check(conn: &mut DbConnection) -> QueryResult<Option<Vec<u8>>> {
        accounts::table.select(accounts::key_check).first(conn).optional()
    }

    pub(super) fn store_key_check(conn: &mut DbConnection, check: &[u8]) -> QueryResult<()> {
        diesel::update(accounts::table).set(accounts::key_check.eq(check)).execute(conn).map(drop)
    }

    // Locks the row until the transaction ends, so that changes to the account follow one another.
    pub(super) fn lock(conn: &mut DbConnection) -> QueryResult<()> {
        diesel::update(accounts::table).set(accounts::id.eq(accounts::id)).execute(conn).map(drop)
    }

    /// Changes name and time zone.
    pub fn update(conn: &mut DbConnection, name: &str, time_zone: &str) -> QueryResult<()> {
        diesel::update(accounts::table)
            .set((accounts::name.eq(name), accounts::time_zone.eq(time_zone)))
            .execute(conn)
            .map(drop)
    }
}
