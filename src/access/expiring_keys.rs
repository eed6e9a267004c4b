//! The notice about API keys that expire within a week: those that the attention rule lists, once each.

use diesel::prelude::*;

use crate::access::attention::{Acknowledged, Asked, Item, Moment, Rule, Subject};
use crate::account::Account;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::notices::{self, ExpiringKey, Notice, NoticeKind, NoticeMark};
use crate::schema::notice_marks;
use crate::time::{DAY, TimeFormat, Timestamp};

const KIND: NoticeKind = NoticeKind::ApiKeyExpires;

/// The keys that no notice was sent about; none while no channel sends such a notice.
pub fn unannounced(conn: &mut DbConnection, now: Timestamp) -> Result<Vec<Item>> {
    if !notices::is_wanted(conn, KIND)? {
        return Ok(Vec::new());
    }
    let rule = Rule::from_word("expiring-soon").ok_or(Error::NotFound)?;
    let quiet = Acknowledged::load(conn, now)?;
    let mut items = rule.find(conn, Asked { only: None, now }, &quiet)?.items;
    let ids: Vec<i64> = items.iter().filter_map(key_id).collect();
    let marked: Vec<i64> = notice_marks::table
        .filter(notice_marks::kind.eq(KIND))
        .filter(notice_marks::subject_id.eq_any(ids))
        .select(notice_marks::subject_id)
        .load(conn)?;
    items.retain(|item| key_id(item).is_some_and(|id| !marked.contains(&id)));
    Ok(items)
}

/// Sends one notice about these keys, without those that another node has announced since.
pub fn announce(conn: &mut DbConnection, items: &[Item], now: Timestamp) -> Result<()> {
    let times = TimeFormat::new(now, &Account::get(conn)?.time_zone);
    let mut keys = Vec::new();
    for item in items {
        let (Some(id), Moment::Expires(at)) = (key_id(item), item.moment) else { continue };
        // A day longer than the key is valid.
        if NoticeMark::set(conn, (KIND, id), at.plus(DAY), now)? {
            let label = if item.label.is_empty() { String::new() } else { format!(" “{}”", item.label) };
            let client = item.client.as_ref().map_or("", |(_, name)| name);
            keys.push(ExpiringKey {
                name: format!("{}{label} of {client}", item.name),
                expires: times.exact(at).text,
                expires_at: at.iso(),
            });
        }
    }
    match keys.is_empty() {
        true => Ok(()),
        false => notices::raise(conn, &Notice::api_keys_expire(&keys), now),
    }
}

fn key_id(item: &Item) -> Option<i64> {
    match item.subject {
        Subject::ApiKey(_, id) => Some(id.0),
        _ => None,
    }
}
