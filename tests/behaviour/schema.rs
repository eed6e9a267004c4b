//! The schema itself, on both databases.

use std::collections::BTreeSet;

use client_api_access::db;
use client_api_access::db::DbConnection;
use client_api_access::schema;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::support::{Database, is_postgres};

#[derive(QueryableByName, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ForeignKey {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Text)]
    columns: String,
    #[diesel(sql_type = Text)]
    parent: String,
    #[diesel(sql_type = Text)]
    action: String,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn foreign_keys(conn: &mut DbConnection) -> Vec<ForeignKey> {
    let sql = match is_postgres() {
        true => {
            "SELECT conrelid::regclass::text AS table, confrelid::regclass::text AS parent, \
             CASE confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'r' THEN 'RESTRICT' WHEN 'n' THEN 'SET NULL' ELSE confdeltype::text END AS action, \
             (SELECT string_agg(attname, ',' ORDER BY place) FROM unnest(conkey) WITH ORDINALITY AS k (num, place) \
              JOIN pg_attribute ON attrelid = conrelid AND attnum = num) AS columns \
             FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
        }
        false => {
            "SELECT m.name AS \"table\", f.\"table\" AS parent, f.on_delete AS action, \
             group_concat(f.\"from\", ',') AS columns \
             FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table' GROUP BY m.name, f.id"
        }
    };
    let mut keys: Vec<ForeignKey> = diesel::sql_query(sql).load(conn).unwrap();
    keys.sort();
    keys
}

// Table and columns of every index that finds the rows of a foreign key, as `table:column,column`. A partial index does when
// it leaves out only the rows whose key is NULL, which refer to nothing.
fn indexes(conn: &mut DbConnection) -> Vec<String> {
    let sql = match is_postgres() {
        true => {
            "SELECT indrelid::regclass::text || ':' || (SELECT string_agg(attname, ',' ORDER BY place) \
             FROM unnest(indkey) WITH ORDINALITY AS k (num, place) JOIN pg_attribute ON attrelid = indrelid \
             AND attnum = num) AS line FROM pg_index JOIN pg_class ON pg_class.oid = indrelid \
             WHERE relnamespace = 'public'::regnamespace AND (indpred IS NULL OR \
             pg_get_expr(indpred, indrelid) = '(refresh_token_id IS NOT NULL)')"
        }
        false => {
            "SELECT m.name || ':' || (SELECT group_concat(name, ',') FROM pragma_index_info(i.name)) AS line \
             FROM sqlite_master AS m, pragma_index_list(m.name) AS i WHERE m.type = 'table' AND (i.partial = 0 OR \
             (SELECT sql FROM sqlite_master WHERE name = i.name) LIKE '%WHERE refresh_token_id IS NOT NULL')"
        }
    };
    diesel::sql_query(sql).load::<Line>(conn).unwrap().into_iter().map(|row| row.line).collect()
}

/// The whole schema as text, to compare two databases of one kind. SQLite stores the comments of a migration with the
/// table; they are not part of the schema.
pub fn dump(conn: &mut DbConnection) -> Vec<String> {
    let sql = match is_postgres() {
        true => {
            "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || \
             COALESCE(column_default, '') || ' ' || COALESCE(collation_name, '') AS line \
             FROM information_schema.columns WHERE table_schema = 'public' \
             UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' \
             UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
             UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal \
             UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace \
             ORDER BY 1"
        }
        false => "SELECT COALESCE(sql, name) AS line FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1",
    };
    let without_comments =
        |sql: &str| sql.lines().filter(|line| !line.trim().starts_with("--")).collect::<Vec<_>>().join("\n");
    diesel::sql_query(sql).load::<Line>(conn).unwrap().iter().map(|row| without_comments(&row.line)).collect()
}

#[test]
fn every_foreign_key_states_its_action_and_has_an_index_that_begins_with_it() {
    let database = Database::migrated();
    let mut conn = database.connect();

    let keys = foreign_keys(&mut conn);
    let indexes = indexes(&mut conn);

    let expected = [
        ("access_tokens", "client_id", "clients"),
        ("access_tokens", "employee_id", "employees"),
        ("access_tokens", "refresh_token_id,client_id", "refresh_tokens"),
        ("acknowledgements", "employee_id", "employees"),
        ("activity_clients", "activity_id", "activity"),
        ("api_tokens", "employee_id", "employees"),
        ("authorization_codes", "client_id", "clients"),
        ("authorization_codes", "employee_id", "employees"),
        ("authorization_codes", "refresh_token_id", "refresh_tokens"),
        ("business_locations", "business_id", "businesses"),
        ("client_days", "client_id", "clients"),
        ("client_secrets", "client_id", "clients"),
        ("connection_events", "connection_id", "connections"),
        ("connection_refusals", "connection_id", "connections"),
        ("connection_requests", "connection_id", "connections"),
        ("connection_requests", "session_id", "sessions"),
        ("connections", "authorized_by", "employees"),
        ("connections", "business_id", "businesses"),
        ("connections", "oauth_client_id", "oauth_clients"),
        ("employee_identities", "employee_id", "employees"),
        ("employee_locations", "business_location_id", "business_locations"),
        ("employee_locations", "employee_id", "employees"),
        ("held_forms", "session_id", "sessions"),
        ("idempotency_keys", "api_token_id", "api_tokens"),
        ("one_time_links", "employee_id", "employees"),
        ("passkeys", "employee_id", "employees"),
        ("recovery_codes", "employee_id", "employees"),
        ("redirect_uris", "client_id", "clients"),
        ("refresh_token_values", "refresh_token_id", "refresh_tokens"),
        ("refresh_tokens", "client_id", "clients"),
        ("refresh_tokens", "employee_id", "employees"),
        ("second_factors", "id", "employees"),
        ("service_keys", "connection_id", "connections"),
        ("sessions", "employee_id", "employees"),
        ("sessions", "identity_id", "employee_identities"),
        ("token_failures", "client_id", "clients"),
    ];
    let found: Vec<_> =
        keys.iter().map(|key| (key.table.as_str(), key.columns.as_str(), key.parent.as_str())).collect();
    assert_eq!(found, expected);
    for key in keys {
        // A connection outlives whom and what it is for, and holds on to the client it needs.
        let action = match (key.table.as_str(), key.columns.as_str()) {
            ("connections", "oauth_client_id") => "RESTRICT",
            ("connections", _) => "SET NULL",
            _ => "CASCADE",
        };
        assert_eq!(key.action, action, "{key:?}");
        let start = format!("{}:{}", key.table, key.columns);
        let served = indexes.iter().any(|index| *index == start || index.starts_with(&format!("{start},")));
        assert!(served, "no index begins with {start}: {indexes:?}");
    }
}

