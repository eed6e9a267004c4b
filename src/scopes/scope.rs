//! Scope (RFC 6749 section 3.3): what a token may access, with the names of Lightspeed's APIs and a description for people.

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;

use crate::scopes::catalogue::{CATALOGUE, INCLUDES, READ_ONLY, description_of, right};
use crate::scopes::{Role, rights};

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

    /// Every scope: its name, description and group.
    pub fn catalogue() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        CATALOGUE.iter().map(|entry| (entry.name, entry.description, entry.group))
    }
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
    fn every_scope_requires_a_known_right() {
        for entry in CATALOGUE {
            assert!(rights::has(Role::Admin, entry.right), "{}", entry.name);
            assert!(crate::scopes::catalogue::GROUPS.contains(&entry.group), "{}", entry.name);
        }
    }
}
