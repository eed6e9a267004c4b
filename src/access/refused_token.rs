//! A token that is not valid: why, and which client it belongs to.

use crate::id::ClientKey;

/// Why a token is not valid, as the R-Series API reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inactive {
    /// It is unknown, or has expired.
    NotVerified,
    /// It, its refresh token, its client or its employee was revoked or deactivated.
    Revoked,
}

impl Inactive {
    /// The `hint` in the error response.
    pub fn hint(self) -> &'static str {
        match self {
            Inactive::NotVerified => "Access token could not be verified",
            Inactive::Revoked => "Access token has been revoked",
        }
    }
}

/// A token that is not valid.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    /// Why.
    pub why: Inactive,
    /// The client it belongs to; `None` if it is unknown or was revoked.
    pub client: Option<ClientKey>,
}
