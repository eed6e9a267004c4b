//! What a page says of something that is not there any more: the log knows who ended it.

use crate::account::Account;
use crate::activity::{Activity, Kind};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::time::TimeFormat;

/// How something ended by one of these kinds of entry, as an error; "no such page" when it never was.
pub fn revoked_error(conn: &mut DbConnection, kinds: &[Kind], subject: &str, id: i64) -> Result<Error> {
    Ok(match Activity::ending(conn, kinds, subject, id)? {
        Some(entry) => {
            let words = TimeFormat::new(entry.at, &Account::get(conn)?.time_zone);
            let at = words.exact(entry.at).text;
            let ended = match entry.kind == Kind::ConnectionDisconnected.word() {
                true => "disconnected",
                false => "revoked",
            };
            Error::Gone(format!("{} was already {ended} by {}, on {at}.", entry.subject_name, entry.actor_name))
        }
        None => Error::NotFound,
    })
}
