//! The provider that the tests of connections talk to: it does what it is told, and a client without limits would wait for
//! it and believe it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, Error, RootCertStore, StreamOwned};
use serde_json::json;

use crate::support::Browser;
use crate::support::oauth::pair;
use crate::support::provider::{Answer, Certificate, Provider, cryptography};

const REFRESH: [(&str, &str); 2] = [("grant_type", "refresh_token"), ("refresh_token", "old")];
const REFRESH_FORM: &str = "grant_type=refresh_token&refresh_token=old";

fn refresh_within(provider: &Provider, timeout: Duration) -> Result<String, ureq::Error> {
    let config = ureq::Agent::config_builder().timeout_global(Some(timeout)).build();
    let answer =
        ureq::Agent::new_with_config(config).post(format!("{}/token", provider.origin())).send_form(REFRESH)?;
    // ureq's own limit is ten megabytes.
    answer.into_body().read_to_string()
}

#[test]
fn a_provider_gives_the_answers_in_their_order_and_keeps_the_requests() {
    let provider = Provider::start();
    let mut client = Browser::new(provider.origin());
    provider.always("/me", Answer::json(200, r#"{"name":"Harbour"}"#));
    provider.answer("/token", Answer::json(503, json!({"error": "busy"})).header("retry-after", "7"));
    provider.answer("/token", Answer::redirect("http://127.0.0.1:1/other"));

    let busy = client.post("/token", &REFRESH);
    assert_eq!((busy.status, busy.header("retry-after"), busy.body.as_str()), (503, Some("7"), r#"{"error":"busy"}"#));
    let elsewhere = client.post("/token", &REFRESH);
    assert_eq!((elsewhere.status, elsewhere.location().as_str()), (307, "http://127.0.0.1:1/other"));
    let good = client.post("/token?now", &REFRESH);
    assert_eq!((&good.json()["token_type"], &good.json()["expires_in"]), (&json!("Bearer"), &json!(3600)));
    let (first, good) =
        (pair(&good), pair(&client.post_body("/token", "application/json", r#"{"grant_type":"refresh_token"}"#)));
    assert_ne!(first.refresh_token, good.refresh_token);
    assert_eq!(provider.issued()[2..], [good.access_token, good.refresh_token]);

    provider.tokens_with(json!({"expires_in": 60, "refresh_token": null, "domain_prefix": "harbour"}));
    let odd = client.post("/api/1.0/token", &REFRESH).json();
    assert_eq!((&odd["expires_in"], &odd["domain_prefix"]), (&json!(60), &json!("harbour")));
    assert!(odd.get("refresh_token").is_none());
    assert_eq!(client.post("/token", &[("grant_type", "password")]).status, 400);
    assert_eq!((client.get("/me").body.as_str(), client.get("/").body.as_str()), (r#"{"name":"Harbour"}"#, "{}"));

    let mut piecemeal = REFRESH_FORM.as_bytes();
    let body = ureq::SendBody::from_reader(&mut piecemeal);
    ureq::post(format!("{}/token", provider.origin())).send(body).unwrap();

    let requests = provider.requests();
    assert_eq!(requests.len(), 9);
    assert_eq!((requests[8].header("transfer-encoding"), requests[8].body.as_str()), (Some("chunked"), REFRESH_FORM));
    assert_eq!((requests[2].method.as_str(), requests[2].path.as_str()), ("POST", "/token?now"));
    assert_eq!(requests[2].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(requests[2].field("refresh_token").as_deref(), Some("old"));
    assert_eq!(requests[3].field("grant_type").as_deref(), Some("refresh_token"));
}

#[test]
fn a_provider_tries_the_patience_of_its_clients() {
    let provider = Provider::start();
    let (short, long) = (Duration::from_millis(200), Duration::from_secs(20));
    let slow = [Answer::AfterProcessing(Duration::from_secs(1)), Answer::Trickle(Duration::from_secs(1))];
    for answer in slow {
        provider.answer("/token", answer.clone());
        provider.answer("/token", answer.clone());
        let begun = Instant::now();
        assert!(refresh_within(&provider, short).is_err(), "{answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(1), "{answer:?}");
        assert!(refresh_within(&provider, long).unwrap().contains("access-"), "{answer:?}");
        assert!(begun.elapsed() > Duration::from_secs(1), "{answer:?}");
    }
    // What was answered too late had been done.
    assert_eq!(provider.issued().len(), 8);

    provider.answer("/token", Answer::Silence);
    assert!(matches!(refresh_within(&provider, short), Err(ureq::Error::Timeout(_))));
    provider.answer("/token", Answer::Hangup);
    assert!(!matches!(refresh_within(&provider, long), Ok(_) | Err(ureq::Error::Timeout(_))));
    let before = provider.taken();
    provider.answer("/token", Answer::Huge);
    assert!(matches!(refresh_within(&provider, long), Err(ureq::Error::BodyExceedsLimit(_))));
    assert!((10 << 20..100 << 20).contains(&(provider.taken() - before)), "{}", provider.taken());
    assert_eq!(provider.requests().len(), 7);
}

#[test]
fn a_provider_shows_a_certificate_to_trust_or_not_to_trust() {
    let ask = |certificate| {
        let provider = Provider::start_tls(certificate);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(provider.authority().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(cryptography()).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let address = provider.origin().strip_prefix("https://").unwrap();
        let session = ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1").unwrap()).unwrap();
        let mut stream = StreamOwned::new(session, TcpStream::connect(address).unwrap());
        let asked = write!(stream, "GET / HTTP/1.1\r\nhost: {address}\r\n\r\n");
        let refused = asked.err().and_then(|error| error.into_inner()?.downcast::<Error>().ok()).map(|error| *error);
        let mut start = [0; 12];
        if refused.is_none() {
            stream.read_exact(&mut start).unwrap();
            assert_eq!(start, *b"HTTP/1.1 200");
        }
        assert_eq!(provider.requests().len(), usize::from(refused.is_none()));
        refused
    };

    assert_eq!(ask(Certificate::Good), None);
    let expired = ask(Certificate::Expired);
    let name = ask(Certificate::WrongName);
    assert!(matches!(expired, Some(Error::InvalidCertificate(CertificateError::ExpiredContext { .. }))), "{expired:?}");
    assert!(
        matches!(name, Some(Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }))),
        "{name:?}"
    );
    assert_eq!(ask(Certificate::SelfSigned), Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)));
}
