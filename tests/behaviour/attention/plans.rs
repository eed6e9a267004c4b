//! How the database runs the searches of the token rules: each follows one index, and none scans a table or sorts.

use client_api_access::access::attention::{Asked, LargeCounts, findings};
use client_api_access::id::EmployeeKey;

use crate::support::{Database, NOW, Shop};
use crate::token_lists::plans::{FLAGS, check_plan, fill, recorded};

#[test]
fn no_rule_scans_a_table_or_sorts() {
    let database = Database::migrated();
    let mut shop = Shop::open(&database, NOW);
    fill(&mut shop);
    for flag in FLAGS {
        shop.sql(&format!("UPDATE refresh_tokens SET {flag} = TRUE WHERE id % 97 = 0"));
        shop.sql(&format!("UPDATE access_tokens SET {flag} = TRUE WHERE id % 97 = 0 AND refresh_token_id IS NULL"));
    }
    for statistics in ["none", "all rows"] {
        if statistics == "all rows" || crate::support::is_postgres() {
            shop.sql("ANALYZE");
        }
        for only in [None, Some(EmployeeKey(1))] {
            let statements = recorded(shop.conn(), |conn| {
                drop(findings(conn, Asked { only, now: NOW }, &LargeCounts::default()).unwrap())
            });

            assert!(statements.len() >= 2, "{statements:?}");
            for statement in statements {
                check_plan(&mut shop, &statement);
            }
        }
    }
}
