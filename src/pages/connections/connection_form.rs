//! What is typed in about a connection: read and checked all at once, and shown again with what is wrong.

use crate::account::Business;
use crate::connections::{ApiType, Connection, ConnectionFields, OAuthClient, parse_domain_prefix};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::{BusinessKey, OAuthClientKey};
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;

const LONGEST_SCOPE: usize = 2000;

/// What can be chosen from.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// The OAuth 2.0 clients, by name.
    pub clients: Vec<OAuthClient>,
    /// The businesses, by name.
    pub businesses: Vec<Business>,
}

impl Choices {
    /// Everything there is.
    pub fn load(conn: &mut DbConnection) -> Result<Choices> {
        let clients = OAuthClient::all(conn)?.into_iter().map(|(client, _)| client).collect();
        let businesses = Business::all(conn)?.into_iter().map(|(business, _)| business).collect();
        Ok(Choices { clients, businesses })
    }

    fn client(&self, id: &str) -> Option<&OAuthClient> {
        self.clients.iter().find(|client| client.id.to_string() == id)
    }
}

/// The form as it was typed.
#[derive(Clone, Debug)]
pub struct ConnectionForm {
    /// What people call it.
    pub name: String,
    /// The kind of server.
    pub api_type: ApiType,
    /// X-Series: the retailer's own part of the address.
    pub domain_prefix: String,
    /// What is ticked.
    pub ticked: Vec<String>,
    /// Other server: what is asked for, in one line.
    pub scope_text: String,
    /// The id of the OAuth 2.0 client, or nothing.
    pub client: String,
    /// The id of the business, or nothing.
    pub business: String,
    /// What is wrong.
    pub form_errors: FormErrors,
}

/// What was told, fit to be stored.
#[derive(Clone, Debug)]
pub struct ValidatedConnection {
    /// What the shop is at the provider.
    pub client: OAuthClientKey,
    /// Everything else.
    pub fields: ConnectionFields,
}

impl ConnectionForm {
    /// An empty form, for a client that was chosen already.
    pub fn blank(client: Option<&OAuthClient>) -> ConnectionForm {
        ConnectionForm {
            name: String::new(),
            api_type: client.map_or(ApiType::RSeries, |client| client.api_type),
            domain_prefix: String::new(),
            ticked: Vec::new(),
            scope_text: String::new(),
            client: client.map(|client| client.id.to_string()).unwrap_or_default(),
            business: String::new(),
            form_errors: FormErrors::default(),
        }
    }

    /// The form of a connection that is there.
    pub fn of(connection: &Connection, client: &OAuthClient) -> ConnectionForm {
        ConnectionForm {
            name: connection.name.clone(),
            domain_prefix: connection.domain_prefix.clone(),
            ticked: connection.scope.split_whitespace().map(str::to_string).collect(),
            scope_text: connection.scope.clone(),
            business: connection.business_id.map(|id| id.to_string()).unwrap_or_default(),
            ..Self::blank(Some(client))
        }
    }

