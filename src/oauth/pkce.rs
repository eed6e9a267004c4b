//! PKCE (RFC 7636), method S256: only the client that requested an authorization code can redeem it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Whether a text has the form of an S256 challenge: 43 characters of base64url.
pub fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether a text has the form of a verifier: 43 to 128 unreserved characters (RFC 7636 section 4.1).
pub fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

/// Whether `verifier` belongs to `challenge`, in constant time.
pub fn verifies(challenge: &str, verifier: &str) -> bool {
    use subtle::ConstantTimeEq;
    let computed = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    computed.as_bytes().ct_eq(challenge.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_verifies() {
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");

        assert!(is_verifier(verifier) && is_challenge(challenge) && verifies(challenge, verifier));
        assert!(!verifies(challenge, &verifier.replace('d', "e")));
        assert!(!is_verifier(&"a".repeat(42)) && !is_verifier(&"a".repeat(129)) && !is_challenge(&"a".repeat(42)));
    }
}
