//! The connections service: the database, the HTTP client for providers, encryption, and the refresh queue.

use crate::activity::Actor;
use crate::connections::Hosts;
use crate::connections::breaker::Breakers;
use crate::connections::refresh::{RefreshQueue, Refresher};
use crate::connections::state::TransitionContext;
use crate::db::Db;
use crate::http::HttpClient;
use crate::id::EmployeeKey;
use crate::secrets::sealed::Vault;
use crate::time::Clock;

/// The connections service; one for each process.
pub struct Connections {
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
    /// Encrypts and decrypts stored tokens and client secrets.
    pub vault: Vault,
    /// The HTTP client for providers.
    pub http: HttpClient,
    /// The origins of Lightspeed's servers.
    pub hosts: Hosts,
    /// Whether connections may call private addresses.
    pub allows_private: bool,
    /// The public origin, which redirect URIs begin with.
    pub origin: String,
    /// Queues refreshes that callers wait for.
    pub refresher: Refresher,
    /// The circuit breakers of token endpoints.
    pub breakers: Breakers,
}

/// The employee who performs an act, or a command on the machine that the server runs on.
#[derive(Clone, Debug)]
pub struct Requester {
    /// Their id; 0 for a command, because no employee has it.
    pub id: EmployeeKey,
    /// Their name.
    pub name: String,
    /// The name of the API token they act with; empty for none.
    pub through: String,
    /// Their client IP.
    pub client_ip: String,
}

impl Requester {
    const CONSOLE: EmployeeKey = EmployeeKey(0);

    /// A command on the machine that the server runs on.
    pub fn console() -> Requester {
        let name = Actor::console().name().into();
        Requester { id: Self::CONSOLE, name, through: String::new(), client_ip: String::new() }
    }

    /// The employee, or the command, as the activity log names them.
    pub fn actor(&self) -> Actor {
        match self.id {
            Self::CONSOLE => Actor::console(),
            id if self.through.is_empty() => Actor::person(id, &self.name),
            id => Actor::with_api_token(id, &self.name, &self.through),
        }
    }
}

impl Connections {
    /// A service, and the queue for [`crate::connections::refresh::start`].
    pub fn new(
        (db, clock): (Db, Clock),
        (vault, http): (Vault, HttpClient),
        (hosts, allows_private): (Hosts, bool),
        origin: String,
    ) -> (Connections, RefreshQueue) {
        let (refresher, queue) = Refresher::new();
        let breakers = Breakers::default();
        let service = Connections { db, clock, vault, http, hosts, allows_private, origin, refresher, breakers };
        (service, queue)
    }

    /// What state transitions need besides the database.
    pub fn transition_context(&self) -> TransitionContext {
        TransitionContext { vault: self.vault.clone() }
    }
}
