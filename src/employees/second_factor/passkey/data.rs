//! What a passkey says about an answer (section 6.1): for which server, whether the person was there, and a new public key.

use sha2::{Digest, Sha256};

use crate::employees::second_factor::passkey::challenge::RelyingParty;
use crate::employees::second_factor::passkey::cose::{PublicKey, read_map};

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const CAN_BE_BACKED_UP: u8 = 0x08;
const IS_BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;
const LONGEST_ID: usize = 1023;

/// The authenticator data.
#[derive(Debug)]
pub(super) struct AuthenticatorData<'a> {
    /// Whether the passkey has checked a PIN, a fingerprint or a face.
    pub is_verified: bool,
    /// How often the passkey was used, if it counts.
    pub count: u32,
    /// The new credential: its id, and its public key in COSE form.
    pub credential: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> AuthenticatorData<'a> {
    /// Reads the data and checks that it is for this server and that the person was there. Errors: what is wrong, for the log.
    pub(super) fn read(bytes: &'a [u8], rp: &RelyingParty) -> Result<AuthenticatorData<'a>, &'static str> {
        const SHORT: &str = "the authenticator data is too short";
        let (hash, rest) = bytes.split_at_checked(32).ok_or(SHORT)?;
        let (head, rest) = rest.split_at_checked(5).ok_or(SHORT)?;
        let flags = head[0];
        let count = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        if hash != Sha256::digest(rp.id.as_bytes()).as_slice() {
            return Err("it is for another server");
        }
        if flags & PRESENT == 0 {
            return Err("nobody was there");
        }
        if flags & IS_BACKED_UP != 0 && flags & CAN_BE_BACKED_UP == 0 {
            return Err("it is backed up and cannot be");
        }
        let (credential, rest) = match flags & HAS_CREDENTIAL {
            0 => (None, rest),
            _ => {
                let (fixed, rest) = rest.split_at_checked(18).ok_or(SHORT)?;
                let length = usize::from(u16::from_be_bytes([fixed[16], fixed[17]]));
                let (id, rest) = rest.split_at_checked(length).ok_or(SHORT)?;
                if id.is_empty() || length > LONGEST_ID {
                    return Err("the credential ID has a wrong length");
                }
                let (_, after) = PublicKey::read(rest)?;
                (Some((id, &rest[..rest.len() - after.len()])), after)
            }
        };
        let rest = if flags & HAS_EXTENSIONS == 0 { rest } else { read_map(rest)?.1 };
        if !rest.is_empty() {
            return Err("something follows the authenticator data");
        }
        Ok(AuthenticatorData { is_verified: flags & VERIFIED != 0, count, credential })
    }
}
