//! Telling somebody what happened to their second factors.

use crate::activity::Actor;
use crate::db::DbConnection;
use crate::employees::account_mail::{self, AccountChange};
use crate::employees::employee::Employee;
use crate::error::Result;
use crate::time::Timestamp;

/// What happened to the second factors of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// An authenticator app was set up, or replaced another.
    AppSetUp,
    /// The authenticator app was removed.
    AppRemoved,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// New recovery codes were created.
    RecoveryCodesRenewed,
    /// All second factors were reset by an admin, or at the console of the server.
    Reset,
    /// Somebody who knows the password entered wrong codes.
    ManyFailures,
}

impl Change {
    /// The change as a sentence to the person, without its full stop.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Change::AppSetUp => "An authenticator app was set up as your second factor",
            Change::AppRemoved => "Your authenticator app was removed",
            Change::PasskeyAdded => "A passkey was added",
            Change::PasskeyRemoved => "A passkey was removed",
            Change::RecoveryCodeUsed => "A recovery code was used to sign in",
            Change::RecoveryCodesRenewed => "New recovery codes were created, and the previous ones no longer work",
            Change::Reset => "Your second factors were reset, and you were signed out",
            Change::ManyFailures => "Somebody entered your password, and then ten wrong codes in a row",
        }
    }
}

/// Tells the person by e-mail, in the transaction of the change. The change is also in the activity log.
pub(super) fn tell(
    conn: &mut DbConnection,
    employee: &Employee,
    change: Change,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<()> {
    let change = AccountChange::SecondFactor(change.sentence().into());
    account_mail::tell(conn, employee.id, &change, (actor, client_ip), now)
}
