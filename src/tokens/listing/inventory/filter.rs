//! The filters of the access inventory.

use serde::{Deserialize, Serialize};

use crate::db::text_enum::text_enum;
use crate::time::{DAY, Timestamp};

text_enum! {
    /// A type of token in the inventory.
    TokenType {
        /// Refresh tokens.
        RefreshToken = "refresh-token",
        /// API keys.
        ApiKey = "api-key",
    }
}

text_enum! {
    /// How long nobody has used a token. A token that was never used counts from its creation.
    Usage {
        /// For 30 days.
        Unused30 = "unused-30",
        /// For 90 days.
        Unused90 = "unused-90",
        /// For 180 days.
        Unused180 = "unused-180",
        /// Never used, however new it is.
        NeverUsed = "never-used",
    }
}

text_enum! {
    /// What a token can do: its scope, limited by the role of its employee.
    Reach {
        /// Everything its employee may do.
        Full = "full",
        /// It can change data.
        Write = "write",
        /// It can read only.
        Read = "read",
        /// Its scope has more than its employee's role includes.
        BeyondRole = "beyond-role",
    }
}

text_enum! {
    /// Whose token it is.
    Owner {
        /// Staff.
        Staff = "staff",
        /// A store manager.
        Manager = "manager",
        /// An admin.
        Admin = "admin",
        /// Somebody who is neither locked nor archived.
        Active = "active",
        /// Somebody who is locked or archived.
        Inactive = "inactive",
    }
}

text_enum! {
    /// When a token expires.
    Expiry {
        /// It never expires.
        Never = "never",
        /// It expires within seven days.
        Soon = "soon",
        /// It has expired. All other filters list valid tokens only.
        Expired = "expired",
    }
}

text_enum! {
    /// How long ago a token was created, at most.
    CreatedWithin {
        /// Seven days.
        Week = "7",
        /// Thirty days.
        Month = "30",
        /// Ninety days.
        Quarter = "90",
    }
}

impl Usage {
    /// A token matches that was last used, or else created, before this moment; `None` for one that was never used.
    pub fn unused_since(self, now: Timestamp) -> Option<Timestamp> {
        let days = match self {
            Usage::Unused30 => 30,
            Usage::Unused90 => 90,
            Usage::Unused180 => 180,
            Usage::NeverUsed => return None,
        };
        Some(now.plus(-days * DAY))
    }
}

impl CreatedWithin {
    /// The earliest creation time.
    pub fn since(self, now: Timestamp) -> Timestamp {
        now.plus(match self {
            CreatedWithin::Week => -7 * DAY,
            CreatedWithin::Month => -30 * DAY,
            CreatedWithin::Quarter => -90 * DAY,
        })
    }
}

/// Which tokens the inventory lists. All set filters must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InventoryFilter {
    /// A part of the client's name.
    pub client: String,
    /// A part of the employee's name.
    pub employee: String,
    /// A scope that the token can use.
    pub scope: String,
    /// The type of token.
    pub token_type: Option<TokenType>,
    /// For how long it is unused.
    pub usage: Option<Usage>,
    /// What it can do.
    pub reach: Option<Reach>,
    /// Whose it is.
    pub owner: Option<Owner>,
    /// When it expires.
    pub expiry: Option<Expiry>,
    /// How long ago it was created.
    pub created: Option<CreatedWithin>,
}

impl InventoryFilter {
    /// Whether it lists all valid tokens.
    pub fn is_empty(&self) -> bool {
        *self == InventoryFilter::default()
    }
}
