//! The form of a connection: reads and validates all fields, and keeps the input and its errors.

use crate::account::Business;
use crate::connections::{ApiType, Connection, ConnectionFields, OAuthClient, OfferedScope, parse_domain_prefix};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::{BusinessKey, OAuthClientKey};
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;

/// The choices of the form.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// The app credentials, by name.
    pub clients: Vec<OAuthClient>,
    /// The businesses, by name.
    pub businesses: Vec<Business>,
}

impl Choices {
    /// Loads all choices.
    pub fn load(conn: &mut DbConnection) -> Result<Choices> {
        let clients = OAuthClient::all(conn)?.into_iter().map(|(client, _)| client).collect();
        let businesses = Business::all(conn)?.into_iter().map(|(business, _)| business).collect();
        Ok(Choices { clients, businesses })
    }

    fn client(&self, id: &str) -> Option<&OAuthClient> {
        self.clients.iter().find(|client| client.id.to_string() == id)
    }
}

/// The input of the form.
#[derive(Clone, Debug)]
pub struct ConnectionForm {
    /// The name.
    pub name: String,
    /// The API type.
    pub api_type: ApiType,
    /// X-Series: the domain prefix.
    pub domain_prefix: String,
    /// The selected scopes.
    pub selected: Vec<String>,
    /// Other server: the scope, separated by spaces.
    pub scope_text: String,
    /// The id of the app credentials, or nothing.
    pub client: String,
    /// The id of the business, or nothing.
    pub business: String,
    /// The errors.
    pub form_errors: FormErrors,
}

/// The validated form.
#[derive(Clone, Debug)]
pub struct ValidatedConnection {
    /// The app credentials.
    pub client: OAuthClientKey,
    /// The other fields.
    pub fields: ConnectionFields,
}

impl ConnectionForm {
    /// An empty form, with app credentials already chosen if given.
    pub fn blank(client: Option<&OAuthClient>) -> ConnectionForm {
        ConnectionForm {
            name: String::new(),
            api_type: client.map_or(ApiType::RSeries, |client| client.api_type),
            domain_prefix: String::new(),
            selected: Vec::new(),
            scope_text: String::new(),
            client: client.map(|client| client.id.to_string()).unwrap_or_default(),
            business: String::new(),
            form_errors: FormErrors::default(),
        }
    }

    /// The form of an existing connection.
    pub fn of(connection: &Connection, client: &OAuthClient) -> ConnectionForm {
        ConnectionForm {
            name: connection.name.clone(),
            domain_prefix: connection.domain_prefix.clone(),
            selected: connection.scope.split_whitespace().map(str::to_string).collect(),
            scope_text: connection.scope.clone(),
            business: connection.business_id.map(|id| id.to_string()).unwrap_or_default(),
            ..Self::blank(Some(client))
        }
    }

    /// Reads the form: the input, and the validated form if there is no error.
    pub fn read(form: &ProtectedForm, choices: &Choices) -> (ConnectionForm, Option<ValidatedConnection>) {
        let mut form_errors = FormErrors::default();
        let name = form_errors.check("name", form.line("name", "The name", 100));
        let api_type = match ApiType::from_word(form.get("type")) {
            None => form_errors.check("type", Err(Error::Invalid("Choose an API type.".into()))),
            found => found,
        };
        let domain_prefix = match api_type {
            Some(ApiType::XSeries) => {
                form_errors.check("domain-prefix", parse_domain_prefix(form.get("domain-prefix")))
            }
            _ => Some(String::new()),
        };
        let scope = api_type.and_then(|api_type| form_errors.check(scope_field(api_type), scope(form, api_type)));
        let client = form_errors.check("client", client(form, api_type, choices));
        let business = form_errors.check("business", business(form, choices));
        let validated = match (name, domain_prefix, scope, client, business) {
            (Some(name), Some(domain_prefix), Some(scope), Some(client), Some(business)) => {
                Some(ValidatedConnection { client, fields: ConnectionFields { name, business, domain_prefix, scope } })
            }
            _ => None,
        };
        let input = ConnectionForm {
            name: form.get("name").into(),
            api_type: api_type.unwrap_or(ApiType::RSeries),
            domain_prefix: form.get("domain-prefix").into(),
            selected: form.all("scope").map(str::to_string).collect(),
            scope_text: form.get("scope-text").into(),
            client: form.get("client").into(),
            business: form.get("business").into(),
            form_errors,
        };
        (input, validated)
    }

