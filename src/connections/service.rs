//! What the acts on connections need besides the database: the way to providers, encryption, and the queue of refreshes.

use crate::connections::Hosts;
use crate::connections::breaker::Breakers;
use crate::connections::refresh::{RefreshQueue, Refresher};
use crate::connections::state::TransitionContext;
use crate::db::Db;
use crate::http::HttpClient;
use crate::notices::Channels;
use crate::secrets::sealed::Vault;
use crate::time::Clock;

/// The service behind everything that is done with connections; one for each process.
pub struct Connections {
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
    /// Encrypts and decrypts stored tokens and client secrets.
    pub vault: Vault,
    /// The HTTP client for providers.
    pub http: HttpClient,
    /// The addresses of Lightspeed's servers.
    pub hosts: Hosts,
    /// Whether connections may call private addresses.
    pub allows_private: bool,
    /// The origin of the pages: redirect URIs and links in notices begin with it.
    pub origin: String,
    /// Where notices go.
    pub channels: Channels,
    /// Refreshes that callers wait for.
    pub refresher: Refresher,
    /// Which providers fail at the moment.
    pub breakers: Breakers,
}

impl Connections {
    /// A service, and the queue that [`crate::connections::refresh::start`] works off.
    pub fn new(
        (db, clock): (Db, Clock),
        (vault, http): (Vault, HttpClient),
        (hosts, allows_private): (Hosts, bool),
        channels: Channels,
    ) -> (Connections, RefreshQueue) {
        let (refresher, queue) = Refresher::new();
        let origin = channels.origin.clone();
        let breakers = Breakers::default();
        let service =
            Connections { db, clock, vault, http, hosts, allows_private, origin, channels, refresher, breakers };
        (service, queue)
    }

    /// What a change of a connection needs besides the database.
    pub fn transition_context(&self) -> TransitionContext {
        TransitionContext { vault: self.vault.clone(), channels: self.channels.clone() }
    }
}
