//! Secrets are types: what may be sent once, what may be stored, and what may be shown are never the same type.
//!
//! A token reads `Zk3f9aB_rt_` + 43 base62 characters + 6 of checksum. The first seven are random too, are stored and
//! shown, and tell two tokens apart; behind them stand 256 random bits. The marker and the checksum let a scanner
//! recognise a leaked token without asking anybody.

pub mod sealed;

use std::fmt;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt;
use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX_LENGTH: usize = 7;
// 62^43 is just over 2^256.
const SECRET_LENGTH: usize = 43;
const CHECKSUM_LENGTH: usize = 6;

/// What a token is for; its marker is part of every value and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A refresh token (RFC 6749 section 1.5).
    RefreshToken,
    /// An access token (RFC 6749 section 1.4).
    AccessToken,
    /// An API key: an access token that nobody refreshes.
    ApiKey,
    /// An authorization code (RFC 6749 section 1.3.1).
    AuthorizationCode,
    /// The secret of a client or of a resource server (RFC 6749 section 2.3.1).
    ClientSecret,
    /// A key with which a program of the shop's own calls through an outbound connection.
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

/// A whole token: made or parsed, sent once, dropped. It cannot be printed, cloned or serialized.
pub struct PlainToken {
    kind: TokenKind,
    value: String,
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainToken")
    }
}

/// Why a text is not one of our tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAToken {
    /// It does not look like one: other length, other characters, no marker.
    Foreign,
    /// It looks like one, but a character is wrong: the checksum does not fit.
    Mistyped,
}

impl PlainToken {
    /// A new token of `kind`, random from the first character on.
    pub fn generate(kind: TokenKind) -> PlainToken {
        Self::with_mask(kind, &Mask(base62(PREFIX_LENGTH)))
    }

    /// A new value that begins with the characters of `mask`: the next value of the same refresh token.
    pub fn with_mask(kind: TokenKind, mask: &Mask) -> PlainToken {
        let mut value = format!("{}{}{}", mask.0, kind.marker(), base62(SECRET_LENGTH));
        value.push_str(&checksum(&value));
        PlainToken { kind, value }
    }

    /// Recognises a token by its marker and its checksum; asks nobody.
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
        Ok(PlainToken { kind, value: text.to_string() })
    }

    /// What the token is for.
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// What the database looks the token up by.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.value)
    }

    /// What a page may show of it.
    pub fn mask(&self) -> Mask {
        Mask(self.value[..PREFIX_LENGTH].to_string())
    }

    /// The value itself; the single way out.
    pub fn expose(&self) -> &str {
        &self.value
    }
}

/// SHA-256 of a whole secret: all that is stored of it and the only key to look it up by.
///
/// One round is enough for 256 random bits; people's passwords are hashed with Argon2id instead.
#[derive(Clone, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Binary)]
pub struct TokenHash(Vec<u8>);

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

    /// The first sixteen hexadecimal digits: enough to tell two things apart, not to look one up by.
    pub fn short_hex(&self) -> String {
        self.0.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether two hashes are the same, in constant time.
    pub fn matches(&self, other: &TokenHash) -> bool {
        use subtle::ConstantTimeEq;
        self.0.ct_eq(&other.0).into()
    }

    /// A hash written as 64 hexadecimal digits, as a scanner may report a leaked token.
    pub fn from_hex(text: &str) -> Option<TokenHash> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let byte = |i: usize| u8::from_str_radix(&text[i..i + 2], 16).ok();
        (0..64).step_by(2).map(byte).collect::<Option<Vec<u8>>>().map(TokenHash)
    }
}

impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<diesel::sql_types::Binary, DB> for TokenHash
where
    [u8]: diesel::serialize::ToSql<diesel::sql_types::Binary, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
        self.0.as_slice().to_sql(out)
    }
}

impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::Binary, DB> for TokenHash
where
    Vec<u8>: diesel::deserialize::FromSql<diesel::sql_types::Binary, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
        Vec::<u8>::from_sql(bytes).map(TokenHash)
    }
}

/// The seven leading characters of a token: the only part that is kept for people.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Text)]
#[serde(transparent)]
pub struct Mask(String);

impl Mask {
    /// The characters themselves, without the mask behind them.
    pub fn characters(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} *** REDACTED ***", self.0)
    }
}

impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<diesel::sql_types::Text, DB> for Mask
where
    str: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
        self.0.as_str().to_sql(out)
    }
}

impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for Mask
where
    String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
        String::from_sql(bytes).map(Mask)
    }
}

/// A random secret that is not a token: the key in a session cookie, the tail of a one-time link.
pub struct RandomSecret(String);

impl fmt::Debug for RandomSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RandomSecret")
    }
}

