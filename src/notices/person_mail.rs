//! E-mail to one person about their own account: what changed, or a one-time link. It is sent wherever e-mail is set up.

use crate::db::DbConnection;
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::notices::{Channel, NewMessage, OutboxMessage, is_set_up};
use crate::secrets::random_name;
use crate::secrets::sealed::Vault;
use crate::time::Timestamp;

// The kind of these messages in the outbox.
const KIND: &str = "person";

/// Whom a mail is for.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The employee.
    pub employee: EmployeeKey,
    /// Their name.
    pub name: &'a str,
    /// The address it goes to.
    pub email: &'a str,
    /// The name of the shop.
    pub shop: &'a str,
}

/// A mail to one person.
#[derive(Clone, Debug)]
pub struct PersonMail {
    /// Its subject.
    pub subject: String,
    /// What happened, and what to do.
    pub message: String,
}

/// A one-time link that a mail ends with. It is encrypted until the mail is sent.
#[derive(Clone, Copy)]
pub struct Link<'a> {
    /// Its URL.
    pub url: &'a str,
    /// Encrypts it.
    pub vault: &'a Vault,
    /// When it expires; the mail is not sent after that.
    pub expires_at: Timestamp,
}

impl PersonMail {
    /// Writes the mail to the outbox; false, and nothing is written, where e-mail is not set up. Call it in the transaction of
    /// the act.
    pub fn send(
        &self,
        conn: &mut DbConnection,
        reader: Reader<'_>,
        link: Option<Link<'_>>,
        now: Timestamp,
    ) -> Result<bool> {
        if !is_set_up(conn, Channel::Email)? {
            return Ok(false);
        }
        let shop = if reader.shop.is_empty() { "Client API Access" } else { reader.shop };
        let mut body = format!("Hello {},\n\n{}\n", reader.name, self.message);
        if link.is_some() {
            body.push_str(&format!("\n{}\n", OutboxMessage::LINK_LINE));
        }
        body.push_str(&format!("\n--\n{shop} sends this to {} because it is about your account.\n", reader.email));
        let message_id = format!("msg_{}", random_name(24));
        let new = NewMessage {
            channel: Channel::Email,
            message_id: &message_id,
            subject: &self.subject,
            body: &body,
            kind: KIND,
            employee: Some(reader.employee),
            recipient: Some(reader.email),
            expires_at: link.map_or(Timestamp::NO_END, |link| link.expires_at),
        };
        let message = OutboxMessage::create(conn, &new, now)?;
        if let Some(link) = link {
            message.store_link(conn, link.url, link.vault)?;
        }
        Ok(true)
    }
}
