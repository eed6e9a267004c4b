//! The server that passkeys are for, and its challenges. A challenge is signed instead of stored, says what it is for, expires,
//! and works once.

use crate::db::{DbConnection, nonce};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::secrets::{DerivedKey, random_name};
use crate::time::{HOUR, Timestamp};

const LIFETIME: i64 = HOUR;

/// What a challenge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An employee adds a passkey.
    Register(EmployeeKey),
    /// An employee, who has proved something else, proves their second factor.
    SecondFactor(EmployeeKey),
    /// Somebody signs in with a passkey alone.
    SignIn,
}

impl Purpose {
    fn text(self) -> String {
        match self {
            Purpose::Register(id) => format!("register {id}"),
            Purpose::SecondFactor(id) => format!("second factor {id}"),
            Purpose::SignIn => "sign in".into(),
        }
    }
}

/// The server, as passkeys know it (section 5.1.2): passkeys work on pages of this origin, and are stored for its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// The host, without a port: the RP ID.
    pub id: String,
    /// The origin of every page.
    pub origin: String,
}

impl RelyingParty {
    /// The server at this origin. None if its host is an IP address: browsers refuse passkeys there.
    pub fn of(origin: &str) -> Option<RelyingParty> {
        match url::Url::parse(origin).ok()?.host()? {
            url::Host::Domain(host) => Some(RelyingParty { id: host.into(), origin: origin.into() }),
            _ => None,
        }
    }
}

/// What checks the answers of passkeys.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// The server.
    pub rp: RelyingParty,
    key: DerivedKey,
}

impl Verifier {
    /// A verifier with the key that signs challenges. None if the server's address has no host name.
    pub fn new(origin: &str, key: &DerivedKey) -> Option<Verifier> {
        Some(Verifier { rp: RelyingParty::of(origin)?, key: key.clone() })
    }

    /// A new challenge: 130 random bits, when it expires, and a signature.
    pub fn challenge(&self, purpose: Purpose, now: Timestamp) -> String {
        let text = format!("{}.{}", random_name(22), now.plus(LIFETIME).0);
        format!("{text}.{}", self.sign(&text, purpose))
    }

    /// The random part of a challenge of this server that has not expired. None for anything else.
    pub(super) fn nonce<'a>(&self, challenge: &'a str, purpose: Purpose, now: Timestamp) -> Option<&'a str> {
        let (text, signature) = challenge.rsplit_once('.')?;
        if !self.key.verifies(&signed(text, purpose), signature) {
            return None;
        }
        let (nonce, until) = text.split_once('.')?;
        (Timestamp(until.parse().ok()?) > now).then_some(nonce)
    }

    fn sign(&self, text: &str, purpose: Purpose) -> String {
        self.key.sign(&signed(text, purpose))
    }
}

fn signed(text: &str, purpose: Purpose) -> String {
    format!("{} {text}", purpose.text())
}

/// Uses up a challenge: of two parallel answers, one succeeds. False if it was used.
pub(super) fn spend(conn: &mut DbConnection, nonce: &str, now: Timestamp) -> Result<bool> {
    match nonce::spend(conn, nonce, "", now) {
        Ok(()) => Ok(true),
        Err(Error::Conflict(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::MasterKey;

    #[test]
    fn a_challenge_is_for_one_purpose_and_person_and_expires() {
        let key = MasterKey::from_text("a key that only this test knows of").expect("long enough").derive("passkey");
        let verifier = Verifier::new("https://pos.example", &key).expect("has a host");
        let (now, eva, ada) = (Timestamp(1000), EmployeeKey(1), EmployeeKey(11));
        let challenge = verifier.challenge(Purpose::Register(eva), now);

        assert!(verifier.nonce(&challenge, Purpose::Register(eva), now).is_some());
        for other in [Purpose::Register(ada), Purpose::SecondFactor(eva), Purpose::SignIn] {
            assert_eq!(verifier.nonce(&challenge, other, now), None, "{other:?}");
        }
        assert_eq!(verifier.nonce(&challenge, Purpose::Register(eva), now.plus(LIFETIME)), None);
        assert_eq!(verifier.nonce(&challenge.replacen('.', "0.", 1), Purpose::Register(eva), now), None);
        assert!(RelyingParty::of("http://127.0.0.1:8080").is_none());
        assert_eq!(RelyingParty::of("http://localhost:8080").map(|rp| rp.id).as_deref(), Some("localhost"));
    }
}
