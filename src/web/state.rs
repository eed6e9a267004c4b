//! The state that all handlers and background jobs share.

use std::sync::Arc;

use crate::access::attention::LargeCounts;
use crate::access::last_used::LastUsed;
use crate::activity::ChainKey;
use crate::clients::failed_secrets::FailedSecrets;
use crate::clients::token_failure::Failures;
use crate::config::Config;
use crate::connections::Connections;
use crate::db::Db;
use crate::employees::SeenSessions;
use crate::employees::password_hasher::PasswordHasher;
use crate::employees::second_factor::passkey::Verifier;
use crate::identity;
use crate::metrics::Metrics;
use crate::notices::{Delivery, Guard};
use crate::secrets::{DerivedKey, MasterKey};
use crate::time::Clock;
use crate::web::connection_limits::ConnectionLimits;
use crate::web::job_health::JobHealth;
use crate::web::rate_limit::Buckets;

/// Shared by all workers of this process.
pub struct State {
    /// The settings.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// What this process counts for operators.
    pub metrics: Arc<Metrics>,
    /// The clock.
    pub clock: Clock,
    /// Keys derived from the secret key.
    pub keys: Keys,
    /// The key of the activity log's hash chain.
    pub chain_key: ChainKey,
    /// The password hasher, which limits how many hashes run at once.
    pub hasher: PasswordHasher,
    /// Write-behind buffer: sessions seen since the last write.
    pub seen_sessions: SeenSessions,
    /// Write-behind buffer: tokens, secrets and connections used since the last write, and how often clients were.
    pub last_used_buffer: LastUsed,
    /// Write-behind buffer: token requests that failed since the last write.
    pub failures: Failures,
    /// Counts of wrong client secrets.
    pub failed_secrets: FailedSecrets,
    /// The open connections.
    pub connection_limits: Arc<ConnectionLimits>,
    /// The rate limits of the API routes.
    pub buckets: Buckets,
    /// The shop's connections.
    pub connections: Arc<Connections>,
    /// What needs attention, where there is too much of it to count for each page.
    pub large_counts: LargeCounts,
    /// The health of the background jobs.
    pub job_health: JobHealth,
    /// The name of this process: the holder of its leases.
    pub node: String,
}

impl State {
    /// What the delivery of notices needs.
    pub fn delivery(&self) -> Delivery<'_> {
        Delivery {
            db: &self.db,
            clock: &self.clock,
            http: &self.connections.http,
            environment: &self.config.notices,
            guard: self.notice_guard(),
            authorities: &self.config.outbound.authorities,
        }
    }

    /// What checks passkeys. None if this server's address has no host name.
    pub fn passkeys(&self) -> Option<Verifier> {
        Verifier::new(self.config.public_url.origin(), &self.keys.passkey)
    }

    /// Where the settings of the identity provider come from, to read them in a transaction.
    pub fn identity_source(&self) -> identity::OwnedSource {
        identity::OwnedSource {
            environment: self.config.identity_provider.clone(),
            vault: self.connections.vault.clone(),
            allows_private: self.config.outbound.private,
        }
    }

    /// What encrypts the channels of notices, and says which hosts they may have.
    pub fn notice_guard(&self) -> Guard<'_> {
        Guard { vault: &self.connections.vault, allows_private: self.config.outbound.private }
    }
}

/// The derived keys, one for each purpose.
pub struct Keys {
    /// Signs CSRF tokens.
    pub csrf: DerivedKey,
    /// Signs the cookie that recognizes a browser.
    pub device: DerivedKey,
    /// Signs the cookie of a sign-in that waits for the second factor.
    pub sign_in: DerivedKey,
    /// Signs the challenges of passkeys.
    pub passkey: DerivedKey,
    /// Encrypts the session cookie.
    pub cookie: DerivedKey,
    /// Signs the authorization request in a consent form.
    pub consent: DerivedKey,
    /// Signs the cookie of a sign-in through an identity provider.
    pub provider_sign_in: DerivedKey,
    /// Derives the grant parts of refresh tokens that were issued in the earlier format.
    pub grant: DerivedKey,
}

impl Keys {
    /// The keys derived from `master`.
    pub fn new(master: &MasterKey) -> Keys {
        Keys {
            csrf: master.derive("csrf"),
            device: master.derive("device"),
            sign_in: master.derive("sign-in"),
            passkey: master.derive("passkey"),
            cookie: master.derive("cookie"),
            consent: master.derive("consent"),
            provider_sign_in: master.derive("sign in through a provider"),
            grant: master.derive("grant"),
        }
    }
}
