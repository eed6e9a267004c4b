//! Changing the installation's key: every sealed value is opened with whichever of the two keys fits and sealed anew under
//! the new one, in small batches; when nothing is left under the old one, the database is given to the new key in the same
//! transaction that made sure of it. Cut off anywhere, it can be run again.
//!
//! Nodes that run meanwhile must know both keys: what they write is sealed under the new one already.

use diesel::prelude::*;

use crate::account::Account;
use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::db::{DbConnection, in_transaction};
use crate::error::{Error, Result};
use crate::schema::{connection_requests, connections, oauth_clients};
use crate::secrets::MasterKey;
use crate::secrets::sealed::{Place, Sealed, Vault};
use crate::time::{Timestamp, count};
use crate::web::state::CHECK;

const BATCH: i64 = 200;

/// What a change of keys came to, in sealed values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Sealed anew.
    pub resealed: i64,
    /// Under the new key already.
    pub current: i64,
    /// Left as they are: they open under neither key.
    pub closed: i64,
}

// One batch of one column: the rows behind an id. Returns the last id, or nothing when there are no more.
type Step = fn(&mut DbConnection, &Vault, i64, &mut Rotated) -> Result<Option<i64>>;

macro_rules! sealed_columns {
    ($($table:ident.$column:ident),+ $(,)?) => {
        /// Every column that holds sealed values.
        pub const SEALED_COLUMNS: &[&str] = &[$(concat!(stringify!($table), ".", stringify!($column))),+];

        const STEPS: &[Step] = &[$(|conn, vault, after, rotated| {
            let rows: Vec<(i64, Option<Sealed>)> = $table::table
                .filter($table::id.gt(after))
                .filter($table::$column.is_not_null())
                .order($table::id)
                .limit(BATCH)
                .select(($table::id, $table::$column))
                .load(conn)?;
            let last = rows.last().map(|(id, _)| *id);
            for (id, old) in rows {
                let place = Place::new(concat!(stringify!($table), ".", stringify!($column)), id);
                let Some(new) = old.as_ref().and_then(|old| resealed(vault, old, place, rotated)) else { continue };
                // Whoever wrote it meanwhile sealed it under the new key.
                let same = $table::table.find(id).filter($table::$column.eq(old));
                diesel::update(same).set($table::$column.eq(new)).execute(conn)?;
            }
            Ok(last)
        }),+];
    };
}

sealed_columns! {
    oauth_clients.client_secret,
    connections.access_token,
    connections.refresh_token,
    connection_requests.verifier,
    connection_requests.held,
}

fn resealed(vault: &Vault, old: &Sealed, place: Place, rotated: &mut Rotated) -> Option<Sealed> {
    if vault.is_current(old) {
        rotated.current += 1;
        return None;
    }
    let new = vault.open(old, place).and_then(|opened| vault.seal(opened.expose(), place));
    match new {
        Ok(_) => rotated.resealed += 1,
        Err(_) => rotated.closed += 1,
    }
    new.ok()
}

/// Gives the database to `master`, which replaces another key. Errors: [`Error::Invalid`] when it belongs to neither.
pub fn rotate(conn: &mut DbConnection, master: &MasterKey, now: Timestamp) -> Result<Rotated> {
    let checks = [Some(master), master.previous()].map(|key| key.map(|key| key.derive(CHECK).bytes().to_vec()));
    let belongs = Account::key_check(conn)?;
    if belongs.is_some() && !checks.contains(&belongs) {
        let why =
            "SECRET_KEY_PREVIOUS: this is not the key that the database was created with, and neither is SECRET_KEY";
        return Err(Error::Invalid(why.into()));
    }
    let vault = Vault::new(master, master.previous());
    let mut first = Rotated::default();
    for step in STEPS {
        let mut after = Some(0);
        while let Some(id) = after {
            let (last, batch) = in_transaction(conn, &|conn| {
                let mut batch = Rotated::default();
                Ok((step(conn, &vault, id, &mut batch)?, batch))
            })?;
            after = last;
            first.resealed += batch.resealed;
            first.current += batch.current;
        }
    }
    in_transaction(conn, &|conn| {
        let mut rest = Rotated::default();
        for step in STEPS {
            let mut after = Some(0);
            while let Some(id) = after {
                after = step(conn, &vault, id, &mut rest)?;
            }
        }
        let rotated = Rotated { resealed: first.resealed + rest.resealed, current: first.current, closed: rest.closed };
        let Some(check) = checks[0].as_ref().filter(|check| belongs.as_ref().is_some_and(|old| old != *check)) else {
            return Ok(rotated);
        };
        Account::change_key_check(conn, check)?;
        NewActivity::new(Kind::KeyRotated, Actor::console(), Subject::named("account", 1, "Secret key"))
            .with(Detail::note(format!("{} sealed anew", count(rotated.resealed, "stored secret"))))
            .record(conn, now)?;
        Ok(rotated)
    })
}
