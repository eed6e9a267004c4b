//! The part that all values of one refresh token have in common.
//!
//! A value of a refresh token is its grant part followed by a value part. The database stores a hash of the grant part, so
//! a value that was replaced long ago still leads to its refresh token, although nothing else of it is stored.

use std::fmt;

use zeroize::Zeroizing;

use crate::secrets::hash::TokenHash;
use crate::secrets::keys::{DerivedKey, mac};
use crate::secrets::mask::Mask;
use crate::secrets::random::{ALPHABET, base62};

// 62^22 is just over 2^130.
pub(super) const PART_LENGTH: usize = 22;

/// The secret part that all values of one refresh token have in common. It is overwritten in memory when dropped.
pub struct GrantPart(Zeroizing<String>);

impl fmt::Debug for GrantPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GrantPart")
    }
}

impl GrantPart {
    /// A new random grant part.
    pub fn generate() -> GrantPart {
        GrantPart(Zeroizing::new(base62(PART_LENGTH)))
    }

    /// The grant part that belongs to `grant` under `key`: always the same.
    ///
    /// A value in the earlier format has no grant part to copy. Programs that refresh with such values at the same time all
    /// get values with this one.
    pub fn derive(key: &DerivedKey, grant: i64) -> GrantPart {
        let bytes = Zeroizing::new(mac(key.bytes(), &grant.to_be_bytes()));
        let wide = |half: &[u8]| half.iter().fold(0_u128, |sum, byte| (sum << 8) | u128::from(*byte));
        // 11 characters of each 128 bits: a number below 2^128 modulo 62^11, with a bias of about 2^-62.
        let text = bytes.chunks(16).map(wide).flat_map(|mut rest| {
            std::array::from_fn::<char, { PART_LENGTH / 2 }, _>(|_| {
                let character = ALPHABET[(rest % 62) as usize];
                rest /= 62;
                char::from(character)
            })
        });
        GrantPart(Zeroizing::new(text.collect()))
    }

    pub(super) fn from_text(text: &str) -> GrantPart {
        GrantPart(Zeroizing::new(text.to_string()))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// The hash that is stored with the refresh token whose first seven characters are `mask`. No token has the same text,
    /// so no hash of a value is equal to it.
    pub fn hash(&self, mask: &Mask) -> TokenHash {
        TokenHash::of(&Zeroizing::new(format!("grant part of {} {}", mask.characters(), *self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::{MasterKey, PlainToken, TokenKind};

    #[test]
    fn a_derived_grant_part_is_the_same_each_time_and_another_for_each_grant_and_key() {
        let key = |text: &str| MasterKey::from_text(&text.repeat(32)).expect("long enough").derive("grants");
        let (ours, theirs) = (key("a"), key("b"));
        let part = GrantPart::derive(&ours, 7);

        assert_eq!(part.text(), GrantPart::derive(&ours, 7).text());
        assert_eq!(part.text().len(), PART_LENGTH);
        let parts: std::collections::HashSet<String> = (0..1_000)
            .flat_map(|grant| [&ours, &theirs].map(|key| GrantPart::derive(key, grant).text().into()))
            .collect();
        assert_eq!(parts.len(), 2_000);
    }

    #[test]
    fn its_hash_is_of_the_grant_part_and_the_shown_characters_alone() {
        let first = PlainToken::generate(TokenKind::RefreshToken);
        let part = first.grant_part().expect("a new value has one");
        let next = PlainToken::refresh_token(&first.mask(), &part);
        let elsewhere = PlainToken::refresh_token(&PlainToken::generate(TokenKind::ApiKey).mask(), &part);

        assert_eq!(first.grant_hash(), next.grant_hash());
        assert_ne!(first.grant_hash(), elsewhere.grant_hash());
        assert_ne!(first.grant_hash(), Some(first.hash()));
        assert_eq!(PlainToken::generate(TokenKind::AccessToken).grant_hash(), None);
    }
}
