//! What is wrong with a form: all of it at once, each sentence beside its field.

use crate::error::{Error, Result};

/// The problems of a form, in the order of its fields. A field is named by its id on the page.
#[derive(Clone, Debug, Default)]
pub struct FormErrors(Vec<(&'static str, String)>);

impl FormErrors {
    /// Notes what is wrong with a field.
    pub fn add(&mut self, field: &'static str, sentence: impl Into<String>) {
        self.0.push((field, sentence.into()));
    }

    /// The value of a field, or nothing and a note of what is wrong with it.
    pub fn check<T>(&mut self, field: &'static str, value: Result<T>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(Error::Invalid(sentence)) => {
                self.add(field, sentence);
                None
            }
            // What else went wrong is for the log, not for the page.
            Err(other) => {
                log::error!("the field {field} could not be read: {other}");
                self.add(field, "This could not be read. Type it again.");
                None
            }
        }
    }

    /// What storing a form came to: nothing and a note beside a field when it was refused for something that can be typed
    /// otherwise.
    pub fn stored<T>(&mut self, field: &'static str, outcome: Result<T>) -> Result<Option<T>> {
        match outcome {
            Err(error @ Error::Invalid(_)) => Ok(self.check(field, Err(error))),
            outcome => outcome.map(Some),
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them with their fields.
    pub fn all(&self) -> &[(&'static str, String)] {
        &self.0
    }

    /// Whether something is wrong with a field.
    pub fn has(&self, field: &str) -> bool {
        self.0.iter().any(|(own, _)| *own == field)
    }

    /// What is wrong with a field.
    pub fn of(&self, field: &str) -> Vec<&str> {
        self.0.iter().filter(|(own, _)| *own == field).map(|(_, sentence)| sentence.as_str()).collect()
    }

    /// How many there are, as a heading.
    pub fn headline(&self) -> String {
        match self.0.len() {
            1 => "One thing needs a look. Nothing was saved.".into(),
            n => format!("{n} things need a look. Nothing was saved."),
        }
    }
}
