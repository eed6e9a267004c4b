//! The rate limit of the API: a bucket for each API token, in the memory of each node. It holds 600 requests, and ten more
//! fit each second.

use std::collections::HashMap;
use std::sync::Mutex;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::id::ApiTokenKey;

/// How many requests fit at once.
const SIZE: i64 = 600;
/// The seconds in which an empty bucket fills.
const WINDOW: i64 = 60;
// Milliseconds for one request.
const EACH: i64 = WINDOW * 1_000 / SIZE;

/// The buckets of all API tokens: for each, the time in milliseconds at which its bucket is full again.
#[derive(Default)]
pub struct Limits(Mutex<HashMap<ApiTokenKey, i64>>);

/// What is left after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    remaining: i64,
    // Seconds until the bucket is full.
    reset: i64,
    /// The seconds to wait, if the request is refused.
    pub wait: Option<i64>,
}

impl Limits {
    /// Counts a request at `now`, in milliseconds.
    pub fn take(&self, token: ApiTokenKey, now: i64) -> Left {
        let Ok(mut buckets) = self.0.lock() else { return Left { remaining: SIZE, reset: 0, wait: None } };
        // The clock may have been set back.
        let full_at = buckets.entry(token).or_insert(now);
        *full_at = (*full_at).clamp(now, now + SIZE * EACH);
        let wait = *full_at + EACH - (now + SIZE * EACH);
        if wait <= 0 {
            *full_at += EACH;
        }
        let used = *full_at - now;
        Left {
            remaining: SIZE - (used + EACH - 1) / EACH,
            reset: (used + 999) / 1_000,
            wait: (wait > 0).then_some((wait + 999) / 1_000),
        }
    }
}

impl Left {
    /// Adds the headers of the limit.
    pub fn describe(self, headers: &mut HeaderMap) {
        let values = [
            ("ratelimit-limit", SIZE.to_string()),
            ("ratelimit-remaining", self.remaining.to_string()),
            ("ratelimit-reset", self.reset.to_string()),
            ("ratelimit-policy", format!("{SIZE};w={WINDOW}")),
        ];
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_so_many_requests_and_fills_again() {
        let (limits, token) = (Limits::default(), ApiTokenKey(1));
        for n in 1..=SIZE {
            assert_eq!(
                limits.take(token, 5_000),
                Left { remaining: SIZE - n, reset: (n * EACH + 999) / 1_000, wait: None }
            );
        }
        assert_eq!(limits.take(token, 5_000).wait, Some(1));
        assert_eq!(limits.take(ApiTokenKey(2), 5_000).wait, None);
        assert_eq!(limits.take(token, 5_000 + EACH).wait, None);
        assert_eq!(limits.take(token, 5_000 + EACH).wait, Some(1));
        assert_eq!(limits.take(token, 0).wait, Some(1), "a clock that was set back locks nobody out for long");
        assert_eq!(limits.take(token, 5_000 + WINDOW * 1_000).remaining, SIZE - 1);
    }
}
