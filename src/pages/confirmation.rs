//! What the confirmation pages of a revocation share: what the page showed when its button was pressed, and what had been
//! added since. Also the page that follows the deletion of a large number of records.

use actix_web::HttpResponse;
use askama::Template;

use crate::error::Result;
use crate::time::{DisplayTime, thousands};
use crate::tokens::revocation::{DeletionJob, Revoked, Seen};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, html};

/// Reads from the form what the confirmation page showed.
pub fn seen(form: &ProtectedForm) -> Option<Seen> {
    Some(Seen {
        refresh_tokens: form.number("seen-refresh-tokens")?,
        access_tokens: form.number("seen-access-tokens")?,
        total: form.number("seen-total")?,
    })
}

/// A sentence about the tokens created after the confirmation page was shown; empty if there were none.
pub fn added_since_confirmation(revoked: &Revoked) -> String {
    let counts = revoked.new.counts();
    if counts.is_empty() {
        return String::new();
    }
    let employees = match revoked.new.employees.is_empty() {
        true => String::new(),
        false => format!(" ({})", some_names(&revoked.new.employees, revoked.new.has_more_employees)),
    };
    format!(" This includes {counts} created after you opened the confirmation{employees}.")
}

/// The first eight names, and how many more there are; with `has_more`, there are more than these names.
pub fn some_names(names: &[String], has_more: bool) -> String {
    const SHOWN: usize = 8;
    match names.len() {
        0 => "None".into(),
        n if has_more => format!("{} and more", names[..n.min(SHOWN)].join(", ")),
        1..=SHOWN => names.join(", "),
        n => format!("{} and {} more", names[..SHOWN].join(", "), thousands((n - SHOWN) as i64)),
    }
}

#[derive(Template)]
#[template(path = "components/deletion_progress.html")]
struct DeletionProgress {
    page: Page,
    name: String,
    deleted: i64,
    total: i64,
    revoked: DisplayTime,
}

/// The page of something that has been revoked while its records are still being deleted. It reloads every two seconds.
pub fn deletion_progress(
    mut page: Page,
    name: &str,
    revoked: DisplayTime,
    purge: Option<&DeletionJob>,
) -> Result<HttpResponse> {
    let (deleted, total) = purge.map_or((0, 1), DeletionJob::progress);
    page.refresh = Some(2);
    html(DeletionProgress { page, name: name.into(), deleted, total, revoked })
}

/// The confirmation of an act that can be undone or is small: what it affects, and one button.
#[derive(Template)]
#[template(path = "components/confirm.html")]
pub struct Confirmation {
    /// The frame.
    pub page: Page,
    /// The question.
    pub heading: String,
    /// What happens.
    pub text: String,
    /// What is affected: a label and a value each.
    pub lines: Vec<(&'static str, String)>,
    /// Hidden fields.
    pub hidden: Vec<(String, String)>,
    /// A checkbox for more: its name, its label and a hint.
    pub option: Option<(&'static str, &'static str, String)>,
    /// Where the form is sent.
    pub action: String,
    /// Where Cancel leads.
    pub back: String,
    /// The label of the button.
    pub button: String,
}
