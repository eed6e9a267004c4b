//! One thing that needs attention.

use crate::id::{
    AccessTokenKey, ActivityKey, ApiTokenKey, ClientKey, ClientSecretKey, ConnectionKey, EmployeeKey, RefreshTokenKey,
};
use crate::time::Timestamp;

/// What an item is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A client.
    Client(ClientKey),
    /// A client secret.
    ClientSecret(ClientKey, ClientSecretKey),
    /// A refresh token.
    RefreshToken(ClientKey, RefreshTokenKey),
    /// An API key.
    ApiKey(ClientKey, AccessTokenKey),
    /// An API token.
    ApiToken(ApiTokenKey),
    /// A connection.
    Connection(ConnectionKey),
    /// An activity entry, about something that may be gone.
    Entry(ActivityKey),
}

/// A time that says why the item is listed.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// It was created.
    Created(Timestamp),
    /// It was last used.
    LastUsed(Timestamp),
    /// It expires.
    Expires(Timestamp),
    /// It happened.
    Happened(Timestamp),
    /// It has been so since.
    Since(Timestamp),
    /// It has been failing since.
    FailingSince(Timestamp),
}

/// One item of a rule.
#[derive(Clone, Debug)]
pub struct Item {
    /// What it is about.
    pub subject: Subject,
    /// The first characters of a token, or a name.
    pub name: String,
    /// The label of an API key, the name of an API token, or what happened.
    pub label: String,
    /// The client it belongs to.
    pub client: Option<(ClientKey, String)>,
    /// The employee who authorized it.
    pub employee: Option<(EmployeeKey, String)>,
    /// The time that matters for its rule.
    pub moment: Moment,
}

impl Subject {
    /// The kind and the id, as acknowledgements store them.
    pub fn stored(self) -> (&'static str, i64) {
        match self {
            Subject::Client(id) => ("client", id.0),
            Subject::ClientSecret(_, id) => ("client_secret", id.0),
            Subject::RefreshToken(_, id) => ("refresh_token", id.0),
            Subject::ApiKey(_, id) => ("api_key", id.0),
            Subject::ApiToken(id) => ("api_token", id.0),
            Subject::Connection(id) => ("connection", id.0),
            Subject::Entry(id) => ("activity", id.0),
        }
    }

    /// Its word in addresses: `api_key-12`.
    pub fn word(self) -> String {
        let (kind, id) = self.stored();
        format!("{kind}-{id}")
    }

    /// Whether it is a token, whose name is its first characters.
    pub fn is_token(self) -> bool {
        matches!(self, Subject::RefreshToken(..) | Subject::ApiKey(..) | Subject::ApiToken(_))
    }
}

impl Item {
    /// Its name in the activity log: `Zk3f9aB of Ledgerly`, or the name of a client or connection.
    pub fn logged_name(&self) -> String {
        match &self.client {
            Some((_, client)) if self.subject.is_token() => format!("{} of {client}", self.name),
            None if self.subject.is_token() => format!("{} “{}”", self.name, self.label),
            _ => self.name.clone(),
        }
    }
}
