//! How notices leave this installation: flags and environment, and what they come to. Nothing is set by default.

use base64::Engine;
use clap::Args;
use lettre::message::{Mailbox, Mailboxes};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::http::may_be_called;
use crate::secrets::mac;

// What Standard Webhooks asks of a secret, in bytes.
const SHORTEST_SECRET: usize = 24;

/// The flags; the secrets beside them come by environment only.
#[derive(Args, Debug, Default, Clone)]
pub struct NoticeSettings {
    /// Who notices by e-mail come from; needs SMTP_URL
    #[arg(long, env = "NOTICES_FROM", value_name = "ADDRESS")]
    pub notices_from: Option<String>,
    /// Who gets notices by e-mail, separated by commas; needs SMTP_URL
    #[arg(long, env = "NOTICES_TO", value_name = "LIST")]
    pub notices_to: Option<String>,
    /// Where notices are posted to; needs WEBHOOK_SECRET
    #[arg(long, env = "WEBHOOK_URL", value_name = "URL", hide_env_values = true)]
    pub webhook_url: Option<String>,
}

/// What the environment holds beside the flags.
#[derive(Default)]
pub struct NoticeSecrets {
    /// The mail server with name and password.
    pub smtp_url: Option<String>,
    /// What the webhook's messages are signed with.
    pub webhook_secret: Option<String>,
}

/// The channels of this installation.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    /// The mail server and what stands in the headers.
    pub smtp: Option<Smtp>,
    /// A webhook and the secret it is signed with.
    pub webhook: Option<Webhook>,
}

/// A mail server, who writes and who reads.
#[derive(Clone)]
pub struct Smtp {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) credentials: Option<(String, String)>,
    pub(crate) from: Mailbox,
    pub(crate) to: Mailboxes,
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// In clear until STARTTLS, which is required.
    StartTls,
    /// By TLS from the first byte on.
    Tls,
    /// In clear: on this machine only.
    Clear,
}

/// A webhook and the key its messages are signed with.
#[derive(Clone)]
pub struct Webhook {
    pub(crate) url: Url,
    key: Vec<u8>,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Smtp")
    }
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Webhook")
    }
}

impl Notices {
    /// Checks the settings; `private` says whether private addresses may be called. Errors: each wrong setting and what
    /// is wrong with it, never its value, which may hold a secret.
    pub fn from_settings(
        settings: &NoticeSettings,
        secrets: &NoticeSecrets,
        private: bool,
    ) -> Result<Notices, Vec<(&'static str, String)>> {
        let mut wrong = Vec::new();
        let smtp = smtp(settings, secrets, &mut wrong);
        let webhook = webhook(settings, secrets, private, &mut wrong);
        if wrong.is_empty() { Ok(Notices { smtp, webhook }) } else { Err(wrong) }
    }
}

