//! Notices by e-mail: plain text; every attempt sends the same message.

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
use crate::text::one_line;

// The timeouts of one SMTP command and of a whole attempt, which must be shorter than a claim.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(40);

/// Sends one message through the mail server; `authorities` (PEM) are trusted besides the system's own. Errors: the reason
/// as a clause, without secrets.
pub async fn deliver(smtp: &Smtp, authorities: &[u8], message: &OutboxMessage) -> Result<(), String> {
    let mail = smtp.mail(message).map_err(|_| "the message is not a valid e-mail".to_string())?;
    let transport = smtp.transport(authorities).map_err(|error| cause(&error))?;
    match tokio::time::timeout(TIMEOUT, transport.send(mail)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(cause(&error)),
        Err(_) => Err("the mail server timed out".into()),
    }
}

impl Smtp {
    fn mail(&self, message: &OutboxMessage) -> Result<Message, lettre::error::Error> {
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
            .timeout(Some(COMMAND_TIMEOUT))
            .hello_name(ClientId::Domain(self.from.email.domain().to_string()));
        if let Some((user, password)) = &self.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
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
