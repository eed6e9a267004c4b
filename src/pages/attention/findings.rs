//! How pages show a rule that found something.

use crate::access::attention::{Finding, Found, Item, Moment, Rule};
use crate::pages::attention::{handles, path};
use crate::time::TimeFormat;
use crate::web::page::Viewer;

/// A rule with what it found, in words.
pub struct FindingRow {
    /// The page with its items.
    pub href: String,
    /// How many there are.
    pub count: String,
    /// What follows the count.
    pub title: &'static str,
    /// Why it needs attention.
    pub why: String,
    /// The color.
    pub tone: &'static str,
    /// The icon.
    pub icon: &'static str,
    /// How serious it is.
    pub severity: &'static str,
    /// The label of the button.
    pub act: &'static str,
}

impl FindingRow {
    /// The row of a finding.
    pub fn of(finding: &Finding, viewer: &Viewer, times: &TimeFormat) -> FindingRow {
        let rule = finding.rule;
        let (tone, icon) = rule.severity.look();
        FindingRow {
            href: path(rule),
            count: finding.found.count().to_string(),
            title: title(rule, &finding.found),
            why: why(finding, times),
            tone,
            icon,
            severity: rule.severity.name(),
            act: match rule.is_about_tokens() || !handles(viewer, rule) {
                true => "Review",
                false => rule.act.label(),
            },
        }
    }
}

fn why(finding: &Finding, times: &TimeFormat) -> String {
    let why = finding.rule.why;
    match finding.found.items.as_slice() {
        [Item { moment: Moment::FailingSince(at), .. }] => format!("Failing for {}. {why}", times.lasting(*at).text),
        [Item { moment: Moment::FailingSince(at), .. }, ..] => {
            format!("Failing for up to {}. {why}", times.lasting(*at).text)
        }
        _ => why.to_string(),
    }
}

/// What follows the count of a rule's items.
pub fn title(rule: &Rule, found: &Found) -> &'static str {
    if found.items.len() == 1 && !found.capped { rule.one } else { rule.many }
}
