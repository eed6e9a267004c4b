//! The status of a token: whether it can be used, and what an admin should know about it.

use crate::clients::ClientState;
use crate::employees::Employee;
use crate::time::{DAY, Timestamp};
use crate::tokens::listing::{EXPIRING_SOON_DAYS, UNUSED_DAYS};

/// The status of a token. When several apply, the one that matters most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// It can be used.
    Active,
    /// It has expired.
    Expired,
    /// The employee who authorized it is archived.
    EmployeeArchived,
    /// The employee who authorized it is locked.
    EmployeeLocked,
    /// The client is suspended.
    ClientSuspended,
    /// The client is not approved yet.
    ClientPending,
    /// It can be used, and expires in this many days.
    ExpiresIn(i64),
    /// It can be used, but was not used for this many days.
    Unused(i64),
    /// It can be used, but was never used.
    NeverUsed,
}

/// The dates a status depends on.
#[derive(Clone, Copy, Debug)]
pub struct TokenDates {
    /// When the token was created.
    pub created_at: Timestamp,
    /// When it was last used, or 0.
    pub last_used_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl TokenStatus {
    /// The status as of `now`.
    pub fn of(dates: TokenDates, employee: &Employee, client: ClientState, now: Timestamp) -> TokenStatus {
        let remaining = dates.expires_at.since(now);
        let is_long_lived = dates.expires_at.since(dates.created_at) > EXPIRING_SOON_DAYS * DAY;
        let unused_days = now.since(dates.last_used_at) / DAY;
        match () {
            () if remaining <= 0 => TokenStatus::Expired,
            () if employee.archived_at.is_some() => TokenStatus::EmployeeArchived,
            () if employee.locked_at.is_some() => TokenStatus::EmployeeLocked,
            () if client == ClientState::Suspended => TokenStatus::ClientSuspended,
            () if client == ClientState::Pending => TokenStatus::ClientPending,
            () if is_long_lived && remaining < EXPIRING_SOON_DAYS * DAY => TokenStatus::ExpiresIn(remaining / DAY),
            () if dates.last_used_at == Timestamp::NEVER_YET => TokenStatus::NeverUsed,
            () if unused_days >= UNUSED_DAYS => TokenStatus::Unused(unused_days),
            () => TokenStatus::Active,
        }
    }
}
