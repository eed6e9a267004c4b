//! The errors of a form: all of them at once, each beside its field.

use crate::error::{Error, Result};
use crate::time::count;

/// The errors of a form, in the order of its fields. A field is named by its id on the page.
#[derive(Clone, Debug, Default)]
pub struct FormErrors(Vec<(&'static str, String)>);

impl FormErrors {
    /// Adds an error to a field.
    pub fn add(&mut self, field: &'static str, sentence: impl Into<String>) {
        self.0.push((field, sentence.into()));
    }

    /// The value of a field. If it is invalid, adds the error and returns `None`.
    pub fn check<T>(&mut self, field: &'static str, value: Result<T>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(Error::Invalid(sentence)) => {
                self.add(field, sentence);
                None
            }
            // Other causes are for the log, not for the page.
            Err(other) => {
                log::error!("the field {field} could not be read: {other}");
                self.add(field, "This value could not be read. Enter it again.");
                None
            }
        }
    }

    /// The result of saving a form. If it was refused as invalid, adds the error to a field and returns `None`.
    pub fn stored<T>(&mut self, field: &'static str, outcome: Result<T>) -> Result<Option<T>> {
        match outcome {
            Err(error @ Error::Invalid(_)) => Ok(self.check(field, Err(error))),
            outcome => outcome.map(Some),
        }
    }

    /// Whether the form has no errors.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Only the errors of one field: the page has no other.
    #[must_use]
    pub fn only(self, field: &str) -> FormErrors {
        FormErrors(self.0.into_iter().filter(|(own, _)| *own == field).collect())
    }

    /// All errors, each with its field.
    pub fn all(&self) -> &[(&'static str, String)] {
        &self.0
    }

    /// Whether a field has an error.
    pub fn has(&self, field: &str) -> bool {
        self.0.iter().any(|(own, _)| *own == field)
    }

    /// The errors of a field.
    pub fn of(&self, field: &str) -> Vec<&str> {
        self.0.iter().filter(|(own, _)| *own == field).map(|(_, sentence)| sentence.as_str()).collect()
    }

    /// The heading above the errors.
    pub fn headline(&self) -> String {
        format!("Fix {}", count(self.0.len() as i64, "error"))
    }
}
