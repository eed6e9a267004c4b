//! The fields of a client's rate limits on its edit page. An empty field stands for the default.

use crate::clients::Rates;
use crate::clients::rates::{DEFAULT_BUCKET_SIZE, DEFAULT_BURST_LIMIT, DEFAULT_DRIP_RATE_TENTHS};
use crate::error::{Error, Result};
use crate::time::thousands;
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;

const MAX_BUCKET_SIZE: i64 = 10_000;
const MAX_DRIP_RATE_TENTHS: i64 = 10_000;
const MAX_BURST_LIMIT: i64 = 1_000;

/// The fields as they were filled in.
#[derive(Clone, Debug, Default)]
pub struct RateFields {
    /// How many calls the bucket holds.
    pub bucket_size: String,
    /// By how many calls it drains each second.
    pub drip_rate: String,
    /// How many calls are served within any second.
    pub burst_limit: String,
}

impl RateFields {
    /// The fields filled in from stored limits.
    pub fn of(rates: Rates) -> RateFields {
        let text = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
        RateFields {
            bucket_size: text(rates.bucket_size),
            drip_rate: rates.drip_rate_tenths.map(|_| rates.drip_rate().to_string()).unwrap_or_default(),
            burst_limit: text(rates.burst_limit),
        }
    }

    /// Reads the fields of a form.
    pub fn read(form: &ProtectedForm) -> RateFields {
        let text = |name: &str| form.get(name).to_string();
        RateFields { bucket_size: text("bucket-size"), drip_rate: text("drip-rate"), burst_limit: text("burst-limit") }
    }

    /// The limits. Adds an error for each field that is no number within its limits.
    pub fn validate(&self, form_errors: &mut FormErrors) -> Option<Rates> {
        let bucket_size = whole("bucket size", &self.bucket_size, MAX_BUCKET_SIZE, DEFAULT_BUCKET_SIZE);
        let bucket_size = form_errors.check("bucket-size", bucket_size);
        let drip_rate_tenths = form_errors.check("drip-rate", drip_rate_tenths(&self.drip_rate));
        let burst_limit = whole("burst limit", &self.burst_limit, MAX_BURST_LIMIT, DEFAULT_BURST_LIMIT);
        let burst_limit = form_errors.check("burst-limit", burst_limit);
        Some(Rates { bucket_size: bucket_size?, drip_rate_tenths: drip_rate_tenths?, burst_limit: burst_limit? })
    }
}

fn whole(what: &str, text: &str, most: i64, default: i64) -> Result<Option<i64>> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse::<i64>() {
            Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
            _ => Err(Error::Invalid(format!(
                "Enter the {what} as a whole number from 1 to {}, or leave it empty for the default of {default}.",
                thousands(most)
            ))),
        },
    }
}

fn drip_rate_tenths(text: &str) -> Result<Option<i64>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |part: &str| !part.is_empty() && part.len() <= 5 && part.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = (is_number(whole) && is_number(tenth) && tenth.len() == 1)
        .then(|| Some(whole.parse::<i64>().ok()? * 10 + tenth.parse::<i64>().ok()?))
        .flatten();
    match parsed {
        Some(tenths) if (1..=MAX_DRIP_RATE_TENTHS).contains(&tenths) => Ok(Some(tenths)),
        _ => Err(Error::Invalid(format!(
            "Enter the drip rate as a number from 0.1 to {} with at most one decimal, such as 1.5, or leave it empty for the \
             default of {}.",
            thousands(MAX_DRIP_RATE_TENTHS / 10),
            DEFAULT_DRIP_RATE_TENTHS / 10
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drip_rate_has_at_most_one_decimal() {
        let tenths = |text: &str| drip_rate_tenths(text).ok();

        assert_eq!(
            [tenths(""), tenths(" 1 "), tenths("0.5"), tenths("1000")],
            [Some(None), Some(Some(10)), Some(Some(5)), Some(Some(10_000))]
        );
        for wrong in [
            "0",
            "0.0",
            "1000.1",
            "-1",
            "1.25",
            "1.",
            ".5",
            "1,5",
            "1e3",
            "many",
            "+1",
            "99999999999999999999",
            "1.5.0",
        ] {
            assert_eq!(tenths(wrong), None, "{wrong}");
        }
    }
}