type Wrong = Vec<(&'static str, String)>;

// Empty is what a template leaves behind that has nothing to say.
fn given(setting: &Option<String>) -> Option<&str> {
    setting.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

fn smtp(settings: &NoticeSettings, secrets: &NoticeSecrets, wrong: &mut Wrong) -> Option<Smtp> {
    const FROM: &str = "--notices-from / NOTICES_FROM";
    const TO: &str = "--notices-to / NOTICES_TO";
    let given = [
        ("SMTP_URL", given(&secrets.smtp_url)),
        (FROM, given(&settings.notices_from)),
        (TO, given(&settings.notices_to)),
    ];
    if given.iter().all(|(_, text)| text.is_none()) {
        return None;
    }
    for (name, text) in given {
        if text.is_none() {
            wrong.push((name, "needed for notices by e-mail, beside the other two of SMTP_URL, from and to".into()));
        }
    }
    let [(_, url), (_, from), (_, to)] = given;
    let mut check = |name, why: &str| wrong.push((name, why.to_string()));
    let server = url.and_then(|url| Smtp::server(url).map_err(|why| check("SMTP_URL", why)).ok());
    let from =
        from.and_then(|from| from.parse::<Mailbox>().map_err(|_| check(FROM, "it is not an e-mail address")).ok());
    let to =
        to.and_then(|to| to.parse::<Mailboxes>().map_err(|_| check(TO, "it is not a list of e-mail addresses")).ok());
    let (host, port, security, credentials) = server?;
    Some(Smtp { host, port, security, credentials, from: from?, to: to? })
}

type Server = (String, u16, Security, Option<(String, String)>);

impl Smtp {
    fn server(text: &str) -> Result<Server, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is not a URL like smtp://user:password@mail.example:587")?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?;
        // The brackets around an address of IPv6 belong to the URL.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_string();
        let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err("it must end after the host and its port");
        }
        let (security, port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Security::Tls, 465),
            ("smtp", None) => (Security::StartTls, 587),
            ("smtp", Some("tls=none")) if loopback => (Security::Clear, 25),
            ("smtp", Some("tls=none")) => {
                return Err("mail leaves this machine by TLS only: ?tls=none is for loopback");
            }
            ("smtp" | "smtps", _) => return Err("behind the question mark only tls=none is understood, with smtp://"),
            _ => return Err("its scheme must be smtp (STARTTLS) or smtps (TLS from the first byte on)"),
        };
        let decoded = |part: &str| percent_decode_str(part).decode_utf8().map(String::from);
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            ("", _) | (_, None) => return Err("name and password belong together, as in smtp://user:password@host"),
            (user, Some(password)) => {
                let both = decoded(user).and_then(|user| Ok((user, decoded(password)?)));
                Some(both.map_err(|_| "name and password must be UTF-8 behind their %xx")?)
            }
        };
        Ok((host, url.port().unwrap_or(port), security, credentials))
    }

    /// Who reads, for people.
    pub fn readers(&self) -> String {
        self.to.iter().map(|mailbox| mailbox.email.to_string()).collect::<Vec<_>>().join(", ")
    }
}

fn webhook(settings: &NoticeSettings, secrets: &NoticeSecrets, private: bool, wrong: &mut Wrong) -> Option<Webhook> {
    const URL: &str = "--webhook-url / WEBHOOK_URL";
    let (url, secret) = match (given(&settings.webhook_url), given(&secrets.webhook_secret)) {
        (None, None) => return None,
        (Some(_), None) => {
            wrong.push(("WEBHOOK_SECRET", "needed with WEBHOOK_URL: what its messages are signed with".into()));
            return None;
        }
        (None, Some(_)) => {
            wrong.push((URL, "needed with WEBHOOK_SECRET: where notices are posted to".into()));
            return None;
        }
        (Some(url), Some(secret)) => (url, secret),
    };
    let url = Webhook::address(url, private).map_err(|why| wrong.push((URL, why.into()))).ok();
    let key = Webhook::key(secret).map_err(|why| wrong.push(("WEBHOOK_SECRET", why))).ok();
    Some(Webhook { url: url?, key: key? })
}

impl Webhook {
    /// A webhook at an address, with its secret: `whsec_` and base64, or plain text.
    pub fn new(url: &str, secret: &str, private: bool) -> Result<Webhook, String> {
        Ok(Webhook { url: Self::address(url, private)?, key: Self::key(secret)? })
    }

