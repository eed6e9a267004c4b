//! The two grant types of the token endpoint, one file each.

pub mod authorization_code;
pub mod refresh_token;

use crate::tokens::issue::IssuedPair;
use crate::web::oauth_error::OAuthError;

/// What a grant type comes to: a pair, or a refusal. Both are the end of a transaction that is committed.
pub type Outcome = Result<IssuedPair, OAuthError>;
