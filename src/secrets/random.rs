//! Random secrets and names.

use std::fmt;

use rand::RngExt;
use zeroize::Zeroizing;

use crate::secrets::hash::TokenHash;

pub(super) const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
// 62^43 is just over 2^256.
pub(super) const SECRET_LENGTH: usize = 43;

/// A random secret that is not a token: the key in a session cookie, or the end of a one-time link. It is overwritten in
/// memory when dropped.
pub struct RandomSecret(Zeroizing<String>);

impl fmt::Debug for RandomSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RandomSecret")
    }
}

impl RandomSecret {
    /// 256 random bits in base62.
    pub fn generate() -> RandomSecret {
        RandomSecret(Zeroizing::new(base62(SECRET_LENGTH)))
    }

    /// The hash that is stored.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// The secret itself, to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A random name that is not secret: a nonce, an incident id or the holder of a lease.
pub fn random_name(length: usize) -> String {
    base62(length)
}

pub(super) fn base62(length: usize) -> String {
    let mut rng = rand::rng();
    (0..length).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect()
}
