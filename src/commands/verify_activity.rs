//! `verify-activity`: checks the hash chain of the activity log.
//!
//! Without `--head` it proves that no sealed entry was edited, deleted or inserted by somebody without the secret key. The
//! newest entries may have been deleted together with their seals; with a head noted earlier it proves that those up to the
//! head are unchanged.

use crate::account::Account;
use crate::activity::Chain;
use crate::activity::verify::{Verdict, verify};
use crate::commands::{Outcome, one, refusal, require_database};
use crate::config::{Config, VerifyActivity};
use crate::db;

pub(super) fn run(config: &Config, arguments: &VerifyActivity) -> Outcome {
    require_database(config)?;
    let master = config.open_data()?;
    let mut conn = db::connect(&config.database).map_err(one)?;
    let chain = Account::chain(&mut conn, &master).map_err(refusal)?;
    match verify(&mut conn, chain.as_ref(), arguments.head.as_deref()).map_err(one)? {
        Verdict::Intact { head, unsealed, without_key, erased } => {
            let head = head.map_or_else(|| "none yet".to_string(), |head| head.to_string());
            println!("The hash chain of the activity log is intact. Head: {head}. Entries not sealed yet: {unsealed}.");
            if let Some(archived) = chain.as_ref().map(Chain::archived).filter(|archived| archived.number > 0) {
                println!("Archived up to: {archived}.");
            }
            if without_key > 0 {
                println!("Entries sealed by an earlier version, without a key: {without_key}.");
            }
            if erased > 0 {
                println!("Entries from which personal data was erased: {erased}.");
            }
            if arguments.head.is_some() {
                println!("The entries up to the given head are unchanged.");
            }
            Ok(())
        }
        Verdict::NotYetDeleted(number) => Err(one(format!(
            "entries up to {number} are archived and still in the database: run activity archive again to delete them"
        ))),
        Verdict::Broken(how) => Err(one(format!("the hash chain of the activity log is broken: {how}"))),
    }
}
