//! The rules about refresh tokens and API keys.
//!
//! Only tokens that could be used are listed: not expired, of an active client. Those of a locked or archived employee have a
//! rule of their own and are not in the others.

use diesel::prelude::*;

use crate::access::attention::token_rows::{Part, Row, Source, read};
use crate::access::attention::{Asked, Found, Item, LOOKED_AT, MOST, Moment, Subject};
use crate::db::DbConnection;
use crate::id::{AccessTokenKey, RefreshTokenKey};
use crate::time::{DAY, Timestamp};
use crate::tokens::listing::EXPIRING_SOON_DAYS;
use crate::tokens::listing::inventory::{Expiry, InventoryFilter, Owner, Reach, TokenType, Usage};

/// Days without use after which a token needs attention.
pub const UNUSED_DAYS: i64 = 90;
/// Days after which a token that was never used needs attention.
pub const NEVER_USED_DAYS: i64 = 30;

/// Which tokens a rule lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRule {
    /// API keys that never expire.
    NeverExpires,
    /// API keys that expire within a week, with a longer lifetime.
    ExpiringSoon,
    /// Used before, but not for [`UNUSED_DAYS`].
    Unused,
    /// Not used for [`NEVER_USED_DAYS`] since they were created.
    NeverUsed,
    /// Of a locked or archived employee.
    OwnerInactive,
    /// With a scope beyond the role of their employee.
    BeyondRole,
    /// With full access.
    FullAccess,
}

impl TokenRule {
    // The part of an index that has all its tokens.
    fn part(self, now: Timestamp) -> Part {
        match self {
            TokenRule::NeverExpires => Part::Expires(Timestamp::NO_END, Timestamp::NO_END),
            TokenRule::ExpiringSoon => Part::Expires(now.plus(1), now.plus(EXPIRING_SOON_DAYS * DAY)),
            TokenRule::Unused => Part::LastUsed(Timestamp(1), now.plus(-UNUSED_DAYS * DAY)),
            TokenRule::NeverUsed => Part::LastUsed(Timestamp::NEVER_YET, Timestamp::NEVER_YET),
            TokenRule::OwnerInactive => Part::OwnerInactive,
            TokenRule::BeyondRole => Part::BeyondRole,
            TokenRule::FullAccess => Part::FullAccess,
        }
    }

    pub(super) fn inventory(self) -> InventoryFilter {
        let keys = || InventoryFilter { token_type: Some(TokenType::ApiKey), ..InventoryFilter::default() };
        let of_active = || InventoryFilter { owner: Some(Owner::Active), ..InventoryFilter::default() };
        match self {
            TokenRule::NeverExpires => InventoryFilter { expiry: Some(Expiry::Never), ..keys() },
            TokenRule::ExpiringSoon => InventoryFilter { expiry: Some(Expiry::Soon), ..keys() },
            TokenRule::Unused => InventoryFilter { usage: Some(Usage::Unused90), ..of_active() },
            TokenRule::NeverUsed => InventoryFilter { usage: Some(Usage::NeverUsed), ..of_active() },
            TokenRule::OwnerInactive => InventoryFilter { owner: Some(Owner::Inactive), ..InventoryFilter::default() },
            TokenRule::BeyondRole => InventoryFilter { reach: Some(Reach::BeyondRole), ..of_active() },
            TokenRule::FullAccess => InventoryFilter { reach: Some(Reach::Full), ..of_active() },
        }
    }

    fn is_about_refresh_tokens(self) -> bool {
        !matches!(self, TokenRule::NeverExpires | TokenRule::ExpiringSoon)
    }

    fn has(self, row: &Row, now: Timestamp) -> bool {
        let is_inactive = row.flags.owner_inactive;
        row.expires_at > now
            && is_inactive == (self == TokenRule::OwnerInactive)
            && match self {
                TokenRule::OwnerInactive => true,
                TokenRule::NeverExpires => row.is_api_key && row.expires_at == Timestamp::NO_END,
                TokenRule::ExpiringSoon => {
                    row.is_api_key
                        && row.expires_at.since(row.created_at) > EXPIRING_SOON_DAYS * DAY
                        && row.expires_at.since(now) <= EXPIRING_SOON_DAYS * DAY
                }
                TokenRule::Unused => {
                    row.last_used_at > Timestamp::NEVER_YET && now.since(row.last_used_at) >= UNUSED_DAYS * DAY
                }
                TokenRule::NeverUsed => {
                    row.last_used_at == Timestamp::NEVER_YET && now.since(row.created_at) >= NEVER_USED_DAYS * DAY
                }
                TokenRule::BeyondRole => row.flags.beyond_role,
                TokenRule::FullAccess => row.flags.full_access,
            }
    }

