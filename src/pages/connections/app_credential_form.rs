//! The form of app credentials: reads and validates all fields, and keeps the input and its errors.

use url::Url;

use crate::connections::remote_account::is_member_path;
use crate::connections::{ApiType, AppCredentials, OAuthClient, OAuthClientFields};
use crate::error::{Error, Result};
use crate::http::may_be_called;
use crate::secrets::random_name;
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;

const LONGEST_ADDRESS: usize = 500;
const CALLBACK: usize = 12;

/// The input of the form, without the secret, which is never shown again.
#[derive(Clone, Debug)]
pub struct OAuthClientForm {
    /// Whether it adds new app credentials.
    pub is_new: bool,
    /// Whether a secret is stored.
    pub has_secret: bool,
    /// The API type.
    pub api_type: ApiType,
    /// The last part of the redirect URI of an "other server".
    pub callback: String,
    /// The other fields.
    pub fields: OAuthClientFields,
    /// The errors.
    pub form_errors: FormErrors,
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

    /// The form of existing app credentials.
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

    /// Reads the form: the input, and the validated form if there is no error. `private`: whether private addresses are allowed.
    pub fn read(
        form: &ProtectedForm,
        before: Option<&OAuthClient>,
        private: bool,
    ) -> (OAuthClientForm, Option<AppCredentials>) {
        let mut form_errors = FormErrors::default();
        let name = form_errors.check("name", form.line("name", "The name", 100));
        let api_type = match before {
            Some(before) => Some(before.api_type),
            None => form_errors.check("type", api_type(form)),
        };
        let client_id = form_errors.check("client-id", form.line("client-id", "The client ID", 300));
        let input = OAuthClientFields {
            name: form.get("name").into(),
            client_id: form.get("client-id").into(),
            authorize_url: form.get("authorize-url").trim().into(),
            token_url: form.get("token-url").trim().into(),
            revoke_url: form.get("revoke-url").trim().into(),
            api_url: form.get("api-url").trim().into(),
            test_path: form.get("test-path").trim().into(),
            account_member: form.get("account-member").trim().into(),
            issuer: form.get("issuer").trim().into(),
            uses_pkce: form.get("uses-pkce") == "yes",
            secret_in_header: form.get("secret-in") == "header",
        };
        let mut fields = match api_type {
            Some(ApiType::Other) => input.clone(),
            // The URLs of Lightspeed's servers are built in.
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
        let validated = match (name, client_id, api_type, secret, callback) {
            (Some(name), Some(client_id), Some(api_type), Some(secret), Some(callback)) if form_errors.is_empty() => {
                fields = OAuthClientFields { name, client_id, ..fields };
                Some(AppCredentials { api_type, callback, fields, secret })
            }
            _ => None,
        };
        let shown = OAuthClientForm {
            is_new: before.is_none(),
            has_secret: before.is_some_and(OAuthClient::has_secret),
            api_type: api_type.unwrap_or(ApiType::RSeries),
            callback: before.map_or_else(|| form.get("callback").into(), |before| before.callback.clone()),
            fields: input,
            form_errors,
        };
        (shown, validated)
    }
}

fn api_type(form: &ProtectedForm) -> Result<ApiType> {
    ApiType::from_word(form.get("type")).ok_or_else(|| Error::Invalid("Choose an API type.".into()))
}

fn callback(form: &ProtectedForm) -> Result<String> {
    let text = form.get("callback");
    match text.len() == CALLBACK && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        true => Ok(text.into()),
        false => Err(Error::Invalid("The redirect URI of this form is invalid. Reload the page.".into())),
    }
}

// A stored secret is only sent to the URLs it was entered for.
fn secret(form: &ProtectedForm, before: Option<&OAuthClient>, fields: &OAuthClientFields) -> Result<Option<String>> {
    let is_entered = !form.get("client-secret").trim().is_empty();
    match before {
        Some(before) if !is_entered && before.has_secret() => match before.keeps_secret_urls(fields) {
            true => Ok(None),
            false => {
                Err(Error::Invalid("A URL that receives the client secret has changed. Enter the secret again.".into()))
            }
        },
        _ => form.line("client-secret", "The client secret", 500).map(Some),
    }
}

fn check_addresses(fields: &OAuthClientFields, private: bool, form_errors: &mut FormErrors) {
    form_errors.check("authorize-url", url("The authorize URL", &fields.authorize_url, private));
    form_errors.check("token-url", url("The token URL", &fields.token_url, private));
    if !fields.revoke_url.is_empty() {
        form_errors.check("revoke-url", url("The revoke URL", &fields.revoke_url, private));
    }
    form_errors.check("api-url", url("The API URL", &fields.api_url, private).and_then(without_query));
    form_errors.check("test-path", test_path(&fields.test_path));
    form_errors.check("account-member", account_member(&fields.account_member));
    if !fields.issuer.is_empty() {
        form_errors.check("issuer", url("The issuer", &fields.issuer, private));
    }
}

fn url(label: &str, text: &str, private: bool) -> Result<Url> {
    let invalid = |what: &str| Err(Error::Invalid(format!("{label} {what}")));
    if text.is_empty() {
        return invalid("is missing. Enter it and send the form again.");
    }
    if text.len() > LONGEST_ADDRESS {
        return invalid("is too long: at most 500 characters.");
    }
    let Ok(url) = Url::parse(text) else {
        return invalid("is not a URL. Example: https://auth.example/token.");
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return invalid("must not contain a user name, a password or #.");
    }
    match may_be_called(&url, private) {
        true => Ok(url),
        false if url.scheme() != "https" => invalid("must start with https://."),
        false => invalid("is in a private network. This installation does not allow that (see OUTBOUND_PRIVATE)."),
    }
}

fn without_query(url: Url) -> Result<Url> {
    match url.query() {
        None => Ok(url),
        Some(_) => Err(Error::Invalid(
            "The API URL must not contain ?, because the path of each call is appended to it.".into(),
        )),
    }
}

fn test_path(text: &str) -> Result<()> {
    let is_dots = |part: &str| part == ".." || part == ".";
    let has_special = text.contains(['\\', '#', ' ', '%']) || text.chars().any(char::is_control);
    match text.is_empty()
        || (text.starts_with('/') && text.len() <= 200 && !has_special && !text.split('/').any(is_dots))
    {
        true => Ok(()),
        false => {
            Err(Error::Invalid("The test path must start with / and stay below the API URL. Example: /me.".into()))
        }
    }
}

fn account_member(text: &str) -> Result<()> {
    match text.is_empty() || is_member_path(text) {
        true => Ok(()),
        false => Err(Error::Invalid(
            "The account member must be the name of a member, or several with dots between them. Example: user.login."
                .into(),
        )),
    }
}
