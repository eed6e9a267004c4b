//! The nonce of a form whose answer shows a secret: it works once, so that a reload makes no second secret.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::schema::form_nonces;
use crate::secrets::random_name;
use crate::time::Timestamp;

/// A nonce for a form.
pub fn fresh() -> String {
    random_name(22)
}

/// Marks the nonce of a form as used, in the transaction of what the form makes. Errors: [`Error::Conflict`] with the
/// sentence `lost` when the form was sent before.
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
