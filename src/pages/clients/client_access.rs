//! The part of a client's page that says what its tokens can do now.

use crate::access::client_access::ClientAccess;
use crate::clients::{Client, ClientState};
use crate::db::DbConnection;
use crate::error::Result;
use crate::tokens::listing::inventory::RecentTokens;

/// What a client can do now.
pub struct ClientAccessPanel {
    /// What its tokens can do.
    pub access: ClientAccess,
    /// Why none of them works now; empty if they do.
    pub stopped: &'static str,
}

impl ClientAccessPanel {
    /// Loads it for the tokens of the client that were used most recently.
    pub fn load(conn: &mut DbConnection, client: &Client, recent: &RecentTokens) -> Result<ClientAccessPanel> {
        let stopped = match client.state() {
            ClientState::Active => "",
            ClientState::Pending => "Nothing: it waits for approval.",
            ClientState::Suspended => "Nothing: it is suspended. If an admin resumes it, its tokens can do this again:",
        };
        Ok(ClientAccessPanel { access: ClientAccess::of(conn, recent)?, stopped })
    }

    /// How many tokens can do nothing, as text.
    pub fn inactive(&self) -> String {
        match self.access.inactive {
            1 => "1 token belongs to somebody who is locked or archived, and can do nothing.".into(),
            n => format!("{n} tokens belong to somebody who is locked or archived, and can do nothing."),
        }
    }

    /// The roles with which it has full access, as text.
    pub fn full(&self) -> String {
        self.access.full.join(" and ")
    }
}