impl RandomSecret {
    /// 256 random bits in base62.
    pub fn generate() -> RandomSecret {
        RandomSecret(base62(SECRET_LENGTH))
    }

    /// What is stored of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// The value itself; the single way out.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A random name that is not secret: a nonce, an incident id, a lease holder.
pub fn random_name(length: usize) -> String {
    base62(length)
}

/// The installation's one secret, from which every other key is derived; while it is being changed, also the one before.
pub struct MasterKey {
    secret: Vec<u8>,
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

    /// A key from the text of `SECRET_KEY` or of the key file; nothing when it is too short.
    pub fn from_text(text: &str) -> Option<MasterKey> {
        let text = text.trim();
        (text.len() >= Self::SHORTEST).then(|| MasterKey { secret: text.as_bytes().to_vec(), previous: None })
    }

    /// The same key, with the one that it replaces.
    #[must_use]
    pub fn replacing(self, previous: MasterKey) -> MasterKey {
        MasterKey { previous: Some(Box::new(previous)), ..self }
    }

    /// The key that this one replaces, while both are in use.
    pub fn previous(&self) -> Option<&MasterKey> {
        self.previous.as_deref()
    }

    /// Text for a new key file.
    pub fn new_text() -> String {
        base62(SECRET_LENGTH)
    }

    /// The key for one purpose: HMAC-SHA256 of the purpose's name under the secret.
    pub fn derive(&self, purpose: &str) -> DerivedKey {
        let mut key = [0; 32];
        key.copy_from_slice(&mac(&self.secret, purpose.as_bytes()));
        DerivedKey(key)
    }
}

/// A key for one purpose.
#[derive(Clone)]
pub struct DerivedKey([u8; 32]);

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DerivedKey")
    }
}

impl DerivedKey {
    /// HMAC-SHA256 of `message`, base64url.
    pub fn sign(&self, message: &str) -> String {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(mac(&self.0, message.as_bytes()))
    }

    /// Whether `signature` is that of `message`, in constant time.
    pub fn verifies(&self, message: &str, signature: &str) -> bool {
        use subtle::ConstantTimeEq;
        self.sign(message).as_bytes().ct_eq(signature.as_bytes()).into()
    }

    /// The key's bytes, for a library that seals with it.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// HMAC-SHA256.
pub(crate) fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    // An HMAC key may have any length, so this cannot fail; an empty answer would match nothing.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn base62(length: usize) -> String {
    let mut rng = rand::rng();
    (0..length).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect()
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
    fn every_value_of_a_refresh_token_begins_alike() {
        let first = PlainToken::generate(TokenKind::RefreshToken);
        let second = PlainToken::with_mask(TokenKind::RefreshToken, &first.mask());

        assert_eq!(first.mask(), second.mask());
        assert_ne!(first.hash(), second.hash());
    }

    // What stands behind the seven characters that are shown must be enough by itself (RFC 6749 section 10.10).
    #[test]
    fn t14_a_hundred_thousand_tokens_are_distinct_and_random_behind_what_is_shown() {
        const HIDDEN: std::ops::Range<usize> = PREFIX_LENGTH + 4..PREFIX_LENGTH + 4 + SECRET_LENGTH;
        let tokens: Vec<PlainToken> =
            TokenKind::ALL.into_iter().cycle().take(100_000).map(PlainToken::generate).collect();

        let hidden: std::collections::HashSet<&str> = tokens.iter().map(|token| &token.value[HIDDEN]).collect();
        assert_eq!(hidden.len(), tokens.len(), "also without the shown characters");
        assert!(tokens.iter().all(|token| token.value.bytes().all(|byte| (0x20..=0x7e).contains(&byte))), "VSCHAR");
        // The most frequent character of each place bounds what a guesser knows of it; a clock or a counter would show as
        // one that is nearly always the same, or the same as in the token before.
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
    fn a_secret_never_prints_itself() {
        let token = PlainToken::generate(TokenKind::AccessToken);

        assert_eq!(format!("{token:?} {:?}", token.hash()), "PlainToken TokenHash");
        assert_eq!(token.mask().to_string(), format!("{} *** REDACTED ***", &token.expose()[..7]));
    }

    #[test]
    fn keys_for_two_purposes_differ_and_signatures_hold() {
        let master = MasterKey::from_text("0123456789abcdef0123456789abcdef").expect("long enough");
        let (csrf, cookie) = (master.derive("csrf"), master.derive("cookie"));

        assert!(csrf.verifies("session 1", &csrf.sign("session 1")));
        assert!(!csrf.verifies("session 2", &csrf.sign("session 1")));
        assert!(!cookie.verifies("session 1", &csrf.sign("session 1")));
        assert!(MasterKey::from_text("too short").is_none());
    }
}
