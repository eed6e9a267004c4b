//! Signing in through an OpenID Connect provider (OpenID Connect Core 1.0, authorization code flow with PKCE).
//!
//! A sign-in begins with an [`Attempt`], which the browser keeps, and ends with an identity that the provider's signature
//! proves. The identity belongs to an employee by issuer and subject; an e-mail address only ever leads to a link if the
//! provider says that it verified it. Whatever the provider does wrong ends in a [`Refusal`], never in an internal error.

mod admission;
mod attempt;
mod claims;
mod discovery;
mod id_token;
mod identities;
mod jws;
mod logout;
mod settings;
mod token_request;

pub use crate::config::{EnteredProvider, IdentityProvider};
pub use admission::{Admitted, admit, require_unused};
pub use attempt::{Answer, Attempt, Purpose, begin, finish};
pub use claims::VerifiedIdentity;
pub use discovery::{ProviderCache, require_answer};
pub use identities::Identity;
pub use logout::{BACK_CHANNEL, LogoutRequest, is_of_provider, sign_out};
pub use settings::{
    FieldErrors, OwnedSource, Source, check, choose_break_glass, current, passwords, record_break_glass, remove,
    require_password, store, stored, without_password,
};

use crate::db::DbConnection;
use crate::employees::failed_sign_ins;
use crate::error::Result;
use crate::http::HttpClient;
use crate::time::Timestamp;

crate::db::sealed_columns::sealed_columns!(SEALED_COLUMNS: identity_settings.client_secret);

/// How many seconds the clock of a provider may differ from ours.
const CLOCK_SKEW: i64 = 60;

/// The path that a provider sends the browser back to: the redirect URI without the origin.
pub const CALLBACK: &str = "/sign-in/callback";

/// Why somebody is not signed in, as sentences that name no person and hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The sentences.
    pub reason: String,
    /// Whether the provider could not be asked, so that it may work later.
    pub may_pass: bool,
}

impl Refusal {
    fn new(reason: impl Into<String>) -> Refusal {
        Refusal { reason: reason.into(), may_pass: false }
    }

    fn for_now(reason: impl Into<String>) -> Refusal {
        Refusal { reason: reason.into(), may_pass: true }
    }

    /// Records it in the activity log, or counts it, so that strangers cannot fill the log.
    pub fn record(&self, conn: &mut DbConnection, provider: &str, client_ip: &str, now: Timestamp) -> Result<()> {
        failed_sign_ins::record_at_provider(conn, (provider, &self.reason), client_ip, now)
    }
}

/// What is needed to ask a provider.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// Its settings.
    pub provider: &'a IdentityProvider,
    /// What is known about it already.
    pub cache: &'a ProviderCache,
    /// The HTTP client.
    pub http: &'a HttpClient,
    /// Our public origin.
    pub origin: &'a str,
    /// The current time.
    pub now: Timestamp,
}

impl Asking<'_> {
    fn redirect_uri(&self) -> String {
        format!("{}{CALLBACK}", self.origin)
    }
}
