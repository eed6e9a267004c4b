//! What every handler and background job shares.

use std::sync::Arc;

use crate::access::last_used::LastUsed;
use crate::clients::failed_secrets::FailedSecrets;
use crate::clients::token_failure::Failures;
use crate::config::Config;
use crate::connections::Connections;
use crate::db::Db;
use crate::employees::SeenSessions;
use crate::employees::password::PasswordHasher;
use crate::secrets::{DerivedKey, MasterKey};
use crate::time::Clock;
use crate::web::rate_limit::Buckets;

/// The purpose of the key that proves that a node has the key this database was created with.
pub const CHECK: &str = "check";

/// Shared by all workers of this process.
pub struct State {
    /// The settings.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
    /// Keys derived from the installation's secret key.
    pub keys: Keys,
    /// The bounded pool that hashes passwords.
    pub hasher: PasswordHasher,
    /// Sessions seen since the last write.
    pub seen_sessions: SeenSessions,
    /// Tokens, secrets and connections used since the last write.
    pub last_used_buffer: LastUsed,
    /// Token requests that failed since the last write.
    pub failures: Failures,
    /// Wrong client secrets, by caller.
    pub failed_secrets: FailedSecrets,
    /// The rate limit of each client.
    pub buckets: Buckets,
    /// The shop's connections.
    pub connections: Arc<Connections>,
    /// The name of this process among the nodes: the holder of its leases.
    pub node: String,
}

/// One key for each purpose.
pub struct Keys {
    /// Signs the CSRF token of every form.
    pub csrf: DerivedKey,
    /// Signs the cookie of a known browser.
    pub device: DerivedKey,
    /// Encrypts the session cookie.
    pub cookie: DerivedKey,
    /// Signs the request that a consent page shows.
    pub consent: DerivedKey,
    /// Proves that a node has the key this database was created with.
    pub check: DerivedKey,
}

impl Keys {
    /// The keys derived from `master`.
    pub fn new(master: &MasterKey) -> Keys {
        Keys {
            csrf: master.derive("csrf"),
            device: master.derive("device"),
            cookie: master.derive("cookie"),
            consent: master.derive("consent"),
            check: master.derive(CHECK),
        }
    }
}
