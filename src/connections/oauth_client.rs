//! What the shop is at a provider: the client ID and secret it was given there. Several connections may share one.

use diesel::prelude::*;
use url::Url;

use crate::connections::api_type::ApiType;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::{ConnectionKey, OAuthClientKey};
use crate::schema::{connections, oauth_clients};
use crate::secrets::sealed::{Opened, Place, Sealed, Vault};
use crate::time::Timestamp;

/// One row.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = oauth_clients)]
pub struct OAuthClient {
    /// Its id here.
    pub id: OAuthClientKey,
    /// What people call it.
    pub name: String,
    /// The kind of server it is a client of.
    pub api_type: ApiType,
    /// Its public id there.
    pub client_id: String,
    pub(crate) client_secret: Option<Sealed>,
    /// Other server: where people give their consent.
    pub authorize_url: String,
    /// Other server: where tokens come from.
    pub token_url: String,
    /// Other server: where a token is revoked; may be empty.
    pub revoke_url: String,
    /// Other server: what the paths of API calls are appended to.
    pub api_url: String,
    /// Other server: a harmless call below it; may be empty.
    pub test_path: String,
    /// Other server: how it names itself in its answers; may be empty.
    pub issuer: String,
    /// Other server: whether it takes PKCE.
    pub uses_pkce: bool,
    /// Other server: whether the secret goes into the Authorization header.
    pub secret_in_header: bool,
    /// The end of its redirect URI.
    pub callback: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its secret was last typed in.
    pub secret_changed_at: Timestamp,
}

/// What is typed in about one. The addresses are read for "other server" only.
#[derive(Clone, Debug, Default, Insertable, AsChangeset)]
#[diesel(table_name = oauth_clients)]
pub struct OAuthClientFields {
    /// What people call it.
    pub name: String,
    /// The public id the provider gave.
    pub client_id: String,
    /// Where people give their consent.
    pub authorize_url: String,
    /// Where tokens come from.
    pub token_url: String,
    /// Where a token is revoked.
    pub revoke_url: String,
    /// What the paths of API calls are appended to.
    pub api_url: String,
    /// A harmless call below it.
    pub test_path: String,
    /// How the server names itself in its answers.
    pub issuer: String,
    /// Whether it takes PKCE.
    pub uses_pkce: bool,
    /// Whether the secret goes into the Authorization header.
    pub secret_in_header: bool,
}

fn place(id: OAuthClientKey) -> Place {
    Place::new("oauth_clients.client_secret", id.0)
}

fn taken(error: diesel::result::Error) -> Error {
    match Error::from(error) {
        error if error.is_duplicate() => {
            Error::Invalid("There is an OAuth 2.0 client of this name already. Choose another name.".into())
        }
        error => error,
    }
}

