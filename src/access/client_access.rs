//! What the tokens of a client can do now, taken together: each limited by the role of its employee.

use std::collections::{BTreeSet, HashMap, HashSet};

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::employees::Employee;
use crate::id::EmployeeKey;
use crate::scopes::{EffectiveAccess, Right, Role};
use crate::tokens::listing::ListedToken;
use crate::tokens::listing::inventory::RecentTokens;

// Lets an app refresh its tokens; no access to data.
const OFFLINE: &str = "offline_access";

/// What the valid refresh tokens and API keys of a client can do now.
#[derive(Clone, Debug, Default)]
pub struct ClientAccess {
    /// What at least one of them can do, in the order of pages.
    pub effective: Vec<Right>,
    /// What was asked for, and none of them can do: no role of their employees includes it.
    pub not_effective: Vec<Right>,
    /// The names of the roles with which some of them have full access.
    pub full: Vec<&'static str>,
    /// How many of them belong to somebody who is locked or archived, and can do nothing.
    pub inactive: usize,
    /// How many were read.
    pub read: usize,
    /// Whether these are all.
    pub is_complete: bool,
}

impl ClientAccess {
    /// What these tokens can do if their client is neither pending nor suspended.
    pub fn of(conn: &mut DbConnection, recent: &RecentTokens) -> QueryResult<ClientAccess> {
        let owners = Employee::by_id(conn, recent.tokens.iter().map(|token| token.employee))?;
        let is_complete = recent.is_complete;
        let mut access = ClientAccess { read: recent.tokens.len(), is_complete, ..ClientAccess::default() };
        access.add_all(&recent.tokens, &owners);
        Ok(access)
    }

    fn add_all(&mut self, tokens: &[ListedToken], owners: &HashMap<EmployeeKey, Employee>) {
        let mut kinds: HashSet<(&str, Role)> = HashSet::new();
        let (mut effective, mut missing) = (Vec::new(), Vec::new());
        let mut full: BTreeSet<&'static str> = BTreeSet::new();
        for token in tokens {
            let Some(owner) = owners.get(&token.employee) else { continue };
            if !owner.is_active() {
                self.inactive += 1;
                continue;
            }
            if !kinds.insert((token.scope.as_str(), owner.role)) {
                continue;
            }
            let access = EffectiveAccess::of(&token.scope, owner.role);
            if access.is_full {
                full.insert(owner.role.name());
            }
            effective.extend(access.effective);
            missing.extend(access.not_effective);
        }
        self.effective = EffectiveAccess::in_order(effective);
        let missing = EffectiveAccess::in_order(missing).into_iter();
        self.not_effective = missing.filter(|right| !self.effective.contains(right)).collect();
        self.full = full.into_iter().collect();
    }

    /// What changes data.
    pub fn writes(&self) -> Vec<&Right> {
        self.effective.iter().filter(|right| right.writes).collect()
    }

    /// What only reads, unless it can edit the same.
    pub fn reads(&self) -> Vec<&Right> {
        let edits = |right: &Right| right.scope.strip_suffix("_read").is_some_and(|scope| self.has(scope));
        let is_access = |right: &&Right| !right.writes && right.scope != OFFLINE && !edits(right);
        self.effective.iter().filter(is_access).collect()
    }

    /// Whether it stays connected when nobody is signed in (`offline_access`), which is no access to data.
    pub fn stays_connected(&self) -> bool {
        self.has(OFFLINE)
    }

    fn has(&self, scope: &str) -> bool {
        self.effective.iter().any(|right| right.scope == scope)
    }
}
