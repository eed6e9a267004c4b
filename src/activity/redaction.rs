//! Erasing what sealed entries say about a person: names, e-mail addresses and client IPs. The entry, its number and its seals
//! stay. `activity_redactions` records an HMAC over the seals and what is left of the entry, so that only a server that has the
//! secret key can erase, and nobody can edit what is left.

use std::collections::HashMap;
use std::net::IpAddr;

use diesel::prelude::*;

use crate::activity::seal::{BATCH, Head, Seal};
use crate::activity::{Activity, Chain, ChainKey, Kind, Subject};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::schema::{activity, activity_redactions, activity_seals};
use crate::time::Timestamp;

const SOMEBODY: &str = "a former employee";
const ERASED_ADDRESS: &str = "address erased";

/// Whose personal data is erased.
#[derive(Clone, Debug)]
pub struct ErasedPerson {
    /// Their id, which stays.
    pub id: EmployeeKey,
    /// Their name, as entries of earlier versions have it.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// The subject of failed sign-ins with their e-mail address.
    pub failed_sign_ins: String,
}

/// How far an erasure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedactionStep {
    /// Entries up to this id are done.
    pub done: i64,
    /// Whether the next one has no seal yet. An entry is sealed before anything in it is erased.
    pub waits_for_seal: bool,
}

/// Erases what up to five hundred entries after `after` say about `person`. Errors: [`Error::Internal`] when an entry is not
/// the one that was sealed.
pub fn redact(
    conn: &mut DbConnection,
    key: &ChainKey,
    person: &ErasedPerson,
    (after, through): (i64, i64),
    now: Timestamp,
) -> Result<RedactionStep> {
    let entries: Vec<Activity> = activity::table
        .filter(activity::id.gt(after).and(activity::id.le(through)))
        .order(activity::id)
        .limit(BATCH)
        .select(Activity::as_select())
        .load(conn)?;
    let Some(last) = entries.last() else { return Ok(RedactionStep { done: through, waits_for_seal: false }) };
    let last = last.id.0;
    let changed: Vec<(Activity, Activity)> =
        entries.into_iter().filter_map(|entry| person.without(&entry).map(|left| (entry, left))).collect();
    if changed.is_empty() {
        return Ok(RedactionStep { done: last, waits_for_seal: false });
    }
    let chain = Chain::load(conn, key)?;
    let sealed = Sealed::of(conn, chain, &changed)?;
    for (entry, left) in changed {
        let Some((before, seal)) = sealed.seals(&entry) else {
            return Ok(RedactionStep { done: entry.id.0 - 1, waits_for_seal: true });
        };
        if !sealed.chain.vouches_for(&before, &seal, &entry, sealed.codes.get(&entry.id.0)) {
            return Err(Error::internal(format!("activity entry {} is not the one that was sealed", entry.id)));
        }
        store(conn, &left, key.block(seal.number).redaction_code(&before, &seal, &left), now)?;
    }
    Ok(RedactionStep { done: last, waits_for_seal: false })
}

// The seals of some entries, and the codes of those from which something was erased before.
struct Sealed {
    chain: Chain,
    numbers: HashMap<i64, i64>,
    seals: HashMap<i64, Vec<u8>>,
    codes: HashMap<i64, Vec<u8>>,
}

impl Sealed {
    fn of(conn: &mut DbConnection, chain: Chain, entries: &[(Activity, Activity)]) -> QueryResult<Sealed> {
        let ids: Vec<i64> = entries.iter().map(|(entry, _)| entry.id.0).collect();
        let own: Vec<Seal> = activity_seals::table
            .filter(activity_seals::activity_id.eq_any(&ids))
            .select(Seal::as_select())
            .load(conn)?;
        let before: Vec<i64> = own.iter().map(|seal| seal.id - 1).collect();
        let before: Vec<Seal> =
            activity_seals::table.filter(activity_seals::id.eq_any(before)).select(Seal::as_select()).load(conn)?;
        let numbers = own.iter().map(|seal| (seal.activity_id, seal.id)).collect();
        let mut seals: HashMap<i64, Vec<u8>> = before.into_iter().chain(own).map(|seal| (seal.id, seal.seal)).collect();
        seals.insert(chain.archived().number, chain.archived().seal.clone());
        Ok(Sealed { chain, numbers, seals, codes: codes(conn, &ids)? })
    }

