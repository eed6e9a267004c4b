//! What is counted of acts on tokens: only once the transaction that did them is committed.

use prometheus::{IntCounter, IntCounterVec, Registry};

use crate::metrics::{counters, register};

/// An act on a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// An access token was issued.
    AccessTokenIssued,
    /// A refresh token was issued, for a new grant.
    RefreshTokenIssued,
    /// An API key was issued.
    ApiKeyIssued,
    /// A refresh token was used and replaced by its next value.
    Refreshed,
    /// An access token was revoked.
    AccessTokenRevoked,
    /// A refresh token was revoked.
    RefreshTokenRevoked,
    /// An API key was revoked.
    ApiKeyRevoked,
    /// A replaced refresh token was used again.
    RefreshTokenReused,
    /// An authorization code was used again.
    CodeReused,
}

const ACTS: [(Act, &str, &str); 9] = [
    (Act::AccessTokenIssued, "tokens_issued_total", "access_token"),
    (Act::RefreshTokenIssued, "tokens_issued_total", "refresh_token"),
    (Act::ApiKeyIssued, "tokens_issued_total", "api_key"),
    (Act::Refreshed, "tokens_refreshed_total", "refresh_token"),
    (Act::AccessTokenRevoked, "tokens_revoked_total", "access_token"),
    (Act::RefreshTokenRevoked, "tokens_revoked_total", "refresh_token"),
    (Act::ApiKeyRevoked, "tokens_revoked_total", "api_key"),
    (Act::RefreshTokenReused, "tokens_reused_total", "refresh_token"),
    (Act::CodeReused, "tokens_reused_total", "authorization_code"),
];

const FAMILIES: [(&str, &str); 4] = [
    ("tokens_issued_total", "Tokens that were issued."),
    ("tokens_refreshed_total", "Refresh tokens that were used and replaced by their next value."),
    ("tokens_revoked_total", "Tokens that were revoked; those of a large revocation as their rows are deleted."),
    ("tokens_reused_total", "Token reuse detected: a replaced refresh token or an authorization code was used again."),
];

/// The acts of one transaction, which count when it is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally([u32; ACTS.len()]);

impl Tally {
    /// Adds so many of one act.
    pub fn add(&mut self, act: Act, n: i64) {
        let count = &mut self.0[act as usize];
        *count = count.saturating_add(u32::try_from(n).unwrap_or(0));
    }
}

pub(super) struct Acts([IntCounter; ACTS.len()]);

impl Acts {
    pub(super) fn new(registry: &Registry) -> Acts {
        let families: Vec<(&str, IntCounterVec)> =
            FAMILIES.iter().map(|(name, help)| (*name, counters(name, help, &["kind"]))).collect();
        for (_, family) in &families {
            register(registry, Box::new(family.clone()));
        }
        let family = |name| families.iter().find(|(own, _)| *own == name).map_or(&families[0].1, |(_, family)| family);
        Acts(ACTS.map(|(_, name, kind)| family(name).with_label_values(&[kind])))
    }

    pub(super) fn add(&self, tally: &Tally) {
        for (counter, n) in self.0.iter().zip(tally.0).filter(|(_, n)| *n > 0) {
            counter.inc_by(u64::from(n));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_has_a_counter_at_its_own_place() {
        for (place, (act, family, _)) in ACTS.iter().enumerate() {
            assert_eq!(*act as usize, place);
            assert!(FAMILIES.iter().any(|(name, _)| name == family), "{family}");
        }
    }
}
