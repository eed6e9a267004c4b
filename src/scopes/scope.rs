//! Scope (RFC 6749 section 3.3): what a token may access, with the names of Lightspeed's APIs and a description for people.

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;

use crate::scopes::{Role, rights};

/// One scope: its name in requests, its description, its group on pages, and the R-Series right it requires.
struct Entry {
    name: &'static str,
    description: &'static str,
    group: &'static str,
    right: &'static str,
}

const fn entry(name: &'static str, description: &'static str, group: &'static str, right: &'static str) -> Entry {
    Entry { name, description, group, right }
}

/// All scopes: the thirty of the R-Series API, then those that the userinfo of the K-Series API names.
const CATALOGUE: &[Entry] = &[
    entry("employee:all", "Full access", "Everything", "allow_login"),
    entry("employee:admin", "All settings", "Settings and people", "admin"),
    entry("employee:admin_employees", "Employees", "Settings and people", "admin_employees"),
    entry("employee:admin_inventory", "Vendors and manufacturers", "Buying", "admin_inventory"),
    entry("employee:admin_purchases", "Payment types, discounts and taxes", "Settings and people", "admin_purchases"),
    entry("employee:admin_shops", "Shops", "Settings and people", "admin_shops"),
    entry("employee:admin_void_sale", "Void sales", "Sales", "admin_void_sale"),
    entry("employee:categories", "Categories", "Stock", "categories"),
    entry("employee:customers", "Customers", "Customers", "customers"),
    entry("employee:customers_read", "Customers (read)", "Customers", "customers_read"),
    entry("employee:customers_view_gift_card_numbers", "Gift card numbers", "Customers", "customers"),
    entry("employee:inventory", "Inventory", "Stock", "inventory_base"),
    entry("employee:inventory_counts", "Inventory counts", "Stock", "inventory_counts"),
    entry("employee:inventory_counts_reconcile", "Reconcile inventory counts", "Stock", "inventory_import"),
    entry("employee:inventory_read", "Inventory (read)", "Stock", "inventory_read"),
    entry("employee:manufacturers", "Manufacturers", "Buying", "manufacturers"),
    entry("employee:product_cost", "Product costs", "Stock", "product_cost"),
    entry("employee:product_edit", "Edit products", "Stock", "product_edit"),
    entry("employee:purchase_orders", "Purchase orders", "Buying", "purchase_orders"),
    entry("employee:register", "Sales", "Sales", "register"),
    entry("employee:register_layaway", "Layaways", "Sales", "register_layaway"),
    entry("employee:register_read", "Sales history", "Sales", "register_read"),
    entry("employee:register_refund", "Refunds", "Sales", "register_refund"),
    entry("employee:reports", "Reports", "Sales", "reports"),
    entry("employee:special_orders", "Special orders", "Buying", "special_orders"),
    entry("employee:tags", "Tags", "Stock", "tags"),
    entry("employee:transfers", "Transfers", "Stock", "transfers"),
    entry("employee:vendor_returns", "Vendor returns", "Buying", "vendor_returns"),
    entry("employee:vendors", "Vendors", "Buying", "vendors"),
    entry("employee:workbench", "Work orders", "Customers", "workbench"),
    entry("orders-api", "Restaurant orders", "Restaurant", "register"),
    entry("financial-api", "Restaurant sales and payments", "Restaurant", "reports"),
    entry("items", "Restaurant items", "Restaurant", "inventory_base"),
    entry("propertymanagement", "Property management", "Restaurant", "register"),
    entry("staff-api", "Restaurant staff", "Restaurant", "admin_employees"),
    entry("reservations-api", "Reservations", "Restaurant", "customers"),
    entry("id-cards", "ID cards", "Restaurant", "customers"),
    entry("offline_access", "Stay connected", "Restaurant", "allow_login"),
];

// The groups, in the order pages list them.
const GROUPS: [&str; 7] = ["Everything", "Sales", "Customers", "Stock", "Buying", "Settings and people", "Restaurant"];

// Scopes that include another scope. `employee:all` also includes every other `employee:` scope.
const INCLUDES: [(&str, &str); 3] = [
    ("employee:inventory", "employee:inventory_read"),
    ("employee:customers", "employee:customers_read"),
    ("employee:register", "employee:register_read"),
];