    fn moment(self, row: &Row) -> Moment {
        match self {
            TokenRule::NeverExpires | TokenRule::NeverUsed => Moment::Created(row.created_at),
            TokenRule::ExpiringSoon => Moment::Expires(row.expires_at),
            _ => Moment::LastUsed(row.last_used_at),
        }
    }
}

/// The tokens of a rule: API keys first.
pub fn find(
    conn: &mut DbConnection,
    rule: TokenRule,
    asked: Asked,
    is_quiet: &dyn Fn(Subject) -> bool,
) -> QueryResult<Found> {
    let part = asked.only.map_or_else(|| rule.part(asked.now), Part::Employee);
    let (mut items, mut is_end) = matching(conn, (rule, Source { part, is_api_key: true }), asked, is_quiet)?;
    if rule.is_about_refresh_tokens() && items.len() <= MOST {
        let (more, is_whole) = matching(conn, (rule, Source { part, is_api_key: false }), asked, is_quiet)?;
        items.extend(more);
        is_end &= is_whole;
    }
    Ok(Found::new(items, is_end))
}

/// Whether a token that the rule found is still one of its tokens.
pub fn still_finds(
    conn: &mut DbConnection,
    rule: TokenRule,
    token: Subject,
    asked: Asked,
    is_quiet: &dyn Fn(Subject) -> bool,
) -> QueryResult<bool> {
    let (id, is_api_key) = match token {
        Subject::ApiKey(_, id) => (id.0, true),
        Subject::RefreshToken(_, id) => (id.0, false),
        _ => return Ok(false),
    };
    let mut rows = read(conn, Source { part: Part::One(id), is_api_key }, 1)?;
    rows.retain(|row| rule.has(row, asked.now) && !is_quiet(subject(row)));
    Ok(!named(conn, rule, rows)?.is_empty())
}

// Reads little first: most rules have few rows.
fn matching(
    conn: &mut DbConnection,
    (rule, source): (TokenRule, Source),
    asked: Asked,
    is_quiet: &dyn Fn(Subject) -> bool,
) -> QueryResult<(Vec<Item>, bool)> {
    let first = MOST as i64 + 1;
    for limit in [first, LOOKED_AT] {
        let mut rows = read(conn, source, limit)?;
        let is_end =
            (rows.len() as i64) < limit || rows.last().is_some_and(|row| is_past(rule, source, row, asked.now));
        rows.retain(|row| rule.has(row, asked.now) && !is_quiet(subject(row)));
        let items = named(conn, rule, rows)?;
        if is_end || items.len() > MOST || limit == LOOKED_AT {
            return Ok((items, is_end));
        }
    }
    Ok((Vec::new(), true))
}

// Never used tokens are read in the order in which they were created: a young one is followed by younger ones.
fn is_past(rule: TokenRule, source: Source, row: &Row, now: Timestamp) -> bool {
    let is_by_age = rule == TokenRule::NeverUsed && !matches!(source.part, Part::Employee(_));
    is_by_age && now.since(row.created_at) < NEVER_USED_DAYS * DAY
}

fn subject(row: &Row) -> Subject {
    match row.is_api_key {
        true => Subject::ApiKey(row.client, AccessTokenKey(row.id)),
        false => Subject::RefreshToken(row.client, RefreshTokenKey(row.id)),
    }
}

// Adds the names, and leaves out tokens of clients that are not active and tokens that are revoked and being deleted.
fn named(conn: &mut DbConnection, rule: TokenRule, rows: Vec<Row>) -> QueryResult<Vec<Item>> {
    let (clients, employees) = super::token_rows::owners(conn, &rows)?;
    let item = |row: Row| {
        let client = clients.get(&row.client)?;
        let employee = employees.get(&row.employee)?;
        let covered = if row.is_api_key { employee.access_tokens_through } else { employee.refresh_tokens_through };
        (row.id > covered).then(|| Item {
            subject: subject(&row),
            moment: rule.moment(&row),
            name: row.mask.characters().to_string(),
            client: Some((row.client, client.clone())),
            employee: Some((row.employee, employee.name.clone())),
            label: row.label,
        })
    };
    Ok(rows.into_iter().filter_map(item).collect())
}
