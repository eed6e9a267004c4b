//! The statements of every token list, and how the database runs them: no list scans a table or sorts a set without limit.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use client_api_access::db::DbConnection;
use client_api_access::db::keyset::{Cursor, Place};
use client_api_access::id::{BulkRevocationKey, ClientKey, EmployeeKey, RefreshTokenKey};
use client_api_access::tokens::listing::inventory::{
    CreatedWithin, Expiry, InventoryFilter, InventoryRequest, Owner, Scoped, TokenType, Usage,
};
use client_api_access::tokens::listing::{
    Limits, List, Request, SortBy, StatusFilter, TokenFilter, Within, count_few, find, inventory,
};
use client_api_access::tokens::revocation::delete_marked;
use diesel::connection::{Connection, InstrumentationEvent};
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::support::{Database, NOW, Shop, is_postgres};

/// The flags of tokens that have an index of their own.
pub const FLAGS: [&str; 3] = ["full_access", "beyond_role", "owner_inactive"];

#[test]
fn no_list_scans_a_table_or_sorts_without_limit() {
    let database = Database::migrated();
    let mut shop = Shop::open(&database, NOW);
    fill(&mut shop);
    // SQLite may have no statistics, or those of a sample; PostgreSQL always has some.
    for statistics in ["none", "all rows", "a sample"] {
        match statistics {
            "none" if !is_postgres() => {}
            "a sample" if !is_postgres() => sampled_statistics(&mut shop),
            _ => shop.sql("ANALYZE"),
        }
        let statements = statements(shop.conn());
        assert!(statements.len() > 50, "{}", statements.len());
        for statement in statements {
            check_plan(&mut shop, &statement);
        }
    }
}

// What `PRAGMA optimize` found by a sample of a million tokens, 10,000 of them API keys of a few clients: it took the clients
// to have 501 access tokens and 667 API keys each.
fn sampled_statistics(shop: &mut Shop) {
    let seen = [
        ("access_tokens_client", "1102395 501 1"),
        ("access_tokens_prefix", "1102395 501 1 1"),
        ("access_tokens_employee", "1102395 1001 1"),
        ("access_tokens_refresh_token", "1092249 3 3 1"),
        ("access_tokens_api_keys", "10146 667 2 1"),
        ("access_tokens_api_keys_last_used", "10146 667 2 1"),
        ("access_tokens_api_keys_client_expires", "10146 667 2 1"),
        ("access_tokens_api_keys_employee", "10146 1001 2 1"),
    ];
    for (index, numbers) in seen {
        shop.sql(&format!("UPDATE sqlite_stat1 SET stat = '{numbers}' WHERE idx = '{index}'"));
    }
    shop.sql("ANALYZE sqlite_schema");
}

// One client with most rows, its newest ones and its oldest ones; others in between.
pub fn fill(shop: &mut Shop) {
    let people: Vec<_> = (0..40).map(|n| shop.staff(&format!("Anna {n}"))).collect();
    let rare = shop.staff("Rare Bird");
    let (big, small) = (shop.client("Big"), shop.client("Small"));
    let grant = shop.grant(big, &people[0]);
    shop.many_access_tokens(&grant, 4_000);
    let other = shop.grant(small, &people[1]);
    shop.many_access_tokens(&other, 1_500);
    shop.many_access_tokens(&grant, 4_000);
    shop.grant(big, &rare);
    for person in &people {
        shop.grant(big, person);
        shop.api_key(big, person, "");
    }
    let hash = if is_postgres() { "sha256((random()::text || id::text)::bytea)" } else { "randomblob(32)" };
    let (id, now) = (other.id, NOW.0);
    shop.sql(&format!(
        "INSERT INTO access_tokens (client_id, employee_id, hash, prefix, scope, created_at, last_used_at, expires_at) \
         SELECT client_id, 1 + id % 40, {hash}, prefix, scope, created_at, {now} - id, {now} + 9000 - id FROM access_tokens"
    ));
    shop.sql(&format!(
        "INSERT INTO refresh_tokens (client_id, employee_id, prefix, scope, created_at, last_used_at, expires_at, generation, \
         rotated_at) SELECT client_id, 1 + id % 40, prefix, scope, created_at, {now} - id, {now} + 9000 - id, 1, 1 \
         FROM access_tokens"
    ));
    shop.sql(&format!(
        "INSERT INTO ended_tokens (id, client_id, employee_id, refresh_token_id, hash, prefix, created_at, last_used_at, \
         expires_at) SELECT id, client_id, employee_id, CASE WHEN id % 2 = 0 THEN 1 ELSE {id} END, hash, prefix, created_at, \
         0, {now} - id FROM access_tokens"
    ));
}

