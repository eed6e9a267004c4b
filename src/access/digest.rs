//! The weekly digest of what needs attention: one line for each rule that found something, with a link.

use serde_json::{Value, json};

use crate::access::attention::{Asked, Finding, LargeCounts, Severity, findings};
use crate::account::Account;
use crate::db::DbConnection;
use crate::error::Result;
use crate::notices::{self, DueDigest, Notice};
use crate::time::{TimeFormat, Timestamp};

/// The digest that is due, and what it says. It is read outside of the transaction that sends it.
pub fn compose(conn: &mut DbConnection, now: Timestamp) -> Result<Option<(DueDigest, Notice)>> {
    let account = Account::get(conn)?;
    let Some(due) = DueDigest::find(conn, &account.time_zone, now)? else { return Ok(None) };
    // Without acknowledged items.
    let findings = findings(conn, Asked { only: None, now }, &LargeCounts::default())?;
    let day = TimeFormat::new(now, &account.time_zone).day(now);
    let origin = notices::origin(conn);
    Ok(Some((due, digest(&findings, (&account.name, &day), &origin))))
}

/// Writes a digest to the outbox, unless another node did. One without items is sent only if that was chosen.
pub fn send(conn: &mut DbConnection, due: &DueDigest, notice: &Notice, now: Timestamp) -> Result<()> {
    let Some(channels) = due.take(conn)? else { return Ok(()) };
    if due.even_if_empty || !notice.is_empty_digest() {
        notices::send_on(conn, &channels, notice, now)?;
    }
    Ok(())
}

fn digest(findings: &[Finding], (shop, day): (&str, &str), origin: &str) -> Notice {
    if findings.is_empty() {
        let message = format!("Nothing needs attention at {shop} on {day}.\n\nEverything is here:");
        return Notice::digest(format!("Nothing needs attention at {shop}"), message, Vec::new());
    }
    let mut message = format!("This needs attention at {shop} on {day}.\n");
    let mut heading = None;
    for finding in findings {
        let severity = finding.rule.severity;
        if heading != Some(severity) {
            message.push_str(&format!("\n{}\n", words(severity).1));
            heading = Some(severity);
        }
        message.push_str(&format!("- {}\n  {}\n", finding.title(), link(finding, origin)));
    }
    message.push_str("\nAcknowledged items are not counted. All that needs attention:");
    let title = match findings {
        [finding] => format!("{shop}: {}", finding.title()),
        _ => format!("{shop}: {} things need attention", findings.len()),
    };
    Notice::digest(title, message, findings.iter().map(|finding| item(finding, origin)).collect())
}

fn item(finding: &Finding, origin: &str) -> Value {
    let count = finding.count;
    json!({
        "rule": finding.rule.word,
        "severity": words(finding.rule.severity).0,
        "title": finding.title(),
        "count": count.n,
        "at_least": count.capped,
        "url": link(finding, origin),
    })
}

fn link(finding: &Finding, origin: &str) -> String {
    format!("{origin}/settings/attention/{}", finding.rule.word)
}

// The word in JSON, and the heading in the mail.
fn words(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Urgent => ("urgent", "Urgent"),
        Severity::Soon => ("soon", "Soon"),
        Severity::Review => ("review", "To review"),
    }
}
