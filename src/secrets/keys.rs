//! The secret key of the installation and the keys derived from it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secrets::random::{SECRET_LENGTH, base62};

/// The installation's secret key, from which every other key is derived; during a key rotation also the previous one.
pub struct MasterKey {
    secret: Zeroizing<Vec<u8>>,
    previous: Option<Box<MasterKey>>,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

impl MasterKey {
    /// The shortest text that is accepted as a secret key, in characters.
    pub const SHORTEST: usize = 32;

    /// A key from the text of `SECRET_KEY` or of the key file; nothing if it is too short.
    pub fn from_text(text: &str) -> Option<MasterKey> {
        let text = text.trim();
        (text.len() >= Self::SHORTEST)
            .then(|| MasterKey { secret: Zeroizing::new(text.as_bytes().to_vec()), previous: None })
    }

    /// The same key together with the previous one.
    #[must_use]
    pub fn replacing(self, previous: MasterKey) -> MasterKey {
        MasterKey { previous: Some(Box::new(previous)), ..self }
    }

    /// The previous key, during a key rotation.
    pub fn previous(&self) -> Option<&MasterKey> {
        self.previous.as_deref()
    }

    /// The text of a new key file.
    pub fn new_text() -> Zeroizing<String> {
        Zeroizing::new(base62(SECRET_LENGTH))
    }

    /// The key for one purpose: HMAC-SHA256 of the purpose's name under the secret.
    pub fn derive(&self, purpose: &str) -> DerivedKey {
        DerivedKey::of(&self.secret, purpose)
    }
}

/// A key for one purpose, overwritten in memory when dropped.
#[derive(Clone)]
pub struct DerivedKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DerivedKey")
    }
}

impl DerivedKey {
    // HMAC-SHA256 of the purpose's name under `secret`.
    fn of(secret: &[u8], purpose: &str) -> DerivedKey {
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(&mac(secret, purpose.as_bytes()));
        DerivedKey(key)
    }

    /// The key for one purpose of a random secret that is stored encrypted.
    pub fn from_secret(secret: &str, purpose: &str) -> DerivedKey {
        DerivedKey::of(secret.as_bytes(), purpose)
    }

    /// A key whose bytes were written to a file.
    pub fn from_bytes(bytes: [u8; 32]) -> DerivedKey {
        DerivedKey(Zeroizing::new(bytes))
    }

    /// The key for a narrower purpose.
    pub fn derive(&self, purpose: &str) -> DerivedKey {
        DerivedKey::of(&*self.0, purpose)
    }

    /// HMAC-SHA256 of `message`.
    pub fn mac(&self, message: &[u8]) -> Vec<u8> {
        mac(&*self.0, message)
    }

    /// Whether `code` is the HMAC-SHA256 of `message`, compared in constant time.
    pub fn authenticates(&self, message: &[u8], code: &[u8]) -> bool {
        use subtle::ConstantTimeEq;
        self.mac(message).ct_eq(code).into()
    }

    /// HMAC-SHA256 of `message` in base64url.
    pub fn sign(&self, message: &str) -> String {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(mac(&*self.0, message.as_bytes()))
    }

    /// Whether `signature` belongs to `message`, compared in constant time.
    pub fn verifies(&self, message: &str, signature: &str) -> bool {
        use subtle::ConstantTimeEq;
        self.sign(message).as_bytes().ct_eq(signature.as_bytes()).into()
    }

    /// The bytes of the key, for a library that encrypts with it, or for a file that is to be verified by itself.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// HMAC-SHA256.
pub(crate) fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC accepts keys of any length, so this cannot fail; an empty result would match no signature.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_for_two_purposes_differ_and_verify_their_own_signatures_only() {
        let master = MasterKey::from_text("0123456789abcdef0123456789abcdef").expect("long enough");
        let (csrf, cookie) = (master.derive("csrf"), master.derive("cookie"));

        assert!(csrf.verifies("session 1", &csrf.sign("session 1")));
        assert!(!csrf.verifies("session 2", &csrf.sign("session 1")));
        assert!(!cookie.verifies("session 1", &csrf.sign("session 1")));
        assert!(MasterKey::from_text("too short").is_none());
    }
}
