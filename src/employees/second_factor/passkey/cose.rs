//! Public keys of passkeys in COSE form (RFC 9052 section 7, RFC 9053), as authenticators send them and as they are stored.

use cbor4ii::core::Value;
use cbor4ii::core::dec::Decode;
use cbor4ii::core::utils::SliceReader;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};

/// The algorithms that passkeys may use, the preferred one first: ES256, EdDSA with Ed25519, RS256 (which Windows Hello has).
pub const ALGORITHMS: [i64; 3] = [-7, -8, -257];

/// A public key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// P-256, as an uncompressed point.
    Es256(Vec<u8>),
    /// Ed25519.
    Ed25519(Vec<u8>),
    /// RSA, as modulus and exponent.
    Rs256(Vec<u8>, Vec<u8>),
}

impl PublicKey {
    /// Reads a COSE key at the start of `bytes`; also returns what follows it.
    pub(super) fn read(bytes: &[u8]) -> Result<(PublicKey, &[u8]), &'static str> {
        let (map, rest) = read_map(bytes)?;
        let number = |label: i128| {
            map.iter().find(|(key, _)| *key == Value::Integer(label)).and_then(|(_, value)| integer(value))
        };
        let bytes_of = |label: i128, length: Option<usize>| {
            let value = map.iter().find(|(key, _)| *key == Value::Integer(label)).map(|(_, value)| value);
            match value {
                Some(Value::Bytes(bytes)) if length.is_none_or(|length| bytes.len() == length) => Ok(bytes.as_slice()),
                _ => Err("a part of the public key is missing"),
            }
        };
        let key = match (number(1), number(3), number(-1)) {
            (Some(2), Some(-7), Some(1)) => {
                let (x, y) = (bytes_of(-2, Some(32))?, bytes_of(-3, Some(32))?);
                PublicKey::Es256([&[4], x, y].concat())
            }
            (Some(1), Some(-8), Some(6)) => PublicKey::Ed25519(bytes_of(-2, Some(32))?.to_vec()),
            (Some(3), Some(-257), _) => PublicKey::Rs256(bytes_of(-1, None)?.to_vec(), bytes_of(-2, None)?.to_vec()),
            _ => return Err("the public key has an algorithm that was not offered"),
        };
        Ok((key, rest))
    }

    /// Whether `signature` is this key's over `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let result = match self {
            PublicKey::Es256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            PublicKey::Ed25519(key) => UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature),
            PublicKey::Rs256(n, e) => {
                let parts = RsaPublicKeyComponents { n, e };
                parts.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        result.is_ok()
    }
}

/// The entries of a CBOR map.
pub(super) type Map = Vec<(Value, Value)>;

/// Reads a CBOR map at the start of `bytes`; also returns what follows it.
pub(super) fn read_map(bytes: &[u8]) -> Result<(Map, &[u8]), &'static str> {
    let mut reader = SliceReader::new(bytes);
    match Value::decode(&mut reader) {
        Ok(Value::Map(map)) => Ok((map, remaining(bytes, &mut reader))),
        _ => Err("it is not a CBOR map"),
    }
}

fn remaining<'a>(bytes: &'a [u8], reader: &mut SliceReader<'a>) -> &'a [u8] {
    use cbor4ii::core::dec::Read;
    let left = match reader.fill(usize::MAX) {
        Ok(cow) => cow.as_ref().len(),
        Err(_) => 0,
    };
    &bytes[bytes.len() - left.min(bytes.len())..]
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Integer(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with OpenSSL: an RSA modulus, and the signature over `hello` with PKCS #1 v1.5 and SHA-256.
    const MODULUS: &str = "c3d13b0a2db288a020e48cd9ffbd8c8a027595f6c5b366bc334da83081b355c63c15e853c329151d77e1726c3bcbbb79f12f447649d053ec\
         e2d121f890fc5b98a2a3011e6e0804a255fa2b9ad1787fca7c7b149cbd850a801052b477642278ac8a3e1c95b9561da45877bb4e9cd50ec6\
         7423f47d320a9d2014e9d8a300b018f922c6c9c47a6084592c08af98fad91ded703b0f21047ba486ff96587ab8ded87672e3324b54db4ef8\
         dd19899f3202ac69ad155373d951eae0f6bb84e5130d8b7c9ad7db10752d0c84402250bf4db5bb875f43220aa2e9db2e47acabb7b639ba2a\
         57c88f494a09572ec4e48e776c2af6578c89f5f04d219a459c3c8399545d459d";
    const SIGNATURE: &str = "18184f41450dd9eb751590c67488a5fb683d89dfa9c298c390c70202bd3b56be10912a56786044fc8632d4420afc2b995a296557cc84265d\
         c44a3bb7c47bda0c80946a44087c2e521cc77170a3b23589c53271d249b35e50860c1b7fea865de61824dc1260944e568da774383257a649\
         69d11d204d3a77ff2da84e6acab98772d27374f71a6c9a2de89ad79eb4179a8b005d901c9b924a5917f88d4bdcb55422c7539ca561ada83f\
         f914011cea48b65de03afbafe8c2d980423bb69cc85e3c4d373dfb20e572ceb29ce3496feb5b16787e992e18994e8ef6d21159d6ae6c1bd5\
         fdc8dca65cc2c405f02d0fc9d704781b748ec8c37358026193d6f53a6431f84c";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<char> = hex.chars().collect();
        digits.chunks(2).filter_map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok()).collect()
    }

    // A COSE key of kind RSA, with a byte behind it.
    fn cose(algorithm: [u8; 3]) -> Vec<u8> {
        let head = [&[0xa4, 0x01, 0x03, 0x03], &algorithm[..], &[0x20, 0x59, 0x01, 0x00]].concat();
        [head, bytes(MODULUS), vec![0x21, 0x43, 0x01, 0x00, 0x01, 0xff]].concat()
    }

    #[test]
    fn an_rsa_key_is_read_and_verifies_its_own_signature_only() {
        let key = cose([0x39, 0x01, 0x00]);
        let (key, rest) = PublicKey::read(&key).expect("reads");
        let mut signature = bytes(SIGNATURE);

        assert_eq!(rest, [0xff]);
        assert!(key.verifies(b"hello", &signature));
        assert!(!key.verifies(b"hallo", &signature));
        signature[9] ^= 1;
        assert!(!key.verifies(b"hello", &signature));
    }

    #[test]
    fn what_was_not_offered_or_is_cut_short_is_refused() {
        let key = cose([0x39, 0x01, 0x00]);
        assert!(PublicKey::read(&cose([0x39, 0x01, 0x01])).is_err(), "RS384");
        for end in 0..key.len() - 1 {
            assert!(PublicKey::read(&key[..end]).is_err(), "{end} bytes");
        }
        // Nested deeper, or longer, than there are bytes.
        assert!(read_map(&[0x81; 2000]).is_err());
        assert!(read_map(&[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
        assert!(read_map(&[0xa1, 0x01, 0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
    }
}
