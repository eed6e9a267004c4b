//! Tokens: their format, kinds and masks.
//!
//! A token such as `Zk3f9aB_rt_…` consists of 7 random characters, a marker for its kind, 43 random base62 characters (256
//! bits) and a checksum of 6 characters. The first 7 are stored and shown, to tell tokens apart. The marker and the
//! checksum let secret scanners recognise a leaked token offline.

use std::fmt;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use zeroize::Zeroizing;

use crate::secrets::hash::TokenHash;
use crate::secrets::random::{ALPHABET, SECRET_LENGTH, base62};

const PREFIX_LENGTH: usize = 7;
const CHECKSUM_LENGTH: usize = 6;

/// The kind of a token. Its marker is part of every token's text and must never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A refresh token (RFC 6749 section 1.5).
    RefreshToken,
    /// An access token (RFC 6749 section 1.4).
    AccessToken,
    /// An API key: an access token without a refresh token.
    ApiKey,
    /// An authorization code (RFC 6749 section 1.3.1).
    AuthorizationCode,
    /// The secret of a client or of a resource server (RFC 6749 section 2.3.1).
    ClientSecret,
    /// A service key: one of the shop's own programs calls through a connection with it.
    ServiceKey,
}

impl TokenKind {
    const ALL: [TokenKind; 6] = [
        TokenKind::RefreshToken,
        TokenKind::AccessToken,
        TokenKind::ApiKey,
        TokenKind::AuthorizationCode,
        TokenKind::ClientSecret,
        TokenKind::ServiceKey,
    ];

    const fn marker(self) -> &'static str {
        match self {
            TokenKind::RefreshToken => "_rt_",
            TokenKind::AccessToken => "_at_",
            TokenKind::ApiKey => "_ak_",
            TokenKind::AuthorizationCode => "_ac_",
            TokenKind::ClientSecret => "_cs_",
            TokenKind::ServiceKey => "_sk_",
        }
    }
}

/// A token in plain text: generated or parsed, sent once, then overwritten in memory. It cannot be printed, cloned or
/// serialized.
pub struct PlainToken {
    kind: TokenKind,
    value: Zeroizing<String>,
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainToken")
    }
}

/// Why a text is not a token of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAToken {
    /// It has another length, other characters or no marker.
    Foreign,
    /// It has the format of a token, but the checksum is wrong.
    Mistyped,
}

impl PlainToken {
    /// A new random token of this kind.
    pub fn generate(kind: TokenKind) -> PlainToken {
        Self::with_mask(kind, &Mask(base62(PREFIX_LENGTH)))
    }

    /// A new token that starts with the characters of `mask`: the next value of a refresh token.
    pub fn with_mask(kind: TokenKind, mask: &Mask) -> PlainToken {
        let body = Zeroizing::new(format!("{}{}{}", mask.0, kind.marker(), *Zeroizing::new(base62(SECRET_LENGTH))));
        let value = Zeroizing::new(format!("{}{}", *body, checksum(&body)));
        PlainToken { kind, value }
    }

    /// Parses a token by its marker and checksum, without a query.
    pub fn parse(text: &str) -> Result<PlainToken, NotAToken> {
        let marker = text.get(PREFIX_LENGTH..PREFIX_LENGTH + 4).ok_or(NotAToken::Foreign)?;
        let kind = TokenKind::ALL.into_iter().find(|kind| kind.marker() == marker).ok_or(NotAToken::Foreign)?;
        let rest = text.bytes().enumerate().filter(|(i, _)| !(PREFIX_LENGTH..PREFIX_LENGTH + 4).contains(i));
        if text.len() != PREFIX_LENGTH + 4 + SECRET_LENGTH + CHECKSUM_LENGTH
            || !rest.map(|(_, byte)| byte).all(|byte| byte.is_ascii_alphanumeric())
        {
            return Err(NotAToken::Foreign);
        }
        let (body, sum) = text.split_at(text.len() - CHECKSUM_LENGTH);
        if checksum(body) != sum {
            return Err(NotAToken::Mistyped);
        }
        Ok(PlainToken { kind, value: Zeroizing::new(text.to_string()) })
    }

