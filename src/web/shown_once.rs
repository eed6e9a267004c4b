//! The page that shows a new secret, the one time it is shown.

use actix_web::HttpResponse;
use askama::Template;

use crate::error::Result;
use crate::secrets::PlainToken;
use crate::web::page::{Page, html};

/// What the page says around the secret.
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

    /// The same with the id that goes with the secret.
    #[must_use]
    pub fn with_id(mut self, label: &'static str, id: &str) -> ShownOnce {
        self.id = Some((label, id.into()));
        self
    }

    /// The same with one more sentence.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> ShownOnce {
        self.notes.push(note.into());
        self
    }

    /// The same with a way on from it.
    #[must_use]
    pub fn back_to(mut self, path: impl Into<String>) -> ShownOnce {
        self.back = Some(path.into());
        self
    }

    /// The answer.
    pub fn answer(self) -> Result<HttpResponse> {
        html(self)
    }
}
