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
    /// The scopes that the employee's role does not include, as one text; empty if there are none.
    pub missing: String,
}

impl ScopeChips {
    /// The chips of a scope, limited by the role of the token's employee.
    pub fn of(scope: &Scope, role: Role) -> ScopeChips {
        let access = EffectiveAccess::of(scope, role);
        ScopeChips {
            more: access.effective.len().saturating_sub(SHOWN),
            missing: access.missing(),
            shown: access.effective.into_iter().take(SHOWN).map(|right| right.name).collect(),
        }
    }
}
