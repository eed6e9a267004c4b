//! The rights of each role, named as in the R-Series API (`API/Session`) and the K-Series API (userinfo).
//!
//! A token's access is its scope limited by the current rights of its employee, so a new role takes effect on the next
//! request. `scope` defines the right that each scope requires.

use crate::scopes::Role;
use crate::scopes::Role::{Admin, Manager, Staff};

/// The rights of the R-Series API, each with the lowest role that has it.
const RIGHTS: [(&str, Role); 39] = [
    ("admin", Admin),
    ("admin_employees", Admin),
    ("admin_inventory", Manager),
    ("admin_purchases", Manager),
    ("admin_shops", Admin),
    ("admin_void_sale", Manager),
    ("all_read", Manager),
    ("allow_login", Staff),
    ("categories", Manager),
    ("customers", Staff),
    ("customers_credit_limit", Manager),
    ("customers_read", Staff),
    ("ecom", Manager),
    ("inventory_base", Staff),
    ("inventory_counts", Staff),
    ("inventory_import", Manager),
    ("inventory_read", Staff),
    ("manufacturers", Manager),
    ("product_cost", Manager),
    ("product_edit", Manager),
    ("purchase_orders", Manager),
    ("register", Staff),
    ("register_catalogs", Manager),
    ("register_close", Staff),
    ("register_layaway", Staff),
    ("register_line_discount", Staff),
    ("register_open", Staff),
    ("register_price", Manager),
    ("register_read", Staff),
    ("register_refund", Manager),
    ("register_transaction_discount", Manager),
    ("register_withdraw", Manager),
    ("reports", Manager),
    ("special_orders", Staff),
    ("tags", Staff),
    ("transfers", Staff),
    ("vendor_returns", Manager),
    ("vendors", Manager),
    ("workbench", Staff),
];

/// The roles of the K-Series API, each with the lowest of our roles that has it.
const AUTHORITIES: [(&str, Role); 7] = [
    ("ROLE_BACK_OFFICE", Staff),
    ("ROLE_BO_WRITE", Manager),
    ("ROLE_BO_LOGIN_TOKENS_WRITE", Admin),
    ("ROLE_REPORT", Manager),
    ("ROLE_CONFIG_USERS", Admin),
    ("ROLE_CONFIG", Admin),
    ("ROLE_BO_LOGIN_TOKENS", Manager),
];

/// Whether a role has a right.
pub fn has(role: Role, right: &str) -> bool {
    RIGHTS.iter().any(|(name, lowest)| *name == right && rank(role) >= rank(*lowest))
}

/// Every right, and whether a role has it.
pub fn all(role: Role) -> impl Iterator<Item = (&'static str, bool)> {
    RIGHTS.iter().map(move |(name, lowest)| (*name, rank(role) >= rank(*lowest)))
}

/// The K-Series roles of a role.
pub fn authorities(role: Role) -> Vec<&'static str> {
    AUTHORITIES.iter().filter(|(_, lowest)| rank(role) >= rank(*lowest)).map(|(name, _)| *name).collect()
}

fn rank(role: Role) -> u8 {
    match role {
        Staff => 0,
        Manager => 1,
        Admin => 2,
    }
}
