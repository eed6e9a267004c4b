//! The grant types of the token endpoint, one file each.

pub mod authorization_code;
pub mod refresh_token;

use crate::tokens::issue::IssuedPair;
use crate::web::oauth_error::OAuthError;

/// The issued tokens, or an OAuth error. The transaction is committed in both cases: an error can revoke tokens.
pub type Outcome = Result<IssuedPair, OAuthError>;
