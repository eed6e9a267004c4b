//! Notices by e-mail: plain text, and the same mail at every attempt.

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransport, Error as SmtpError};
use lettre::{AsyncTransport, Tokio1Executor};

use crate::config::{Security, Smtp};
use crate::http::root_cause;
use crate::notices::OutboxMessage;

// For each step of the conversation, and for all of it: shorter than a claim holds.
const STEP: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(40);

/// Hands one message to the mail server; `authorities` (PEM) are trusted beside the system's own. Errors: why it was not
/// taken, in words that hold nothing secret.
pub async fn deliver(smtp: &Smtp, authorities: &[u8], message: &OutboxMessage) -> Result<(), String> {
    let mail = smtp.mail(message).map_err(|_| "the message cannot be written as a mail".to_string())?;
    let transport = smtp.transport(authorities).map_err(|error| words(&error))?;
    match tokio::time::timeout(TIMEOUT, transport.send(mail)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(words(&error)),
        Err(_) => Err("the mail server took too long".into()),
    }
}

impl Smtp {
    fn mail(&self, message: &OutboxMessage) -> Result<Message, lettre::error::Error> {
        let written = UNIX_EPOCH + Duration::from_secs(message.created_at.0.unsigned_abs());
        // A name could hold what would end the line.
        let subject: String = message.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let builder = Message::builder()
            .message_id(Some(format!("<{}@{}>", message.message_id, self.from.email.domain())))
            .date(written)
            .from(self.from.clone())
            .subject(subject)
            .raw_header(HeaderValue::new(automatic, "auto-generated".into()))
            .header(ContentType::TEXT_PLAIN);
        self.to.iter().fold(builder, |builder, reader| builder.to(reader.clone())).body(message.body.clone())
    }

    fn transport(&self, authorities: &[u8]) -> Result<AsyncSmtpTransport<Tokio1Executor>, SmtpError> {
        let mut trust = TlsParameters::builder(self.host.clone());
        if !authorities.is_empty() {
            trust = trust.add_root_certificate(Certificate::from_pem(authorities)?);
        }
        let tls = match self.security {
            Security::StartTls => Tls::Required(trust.build()?),
            Security::Tls => Tls::Wrapper(trust.build()?),
            Security::Clear => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port)
            .tls(tls)
            .timeout(Some(STEP))
            .hello_name(ClientId::Domain(self.from.email.domain().to_string()));
        if let Some((user, password)) = &self.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(builder.build())
    }
}

// What a server says may repeat what it was told: only its code is kept.
fn words(error: &SmtpError) -> String {
    match error {
        error if root_cause::<rustls::Error>(error) => {
            "the mail server's certificate is not trusted for its name".into()
        }
        error if error.is_timeout() => "the mail server did not answer within ten seconds".into(),
        error if error.is_client() => "the mail server does not offer STARTTLS, or no way to sign in".into(),
        error => match error.status() {
            Some(code) => format!("the mail server refused it with code {code}"),
            None if error.is_response() => "the mail server's answer cannot be understood".into(),
            None => "the mail server could not be reached, or broke off".into(),
        },
    }
}
