//! An OpenID Connect provider: publishes its configuration and keys, and signs whatever a test wants it to claim.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use client_api_access::config::{Config, EnteredProvider, IdentityProvider};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::support::provider::{Answer, Provider};
use crate::support::{Browser, NOW, Page, TestApp};

pub const CLIENT_ID: &str = "pos";
pub const SECRET: &str = "hush_client_secret";

/// A key and the name it is published under.
pub struct SigningKey {
    kid: String,
    pair: Pair,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl SigningKey {
    pub fn ec(kid: &str) -> SigningKey {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        SigningKey { kid: kid.into(), pair: Pair::Ec(pair) }
    }

    pub fn ed(kid: &str) -> SigningKey {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        SigningKey { kid: kid.into(), pair: Pair::Ed(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap()) }
    }

    // ring makes no RSA keys.
    pub fn rsa(kid: &str) -> SigningKey {
        let der = STANDARD.decode(include_str!("rsa_key.txt").replace('\n', "")).unwrap();
        SigningKey { kid: kid.into(), pair: Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(&der).unwrap())) }
    }

    fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
            Pair::Rsa(_) => "RS256",
        }
    }

    fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.pair {
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]) })
            }
            Pair::Ed(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()) }),
            Pair::Rsa(pair) => {
                let public: RsaPublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({ "kty": "RSA", "n": text(&public.n), "e": text(&public.e) })
            }
        };
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk
    }

    /// A token with these claims; `header` is laid over its own.
    pub fn token(&self, header: &Value, claims: &Value) -> String {
        let mut all = json!({ "alg": self.algorithm(), "kid": self.kid });
        all.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&all), part(claims));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Ec(pair) => pair.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The provider.
pub struct Oidc {
    pub provider: Provider,
    pub key: SigningKey,
}

impl Oidc {
    pub fn start() -> Oidc {
        let oidc = Oidc { provider: Provider::start(), key: SigningKey::ec("first") };
        oidc.publish(json!({}));
        oidc.publish_keys();
        oidc
    }

    pub fn issuer(&self) -> &str {
        self.provider.origin()
    }

    /// Publishes its configuration, with these members laid over it.
    pub fn publish(&self, members: Value) {
        let at = |path: &str| format!("{}{path}", self.issuer());
        let mut configuration = json!({
            "issuer": self.issuer(),
            "authorization_endpoint": at("/authorize?tenant=shop"),
            "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"),
            "userinfo_endpoint": at("/userinfo"),
            "end_session_endpoint": at("/logout"),
            "authorization_response_iss_parameter_supported": true,
        });
        configuration.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.provider.always("/.well-known/openid-configuration", Answer::json(200, configuration));
    }

    pub fn publish_keys(&self) {
        let other = json!({ "kty": "unknown", "x5c": [1] });
        self.provider.always("/jwks", Answer::json(200, json!({ "keys": [other, self.key.jwk()] })));
    }

    /// How an installation is set up to use it.
    pub fn entered(&self) -> EnteredProvider {
        EnteredProvider {
            issuer: self.issuer().into(),
            client_id: CLIENT_ID.into(),
            name: "Harbour ID".into(),
            passwords: true,
            ..EnteredProvider::default()
        }
    }

    /// What an environment that sets it says.
    pub fn settings(&self, change: impl FnOnce(&mut EnteredProvider)) -> IdentityProvider {
        let mut entered = self.entered();
        change(&mut entered);
        entered.checked(Some(Zeroizing::new(SECRET.to_string())), true).unwrap()
    }

    /// A server whose environment sets it.
    pub fn app(&self, change: impl FnOnce(&mut EnteredProvider)) -> TestApp {
        let settings = self.settings(change);
        TestApp::start_with(|config: &mut Config| config.identity_provider = Some(settings))
    }

    /// What it claims about somebody.
    pub fn claims(&self, email: &str) -> Value {
        json!({
            "iss": self.issuer(),
            "aud": CLIENT_ID,
            "sub": format!("sub-of-{email}"),
            "iat": NOW.0,
            "exp": NOW.0 + 300,
            "email": email,
            "email_verified": true,
            "name": "Ada Example",
        })
    }

    /// The browser begins to sign in at `path`; returns the parameters that the provider gets.
    pub fn begin(&self, browser: &mut Browser, path: &str) -> Vec<(String, String)> {
        let to = browser.get(path);
        assert_eq!(to.status, 303, "{}", to.text());
        let url = url::Url::parse(&to.location()).unwrap();
        assert!(url.as_str().starts_with(&format!("{}/authorize?tenant=shop&", self.issuer())), "{url}");
        url.query_pairs().into_owned().collect()
    }

    /// Signs in with these claims.
    pub fn sign_in(&self, browser: &mut Browser, claims: Value) -> Page {
        self.sign_in_at(browser, "/sign-in/provider", claims)
    }

    /// The same, beginning at `path`.
    pub fn sign_in_at(&self, browser: &mut Browser, path: &str, claims: Value) -> Page {
        let asked = self.begin(browser, path);
        self.answer(browser, &asked, |nonce| {
            let mut claims = claims;
            if claims.get("nonce").is_none() {
                claims["nonce"] = json!(nonce);
            }
            self.key.token(&json!({ "typ": "JWT" }), &claims)
        })
    }

    /// The provider sends the browser back, and gives this ID token for the code.
    pub fn answer(
        &self,
        browser: &mut Browser,
        asked: &[(String, String)],
        id_token: impl FnOnce(&str) -> String,
    ) -> Page {
        let id_token = id_token(value(asked, "nonce"));
        let tokens = json!({ "access_token": "at", "token_type": "Bearer", "id_token": id_token });
        self.provider.always("/token", Answer::json(200, tokens));
        browser.get(&self.back(asked, &[("code", "a-code")]))
    }

    /// Where the provider sends the browser back to.
    pub fn back(&self, asked: &[(String, String)], parameters: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("state", value(asked, "state")).append_pair("iss", self.issuer()).extend_pairs(parameters);
        format!("/sign-in/callback?{}", query.finish())
    }
}

/// The value of a parameter.
pub fn value<'a>(parameters: &'a [(String, String)], name: &str) -> &'a str {
    parameters.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}
