//! Where the answers come from: the local database (`local`), or a server through its admin API.
//!
//! Answers are JSON with the names of the admin API, so that tables and `--json` are the same for both.

use serde_json::Value;

use crate::access::named_token::TokenName;
use crate::commands::access::failure::{Failure, Result};
use crate::config::access_filters::Pairs;
use crate::time::TimeFormat;
use crate::tokens::revocation::Seen;

/// What is listed, shown or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noun {
    Clients,
    Tokens,
    Keys,
    Employees,
    Connections,
    Attention,
    Activity,
}

/// Rows of a list.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// The rows, in the order of the list.
    pub items: Vec<Value>,
    /// The cursor behind the last row or behind what was searched; none at the end.
    pub next: Option<String>,
}

/// Of `keys`: no other tokens.
pub(super) fn require_key(name: TokenName) -> Result<()> {
    match name {
        TokenName::ApiKey(_) => Ok(()),
        TokenName::RefreshToken(_) | TokenName::AccessToken(_) => {
            Err(Failure::not_found(format!("{name} is not an API key")))
        }
    }
}

/// What an act does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    ApproveClient,
    /// With the reason, which may be empty.
    SuspendClient(String),
    ResumeClient,
    RevokeClient,
    RevokeToken,
    /// The same of an API key only: a refresh token or access token is not found.
    RevokeKey,
    OffboardEmployee,
    RevokeAccess,
    LockEmployee,
    UnlockEmployee,
    PauseConnection,
    ResumeConnection,
    DisconnectConnection,
}

/// An act on one thing that exists.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// What it does.
    pub verb: Verb,
    /// The id of what it changes.
    pub id: String,
    /// What somebody has to confirm, without a question mark: `Revoke Ledgerly with 3 refresh tokens`
    pub sentence: String,
    /// What follows, in sentences.
    pub consequence: String,
    /// What the question says is revoked; what was created later is named in the answer.
    pub seen: Option<Seen>,
    /// What a server answered to a dry run; otherwise null.
    pub foreseen: Value,
}

impl Planned {
    /// What the command asks before it acts.
    pub(super) fn question(&self) -> String {
        format!("{}? {}", self.sentence, self.consequence).trim_end().into()
    }

    /// What a dry run says.
    pub(super) fn would(&self) -> String {
        let (first, rest) = self.sentence.split_at_checked(1).unwrap_or_default();
        format!("Would {}{rest}. Nothing was changed (--dry-run).", first.to_lowercase())
    }
}

/// What an act did, or would do.
#[derive(Clone, Debug)]
pub(super) struct Done {
    /// One sentence or more.
    pub message: String,
    /// Whether anything was changed; false if it was so already.
    pub changed: bool,
    /// As JSON, without `changed`, `dry_run` and `message`.
    pub object: Value,
}

/// A source of answers.
pub(super) trait Source {
    /// Rows behind a cursor, at most `most`; fewer than that, with a cursor, when a search stopped. Errors: a filter or cursor
    /// that is not valid.
    fn list(&mut self, noun: Noun, filters: &Pairs, after: Option<&str>, most: usize) -> Result<Rows>;

    /// One thing by its name or id.
    fn show(&mut self, noun: Noun, name: &str) -> Result<Value>;

    /// Finds what an act changes, and says what it would do.
    fn plan(&mut self, verb: &Verb, name: &str) -> Result<Planned>;

    /// Carries out an act, in one transaction. A dry run changes nothing.
    fn carry_out(&mut self, planned: &Planned, dry_run: bool) -> Result<Done>;

    /// Follows up an act after its transaction, such as revoking tokens at a provider; returns what to add to the message.
    fn follow_up(&mut self) -> Result<String>;

    /// The origin of the server, if it is one.
    fn server(&self) -> Option<String>;

    /// How times are printed.
    fn times(&self) -> TimeFormat;
}
