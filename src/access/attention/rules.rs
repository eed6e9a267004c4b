//! The rules: one row each, with its words, how serious it is, what finds its items, and what to do about one.
//!
//! Longer than 300 lines, because the rules are one table.

use diesel::QueryResult;

use crate::access::attention::acknowledgement::Acknowledged;
use crate::access::attention::api_tokens::{self, ApiTokenRule};
use crate::access::attention::tokens::TokenRule;
use crate::access::attention::{Asked, Found, Subject, clients, connections, reuse, tokens};
use crate::db::DbConnection;
use crate::db::keyset::Count;
use crate::id::EmployeeKey;
use crate::scopes::Role;
use crate::tokens::listing::inventory::InventoryFilter;

/// How serious an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something has happened or does not work.
    Urgent,
    /// Somebody waits, or something is about to happen.
    Soon,
    /// Worth a look.
    Review,
}

/// What can be done about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Revoke the token.
    Revoke,
    /// Open the client, to approve or reject it.
    Decide,
    /// Generate a new client secret.
    RegenerateSecret,
    /// Authorize a connection for the first time.
    Authorize,
    /// Authorize a connection again.
    Reconnect,
    /// Open the connection, to see why it fails.
    SeeConnection,
    /// Look at the entry in the activity log.
    SeeEntry,
}

#[derive(Clone, Copy, Debug)]
enum Query {
    Tokens(TokenRule),
    ApiTokens(ApiTokenRule),
    PendingClients,
    OldSecrets,
    NeverAuthorized,
    ToReconnect,
    Failing,
    AuthorizedBySomebodyInactive,
    Reuse,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its word in addresses, and in acknowledgements.
    pub word: &'static str,
    /// A short name.
    pub name: &'static str,
    /// How serious it is.
    pub severity: Severity,
    /// What follows the number 1 in its title.
    pub one: &'static str,
    /// What follows any other number.
    pub many: &'static str,
    /// Why this needs attention, and what to do.
    pub why: &'static str,
    /// What can be done about an item.
    pub act: Act,
    /// The lowest role that does it for everybody's items and may acknowledge one.
    pub handled_by: Role,
    query: Query,
}

