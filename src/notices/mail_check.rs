//! Whether the mail server can be used, for `doctor`.

use crate::config::Smtp;
use crate::db::DbConnection;
use crate::error::Result;
use crate::notices::{Guard, MailSettings, email};

/// The mail server that notices are sent through: the one of the environment, or the stored one.
#[derive(Debug)]
pub enum MailServer {
    /// None is set up.
    None,
    /// This one.
    Usable(Smtp),
    /// One is stored that cannot be used: its password cannot be decrypted, or its settings are not allowed any more.
    Unusable,
}

impl MailServer {
    /// The mail server that an admin entered.
    pub fn stored(conn: &mut DbConnection, guard: Guard<'_>) -> Result<MailServer> {
        if !MailSettings::are_complete(conn)? {
            return Ok(MailServer::None);
        }
        let server = MailSettings::server(conn, guard.vault, guard.allows_private)?;
        Ok(server.map_or(MailServer::Unusable, MailServer::Usable))
    }
}

/// Connects to a mail server with its encryption, signs in, and sends nothing; `authorities` (PEM) are trusted besides the
/// system's own. Returns its address. Errors: its address and why that is not possible, with what the server answered.
pub async fn reach(smtp: &Smtp, authorities: &[u8]) -> std::result::Result<String, String> {
    let address = format!("{}:{} ({})", smtp.host, smtp.port, smtp.security.word());
    match email::reach(smtp, authorities).await {
        Ok(()) => Ok(address),
        Err(failure) => {
            let answer = failure.answer.map(|answer| format!(": {answer}")).unwrap_or_default();
            Err(format!("{address}: {}{answer}", failure.cause))
        }
    }
}
