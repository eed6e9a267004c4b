//! The webhook that an admin entered. Its URL may contain a secret, so that it is encrypted like the signing secret; pages
//! show its host only.

use diesel::prelude::*;
use zeroize::Zeroizing;

use crate::config::Webhook;
use crate::db::DbConnection;
use crate::error::Result;
use crate::schema::webhook_settings;
use crate::secrets::sealed::{Opened, Place, Sealed, Vault};

const ID: i64 = 1;
const URL: Place = Place::new("webhook_settings.url", ID);
const SECRET: Place = Place::new("webhook_settings.secret", ID);

/// What is stored about the webhook.
pub struct WebhookSettings;

impl WebhookSettings {
    /// The host of the stored webhook.
    pub fn host(conn: &mut DbConnection) -> QueryResult<Option<String>> {
        webhook_settings::table.find(ID).select(webhook_settings::host).first(conn).optional()
    }

    /// The stored webhook; none if there is none, or it cannot be decrypted.
    pub fn receiver(conn: &mut DbConnection, vault: &Vault, allows_private: bool) -> Result<Option<Webhook>> {
        match Self::opened(conn, vault) {
            Ok(Some((url, secret))) => Ok(Webhook::new(url.expose(), secret.expose(), allows_private).ok()),
            Ok(None) => Ok(None),
            Err(error) if error.is_unavailable() => Err(error),
            Err(error) => {
                log::error!("no notice is sent to the webhook: {error}");
                Ok(None)
            }
        }
    }

    /// The stored URL and signing secret. Errors: they cannot be decrypted.
    pub fn kept(conn: &mut DbConnection, vault: &Vault) -> Result<Option<(Zeroizing<String>, Zeroizing<String>)>> {
        let copy = |opened: Opened| Zeroizing::new(opened.expose().to_string());
        Ok(Self::opened(conn, vault)?.map(|(url, secret)| (copy(url), copy(secret))))
    }

    fn opened(conn: &mut DbConnection, vault: &Vault) -> Result<Option<(Opened, Opened)>> {
        let row = webhook_settings::table.find(ID).select((webhook_settings::url, webhook_settings::secret));
        match row.first::<(Option<Sealed>, Option<Sealed>)>(conn).optional()? {
            Some((Some(url), Some(secret))) => Ok(Some((vault.open(&url, URL)?, vault.open(&secret, SECRET)?))),
            _ => Ok(None),
        }
    }

    pub(super) fn store(conn: &mut DbConnection, vault: &Vault, (url, secret): (&str, &str), host: &str) -> Result<()> {
        Self::delete(conn)?;
        diesel::insert_into(webhook_settings::table)
            .values((
                webhook_settings::id.eq(ID),
                webhook_settings::url.eq(vault.seal(url, URL)?),
                webhook_settings::secret.eq(vault.seal(secret, SECRET)?),
                webhook_settings::host.eq(host),
            ))
            .execute(conn)?;
        Ok(())
    }

    pub(super) fn delete(conn: &mut DbConnection) -> QueryResult<bool> {
        diesel::delete(webhook_settings::table.find(ID)).execute(conn).map(|n| n == 1)
    }
}
