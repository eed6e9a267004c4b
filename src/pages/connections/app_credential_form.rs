//! What is typed in about an OAuth 2.0 client: read and checked all at once, and shown again with what is wrong.

use url::Url;

use crate::connections::{ApiType, Connection, ConnectionEvent, EventKind, OAuthClient, OAuthClientFields};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::http::may_be_called;
use crate::secrets::random_name;
use crate::secrets::sealed::Vault;
use crate::time::Timestamp;
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;

const LONGEST_ADDRESS: usize = 500;
const CALLBACK: usize = 12;
const MOVED: &str = "Its server has another address now.";

/// The form as it was typed; a secret is never shown again.
#[derive(Clone, Debug)]
pub struct OAuthClientForm {
    /// Whether it is for a new one.
    pub is_new: bool,
    /// Whether a secret is stored.
    pub has_secret: bool,
    /// The kind of server.
    pub api_type: ApiType,
    /// The end of the redirect URI of an "other server".
    pub callback: String,
    /// Everything else.
    pub fields: OAuthClientFields,
    /// What is wrong.
    pub form_errors: FormErrors,
}

/// What was told, fit to be stored.
#[derive(Clone)]
pub struct ValidatedOAuthClient {
    /// The kind of server.
    pub api_type: ApiType,
    /// The end of its redirect URI.
    pub callback: String,
    /// Everything else.
    pub fields: OAuthClientFields,
    /// The secret, where one was typed.
    pub secret: Option<String>,
}

impl OAuthClientForm {
    /// An empty form.
    pub fn blank(api_type: ApiType) -> OAuthClientForm {
        OAuthClientForm {
            is_new: true,
            has_secret: false,
            api_type,
            callback: random_name(CALLBACK),
            fields: OAuthClientFields { uses_pkce: true, ..OAuthClientFields::default() },
            form_errors: FormErrors::default(),
        }
    }

    /// The form of one that is there.
    pub fn of(client: &OAuthClient) -> OAuthClientForm {
        OAuthClientForm {
            is_new: false,
            has_secret: client.has_secret(),
            api_type: client.api_type,
            callback: client.callback.clone(),
            fields: client.fields(),
            form_errors: FormErrors::default(),
        }
    }

    /// Reads what was typed; nothing beside it when something is wrong. `private`: whether private addresses may be called.
    pub fn read(
        form: &ProtectedForm,
        before: Option<&OAuthClient>,
        private: bool,
    ) -> (OAuthClientForm, Option<ValidatedOAuthClient>) {
        let mut form_errors = FormErrors::default();
        let name = form_errors.check("name", form.line("name", "The name", 100));
        let api_type = match before {
            Some(before) => Some(before.api_type),
            None => form_errors.check("type", api_type(form)),
        };
        let client_id = form_errors.check("client-id", form.line("client-id", "The client ID", 300));
        let typed = OAuthClientFields {
            name: form.get("name").into(),
            client_id: form.get("client-id").into(),
            authorize_url: form.get("authorize-url").trim().into(),
            token_url: form.get("token-url").trim().into(),
            revoke_url: form.get("revoke-url").trim().into(),
            api_url: form.get("api-url").trim().into(),
            test_path: form.get("test-path").trim().into(),
            issuer: form.get("issuer").trim().into(),
            uses_pkce: form.get("uses-pkce") == "yes",
            secret_in_header: form.get("secret-in") == "header",
        };
        let mut fields = match api_type {
            Some(ApiType::Other) => typed.clone(),
            // Lightspeed's addresses are known.
            _ => OAuthClientFields::default(),
        };
        if api_type == Some(ApiType::Other) {
            check_addresses(&fields, private, &mut form_errors);
        }
        let secret = form_errors.check("client-secret", secret(form, before, &fields));
        let callback = match (before, api_type) {
            (Some(before), _) => Some(before.callback.clone()),
            (None, Some(ApiType::Other)) => form_errors.check("type", callback(form)),
            (None, other) => other.map(|api_type| api_type.word().to_string()),
        };
        let told = match (name, client_id, api_type, secret, callback) {
            (Some(name), Some(client_id), Some(api_type), Some(secret), Some(callback)) if form_errors.is_empty() => {
                fields = OAuthClientFields { name, client_id, ..fields };
                Some(ValidatedOAuthClient { api_type, callback, fields, secret })
            }
            _ => None,
        };
        let shown = OAuthClientForm {
            is_new: before.is_none(),
            has_secret: before.is_some_and(OAuthClient::has_secret),
            api_type: api_type.unwrap_or(ApiType::RSeries),
            callback: before.map_or_else(|| form.get("callback").into(), |before| before.callback.clone()),
            fields: typed,
            form_errors,
        };
        (shown, told)
    }
}

fn api_type(form: &ProtectedForm) -> Result<ApiType> {
    ApiType::from_word(form.get("type")).ok_or_else(|| Error::Invalid("Choose one of the API types.".into()))
}

