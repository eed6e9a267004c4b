//! Badges: a status as an icon, a text and a color.

use crate::clients::{Client, ClientState};
use crate::time::count;
use crate::tokens::TokenStatus;

/// A status as an icon, a text and a color.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// The color: `good`, `warn`, `bad` or empty.
    pub tone: &'static str,
    /// The name of the icon.
    pub icon: &'static str,
    /// The text.
    pub text: String,
}

impl Badge {
    /// Creates a badge.
    pub fn new(tone: &'static str, icon: &'static str, text: impl Into<String>) -> Badge {
        Badge { tone, icon, text: text.into() }
    }

    /// Whether Lightspeed approved the client.
    pub fn lightspeed_approved(client: &Client) -> Badge {
        match client.lightspeed_approved_at {
            Some(_) => Badge::new("good", "check-circle", "Lightspeed Approved"),
            None => Badge::new("", "minus-circle", "Not Lightspeed Approved"),
        }
    }

    /// That Lightspeed approved the client, in a word, for a table column with the heading "Lightspeed Approved".
    pub fn lightspeed_approved_in_column(client: &Client) -> Option<Badge> {
        client.lightspeed_approved_at.map(|_| Badge::new("good", "check-circle", "Approved"))
    }

    /// The state of a client, unless it is active.
    pub fn client_state(client: &Client) -> Option<Badge> {
        match client.state() {
            ClientState::Active => None,
            ClientState::Pending => Some(Badge::new("warn", "clock", "Pending approval")),
            ClientState::Suspended => Some(Badge::new("bad", "pause", "Suspended")),
        }
    }

    /// The same in a word, for a table column with the heading "Status".
    pub fn client_status(client: &Client) -> Option<Badge> {
        let badge = Badge::client_state(client)?;
        Some(if client.state() == ClientState::Pending { Badge { text: "Pending".into(), ..badge } } else { badge })
    }
}

impl TokenStatus {
    /// The badge of this status.
    pub fn badge(self) -> Badge {
        match self {
            TokenStatus::Active => Badge::new("good", "check-circle", "Active"),
            TokenStatus::Expired => Badge::new("", "clock", "Expired"),
            TokenStatus::EmployeeArchived => Badge::new("bad", "archive", "Employee archived"),
            TokenStatus::EmployeeLocked => Badge::new("bad", "lock", "Employee locked"),
            TokenStatus::ClientSuspended => Badge::new("bad", "pause", "Client suspended"),
            TokenStatus::ClientPending => Badge::new("warn", "clock", "Client pending approval"),
            TokenStatus::ExpiresIn(0) => Badge::new("warn", "clock", "Expires today"),
            TokenStatus::ExpiresIn(days) => Badge::new("warn", "clock", format!("Expires in {}", count(days, "day"))),
            TokenStatus::Unused(days) => Badge::new("warn", "moon", format!("Unused for {}", count(days, "day"))),
            TokenStatus::NeverUsed => Badge::new("", "moon", "Never used"),
        }
    }
}
