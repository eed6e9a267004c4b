//! The row that describes the hash chain: its key, encrypted at rest, and the number up to which seals were made without it.

use diesel::prelude::*;

use crate::activity::Activity;
use crate::activity::chain_key::{ChainKey, entry_code};
use crate::activity::seal::{Head, newest};
use crate::db::DbConnection;
use crate::error::Result;
use crate::schema::{activity, activity_chain, activity_unsealed};
use crate::secrets::RandomSecret;
use crate::secrets::sealed::{Place, Sealed, Vault};

const ID: i64 = 1;
const PLACE: Place = Place::new("activity_chain.key", ID);

crate::db::sealed_columns::sealed_columns!(SEALED_COLUMNS: activity_chain.key);

/// The chain of this database.
#[derive(Debug)]
pub struct Chain {
    /// Its key.
    pub key: ChainKey,
    /// The last seal that was made by the earlier rule, without the key.
    pub(super) keyed_from: Head,
    archived: Head,
    code: Vec<u8>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = activity_chain)]
struct Row {
    key: Option<Sealed>,
    keyed_from: i64,
    keyed_from_seal: Vec<u8>,
    archived_number: i64,
    archived_seal: Vec<u8>,
    mac: Vec<u8>,
}

impl Chain {
    /// The chain; none before [`Chain::create`]. Errors: the vault does not have the key that its key is encrypted with.
    pub fn open(conn: &mut DbConnection, vault: &Vault) -> Result<Option<Chain>> {
        let row = activity_chain::table.find(ID).select(Row::as_select()).first(conn).optional()?;
        let Some((row, key)) = row.and_then(|mut row| row.key.take().map(|key| (row, key))) else { return Ok(None) };
        Ok(Some(Chain::of(row, ChainKey::from_secret(vault.open(&key, PLACE)?.expose()))))
    }

    /// The chain as it is now, for a process that has its key.
    pub fn load(conn: &mut DbConnection, key: &ChainKey) -> Result<Chain> {
        Ok(Chain::of(activity_chain::table.find(ID).select(Row::as_select()).first(conn)?, key.clone()))
    }

    fn of(row: Row, key: ChainKey) -> Chain {
        Chain {
            key,
            keyed_from: Head { number: row.keyed_from, seal: row.keyed_from_seal },
            archived: Head { number: row.archived_number, seal: row.archived_seal },
            code: row.mac,
        }
    }

    /// Creates the key, unless another node did. What is sealed by then was sealed without it, and what waits for its seal
    /// was recorded by an earlier version.
    pub fn create(conn: &mut DbConnection, vault: &Vault) -> Result<Option<Chain>> {
        let secret = RandomSecret::generate();
        // Another node that starts at the same time waits here, and then changes nothing.
        let missing = activity_chain::table.find(ID).filter(activity_chain::key.is_null());
        let sealed = vault.seal(secret.expose(), PLACE)?;
        if diesel::update(missing).set(activity_chain::key.eq(sealed)).execute(conn)? == 1 {
            let key = ChainKey::from_secret(secret.expose());
            let keyed_from = newest(conn)?.unwrap_or_default();
            let code = key.boundary().mac(&boundary(&keyed_from, &Head::default()));
            let change = (
                activity_chain::keyed_from.eq(keyed_from.number),
                activity_chain::keyed_from_seal.eq(keyed_from.seal),
                activity_chain::mac.eq(code),
            );
            diesel::update(activity_chain::table.find(ID)).set(change).execute(conn)?;
            adopt(conn, &key)?;
        }
        Chain::open(conn, vault)
    }

    /// The last seal that was archived; number 0 before the first.
    pub fn archived(&self) -> &Head {
        &self.archived
    }

    /// Whether `seal` is that of the entry, or `code` is that of what is left of it.
    pub(super) fn vouches_for(&self, before: &Head, seal: &Head, entry: &Activity, code: Option<&Vec<u8>>) -> bool {
        let has_key = seal.number > self.keyed_from.number;
        self.key.block(seal.number).vouch_for(has_key, (before, seal), entry, code)
    }

    /// Records what was archived, from [`Chain::archived`] up to `through`. False, and nothing happens, when something was
    /// archived in the meantime.
    pub(super) fn archive(&self, conn: &mut DbConnection, through: &Head) -> QueryResult<bool> {
        let row = activity_chain::table.find(ID).filter(activity_chain::archived_number.eq(self.archived.number));
        let change = (
            activity_chain::archived_number.eq(through.number),
            activity_chain::archived_seal.eq(&through.seal),
            activity_chain::mac.eq(self.key.boundary().mac(&boundary(&self.keyed_from, through))),
        );
        Ok(diesel::update(row).set(change).execute(conn)? == 1)
    }

    /// Whether the numbers in the row are those that a server wrote.
    pub fn is_authentic(&self) -> bool {
        self.key.boundary().authenticates(&boundary(&self.keyed_from, &self.archived), &self.code)
    }
}

/// The last seal that was archived, as the row has it.
pub(super) fn archived(conn: &mut DbConnection) -> QueryResult<Head> {
    let row = activity_chain::table.find(ID).select((activity_chain::archived_number, activity_chain::archived_seal));
    let (number, seal) = row.first(conn)?;
    Ok(Head { number, seal })
}

fn boundary(keyed_from: &Head, archived: &Head) -> Vec<u8> {
    format!("{keyed_from} {archived}").into_bytes()
}

// Authenticates the entries that an earlier version left without a seal.
fn adopt(conn: &mut DbConnection, key: &ChainKey) -> Result<()> {
    let waiting =
        activity::table.inner_join(activity_unsealed::table.on(activity_unsealed::activity_id.eq(activity::id)));
    for entry in waiting.select(Activity::as_select()).load(conn)? {
        let code = entry_code(key.of_entries(), &entry);
        diesel::update(activity_unsealed::table.find(entry.id.0)).set(activity_unsealed::mac.eq(code)).execute(conn)?;
    }
    Ok(())
}