// Scopes that change nothing. Every other scope counts as one that writes.
const READ_ONLY: [&str; 9] = [
    "employee:customers_read",
    "employee:customers_view_gift_card_numbers",
    "employee:inventory_read",
    "employee:product_cost",
    "employee:register_read",
    "employee:reports",
    "financial-api",
    "items",
    "offline_access",
];

/// A set of scopes, separated by spaces.
#[derive(Clone, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub struct Scope(String);

impl Scope {
    /// Parses a scope and drops duplicates; `None` when it is empty or contains an unknown scope.
    pub fn parse(text: &str) -> Option<Scope> {
        let mut words: Vec<&str> = Vec::new();
        for word in text.split_whitespace() {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        let known = |word: &&str| description_of(word).is_some();
        (!words.is_empty() && words.iter().all(known)).then(|| Scope(words.join(" ")))
    }

    /// The scope as requests and responses contain it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The description of each scope, or its name when it is from an older version.
    pub fn in_words(&self) -> Vec<String> {
        self.0.split_whitespace().map(|word| description_of(word).unwrap_or_else(|| word.to_string())).collect()
    }

    /// The name and description of each scope.
    pub fn parts(&self) -> Vec<(String, String)> {
        self.0.split_whitespace().map(str::to_string).zip(self.in_words()).collect()
    }

    /// What a consent page lists: the scopes included in `role` by group, and the descriptions of those that are not.
    pub fn for_consent(&self, role: Role) -> (Vec<ScopeGroup>, Vec<String>) {
        let (included, missing): (Vec<&str>, Vec<&str>) =
            self.0.split_whitespace().partition(|word| rights::has(role, right(word)));
        let words = |word: &&str| description_of(word).unwrap_or_else(|| word.to_string());
        let of = |group: &str| included.iter().filter(|word| group_of(word) == group).map(words).collect::<Vec<_>>();
        let groups = GROUPS.iter().map(|name| ScopeGroup { name, parts: of(name) });
        (groups.filter(|group| !group.parts.is_empty()).collect(), missing.iter().map(words).collect())
    }

    /// The part of the scope that this role includes; may be empty.
    pub fn effective(&self, role: Role) -> Scope {
        let words: Vec<&str> = self.0.split_whitespace().filter(|word| rights::has(role, right(word))).collect();
        Scope(words.join(" "))
    }

    /// Whether it has a scope that this role does not include, which therefore has no effect.
    pub fn exceeds(&self, role: Role) -> bool {
        self.0.split_whitespace().any(|word| !rights::has(role, right(word)))
    }

    /// Whether it gives full access: everything that its employee may do.
    pub fn is_full(&self) -> bool {
        self.0.split_whitespace().any(|word| word == "employee:all")
    }

    /// Whether an employee with this role can change data with it.
    pub fn writes(&self, role: Role) -> bool {
        self.0.split_whitespace().any(|word| !READ_ONLY.contains(&word) && rights::has(role, right(word)))
    }

    /// Whether it includes everything in `other`.
    pub fn holds(&self, other: &Scope) -> bool {
        other.0.split_whitespace().all(|word| self.covers(word))
    }

    /// Whether it includes the scope `word` and this role has the right for it.
    pub fn allows(&self, word: &str, role: Role) -> bool {
        description_of(word).is_some() && self.covers(word) && rights::has(role, right(word))
    }

    /// Whether it includes a scope that requires an R-Series right.
    pub fn uses_right(&self, name: &str) -> bool {
        self.covers("employee:all") || CATALOGUE.iter().any(|entry| entry.right == name && self.covers(entry.name))
    }

    /// The names of its scopes.
    pub fn words(&self) -> Vec<&str> {
        self.0.split_whitespace().collect()
    }

    fn covers(&self, word: &str) -> bool {
        self.0.split_whitespace().any(|own| {
            own == word || (own == "employee:all" && word.starts_with("employee:")) || INCLUDES.contains(&(own, word))
        })
    }

    /// The scopes that a form offers, by group: name and description.
    pub fn by_group() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
        let of = |group| {
            // API keys are not refreshed, so `offline_access` has no effect.
            let own = CATALOGUE.iter().filter(move |entry| entry.group == group && entry.name != "offline_access");
            own.map(|entry| (entry.name, entry.description)).collect()
        };
        GROUPS.into_iter().map(|group| (group, of(group))).collect()
    }

