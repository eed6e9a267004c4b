//! The page that shows a new secret. It is shown once.

use actix_web::HttpResponse;
use askama::Template;

use crate::error::Result;
use crate::secrets::PlainToken;
use crate::web::page::{Page, html};

/// The page that shows a new secret.
#[derive(Template)]
#[template(path = "components/shown_once.html")]
pub struct ShownOnce {
    page: Page,
    heading: String,
    id: Option<(&'static str, String)>,
    secret: (&'static str, String),
    notes: Vec<String>,
    back: Option<String>,
}

impl ShownOnce {
    /// A page with `heading` that shows `secret` under a label.
    pub fn new(page: Page, heading: String, label: &'static str, secret: &PlainToken) -> ShownOnce {
        let secret = (label, secret.expose().to_string());
        ShownOnce { page, heading, id: None, secret, notes: Vec::new(), back: None }
    }

    /// Adds the ID that belongs to the secret.
    #[must_use]
    pub fn with_id(mut self, label: &'static str, id: &str) -> ShownOnce {
        self.id = Some((label, id.into()));
        self
    }

    /// Adds a sentence below the secret.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> ShownOnce {
        self.notes.push(note.into());
        self
    }

    /// Adds a link to the next page.
    #[must_use]
    pub fn back_to(mut self, path: impl Into<String>) -> ShownOnce {
        self.back = Some(path.into());
        self
    }

    /// Renders the page.
    pub fn answer(self) -> Result<HttpResponse> {
        html(self)
    }
}