// Every statement on tokens that the lists send, each once: with numbers in it on PostgreSQL, which plans by them.
fn statements(conn: &mut DbConnection) -> BTreeSet<String> {
    recorded(conn, ask_everything)
}

/// The statements on tokens that `ask` sends.
pub fn recorded(conn: &mut DbConnection, ask: impl FnOnce(&mut DbConnection)) -> BTreeSet<String> {
    let sent: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let log = sent.clone();
    let mut may_sort = true;
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            if text.contains("enable_sort") {
                may_sort = text.starts_with("RESET");
            }
            let is_read = |table: &&str| {
                [format!("FROM `{table}`"), format!("FROM \"{table}\"")].iter().any(|from| text.contains(from))
            };
            if ["access_tokens", "refresh_tokens", "ended_tokens"].iter().any(is_read) {
                assert!(!is_postgres() || !may_sort, "{text}");
                log.lock().unwrap().insert(text);
            }
        }
    });
    ask(conn);
    conn.set_instrumentation(|_: InstrumentationEvent<'_>| ());
    let sent = sent.lock().unwrap();
    sent.clone()
}

fn ask_everything(conn: &mut DbConnection) {
    let client = Within::Client(ClientKey(1));
    let employee = Within::Employee(EmployeeKey(1));
    let grant = Within::RefreshToken(ClientKey(1), RefreshTokenKey(1));
    let both = [List::ApiKeys, List::RefreshTokens];
    let mut places: Vec<(List, Within)> = both.iter().flat_map(|list| [(*list, client), (*list, employee)]).collect();
    places.extend([client, employee, grant].map(|within| (List::AccessTokens, within)));
    places.push((List::EndedTokens, grant));
    for place in places {
        for (n, filter) in filters().into_iter().enumerate() {
            // What a filter reads does not depend on the page, so other pages are asked for with some filters only.
            let pages = if n % 5 == 0 { 4 } else { 1 };
            for sort in [SortBy::Created, SortBy::LastUsed, SortBy::Expires] {
                ask(conn, place, &filter, (sort, pages));
            }
        }
    }
    for filter in inventory_filters() {
        for sort in [SortBy::Created, SortBy::LastUsed, SortBy::Expires] {
            ask_inventory(conn, &filter, sort);
        }
    }
    delete_marked(conn, BulkRevocationKey(1), 50).unwrap();
}

fn filters() -> Vec<TokenFilter> {
    let mut all = vec![TokenFilter::default()];
    for (token, employee) in [("A", ""), ("ABC", ""), ("0000000", ""), ("", "rare"), ("", "anna")] {
        all.push(TokenFilter { token: token.into(), employee: employee.into(), ..TokenFilter::default() });
    }
    all.extend(StatusFilter::ALL.iter().map(|status| TokenFilter { status: Some(*status), ..TokenFilter::default() }));
    let expired = all.iter().map(|filter| TokenFilter { expired: true, ..filter.clone() });
    let expired: Vec<TokenFilter> = expired.collect();
    all.extend(expired);
    all
}

fn ask(conn: &mut DbConnection, (list, within): (List, Within), filter: &TokenFilter, (sort, pages): (SortBy, usize)) {
    let value = if sort == SortBy::Created { 15_000 } else { NOW.0 };
    let place = Place { value, id: 15_000 };
    for descending in [true, false] {
        for cursor in [Cursor::First, Cursor::After(place), Cursor::Before(place), Cursor::Last].into_iter().take(pages)
        {
            // Fewer rows, to send the same statements sooner.
            let limits = Limits { gathered: 20, searched: 60, ..Limits::default() };
            let request = Request { list, within, filter, sort, descending, cursor, page: 10, now: NOW, limits };
            find(conn, &request).unwrap();
            count_few(conn, &request, 20).unwrap();
        }
    }
}

