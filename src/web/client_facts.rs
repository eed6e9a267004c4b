//! A client in one line: its name, website and badges, and the address of its page. Used by the pages and on the consent
//! page.

use crate::clients::{Client, Website};
use crate::id::ClientKey;
use crate::web::badge::Badge;

/// The address of the client list.
pub const CLIENTS: &str = "/settings/client-api-access";

/// The address of a client's page.
pub fn client_path(client: ClientKey) -> String {
    format!("{CLIENTS}/clients/{client}")
}

/// A client in one line.
pub struct ClientFacts {
    /// Its id.
    pub id: ClientKey,
    /// The address of its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// Its website.
    pub website: Website,
    /// The Lightspeed Approved badge.
    pub lightspeed_approved: Badge,
    /// Its state, unless it is active.
    pub state: Option<Badge>,
}

impl ClientFacts {
    /// The facts of a client.
    pub fn of(client: &Client) -> ClientFacts {
        ClientFacts {
            id: client.id,
            href: client_path(client.id),
            name: client.name.clone(),
            website: client.website.clone(),
            lightspeed_approved: Badge::lightspeed_approved(client),
            state: Badge::client_state(client),
        }
    }
}