    fn address(text: &str, private: bool) -> Result<Url, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is not a URL")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it must not hold a name or a password: its messages are signed");
        }
        match may_be_called(&url, private) {
            true => Ok(url),
            false => Err(
                "it must be https and public; OUTBOUND_PRIVATE=on also allows private addresses, and http on loopback",
            ),
        }
    }

    fn key(secret: &str) -> Result<Vec<u8>, String> {
        let key = match secret.strip_prefix("whsec_") {
            Some(encoded) => {
                let decoded = base64::engine::general_purpose::STANDARD.decode(encoded);
                decoded.map_err(|_| "what stands behind whsec_ is not base64".to_string())?
            }
            None => secret.as_bytes().to_vec(),
        };
        match key.len() {
            SHORTEST_SECRET.. => Ok(key),
            _ => Err(format!("it must hold at least {SHORTEST_SECRET} bytes")),
        }
    }

    /// What stands in `webhook-signature` for this content.
    pub fn sign(&self, content: &str) -> String {
        let seal = mac(&self.key, content.as_bytes());
        format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(seal))
    }

    /// Where it is, for people: the rest of the address may be a secret.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn checked(smtp_url: &str, from: &str, to: &str, webhook: (&str, &str)) -> Result<Notices, Vec<&'static str>> {
        let some = |text: &str| Some(text.to_string());
        let settings = NoticeSettings { notices_from: some(from), notices_to: some(to), webhook_url: some(webhook.0) };
        let secrets = NoticeSecrets { smtp_url: some(smtp_url), webhook_secret: some(webhook.1) };
        let names = |wrong: Vec<(&'static str, String)>| wrong.into_iter().map(|(name, _)| name).collect();
        Notices::from_settings(&settings, &secrets, false).map_err(names)
    }

    fn server(url: &str) -> Option<Server> {
        Smtp::server(url).ok()
    }

    #[test]
    fn nothing_set_is_nothing_sent_and_half_a_group_is_named() {
        let none = checked("", " ", "", ("", "")).expect("nothing is wrong with nothing");
        assert!(none.smtp.is_none() && none.webhook.is_none());

        let half =
            checked("", "pos@shop.example", "", ("https://hooks.example/x", "")).expect_err("two groups are half set");
        assert_eq!(half, ["SMTP_URL", "--notices-to / NOTICES_TO", "WEBHOOK_SECRET"]);
        let other =
            checked("smtp://mail.example", "", "ada@shop.example", ("", SECRET)).expect_err("and so they are here");
        assert_eq!(other, ["--notices-from / NOTICES_FROM", "--webhook-url / WEBHOOK_URL"]);
    }

    #[test]
    fn mail_leaves_the_machine_by_tls_only() {
        let some = |user: &str, password: &str| Some((user.to_string(), password.to_string()));
        let whole = server("smtp://pos%40shop:p%3Ass@mail.example:2525").expect("good");
        assert_eq!(whole, ("mail.example".into(), 2525, Security::StartTls, some("pos@shop", "p:ss")));
        assert_eq!(server("smtps://mail.example").expect("good").1, 465);
        assert_eq!(server("smtp://127.0.0.1:2525?tls=none").expect("good").2, Security::Clear);
        assert_eq!(server("smtp://[::1]?tls=none").expect("good").0, "::1");
        for refused in [
            "smtp://mail.example?tls=none",
            "smtp://mail.example?tls=opportunistic",
            "smtps://127.0.0.1?tls=none",
            "smtp://user@mail.example",
            "smtp://mail.example/path",
            "http://mail.example",
            "mail.example:25",
        ] {
            assert!(server(refused).is_none(), "{refused}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        let settings = NoticeSettings {
            notices_from: Some("nobody".into()),
            notices_to: Some("ada@shop.example, hunter2".into()),
            webhook_url: Some("http://hooks.example/hunter2".into()),
        };
        let secrets = NoticeSecrets {
            smtp_url: Some("smtp://pos:hunter2@mail.example?tls=none".into()),
            webhook_secret: Some("hunter2".into()),
        };

        let wrong = Notices::from_settings(&settings, &secrets, true).expect_err("all are wrong");

        let names: Vec<&str> = wrong.iter().map(|(name, _)| *name).collect();
        let from = "--notices-from / NOTICES_FROM";
        let to = "--notices-to / NOTICES_TO";
        assert_eq!(names, ["SMTP_URL", from, to, "--webhook-url / WEBHOOK_URL", "WEBHOOK_SECRET"]);
        assert!(!wrong.iter().any(|(_, why)| why.contains("hunter2")), "{wrong:?}");
    }

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
