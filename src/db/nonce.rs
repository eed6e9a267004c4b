//! The nonce of a form that creates a secret. It works once, so that a reload does not create a second secret.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::schema::form_nonces;
use crate::secrets::random_name;
use crate::time::Timestamp;

/// Creates a nonce for a form.
pub fn fresh() -> String {
    random_name(22)
}

/// Marks the nonce of a form as used, in the transaction that creates the secret. Errors: [`Error::Conflict`] with the
/// sentence `lost` if the form was already sent.
pub fn spend(conn: &mut DbConnection, nonce: &str, lost: &str, now: Timestamp) -> Result<()> {
    if !(10..=60).contains(&nonce.len()) || !nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Error::ForgedForm);
    }
    let row = (form_nonces::nonce.eq(nonce), form_nonces::used_at.eq(now));
    let used = crate::db::on_each!(conn, |inner| {
        diesel::insert_into(form_nonces::table).values(row).on_conflict_do_nothing().execute(inner)
    })?;
    match used {
        1 => Ok(()),
        _ => Err(Error::Conflict(lost.into())),
    }
}

/// Whether a nonce is used.
pub fn is_spent(conn: &mut DbConnection, nonce: &str) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(form_nonces::table.filter(form_nonces::nonce.eq(nonce)))).get_result(conn)
}
