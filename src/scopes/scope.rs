//! Scope (RFC 6749 section 3.3): what a token may reach, as R-Series names it, and how a shop manager says it.

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;

use crate::scopes::{Role, rights};

/// One scope: its name on the wire, its plain words, what it touches, and the R-Series right it needs.
struct Entry {
    name: &'static str,
    words: &'static str,
    group: &'static str,
    right: &'static str,
}

const fn entry(name: &'static str, words: &'static str, group: &'static str, right: &'static str) -> Entry {
    Entry { name, words, group, right }
}

/// The scopes there are: R-Series' thirty, then the names K-Series' userinfo shows.
const CATALOGUE: &[Entry] = &[
    entry("employee:all", "All of their rights", "Everything", "allow_login"),
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

// What a consent page lists first.
const GROUPS: [&str; 7] = ["Everything", "Sales", "Customers", "Stock", "Buying", "Settings and people", "Restaurant"];

// What includes what, beside `employee:all`, which includes every other `employee:` scope.
const INCLUDES: [(&str, &str); 3] = [
    ("employee:inventory", "employee:inventory_read"),
    ("employee:customers", "employee:customers_read"),
    ("employee:register", "employee:register_read"),
];

/// A set of scopes, written with spaces between.
#[derive(Clone, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub struct Scope(String);

impl Scope {
    /// Reads a scope; the words are kept in the order given, each once. Nothing when one of them does not exist.
    pub fn parse(text: &str) -> Option<Scope> {
        let mut words: Vec<&str> = Vec::new();
        for word in text.split_whitespace() {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        let known = |word: &&str| plain_words(word).is_some();
        (!words.is_empty() && words.iter().all(known)).then(|| Scope(words.join(" ")))
    }

    /// The scope as it goes over the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it reaches, in plain words; a word of an older version stands as it is.
    pub fn in_words(&self) -> Vec<String> {
        self.0.split_whitespace().map(|word| plain_words(word).unwrap_or_else(|| word.to_string())).collect()
    }

    /// Name and plain words of each part.
    pub fn parts(&self) -> Vec<(String, String)> {
        self.0.split_whitespace().map(str::to_string).zip(self.in_words()).collect()
    }

    /// Its parts by what they touch: what `role` has the right to first, then what it has not.
    pub fn for_consent(&self, role: Role) -> (Vec<ScopeGroup>, Vec<String>) {
        let (given, missing): (Vec<&str>, Vec<&str>) =
            self.0.split_whitespace().partition(|word| rights::has(role, right(word)));
        let words = |word: &&str| plain_words(word).unwrap_or_else(|| word.to_string());
        let of = |group: &str| given.iter().filter(|word| group_of(word) == group).map(words).collect::<Vec<_>>();
        let groups = GROUPS.iter().map(|name| ScopeGroup { name, parts: of(name) });
        (groups.filter(|group| !group.parts.is_empty()).collect(), missing.iter().map(words).collect())
    }

    /// What of it somebody in this role may let through now; may be empty.
    pub fn effective(&self, role: Role) -> Scope {
        let words: Vec<&str> = self.0.split_whitespace().filter(|word| rights::has(role, right(word))).collect();
        Scope(words.join(" "))
    }

    /// Whether it reaches everything that `other` does.
    pub fn holds(&self, other: &Scope) -> bool {
        other.0.split_whitespace().all(|word| self.covers(word))
    }

    /// Whether somebody in this role lets `word` through with it now.
    pub fn allows(&self, word: &str, role: Role) -> bool {
        plain_words(word).is_some() && self.covers(word) && rights::has(role, right(word))
    }

    /// Whether it lets an R-Series right through.
    pub fn uses_right(&self, name: &str) -> bool {
        self.covers("employee:all") || CATALOGUE.iter().any(|entry| entry.right == name && self.covers(entry.name))
    }

    /// Its parts as they go over the wire.
    pub fn words(&self) -> Vec<&str> {
        self.0.split_whitespace().collect()
    }

    fn covers(&self, word: &str) -> bool {
        self.0.split_whitespace().any(|own| {
            own == word || (own == "employee:all" && word.starts_with("employee:")) || INCLUDES.contains(&(own, word))
        })
    }

    /// What can be ticked on a form, by what it touches: name and plain words.
    pub fn by_group() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
        let of = |group| {
            // What nobody refreshes has no use for staying connected.
            let own = CATALOGUE.iter().filter(move |entry| entry.group == group && entry.name != "offline_access");
            own.map(|entry| (entry.name, entry.words)).collect()
        };
        GROUPS.into_iter().map(|group| (group, of(group))).collect()
    }

    /// Every scope that can be asked for.
    pub fn catalogue() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        CATALOGUE.iter().map(|entry| (entry.name, entry.words, entry.group))
    }
}

/// Parts of a scope that touch the same thing.
#[derive(Clone, Debug)]
pub struct ScopeGroup {
    /// What they touch.
    pub name: &'static str,
    /// The parts in plain words.
    pub parts: Vec<String>,
}

fn find(word: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.name == word)
}

// The name of a platform in `reservation-{platform}`: short and harmless, since it is shown.
fn platform(word: &str) -> Option<&str> {
    let platform = word.strip_prefix("reservation-")?;
    let plain = platform.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain && (1..=40).contains(&platform.len())).then_some(platform)
}

fn plain_words(word: &str) -> Option<String> {
    match platform(word) {
        Some(platform) => Some(format!("Reservations for {platform}")),
        None => find(word).map(|entry| entry.words.to_string()),
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
    fn a_scope_holds_only_what_exists() {
        let scope = Scope::parse("employee:inventory employee:register_read  employee:inventory").expect("known");
        assert_eq!(scope.as_str(), "employee:inventory employee:register_read");
        assert_eq!(scope.in_words(), ["Inventory", "Sales history"]);
        assert!(Scope::parse("employee:everything").is_none());
        assert!(Scope::parse("  ").is_none());
        assert!(Scope::parse("reservation-myplatform").is_some());
        assert_eq!(CATALOGUE.iter().filter(|entry| entry.name.starts_with("employee:")).count(), 30);
    }

    #[test]
    fn a_token_reaches_what_its_scope_and_the_role_both_allow() {
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
    fn a_consent_names_what_the_role_cannot_give() {
        let scope = Scope::parse("employee:admin_shops employee:inventory employee:register").expect("known");

        let (groups, missing) = scope.for_consent(Role::Staff);

        let names: Vec<&str> = groups.iter().map(|group| group.name).collect();
        assert_eq!((names, missing), (vec!["Sales", "Stock"], vec!["Shops".to_string()]));
    }

    #[test]
    fn every_scope_needs_a_right_that_exists() {
        for entry in CATALOGUE {
            assert!(rights::has(Role::Admin, entry.right), "{}", entry.name);
            assert!(GROUPS.contains(&entry.group), "{}", entry.name);
        }
    }
}
