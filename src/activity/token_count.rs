//! How many tokens an entry is about: exact up to a thousand, so that counting them takes no longer for a million.

use serde::{Deserialize, Serialize};

use crate::time::thousands;

/// A number of tokens: `1,204`, or `1,000+` when counting stopped there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub struct TokenCount {
    n: i64,
    is_capped: bool,
}

// An exact count is stored as a number, as every entry before had it; a capped one as `"1000+"`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Exact(i64),
    Capped(String),
}

impl TokenCount {
    /// Counting stops here.
    pub const CAP: i64 = 1_000;

    /// An exact count, which may be above the cap.
    pub fn exact(n: i64) -> TokenCount {
        TokenCount { n, is_capped: false }
    }

    /// `n` and perhaps more.
    pub fn at_least(n: i64) -> TokenCount {
        TokenCount { n, is_capped: true }
    }

    /// From reading at most one more than the cap.
    pub fn capped(read: i64) -> TokenCount {
        if read > Self::CAP { Self::at_least(Self::CAP) } else { Self::exact(read) }
    }

    /// What was counted.
    pub fn n(self) -> i64 {
        self.n
    }

    /// Whether there are more than were counted.
    pub fn is_capped(self) -> bool {
        self.is_capped
    }

    /// Whether there are none.
    pub fn is_zero(&self) -> bool {
        self.n == 0 && !self.is_capped
    }

    /// The count with a noun: `1 refresh token`, `1,000+ access tokens`.
    pub fn of(self, noun: &str) -> String {
        format!("{self} {noun}{}", if self == Self::exact(1) { "" } else { "s" })
    }
}

impl std::fmt::Display for TokenCount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", thousands(self.n), if self.is_capped { "+" } else { "" })
    }
}

impl From<TokenCount> for Stored {
    fn from(count: TokenCount) -> Stored {
        if count.is_capped { Stored::Capped(format!("{}+", count.n)) } else { Stored::Exact(count.n) }
    }
}

impl TryFrom<Stored> for TokenCount {
    type Error = std::num::ParseIntError;

    fn try_from(stored: Stored) -> Result<TokenCount, Self::Error> {
        match stored {
            Stored::Exact(n) => Ok(TokenCount::exact(n)),
            Stored::Capped(text) => text.trim_end_matches('+').parse().map(TokenCount::at_least),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_stored_as_before_unless_it_is_capped() {
        for (count, stored, text) in [
            (TokenCount::capped(1), "1", "1 access token"),
            (TokenCount::capped(1_000), "1000", "1,000 access tokens"),
            (TokenCount::capped(1_001), r#""1000+""#, "1,000+ access tokens"),
            (TokenCount::exact(2_102), "2102", "2,102 access tokens"),
        ] {
            assert_eq!(serde_json::to_string(&count).expect("writes"), stored);
            assert_eq!(serde_json::from_str::<TokenCount>(stored).expect("reads"), count);
            assert_eq!(count.of("access token"), text);
        }
    }
}