fn inventory_filters() -> Vec<InventoryFilter> {
    let all = InventoryFilter::default;
    let mut filters = vec![
        all(),
        InventoryFilter { client: "small".into(), ..all() },
        InventoryFilter { client: "l".into(), ..all() },
        InventoryFilter { employee: "rare".into(), ..all() },
        InventoryFilter { employee: "anna".into(), ..all() },
        InventoryFilter { owner: Some(Owner::Inactive), ..all() },
    ];
    filters.push(InventoryFilter { reach: Some(inventory::Reach::BeyondRole), ..all() });
    filters.extend(Usage::ALL.iter().map(|usage| InventoryFilter { usage: Some(*usage), ..all() }));
    filters.extend(Expiry::ALL.iter().map(|expiry| InventoryFilter { expiry: Some(*expiry), ..all() }));
    filters.extend(CreatedWithin::ALL.iter().map(|created| InventoryFilter { created: Some(*created), ..all() }));
    filters.extend(TokenType::ALL.iter().map(|kind| InventoryFilter { token_type: Some(*kind), ..all() }));
    filters
}

fn ask_inventory(conn: &mut DbConnection, filter: &InventoryFilter, sort: SortBy) {
    let place = Place { value: NOW.0, id: 15_001 };
    let limits = Limits { gathered: 20, searched: 60, ..Limits::default() };
    let scoped = Scoped { through: None, only: None, now: NOW };
    for descending in [true, false] {
        for cursor in [Cursor::First, Cursor::After(place), Cursor::Before(place), Cursor::Last] {
            let request = InventoryRequest { filter, scoped, sort, descending, cursor, page: 10, limits };
            inventory::find(conn, &request).unwrap();
        }
    }
}

/// How the database runs a statement, as it was recorded with its values.
pub fn plan_of(shop: &mut Shop, statement: &str) -> String {
    let (sql, binds) = statement.split_once(" -- binds: ").unwrap_or((statement, "[]"));
    if is_postgres() { postgres_plans(shop, sql, binds) } else { sqlite_plan(shop, sql) }
}

/// Fails if the database would scan a table or sort for a statement.
pub fn check_plan(shop: &mut Shop, statement: &str) {
    let plan = plan_of(shop, statement);
    let sql = statement;
    let about = format!("{statement}\n{plan}");

    if is_postgres() {
        for bad in ["Seq Scan", "Sort", "Bitmap", "Filter:", "_pkey"] {
            assert!(!plan.contains(bad), "{bad} in {about}");
        }
    } else {
        // A partial index of flagged tokens is read from its start: all its rows are wanted.
        let is_of_flagged = |step: &&str| {
            FLAGS.iter().any(|flag| step.starts_with("SCAN") && step.ends_with(flag) && step.contains(" USING INDEX "))
        };
        let plan: Vec<&str> = plan.lines().filter(|step| !is_of_flagged(step)).collect();
        for bad in ["SCAN access_tokens", "SCAN refresh_tokens", "SCAN ended_tokens", "TEMP B-TREE", "PRIMARY KEY"] {
            assert!(!plan.iter().any(|step| step.contains(bad)), "{bad} in {about}");
        }
    }
    // API keys are few among access tokens: only these indexes find them without reading the others.
    if sql.contains("IS NULL") {
        let by_no_grant = "access_tokens_refresh_token (refresh_token_id=? AND client_id=?";
        assert!(plan.contains("access_tokens_api_keys") || plan.contains(by_no_grant), "{about}");
    }
}

#[derive(QueryableByName)]
struct SqliteStep {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct PostgresStep {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

fn sqlite_plan(shop: &mut Shop, sql: &str) -> String {
    let steps = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load::<SqliteStep>(shop.conn()).unwrap();
    steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("\n")
}

// The plan for the values that were sent, and the plan for any values, which PostgreSQL uses after a few executions.
fn postgres_plans(shop: &mut Shop, sql: &str, binds: &str) -> String {
    let values: Vec<String> = binds
        .trim_matches(['[', ']'])
        .split(", ")
        .filter(|value| !value.is_empty())
        .map(|value| match value.split_once('(') {
            Some((_, number)) => number.trim_end_matches(')').to_string(),
            None => value.replace('"', "'"),
        })
        .collect();
    let arguments = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
    // As the lists are read.
    shop.sql("SET enable_sort = off");
    shop.sql("SET enable_incremental_sort = off");
    shop.sql(&format!("PREPARE list AS {sql}"));
    let mut plans = Vec::new();
    for mode in ["force_custom_plan", "force_generic_plan"] {
        shop.sql(&format!("SET plan_cache_mode = {mode}"));
        let explain = format!("EXPLAIN EXECUTE list{arguments}");
        plans.extend(diesel::sql_query(explain).load::<PostgresStep>(shop.conn()).unwrap());
    }
    shop.sql("DEALLOCATE list");
    plans.into_iter().map(|step| step.line).collect::<Vec<_>>().join("\n")
}