impl OAuthClient {
    /// Adds one; `callback` is the end of its redirect URI. Errors: the name is taken.
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
            .map_err(taken)?;
        let id = OAuthClientKey(id);
        Self::change_secret(conn, vault, id, secret, now)?;
        Ok(Self::find(conn, id)?)
    }

    /// Changes what is typed in about it; its kind stays. Errors: the name is taken.
    pub fn change(conn: &mut DbConnection, id: OAuthClientKey, fields: &OAuthClientFields) -> Result<()> {
        let fold = oauth_clients::name_fold.eq(fields.name.to_lowercase());
        match diesel::update(oauth_clients::table.find(id)).set((fields, fold)).execute(conn).map_err(taken)? {
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

    /// The one with this id.
    pub fn find(conn: &mut DbConnection, id: OAuthClientKey) -> QueryResult<OAuthClient> {
        oauth_clients::table.find(id).select(OAuthClient::as_select()).first(conn)
    }

    /// All of them, by name, each with the number of connections that use it.
    pub fn all(conn: &mut DbConnection) -> QueryResult<Vec<(OAuthClient, i64)>> {
        oauth_clients::table
            .left_join(connections::table)
            .group_by(oauth_clients::id)
            .order((oauth_clients::name_fold, oauth_clients::id))
            .select((OAuthClient::as_select(), diesel::dsl::count(connections::id.nullable())))
            .load(conn)
    }

    /// The connections that use it, by name.
    pub fn users(conn: &mut DbConnection, id: OAuthClientKey) -> QueryResult<Vec<(ConnectionKey, String)>> {
        connections::table
            .filter(connections::oauth_client_id.eq(id))
            .order((connections::name_fold, connections::id))
            .select((connections::id, connections::name))
            .load(conn)
    }

    /// Removes it. Errors: a connection uses it; the sentence names at most five.
    pub fn delete(conn: &mut DbConnection, id: OAuthClientKey) -> Result<()> {
        let users = Self::users(conn, id)?;
        if !users.is_empty() {
            let names: Vec<&str> = users.iter().take(5).map(|(_, name)| name.as_str()).collect();
            let more = if users.len() > 5 { format!(" and {} more", users.len() - 5) } else { String::new() };
            return Err(Error::Conflict(format!(
                "It is in use by {}{more}. Disconnect those, or let them use another client, then delete it.",
                names.join(", ")
            )));
        }
        match diesel::delete(oauth_clients::table.find(id)).execute(conn)? {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    /// Whether one of them has a redirect URI that ends so.
    pub fn has_callback(conn: &mut DbConnection, callback: &str) -> QueryResult<bool> {
        let rows = oauth_clients::table.filter(oauth_clients::callback.eq(callback));
        rows.count().get_result::<i64>(conn).map(|n| n > 0)
    }

    /// What is typed in about it.
    pub fn fields(&self) -> OAuthClientFields {
        OAuthClientFields {
            name: self.name.clone(),
            client_id: self.client_id.clone(),
            authorize_url: self.authorize_url.clone(),
            token_url: self.token_url.clone(),
            revoke_url: self.revoke_url.clone(),
            api_url: self.api_url.clone(),
            test_path: self.test_path.clone(),
            issuer: self.issuer.clone(),
            uses_pkce: self.uses_pkce,
            secret_in_header: self.secret_in_header,
        }
    }

    /// Whether its secret would still be sent only where it has been sent so far.
    pub fn sends_its_secret_to_the_same(&self, fields: &OAuthClientFields) -> bool {
        self.token_url == fields.token_url && (self.revoke_url == fields.revoke_url || fields.revoke_url.is_empty())
    }

    /// Whether tokens would still be sent only to the servers that they have been sent to so far.
    pub fn is_at_the_same_place(&self, fields: &OAuthClientFields) -> bool {
        let origin = |text: &str| Url::parse(text).map(|url| url.origin().ascii_serialization()).ok();
        // A refresh token also goes to where it is revoked.
        let revokes_elsewhere = !fields.revoke_url.is_empty() && origin(&self.revoke_url) != origin(&fields.revoke_url);
        let same = |before: &str, after: &str| origin(before) == origin(after);
        same(&self.token_url, &fields.token_url) && same(&self.api_url, &fields.api_url) && !revokes_elsewhere
    }

    /// Whether a secret is stored.
    pub fn has_secret(&self) -> bool {
        self.client_secret.is_some()
    }

    /// Its secret, opened. Errors: it was sealed for another row or under another key.
    pub fn secret(&self, vault: &Vault) -> Result<Opened> {
        let sealed = self.client_secret.as_ref().ok_or_else(|| Error::internal("a client without a secret"))?;
        vault.open(sealed, place(self.id))
    }

    /// The path that its redirect URI ends in.
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
    /// One with nothing in it but addresses.
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
            issuer: String::new(),
            uses_pkce: true,
            secret_in_header: false,
            callback: "other".into(),
            created_at: Timestamp(0),
            secret_changed_at: Timestamp(0),
        }
    }
}
