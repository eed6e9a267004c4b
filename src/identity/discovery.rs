//! What a provider publishes about itself (OpenID Connect Discovery 1.0) and its keys, kept in memory for a while.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oauth2::http;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::may_be_called;
use crate::identity::jws::Key;
use crate::identity::{Asking, Refusal};
use crate::time::{HOUR, MINUTE, Timestamp};

// What is known is used so long.
const FRESH_FOR: i64 = HOUR;
// Keys are fetched again at most so often, whoever sends tokens with unknown keys.
const KEYS_AT_MOST_EVERY: i64 = 10;
// A provider that did not answer is asked again after so many seconds, whoever wants to sign in: a while later if what it
// published before can be used.
const PAUSE: i64 = 3;
const PAUSE_IF_KNOWN: i64 = MINUTE;
const MOST_KEYS: usize = 100;

/// What a provider publishes about itself, as far as it is used.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    issuer: String,
    /// Where the browser is sent to sign in.
    pub authorization_endpoint: String,
    /// Where a code is redeemed.
    pub token_endpoint: String,
    jwks_uri: String,
    /// Where more claims can be read.
    #[serde(default)]
    pub userinfo_endpoint: Option<String>,
    /// Where the browser is sent to sign out.
    #[serde(default)]
    pub end_session_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Whether every answer names the issuer (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// Whether the client secret goes into the header: the default (OpenID Connect Core 1.0 section 9).
    pub fn secret_in_header(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_ref();
        methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"))
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Clone)]
struct Known {
    metadata: Arc<Metadata>,
    metadata_at: Timestamp,
    keys: Arc<Vec<Key>>,
    keys_at: Timestamp,
    // When somebody last began to fetch keys, whether or not that succeeded.
    keys_asked_at: Timestamp,
}

/// What is known about the provider in use.
#[derive(Default)]
pub struct ProviderCache {
    cached: Mutex<Cached>,
    // Held while the provider is asked, so that those who want to know the same wait for one answer.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Cached {
    known: Option<Known>,
    // The issuer that did not answer, when, and why.
    failed: Option<(String, Timestamp, Refusal)>,
}

impl std::fmt::Debug for ProviderCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProviderCache")
    }
}

impl ProviderCache {
    fn cached(&self) -> MutexGuard<'_, Cached> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, issuer: &str) -> Option<Known> {
        self.cached().known.clone().filter(|known| known.metadata.issuer == issuer)
    }

    fn put(&self, known: Known) {
        *self.cached() = Cached { known: Some(known), failed: None };
    }

    // Claims a fetch of keys before it is made, so that one that fails counts too; false if there was one a moment ago.
    fn claim_keys(&self, issuer: &str, now: Timestamp) -> bool {
        let mut cached = self.cached();
        let known = cached.known.as_mut().filter(|known| known.metadata.issuer == issuer);
        let Some(known) = known else { return true };
        let is_free = !is_within(known.keys_asked_at, KEYS_AT_MOST_EVERY, now);
        if is_free {
            known.keys_asked_at = now;
        }
        is_free
    }

    // Why the issuer did not answer a moment ago.
    fn failure(&self, issuer: &str, now: Timestamp) -> Option<Refusal> {
        let failed = self.cached().failed.clone();
        failed.filter(|(of, at, _)| of == issuer && is_within(*at, PAUSE, now)).map(|(_, _, refusal)| refusal)
    }

    fn put_failure(&self, issuer: &str, now: Timestamp, refusal: &Refusal) {
        self.cached().failed = Some((issuer.into(), now, refusal.clone()));
    }
}

/// Refuses a provider that does not publish its configuration and keys, or under another issuer.
pub async fn require_answer(asking: Asking<'_>) -> Result<(), Refusal> {
    asking.fetch().await.map(|known| asking.cache.put(known))
}

fn is_within(at: Timestamp, seconds: i64, now: Timestamp) -> bool {
    // A clock that was set back makes nothing last longer.
    (0..seconds).contains(&now.since(at))
}

