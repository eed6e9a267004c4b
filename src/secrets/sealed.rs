//! Encryption at rest for secrets that must be read again, such as the tokens of connections: XChaCha20-Poly1305, bound to
//! the column and row. A value copied to another row or column does not decrypt there.
//!
//! A sealed value consists of a version byte, four bytes that identify the key, a random nonce of 24 bytes, and the
//! ciphertext with its tag.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use rand::RngExt;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secrets::{DerivedKey, MasterKey};

const VERSION: u8 = 1;
const KEY_NAME: usize = 4;
const NONCE: usize = 24;

/// An encrypted value as stored.
#[derive(Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Binary)]
pub struct Sealed(Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed")
    }
}

impl Sealed {
    /// The value in base64url, for a field of a form.
    pub fn to_text(&self) -> String {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// The value from [`Self::to_text`]; none if it is not base64url.
    pub fn from_text(text: &str) -> Option<Sealed> {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok().map(Sealed)
    }
}

/// A decrypted value, overwritten in memory when dropped. It cannot be printed, cloned or serialized.
pub struct Opened(Zeroizing<String>);

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened")
    }
}

impl Opened {
    /// The value itself, to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The column and the row that a sealed value belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    column: &'static str,
    row: i64,
}

impl Place {
    /// The place of the row with this id in `column`, written `table.column`.
    pub const fn new(column: &'static str, row: i64) -> Place {
        Place { column, row }
    }

    fn bytes(self) -> Vec<u8> {
        format!("{} {}", self.column, self.row).into_bytes()
    }
}

/// Encrypts and decrypts. During a key rotation it also decrypts values of the previous key.
#[derive(Clone)]
pub struct Vault {
    key: SealingKey,
    previous: Option<SealingKey>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// A vault that encrypts with `master`'s key and also decrypts values of `previous`.
    pub fn new(master: &MasterKey, previous: Option<&MasterKey>) -> Vault {
        Vault { key: SealingKey::of(master), previous: previous.map(SealingKey::of) }
    }

    /// Encrypts `text` for one place. Errors: the text exceeds the cipher's limit of 256 GiB.
    pub fn seal(&self, text: &str, place: Place) -> Result<Sealed> {
        let nonce: [u8; NONCE] = rand::rng().random();
        let payload = Payload { msg: text.as_bytes(), aad: &place.bytes() };
        let sealed = self.key.cipher().encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| Error::internal("a value could not be encrypted"))?;
        Ok(Sealed([&[VERSION], &self.key.name[..], &nonce[..], &sealed[..]].concat()))
    }

    /// Decrypts a value of this place. Errors: it belongs to another place or key, or was changed.
    pub fn open(&self, sealed: &Sealed, place: Place) -> Result<Opened> {
        let closed = || Error::internal(format!("{} of row {} cannot be decrypted", place.column, place.row));
        let (head, rest) = sealed.0.split_at_checked(1 + KEY_NAME + NONCE).ok_or_else(closed)?;
        let (name, nonce) = head[1..].split_at(KEY_NAME);
        let key = [Some(&self.key), self.previous.as_ref()].into_iter().flatten().find(|key| key.name == name);
        let nonce = <[u8; NONCE]>::try_from(nonce).map_err(|_| closed())?;
        match (head[0], key) {
            (VERSION, Some(key)) => {
                let payload = Payload { msg: rest, aad: &place.bytes() };
                let text = key.cipher().decrypt(&XNonce::from(nonce), payload).map_err(|_| closed())?;
                String::from_utf8(text).map(|text| Opened(Zeroizing::new(text))).map_err(|_| closed())
            }
            _ => Err(closed()),
        }
    }

    /// Whether a value names one of the available keys. It may still fail to decrypt.
    pub fn knows(&self, sealed: &Sealed) -> bool {
        let name = sealed.0.get(1..1 + KEY_NAME);
        [Some(&self.key), self.previous.as_ref()].into_iter().flatten().any(|key| name == Some(&key.name[..]))
    }

    /// Whether a value was encrypted with the current key.
    pub fn is_current(&self, sealed: &Sealed) -> bool {
        sealed.0.get(1..1 + KEY_NAME) == Some(&self.key.name[..])
    }
}

#[derive(Clone)]
struct SealingKey {
    key: DerivedKey,
    name: [u8; KEY_NAME],
}

impl SealingKey {
    fn of(master: &MasterKey) -> SealingKey {
        let key = master.derive("sealing");
        let mut name = [0; KEY_NAME];
        name.copy_from_slice(&Sha256::digest(key.bytes())[..KEY_NAME]);
        SealingKey { key, name }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.key.bytes().into())
    }
}

crate::id::sql_newtype!(Sealed, Binary, [u8], Vec<u8>);

#[cfg(test)]
mod tests {
    use super::*;

    fn master(text: &str) -> MasterKey {
        MasterKey::from_text(text).expect("long enough")
    }

    #[test]
    fn s5_a_sealed_value_decrypts_in_its_own_place_only() {
        let vault = Vault::new(&master("a key that only this test knows of"), None);
        let place = Place::new("connections.refresh_token", 7);

        let sealed = vault.seal("hush", place).expect("sealed");

        assert_eq!(vault.open(&sealed, place).expect("opens").expose(), "hush");
        assert!(vault.open(&sealed, Place::new("connections.refresh_token", 8)).is_err());
        assert!(vault.open(&sealed, Place::new("connections.access_token", 7)).is_err());
        assert_ne!(sealed, vault.seal("hush", place).expect("sealed"), "the nonce is random");
        for byte in 0..sealed.0.len() {
            let mut bent = sealed.clone();
            bent.0[byte] ^= 1;
            assert!(vault.open(&bent, place).is_err(), "byte {byte} may not be changed");
        }
        assert!(vault.open(&Sealed(Vec::new()), place).is_err());
    }

    #[test]
    fn s5_the_previous_key_decrypts_only_while_it_is_given() {
        let (old, new) = (master("the key of last year, long enough"), master("the key of this year, long enough"));
        let place = Place::new("oauth_clients.client_secret", 1);
        let sealed = Vault::new(&old, None).seal("hush", place).expect("sealed");

        let both = Vault::new(&new, Some(&old));

        assert_eq!(both.open(&sealed, place).expect("opens").expose(), "hush");
        assert!(!both.is_current(&sealed) && both.knows(&sealed));
        assert!(!Vault::new(&new, None).knows(&sealed));
        assert!(both.is_current(&both.seal("hush", place).expect("sealed")));
        assert!(Vault::new(&new, None).open(&sealed, place).is_err());
    }
}
