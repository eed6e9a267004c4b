//! Forms that were sent before their person confirmed that it is them. The server keeps them, encrypted, and continues with
//! exactly what was sent; each continues once, in its own session, at its own address.
//!
//! They are rows and not hidden fields of the page that asks: what was typed may be a secret and must not be in the page, a
//! form may be as large as a form can be, and only a row can be used up.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::employees::session::IDLE_TIMEOUT;
use crate::error::{Error, Result};
use crate::id::{HeldFormKey, SessionKey};
use crate::schema::held_forms;
use crate::secrets::sealed::{Opened, Place, Sealed, Vault};
use crate::time::Timestamp;

// A session without a request for this many seconds has expired with its forms.
const LIFETIME: i64 = IDLE_TIMEOUT;
// The most forms of a session that wait; the oldest one gives way.
const MOST: i64 = 10;

crate::db::sealed_columns::sealed_columns!(SEALED_COLUMNS: held_forms.form);

/// A row of `held_forms`.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = held_forms)]
pub struct HeldForm {
    /// Its id.
    pub id: HeldFormKey,
    /// The path and query it was sent to.
    pub address: String,
    form: Option<Sealed>,
}

fn place(id: HeldFormKey) -> Place {
    Place::new("held_forms.form", id.0)
}

impl HeldForm {
    /// Keeps the fields of a form, URL-encoded, that was sent to `address`. A session keeps its newest ten.
    pub fn keep(
        conn: &mut DbConnection,
        vault: &Vault,
        session: SessionKey,
        (address, form): (&str, &str),
        now: Timestamp,
    ) -> Result<HeldFormKey> {
        let id = diesel::insert_into(held_forms::table)
            .values((
                held_forms::session_id.eq(session),
                held_forms::address.eq(address),
                held_forms::created_at.eq(now),
            ))
            .returning(held_forms::id)
            .get_result::<HeldFormKey>(conn)?;
        let sealed = vault.seal(form, place(id))?;
        diesel::update(held_forms::table.find(id)).set(held_forms::form.eq(sealed)).execute(conn)?;
        let own = held_forms::table.filter(held_forms::session_id.eq(session));
        let oldest = own.order(held_forms::id.desc()).select(held_forms::id).offset(MOST).limit(1);
        if let Some(oldest) = oldest.first::<HeldFormKey>(conn).optional()? {
            diesel::delete(own.filter(held_forms::id.le(oldest))).execute(conn)?;
        }
        Ok(id)
    }

    /// The form of this session that was sent to `path`; none when it has continued or expired.
    pub fn find(
        conn: &mut DbConnection,
        (id, session): (HeldFormKey, SessionKey),
        path: &str,
        now: Timestamp,
    ) -> QueryResult<Option<HeldForm>> {
        let row = held_forms::table
            .filter(held_forms::id.eq(id))
            .filter(held_forms::session_id.eq(session))
            .filter(held_forms::created_at.gt(now.plus(-LIFETIME)))
            .select(HeldForm::as_select());
        let found: Option<HeldForm> = row.first(conn).optional()?;
        Ok(found.filter(|form| form.address.split('?').next() == Some(path)))
    }

    /// Uses a form up; false when it has continued already.
    pub fn take(conn: &mut DbConnection, id: HeldFormKey) -> QueryResult<bool> {
        diesel::delete(held_forms::table.find(id)).execute(conn).map(|n| n == 1)
    }

    /// Its fields, URL-encoded as they were sent.
    pub fn fields(&self, vault: &Vault) -> Result<Opened> {
        let sealed = self.form.as_ref().ok_or_else(|| Error::internal("a held form without fields"))?;
        vault.open(sealed, place(self.id))
    }

    /// Deletes expired forms.
    pub fn purge(conn: &mut DbConnection, now: Timestamp) -> QueryResult<usize> {
        diesel::delete(held_forms::table.filter(held_forms::created_at.le(now.plus(-LIFETIME)))).execute(conn)
    }
}
