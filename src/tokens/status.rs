//! What state a token is in, as a shop manager says it: icon, word and colour, never colour alone.

use crate::clients::ClientState;
use crate::employees::Employee;
use crate::time::{DAY, Timestamp};
use crate::tokens::token_list::{EXPIRING_SOON_DAYS, UNUSED_DAYS};

/// The state of a token, the most telling one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// It can be used.
    Active,
    /// It is past its end.
    Expired,
    /// The employee behind it has left.
    EmployeeArchived,
    /// The employee behind it is locked.
    EmployeeLocked,
    /// The client may do nothing at the moment.
    ClientSuspended,
    /// The client was never admitted.
    ClientPending,
    /// It can be used, but ends in so many days.
    ExpiresIn(i64),
    /// It can be used, but was not for so many days.
    Unused(i64),
    /// It can be used, but never was.
    NeverUsed,
}

/// The moments a status is read from.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl TokenStatus {
    /// The status as of `now`.
    pub fn of(life: Life, employee: &Employee, client: ClientState, now: Timestamp) -> TokenStatus {
        let left = life.expires_at.since(now);
        let lasts = life.expires_at.since(life.created_at) > EXPIRING_SOON_DAYS * DAY;
        let idle = now.since(life.last_used_at) / DAY;
        match () {
            () if left <= 0 => TokenStatus::Expired,
            () if employee.archived_at.is_some() => TokenStatus::EmployeeArchived,
            () if employee.locked_at.is_some() => TokenStatus::EmployeeLocked,
            () if client == ClientState::Suspended => TokenStatus::ClientSuspended,
            () if client == ClientState::Pending => TokenStatus::ClientPending,
            () if lasts && left < EXPIRING_SOON_DAYS * DAY => TokenStatus::ExpiresIn(left / DAY),
            () if life.last_used_at == Timestamp::NEVER_YET => TokenStatus::NeverUsed,
            () if idle >= UNUSED_DAYS => TokenStatus::Unused(idle),
            () => TokenStatus::Active,
        }
    }
}
