//! Badges: a status as an icon, a word and a colour.

use crate::clients::{Client, ClientState};
use crate::time::count;
use crate::tokens::TokenStatus;

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
    pub fn lightspeed_approved(client: &Client) -> Badge {
        match client.lightspeed_approved_at {
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

impl TokenStatus {
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
            TokenStatus::ExpiresIn(0) => Badge::new("warn", "clock", format!("{ends} within a day")),
            TokenStatus::ExpiresIn(days) => Badge::new("warn", "clock", format!("{ends} in {}", count(days, "day"))),
            TokenStatus::Unused(days) => Badge::new("warn", "moon", format!("Unused {}", count(days, "day"))),
            TokenStatus::NeverUsed => Badge::new("", "moon", "Never used"),
        }
    }
}
