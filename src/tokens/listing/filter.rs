//! The filters of a token list, as a person sets them.

use crate::db::text_enum::text_enum;

/// Days without use after which a token counts as unused.
pub const UNUSED_DAYS: i64 = 30;
/// A token counts as expiring soon when it expires within this many days.
pub const EXPIRING_SOON_DAYS: i64 = 7;

text_enum! {
    /// What the status filter selects; expired tokens have a list of their own.
    StatusFilter {
        /// The employee is active.
        EmployeeActive = "employee-active",
        /// The token was never used.
        NeverUsed = "never-used",
        /// The token was used, but not in the last 30 days.
        Unused = "unused",
        /// The token expires within a week; only tokens with a longer lifetime can.
        ExpiringSoon = "expiring-soon",
        /// The employee is locked or archived.
        EmployeeInactive = "employee-inactive",
    }
}

/// Which tokens are listed.
#[derive(Clone, Default)]
pub struct TokenFilter {
    /// The first characters of the token, case-sensitive, at most seven.
    pub token: String,
    /// A part of the employee's name.
    pub employee: String,
    /// Only tokens with this status.
    pub status: Option<StatusFilter>,
    /// Expired tokens instead of valid ones.
    pub expired: bool,
}

impl TokenFilter {
    /// Whether no filter is set; valid or expired is not a filter.
    pub fn is_empty(&self) -> bool {
        self.token.is_empty() && self.employee.is_empty() && self.status.is_none()
    }
}
