//! The roles an employee can have.

use crate::db::text_enum::text_enum;

text_enum! {
    /// The role of an employee; `README.md` lists what each role may do.
    Role {
        /// Views clients and tokens; revokes tokens they authorized themselves.
        Staff = "staff",
        /// Sees everything; revokes any token.
        Manager = "manager",
        /// Also manages clients, employees and the account.
        Admin = "admin",
    }
}

impl Role {
    /// The name of the role, as pages show it.
    pub fn name(self) -> &'static str {
        match self {
            Role::Staff => "Staff",
            Role::Manager => "Store manager",
            Role::Admin => "Admin",
        }
    }

    /// The role of the two that may do less.
    #[must_use]
    pub fn at_most(self, other: Role) -> Role {
        match (self, other) {
            (Role::Staff, _) | (_, Role::Staff) => Role::Staff,
            (Role::Manager, _) | (_, Role::Manager) => Role::Manager,
            (Role::Admin, Role::Admin) => Role::Admin,
        }
    }
}
