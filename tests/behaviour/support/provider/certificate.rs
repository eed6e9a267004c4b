//! Certificates to trust and not to trust.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::PrivateKeyDer;

/// What a provider shows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Nothing to be said against it.
    Good,
    /// It was good, years ago.
    Expired,
    /// Nobody else signed it.
    SelfSigned,
    /// It belongs to another server.
    WrongName,
}

/// What does the arithmetic, on both sides.
pub fn cryptography() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl Certificate {
    /// Makes one: what a server shows, and in PEM who signed it.
    pub fn make(self) -> (ServerConfig, String) {
        let mut authority = CertificateParams::default();
        // Not the default, which the others have: one that signed itself would seem to come from here.
        authority.distinguished_name.push(DnType::CommonName, "Somebody to trust");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let root = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);

        let name = if self == Certificate::WrongName { "elsewhere.example" } else { "127.0.0.1" };
        let mut params = CertificateParams::new([name.to_string()]).unwrap();
        if self == Certificate::Expired {
            (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
        }
        let key = KeyPair::generate().unwrap();
        let own = match self {
            Certificate::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &issuer),
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(cryptography())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.unwrap().der().clone()], key)
            .unwrap();
        (config, root.pem())
    }
}