    /// Whether a scope of a picker is selected.
    pub fn has(&self, picker: &ScopePicker, word: &str) -> bool {
        picker.types.contains(&self.api_type) && self.selected.iter().any(|selected| selected == word)
    }
}

/// The list from which the scopes of one or more API types are chosen.
#[derive(Clone, Debug)]
pub struct ScopePicker {
    /// Its element id.
    pub id: &'static str,
    /// The API types that offer them.
    pub types: Vec<ApiType>,
    /// How many scopes there are.
    pub total: usize,
    /// The scopes, by the name of their group.
    pub groups: Vec<(&'static str, Vec<OfferedScope>)>,
}

impl ScopePicker {
    /// All lists.
    pub fn all() -> Vec<ScopePicker> {
        let mut pickers: Vec<ScopePicker> = Vec::new();
        for api_type in ApiType::ALL.iter().copied().filter(|api_type| *api_type != ApiType::Other) {
            let id = scope_field(api_type);
            match pickers.iter_mut().find(|picker| picker.id == id) {
                Some(picker) => picker.types.push(api_type),
                None => {
                    let offered = api_type.offered_scopes();
                    let (total, by_group) = (offered.len(), OfferedScope::by_group(&offered));
                    pickers.push(ScopePicker { id, types: vec![api_type], total, groups: by_group });
                }
            }
        }
        pickers
    }

    /// The API types, separated by spaces.
    pub fn words(&self) -> String {
        self.types.iter().map(|api_type| api_type.word()).collect::<Vec<_>>().join(" ")
    }
}

// The element id of the scope field of an API type.
fn scope_field(api_type: ApiType) -> &'static str {
    match api_type {
        ApiType::RSeries => "scope-r-series",
        ApiType::XSeries => "scope-x-series",
        ApiType::KSeriesV1 | ApiType::KSeriesV1Trial => "scope-k-series-v1",
        ApiType::KSeriesV2 | ApiType::KSeriesV2Trial => "scope-k-series-v2",
        ApiType::Other => "scope-text",
    }
}

fn scope(form: &ProtectedForm, api_type: ApiType) -> Result<String> {
    match api_type {
        ApiType::Other => api_type.checked_scope(form.get("scope-text")),
        _ => api_type.checked_scope(&form.all("scope").collect::<Vec<_>>().join(" ")),
    }
}

fn client(form: &ProtectedForm, api_type: Option<ApiType>, choices: &Choices) -> Result<OAuthClientKey> {
    let missing = || Error::Invalid("Choose app credentials, or add them first.".into());
    let client = choices.client(form.get("client")).ok_or_else(missing)?;
    match api_type {
        Some(api_type) if client.api_type != api_type => Err(Error::Invalid(format!(
            "{} is for {}. Choose app credentials for {}.",
            client.name,
            client.api_type.full_name(),
            api_type.full_name()
        ))),
        _ => Ok(client.id),
    }
}

fn business(form: &ProtectedForm, choices: &Choices) -> Result<Option<BusinessKey>> {
    match form.get("business") {
        "" => Ok(None),
        id => {
            let found = choices.businesses.iter().find(|business| business.id.to_string() == id);
            found
                .map(|business| Some(business.id))
                .ok_or_else(|| Error::Invalid("Choose a business from the list.".into()))
        }
    }
}
