//! What a world looks like: how many rows of each kind, in which order, and how old.
//!
//! Rows are numbered from zero, and every column is an expression over a row's number that SQLite and PostgreSQL both
//! evaluate, so that ten million rows are one INSERT.
//!
//! Times: access tokens are valid for a year and more, and refresh tokens until up to thirteen months from now, evenly
//! spread. So cached data stays valid for weeks without being changed, and every list has the order it would have in
//! production. The servers under test keep expired tokens for ten years, so that no retention runs during a measurement.

use clap::ValueEnum;

const DAY: i64 = 86_400;
/// Employees in every world. The last two are special.
pub const EMPLOYEES: i64 = 1_000;
/// Numbers of clients by which rows are dealt out: 500 of 1,000 to the big client, 100 to the second, 400 to the others.
pub const SLOTS: i64 = 1_000;

/// How valid, expired and old rows are distributed. A query that is fast in one of them may be slow in another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Kind {
    /// Six weeks of grants in the order in which they were created; one in twenty has expired
    Young,
    /// A year of grants; every other one has expired; access tokens do not expire in the order of their ids
    Old,
    /// Valid grants and access tokens have the lowest ids, expired grants and API keys the highest, one client after another
    Skewed,
    /// Nothing is valid
    AllExpired,
    /// Expired access tokens have not been moved for a week
    JobOff,
}

/// A world's numbers of rows and the expressions for its columns.
#[derive(Clone, Copy)]
pub struct Shape {
    pub kind: Kind,
    pub now: i64,
    /// Valid grants.
    pub grants: i64,
    /// Expired grants.
    pub expired_grants: i64,
    /// Valid access tokens.
    pub access_tokens: i64,
    pub api_keys: i64,
    /// Expired access tokens.
    pub ended: i64,
}

impl Shape {
    /// The world with this many valid access tokens and API keys.
    pub fn of(kind: Kind, tokens: i64, now: i64) -> Shape {
        let (grants, api_keys, access_tokens) = (tokens / 2, tokens / 100, tokens - tokens / 100);
        let shape =
            Shape { kind, now, grants, expired_grants: grants / 20, access_tokens, api_keys, ended: tokens / 2 };
        match kind {
            Kind::Young | Kind::JobOff => shape,
            Kind::Old | Kind::Skewed => Shape { expired_grants: grants, ..shape },
            Kind::AllExpired => {
                Shape { grants: 0, expired_grants: grants, access_tokens: 0, ended: access_tokens, ..shape }
            }
        }
    }

    /// A client to revoke: valid grants with two access tokens each.
    pub fn valid(tokens: i64, now: i64) -> Shape {
        let grants = (tokens + 1) / 2;
        Shape { kind: Kind::Young, now, grants, expired_grants: 0, access_tokens: tokens, api_keys: 0, ended: 0 }
    }

    pub fn all_grants(&self) -> i64 {
        self.grants + self.expired_grants
    }

    /// Whether grant `i` of all has expired.
    pub fn is_expired(&self, i: &str) -> String {
        match self.kind {
            Kind::Old => format!("{i} % 2 = 0"),
            Kind::Skewed => format!("{i} >= {}", self.grants),
            _ => format!("{i} < {}", self.expired_grants),
        }
    }

    /// The number of grant `i` among the valid ones, or among the expired ones.
    pub fn ordinal(&self, i: &str) -> String {
        match self.kind {
            Kind::Old => format!("{i} / 2"),
            Kind::Skewed => format!("{i} % {}", self.grants),
            _ => format!("CASE WHEN {i} < {0} THEN {i} ELSE {i} - {0} END", self.expired_grants),
        }
    }

    /// The place of a grant among all, from its number among the valid ones (or the expired ones, if none is valid).
    pub fn place(&self, ordinal: &str) -> String {
        match self.kind {
            Kind::Old => format!("2 * ({ordinal}) + 1"),
            Kind::Young | Kind::JobOff => format!("{} + {ordinal}", self.expired_grants),
            Kind::Skewed | Kind::AllExpired => ordinal.to_string(),
        }
    }

    /// How many grants access tokens belong to.
    pub fn holders(&self) -> i64 {
        if self.grants == 0 { self.expired_grants } else { self.grants }
    }

    /// The grant of access token `j` of `count`, among the valid ones.
    pub fn grant_of(&self, j: &str, count: i64) -> String {
        match self.kind {
            Kind::Skewed => format!("{j} * {} / {count}", self.holders()),
            _ => format!("{j} % {}", self.holders()),
        }
    }

