//! The grant types of the token endpoint, one file each.

pub mod authorization_code;
pub mod refresh_token;

use crate::scopes::{Role, Scope};
use crate::tokens::issue::IssuedPair;
use crate::web::oauth_error::OAuthError;

/// The issued tokens, or an OAuth error. The transaction is committed in both cases: an error can revoke tokens.
pub type Outcome = Result<Issued, OAuthError>;

/// The issued tokens.
#[derive(Debug)]
pub struct Issued {
    /// The tokens.
    pub pair: IssuedPair,
    /// What they may access, if it is less than what was requested (RFC 6749 section 5.1).
    pub scope: Option<Scope>,
}

impl Issued {
    /// Tokens for a requested scope, granted by an employee with this role.
    pub fn new(pair: IssuedPair, requested: &Scope, role: Role) -> Issued {
        let granted = requested.effective(role);
        // An answer cannot say that nothing was granted: a scope has at least one word (RFC 6749 section 3.3).
        let is_said = granted != *requested && !granted.as_str().is_empty();
        Issued { pair, scope: is_said.then_some(granted) }
    }
}
