//! Re-encryption of columns that hold sealed values. Each module lists its own columns with `sealed_columns!`;
//! `rotate-key` walks the lists.

use diesel::QueryResult;

use crate::db::DbConnection;
use crate::error::Result;
use crate::secrets::sealed::{Place, Sealed, Vault};

/// Rows that are read and written in one step.
pub(crate) const BATCH: i64 = 200;

/// A column that holds sealed values.
#[derive(Debug)]
pub struct SealedColumn {
    /// `table.column`.
    pub name: &'static str,
    /// Re-encrypts one batch.
    pub reseal: Reseal,
}

/// Re-encrypts the rows after an id; returns the last id of the batch, or nothing at the end of the table.
pub type Reseal = fn(&mut DbConnection, &Vault, i64, &mut Resealed) -> Result<Option<i64>>;

/// The result of a re-encryption, in values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Encrypted with the new key.
    pub resealed: i64,
    /// Encrypted with the new key before.
    pub current: i64,
    /// Unchanged, because neither key decrypts them.
    pub unreadable: i64,
}

impl Resealed {
    /// Re-encrypts the rows of one batch; `update` writes a row, given the old value and the new one.
    pub(crate) fn batch(
        &mut self,
        vault: &Vault,
        column: &'static str,
        rows: Vec<(i64, Option<Sealed>)>,
        mut update: impl FnMut(i64, &Sealed, Sealed) -> QueryResult<usize>,
    ) -> Result<Option<i64>> {
        let last = rows.last().map(|(id, _)| *id);
        for (id, old) in rows.into_iter().filter_map(|(id, old)| Some((id, old?))) {
            if let Some(new) = self.one(vault, &old, Place::new(column, id)) {
                update(id, &old, new)?;
            }
        }
        Ok(last)
    }

    fn one(&mut self, vault: &Vault, old: &Sealed, place: Place) -> Option<Sealed> {
        if vault.is_current(old) {
            self.current += 1;
            return None;
        }
        let new = vault.open(old, place).and_then(|opened| vault.seal(opened.expose(), place));
        match new {
            Ok(_) => self.resealed += 1,
            Err(_) => self.unreadable += 1,
        }
        new.ok()
    }
}

/// Lists the sealed columns of a module: `sealed_columns!(SEALED_COLUMNS: connections.access_token, …)`.
macro_rules! sealed_columns {
    ($list:ident: $($table:ident.$column:ident),+ $(,)?) => {
        /// The columns of this module that hold sealed values.
        pub const $list: &[$crate::db::sealed_columns::SealedColumn] = &[$($crate::db::sealed_columns::SealedColumn {
            name: concat!(stringify!($table), ".", stringify!($column)),
            reseal: |conn, vault, after, resealed| {
                use diesel::prelude::*;
                use $crate::schema::$table;
                let rows = $table::table
                    .filter($table::id.gt(after))
                    .filter($table::$column.is_not_null())
                    .order($table::id)
                    .limit($crate::db::sealed_columns::BATCH)
                    .select(($table::id, $table::$column))
                    .load(conn)?;
                resealed.batch(vault, concat!(stringify!($table), ".", stringify!($column)), rows, |id, old, new| {
                    // If a request wrote the value meanwhile, it already used the new key.
                    let unchanged = $table::table.find(id).filter($table::$column.eq(Some(old)));
                    diesel::update(unchanged).set($table::$column.eq(new)).execute(conn)
                })
            },
        }),+];
    };
}
pub(crate) use sealed_columns;
