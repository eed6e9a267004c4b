//! `verify-activity`: checks the hash chain of the activity log.
//!
//! Without `--head` it proves that no sealed entry was edited or deleted, unless somebody rewrote all later seals too. With
//! a head noted earlier it proves that the entries up to that head are unchanged. Either way, the newest entries may have
//! been deleted together with their seals.

use crate::activity::seal;
use crate::activity::seal::Verdict;
use crate::commands::{Outcome, one, require_database};
use crate::config::{Config, VerifyActivity};
use crate::db;

pub(super) fn run(config: &Config, arguments: &VerifyActivity) -> Outcome {
    require_database(config)?;
    let mut conn = db::connect(&config.database).map_err(one)?;
    match seal::verify(&mut conn, arguments.head.as_deref()).map_err(one)? {
        Verdict::Intact { head, unsealed } => {
            let head = head.map_or_else(|| "none yet".to_string(), |head| head.to_string());
            println!("The hash chain of the activity log is intact. Head: {head}. Entries not sealed yet: {unsealed}.");
            if arguments.head.is_some() {
                println!("The entries up to the given head are unchanged.");
            }
            Ok(())
        }
        Verdict::Broken(how) => Err(one(format!("the hash chain of the activity log is broken: {how}"))),
    }
}