/// Every rule, the most serious first.
pub const RULES: &[Rule] = &[
    Rule {
        word: "reuse-detected",
        name: "Token reuse",
        severity: Severity::Urgent,
        one: "token was used twice",
        many: "tokens were used twice",
        why: "In the last 30 days an old refresh token or code was used again. It may have been stolen, so its access was \
              revoked. Ask the developer how the app stores it.",
        act: Act::SeeEntry,
        handled_by: Role::Manager,
        query: Query::Reuse,
    },
    Rule {
        word: "reconnect",
        name: "Connections to reconnect",
        severity: Severity::Urgent,
        one: "connection must be reconnected",
        many: "connections must be reconnected",
        why: "The provider no longer accepts the tokens. Calls fail until an admin authorizes the connection again.",
        act: Act::Reconnect,
        handled_by: Role::Admin,
        query: Query::ToReconnect,
    },
    Rule {
        word: "failing",
        name: "Failing connections",
        severity: Severity::Soon,
        one: "connection is failing, retrying",
        many: "connections are failing, retrying",
        why: "The server tries again by itself. If it lasts, check the provider.",
        act: Act::SeeConnection,
        handled_by: Role::Admin,
        query: Query::Failing,
    },
    Rule {
        word: "pending-clients",
        name: "Pending clients",
        severity: Severity::Soon,
        one: "client waits for approval",
        many: "clients wait for approval",
        why: "Nobody can allow access to a new client until an admin approves it.",
        act: Act::Decide,
        handled_by: Role::Admin,
        query: Query::PendingClients,
    },
    Rule {
        word: "expiring-soon",
        name: "Expiring API keys",
        severity: Severity::Soon,
        one: "API key expires within a week",
        many: "API keys expire within a week",
        why: "Whatever uses a key stops working then. Open the key and create a new value, or let it expire.",
        act: Act::Revoke,
        handled_by: Role::Manager,
        query: Query::Tokens(TokenRule::ExpiringSoon),
    },
    Rule {
        word: "api-token-expiring-soon",
        name: "Expiring API tokens",
        severity: Severity::Soon,
        one: "API token expires within a week",
        many: "API tokens expire within a week",
        why: "Whatever calls the admin API with it stops working then. Create a new one, or let it expire.",
        act: Act::Revoke,
        handled_by: Role::Admin,
        query: Query::ApiTokens(ApiTokenRule::ExpiringSoon),
    },
    Rule {
        word: "owner-inactive",
        name: "Locked or archived owners",
        severity: Severity::Soon,
        one: "token belongs to somebody who is locked or archived",
        many: "tokens belong to somebody who is locked or archived",
        why: "They work again when the employee is unlocked or restored. Revoke what is not needed.",
        act: Act::Revoke,
        handled_by: Role::Manager,
        query: Query::Tokens(TokenRule::OwnerInactive),
    },
    Rule {
        word: "api-token-owner-inactive",
        name: "API tokens of locked or archived people",
        severity: Severity::Soon,
        one: "API token belongs to somebody who is locked or archived",
        many: "API tokens belong to somebody who is locked or archived",
        why: "They work again when the person is unlocked or restored. Revoke what is not needed.",
        act: Act::Revoke,
        handled_by: Role::Admin,
        query: Query::ApiTokens(ApiTokenRule::OwnerInactive),
    },
    Rule {
        word: "connection-owner-inactive",
        name: "Connections of locked or archived employees",
        severity: Severity::Soon,
        one: "connection was authorized by somebody who is locked or archived",
        many: "connections were authorized by somebody who is locked or archived",
        why: "It still uses their account at the provider. Reconnect it with the account of somebody who works here.",
        act: Act::Reconnect,
        handled_by: Role::Admin,
        query: Query::AuthorizedBySomebodyInactive,
    },
    Rule {
        word: "beyond-role",
        name: "Access beyond the role",
        severity: Severity::Soon,
        one: "token was given more than its owner’s role includes",
        many: "tokens were given more than their owner’s role includes",
        why: "The part beyond the role does not work, and works at once if the employee gets a higher role.",
        act: Act::Revoke,
        handled_by: Role::Manager,
        query: Query::Tokens(TokenRule::BeyondRole),
    },
    Rule {
        word: "authorize",
        name: "Connections to authorize",
        severity: Severity::Review,
        one: "connection was never authorized",
        many: "connections were never authorized",
        why: "Programs cannot call through it until an admin authorizes it at the provider.",
        act: Act::Authorize,
        handled_by: Role::Admin,
        query: Query::NeverAuthorized,
    },
    Rule {
        word: "full-access",
        name: "Full access",
        severity: Severity::Review,
        one: "token has full access",
        many: "tokens have full access",
        why: "Full access is all that the employee may do. Ask the developer to request only what the app needs.",
        act: Act::Revoke,
        handled_by: Role::Manager,
        query: Query::Tokens(TokenRule::FullAccess),
    },
    Rule {
        word: "never-expires",
        name: "API keys without an end",
        severity: Severity::Review,
        one: "API key never expires",
        many: "API keys never expire",
        why: "Such a key works until somebody revokes it. Replace it with one that expires.",
        act: Act::Revoke,
        handled_by: Role::Manager,
        query: Query::Tokens(TokenRule::NeverExpires),
    },
    Rule {
        word: "unused",
        name: "Unused tokens",
        severity: Severity::Review,
        one: "token was not used for 90 days",
        many: "tokens were not used for 90 days",
        why: "Nothing seems to need this access. Revoke what nobody can explain.",
        act: Act::Revoke,
        handled_by: Role::Manager,
        query: Query::Tokens(TokenRule::Unused),
    },
    Rule {
        word: "never-used",
        name: "Never used tokens",
        severity: Severity::Review,
        one: "token was never used in 30 days",
        many: "tokens were never used in 30 days",
        why: "Created at least 30 days ago, and never used. Revoke what nobody can explain.",
        act: Act::Revoke,
        handled_by: Role::Manager,
        query: Query::Tokens(TokenRule::NeverUsed),
    },
    Rule {
        word: "api-token-unused",
        name: "Unused API tokens",
        severity: Severity::Review,
        one: "API token was not used for 90 days",
        many: "API tokens were not used for 90 days",
        why: "Nothing seems to need it. Revoke what nobody can explain.",
        act: Act::Revoke,
        handled_by: Role::Admin,
        query: Query::ApiTokens(ApiTokenRule::Unused),
    },
    Rule {
        word: "old-secrets",
        name: "Old client secrets",
        severity: Severity::Review,
        one: "client secret is older than a year",
        many: "client secrets are older than a year",
        why: "The older a secret, the likelier somebody else has it. Generate a new one together with the developer.",
        act: Act::RegenerateSecret,
        handled_by: Role::Admin,
        query: Query::OldSecrets,
    },
];

