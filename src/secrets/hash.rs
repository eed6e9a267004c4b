//! Hashes of tokens and other random secrets.

use std::fmt;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use sha2::{Digest, Sha256};

/// SHA-256 of a secret: the only thing stored of it, and the key to find it by.
///
/// One round is enough for 256 random bits. Passwords are hashed with Argon2id instead.
#[derive(Clone, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Binary)]
pub struct TokenHash(Vec<u8>);

crate::id::sql_newtype!(TokenHash, Binary, [u8], Vec<u8>);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

impl TokenHash {
    /// The hash of `secret`.
    pub fn of(secret: &str) -> TokenHash {
        TokenHash(Sha256::digest(secret.as_bytes()).to_vec())
    }

    /// The first 16 hexadecimal digits: enough to tell two hashes apart, too few to find a secret by.
    pub fn short_hex(&self) -> String {
        self.0.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether two hashes are equal, compared in constant time.
    pub fn matches(&self, other: &TokenHash) -> bool {
        use subtle::ConstantTimeEq;
        self.0.ct_eq(&other.0).into()
    }

    /// Parses 64 hexadecimal digits, the form in which a secret scanner may report a leaked token.
    pub fn from_hex(text: &str) -> Option<TokenHash> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let byte = |i: usize| u8::from_str_radix(&text[i..i + 2], 16).ok();
        (0..64).step_by(2).map(byte).collect::<Option<Vec<u8>>>().map(TokenHash)
    }
}
