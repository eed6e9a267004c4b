//! Revoking: one transaction ends access, deletes what falls and records it.
//!
//! Up to about two thousand tokens, one DELETE does it and the foreign keys cascade. Beyond, deleting would stop every
//! other writer for seconds, so the request only marks the client or refresh token revoked (or, for a person, notes the
//! highest ids they granted), which ends all access at once, and the rows are deleted in small batches behind it.
//! Stopping always wins: what appeared since the confirmation was read falls as well, and is named afterwards.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::clients::Client;
use crate::db::{Counted, DbConnection};
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{access_tokens, purges, refresh_tokens};
use crate::time::Timestamp;
use crate::tokens::access_token::AccessToken;
use crate::tokens::client_counters;
use crate::tokens::refresh_token::RefreshToken;
use crate::tokens::token_list::{Table, Within};

/// How many tokens one transaction deletes.
pub const MAX_AT_ONCE: i64 = 2_000;
/// Beyond how many tokens a client's name is to be typed.
pub const NAME_REQUIRED_ABOVE: i64 = 100;

/// What falls together.
#[derive(Clone, Debug)]
pub enum Target {
    /// A client with everything below it.
    Client(Client),
    /// A refresh token with the access tokens it made.
    RefreshToken(Client, RefreshToken),
    /// Everything an employee granted.
    Grants(Employee),
}

/// What would fall, in numbers and names.
#[derive(Clone, Debug)]
pub struct RevocationImpact {
    /// Numbers, and some names and shown characters.
    pub detail: Detail,
    /// How many people are behind it.
    pub people: i64,
    /// When any of it was last used.
    pub last_used_at: Timestamp,
    /// Up to where it was counted.
    pub seen: Seen,
}

/// Up to which ids a person saw what falls when they confirmed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The highest refresh token.
    pub refresh_tokens: i64,
    /// The highest access token or API key.
    pub access_tokens: i64,
    /// How many tokens in all.
    pub total: i64,
}

/// What a revoke did.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// What fell; for a large one, what is known of it before it is deleted.
    pub detail: Detail,
    /// What of it had appeared since the confirmation.
    pub new: Detail,
    /// Whether rows are still being deleted behind it.
    pub is_purging: bool,
}

#[derive(QueryableByName)]
struct Numbers {
    #[diesel(sql_type = BigInt)]
    n: i64,
    #[diesel(sql_type = BigInt)]
    highest: i64,
    #[diesel(sql_type = BigInt)]
    last_used: i64,
    #[diesel(sql_type = BigInt)]
    keys: i64,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

impl Target {
    fn within(&self) -> Within {
        match self {
            Target::Client(client) => Within::Client(client.id),
            Target::RefreshToken(client, token) => Within::RefreshToken(client.id, token.id),
            Target::Grants(employee) => Within::Employee(employee.id),
        }
    }

    fn subject(&self) -> Subject {
        match self {
            Target::Client(client) => client.subject(),
            Target::RefreshToken(client, token) => {
                Subject::token("refresh_token", token.id.0, &token.mask, &client.name, token.employee_id)
            }
            Target::Grants(employee) => employee.subject(),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Target::Client(_) => Kind::ClientRevoked,
            Target::RefreshToken(..) => Kind::RefreshTokenRevoked,
            Target::Grants(_) => Kind::AllAccessRevoked,
        }
    }

    fn condition(&self, table: Table) -> String {
        self.within().condition(table)
    }
}

impl RevocationImpact {
    /// Counts exactly what would fall; a read.
    pub fn of(conn: &mut DbConnection, target: &Target) -> QueryResult<RevocationImpact> {
        let refresh = numbers(conn, Table::RefreshTokens, &target.condition(Table::RefreshTokens))?;
        let access = numbers(conn, Table::AccessTokens, &target.condition(Table::AccessTokens))?;
        let employees = people(conn, target, None)?;
        Ok(RevocationImpact {
            people: employees.len() as i64,
            detail: Detail {
                refresh_tokens: refresh.n,
                access_tokens: access.n - access.keys,
                api_keys: access.keys,
                employees,
                ..Detail::default()
            },
            last_used_at: Timestamp(refresh.last_used.max(access.last_used)),
            seen: Seen { refresh_tokens: refresh.highest, access_tokens: access.highest, total: refresh.n + access.n },
        })
    }

