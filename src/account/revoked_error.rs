//! The error for something that was revoked: by whom and when, from the activity log, in the shop's time zone.

use crate::account::Account;
use crate::activity::{Activity, Kind, Names};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::time::TimeFormat;

/// [`Error::Gone`] when an entry of one of `kinds` says who revoked the subject; otherwise [`Error::NotFound`].
pub fn revoked_error(conn: &mut DbConnection, kinds: &[Kind], subject: &str, id: i64) -> Result<Error> {
    let Some(entry) = Activity::latest_about(conn, kinds, subject, id)? else {
        return Ok(Error::NotFound);
    };
    let at = TimeFormat::new(entry.at, &Account::get(conn)?.time_zone).exact(entry.at).text;
    let act = match entry.kind == Kind::ConnectionDisconnected.word() {
        true => "disconnected",
        false => "revoked",
    };
    let names = Names::of(conn, &[&entry], std::iter::empty())?;
    Ok(Error::Gone(format!("{} was already {act} by {}, on {at}.", names.subject(&entry), names.actor(&entry))))
}