    /// Every scope: its name, description and group.
    pub fn catalogue() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        CATALOGUE.iter().map(|entry| (entry.name, entry.description, entry.group))
    }
}

/// The scopes of one group.
#[derive(Clone, Debug)]
pub struct ScopeGroup {
    /// The name of the group.
    pub name: &'static str,
    /// The descriptions of the scopes.
    pub parts: Vec<String>,
}

fn find(word: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.name == word)
}

// The platform in `reservation-{platform}`. Pages show it, so only a short name without special characters is accepted.
fn platform(word: &str) -> Option<&str> {
    let platform = word.strip_prefix("reservation-")?;
    let plain = platform.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain && (1..=40).contains(&platform.len())).then_some(platform)
}

fn description_of(word: &str) -> Option<String> {
    match platform(word) {
        Some(platform) => Some(format!("Reservations for {platform}")),
        None => find(word).map(|entry| entry.description.to_string()),
    }
}

fn group_of(word: &str) -> &'static str {
    find(word).map_or("Restaurant", |entry| entry.group)
}

fn right(word: &str) -> &'static str {
    find(word).map_or("customers", |entry| entry.right)
}

crate::id::sql_newtype!(Scope, Text, str, String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_contains_only_known_scopes() {
        let scope = Scope::parse("employee:inventory employee:register_read  employee:inventory").expect("known");
        assert_eq!(scope.as_str(), "employee:inventory employee:register_read");
        assert_eq!(scope.in_words(), ["Inventory", "Sales history"]);
        assert!(Scope::parse("employee:everything").is_none());
        assert!(Scope::parse("  ").is_none());
        assert!(Scope::parse("reservation-myplatform").is_some());
        assert_eq!(CATALOGUE.iter().filter(|entry| entry.name.starts_with("employee:")).count(), 30);
    }

    #[test]
    fn access_is_what_both_the_scope_and_the_role_include() {
        let scope = Scope::parse("employee:admin_shops employee:inventory").expect("known");

        assert_eq!(scope.effective(Role::Staff).as_str(), "employee:inventory");
        assert_eq!(scope.effective(Role::Admin).as_str(), scope.as_str());
        assert!(scope.allows("employee:inventory_read", Role::Staff));
        assert!(!scope.allows("employee:admin_shops", Role::Manager));
        assert!(!scope.allows("employee:reports", Role::Admin));
        assert!(!scope.allows("employee:everything", Role::Admin));
        let all = Scope::parse("employee:all").expect("known");
        assert!(all.allows("employee:register", Role::Staff) && !all.allows("employee:admin", Role::Staff));
        assert!(!all.allows("orders-api", Role::Admin));
    }

    #[test]
    fn a_scope_writes_unless_all_that_the_role_includes_only_reads() {
        let scope = |text| Scope::parse(text).expect("known");
        let mixed = scope("employee:inventory_read employee:admin_shops");

        assert!(mixed.writes(Role::Admin) && !mixed.writes(Role::Staff));
        assert!(mixed.exceeds(Role::Staff) && !mixed.exceeds(Role::Admin));
        assert!(scope("employee:all").is_full() && scope("employee:all").writes(Role::Staff));
        assert!(!scope("employee:all").exceeds(Role::Staff) && !mixed.is_full());
        for word in READ_ONLY {
            assert!(description_of(word).is_some() && !scope(word).writes(Role::Admin), "{word}");
        }
    }

    #[test]
    fn a_consent_page_lists_scopes_the_role_does_not_include() {
        let scope = Scope::parse("employee:admin_shops employee:inventory employee:register").expect("known");

        let (groups, missing) = scope.for_consent(Role::Staff);

        let names: Vec<&str> = groups.iter().map(|group| group.name).collect();
        assert_eq!((names, missing), (vec!["Sales", "Stock"], vec!["Shops".to_string()]));
    }

    #[test]
    fn every_scope_requires_a_known_right() {
        for entry in CATALOGUE {
            assert!(rights::has(Role::Admin, entry.right), "{}", entry.name);
            assert!(GROUPS.contains(&entry.group), "{}", entry.name);
        }
    }
}
