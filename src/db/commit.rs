//! Transactions on a connection: retried after conflicts, and never committed after the caller has timed out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::db::{DbConnection, transaction};
use crate::error::{Error, Result};

const CALLER_TIMED_OUT: Error = Error::Unavailable("the caller timed out");

/// Decides between the worker that commits a change and the caller that times out: whoever claims it first wins. So a
/// change is never committed after its caller was told that it failed.
#[derive(Clone, Default)]
pub(crate) struct CommitDecision(Arc<AtomicU8>);

impl CommitDecision {
    pub(crate) const COMMITTING: u8 = 1;
    pub(crate) const TIMED_OUT: u8 = 2;

    // The winner may claim it again: a transaction that is retried commits at a later attempt.
    pub(crate) fn claim(&self, side: u8) -> bool {
        let taken = self.0.compare_exchange(0, side, Ordering::SeqCst, Ordering::SeqCst);
        taken.is_ok() || taken == Err(side)
    }

    pub(crate) fn has_timed_out(&self) -> bool {
        self.0.load(Ordering::SeqCst) == Self::TIMED_OUT
    }
}

/// Runs `change` in its own transaction and retries it after a serialization failure or a deadlock, whatever the language of
/// PostgreSQL's messages.
pub fn in_transaction<T>(conn: &mut DbConnection, change: &dyn Fn(&mut DbConnection) -> Result<T>) -> Result<T> {
    commit_with_retries(conn, change, &CommitDecision::default())
}

pub(crate) fn commit_with_retries<T>(
    conn: &mut DbConnection,
    change: &dyn Fn(&mut DbConnection) -> Result<T>,
    decision: &CommitDecision,
) -> Result<T> {
    const ATTEMPTS: u32 = 24;
    // A deadlock in another language is one of the errors whose words are unknown; most of the others fail again.
    const ATTEMPTS_IF_UNKNOWN: u32 = 4;
    for attempt in 1.. {
        // The caller was already told that the change failed: do not keep a connection from others.
        if decision.has_timed_out() {
            return Err(CALLER_TIMED_OUT);
        }
        let outcome = transaction_once(conn, change, decision);
        match outcome {
            Err(error)
                if (error.is_retryable() && attempt < ATTEMPTS)
                    || (error.is_unknown() && attempt < ATTEMPTS_IF_UNKNOWN) =>
            {
                std::thread::sleep(Duration::from_millis(u64::from(attempt)));
            }
            outcome => return outcome,
        }
    }
    Err(Error::Unavailable("the transaction still conflicts after all retries"))
}

fn transaction_once<T>(
    conn: &mut DbConnection,
    change: &dyn Fn(&mut DbConnection) -> Result<T>,
    decision: &CommitDecision,
) -> Result<T> {
    transaction::begin(conn)?;
    match change(conn) {
        Ok(_) if !decision.claim(CommitDecision::COMMITTING) => {
            transaction::roll_back(conn);
            Err(CALLER_TIMED_OUT)
        }
        Ok(value) => match transaction::commit(conn).map_err(Error::from) {
            Ok(()) => Ok(value),
            // After a lost connection nobody knows whether the commit took effect, so it is never retried.
            Err(error) if error.lost_connection().is_some() => {
                Err(Error::Unavailable("the connection was lost during commit"))
            }
            Err(error) => Err(error),
        },
        Err(error) => {
            transaction::roll_back(conn);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use diesel::result::{DatabaseErrorKind, Error as DieselError};

    use super::*;
    use crate::db::{DatabaseUrl, connect};

    #[test]
    fn a_change_is_not_retried_after_its_caller_timed_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut conn = connect(&DatabaseUrl::Sqlite(folder.path().join("data.db"))).expect("a connection");
        let (decision, attempts) = (CommitDecision::default(), Cell::new(0));
        let conflict = || DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, Box::new(String::new()));

        let outcome: Result<()> = commit_with_retries(
            &mut conn,
            &|_| {
                attempts.set(attempts.get() + 1);
                if attempts.get() == 2 {
                    assert!(decision.claim(CommitDecision::TIMED_OUT));
                }
                Err(conflict().into())
            },
            &decision,
        );

        assert!(matches!(outcome, Err(Error::Unavailable(_))));
        assert_eq!(attempts.get(), 2);
    }
}
