//! Notices by e-mail: plain text; every attempt sends the same message.

use std::error::Error;
use std::net::ToSocketAddrs;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransport, Error as SmtpError};
use lettre::{AsyncTransport, Tokio1Executor};
use zeroize::Zeroizing;

use crate::config::{Security, Smtp};
use crate::http::{is_public, root_cause};
use crate::notices::OutboxMessage;
use crate::notices::delivery::Failure;
use crate::secrets::sealed::Vault;
use crate::text::one_line;

// The timeouts of one SMTP command and of a whole attempt, which must be shorter than a claim.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(40);
// The most characters of an answer that are shown.
const LONGEST_ANSWER: usize = 300;

/// Sends one message through the mail server; `authorities` (PEM) are trusted besides the system's own. Returns what the
/// server answered. Errors: why it was not sent.
pub async fn deliver(
    smtp: &Smtp,
    authorities: &[u8],
    message: &OutboxMessage,
    vault: &Vault,
) -> Result<String, Failure> {
    let body = message.whole_body(vault).map_err(|_| Failure::new("the link in the message cannot be decrypted"))?;
    let mail = smtp.mail(message, body).map_err(|_| Failure::new("the message is not a valid e-mail"))?;
    let sending = async {
        let server = smtp.address().await?;
        let transport = smtp.transport(&server, authorities).map_err(|error| Failure::new(cause(&error)))?;
        transport.send(mail).await.map_err(|error| smtp.failure(&error))
    };
    match tokio::time::timeout(TIMEOUT, sending).await {
        Ok(Ok(answer)) => {
            let lines: Vec<&str> = answer.message().collect();
            Ok(smtp.without_secrets(&format!("{} {}", answer.code(), lines.join(" "))))
        }
        Ok(Err(failure)) => Err(failure),
        Err(_) => Err(Failure::new("the mail server timed out")),
    }
}

/// Connects to the mail server and signs in, as for a message, but sends none. Errors: why that is not possible.
pub(super) async fn reach(smtp: &Smtp, authorities: &[u8]) -> Result<(), Failure> {
    let reaching = async {
        let server = smtp.address().await?;
        let transport = smtp.transport(&server, authorities).map_err(|error| Failure::new(cause(&error)))?;
        match transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::new("the mail server closed the connection")),
            Err(error) => Err(smtp.failure(&error)),
        }
    };
    tokio::time::timeout(TIMEOUT, reaching).await.unwrap_or_else(|_| Err(Failure::new("the mail server timed out")))
}

impl Smtp {
    fn mail(&self, message: &OutboxMessage, body: String) -> Result<Message, Box<dyn Error>> {
        let written = UNIX_EPOCH + Duration::from_secs(message.created_at.0.unsigned_abs());
        // A connection's name could contain a line break.
        let subject = one_line(&message.subject);
        let auto_submitted = HeaderName::new_from_ascii_str("Auto-Submitted");
        let builder = Message::builder()
            .message_id(Some(format!("<{}@{}>", message.message_id, self.from.email.domain())))
            .date(written)
            .from(self.from.clone())
            .subject(subject)
            .raw_header(HeaderValue::new(auto_submitted, "auto-generated".into()))
            .header(ContentType::TEXT_PLAIN);
        let builder = match &message.recipient {
            Some(address) => builder.to(Mailbox::new(None, address.parse()?)),
            None => self.to.iter().fold(builder, |builder, reader| builder.to(reader.clone())),
        };
        Ok(builder.body(body)?)
    }

    // Where to connect: the host, or if it must be public, an address of it that was checked, so that the name cannot be
    // resolved to another one afterwards.
    async fn address(&self) -> Result<String, Failure> {
        if !self.public_only {
            return Ok(self.host.clone());
        }
        let (host, port) = (self.host.clone(), self.port);
        let found = tokio::task::spawn_blocking(move || (host.as_str(), port).to_socket_addrs().map(Vec::from_iter));
        match found.await {
            Ok(Ok(found)) if found.iter().any(|address| !is_public(address.ip())) => {
                Err(Failure::new("the mail server's address is in a private network"))
            }
            Ok(Ok(found)) if !found.is_empty() => Ok(found[0].ip().to_string()),
            _ => Err(Failure::new("the mail server's name has no address")),
        }
    }

    // What the server answered is for whoever tests the channel, without what it repeats of the sign-in.
    fn failure(&self, error: &SmtpError) -> Failure {
        let told = error.status().and_then(|code| Some(format!("{code} {}", error.source()?)));
        Failure { cause: cause(error), answer: told.map(|told| self.without_secrets(&told)) }
    }

    fn without_secrets(&self, text: &str) -> String {
        let mut text = one_line(text);
        if let Some((user, password)) = &self.credentials {
            let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
            let plain = Zeroizing::new(format!("\0{user}\0{}", password.as_str()));
            for secret in [encode(&plain), encode(password), password.to_string()].map(Zeroizing::new) {
                text = text.replace(secret.as_str(), "***");
            }
        }
        text.chars().take(LONGEST_ANSWER).collect()
    }

    fn transport(&self, server: &str, authorities: &[u8]) -> Result<AsyncSmtpTransport<Tokio1Executor>, SmtpError> {
        let mut trust = TlsParameters::builder(self.host.clone());
        if !authorities.is_empty() {
            trust = trust.add_root_certificate(Certificate::from_pem(authorities)?);
        }
        let tls = match self.security {
            Security::StartTls => Tls::Required(trust.build()?),
            Security::Tls => Tls::Wrapper(trust.build()?),
            Security::Clear => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server)
            .port(self.port)
            .tls(tls)
            .timeout(Some(COMMAND_TIMEOUT))
            .hello_name(ClientId::Domain(self.from.email.domain().to_string()));
        if let Some((user, password)) = &self.credentials {
            // A copy that lettre does not overwrite; it lives as long as this attempt.
            builder = builder.credentials(Credentials::new(user.clone(), password.to_string()));
        }
        Ok(builder.build())
    }
}

// The server's text may repeat the credentials, so only its code is kept.
fn cause(error: &SmtpError) -> String {
    match error {
        error if root_cause::<rustls::Error>(error) => {
            "the mail server's certificate is not trusted for its name".into()
        }
        error if error.is_timeout() => "the mail server did not answer within ten seconds".into(),
        error if error.is_client() => "the mail server offers no STARTTLS or no supported sign-in method".into(),
        error => match error.status() {
            Some(code) => format!("the mail server refused the message with code {code}"),
            None if error.is_response() => "the mail server's answer is not valid SMTP".into(),
            None => "the mail server could not be reached or closed the connection".into(),
        },
    }
}
