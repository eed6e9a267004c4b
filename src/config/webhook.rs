//! The webhook that notices are posted to, signed as Standard Webhooks describes.

use base64::Engine;
use url::Url;
use zeroize::Zeroizing;

use crate::config::notices::{NoticeSecrets, NoticeSettings, Wrong, given};
use crate::http::may_be_called;
use crate::secrets::mac;

// The minimum of Standard Webhooks, in bytes.
const SHORTEST_SECRET: usize = 24;

/// A webhook and the key that its messages are signed with.
#[derive(Clone)]
pub struct Webhook {
    // It may contain a secret.
    pub(crate) url: Zeroizing<String>,
    host: String,
    key: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Webhook")
    }
}

pub(super) fn webhook(
    settings: &NoticeSettings,
    secrets: &NoticeSecrets,
    private: bool,
    wrong: &mut Wrong,
) -> Option<Webhook> {
    const URL: &str = "--webhook-url / WEBHOOK_URL";
    let (url, secret) = match (given(&settings.webhook_url), given(&secrets.webhook_secret)) {
        (None, None) => return None,
        (Some(_), None) => {
            wrong.push(("WEBHOOK_SECRET", "required with WEBHOOK_URL: the key that messages are signed with".into()));
            return None;
        }
        (None, Some(_)) => {
            wrong.push((URL, "required with WEBHOOK_SECRET: the URL that receives the notices".into()));
            return None;
        }
        (Some(url), Some(secret)) => (url, secret),
    };
    let url = Webhook::address(url, private).map_err(|why| wrong.push((URL, why.into()))).ok();
    let key = Webhook::key(secret).map_err(|why| wrong.push(("WEBHOOK_SECRET", why))).ok();
    Some(Webhook::of(url?, key?))
}

impl Webhook {
    /// A webhook with this URL and signing secret, which is `whsec_` and base64, or plain text.
    pub fn new(url: &str, secret: &str, private: bool) -> Result<Webhook, String> {
        Ok(Self::of(Self::address(url, private)?, Self::key(secret)?))
    }

    fn of(url: Url, key: Zeroizing<Vec<u8>>) -> Webhook {
        let host = url.host_str().unwrap_or_default().to_string();
        Webhook { url: Zeroizing::new(url.into()), host, key }
    }

    /// Checks a URL. Errors: the reason as a clause, without the URL.
    pub fn address(text: &str, private: bool) -> Result<Url, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is not a URL")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it must not contain a user name or a password: messages are authenticated by their signature");
        }
        match may_be_called(&url, private) {
            true => Ok(url),
            false => Err(
                "it must be https and public; OUTBOUND_PRIVATE=on also allows private addresses, and http on loopback",
            ),
        }
    }

    /// Checks a signing secret. Errors: the reason as a clause, without the secret.
    pub fn key(secret: &str) -> Result<Zeroizing<Vec<u8>>, String> {
        let key = Zeroizing::new(match secret.strip_prefix("whsec_") {
            Some(encoded) => {
                let decoded = base64::engine::general_purpose::STANDARD.decode(encoded);
                decoded.map_err(|_| "the text after whsec_ is not base64".to_string())?
            }
            None => secret.as_bytes().to_vec(),
        });
        match key.len() {
            SHORTEST_SECRET.. => Ok(key),
            _ => Err(format!("it must be at least {SHORTEST_SECRET} bytes long")),
        }
    }

    /// The `webhook-signature` header for this content.
    pub fn sign(&self, content: &str) -> String {
        let seal = mac(&self.key, content.as_bytes());
        format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(seal))
    }

    /// The host, for a page: the rest of the URL may be secret.
    pub fn host(&self) -> &str {
        &self.host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    // The example that the Standard Webhooks libraries are tested with.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let webhook = Webhook::new("https://hooks.example/x", SECRET, false).expect("good");

        let signature = webhook.sign("msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}");

        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(Webhook::new("https://hooks.example/x", "twenty-four characters..", false).is_ok());
        assert!(Webhook::new("https://hooks.example/x", "whsec_dG9vIHNob3J0", false).is_err());
        assert!(Webhook::new("https://user@hooks.example/x", SECRET, false).is_err());
        assert!(Webhook::new("http://127.0.0.1/x", SECRET, true).is_ok());
    }
}
