//! The roles an employee can have.

use crate::db::text_enum::text_enum;

text_enum! {
    /// What an employee may do here; `README.md` holds the table.
    Role {
        /// Looks things up; revokes what they granted themselves.
        Staff = "staff",
        /// Sees everything, revokes any token.
        Manager = "manager",
        /// Also manages clients, people and the account.
        Admin = "admin",
    }
}

impl Role {
    /// The word people use for it.
    pub fn name(self) -> &'static str {
        match self {
            Role::Staff => "Staff",
            Role::Manager => "Store manager",
            Role::Admin => "Admin",
        }
    }
}
