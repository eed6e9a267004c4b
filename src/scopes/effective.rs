//! What a token can do now, in words: its scope limited by the rights of a role.

use crate::scopes::catalogue::{CATALOGUE, GROUPS, READ_ONLY, description_of, group_of, right, words_of};
use crate::scopes::{Role, Scope, rights};

/// One scope in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// The scope, as requests contain it.
    pub scope: String,
    /// A short name: `Customers`.
    pub name: String,
    /// What it lets somebody do: `View and edit customers`.
    pub words: String,
    /// The group on pages.
    pub group: &'static str,
    /// Whether it can change data.
    pub writes: bool,
}

impl Right {
    fn of(scope: &str) -> Right {
        Right {
            scope: scope.into(),
            name: description_of(scope).unwrap_or_else(|| scope.to_string()),
            words: words_of(scope),
            group: group_of(scope),
            writes: !READ_ONLY.contains(&scope),
        }
    }
}

/// A scope, divided into what a role can use and what it cannot.
#[derive(Clone, Debug)]
pub struct EffectiveAccess {
    /// The role.
    pub role: Role,
    /// What has an effect.
    pub effective: Vec<Right>,
    /// What has none, because the role does not include it.
    pub not_effective: Vec<Right>,
    /// Whether it is full access: everything that the role includes.
    pub is_full: bool,
}

impl EffectiveAccess {
    /// Divides a scope.
    pub fn of(scope: &Scope, role: Role) -> EffectiveAccess {
        let (effective, missing): (Vec<&str>, Vec<&str>) =
            scope.words().into_iter().partition(|word| rights::has(role, right(word)));
        let all = |words: Vec<&str>| words.into_iter().map(Right::of).collect();
        EffectiveAccess { role, effective: all(effective), not_effective: all(missing), is_full: scope.is_full() }
    }

    /// All scopes that an API key of somebody with this role can use, and those that it cannot.
    pub fn offered(role: Role) -> EffectiveAccess {
        // API keys are not refreshed, so `offline_access` has no effect.
        let all = CATALOGUE.iter().map(|entry| entry.name).filter(|name| *name != "offline_access");
        let (effective, missing): (Vec<&str>, Vec<&str>) = all.partition(|name| rights::has(role, right(name)));
        let rights = |names: Vec<&str>| names.into_iter().map(Right::of).collect();
        EffectiveAccess { role, effective: rights(effective), not_effective: rights(missing), is_full: false }
    }

    /// The same scopes, each once, in the order of pages.
    pub fn in_order(mut rights: Vec<Right>) -> Vec<Right> {
        let place = |right: &Right| {
            let group = GROUPS.iter().position(|group| *group == right.group);
            (group, CATALOGUE.iter().position(|entry| entry.name == right.scope), right.scope.clone())
        };
        rights.sort_by_cached_key(place);
        rights.dedup();
        rights
    }

    /// What has an effect, by group, in the order of pages.
    pub fn groups(&self) -> Vec<(&'static str, Vec<&Right>)> {
        let of = |group| self.effective.iter().filter(move |right| right.group == group).collect::<Vec<_>>();
        GROUPS.into_iter().map(|group| (group, of(group))).filter(|(_, rights)| !rights.is_empty()).collect()
    }

    /// Whether it can change data.
    pub fn writes(&self) -> bool {
        self.effective.iter().any(|right| right.writes)
    }

    /// Why the rest has no effect: `Not included in the role Staff`.
    pub fn reason(&self) -> String {
        format!("Not included in the role {}", self.role.name())
    }

    /// The short names of what has no effect, as one text; empty if all has an effect.
    pub fn missing(&self) -> String {
        self.not_effective.iter().map(|right| right.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(scope: &str, role: Role) -> EffectiveAccess {
        EffectiveAccess::of(&Scope::parse(scope).expect("known"), role)
    }

    #[test]
    fn a_scope_is_divided_by_the_role() {
        let access = access("employee:admin_shops employee:inventory employee:register_read", Role::Staff);

        let words: Vec<&str> = access.effective.iter().map(|right| right.words.as_str()).collect();
        assert_eq!(words, ["View and edit inventory", "View the sales history"]);
        assert_eq!((access.missing().as_str(), access.reason().as_str()), ("Shops", "Not included in the role Staff"));
        assert_eq!(access.groups().iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["Sales", "Stock"]);
        assert!(access.writes() && !access.is_full);
    }

    #[test]
    fn reading_is_not_writing() {
        assert!(!access("employee:customers_read employee:reports", Role::Admin).writes());
        assert!(!access("employee:customers_read employee:admin_shops", Role::Staff).writes());
        assert!(access("employee:all", Role::Staff).is_full && access("employee:all", Role::Staff).writes());
    }

    #[test]
    fn every_scope_has_words_that_say_whether_it_changes_data() {
        for entry in CATALOGUE {
            let right = Right::of(entry.name);
            let only_views = right.words.starts_with("View ") && !right.words.starts_with("View and ");
            assert_eq!(right.writes, !only_views && entry.name != "offline_access", "{}", entry.name);
        }
        assert_eq!(
            access("reservation-tables", Role::Staff).effective[0].words,
            "View and edit reservations for tables"
        );
    }

    #[test]
    fn a_form_offers_what_the_role_can_use() {
        let offered = EffectiveAccess::offered(Role::Staff);

        assert!(
            offered
                .effective
                .iter()
                .all(|right| Scope::parse(&right.scope).is_some_and(|scope| !scope.exceeds(Role::Staff)))
        );
        assert!(offered.not_effective.iter().any(|right| right.scope == "employee:admin_shops"));
        assert!(EffectiveAccess::offered(Role::Admin).not_effective.is_empty());
    }
}