impl Asking<'_> {
    /// What the provider publishes about itself. If it does not answer now, what it published before.
    pub(super) async fn metadata(&self) -> Result<Arc<Metadata>, Refusal> {
        Ok(self.known().await?.metadata)
    }

    /// The provider's keys; with `again`, fetched anew unless that was tried a moment ago.
    pub(super) async fn keys(&self, again: bool) -> Result<Arc<Vec<Key>>, Refusal> {
        let fresh_for = if again { KEYS_AT_MOST_EVERY } else { FRESH_FOR };
        let known = self.known().await?;
        if is_within(known.keys_at, fresh_for, self.now) {
            return Ok(known.keys);
        }
        let _one = self.cache.asking.lock().await;
        // Somebody else may have fetched them in the meantime.
        let known = self.cache.of(&self.provider.issuer).unwrap_or(known);
        let is_fresh = is_within(known.keys_at, fresh_for, self.now);
        if is_fresh || !self.cache.claim_keys(&self.provider.issuer, self.now) {
            return Ok(known.keys);
        }
        let (keys, keys_at) = match self.fetch_keys(&known.metadata).await {
            Ok(keys) => (keys, self.now),
            // Tokens that the known keys verify are still good.
            Err(refusal) if refusal.may_pass && !again => {
                (known.keys.clone(), self.now.plus(PAUSE_IF_KNOWN - FRESH_FOR))
            }
            Err(refusal) => return Err(refusal),
        };
        self.cache.put(Known { keys: keys.clone(), keys_at, keys_asked_at: self.now, ..known });
        Ok(keys)
    }

    // What is known already, or that the provider did not answer a moment ago.
    fn kept(&self) -> Option<Result<Known, Refusal>> {
        let known = self.cache.of(&self.provider.issuer);
        match known.filter(|known| is_within(known.metadata_at, FRESH_FOR, self.now)) {
            Some(known) => Some(Ok(known)),
            None => self.cache.failure(&self.provider.issuer, self.now).map(Err),
        }
    }

    async fn known(&self) -> Result<Known, Refusal> {
        if let Some(kept) = self.kept() {
            return kept;
        }
        let _one = self.cache.asking.lock().await;
        if let Some(kept) = self.kept() {
            return kept;
        }
        let before = self.cache.of(&self.provider.issuer);
        let known = match (self.fetch().await, before) {
            (Ok(known), _) => known,
            (Err(refusal), Some(known)) if refusal.may_pass => {
                Known { metadata_at: self.now.plus(PAUSE_IF_KNOWN - FRESH_FOR), ..known }
            }
            (Err(refusal), _) => {
                self.cache.put_failure(&self.provider.issuer, self.now, &refusal);
                return Err(refusal);
            }
        };
        self.cache.put(known.clone());
        Ok(known)
    }

    async fn fetch(&self) -> Result<Known, Refusal> {
        let issuer = &self.provider.issuer;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata: Metadata = self.get(&url, "configuration", None).await?;
        // OpenID Connect Discovery 1.0 section 4.3: the issuer must be exactly the one that was asked for.
        if metadata.issuer != *issuer {
            return Err(Refusal::new(
                "The provider's configuration is for another issuer than the one that is set here.",
            ));
        }
        let is_callable =
            |url: &str| url::Url::parse(url).is_ok_and(|url| may_be_called(&url, self.http.allows_private()));
        if !is_callable(&metadata.authorization_endpoint) {
            return Err(Refusal::new(
                "The provider's configuration names an address that this server does not lead to.",
            ));
        }
        let keys = self.fetch_keys(&metadata).await?;
        Ok(Known {
            metadata: Arc::new(metadata),
            metadata_at: self.now,
            keys,
            keys_at: self.now,
            keys_asked_at: self.now,
        })
    }

    async fn fetch_keys(&self, metadata: &Metadata) -> Result<Arc<Vec<Key>>, Refusal> {
        let set: KeySet = self.get(&metadata.jwks_uri, "keys", None).await?;
        // A key of an unknown form is not for us.
        let keys = set.keys.into_iter().take(MOST_KEYS).filter_map(|key| serde_json::from_value(key).ok());
        Ok(Arc::new(keys.collect()))
    }

    /// Reads a JSON document of the provider; `what` names it.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        url: &str,
        what: &str,
        token: Option<&str>,
    ) -> Result<T, Refusal> {
        let mut request = http::Request::get(url).header("accept", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request
            .body(Vec::new())
            .map_err(|_| Refusal::new(format!("The address of the provider's {what} is not valid.")))?;
        let answer = self.http.send(request).await;
        let answer = answer.map_err(|why| Refusal::for_now(format!("The provider's {what} cannot be read: {why}.")))?;
        let status = answer.status();
        if !status.is_success() {
            let sentence =
                format!("The provider's {what} cannot be read: it answered with status {}.", status.as_u16());
            return Err(if status.is_server_error() { Refusal::for_now(sentence) } else { Refusal::new(sentence) });
        }
        serde_json::from_slice(answer.body())
            .map_err(|_| Refusal::new(format!("The provider's {what} cannot be understood.")))
    }
}
