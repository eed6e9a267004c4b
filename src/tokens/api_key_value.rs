//! A new value of an API key, with a new end. The previous value can keep working for a while (the overlap), so that whatever
//! uses the key is not interrupted. A key has two values at most: with a third, the first stops working at once.
//!
//! Both values begin with the same seven characters, and belong to the same row: revoking the key ends both.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::clients::Client;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::AccessTokenKey;
use crate::schema::access_tokens;
use crate::secrets::PlainToken;
use crate::time::{DAY, HOUR, Timestamp, count};
use crate::tokens::access_token::AccessToken;
use crate::tokens::client_counters;

/// The overlaps an admin can choose, in seconds: none, an hour, a day, a week.
pub const KEY_OVERLAPS: [i64; 4] = [0, HOUR, DAY, 7 * DAY];

/// The settings of a new value.
#[derive(Clone, Copy, Debug)]
pub struct NewKeyValue {
    /// For how many seconds the previous value still works.
    pub overlap: i64,
    /// When the key expires.
    pub expires_at: Timestamp,
    /// How often the value had been replaced when the admin opened the form.
    pub seen_generation: i64,
}

/// A new value, which is shown once.
#[derive(Debug)]
pub struct Replaced {
    /// The value.
    pub value: PlainToken,
    /// When the previous value stops working.
    pub previous_expires_at: Timestamp,
}

/// Creates a new value of an API key and records it. The previous value works for the overlap, but never longer than before;
/// the value before that stops working. An expired key works again with its new value only.
///
/// One conditional UPDATE decides: of two admins who opened the form together, one replaces the value. Errors:
/// [`Error::NotFound`] when it is no API key, [`Error::Conflict`] when somebody replaced the value or revoked the key meanwhile.
pub fn replace_value(
    conn: &mut DbConnection,
    (client, key): (&Client, &AccessToken),
    new: &NewKeyValue,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Replaced> {
    if !key.is_api_key() {
        return Err(Error::NotFound);
    }
    Client::find_unrevoked(conn, client.id)?;
    let value = PlainToken::api_key(&key.mask);
    let previous_expires_at = key.expires_at.min(now.plus(new.overlap));
    let same = access_tokens::table
        .find(key.id)
        .filter(access_tokens::refresh_token_id.is_null())
        .filter(access_tokens::generation.eq(new.seen_generation));
    let changed = diesel::update(same)
        .set((
            access_tokens::previous_hash.eq(access_tokens::hash.nullable()),
            access_tokens::hash.eq(value.hash()),
            access_tokens::previous_expires_at.eq(previous_expires_at),
            access_tokens::expires_at.eq(new.expires_at),
            access_tokens::generation.eq(access_tokens::generation + 1),
            access_tokens::rotated_at.eq(now),
        ))
        .execute(conn)?;
    if changed == 0 {
        let sentence =
            "Somebody else replaced the value of this key or revoked it. Open its page to see what works now.";
        return Err(Error::Conflict(sentence.into()));
    }
    client_counters::recount(conn, client.id)?;
    let note = match new.overlap {
        _ if previous_expires_at <= now => "the previous value does not work".into(),
        _ if previous_expires_at == key.expires_at => "the previous value works until its end".into(),
        DAY.. => format!("the previous value works for another {}", count(new.overlap / DAY, "day")),
        _ => format!("the previous value works for another {}", count(new.overlap / HOUR, "hour")),
    };
    record(conn, (client, key), note, (actor, client_ip), now)?;
    Ok(Replaced { value, previous_expires_at })
}

/// Revokes the previous value of an API key before its overlap has passed; false when it no longer worked.
pub fn revoke_previous_value(
    conn: &mut DbConnection,
    (client, id): (&Client, AccessTokenKey),
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<bool> {
    let key = AccessToken::find(conn, client.id, id)?;
    let working = access_tokens::table.find(id).filter(access_tokens::previous_expires_at.gt(now));
    if diesel::update(working).set(access_tokens::previous_expires_at.eq(now)).execute(conn)? == 0 {
        return Ok(false);
    }
    record(conn, (client, &key), "the previous value was revoked".into(), (actor, client_ip), now)?;
    Ok(true)
}

fn record(
    conn: &mut DbConnection,
    (client, key): (&Client, &AccessToken),
    note: String,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<()> {
    let subject = Subject::token("access_token", key.id.0, &key.mask, (client.id, &client.name), key.employee_id);
    let note = if key.label.is_empty() { note } else { format!("“{}”: {note}", key.label) };
    NewActivity::new(Kind::ApiKeyRotated, actor.clone(), subject)
        .from(client_ip)
        .with(Detail { for_employee: Some(key.employee_id), ..Detail::note(note) })
        .record(conn, now)
}
