//! Tokens: their format, kinds and masks.
//!
//! A token such as `Zk3f9aB_at_…` consists of 7 random characters, a marker for its kind, 43 random base62 characters (256
//! bits) and a checksum of 6 characters. The first 7 are stored and shown, to tell tokens apart. The marker and the
//! checksum let secret scanners recognise a leaked token offline.
//!
//! A value of a refresh token has 44 random characters: the grant part, which all values of the refresh token have in
//! common, and the value part, which is new each time; each is 22 characters (130 bits). Values of the earlier format have
//! 43 characters and no such parts.

use std::fmt;

use zeroize::Zeroizing;

use crate::secrets::grant_part::{GrantPart, PART_LENGTH};
use crate::secrets::hash::TokenHash;
use crate::secrets::mask::Mask;
use crate::secrets::random::{ALPHABET, SECRET_LENGTH, base62};

const PREFIX_LENGTH: usize = Mask::LENGTH;
const MARKER_LENGTH: usize = 4;
const CHECKSUM_LENGTH: usize = 6;
const SECRET_START: usize = PREFIX_LENGTH + MARKER_LENGTH;

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
    /// An API token: a person or a service calls the admin API with it.
    ApiToken,
}

impl TokenKind {
    const ALL: [TokenKind; 7] = [
        TokenKind::RefreshToken,
        TokenKind::AccessToken,
        TokenKind::ApiKey,
        TokenKind::AuthorizationCode,
        TokenKind::ClientSecret,
        TokenKind::ServiceKey,
        TokenKind::ApiToken,
    ];

    const fn marker(self) -> &'static str {
        match self {
            TokenKind::RefreshToken => "_rt_",
            TokenKind::AccessToken => "_at_",
            TokenKind::ApiKey => "_ak_",
            TokenKind::AuthorizationCode => "_ac_",
            TokenKind::ClientSecret => "_cs_",
            TokenKind::ServiceKey => "_sk_",
            TokenKind::ApiToken => "_pt_",
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
    /// The lengths that tokens have, in characters, the longest first.
    pub(super) const LENGTHS: [usize; 2] =
        [SECRET_START + 2 * PART_LENGTH + CHECKSUM_LENGTH, SECRET_START + SECRET_LENGTH + CHECKSUM_LENGTH];

    /// The length of the part that says what kind of token it is, if `text` begins with one.
    pub(super) fn marked_length(text: &str) -> Option<usize> {
        let marker = text.get(PREFIX_LENGTH..SECRET_START)?;
        TokenKind::ALL.iter().any(|kind| kind.marker() == marker).then_some(SECRET_START)
    }

    /// A new random token of this kind.
    pub fn generate(kind: TokenKind) -> PlainToken {
        let mask = Mask::generate();
        match kind {
            TokenKind::RefreshToken => Self::refresh_token(&mask, &GrantPart::generate()),
            _ => Self::with_secret(kind, &mask, &Zeroizing::new(base62(SECRET_LENGTH))),
        }
    }

    /// A new value of the refresh token that has these first characters and this grant part.
    pub fn refresh_token(mask: &Mask, part: &GrantPart) -> PlainToken {
        let secret = Zeroizing::new(format!("{}{}", part.text(), *Zeroizing::new(base62(PART_LENGTH))));
        Self::with_secret(TokenKind::RefreshToken, mask, &secret)
    }

    /// A new value of the API key that has these first characters.
    pub fn api_key(mask: &Mask) -> PlainToken {
        Self::with_secret(TokenKind::ApiKey, mask, &Zeroizing::new(base62(SECRET_LENGTH)))
    }

    fn with_secret(kind: TokenKind, mask: &Mask, secret: &str) -> PlainToken {
        let body = Zeroizing::new(format!("{}{}{secret}", mask.characters(), kind.marker()));
        let value = Zeroizing::new(format!("{}{}", *body, checksum(&body)));
        PlainToken { kind, value }
    }

    /// Parses a token by its marker and checksum, without a query.
    pub fn parse(text: &str) -> Result<PlainToken, NotAToken> {
        let marker = text.get(PREFIX_LENGTH..SECRET_START).ok_or(NotAToken::Foreign)?;
        let kind = TokenKind::ALL.into_iter().find(|kind| kind.marker() == marker).ok_or(NotAToken::Foreign)?;
        let rest = text.bytes().enumerate().filter(|(i, _)| !(PREFIX_LENGTH..SECRET_START).contains(i));
        let has_length = match text.len().checked_sub(SECRET_START + CHECKSUM_LENGTH) {
            Some(SECRET_LENGTH) => true,
            Some(length) => kind == TokenKind::RefreshToken && length == 2 * PART_LENGTH,
            None => false,
        };
        if !has_length || !rest.map(|(_, byte)| byte).all(|byte| byte.is_ascii_alphanumeric()) {
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

    /// The part that all values of this refresh token have in common. `None` for a value of the earlier format, and for
    /// other kinds of token.
    pub fn grant_part(&self) -> Option<GrantPart> {
        let secret = &self.value[SECRET_START..self.value.len() - CHECKSUM_LENGTH];
        (secret.len() == 2 * PART_LENGTH).then(|| GrantPart::from_text(&secret[..PART_LENGTH]))
    }

    /// The hash that the database finds the refresh token by, also when it no longer knows this value.
    pub fn grant_hash(&self) -> Option<TokenHash> {
        self.grant_part().map(|part| part.hash(&self.mask()))
    }

    /// The part that pages show.
    pub fn mask(&self) -> Mask {
        Mask::of(&self.value)
    }

    /// The token itself, to send it.
    pub fn expose(&self) -> &str {
        &self.value
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
            assert_eq!(token.expose().len(), if kind == TokenKind::RefreshToken { 61 } else { 60 });
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
    fn every_value_of_a_refresh_token_has_the_same_characters_and_grant_part() {
        let first = PlainToken::generate(TokenKind::RefreshToken);
        let part = first.grant_part().expect("a grant part");
        let second = PlainToken::refresh_token(&first.mask(), &part);

        assert_eq!((first.mask(), first.grant_hash()), (second.mask(), second.grant_hash()));
        assert_ne!(first.hash(), second.hash());
        let common = SECRET_START + PART_LENGTH;
        assert_eq!(first.expose()[..common], second.expose()[..common]);
        assert_ne!(first.expose()[common..common + PART_LENGTH], second.expose()[common..common + PART_LENGTH]);
    }

    #[test]
    fn a_refresh_token_of_the_earlier_format_is_recognised_and_has_no_grant_part() {
        let mask = PlainToken::generate(TokenKind::RefreshToken).mask();
        let earlier = PlainToken::with_secret(TokenKind::RefreshToken, &mask, &base62(SECRET_LENGTH));

        let parsed = PlainToken::parse(earlier.expose()).expect("our own token");

        assert_eq!((parsed.expose().len(), parsed.kind()), (60, TokenKind::RefreshToken));
        assert!(parsed.grant_part().is_none() && parsed.grant_hash().is_none());
        let long_key = PlainToken::with_secret(TokenKind::ApiKey, &mask, &base62(2 * PART_LENGTH));
        assert_eq!(PlainToken::parse(long_key.expose()).unwrap_err(), NotAToken::Foreign);
    }

    // The part after the seven shown characters must be unguessable on its own (RFC 6749 section 10.10).
    #[test]
    fn t14_a_hundred_thousand_tokens_are_distinct_and_random_after_the_shown_characters() {
        const HIDDEN: std::ops::Range<usize> = SECRET_START..SECRET_START + SECRET_LENGTH;
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
