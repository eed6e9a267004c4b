//! What a token can do now, in the few words of a table row.

use crate::scopes::{EffectiveAccess, Role, Scope};

// How many scopes a row shows.
const SHOWN: usize = 2;

/// The chips of a row.
#[derive(Clone, Debug, Default)]
pub struct ScopeChips {
    /// The names of the first scopes that have an effect.
    pub shown: Vec<String>,
    /// How many more of them there are.
    pub more: usize,
    /// The names of the first scopes that the employee's role does not include; empty if there are none.
    pub missing: String,
    /// How many more of those there are.
    pub more_missing: usize,
    /// All of those, for the title.
    pub all_missing: String,
}

impl ScopeChips {
    /// The chips of a scope, limited by the role of the token's employee.
    pub fn of(scope: &Scope, role: Role) -> ScopeChips {
        let access = EffectiveAccess::of(scope, role);
        let missing: Vec<&str> = access.not_effective.iter().take(SHOWN).map(|right| right.name.as_str()).collect();
        ScopeChips {
            more: access.effective.len().saturating_sub(SHOWN),
            all_missing: access.missing(),
            more_missing: access.not_effective.len().saturating_sub(SHOWN),
            missing: missing.join(", "),
            shown: access.effective.into_iter().take(SHOWN).map(|right| right.name).collect(),
        }
    }
}
