//! How pages show a rule that found something.

use crate::access::attention::{Finding, Moment};
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
            count: finding.count.to_string(),
            title: rule.noun(finding.count),
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
    match finding.first.as_ref().map(|item| item.moment) {
        Some(Moment::FailingSince(at)) => {
            let up_to = if finding.count.n == 1 { "" } else { "up to " };
            format!("Failing for {up_to}{}. {why}", times.lasting(at).text)
        }
        _ => why.to_string(),
    }
}
