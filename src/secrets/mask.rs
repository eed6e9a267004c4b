//! The part of a token that is stored and shown.

use std::fmt;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;

use crate::secrets::random::base62;

/// The first seven characters of a token: the only part that is stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Text)]
#[serde(transparent)]
pub struct Mask(String);

crate::id::sql_newtype!(Mask, Text, str, String);

impl Mask {
    pub(super) const LENGTH: usize = 7;

    pub(super) fn generate() -> Mask {
        Mask(base62(Self::LENGTH))
    }

    // Of a whole token.
    pub(super) fn of(value: &str) -> Mask {
        Mask(value.chars().take(Self::LENGTH).collect())
    }

    /// Reads the first seven characters of a token.
    pub fn parse(text: &str) -> Option<Mask> {
        let is_mask = text.len() == Self::LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_mask.then(|| Mask(text.to_string()))
    }

    /// The seven characters.
    pub fn characters(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} *** REDACTED ***", self.0)
    }
}