fn callback(form: &ProtectedForm) -> Result<String> {
    let text = form.get("callback");
    match text.len() == CALLBACK && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        true => Ok(text.into()),
        false => Err(Error::Invalid("The redirect URI of this form is damaged. Open the form again.".into())),
    }
}

// A secret goes nowhere but to the server it was typed in for.
fn secret(form: &ProtectedForm, before: Option<&OAuthClient>, fields: &OAuthClientFields) -> Result<Option<String>> {
    let typed = !form.get("client-secret").trim().is_empty();
    match before {
        Some(before) if !typed && before.has_secret() => match before.sends_its_secret_to_the_same(fields) {
            true => Ok(None),
            false => Err(Error::Invalid(
                "An address that the secret is sent to has changed, so type the secret again.".into(),
            )),
        },
        _ => form.line("client-secret", "The client secret", 500).map(Some),
    }
}

fn check_addresses(fields: &OAuthClientFields, private: bool, form_errors: &mut FormErrors) {
    form_errors.check("authorize-url", address("The authorize URL", &fields.authorize_url, private));
    form_errors.check("token-url", address("The token URL", &fields.token_url, private));
    if !fields.revoke_url.is_empty() {
        form_errors.check("revoke-url", address("The revoke URL", &fields.revoke_url, private));
    }
    form_errors.check("api-url", address("The API URL", &fields.api_url, private).and_then(without_query));
    form_errors.check("test-path", test_path(&fields.test_path));
    if !fields.issuer.is_empty() {
        form_errors.check("issuer", address("The issuer", &fields.issuer, private));
    }
}

fn address(label: &str, text: &str, private: bool) -> Result<Url> {
    let wrong = |what: &str| Err(Error::Invalid(format!("{label} {what}")));
    if text.is_empty() {
        return wrong("is missing. Fill it in and send the form again.");
    }
    if text.len() > LONGEST_ADDRESS {
        return wrong("is too long: at most 500 characters.");
    }
    let Ok(url) = Url::parse(text) else {
        return wrong("is no address. Write it like https://auth.example/token.");
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return wrong("must hold no user name, no password and no #.");
    }
    match may_be_called(&url, private) {
        true => Ok(url),
        false if url.scheme() != "https" => wrong("must begin with https://."),
        false => wrong("leads into a private network. That is off here (see OUTBOUND_PRIVATE)."),
    }
}

fn without_query(url: Url) -> Result<Url> {
    match url.query() {
        None => Ok(url),
        Some(_) => Err(Error::Invalid("The API URL must hold no ?: the paths of calls are appended to it.".into())),
    }
}

fn test_path(text: &str) -> Result<()> {
    let climbs = |part: &str| part == ".." || part == ".";
    let odd = text.contains(['\\', '#', ' ', '%']) || text.chars().any(char::is_control);
    match text.is_empty() || (text.starts_with('/') && text.len() <= 200 && !odd && !text.split('/').any(climbs)) {
        true => Ok(()),
        false => Err(Error::Invalid("The test path begins with / and stays below the API URL, like /me.".into())),
    }
}

impl ValidatedOAuthClient {
    /// Stores a new one. Errors: the name or the redirect URI is taken.
    pub fn create(&self, conn: &mut DbConnection, vault: &Vault, now: Timestamp) -> Result<OAuthClient> {
        if self.api_type == ApiType::Other && OAuthClient::has_callback(conn, &self.callback)? {
            return Err(Error::Conflict("This form was saved already. Open the list of OAuth 2.0 clients.".into()));
        }
        let secret = self.secret.as_deref().unwrap_or_default();
        OAuthClient::create(conn, vault, (self.api_type, &self.callback), &self.fields, secret, now)
    }

    /// Stores what has changed. What connections hold of a server that has moved is dropped: it was never meant for
    /// another. Returns how many have to be authorized again. Errors: the name is taken.
    pub fn change(
        &self,
        conn: &mut DbConnection,
        vault: &Vault,
        before: &OAuthClient,
        by: &str,
        now: Timestamp,
    ) -> Result<i64> {
        OAuthClient::change(conn, before.id, &self.fields)?;
        if let Some(secret) = &self.secret {
            OAuthClient::change_secret(conn, vault, before.id, secret, now)?;
        }
        if before.api_type != ApiType::Other || before.is_at_the_same_place(&self.fields) {
            return Ok(0);
        }
        let mut ended = 0;
        for (id, _) in OAuthClient::users(conn, before.id)? {
            if Connection::find(conn, id)?.holds_a_token() {
                Connection::forget(conn, id, MOVED, now)?;
                ConnectionEvent::record(conn, id, (EventKind::Lost, MOVED), by, now)?;
                ended += 1;
            }
        }
        Ok(ended)
    }
}