#[test]
fn the_two_migration_folders_hold_the_same_versions_with_a_way_back_each() {
    let versions = |database: &str| {
        let folder = format!("{}/migrations/{database}", env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .map(|path| {
                assert!(path.join("up.sql").exists() && path.join("down.sql").exists(), "{}", path.display());
                path.file_name().unwrap().to_str().unwrap().to_string()
            })
            .collect::<BTreeSet<String>>()
    };

    assert_eq!(versions("sqlite"), versions("postgres"));
    assert!(!versions("sqlite").is_empty());
}

#[test]
fn the_schema_goes_up_down_and_up_again() {
    let database = Database::blank();

    db::migrate(&database.url).unwrap();
    let first = dump(&mut database.connect());
    db::revert_all(&database.url).unwrap();
    let down = dump(&mut database.connect());
    db::migrate(&database.url).unwrap();
    let second = dump(&mut database.connect());

    assert!(first.len() > 40, "{first:?}");
    let left: Vec<&String> = down.iter().filter(|line| !line.contains("__diesel_schema_migrations")).collect();
    assert!(left.iter().all(|line| line.contains("PRIMARY KEY (version)")), "{left:?}");
    assert_eq!(first, second);
    assert!(db::migrate(&database.url).unwrap().is_empty());
}

#[test]
fn every_table_and_column_the_code_knows_is_there_and_no_other() {
    let database = Database::migrated();
    let mut conn = database.connect();
    let mut known = 0;

    macro_rules! select_all {
        ($($table:ident),+) => {$(
            let all = schema::$table::table.select(schema::$table::all_columns).limit(1);
            all.execute(&mut conn).unwrap_or_else(|error| panic!("{}: {error}", stringify!($table)));
            known += std::any::type_name_of_val(&schema::$table::all_columns).matches("::columns::").count();
        )+};
    }
    select_all!(
        accounts,
        installation,
        businesses,
        business_locations,
        employees,
        employee_locations,
        one_time_links,
        sessions,
        reset_requests,
        held_forms,
        second_factors,
        recovery_codes,
        passkeys,
        required_second_factors,
        sign_in_attempts,
        failed_secrets,
        form_nonces,
        clients,
        refresh_tokens,
        refresh_token_values,
        access_tokens,
        ended_tokens,
        redirect_uris,
        client_secrets,
        resource_servers,
        api_tokens,
        idempotency_keys,
        authorization_codes,
        token_failures,
        client_days,
        api_key_days,
        purges,
        bulk_revocations,
        activity,
        activity_chain,
        activity_clients,
        activity_redactions,
        activity_seals,
        activity_unsealed,
        erasures,
        acknowledgements,
        leases,
        oauth_clients,
        connections,
        connection_events,
        connection_refusals,
        connection_requests,
        service_keys,
        outbox,
        notice_choices,
        notice_marks,
        mail_settings,
        webhook_settings,
        employee_identities,
        identity_settings,
        digest_settings
    );

    let sql = match is_postgres() {
        true => {
            "SELECT table_name || '.' || column_name AS line FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name <> '__diesel_schema_migrations'"
        }
        false => {
            "SELECT m.name || '.' || c.name AS line FROM sqlite_master AS m, pragma_table_info(m.name) AS c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> '__diesel_schema_migrations'"
        }
    };
    let there = diesel::sql_query(sql).load::<Line>(&mut conn).unwrap();
    assert_eq!(known, there.len());
}

#[test]
fn an_id_is_never_given_twice() {
    let database = Database::migrated();
    let mut shop = crate::support::Shop::open(&database, crate::support::NOW);

    let first = shop.client("Ledgerly");
    shop.sql(&format!("DELETE FROM clients WHERE id = {first}"));
    let second = shop.client("Ledgerly");

    assert!(second > first);
}
