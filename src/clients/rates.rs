//! The rate limits of a client at the API routes. An admin may set them for a client; the defaults are R-Series' numbers.

use std::fmt;

use diesel::prelude::*;

use crate::schema::clients;

/// How many calls a bucket holds, unless an admin set another number.
pub const DEFAULT_BUCKET_SIZE: i64 = 90;
/// By how many tenths of a call a bucket drains each second, unless an admin set another number.
pub const DEFAULT_DRIP_RATE_TENTHS: i64 = 10;
/// How many calls are served within any second, unless an admin set another number.
pub const DEFAULT_BURST_LIMIT: i64 = 20;

/// The rate limits of a client as stored: `None` for the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = clients)]
pub struct Rates {
    /// How many calls the bucket holds.
    pub bucket_size: Option<i64>,
    /// By how many tenths of a call it drains each second.
    pub drip_rate_tenths: Option<i64>,
    /// How many calls are served within any second.
    pub burst_limit: Option<i64>,
}

impl Rates {
    /// How many calls the bucket holds.
    pub fn bucket_size(self) -> i64 {
        self.bucket_size.unwrap_or(DEFAULT_BUCKET_SIZE)
    }

    /// By how many calls the bucket drains each second.
    pub fn drip_rate(self) -> f64 {
        self.drip_rate_tenths.unwrap_or(DEFAULT_DRIP_RATE_TENTHS) as f64 / 10.0
    }

    /// How many calls are served within any second.
    pub fn burst_limit(self) -> i64 {
        self.burst_limit.unwrap_or(DEFAULT_BURST_LIMIT)
    }
}

impl fmt::Display for Rates {
    /// As pages and the activity log show them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, drip, burst) = (self.bucket_size(), self.drip_rate(), self.burst_limit());
        write!(f, "a bucket of {size} that drains by {drip} a second, at most {burst} calls within a second")
    }
}