    /// Refresh tokens, access tokens and API keys together.
    pub fn total(&self) -> i64 {
        self.seen.total
    }
}

/// Whether more than a hundred tokens are below it, so that its name is asked for.
pub fn is_large(conn: &mut DbConnection, target: &Target) -> QueryResult<bool> {
    Ok(capped(conn, target, NAME_REQUIRED_ABOVE)? > NAME_REQUIRED_ABOVE)
}

/// Revokes a target. `seen` is what the confirmation showed; nothing is taken as "everything was seen".
///
/// Errors: [`Error::Conflict`] when somebody else was faster.
pub fn revoke(
    conn: &mut DbConnection,
    target: &Target,
    seen: Option<Seen>,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Revoked> {
    revoke_as(conn, target, (target.kind(), ""), seen, (actor, client_ip), now)
}

/// The same, recorded as another `kind` with a note of its own: a replay ends a grant too.
pub fn revoke_as(
    conn: &mut DbConnection,
    target: &Target,
    (kind, note): (Kind, &str),
    seen: Option<Seen>,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Revoked> {
    let is_purging = capped(conn, target, MAX_AT_ONCE)? > MAX_AT_ONCE;
    let new = match seen {
        Some(seen) => since(conn, target, seen)?,
        None => Detail::default(),
    };
    let mut detail = match is_purging {
        true => mark(conn, target, now)?,
        false => delete(conn, target)?,
    };
    let late = match new.counts() {
        counts if counts.is_empty() => counts,
        counts => format!("{counts} appeared after the confirmation was opened"),
    };
    let notes = [note, &detail.note, &late].into_iter().filter(|part| !part.is_empty());
    detail.note = notes.collect::<Vec<_>>().join("; ");
    NewActivity::new(kind, actor.clone(), target.subject()).from(client_ip).with(detail.clone()).record(conn, now)?;
    if let Target::RefreshToken(client, _) = target {
        client_counters::recount(conn, client.id)?;
    }
    Ok(Revoked { detail, new, is_purging })
}

// On PostgreSQL it can go between being looked up and being deleted.
fn beaten() -> Error {
    Error::Conflict("Somebody else revoked it a moment ago.".into())
}

/// Revokes one access token or API key. Errors: [`Error::Conflict`] when somebody else was faster.
pub fn revoke_access_token(
    conn: &mut DbConnection,
    (client, token): (&Client, &AccessToken),
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<()> {
    if !AccessToken::delete(conn, token.id)? {
        return Err(beaten());
    }
    let kind = if token.is_api_key() { Kind::ApiKeyRevoked } else { Kind::AccessTokenRevoked };
    let subject = Subject::token("access_token", token.id.0, &token.mask, &client.name, token.employee_id);
    let note = if token.label.is_empty() { String::new() } else { format!("“{}”", token.label) };
    NewActivity::new(kind, actor.clone(), subject).from(client_ip).with(Detail::note(note)).record(conn, now)?;
    client_counters::recount(conn, client.id)?;
    Ok(())
}

// Deletes at once; what fell is counted and named in the same transaction.
fn delete(conn: &mut DbConnection, target: &Target) -> Result<Detail> {
    let mut detail = RevocationImpact::of(conn, target)?.detail;
    detail.employees.truncate(Detail::MOST_NAMES as usize);
    detail.masks = masks(conn, target)?;
    let revoked_error = match target {
        Target::Client(client) => Client::delete(conn, client.id)?,
        Target::RefreshToken(_, token) => {
            detail.refresh_tokens = 1;
            diesel::delete(refresh_tokens::table.find(token.id)).execute(conn)? == 1
        }
        Target::Grants(employee) => {
            let touched = clients_of(conn, employee.id)?;
            diesel::delete(refresh_tokens::table.filter(refresh_tokens::employee_id.eq(employee.id))).execute(conn)?;
            diesel::delete(access_tokens::table.filter(access_tokens::employee_id.eq(employee.id))).execute(conn)?;
            for client in touched {
                client_counters::recount(conn, client)?;
            }
            true
        }
    };
    if revoked_error { Ok(detail) } else { Err(beaten()) }
}

// Ends access at once and leaves the rows to be purged.
fn mark(conn: &mut DbConnection, target: &Target, now: Timestamp) -> Result<Detail> {
    let (kind, id, name, marked, about) = match target {
        Target::Client(client) => {
            let about = client.valid_refresh_tokens + client.valid_access_tokens;
            ("client", client.id.0, client.name.clone(), Client::mark_revoked(conn, client.id, now)?, about)
        }
        Target::RefreshToken(client, token) => {
            let name = format!("{} of {}", token.mask.characters(), client.name);
            ("refresh_token", token.id.0, name, RefreshToken::mark_revoked(conn, token.id, now)?, MAX_AT_ONCE)
        }
        Target::Grants(employee) => {
            let refresh = highest(conn, Table::RefreshTokens)?;
            let access = highest(conn, Table::AccessTokens)?;
            Employee::mark_all_access_revoked(conn, employee.id, refresh, access)?;
            ("employee", employee.id.0, employee.name.clone(), true, MAX_AT_ONCE)
        }
    };
    if !marked {
        return Err(Error::Conflict("It has been revoked already and is being deleted.".into()));
    }
    diesel::insert_into(purges::table)
        .values((
            purges::subject_kind.eq(kind),
            purges::subject_id.eq(id),
            purges::subject_name.eq(name),
            purges::total.eq(about.max(MAX_AT_ONCE)),
            purges::created_at.eq(now),
        ))
        .execute(conn)?;
    let more =
        format!("more than {} tokens; access has ended, they are being deleted", crate::time::thousands(MAX_AT_ONCE));
    Ok(Detail { masks: masks(conn, target)?, note: more, ..Detail::default() })
}

fn capped(conn: &mut DbConnection, target: &Target, cap: i64) -> QueryResult<i64> {
    let mut sum = 0;
    for table in [Table::AccessTokens, Table::RefreshTokens] {
        let (name, condition) = (table.name(), target.condition(table));
        let sql = format!(
            "SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM {name} WHERE {condition} LIMIT {}) AS counted",
            cap + 1
        );
        sum += diesel::sql_query(sql).get_result::<Counted>(conn)?.n;
    }
    Ok(sum)
}

// Each number by itself, so that each is read from the index that holds it.
fn numbers(conn: &mut DbConnection, table: Table, condition: &str) -> QueryResult<Numbers> {
    let from = format!("FROM {} WHERE {condition}", table.name());
    let keys = match table {
        // A bare 0 is a smaller number on PostgreSQL, which is not read as this one.
        Table::RefreshTokens => "CAST(0 AS BIGINT)".to_string(),
        Table::AccessTokens => format!("(SELECT COUNT(*) {from} AND refresh_token_id IS NULL)"),
    };
    let sql = format!(
        "SELECT (SELECT COUNT(*) {from}) AS n, (SELECT COALESCE(MAX(id), 0) {from}) AS highest, \
         (SELECT COALESCE(MAX(last_used_at), 0) {from}) AS last_used, {keys} AS keys"
    );
    diesel::sql_query(sql).get_result(conn)
}

// What has appeared beyond what was seen.
fn since(conn: &mut DbConnection, target: &Target, seen: Seen) -> QueryResult<Detail> {
    let beyond = |table, id| format!("{} AND id > {id}", target.condition(table));
    let refresh = numbers(conn, Table::RefreshTokens, &beyond(Table::RefreshTokens, seen.refresh_tokens))?;
    let access = numbers(conn, Table::AccessTokens, &beyond(Table::AccessTokens, seen.access_tokens))?;
    let refresh_tokens = if matches!(target, Target::RefreshToken(..)) { 0 } else { refresh.n };
    let employees = if access.n > 0 || refresh_tokens > 0 { people(conn, target, Some(seen))? } else { Vec::new() };
    Ok(Detail {
        refresh_tokens,
        access_tokens: access.n - access.keys,
        api_keys: access.keys,
        employees,
        ..Detail::default()
    })
}

// Who is behind what is below a target, or behind what has appeared there since it was seen.
fn people(conn: &mut DbConnection, target: &Target, seen: Option<Seen>) -> QueryResult<Vec<String>> {
    if let Target::Grants(employee) = target {
        return Ok(vec![employee.name.clone()]);
    }
    let (refresh, access) = (target.condition(Table::RefreshTokens), target.condition(Table::AccessTokens));
    let behind = match seen {
        // Access tokens of a grant are its employee's; only API keys have people of their own. Asking for each person costs
        // less than reading every grant of a large client.
        None => format!(
            "EXISTS (SELECT 1 FROM refresh_tokens WHERE {refresh} AND employee_id = employees.id) OR \
             EXISTS (SELECT 1 FROM access_tokens WHERE {access} AND refresh_token_id IS NULL AND employee_id = employees.id)"
        ),
        Some(seen) => format!(
            "id IN (SELECT employee_id FROM refresh_tokens WHERE {refresh} AND id > {} \
             UNION SELECT employee_id FROM access_tokens WHERE {access} AND id > {})",
            seen.refresh_tokens, seen.access_tokens
        ),
    };
    let sql = format!("SELECT name FROM employees WHERE {behind} ORDER BY name_fold, id");
    Ok(diesel::sql_query(sql).load::<Named>(conn)?.into_iter().map(|row| row.name).collect())
}

fn masks(conn: &mut DbConnection, target: &Target) -> QueryResult<Vec<String>> {
    let mut masks = Vec::new();
    for table in [Table::RefreshTokens, Table::AccessTokens] {
        let room = Detail::MOST_NAMES - masks.len() as i64;
        let (name, condition) = (table.name(), target.condition(table));
        let sql = format!("SELECT prefix AS name FROM {name} WHERE {condition} ORDER BY id DESC LIMIT {room}");
        masks.extend(diesel::sql_query(sql).load::<Named>(conn)?.into_iter().map(|row| row.name));
    }
    Ok(masks)
}

fn highest(conn: &mut DbConnection, table: Table) -> QueryResult<i64> {
    let highest: Option<i64> = match table {
        Table::RefreshTokens => refresh_tokens::table.select(diesel::dsl::max(refresh_tokens::id)).first(conn)?,
        Table::AccessTokens => access_tokens::table.select(diesel::dsl::max(access_tokens::id)).first(conn)?,
    };
    Ok(highest.unwrap_or(0))
}

fn clients_of(conn: &mut DbConnection, employee: EmployeeKey) -> QueryResult<Vec<ClientKey>> {
    let mut ids: Vec<ClientKey> = access_tokens::table
        .filter(access_tokens::employee_id.eq(employee))
        .select(access_tokens::client_id)
        .distinct()
        .load(conn)?;
    let granted = refresh_tokens::table.filter(refresh_tokens::employee_id.eq(employee));
    ids.extend(granted.select(refresh_tokens::client_id).distinct().load::<ClientKey>(conn)?);
    Ok(ids)
}

/// A deletion that goes on behind a revoke.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = purges)]
pub struct Purge {
    /// Its id.
    pub id: i64,
    /// `client`, `refresh_token` or `employee`.
    pub subject_kind: String,
    /// Which one.
    pub subject_id: i64,
    /// By name.
    pub subject_name: String,
    /// About how many tokens there were.
    pub total: i64,
    /// Refresh tokens deleted so far.
    pub deleted_refresh_tokens: i64,
    /// Access tokens and API keys deleted so far.
    pub deleted_access_tokens: i64,
    /// When access ended.
    pub created_at: Timestamp,
}

impl Purge {
    /// The deletion under way for a subject.
    pub fn of(conn: &mut DbConnection, kind: &str, id: i64) -> QueryResult<Option<Purge>> {
        purges::table
            .filter(purges::subject_kind.eq(kind))
            .filter(purges::subject_id.eq(id))
            .filter(purges::finished_at.is_null())
            .select(Purge::as_select())
            .first(conn)
            .optional()
    }

    /// The oldest one under way.
    pub fn next(conn: &mut DbConnection) -> QueryResult<Option<Purge>> {
        let open = purges::table.filter(purges::finished_at.is_null()).order(purges::id);
        open.select(Purge::as_select()).first(conn).optional()
    }

    /// How far it has come: deleted, and of how many.
    pub fn progress(&self) -> (i64, i64) {
        let deleted = self.deleted_refresh_tokens + self.deleted_access_tokens;
        (deleted, self.total.max(deleted))
    }

    /// Counts what there is to delete, for the progress shown; a read that no writer waits for.
    pub fn count(&self, conn: &mut DbConnection) -> QueryResult<i64> {
        let mut sum = 0;
        for table in [Table::RefreshTokens, Table::AccessTokens] {
            let sql = format!("SELECT COUNT(*) AS n FROM {} WHERE {}", table.name(), self.condition(conn, table)?);
            sum += diesel::sql_query(sql).get_result::<Counted>(conn)?.n;
        }
        Ok(sum)
    }

    /// Keeps the number counted.
    pub fn set_total(conn: &mut DbConnection, id: i64, total: i64) -> QueryResult<usize> {
        diesel::update(purges::table.find(id)).set(purges::total.eq(total)).execute(conn)
    }

    /// Deletes one small batch; says whether there is more to do.
    pub fn step(&self, conn: &mut DbConnection, batch: i64, now: Timestamp) -> Result<bool> {
        for table in [Table::AccessTokens, Table::RefreshTokens] {
            if self.subject_kind == "refresh_token" && table == Table::RefreshTokens {
                continue;
            }
            let (name, condition) = (table.name(), self.condition(conn, table)?);
            let sql = format!(
                "DELETE FROM {name} WHERE id IN (SELECT id FROM {name} WHERE {condition} ORDER BY id LIMIT {batch})"
            );
            let deleted = diesel::sql_query(sql).execute(conn)? as i64;
            if deleted > 0 {
                let row = purges::table.find(self.id);
                match table {
                    Table::AccessTokens => diesel::update(row)
                        .set(purges::deleted_access_tokens.eq(purges::deleted_access_tokens + deleted))
                        .execute(conn)?,
                    Table::RefreshTokens => diesel::update(row)
                        .set(purges::deleted_refresh_tokens.eq(purges::deleted_refresh_tokens + deleted))
                        .execute(conn)?,
                };
                return Ok(true);
            }
        }
        self.finish(conn, now)?;
        Ok(false)
    }

    fn finish(&self, conn: &mut DbConnection, now: Timestamp) -> Result<()> {
        let name = &self.subject_name;
        let subject = match self.subject_kind.as_str() {
            "client" => {
                Client::delete(conn, ClientKey(self.subject_id))?;
                Subject::named("client", self.subject_id, name)
            }
            "refresh_token" => {
                diesel::delete(refresh_tokens::table.find(RefreshTokenKey(self.subject_id))).execute(conn)?;
                Subject::named("refresh_token", self.subject_id, name)
            }
            _ => {
                Employee::mark_all_access_revoked(conn, EmployeeKey(self.subject_id), 0, 0)?;
                Subject::named("employee", self.subject_id, name)
            }
        };
        let row = purges::table.find(self.id);
        diesel::update(row).set(purges::finished_at.eq(Some(now))).execute(conn)?;
        let counts: (i64, i64) =
            row.select((purges::deleted_refresh_tokens, purges::deleted_access_tokens)).first(conn)?;
        let own = i64::from(self.subject_kind == "refresh_token");
        let detail = Detail { refresh_tokens: counts.0 + own, access_tokens: counts.1, ..Detail::default() };
        NewActivity::new(Kind::Purged, Actor::server(), subject).with(detail).record(conn, now)
    }

    fn condition(&self, conn: &mut DbConnection, table: Table) -> QueryResult<String> {
        let id = self.subject_id;
        Ok(match (self.subject_kind.as_str(), table) {
            ("client", _) => format!("client_id = {id}"),
            ("refresh_token", Table::RefreshTokens) => format!("id = {id}"),
            ("refresh_token", Table::AccessTokens) => format!("refresh_token_id = {id}"),
            (_, table) => {
                let employee = Employee::find(conn, EmployeeKey(id)).optional()?;
                let through = employee.map_or(0, |employee| match table {
                    Table::RefreshTokens => employee.revoked_refresh_tokens_through,
                    Table::AccessTokens => employee.revoked_access_tokens_through,
                });
                format!("employee_id = {id} AND id <= {through}")
            }
        })
    }
}

/// Deletes a batch of tokens of one client that expired before `cutoff`; returns how many.
pub fn purge_expired(conn: &mut DbConnection, client: ClientKey, cutoff: Timestamp, batch: i64) -> QueryResult<usize> {
    let mut deleted = 0;
    for table in [Table::AccessTokens, Table::RefreshTokens] {
        let name = table.name();
        let sql = format!(
            "DELETE FROM {name} WHERE id IN (SELECT id FROM {name} WHERE client_id = {client} AND expires_at < {} \
             ORDER BY expires_at LIMIT {batch})",
            cutoff.0
        );
        deleted += diesel::sql_query(sql).execute(conn)?;
    }
    Ok(deleted)
}
