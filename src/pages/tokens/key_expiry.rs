//! When an API key expires, as the forms for a new key and for a new value ask it: after some days, on a date, or never.

use crate::error::{Error, Result};
use crate::time::{TimeFormat, Timestamp};
use crate::web::form::ProtectedForm;

// The periods, in days, and the one that is selected at first.
const PERIODS: [i64; 4] = [30, 90, 180, 365];
const SUGGESTED: &str = "90";

/// The field.
pub struct KeyExpiry {
    /// The choices.
    pub choices: Vec<Choice>,
    /// The date in the field for one.
    pub date: String,
}

/// One choice.
pub struct Choice {
    /// Its word in the form: a number of days, `date` or `never`.
    pub word: String,
    /// Its label.
    pub label: String,
    /// What it means.
    pub hint: String,
    /// Whether it is selected.
    pub is_checked: bool,
}

impl KeyExpiry {
    /// The field at first: the suggested period is selected.
    pub fn suggested(times: &TimeFormat) -> KeyExpiry {
        Self::with(SUGGESTED, "", times)
    }

    /// The field as it was sent.
    pub fn sent(form: &ProtectedForm, times: &TimeFormat) -> KeyExpiry {
        Self::with(form.get("expires"), form.get("expires-on"), times)
    }

    fn with(chosen: &str, date: &str, times: &TimeFormat) -> KeyExpiry {
        let choice = |word: &str, label: &str, hint: String| Choice {
            word: word.into(),
            label: label.into(),
            hint,
            is_checked: word == chosen,
        };
        let mut choices: Vec<Choice> = PERIODS
            .iter()
            .filter_map(|days| {
                let end = times.end_of_day(&times.day_after(*days))?;
                let hint = format!("Works through {}.", times.date(end).text);
                Some(choice(&days.to_string(), &format!("{days} days"), hint))
            })
            .collect();
        choices.push(choice("date", "On a date", "Works through the day that you enter below.".into()));
        let never = "Works until somebody revokes it. It will be listed under Needs attention.";
        choices.push(choice("never", "Never", never.into()));
        KeyExpiry { choices, date: date.into() }
    }
}

impl KeyExpiry {
    /// The same for what has to expire.
    #[must_use]
    pub fn without_never(mut self) -> KeyExpiry {
        self.choices.retain(|choice| choice.word != "never");
        self
    }
}

/// Reads when the key expires. Errors: [`Error::Invalid`], nothing was chosen or the date is not one in the future.
pub fn read(form: &ProtectedForm, times: &TimeFormat) -> Result<Timestamp> {
    let invalid = |sentence: &str| Err(Error::Invalid(sentence.into()));
    let end = match form.get("expires") {
        "never" => return Ok(Timestamp::NO_END),
        "date" => times.end_of_day(form.get("expires-on").trim()),
        word => match PERIODS.iter().find(|days| days.to_string() == word) {
            Some(days) => times.end_of_day(&times.day_after(*days)),
            None => return invalid("Choose when the key expires."),
        },
    };
    match end {
        Some(end) if end > times.now() => Ok(end),
        Some(_) => invalid("Choose a date in the future."),
        None => invalid("Enter a date like 2027-01-31."),
    }
}
