//! What a bulk revocation covers, and how it is put into words.

use serde::{Deserialize, Serialize};

use crate::clients::Client;
use crate::id::{ClientKey, EmployeeKey};
use crate::tokens::listing::inventory::{CreatedWithin, Expiry, InventoryFilter, Owner, Reach, TokenType, Usage};

/// A refresh token or an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenId {
    /// A refresh token, by id.
    RefreshToken(i64),
    /// An API key, by id.
    ApiKey(i64),
}

impl TokenId {
    /// Reads `r12` or `k34`.
    pub fn parse(text: &str) -> Option<TokenId> {
        let id = |digits: &str| digits.parse().ok();
        match (text.strip_prefix('r'), text.strip_prefix('k')) {
            (Some(digits), _) => id(digits).map(TokenId::RefreshToken),
            (_, Some(digits)) => id(digits).map(TokenId::ApiKey),
            _ => None,
        }
    }
}

/// What a bulk revocation covers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Selection {
    /// Tokens chosen by hand; if there are any, only they are covered.
    pub chosen: Vec<TokenId>,
    /// The filter that tokens must match, or the list that they were chosen from.
    pub filter: InventoryFilter,
    /// Only tokens of this employee, for staff.
    pub only: Option<EmployeeKey>,
    /// All tokens of this client.
    pub client: Option<OneClient>,
}

/// A client whose tokens are all revoked. What it got between the count and the confirmation is revoked too.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OneClient {
    /// The client.
    pub id: ClientKey,
    /// Its name.
    pub name: String,
    /// The highest ids of a refresh token and of an API key when it was confirmed.
    pub confirmed_through: Option<(i64, i64)>,
}

impl Selection {
    /// At most this many tokens can be chosen by hand.
    pub const MOST: usize = 200;

    /// All refresh tokens and API keys of a client.
    pub fn of_client(client: &Client) -> Selection {
        let client = OneClient { id: client.id, name: client.name.clone(), confirmed_through: None };
        Selection { client: Some(client), ..Selection::default() }
    }

    /// The selection in words: `API keys unused for 90 days`.
    pub fn in_words(&self) -> String {
        if !self.chosen.is_empty() {
            return "chosen by hand".into();
        }
        if let Some(client) = &self.client {
            return format!("all refresh tokens and API keys of {}", client.name);
        }
        let filter = &self.filter;
        let what = match filter.token_type {
            None => "refresh tokens and API keys",
            Some(TokenType::RefreshToken) => "refresh tokens",
            Some(TokenType::ApiKey) => "API keys",
        };
        let mut parts = vec![what.to_string()];
        let named = |what: &str, name: &str| (!name.is_empty()).then(|| format!("{what} “{name}”"));
        parts.extend(named("of clients named", &filter.client));
        parts.extend(named("of employees named", &filter.employee));
        parts.extend(filter.usage.map(|usage| usage_in_words(usage).into()));
        parts.extend(filter.reach.map(|reach| reach_in_words(reach).into()));
        parts.extend(named("that can use", &filter.scope));
        parts.extend(filter.owner.map(|owner| owner_in_words(owner).into()));
        parts.extend(filter.expiry.map(|expiry| expiry_in_words(expiry).into()));
        parts.extend(filter.created.map(|created| created_in_words(created).into()));
        if self.only.is_some() {
            parts.push("of oneself".into());
        }
        parts.join(", ")
    }
}

fn usage_in_words(usage: Usage) -> &'static str {
    match usage {
        Usage::Unused30 => "unused for 30 days",
        Usage::Unused90 => "unused for 90 days",
        Usage::Unused180 => "unused for 180 days",
        Usage::NeverUsed => "never used",
    }
}

fn reach_in_words(reach: Reach) -> &'static str {
    match reach {
        Reach::Full => "with full access",
        Reach::Write => "that can change data",
        Reach::Read => "that can only read",
        Reach::BeyondRole => "beyond the employee’s role",
    }
}

fn owner_in_words(owner: Owner) -> &'static str {
    match owner {
        Owner::Staff => "of staff",
        Owner::Manager => "of store managers",
        Owner::Admin => "of admins",
        Owner::Active => "of active employees",
        Owner::Inactive => "of locked or archived employees",
    }
}

fn expiry_in_words(expiry: Expiry) -> &'static str {
    match expiry {
        Expiry::Never => "that never expire",
        Expiry::Soon => "that expire within 7 days",
        Expiry::Expired => "expired",
    }
}

fn created_in_words(created: CreatedWithin) -> &'static str {
    match created {
        CreatedWithin::Week => "created in the last 7 days",
        CreatedWithin::Month => "created in the last 30 days",
        CreatedWithin::Quarter => "created in the last 90 days",
    }
}
