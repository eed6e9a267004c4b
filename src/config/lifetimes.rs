//! How long tokens are valid.

use crate::time::{DAY, HOUR};

/// How long tokens are valid, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// An access token, from its creation.
    pub access_token: i64,
    /// A refresh token, from its last refresh.
    pub refresh_token: i64,
}

impl Default for Lifetimes {
    fn default() -> Lifetimes {
        Lifetimes { access_token: HOUR, refresh_token: 30 * DAY }
    }
}
