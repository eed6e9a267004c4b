//! The scope of a connection, as a form or a program enters it.

use crate::connections::ApiType;
use crate::error::{Error, Result};

const LONGEST_SCOPE: usize = 2000;

impl ApiType {
    /// A scope in the order of pages, each word once. Errors: [`Error::Invalid`] if the API type does not offer a word, if there
    /// is none, or for other servers if a word is not one (RFC 6749 section 3.3).
    pub fn checked_scope(self, text: &str) -> Result<String> {
        if self == ApiType::Other {
            return free_scope(text);
        }
        let offered = self.offered_scopes();
        let selected: Vec<&str> = text.split_whitespace().collect();
        let unknown: Vec<&str> =
            selected.iter().copied().filter(|word| offered.iter().all(|scope| scope.name != *word)).take(5).collect();
        if !unknown.is_empty() {
            return Err(Error::Invalid(format!("{} does not offer the scope {}.", self.name(), unknown.join(", "))));
        }
        // In the order of the list, without duplicates.
        let chosen: Vec<&str> = offered.iter().map(|scope| scope.name).filter(|name| selected.contains(name)).collect();
        match chosen.is_empty() {
            true => Err(Error::Invalid("Choose at least one scope.".into())),
            false => Ok(chosen.join(" ")),
        }
    }
}

fn free_scope(text: &str) -> Result<String> {
    let fits = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    let words: Vec<&str> = text.split_whitespace().collect();
    if let Some(invalid) = words.iter().find(|word| !word.bytes().all(fits)) {
        let invalid: String = invalid.chars().take(60).collect();
        return Err(Error::Invalid(format!(
            "“{invalid}” is not a valid scope: it contains a character that is not allowed."
        )));
    }
    match words.join(" ") {
        scope if scope.len() > LONGEST_SCOPE => {
            Err(Error::Invalid(format!("The scope is too long: at most {LONGEST_SCOPE} characters.")))
        }
        scope => Ok(scope),
    }
}
