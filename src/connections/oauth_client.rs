//! App credentials: the client ID and secret that a provider gave the shop. Several connections can share them.

use diesel::prelude::*;
use url::Url;

use crate::connections::api_type::ApiType;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::{ConnectionKey, OAuthClientKey};
use crate::schema::{connections, oauth_clients};
use crate::secrets::sealed::{Opened, Place, Sealed, Vault};
use crate::time::Timestamp;

/// A row of `oauth_clients`.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = oauth_clients)]
pub struct OAuthClient {
    /// Its id.
    pub id: OAuthClientKey,
    /// The name admins gave it.
    pub name: String,
    /// The API type it is for.
    pub api_type: ApiType,
    /// The client ID that the provider issued.
    pub client_id: String,
    pub(crate) client_secret: Option<Sealed>,
    /// Other server: the authorization endpoint.
    pub authorize_url: String,
    /// Other server: the token endpoint.
    pub token_url: String,
    /// Other server: the revocation endpoint; may be empty.
    pub revoke_url: String,
    /// Other server: the base URL of its API.
    pub api_url: String,
    /// Other server: the path of a read-only call below `api_url`; may be empty.
    pub test_path: String,
    /// Other server: the member of the answer to that call that names the account, as names with dots between them; empty
    /// for the known ones.
    pub account_member: String,
    /// Other server: its issuer identifier (RFC 9207); may be empty.
    pub issuer: String,
    /// Other server: whether PKCE is used.
    pub uses_pkce: bool,
    /// Other server: whether the secret is sent in the Authorization header.
    pub secret_in_header: bool,
    /// The last part of its redirect URI.
    pub callback: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its secret was last changed.
    pub secret_changed_at: Timestamp,
}

/// The fields that an admin fills in. The URLs count for "other server" only.
#[derive(Clone, Debug, Default, Insertable, AsChangeset)]
#[diesel(table_name = oauth_clients)]
pub struct OAuthClientFields {
    /// Its name.
    pub name: String,
    /// The client ID that the provider issued.
    pub client_id: String,
    /// The authorization endpoint.
    pub authorize_url: String,
    /// The token endpoint.
    pub token_url: String,
    /// The revocation endpoint.
    pub revoke_url: String,
    /// The base URL of the API.
    pub api_url: String,
    /// The path of a read-only call below `api_url`.
    pub test_path: String,
    /// The member of its answer that names the account.
    pub account_member: String,
    /// The issuer identifier.
    pub issuer: String,
    /// Whether PKCE is used.
    pub uses_pkce: bool,
    /// Whether the secret is sent in the Authorization header.
    pub secret_in_header: bool,
}

fn place(id: OAuthClientKey) -> Place {
    Place::new("oauth_clients.client_secret", id.0)
}

fn name_taken(error: diesel::result::Error) -> Error {
    match Error::from(error) {
        error if error.is_duplicate() => {
            Error::Invalid("App credentials with this name already exist. Choose another name.".into())
        }
        error => error,
    }
}

impl OAuthClient {
    /// Creates app credentials; `callback` is the last part of their redirect URI. Errors: the name is taken.
    pub fn create(
        conn: &mut DbConnection,
        vault: &Vault,
        (api_type, callback): (ApiType, &str),
        fields: &OAuthClientFields,
        secret: &str,
        now: Timestamp,
    ) -> Result<OAuthClient> {
        let id = diesel::insert_into(oauth_clients::table)
            .values((
                fields,
                oauth_clients::api_type.eq(api_type),
                oauth_clients::callback.eq(callback),
                oauth_clients::name_fold.eq(fields.name.to_lowercase()),
                oauth_clients::created_at.eq(now),
                oauth_clients::secret_changed_at.eq(now),
            ))
            .returning(oauth_clients::id)
            .get_result::<i64>(conn)
            .map_err(name_taken)?;
        let id = OAuthClientKey(id);
        Self::change_secret(conn, vault, id, secret, now)?;
        Ok(Self::find(conn, id)?)
    }

