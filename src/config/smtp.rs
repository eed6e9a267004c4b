//! The mail server that notices are sent through.

use lettre::message::{Mailbox, Mailboxes};
use percent_encoding::percent_decode_str;
use url::Url;
use zeroize::{Zeroize, Zeroizing};

use crate::config::notices::{NoticeSecrets, NoticeSettings, Wrong, given};

/// A mail server, the sender and the recipients.
#[derive(Clone)]
pub struct Smtp {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) credentials: Option<(String, Zeroizing<String>)>,
    pub(crate) from: Mailbox,
    pub(crate) to: Mailboxes,
    /// Whether the host must have public addresses only: if an admin entered it, and private ones are not allowed.
    pub(crate) public_only: bool,
}

/// How the connection to the mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// STARTTLS, required.
    StartTls,
    /// TLS from the start.
    Tls,
    /// None: on loopback only.
    Clear,
}

impl Security {
    /// Every value.
    pub const ALL: [Security; 3] = [Security::StartTls, Security::Tls, Security::Clear];

    /// The word it is stored as.
    pub fn word(self) -> &'static str {
        match self {
            Security::StartTls => "starttls",
            Security::Tls => "tls",
            Security::Clear => "none",
        }
    }

    /// The value that a word stands for.
    pub fn from_word(word: &str) -> Option<Security> {
        Self::ALL.into_iter().find(|value| value.word() == word)
    }

    /// What pages call it.
    pub fn label(self) -> &'static str {
        match self {
            Security::StartTls => "STARTTLS (usually port 587)",
            Security::Tls => "TLS (usually port 465)",
            Security::Clear => "None (a mail server on this machine)",
        }
    }
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Smtp")
    }
}

pub(super) fn smtp(settings: &NoticeSettings, secrets: &NoticeSecrets, wrong: &mut Wrong) -> Option<Smtp> {
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
            wrong.push((name, "missing: notices by e-mail need SMTP_URL, NOTICES_FROM and NOTICES_TO".into()));
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
    Some(Smtp { host, port, security, credentials, from: from?, to: to?, public_only: false })
}

/// Whether a host is this machine, to which mail may be sent without TLS.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

type Server = (String, u16, Security, Option<(String, Zeroizing<String>)>);

impl Smtp {
    /// The recipients' addresses, for pages.
    pub fn recipients(&self) -> String {
        self.to.iter().map(|mailbox| mailbox.email.to_string()).collect::<Vec<_>>().join(", ")
    }

    /// The user name, if the mail server asks for one.
    pub fn username(&self) -> Option<&str> {
        self.credentials.as_ref().map(|(user, _)| user.as_str())
    }

    fn server(text: &str) -> Result<Server, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is not a URL like smtp://user:password@mail.example:587")?;
        let server = Self::server_of(&url);
        // It has the password.
        String::from(url).zeroize();
        server
    }

    fn server_of(url: &Url) -> Result<Server, &'static str> {
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it has no host")?;
        // The brackets around an IPv6 address belong to the URL, not to the address.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_string();
        let loopback = is_loopback(&host);
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err("it must not have a path or a fragment");
        }
        let (security, port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Security::Tls, 465),
            ("smtp", None) => (Security::StartTls, 587),
            ("smtp", Some("tls=none")) if loopback => (Security::Clear, 25),
            ("smtp", Some("tls=none")) => {
                return Err("?tls=none is allowed on loopback only: mail to other hosts requires TLS");
            }
            ("smtp" | "smtps", _) => return Err("the only supported query parameter is tls=none, with smtp://"),
            _ => return Err("its scheme must be smtp (STARTTLS) or smtps (TLS)"),
        };
        let decoded = |part: &str| percent_decode_str(part).decode_utf8().map(String::from);
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            ("", _) | (_, None) => {
                return Err("it must contain both a user name and a password, as in smtp://user:password@host");
            }
            (user, Some(password)) => {
                let both = decoded(user).and_then(|user| Ok((user, Zeroizing::new(decoded(password)?))));
                Some(both.map_err(|_| "the percent-encoded user name and password must be UTF-8")?)
            }
        };
        Ok((host, url.port().unwrap_or(port), security, credentials))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Option<Server> {
        Smtp::server(url).ok()
    }

    #[test]
    fn mail_to_other_hosts_requires_tls() {
        let some = |user: &str, password: &str| Some((user.to_string(), Zeroizing::new(password.to_string())));
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
}
