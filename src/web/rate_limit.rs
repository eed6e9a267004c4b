//! Rate limits of the API routes, as R-Series has them: a leaky bucket for each client, in the memory of each node.
//!
//! A bucket holds 90 requests and drains one a second. The request that fills it is served, the next one is refused. At
//! most 20 requests of a client are served within one second.

use std::collections::HashMap;
use std::sync::Mutex;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use serde_json::json;

use crate::account::ACCOUNT_ID;
use crate::id::ClientKey;
use crate::time::Timestamp;

const SIZE: f64 = 90.0;
const DRIP_RATE: f64 = 1.0;
const BURST: u32 = 20;
const COST: f64 = 1.0;

#[derive(Clone, Copy)]
struct Bucket {
    level: f64,
    dripped_at: Timestamp,
    second: Timestamp,
    in_second: u32,
}

/// The buckets of all clients.
#[derive(Default)]
pub struct Buckets(Mutex<HashMap<ClientKey, Bucket>>);

/// How full a client's bucket is after a request, and whether the request is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    level: f64,
    in_second: u32,
    refused: Option<(&'static str, i64)>,
}

impl Buckets {
    /// Counts a request of a client.
    pub fn take(&self, client: ClientKey, now: Timestamp) -> Level {
        let Ok(mut buckets) = self.0.lock() else {
            return Level { level: 0.0, in_second: 0, refused: None };
        };
        let fresh = Bucket { level: 0.0, dripped_at: now, second: now, in_second: 0 };
        let bucket = buckets.entry(client).or_insert(fresh);
        let elapsed = now.since(bucket.dripped_at).max(0) as f64;
        bucket.level = (bucket.level - elapsed * DRIP_RATE).max(0.0);
        bucket.dripped_at = now;
        if bucket.second != now {
            (bucket.second, bucket.in_second) = (now, 0);
        }
        let refused = match () {
            () if bucket.level >= SIZE => {
                let wait = ((bucket.level - SIZE) / DRIP_RATE).ceil() as i64 + 1;
                Some(("api-leaky-bucket", wait))
            }
            () if bucket.in_second >= BURST => Some(("api-burst-limiter", 1)),
            () => {
                bucket.level += COST;
                bucket.in_second += 1;
                None
            }
        };
        Level { level: bucket.level, in_second: bucket.in_second, refused }
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
        let values = [
            ("x-ls-acct-id", ACCOUNT_ID.to_string()),
            ("x-ls-oauth-client-id", client.to_string()),
            ("x-ls-api-bucket-level", format!("{}/{SIZE}", self.level)),
            ("x-ls-api-burst-level", format!("{}/{BURST}", self.in_second)),
            ("x-ls-api-drip-rate", DRIP_RATE.to_string()),
            ("x-ls-api-request-cost", COST.to_string()),
        ];
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_that_overflows_is_served_and_the_next_is_not() {
        let (buckets, client, mut now) = (Buckets::default(), ClientKey(1), Timestamp(1_000));
        let mut served = 0;
        loop {
            let level = buckets.take(client, now);
            match level.refused {
                None => served += 1,
                Some(("api-burst-limiter", _)) => now = now.plus(1),
                Some((limiter, seconds)) => {
                    assert_eq!((limiter, seconds), ("api-leaky-bucket", 1));
                    break;
                }
            }
        }
        // Ninety, and four that drained while the burst limit made it wait.
        assert_eq!(served, 94);
        assert_eq!(buckets.take(ClientKey(2), now).refused, None);
        assert_eq!(buckets.take(client, now.plus(1)).refused, None);
    }
}