    /// The kind of the token.
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The hash that the database finds the token by.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.value)
    }

    /// The part that pages show.
    pub fn mask(&self) -> Mask {
        Mask(self.value[..PREFIX_LENGTH].to_string())
    }

    /// The token itself, to send it.
    pub fn expose(&self) -> &str {
        &self.value
    }
}

/// The first seven characters of a token: the only part that is stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Text)]
#[serde(transparent)]
pub struct Mask(String);

crate::id::sql_newtype!(Mask, Text, str, String);

impl Mask {
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

fn checksum(body: &str) -> String {
    let mut rest = u64::from(crc32fast::hash(body.as_bytes()));
    let mut out = [b'0'; CHECKSUM_LENGTH];
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    out.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_by_its_marker_and_its_checksum() {
        for kind in TokenKind::ALL {
            let token = PlainToken::generate(kind);

            let parsed = PlainToken::parse(token.expose()).expect("our own token");

            assert_eq!(parsed.kind(), kind);
            assert_eq!(parsed.hash(), token.hash());
            assert_eq!(token.expose().len(), 60);
        }
    }

    #[test]
    fn a_mistyped_token_is_told_from_a_foreign_one() {
        let token = PlainToken::generate(TokenKind::ApiKey);
        let last = if token.expose().ends_with('a') { 'b' } else { 'a' };
        let mistyped = format!("{}{last}", &token.expose()[..59]);

        assert_eq!(PlainToken::parse(&mistyped).unwrap_err(), NotAToken::Mistyped);
        for foreign in ["", "Zk3f9aB", "def50200aaaa", &token.expose()[..59], "Zk3f9aB_xx_0000", "ääääääääääääääää"]
        {
            assert_eq!(PlainToken::parse(foreign).unwrap_err(), NotAToken::Foreign, "{foreign}");
        }
    }

    #[test]
    fn every_value_of_a_refresh_token_starts_with_the_same_characters() {
        let first = PlainToken::generate(TokenKind::RefreshToken);
        let second = PlainToken::with_mask(TokenKind::RefreshToken, &first.mask());

        assert_eq!(first.mask(), second.mask());
        assert_ne!(first.hash(), second.hash());
    }

    // The part after the seven shown characters must be unguessable on its own (RFC 6749 section 10.10).
    #[test]
    fn t14_a_hundred_thousand_tokens_are_distinct_and_random_after_the_shown_characters() {
        const HIDDEN: std::ops::Range<usize> = PREFIX_LENGTH + 4..PREFIX_LENGTH + 4 + SECRET_LENGTH;
        let tokens: Vec<PlainToken> =
            TokenKind::ALL.into_iter().cycle().take(100_000).map(PlainToken::generate).collect();

        let hidden: std::collections::HashSet<&str> = tokens.iter().map(|token| &token.value[HIDDEN]).collect();
        assert_eq!(hidden.len(), tokens.len(), "even without the shown characters");
        assert!(tokens.iter().all(|token| token.value.bytes().all(|byte| (0x20..=0x7e).contains(&byte))), "VSCHAR");
        // The frequency of the most common character at each position bounds its entropy. A clock or a counter would show as
        // a character that rarely changes from one token to the next.
        let mut bits = 0.0;
        for place in HIDDEN {
            let mut seen = [0_u32; 256];
            let mut repeated = 0;
            for (i, token) in tokens.iter().enumerate() {
                seen[usize::from(token.value.as_bytes()[place])] += 1;
                let before = i.checked_sub(1).map(|before| tokens[before].value.as_bytes()[place]);
                repeated += u32::from(before == Some(token.value.as_bytes()[place]));
            }
            let most = seen.iter().max().copied().unwrap_or_default();
            bits -= (f64::from(most) / tokens.len() as f64).log2();
            assert!(repeated < 2_200, "place {place} repeats itself {repeated} times, 1613 are chance");
        }
        assert!(bits >= 240.0, "{bits} bits are left; 128 are required");
    }

    #[test]
    fn debug_prints_no_secret() {
        let token = PlainToken::generate(TokenKind::AccessToken);

        assert_eq!(format!("{token:?} {:?}", token.hash()), "PlainToken TokenHash");
        assert_eq!(token.mask().to_string(), format!("{} *** REDACTED ***", &token.expose()[..7]));
    }
}
