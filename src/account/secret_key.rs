//! Which secret key the database belongs to, and the key of the activity log, which is encrypted with it.
//!
//! The account stores a check value derived from the secret key. Since the activity log has a key, the check value is another
//! one: so the server and `verify-activity` notice when somebody deletes that key, instead of believing that there was none.

use crate::account::Account;
use crate::activity::Chain;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::secrets::MasterKey;
use crate::secrets::sealed::Vault;
use crate::time::Timestamp;

const CHECK: &str = "check: the activity log has a key";
const CHECK_OF_EARLIER_VERSIONS: &str = "check";

/// What a process needs of a database that belongs to its secret key.
#[derive(Debug)]
pub struct OpenedAccount {
    /// The hash chain of the activity log.
    pub chain: Chain,
    /// Whether the database still belongs to the previous key of a key rotation.
    pub uses_previous: bool,
}

struct Owner<'a> {
    key: &'a MasterKey,
    is_previous: bool,
    is_of_earlier_version: bool,
}

impl Account {
    /// Checks that the database belongs to `master` or the key it replaces. Creates the account at the first start, and the
    /// key of the activity log at the first start of this version. Errors: [`Error::Invalid`] says which key is wrong or
    /// missing.
    pub fn open(conn: &mut DbConnection, master: &MasterKey, now: Timestamp) -> Result<OpenedAccount> {
        let is_new = Account::create(conn, master.derive(CHECK).bytes(), now)?;
        let owner = owner(master, &Account::key_check(conn)?.unwrap_or_default())?;
        let vault = Vault::new(master, master.previous());
        let mut chain = Chain::open(conn, &vault)?;
        if chain.is_none() && (is_new || owner.is_of_earlier_version) {
            chain = Chain::create(conn, &vault)?;
        }
        let chain = chain.ok_or_else(deleted)?;
        if owner.is_of_earlier_version {
            Account::change_key_check(conn, owner.key)?;
        }
        Ok(OpenedAccount { chain, uses_previous: owner.is_previous })
    }

    /// The hash chain of the activity log; none as long as no server of this version has started. Errors: as
    /// [`Account::open`].
    pub fn chain(conn: &mut DbConnection, master: &MasterKey) -> Result<Option<Chain>> {
        let Some(check) = Account::key_check(conn)? else { return Ok(None) };
        let owner = owner(master, &check)?;
        match Chain::open(conn, &Vault::new(master, master.previous()))? {
            None if !owner.is_of_earlier_version => Err(deleted()),
            chain => Ok(chain),
        }
    }

    /// Checks that the database belongs to `master` or the key it replaces, whatever version created it. Errors:
    /// [`Error::Invalid`] says which key is wrong, or that no server has used it.
    pub fn require_key(conn: &mut DbConnection, master: &MasterKey) -> Result<()> {
        let check = Account::key_check(conn)?;
        owner(master, &check.ok_or_else(|| Error::Invalid("no server has used this database yet".into()))?).map(drop)
    }

    /// Makes the database belong to `master`.
    pub fn change_key_check(conn: &mut DbConnection, master: &MasterKey) -> Result<()> {
        Ok(Account::store_key_check(conn, master.derive(CHECK).bytes())?)
    }
}

fn owner<'a>(master: &'a MasterKey, stored: &[u8]) -> Result<Owner<'a>> {
    let keys = [Some(master), master.previous()].into_iter().flatten().zip([false, true]);
    for (key, is_previous) in keys {
        for (check, is_of_earlier_version) in [(CHECK, false), (CHECK_OF_EARLIER_VERSIONS, true)] {
            if key.derive(check).bytes() == stored {
                return Ok(Owner { key, is_previous, is_of_earlier_version });
            }
        }
    }
    let why = match master.previous() {
        None => "SECRET_KEY: this is not the key that the database was created with",
        Some(_) => {
            "SECRET_KEY_PREVIOUS: this is not the key that the database was created with, and neither is SECRET_KEY"
        }
    };
    Err(Error::Invalid(why.into()))
}

fn deleted() -> Error {
    Error::Invalid("the key of the activity log was deleted from the database: restore it from a backup".into())
}
