//! What an entry records beyond who, what and when: how many tokens were revoked, whose, and a note.

use serde::{Deserialize, Serialize};

use crate::activity::token_count::TokenCount;
use crate::id::{ClientKey, EmployeeKey};

/// What else an entry records, stored as JSON. Never a token or its hash.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// How many refresh tokens were revoked.
    #[serde(skip_serializing_if = "TokenCount::is_zero")]
    pub refresh_tokens: TokenCount,
    /// How many access tokens were revoked.
    #[serde(skip_serializing_if = "TokenCount::is_zero")]
    pub access_tokens: TokenCount,
    /// How many API keys were revoked.
    #[serde(skip_serializing_if = "TokenCount::is_zero")]
    pub api_keys: TokenCount,
    /// The first characters of the revoked tokens, at most a hundred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<String>,
    /// The employees whose tokens were revoked, at most a hundred names. Stored by earlier versions only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub employees: Vec<String>,
    /// The same employees by id, in the order of their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub employee_ids: Vec<EmployeeKey>,
    /// Whether tokens of further employees were revoked.
    #[serde(skip_serializing_if = "is_false")]
    pub has_more_employees: bool,
    /// The employee that something was created for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub for_employee: Option<EmployeeKey>,
    /// The clients whose tokens it is about, at most a hundred, if the subject is not the client itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<ClientKey>,
    /// Anything else, as text. Never the name of a person.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Detail {
    /// The most masks and names that an entry records.
    pub const MOST_NAMES: i64 = 100;

    /// A detail that is only text.
    pub fn note(text: impl Into<String>) -> Detail {
        Detail { note: text.into(), ..Detail::default() }
    }

    // What is stored: people by their ids only, and the client of the subject.
    pub(super) fn stored(&self, client: Option<ClientKey>) -> Detail {
        let mut stored = Detail { employees: Vec::new(), ..self.clone() };
        stored.clients.extend(client);
        stored
    }

    /// The counts in words: `1 refresh token, 4 access tokens and 2 API keys`; empty when nothing was revoked.
    pub fn counts(&self) -> String {
        let parts =
            [(self.refresh_tokens, "refresh token"), (self.access_tokens, "access token"), (self.api_keys, "API key")];
        let parts: Vec<String> =
            parts.iter().filter(|(count, _)| !count.is_zero()).map(|(count, noun)| count.of(noun)).collect();
        and_list(&parts)
    }

    /// Whether one of the counts stopped before the end.
    pub fn is_capped(&self) -> bool {
        [self.refresh_tokens, self.access_tokens, self.api_keys].iter().any(|count| count.is_capped())
    }

    /// The whole detail in one line.
    pub fn line(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let counts = self.counts();
        if !counts.is_empty() {
            parts.push(counts);
        }
        if !self.employees.is_empty() {
            parts.push(format!("authorized by {}", abbreviated(&self.employees, self.has_more_employees)));
        }
        if !self.masks.is_empty() {
            parts.push(abbreviated(&self.masks, false));
        }
        if !self.note.is_empty() {
            parts.push(self.note.clone());
        }
        parts.join(" · ")
    }
}

/// `a`, `a and b`, `a, b and c`.
fn and_list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

fn abbreviated(names: &[String], has_more: bool) -> String {
    const SHOWN: usize = 4;
    match names.len() {
        ..=SHOWN if !has_more => names.join(", "),
        n if has_more => format!("{} and more", names[..n.min(SHOWN)].join(", ")),
        n => format!("{} and {} more", names[..SHOWN].join(", "), n - SHOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_reads_as_a_sentence() {
        let detail = Detail {
            refresh_tokens: TokenCount::exact(1),
            access_tokens: TokenCount::exact(4),
            api_keys: TokenCount::exact(2),
            ..Detail::default()
        };
        assert_eq!(detail.counts(), "1 refresh token, 4 access tokens and 2 API keys");

        let names = (1..=6).map(|n| format!("n{n}")).collect();
        let detail = Detail { access_tokens: TokenCount::exact(1), employees: names, ..Detail::default() };
        assert_eq!(detail.line(), "1 access token · authorized by n1, n2, n3, n4 and 2 more");
        let detail = Detail { has_more_employees: true, ..detail };
        assert_eq!(detail.line(), "1 access token · authorized by n1, n2, n3, n4 and more");
    }

    #[test]
    fn an_entry_of_an_earlier_version_is_read() {
        let detail: Detail = serde_json::from_str(r#"{"access_tokens":2102,"masks":["Zk3f9aB"]}"#).expect("reads");
        assert_eq!(detail.line(), "2,102 access tokens · Zk3f9aB");
    }
}
