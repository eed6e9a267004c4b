//! The message about a revocation at the provider.

use crate::connections::provider_revocation::Revocation;
use crate::web::page::Tone;

/// The tone of the message.
pub(super) fn tone(revocation: Revocation) -> Tone {
    if revocation.is_complete() { Tone::Good } else { Tone::Warn }
}

/// The message.
pub fn message(revocation: Revocation) -> &'static str {
    match revocation {
        Revocation::NoTokens => "It had no tokens to revoke at the provider.",
        Revocation::Confirmed => "The provider confirmed that its tokens are revoked.",
        Revocation::Unsupported => {
            "This provider has no way to revoke tokens from here. Also remove the access in your account there."
        }
        Revocation::Unconfirmed => {
            "The provider did not confirm that its tokens are revoked. Also remove the access in your account there."
        }
    }
}
