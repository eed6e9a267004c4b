//! What needs attention: the items of one rule, and acknowledging one.

pub mod acknowledge;
pub mod findings;
pub mod rule_page;

use crate::access::attention::{Act, Rule, Severity};
use crate::error::{Error, Result};
use crate::scopes::Role;
use crate::web::page::Viewer;

/// The path of a rule's page.
pub fn path(rule: &Rule) -> String {
    format!("/settings/attention/{}", rule.word)
}

// The rule in an address, if it concerns the viewer.
fn find_rule(word: &str, viewer: &Viewer) -> Result<&'static Rule> {
    let only = (!viewer.is_manager()).then_some(viewer.id);
    Rule::from_word(word).filter(|rule| rule.concerns(only)).ok_or(Error::NotFound)
}

// Whether the viewer does what a rule asks for, and may acknowledge its items.
fn handles(viewer: &Viewer, rule: &Rule) -> bool {
    match rule.handled_by {
        Role::Staff => true,
        Role::Manager => viewer.is_manager(),
        Role::Admin => viewer.is_admin(),
    }
}

impl Severity {
    /// The color and the icon.
    pub fn look(self) -> (&'static str, &'static str) {
        match self {
            Severity::Urgent => ("bad", "alert-triangle"),
            Severity::Soon => ("warn", "clock"),
            Severity::Review => ("", "search"),
        }
    }

    /// The word before the title, for those who do not see the color.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Urgent => "Urgent",
            Severity::Soon => "Soon",
            Severity::Review => "To review",
        }
    }
}

impl Act {
    /// What the button says.
    pub fn label(self) -> &'static str {
        match self {
            Act::Revoke => "Revoke",
            Act::Decide => "Approve or reject",
            Act::RegenerateSecret => "New secret",
            Act::Authorize => "Authorize",
            Act::Reconnect => "Reconnect",
            Act::SeeConnection => "See details",
            Act::SeeEntry => "See entry",
        }
    }
}
