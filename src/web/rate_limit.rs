//! Rate limits of the API routes, as R-Series has them: a leaky bucket for each client, in the memory of each node.
//!
//! By default a bucket holds 90 requests and drains one a second; an admin may set other numbers for a client. The request
//! that fills the bucket is served, the next one is refused. Within any second, at most 20 requests of a client are served:
//! each request looks back over the second before it, so that 40 cannot pass across the edge of a second of the clock.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use serde_json::json;

use crate::account::ACCOUNT_ID;
use crate::clients::Rates;
use crate::id::ClientKey;

const COST: f64 = 1.0;
const SECOND: i64 = 1_000;

// Times are in milliseconds.
#[derive(Default)]
struct Bucket {
    level: f64,
    dripped_at: i64,
    // When the requests of the last second were served, oldest first; at most as many as the burst limit.
    served: VecDeque<i64>,
}

/// The buckets of all clients.
#[derive(Default)]
pub struct Buckets(Mutex<HashMap<ClientKey, Bucket>>);

/// How full a client's bucket is after a request, and whether the request is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    rates: Rates,
    level: f64,
    in_last_second: usize,
    refused: Option<(&'static str, i64)>,
}

impl Buckets {
    /// Counts a request of a client with these limits at `now`, in milliseconds.
    pub fn take(&self, client: ClientKey, rates: Rates, now: i64) -> Level {
        let Ok(mut buckets) = self.0.lock() else {
            return Level { rates, level: 0.0, in_last_second: 0, refused: None };
        };
        let bucket = buckets.entry(client).or_default();
        bucket.drain(rates.drip_rate(), now);
        let size = rates.bucket_size() as f64;
        let refused = match () {
            () if bucket.level >= size => {
                // The next one is served as soon as the level is below the size.
                let wait = ((bucket.level - size) / rates.drip_rate()).floor() as i64 + 1;
                Some(("api-leaky-bucket", wait))
            }
            () if bucket.served.len() as i64 >= rates.burst_limit() => Some(("api-burst-limiter", 1)),
            () => {
                bucket.level += COST;
                bucket.served.push_back(now);
                None
            }
        };
        Level { rates, level: bucket.level, in_last_second: bucket.served.len(), refused }
    }
}

impl Bucket {
    fn drain(&mut self, drip_rate: f64, now: i64) {
        let elapsed = (now - self.dripped_at).max(0) as f64 / SECOND as f64;
        self.level = (self.level - elapsed * drip_rate).max(0.0);
        self.dripped_at = now;
        // One that was served later than now was served before the clock was set back.
        self.served.retain(|at| (0..SECOND).contains(&(now - at)));
    }
}

impl Level {
    /// The 429 answer, if the request exceeds a limit.
    pub fn refusal(&self) -> Option<HttpResponse> {
        let (limiter, seconds) = self.refused?;
        let text = match limiter {
            "api-burst-limiter" => "burst rate limit exceeded",
            _ => "rate limit exceeded",
        };
        let mut response = HttpResponse::TooManyRequests();
        response.insert_header(("retry-after", seconds.to_string()));
        response.insert_header(("x-ls-api-ratelimit-type", limiter));
        let hint = format!("Wait {seconds} s; x-ls-api-bucket-level shows how full the bucket is");
        Some(response.json(json!({ "error": "rate_limit_exceeded", "error_description": text, "hint": hint })))
    }

    /// Adds the rate limit headers that every answer of an API route has.
    pub fn describe(&self, client: ClientKey, response: &mut HttpResponse) {
        let rates = self.rates;
        let values = [
            ("x-ls-acct-id", ACCOUNT_ID.to_string()),
            ("x-ls-oauth-client-id", client.to_string()),
            ("x-ls-api-bucket-level", format!("{}/{}", rounded(self.level), rates.bucket_size())),
            ("x-ls-api-burst-level", format!("{}/{}", self.in_last_second, rates.burst_limit())),
            ("x-ls-api-drip-rate", rates.drip_rate().to_string()),
            ("x-ls-api-request-cost", COST.to_string()),
        ];
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
    }
}

// R-Series shows two decimals at most.
fn rounded(level: f64) -> f64 {
    (level * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Rates = Rates { bucket_size: None, drip_rate_tenths: None, burst_limit: None };

    #[test]
    fn the_request_that_overflows_is_served_and_the_next_is_not() {
        let (buckets, client, mut now) = (Buckets::default(), ClientKey(1), 1_000_000);
        let mut served = 0;
        loop {
            let level = buckets.take(client, RATES, now);
            match level.refused {
                None => served += 1,
                Some(("api-burst-limiter", _)) => now += SECOND,
                Some((limiter, seconds)) => {
                    assert_eq!((limiter, seconds), ("api-leaky-bucket", 1));
                    break;
                }
            }
        }
        // Ninety, and four that drained while the burst limit made it wait.
        assert_eq!(served, 94);
        assert_eq!(buckets.take(ClientKey(2), RATES, now).refused, None);
        assert_eq!(buckets.take(client, RATES, now + 1).refused, None, "below the size, by however little");
        assert_eq!(buckets.take(client, RATES, now + 2).refused, Some(("api-leaky-bucket", 1)));
        assert_eq!(buckets.take(client, RATES, now + SECOND + 1).refused, None);
    }

    #[test]
    fn no_second_has_more_than_twenty_wherever_it_begins() {
        let (buckets, client) = (Buckets::default(), ClientKey(1));
        let served: Vec<i64> =
            (0..10_000).step_by(7).filter(|at| buckets.take(client, RATES, *at).refused.is_none()).collect();

        assert!(served.len() > 90);
        for begin in &served {
            assert!(served.iter().filter(|at| (*begin..begin + SECOND).contains(at)).count() <= 20, "from {begin}");
        }
    }
}