    /// Updates the fields; the API type stays. Errors: the name is taken.
    pub fn change(conn: &mut DbConnection, id: OAuthClientKey, fields: &OAuthClientFields) -> Result<()> {
        let fold = oauth_clients::name_fold.eq(fields.name.to_lowercase());
        match diesel::update(oauth_clients::table.find(id)).set((fields, fold)).execute(conn).map_err(name_taken)? {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    /// Replaces its secret.
    pub fn change_secret(
        conn: &mut DbConnection,
        vault: &Vault,
        id: OAuthClientKey,
        secret: &str,
        now: Timestamp,
    ) -> Result<()> {
        let sealed = vault.seal(secret, place(id))?;
        let change = (oauth_clients::client_secret.eq(sealed), oauth_clients::secret_changed_at.eq(now));
        match diesel::update(oauth_clients::table.find(id)).set(change).execute(conn)? {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    /// Finds app credentials.
    pub fn find(conn: &mut DbConnection, id: OAuthClientKey) -> QueryResult<OAuthClient> {
        oauth_clients::table.find(id).select(OAuthClient::as_select()).first(conn)
    }

    /// All app credentials by name, each with the number of connections that use them.
    pub fn all(conn: &mut DbConnection) -> QueryResult<Vec<(OAuthClient, i64)>> {
        oauth_clients::table
            .left_join(connections::table)
            .group_by(oauth_clients::id)
            .order((oauth_clients::name_fold, oauth_clients::id))
            .select((OAuthClient::as_select(), diesel::dsl::count(connections::id.nullable())))
            .load(conn)
    }

    /// The connections that use these credentials, by name.
    pub fn users(conn: &mut DbConnection, id: OAuthClientKey) -> QueryResult<Vec<(ConnectionKey, String)>> {
        connections::table
            .filter(connections::oauth_client_id.eq(id))
            .order((connections::name_fold, connections::id))
            .select((connections::id, connections::name))
            .load(conn)
    }

    /// Deletes app credentials. Errors: connections use them; the message names at most five.
    pub fn delete(conn: &mut DbConnection, id: OAuthClientKey) -> Result<()> {
        let users = Self::users(conn, id)?;
        if !users.is_empty() {
            let names: Vec<&str> = users.iter().take(5).map(|(_, name)| name.as_str()).collect();
            let more = if users.len() > 5 { format!(" and {} more", users.len() - 5) } else { String::new() };
            return Err(Error::Conflict(format!(
                "In use by {}{more}. Disconnect these connections or choose other app credentials for them, then delete.",
                names.join(", ")
            )));
        }
        match diesel::delete(oauth_clients::table.find(id)).execute(conn)? {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    /// Whether app credentials with this callback exist.
    pub fn has_callback(conn: &mut DbConnection, callback: &str) -> QueryResult<bool> {
        let rows = oauth_clients::table.filter(oauth_clients::callback.eq(callback));
        rows.count().get_result::<i64>(conn).map(|n| n > 0)
    }

    /// The fields that an admin filled in.
    pub fn fields(&self) -> OAuthClientFields {
        OAuthClientFields {
            name: self.name.clone(),
            client_id: self.client_id.clone(),
            authorize_url: self.authorize_url.clone(),
            token_url: self.token_url.clone(),
            revoke_url: self.revoke_url.clone(),
            api_url: self.api_url.clone(),
            test_path: self.test_path.clone(),
            account_member: self.account_member.clone(),
            issuer: self.issuer.clone(),
            uses_pkce: self.uses_pkce,
            secret_in_header: self.secret_in_header,
        }
    }

    /// Whether, after a change to `fields`, the secret is still sent to the same URLs only.
    pub fn keeps_secret_urls(&self, fields: &OAuthClientFields) -> bool {
        self.token_url == fields.token_url && (self.revoke_url == fields.revoke_url || fields.revoke_url.is_empty())
    }

    /// Whether, after a change to `fields`, tokens are still sent to the same servers only.
    pub fn keeps_token_servers(&self, fields: &OAuthClientFields) -> bool {
        let origin = |text: &str| Url::parse(text).map(|url| url.origin().ascii_serialization()).ok();
        // The refresh token is also sent to the revocation endpoint.
        let revokes_elsewhere = !fields.revoke_url.is_empty() && origin(&self.revoke_url) != origin(&fields.revoke_url);
        let same = |before: &str, after: &str| origin(before) == origin(after);
        same(&self.token_url, &fields.token_url) && same(&self.api_url, &fields.api_url) && !revokes_elsewhere
    }

    /// Whether a secret is stored.
    pub fn has_secret(&self) -> bool {
        self.client_secret.is_some()
    }

    /// The client secret, decrypted. Errors: it was sealed for another row or with another key.
    pub fn secret(&self, vault: &Vault) -> Result<Opened> {
        let sealed = self.client_secret.as_ref().ok_or_else(|| Error::internal("a client without a secret"))?;
        vault.open(sealed, place(self.id))
    }

    /// The path of its redirect URI.
    pub fn callback_path(&self) -> String {
        callback_path(&self.callback)
    }
}

/// The path of a redirect URI.
pub fn callback_path(callback: &str) -> String {
    format!("/settings/connections/callback/{callback}")
}

#[cfg(test)]
impl OAuthClient {
    /// App credentials of a made-up other server.
    pub fn for_tests() -> OAuthClient {
        OAuthClient {
            id: OAuthClientKey(1),
            name: "Test".into(),
            api_type: ApiType::Other,
            client_id: "id".into(),
            client_secret: None,
            authorize_url: "https://auth.example/authorize".into(),
            token_url: "https://auth.example/token".into(),
            revoke_url: String::new(),
            api_url: "https://api.example".into(),
            test_path: String::new(),
            account_member: String::new(),
            issuer: String::new(),
            uses_pkce: true,
            secret_in_header: false,
            callback: "other".into(),
            created_at: Timestamp(0),
            secret_changed_at: Timestamp(0),
        }
    }
}
