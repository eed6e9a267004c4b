//! Signed tokens of a provider (RFC 7515 compact serialization) and the keys that verify them (RFC 7517), by `ring`.
//!
//! Only public-key signatures are accepted: `none` and the HMAC algorithms are unknown words here, so that nothing can choose
//! them. The key must be of the type that the algorithm needs.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use serde_json::{Map, Value};

const LONGEST: usize = 64 * 1024;
// Keys that are tried if a token names none.
const MOST_TRIED: usize = 10;

/// The claims of a token.
pub type Claims = Map<String, Value>;

/// A public key of a provider. Members that are not needed are ignored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Key {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    n: String,
    e: String,
    crv: String,
    x: String,
    y: String,
}

/// Why a token is not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// It cannot be read.
    Malformed,
    /// Its algorithm is not accepted.
    Algorithm,
    /// No key fits: the provider may have new ones.
    UnknownKey,
    /// The signature does not belong to it.
    Signature,
}

impl std::fmt::Display for Unverified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unverified::Malformed => "it cannot be read",
            Unverified::Algorithm => "its signature algorithm is not accepted",
            Unverified::UnknownKey => "it is signed with a key that the provider does not publish",
            Unverified::Signature => "its signature is wrong",
        })
    }
}

/// A token that is read and not verified.
pub struct Token<'a> {
    header: Header,
    claims: Claims,
    signed: &'a str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default, rename = "crit", deserialize_with = "is_present")]
    has_critical: bool,
}

// Whatever the value is, also null.
fn is_present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(value).map(|_| true)
}

enum Algorithm {
    Rsa(&'static RsaParameters),
    Curve(&'static dyn VerificationAlgorithm, &'static str),
}

impl Algorithm {
    fn of(name: &str) -> Option<Algorithm> {
        Some(match name {
            "RS256" => Algorithm::Rsa(&RSA_PKCS1_2048_8192_SHA256),
            "RS384" => Algorithm::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            "RS512" => Algorithm::Rsa(&RSA_PKCS1_2048_8192_SHA512),
            "PS256" => Algorithm::Rsa(&RSA_PSS_2048_8192_SHA256),
            "PS384" => Algorithm::Rsa(&RSA_PSS_2048_8192_SHA384),
            "PS512" => Algorithm::Rsa(&RSA_PSS_2048_8192_SHA512),
            "ES256" => Algorithm::Curve(&ECDSA_P256_SHA256_FIXED, "P-256"),
            "ES384" => Algorithm::Curve(&ECDSA_P384_SHA384_FIXED, "P-384"),
            "EdDSA" | "Ed25519" => Algorithm::Curve(&ED25519, "Ed25519"),
            _ => return None,
        })
    }

    fn fits(&self, key: &Key) -> bool {
        match self {
            Algorithm::Rsa(_) => key.kty == "RSA",
            Algorithm::Curve(_, "Ed25519") => key.kty == "OKP" && key.crv == "Ed25519",
            Algorithm::Curve(_, curve) => key.kty == "EC" && key.crv == *curve,
        }
    }

    fn verifies(&self, key: &Key, signed: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Algorithm::Rsa(parameters) => decode(&key.n).zip(decode(&key.e)).map(|(n, e)| {
                // A modulus may begin with a zero byte, which ring refuses.
                let n: Vec<u8> = n.into_iter().skip_while(|byte| *byte == 0).collect();
                RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature)
            }),
            Algorithm::Curve(algorithm, "Ed25519") => {
                decode(&key.x).map(|x| UnparsedPublicKey::new(*algorithm, x).verify(signed, signature))
            }
            Algorithm::Curve(algorithm, _) => decode(&key.x).zip(decode(&key.y)).map(|(x, y)| {
                let point = [&[4], &x[..], &y[..]].concat();
                UnparsedPublicKey::new(*algorithm, point).verify(signed, signature)
            }),
        };
        verified.is_some_and(|verified| verified.is_ok())
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

impl<'a> Token<'a> {
    /// Reads a token, without verifying it.
    pub fn read(text: &'a str) -> Result<Token<'a>, Unverified> {
        let malformed = || Unverified::Malformed;
        let (signed, signature) = text.rsplit_once('.').filter(|_| text.len() <= LONGEST).ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').filter(|(_, rest)| !rest.contains('.')).ok_or_else(malformed)?;
        let header: Header = read_part(header).ok_or_else(malformed)?;
        // An extension that must be understood (RFC 7515 section 4.1.11): none is.
        if header.has_critical {
            return Err(Unverified::Malformed);
        }
        let claims = read_part(claims).ok_or_else(malformed)?;
        Ok(Token { header, claims, signed, signature: decode(signature).ok_or_else(malformed)? })
    }

    /// Its type (RFC 8725 section 3.11), in small letters; empty if it states none.
    pub fn kind(&self) -> String {
        self.header.typ.as_deref().unwrap_or_default().to_lowercase()
    }

    /// Verifies the signature; returns the claims.
    pub fn verify(&self, keys: &[Key]) -> Result<&Claims, Unverified> {
        let name = self.header.alg.as_str();
        let algorithm = Algorithm::of(name).ok_or(Unverified::Algorithm)?;
        let is_for_signing = |key: &&Key| key.usage.as_deref().is_none_or(|usage| usage == "sig");
        let is_named = |key: &&Key| match (&self.header.kid, &key.kid) {
            (Some(wanted), Some(kid)) => wanted == kid,
            (Some(_), None) => false,
            (None, _) => true,
        };
        let is_for_algorithm = |key: &&Key| key.alg.as_deref().is_none_or(|alg| alg == name) && algorithm.fits(key);
        let mut fitting = keys.iter().filter(is_named).filter(is_for_signing).filter(is_for_algorithm).take(MOST_TRIED);
        let mut found = false;
        let is_verified = fitting.any(|key| {
            found = true;
            algorithm.verifies(key, self.signed.as_bytes(), &self.signature)
        });
        match (is_verified, found) {
            (true, _) => Ok(&self.claims),
            (false, true) => Err(Unverified::Signature),
            (false, false) => Err(Unverified::UnknownKey),
        }
    }
}

fn read_part<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&decode(part)?).ok()
}
