//! What the tokens of a client can do at most, in one word for lists.

use crate::scopes::{Role, Scope};

/// What tokens can do at most. The order is from least to most, and so are the stored numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessLevel {
    /// Nothing: there is no valid token, or no employee's role includes what the tokens were given.
    #[default]
    None = 0,
    /// Read only.
    Read = 1,
    /// Change data.
    Write = 2,
    /// All that an employee may do.
    Full = 3,
}

impl AccessLevel {
    /// What a token with this scope can do, if its employee has this role.
    pub fn of(scope: &Scope, role: Role) -> AccessLevel {
        match () {
            () if scope.effective(role).as_str().is_empty() => AccessLevel::None,
            () if scope.is_full() => AccessLevel::Full,
            () if scope.writes(role) => AccessLevel::Write,
            () => AccessLevel::Read,
        }
    }

    /// The level with this stored number.
    pub fn from_stored(number: i64) -> AccessLevel {
        match number {
            1 => AccessLevel::Read,
            2 => AccessLevel::Write,
            3 => AccessLevel::Full,
            _ => AccessLevel::None,
        }
    }

    /// What pages call it.
    pub fn label(self) -> &'static str {
        match self {
            AccessLevel::None => "None",
            AccessLevel::Read => "Read only",
            AccessLevel::Write => "Change data",
            AccessLevel::Full => "Full access",
        }
    }
}
