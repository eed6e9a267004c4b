//! The mail server that an admin entered. Its password is encrypted, and never shown again.

use diesel::prelude::*;
use lettre::message::{Mailbox, Mailboxes};
use zeroize::Zeroizing;

use crate::config::{Security, Smtp, is_loopback};
use crate::db::DbConnection;
use crate::error::Result;
use crate::http::is_public;
use crate::schema::mail_settings;
use crate::secrets::sealed::{Place, Sealed, Vault};

const ID: i64 = 1;
const PASSWORD: Place = Place::new("mail_settings.password", ID);

/// The settings without the password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Queryable)]
pub struct MailSettings {
    /// The host name or IP address of the mail server.
    pub host: String,
    /// Its port.
    pub port: i64,
    /// The word of a [`Security`].
    pub security: String,
    /// The user name; empty for no sign-in.
    pub username: String,
    /// The sender's address.
    pub sender: String,
    /// The recipients' addresses, separated by commas.
    pub recipients: String,
}

/// What is wrong with a field: its name in the form, and a sentence.
pub type FieldErrors = Vec<(&'static str, String)>;

impl MailSettings {
    /// The stored settings, and whether there is a password.
    pub fn find(conn: &mut DbConnection) -> QueryResult<Option<(MailSettings, bool)>> {
        let row = mail_settings::table.find(ID).select((
            (
                mail_settings::host,
                mail_settings::port,
                mail_settings::security,
                mail_settings::username,
                mail_settings::sender,
                mail_settings::recipients,
            ),
            mail_settings::password.is_not_null(),
        ));
        row.first(conn).optional()
    }

    /// Whether mail can be sent with the stored settings.
    pub fn are_complete(conn: &mut DbConnection) -> QueryResult<bool> {
        let stored = Self::find(conn)?;
        Ok(stored.is_some_and(|(settings, _)| !settings.sender.is_empty() && !settings.recipients.is_empty()))
    }

    /// The mail server of the stored settings; none if there are none, or the password cannot be decrypted.
    pub fn server(conn: &mut DbConnection, vault: &Vault, allows_private: bool) -> Result<Option<Smtp>> {
        let Some((settings, _)) = Self::find(conn)? else { return Ok(None) };
        let sealed: Option<Sealed> = mail_settings::table.find(ID).select(mail_settings::password).first(conn)?;
        let password = match sealed.map(|sealed| vault.open(&sealed, PASSWORD)).transpose() {
            Ok(password) => password.map(|password| Zeroizing::new(password.expose().to_string())),
            Err(error) => {
                log::error!("no notice is sent by e-mail: {error}");
                return Ok(None);
            }
        };
        Ok(settings.checked(password, allows_private).ok())
    }

    /// The mail server that the settings describe. Errors: what is wrong with each field.
    pub fn checked(
        &self,
        password: Option<Zeroizing<String>>,
        allows_private: bool,
    ) -> std::result::Result<Smtp, FieldErrors> {
        let mut wrong = FieldErrors::new();
        let mut check = |field, sentence: &str| wrong.push((field, sentence.to_string()));
        let security = Security::from_word(&self.security);
        match security {
            None => check("security", "Choose how the connection is encrypted."),
            Some(Security::Clear) if !is_loopback(&self.host) => {
                check("security", "Mail to another machine must be encrypted. Choose STARTTLS or TLS.");
            }
            Some(_) => {}
        }
        if let Err(sentence) = host(&self.host, allows_private) {
            check("host", sentence);
        }
        let port = u16::try_from(self.port).ok().filter(|port| *port > 0);
        if port.is_none() {
            check("port", "The port is a number from 1 to 65535, usually 587 or 465.");
        }
        if !self.username.is_empty() && password.is_none() {
            check("password", "The password is missing. Enter it, or leave the user name empty.");
        }
        if self.username.is_empty() && password.is_some() {
            check("username", "The user name is missing. Enter it, or leave the password empty.");
        }
        let from = self.sender.parse::<Mailbox>();
        if from.is_err() {
            check("sender", "The From address is not an e-mail address. Example: notices@shop.example.");
        }
        let to = self.recipients.parse::<Mailboxes>();
        if to.is_err() || self.recipients.trim().is_empty() {
            check("recipients", "The To addresses must be one or more e-mail addresses, separated by commas.");
        }
        match (security, port, from, to) {
            (Some(security), Some(port), Ok(from), Ok(to)) if wrong.is_empty() => Ok(Smtp {
                host: self.host.clone(),
                port,
                security,
                credentials: password.map(|password| (self.username.clone(), password)),
                from,
                to,
                public_only: !allows_private,
            }),
            _ => Err(wrong),
        }
    }

    /// The stored password, if it may be used for these settings: it is only sent to the server and with the user name that
    /// it was entered for. Errors: it cannot be decrypted.
    pub fn kept_password(&self, conn: &mut DbConnection, vault: &Vault) -> Result<Option<Zeroizing<String>>> {
        let Some((stored, _)) = Self::find(conn)? else { return Ok(None) };
        let is_same = |settings: &MailSettings| {
            (settings.host.clone(), settings.port, settings.security.clone(), settings.username.clone())
        };
        if is_same(&stored) != is_same(self) {
            return Ok(None);
        }
        let sealed: Option<Sealed> = mail_settings::table.find(ID).select(mail_settings::password).first(conn)?;
        let opened = sealed.map(|sealed| vault.open(&sealed, PASSWORD)).transpose()?;
        Ok(opened.map(|password| Zeroizing::new(password.expose().to_string())))
    }

    pub(super) fn store(&self, conn: &mut DbConnection, vault: &Vault, password: Option<&str>) -> Result<()> {
        let sealed = password.map(|password| vault.seal(password, PASSWORD)).transpose()?;
        Self::delete(conn)?;
        diesel::insert_into(mail_settings::table)
            .values((
                mail_settings::id.eq(ID),
                mail_settings::host.eq(&self.host),
                mail_settings::port.eq(self.port),
                mail_settings::security.eq(&self.security),
                mail_settings::username.eq(&self.username),
                mail_settings::password.eq(sealed),
                mail_settings::sender.eq(&self.sender),
                mail_settings::recipients.eq(&self.recipients),
            ))
            .execute(conn)?;
        Ok(())
    }

    pub(super) fn delete(conn: &mut DbConnection) -> QueryResult<bool> {
        diesel::delete(mail_settings::table.find(ID)).execute(conn).map(|n| n == 1)
    }

    /// Removes an address from the sender and the recipients. Without either, no mail is sent.
    pub fn forget(conn: &mut DbConnection, address: &str) -> Result<()> {
        let Some((settings, _)) = Self::find(conn)? else { return Ok(()) };
        let is_other = |mailbox: &Mailbox| !mailbox.email.to_string().eq_ignore_ascii_case(address);
        let left = |list: &str| match list.parse::<Mailboxes>() {
            Ok(all) => {
                all.iter().filter(|mailbox| is_other(mailbox)).map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
            Err(_) => String::new(),
        };
        let row = mail_settings::table.find(ID);
        let others = (
            mail_settings::sender.eq(left(&settings.sender)),
            mail_settings::recipients.eq(left(&settings.recipients)),
        );
        diesel::update(row).set(others).execute(conn)?;
        if settings.username.eq_ignore_ascii_case(address) {
            let none = (mail_settings::username.eq(""), mail_settings::password.eq(None::<Sealed>));
            diesel::update(row).set(none).execute(conn)?;
        }
        Ok(())
    }
}

fn host(host: &str, allows_private: bool) -> std::result::Result<(), &'static str> {
    const PRIVATE: &str =
        "The host is in a private network. This installation does not allow that (see OUTBOUND_PRIVATE).";
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    match host.parse::<std::net::IpAddr>() {
        Ok(ip) if allows_private || is_public(ip) => Ok(()),
        Ok(_) => Err(PRIVATE),
        Err(_) if host.is_empty() || !host.chars().all(is_name) => {
            Err("The host is not a host name. Example: mail.shop.example.")
        }
        Err(_) if host == "localhost" && !allows_private => Err(PRIVATE),
        Err(_) => Ok(()),
    }
}
