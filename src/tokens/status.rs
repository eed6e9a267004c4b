//! What state a token is in, as a shop manager says it: icon, word and colour, never colour alone.

use super::list::{LAPSING_DAYS, UNUSED_DAYS};
use crate::clients::{Client, ClientState};
use crate::employees::Employee;
use crate::time::{DAY, Timestamp, count};

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
    EndsIn(i64),
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
        let lasts = life.expires_at.since(life.created_at) > LAPSING_DAYS * DAY;
        let idle = now.since(life.last_used_at) / DAY;
        match () {
            () if left <= 0 => TokenStatus::Expired,
            () if employee.archived_at.is_some() => TokenStatus::EmployeeArchived,
            () if employee.locked_at.is_some() => TokenStatus::EmployeeLocked,
            () if client == ClientState::Suspended => TokenStatus::ClientSuspended,
            () if client == ClientState::Pending => TokenStatus::ClientPending,
            () if lasts && left < LAPSING_DAYS * DAY => TokenStatus::EndsIn(left / DAY),
            () if life.last_used_at == Timestamp::NEVER_YET => TokenStatus::NeverUsed,
            () if idle >= UNUSED_DAYS => TokenStatus::Unused(idle),
            () => TokenStatus::Active,
        }
    }

    /// How it is shown; a refresh token lapses, everything else expires.
    pub fn badge(self, is_refresh_token: bool) -> Badge {
        let ends = if is_refresh_token { "Lapses" } else { "Expires" };
        match self {
            TokenStatus::Active => Badge::new("good", "check-circle", "Active"),
            TokenStatus::Expired if is_refresh_token => Badge::new("", "clock", "Lapsed"),
            TokenStatus::Expired => Badge::new("", "clock", "Expired"),
            TokenStatus::EmployeeArchived => Badge::new("bad", "archive", "Employee archived"),
            TokenStatus::EmployeeLocked => Badge::new("bad", "lock", "Employee locked"),
            TokenStatus::ClientSuspended => Badge::new("bad", "pause", "Client suspended"),
            TokenStatus::ClientPending => Badge::new("warn", "clock", "Client pending"),
            TokenStatus::EndsIn(0) => Badge::new("warn", "clock", format!("{ends} within a day")),
            TokenStatus::EndsIn(days) => Badge::new("warn", "clock", format!("{ends} in {}", count(days, "day"))),
            TokenStatus::Unused(days) => Badge::new("warn", "moon", format!("Unused {}", count(days, "day"))),
            TokenStatus::NeverUsed => Badge::new("", "moon", "Never used"),
        }
    }
}

/// An icon, a word and a colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// `good`, `warn`, `bad` or nothing.
    pub tone: &'static str,
    /// The icon's name.
    pub icon: &'static str,
    /// The word.
    pub text: String,
}

impl Badge {
    /// A badge.
    pub fn new(tone: &'static str, icon: &'static str, text: impl Into<String>) -> Badge {
        Badge { tone, icon, text: text.into() }
    }

    /// Lightspeed Approved, or not.
    pub fn approved(client: &Client) -> Badge {
        match client.approved_at {
            Some(_) => Badge::new("good", "check-circle", "Approved"),
            None => Badge::new("", "minus-circle", "Not approved"),
        }
    }

    /// What a client may do, when that is worth saying.
    pub fn client_state(client: &Client) -> Option<Badge> {
        match client.state() {
            ClientState::Active => None,
            ClientState::Pending => Some(Badge::new("warn", "clock", "Pending")),
            ClientState::Suspended => Some(Badge::new("bad", "pause", "Suspended")),
        }
    }
}
