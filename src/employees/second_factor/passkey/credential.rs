//! The passkeys of an employee, as rows.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::{EmployeeKey, PasskeyKey};
use crate::schema::passkeys;
use crate::time::Timestamp;

/// The most passkeys that somebody can have.
pub const MOST_PASSKEYS: usize = 20;

/// A passkey.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = passkeys)]
pub struct Passkey {
    /// The primary key.
    pub id: PasskeyKey,
    /// Whose it is.
    pub employee_id: EmployeeKey,
    /// What its owner calls it.
    pub name: String,
    /// The ID that the authenticator gave it.
    pub credential_id: Vec<u8>,
    /// The public key in COSE form.
    pub(super) public_key: Vec<u8>,
    /// What authenticators know the owner by: random, the same for all of their passkeys.
    pub user_handle: Vec<u8>,
    /// How often it was used, if it counts.
    pub(super) use_count: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Timestamp,
}

impl Passkey {
    /// The passkeys of an employee, the oldest first.
    pub fn of(conn: &mut DbConnection, id: EmployeeKey) -> QueryResult<Vec<Passkey>> {
        let own = passkeys::table.filter(passkeys::employee_id.eq(id));
        own.order(passkeys::id).select(Passkey::as_select()).load(conn)
    }

    /// Whether anybody has one.
    pub fn any(conn: &mut DbConnection) -> QueryResult<bool> {
        diesel::select(diesel::dsl::exists(passkeys::table.select(passkeys::id))).get_result(conn)
    }

    /// The passkey of an employee with this id.
    pub fn find(conn: &mut DbConnection, id: EmployeeKey, passkey: PasskeyKey) -> QueryResult<Passkey> {
        let own = passkeys::table.find(passkey).filter(passkeys::employee_id.eq(id));
        own.select(Passkey::as_select()).first(conn)
    }

    /// The passkey with this credential ID.
    pub(super) fn by_credential(conn: &mut DbConnection, credential: &[u8]) -> QueryResult<Option<Passkey>> {
        let row = passkeys::table.filter(passkeys::credential_id.eq(credential));
        row.select(Passkey::as_select()).first(conn).optional()
    }

    /// Notes a use. False if another one was noted since the row was read.
    pub(super) fn set_used(&self, conn: &mut DbConnection, count: u32, now: Timestamp) -> QueryResult<bool> {
        let unchanged = passkeys::table.find(self.id).filter(passkeys::use_count.eq(self.use_count));
        let used = (passkeys::use_count.eq(i64::from(count)), passkeys::last_used_at.eq(now));
        diesel::update(unchanged).set(used).execute(conn).map(|n| n == 1)
    }
}
