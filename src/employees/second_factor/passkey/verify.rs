//! Verifying what passkeys answer (sections 7.1 and 7.2).

use cbor4ii::core::Value;
use sha2::{Digest, Sha256};

use crate::employees::second_factor::passkey::challenge::RelyingParty;
use crate::employees::second_factor::passkey::client_data;
use crate::employees::second_factor::passkey::cose::{PublicKey, read_map};
use crate::employees::second_factor::passkey::data::AuthenticatorData;

/// A new passkey that was verified.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Registration {
    /// The challenge that was answered: whether it is one of ours is still to be checked.
    pub challenge: String,
    /// The credential ID.
    pub credential: Vec<u8>,
    /// The public key in COSE form.
    pub public_key: Vec<u8>,
    /// How often the passkey was used, if it counts.
    pub count: u32,
}

/// Verifies a registration, except its challenge. The attestation statement is not looked at, because none was asked for.
/// Errors: what is wrong, for the log.
pub(super) fn registration(
    client_data: &[u8],
    attestation: &[u8],
    rp: &RelyingParty,
) -> Result<Registration, &'static str> {
    let challenge = client_data::challenge(client_data, "webauthn.create", rp)?;
    let (map, rest) = read_map(attestation)?;
    let data = map.iter().find(|(key, _)| *key == Value::Text("authData".into())).map(|(_, value)| value);
    let (Some(Value::Bytes(data)), true) = (data, rest.is_empty()) else {
        return Err("the attestation object has no authenticator data");
    };
    let data = AuthenticatorData::read(data, rp)?;
    let (credential, public_key) = data.credential.ok_or("there is no credential")?;
    Ok(Registration { challenge, credential: credential.into(), public_key: public_key.into(), count: data.count })
}

/// An answer that was verified.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assertion {
    /// The challenge that was answered: whether it is one of ours is still to be checked.
    pub challenge: String,
    /// Whether the passkey has checked a PIN, a fingerprint or a face.
    pub is_verified: bool,
    /// How often the passkey was used, if it counts.
    pub count: u32,
}

/// Verifies an answer, except its challenge: `stored` is the passkey's public key and count. Errors: what is wrong, for the log.
pub(super) fn assertion(
    client_data: &[u8],
    (data, signature): (&[u8], &[u8]),
    stored: (&[u8], u32),
    rp: &RelyingParty,
) -> Result<Assertion, &'static str> {
    let challenge = client_data::challenge(client_data, "webauthn.get", rp)?;
    let read = AuthenticatorData::read(data, rp)?;
    let (key, _) = PublicKey::read(stored.0)?;
    let signed = [data, Sha256::digest(client_data).as_slice()].concat();
    if !key.verifies(&signed, signature) {
        return Err("the signature is wrong");
    }
    // Passkeys that are synchronized between devices do not count and always say 0.
    if (read.count != 0 || stored.1 != 0) && read.count <= stored.1 {
        return Err("the passkey was used less often than it has answered: it may be a copy");
    }
    Ok(Assertion { challenge, is_verified: read.is_verified, count: read.count })
}