    // The seal before an entry's own, and its own.
    fn seals(&self, entry: &Activity) -> Option<(Head, Head)> {
        let number = *self.numbers.get(&entry.id.0)?;
        let head = |number| Some(Head { number, seal: self.seals.get(&number)?.clone() });
        Some((head(number - 1)?, head(number)?))
    }
}

// The codes of those entries from which something was erased, by id.
fn codes(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<HashMap<i64, Vec<u8>>> {
    let found = activity_redactions::table.filter(activity_redactions::activity_id.eq_any(ids));
    let found = found.select((activity_redactions::activity_id, activity_redactions::mac));
    Ok(found.load::<(i64, Vec<u8>)>(conn)?.into_iter().collect())
}

// First the code: the table refuses to change an entry without one.
fn store(conn: &mut DbConnection, left: &Activity, code: Vec<u8>, now: Timestamp) -> QueryResult<()> {
    diesel::delete(activity_redactions::table.find(left.id.0)).execute(conn)?;
    let row = (
        activity_redactions::activity_id.eq(left.id.0),
        activity_redactions::at.eq(now),
        activity_redactions::mac.eq(code),
    );
    diesel::insert_into(activity_redactions::table).values(row).execute(conn)?;
    let change = (
        activity::actor_name.eq(&left.actor_name),
        activity::subject_name.eq(&left.subject_name),
        activity::detail.eq(&left.detail),
        activity::client_ip.eq(&left.client_ip),
    );
    diesel::update(activity::table.find(left.id)).set(change).execute(conn).map(drop)
}

impl ErasedPerson {
    // What is left of an entry; none if it says nothing about the person.
    fn without(&self, entry: &Activity) -> Option<Activity> {
        let mut left = entry.clone();
        let (acted, is_concerned) = (entry.actor_id == Some(self.id), entry.employee_id == Some(self.id));
        let is_failed_sign_in = entry.kind == Kind::SignInFailed.word() && is_concerned;
        if acted {
            left.actor_name.clear();
        }
        if entry.subject_kind == Subject::EMPLOYEE && entry.subject_id == self.id.0 {
            left.subject_name.clear();
        }
        // What a client did with their access may come from their own device.
        let is_of_client = is_concerned && entry.actor_id.is_none();
        if acted || is_failed_sign_in || is_of_client {
            left.client_ip.clear();
        }
        if entry.subject_name == self.failed_sign_ins {
            left.subject_name = ERASED_ADDRESS.into();
            left.client_ip.clear();
        }
        left.detail = self.detail_without(entry, is_of_client);
        (left != *entry).then_some(left)
    }

    fn detail_without(&self, entry: &Activity, with_addresses: bool) -> String {
        let mut detail = entry.details();
        detail.employees.iter_mut().filter(|name| **name == self.name).for_each(|name| *name = SOMEBODY.into());
        detail.note = self.text_without(&detail.note, SOMEBODY);
        if with_addresses {
            detail.note = without_addresses(&detail.note);
        }
        let (before, after) = (serde_json::to_string(&entry.details()), serde_json::to_string(&detail));
        match (before, after) {
            (Ok(before), Ok(after)) if before != after => after,
            _ => entry.detail.clone(),
        }
    }

    /// The text with `instead` in place of the name and the e-mail address, where they are whole words.
    pub fn text_without(&self, text: &str, instead: &str) -> String {
        [&self.name, &self.email].iter().fold(text.to_string(), |text, word| without_word(&text, word, instead))
    }
}

fn without_word(text: &str, word: &str, instead: &str) -> String {
    if word.is_empty() {
        return text.into();
    }
    let (mut left, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let is_in_word = |next: Option<char>| next.is_some_and(char::is_alphanumeric);
        let is_part = is_in_word(before.chars().next_back()) || is_in_word(after.chars().next());
        left.push_str(before);
        left.push_str(if is_part { word } else { instead });
        rest = after;
    }
    left + rest
}

fn without_addresses(note: &str) -> String {
    let word = |word: &str| match word.trim_end_matches([';', ',', '.']).parse::<IpAddr>() {
        Ok(_) => "an erased IP".to_string(),
        Err(_) => word.to_string(),
    };
    note.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_are_replaced() {
        assert_eq!(without_word("“till” for Bo Ek", "Bo Ek", "somebody"), "“till” for somebody");
        assert_eq!(without_word("Bo Ekman and Bo Ek, Bo Ek", "Bo Ek", "x"), "Bo Ekman and x, x");
        assert_eq!(
            without_addresses("used from 10.1.2.3; issued to ::1"),
            "used from an erased IP issued to an erased IP"
        );
    }
}
