//! What acts have in common: their bodies, and what they answer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::activity::Detail;
use crate::tokens::revocation::Revoked;

/// An act without further members.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Plain {}

/// An act that can be tried out.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Revoke {
    /// Whether to answer only what would be revoked.
    pub dry_run: bool,
}

/// What was revoked, or would be.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct RevokedAccess {
    /// Whether nothing was changed.
    dry_run: bool,
    /// Refresh tokens; counting stops at 1,000.
    refresh_tokens: i64,
    /// Access tokens; counting stops at 1,000.
    access_tokens: i64,
    /// API keys; counting stops at 1,000.
    api_keys: i64,
    /// API tokens of the person, and of services they are responsible for.
    api_tokens: i64,
    /// Whether one of the counts stopped before the end.
    more: bool,
    /// Whether rows are still being deleted; access has ended.
    deleting: bool,
    /// The names of connections that lost their tokens: somebody else must authorize them.
    connections: Vec<String>,
    /// The names of connections that the person authorized and that keep working.
    connections_kept: Vec<String>,
    /// Those of `connections` whose provider did not confirm that it revoked the tokens.
    unconfirmed: Vec<String>,
}

impl RevokedAccess {
    fn counted(detail: &Detail) -> RevokedAccess {
        RevokedAccess {
            refresh_tokens: detail.refresh_tokens.n(),
            access_tokens: detail.access_tokens.n(),
            api_keys: detail.api_keys.n(),
            more: detail.is_capped(),
            ..RevokedAccess::default()
        }
    }

    /// What would be revoked.
    pub fn tried(detail: &Detail) -> RevokedAccess {
        RevokedAccess { dry_run: true, ..RevokedAccess::counted(detail) }
    }

    /// What was revoked.
    pub fn of(revoked: &Revoked) -> RevokedAccess {
        RevokedAccess { deleting: revoked.is_purging, ..RevokedAccess::counted(&revoked.detail) }
    }

    /// One access token or API key.
    pub fn one(is_api_key: bool, dry_run: bool) -> RevokedAccess {
        RevokedAccess {
            dry_run,
            access_tokens: i64::from(!is_api_key),
            api_keys: i64::from(is_api_key),
            ..RevokedAccess::default()
        }
    }

    /// The same with so many API tokens.
    #[must_use]
    pub fn with_api_tokens(self, api_tokens: i64) -> RevokedAccess {
        RevokedAccess { api_tokens, ..self }
    }

    /// The same with connections: those that lost their tokens, those that keep working, and those that no provider confirmed.
    #[must_use]
    pub fn with_connections(self, lost: Vec<String>, kept: Vec<String>, unconfirmed: Vec<String>) -> RevokedAccess {
        RevokedAccess { connections: lost, connections_kept: kept, unconfirmed, ..self }
    }
}