impl Rule {
    /// The rule with this word.
    pub fn from_word(word: &str) -> Option<&'static Rule> {
        RULES.iter().find(|rule| rule.word == word)
    }

    /// Whether it has items for somebody who sees only what they authorized.
    pub fn concerns(&self, only: Option<EmployeeKey>) -> bool {
        let of_a_person = matches!(self.query, Query::Tokens(_) | Query::ToReconnect | Query::Reuse);
        only.is_none() || of_a_person
    }

    /// Whether its items are refresh tokens and API keys.
    pub fn is_about_tokens(&self) -> bool {
        matches!(self.query, Query::Tokens(_))
    }

    /// The filter of the access inventory that shows its tokens, quiet ones too; none if it is not about tokens.
    pub fn inventory(&self) -> Option<InventoryFilter> {
        match self.query {
            Query::Tokens(rule) => Some(rule.inventory()),
            _ => None,
        }
    }

    /// What follows a number of its items.
    pub fn noun(&self, count: Count) -> &'static str {
        if count.n == 1 && !count.capped { self.one } else { self.many }
    }

    /// Whether a token is still one of its items.
    pub(super) fn still_finds(
        &self,
        conn: &mut DbConnection,
        subject: Subject,
        asked: Asked,
        quiet: &Acknowledged,
    ) -> QueryResult<bool> {
        match self.query {
            Query::Tokens(rule) => {
                tokens::still_finds(conn, rule, subject, asked, &|subject| quiet.has(self.word, subject))
            }
            _ => Ok(false),
        }
    }

    /// Its items that are not quiet.
    pub fn find(&self, conn: &mut DbConnection, asked: Asked, quiet: &Acknowledged) -> QueryResult<Found> {
        let is_quiet = |subject| quiet.has(self.word, subject);
        match self.query {
            Query::Tokens(rule) => tokens::find(conn, rule, asked, &is_quiet),
            Query::ApiTokens(rule) => api_tokens::find(conn, rule, asked.now, &is_quiet),
            Query::PendingClients => clients::pending(conn, &is_quiet),
            Query::OldSecrets => clients::with_old_secrets(conn, asked.now, &is_quiet),
            Query::NeverAuthorized => connections::needing_authorization(conn, false, asked, &is_quiet),
            Query::ToReconnect => connections::needing_authorization(conn, true, asked, &is_quiet),
            Query::Failing => connections::failing(conn, asked.now, &is_quiet),
            Query::AuthorizedBySomebodyInactive => connections::of_inactive_employees(conn, &is_quiet),
            Query::Reuse => reuse::detected(conn, asked, &is_quiet),
        }
    }
}