    /// Reads what was typed; nothing beside it when something is wrong.
    pub fn read(form: &ProtectedForm, choices: &Choices) -> (ConnectionForm, Option<ValidatedConnection>) {
        let mut form_errors = FormErrors::default();
        let name = form_errors.check("name", form.line("name", "The name", 100));
        let api_type = match ApiType::from_word(form.get("type")) {
            None => form_errors.check("type", Err(Error::Invalid("Choose one of the API types.".into()))),
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
        let told = match (name, domain_prefix, scope, client, business) {
            (Some(name), Some(domain_prefix), Some(scope), Some(client), Some(business)) => {
                Some(ValidatedConnection { client, fields: ConnectionFields { name, business, domain_prefix, scope } })
            }
            _ => None,
        };
        let typed = ConnectionForm {
            name: form.get("name").into(),
            api_type: api_type.unwrap_or(ApiType::RSeries),
            domain_prefix: form.get("domain-prefix").into(),
            ticked: form.all("scope").map(str::to_string).collect(),
            scope_text: form.get("scope-text").into(),
            client: form.get("client").into(),
            business: form.get("business").into(),
            form_errors,
        };
        (typed, told)
    }

    /// Whether a scope is ticked in the list of a kind of server.
    pub fn has(&self, group: &ScopeGroup, word: &str) -> bool {
        group.types.contains(&self.api_type) && self.ticked.iter().any(|ticked| ticked == word)
    }
}

/// A list of scopes to choose from, and the kinds of server that offer it.
#[derive(Clone, Debug)]
pub struct ScopeGroup {
    /// Its id on the page.
    pub id: &'static str,
    /// Whose it is.
    pub types: Vec<ApiType>,
    /// The scopes, and what each allows.
    pub offered_scopes: Vec<crate::connections::OfferedScope>,
}

impl ScopeGroup {
    /// All of them.
    pub fn all() -> Vec<ScopeGroup> {
        let mut groups: Vec<ScopeGroup> = Vec::new();
        for api_type in ApiType::ALL.iter().copied().filter(|api_type| *api_type != ApiType::Other) {
            let id = scope_field(api_type);
            match groups.iter_mut().find(|group| group.id == id) {
                Some(group) => group.types.push(api_type),
                None => {
                    groups.push(ScopeGroup { id, types: vec![api_type], offered_scopes: api_type.offered_scopes() })
                }
            }
        }
        groups
    }

    /// The words of its kinds of server.
    pub fn words(&self) -> String {
        self.types.iter().map(|api_type| api_type.word()).collect::<Vec<_>>().join(" ")
    }
}

// Where the scope of a kind of server stands on the page.
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
    if api_type == ApiType::Other {
        return free_scope(form.get("scope-text"));
    }
    let offered = api_type.offered_scopes();
    let ticked: Vec<&str> = form.all("scope").flat_map(str::split_whitespace).collect();
    let unknown: Vec<&str> =
        ticked.iter().copied().filter(|word| offered.iter().all(|(name, _)| name != word)).take(5).collect();
    if !unknown.is_empty() {
        return Err(Error::Invalid(format!("{} does not offer the scope {}.", api_type.name(), unknown.join(", "))));
    }
    // In the order of the list, each once.
    let chosen: Vec<&str> = offered.iter().map(|(name, _)| *name).filter(|name| ticked.contains(name)).collect();
    match chosen.is_empty() {
        true => Err(Error::Invalid("Choose at least one scope: what your programs may do there.".into())),
        false => Ok(chosen.join(" ")),
    }
}

// RFC 6749 section 3.3.
fn free_scope(text: &str) -> Result<String> {
    let fits = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    let words: Vec<&str> = text.split_whitespace().collect();
    if let Some(odd) = words.iter().find(|word| !word.bytes().all(fits)) {
        let odd: String = odd.chars().take(60).collect();
        return Err(Error::Invalid(format!("“{odd}” cannot be a scope: it holds a character that none may hold.")));
    }
    match words.join(" ") {
        scope if scope.len() > LONGEST_SCOPE => {
            Err(Error::Invalid(format!("The scope is too long: at most {LONGEST_SCOPE} characters.")))
        }
        scope => Ok(scope),
    }
}

fn client(form: &ProtectedForm, api_type: Option<ApiType>, choices: &Choices) -> Result<OAuthClientKey> {
    let missing = || Error::Invalid("Choose the OAuth 2.0 client, or make one first.".into());
    let client = choices.client(form.get("client")).ok_or_else(missing)?;
    match api_type {
        Some(api_type) if client.api_type != api_type => Err(Error::Invalid(format!(
            "{} is a client of {}. Choose one of {}.",
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
                .ok_or_else(|| Error::Invalid("Choose one of the businesses.".into()))
        }
    }
}
