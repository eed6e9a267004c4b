//! An authenticator with passkeys, as a phone has it, and the browser that speaks to it (W3C Web Authentication).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cbor4ii::core::Value;
use cbor4ii::core::enc::Encode;
use cbor4ii::core::utils::BufWriter;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::browser::Page;

enum Key {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A passkey on a device; what a test changes of it is wrong from then on.
pub struct Authenticator {
    key: Key,
    /// Its credential ID.
    pub id: Vec<u8>,
    /// The origin that the browser names.
    pub origin: String,
    /// The host that it is asked for.
    pub host: String,
    /// The flags that it sets: the person was there (1), and was verified (4).
    pub flags: u8,
    /// How often it was used.
    pub count: u32,
    /// Whether it counts. Passkeys that are synchronized between devices do not.
    pub counts: bool,
    /// Whom it is of, as the options said.
    pub user_handle: Vec<u8>,
}

/// The fields of a form that is answered.
pub type Fields = Vec<(&'static str, String)>;

impl Authenticator {
    /// A new passkey for a host, with ES256 or Ed25519.
    pub fn new(host: &str, is_es256: bool) -> Authenticator {
        let random = SystemRandom::new();
        let key = match is_es256 {
            true => {
                let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random);
                Key::Es256(pair.unwrap())
            }
            false => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
                Key::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
            }
        };
        let id = Sha256::digest(format!("{:?}", std::time::Instant::now()).as_bytes()).to_vec();
        let (origin, host) = (format!("https://{host}"), host.to_string());
        Authenticator { key, id, origin, host, flags: 5, count: 0, counts: true, user_handle: Vec::new() }
    }

    fn client_data(&self, kind: &str, options: &Json) -> Vec<u8> {
        let challenge = options["challenge"].as_str().unwrap();
        serde_json::json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
            .into_bytes()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let hash = Sha256::digest(self.host.as_bytes());
        [hash.as_slice(), &[self.flags | flags], &self.count.to_be_bytes()].concat()
    }

    fn cose(&self) -> Vec<u8> {
        let number = |n: i128| Value::Integer(n);
        let map = match &self.key {
            Key::Es256(pair) => {
                let point = pair.public_key().as_ref();
                vec![
                    (number(1), number(2)),
                    (number(3), number(-7)),
                    (number(-1), number(1)),
                    (number(-2), Value::Bytes(point[1..33].to_vec())),
                    (number(-3), Value::Bytes(point[33..].to_vec())),
                ]
            }
            Key::Ed25519(pair) => vec![
                (number(1), number(1)),
                (number(3), number(-8)),
                (number(-1), number(6)),
                (number(-2), Value::Bytes(pair.public_key().as_ref().to_vec())),
            ],
        };
        encoded(&Value::Map(map))
    }

    /// Creates the passkey that the form of a page asks for.
    pub fn create(&mut self, page: &Page) -> Fields {
        let options = options(page, "create");
        self.user_handle = URL_SAFE_NO_PAD.decode(options["user"]["id"].as_str().unwrap()).unwrap();
        assert_eq!(options["rp"]["id"], self.host);
        let credential = [&[0; 16], (self.id.len() as u16).to_be_bytes().as_slice(), &self.id, &self.cose()].concat();
        let text = |text: &str| Value::Text(text.into());
        let attestation = encoded(&Value::Map(vec![
            (text("fmt"), text("none")),
            (text("attStmt"), Value::Map(Vec::new())),
            (text("authData"), Value::Bytes([self.data(0x40), credential].concat())),
        ]));
        let client_data = self.client_data("webauthn.create", &options);
        vec![("client_data", encode(&client_data)), ("attestation", encode(&attestation))]
    }

    /// Answers the form of a page that asks for a passkey.
    pub fn answer(&mut self, page: &Page) -> Fields {
        let options = options(page, "use");
        self.count += u32::from(self.counts);
        let (client_data, data) = (self.client_data("webauthn.get", &options), self.data(0));
        let signed = [data.as_slice(), Sha256::digest(&client_data).as_slice()].concat();
        let signature = match &self.key {
            Key::Es256(pair) => pair.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec(),
            Key::Ed25519(pair) => pair.sign(&signed).as_ref().to_vec(),
        };
        vec![
            ("credential", encode(&self.id)),
            ("client_data", encode(&client_data)),
            ("data", encode(&data)),
            ("signature", encode(&signature)),
            ("user_handle", encode(&self.user_handle)),
        ]
    }
}

/// What the form of a page asks the browser for.
pub fn options(page: &Page, kind: &str) -> Json {
    let options = page.attribute(&format!("form[data-passkey={kind}]"), "data-options");
    serde_json::from_str(&options.unwrap_or_else(|| panic!("no form on {}: {}", page.path, page.text()))).unwrap()
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut writer = BufWriter::new(Vec::new());
    value.encode(&mut writer).unwrap();
    writer.into_inner()
}