    /// Which client row `n` of `count` belongs to.
    pub fn slot(&self, n: &str, count: i64) -> String {
        match self.kind {
            Kind::Skewed => format!("({n}) * {SLOTS} / {count}"),
            _ => format!("({n}) * 617 % {SLOTS}"),
        }
    }

    /// Which employee row `n` of `count` belongs to. The first row, of the big client, is the only one of the last employee
    /// but one; the last employee has a row of another client only.
    pub fn employee(&self, n: &str, count: i64) -> String {
        let elsewhere = if self.kind == Kind::Skewed { count - 1 } else { 500 };
        format!(
            "CASE WHEN {n} = 0 THEN {} WHEN {n} = {elsewhere} THEN {EMPLOYEES} \
             ELSE 1 + (({n}) * 7919 + ({n}) / {SLOTS}) % {} END",
            EMPLOYEES - 1,
            EMPLOYEES - 2
        )
    }

    /// When grant `i` of all was made.
    pub fn granted(&self, i: &str) -> String {
        let span = if self.kind == Kind::Old { 365 * DAY } else { 45 * DAY };
        format!("{} + {i} * {span} / {}", self.now - span, self.all_grants().max(1))
    }

    /// A time between the one of that expression and now, or 0 for every tenth row.
    pub fn last_used(&self, n: &str, since: &str) -> String {
        format!("CASE WHEN ({n}) % 10 = 3 THEN 0 ELSE {since} + ({n}) * 7907 % ({} - ({since})) END", self.now + 1)
    }

    /// When a grant with this number ends.
    pub fn grant_expires(&self, ordinal: &str, expired: &str) -> String {
        let (ended, ends) = (self.now - 60, self.now + DAY);
        let (week, year) = (7 * DAY, 394 * DAY);
        format!(
            "CASE WHEN {expired} THEN {ended} - {ordinal} * 7901 % {week} ELSE {ends} + {ordinal} * 7901 % {year} END"
        )
    }

    /// When access token `j` was issued.
    pub fn issued(&self, j: &str) -> String {
        format!("{} + {j} * 3600 / {}", self.now - 3_600, self.access_tokens.max(1))
    }

    /// When access token `j` expires.
    pub fn access_expires(&self, j: &str) -> String {
        match self.kind {
            Kind::Old => format!("{} + {j} * 7901 % {}", self.now + 60 * DAY, 336 * DAY),
            _ => format!("{} + {}", self.issued(j), 366 * DAY),
        }
    }

    /// When API key `k` expires: a third of them never.
    pub fn key_expires(&self, k: &str) -> String {
        let (now, two_years) = (self.now, 730 * DAY);
        let valid =
            format!("CASE WHEN {k} % 3 = 0 THEN 253402300799 ELSE {now} + {DAY} + {k} * 78979 % {two_years} END");
        match self.kind {
            Kind::AllExpired => format!("{now} - 60 - {k} * 7901 % {}", 7 * DAY),
            _ => format!("CASE WHEN {k} % 20 = 9 THEN {now} - 60 - {k} * 7901 % {} ELSE {valid} END", 7 * DAY),
        }
    }

    /// When expired access token `e` expired: over the last week.
    pub fn ended_at(&self, e: &str) -> String {
        format!("{} + {e} * {} / {}", self.now - 7 * DAY, 7 * DAY - 60, self.ended.max(1))
    }

    /// Whether row `i` of valid access tokens and API keys is a key.
    pub fn is_key(&self, i: &str) -> String {
        match self.kind {
            Kind::Skewed => format!("{i} >= {}", self.access_tokens),
            Kind::AllExpired => "1 = 1".into(),
            _ if self.api_keys == 0 => "1 = 0".into(),
            _ => format!("{i} % 100 = 99"),
        }
    }

    /// The number of row `i` among access tokens, or among API keys.
    pub fn of_its_kind(&self, i: &str) -> String {
        match self.kind {
            Kind::Skewed => format!("CASE WHEN {i} >= {0} THEN {i} - {0} ELSE {i} END", self.access_tokens),
            Kind::AllExpired => i.to_string(),
            _ if self.api_keys == 0 => i.to_string(),
            _ => format!("CASE WHEN {i} % 100 = 99 THEN {i} / 100 ELSE {i} - {i} / 100 END"),
        }
    }
}
