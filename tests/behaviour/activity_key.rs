//! The key of the activity log's hash chain: what somebody who can write to the database, but does not have the secret key,
//! cannot do unnoticed.

use client_api_access::activity::verify::{Verdict, verify};
use client_api_access::activity::{Activity, Chain};
use client_api_access::app::App;
use client_api_access::schema::{activity, activity_seals};
use client_api_access::secrets::MasterKey;
use client_api_access::secrets::sealed::Vault;
use client_api_access::time::Clock;
use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::sealing::{broken, record, refused_by_the_job, without_triggers};
use crate::support::{KEY, NOW, Shop, TestApp, run};
use crate::upgrade::{each_release, verify_activity};

const NEW: &str = "a key that only these tests know of";

fn sealed_entries() -> (TestApp, Shop) {
    let app = TestApp::start();
    record(&app, &["one", "two", "three"]);
    app.run_background();
    let mut shop = app.shop();
    without_triggers(&mut shop);
    (app, shop)
}

/// Makes every seal up to a number again, by the rule of earlier versions, which needs no key.
fn reseal_without_key(shop: &mut Shop, through: i64) {
    let entries: Vec<(i64, Activity)> = activity_seals::table
        .inner_join(activity::table.on(activity::id.eq(activity_seals::activity_id)))
        .filter(activity_seals::id.le(through))
        .order(activity_seals::id)
        .select((activity_seals::id, Activity::as_select()))
        .load(shop.conn())
        .unwrap();
    let mut seal = Vec::new();
    for (number, entry) in entries {
        let optional = |id: Option<client_api_access::id::EmployeeKey>| id.map_or(String::new(), |id| id.to_string());
        let fields = [
            entry.id.to_string(),
            entry.at.0.to_string(),
            entry.kind,
            optional(entry.actor_id),
            entry.actor_name,
            entry.subject_kind,
            entry.subject_id.to_string(),
            entry.subject_name,
            optional(entry.employee_id),
            entry.detail,
            entry.client_ip,
        ];
        let mut hash = Sha256::new_with_prefix(&seal);
        for field in fields {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        seal = hash.finalize().to_vec();
        diesel::update(activity_seals::table.find(number))
            .set(activity_seals::seal.eq(seal.clone()))
            .execute(shop.conn())
            .unwrap();
    }
}

#[test]
fn a_chain_that_was_recomputed_without_the_key_is_found_without_an_earlier_head() {
    let (app, mut shop) = sealed_entries();
    let intact = verify_activity(&app.database, &[]);
    assert!(intact.contains("Head: 3:") && !intact.contains("without a key"), "{intact}");

    shop.sql("UPDATE activity SET actor_name = 'Somebody else' WHERE subject_name = 'two'");
    reseal_without_key(&mut shop, 3);
    assert!(broken(&app.database).contains("(seal 1, deletion finished) was edited, or its seal was"));

    let seal = "(SELECT seal FROM activity_seals WHERE id = 3)";
    shop.sql(&format!("UPDATE activity_chain SET keyed_from = 3, keyed_from_seal = {seal}"));
    assert!(broken(&app.database).contains("the number up to which an earlier version sealed was changed"));

    shop.sql("UPDATE activity_chain SET key = NULL");
    assert!(broken(&app.database).contains("the key of the activity log was deleted from the database"));
    let master = MasterKey::from_text(KEY).unwrap();
    let opened = actix_web::rt::System::new().block_on(App::open(app.state.config.clone(), &master, Clock::fixed(NOW)));
    assert!(opened.is_err_and(|why| why.contains("the key of the activity log was deleted")));
    shop.sql("DELETE FROM activity_chain");
    assert!(broken(&app.database).contains("the key of the activity log was deleted from the database"));
}

#[test]
fn a_seal_that_was_deleted_moved_or_made_with_another_key_is_found() {
    let (app, mut shop) = sealed_entries();

    shop.sql("CREATE TABLE kept AS SELECT * FROM activity_seals WHERE id = 2; DELETE FROM activity_seals WHERE id = 2");
    assert!(broken(&app.database).contains("seal 2 is missing"));
    shop.sql("INSERT INTO activity_seals SELECT * FROM kept");
    assert!(verify_activity(&app.database, &[]).contains("Head: 3:"));

    // The same entries in another order.
    shop.sql(
        "DROP TABLE kept; CREATE TABLE kept AS SELECT * FROM activity_seals WHERE id > 1; \
         DELETE FROM activity_seals WHERE id > 1; \
         INSERT INTO activity_seals SELECT 5 - id, activity_id, seal FROM kept",
    );
    assert!(broken(&app.database).contains("(seal 2, deletion finished) was edited, or its seal was"));
}

#[test]
fn an_entry_that_somebody_inserted_into_the_database_is_neither_sealed_nor_overlooked() {
    let (app, mut shop) = sealed_entries();
    let head = |text: &str| text.split("Head: ").nth(1).unwrap().split(':').next().unwrap().to_string();
    let columns = "at, kind, actor_name, subject_kind, subject_id, subject_name, detail, client_ip";
    // Back-dated, with an id that an entry that commits late on PostgreSQL could have.
    shop.sql(&format!(
        "INSERT INTO activity (id, {columns}) SELECT -7, at - 86400, {} FROM activity WHERE subject_name = 'two'; \
         INSERT INTO activity_unsealed (activity_id) VALUES (-7)",
        &columns[4..]
    ));
    assert!(broken(&app.database).contains("entry -7 (deletion finished) was not recorded by the server"));

    shop.sql("INSERT INTO activity_seals SELECT 0, -7, seal FROM activity_seals WHERE id = 1");
    assert!(broken(&app.database).contains("seal 0 does not belong to the chain"));
    shop.sql("DELETE FROM activity_seals WHERE id = 0");

    record(&app, &["four"]);
    assert!(refused_by_the_job(&app).contains("activity entry -7 cannot be sealed"));
    assert_eq!(shop.number("SELECT COUNT(*) FROM activity_seals WHERE activity_id = -7"), 0);
    assert_eq!(shop.number("SELECT COUNT(*) FROM activity_seals"), 4, "the others are sealed");
    assert!(broken(&app.database).contains("entry -7 (deletion finished) was not recorded by the server"));

    shop.sql("DELETE FROM activity_unsealed; DELETE FROM activity WHERE id = -7");
    assert_eq!(head(&verify_activity(&app.database, &[])), "4");
    // The HMAC of another entry is of no use, and neither is one that is sealed already.
    record(&app, &["five"]);
    shop.sql(&format!(
        "INSERT INTO activity (id, {columns}) SELECT -8, {columns} FROM activity WHERE subject_name = 'five'; \
         INSERT INTO activity_unsealed (activity_id, mac) SELECT -8, mac FROM activity_unsealed"
    ));
    assert!(broken(&app.database).contains("entry -8 (deletion finished) was not recorded by the server"));
    shop.sql("DELETE FROM activity_unsealed WHERE activity_id = -8; DELETE FROM activity WHERE id = -8");
    shop.sql("CREATE TABLE kept AS SELECT * FROM activity_unsealed");
    app.run_background();
    shop.sql("INSERT INTO activity_unsealed SELECT * FROM kept");
    assert!(refused_by_the_job(&app).contains("cannot be sealed"));
}

#[test]
fn an_entry_that_was_edited_before_it_was_sealed_is_found() {
    let (app, mut shop) = sealed_entries();
    record(&app, &["four"]);

    shop.sql("UPDATE activity SET subject_name = 'for' WHERE subject_name = 'four'");

    assert!(broken(&app.database).contains("was not recorded by the server"));
    refused_by_the_job(&app);
    assert!(broken(&app.database).contains("was not recorded by the server"));
    assert_eq!(shop.number("SELECT COUNT(*) FROM activity_seals"), 3);
}

#[test]
fn the_clock_of_the_server_does_not_matter() {
    let (app, _) = sealed_entries();

    app.advance(-86_400);
    record(&app, &["a day earlier"]);
    app.advance(3 * 86_400);
    record(&app, &["two days later"]);
    app.run_background();

    assert!(verify_activity(&app.database, &[]).contains("Head: 5:"));
}

#[test]
fn the_chain_is_intact_after_rotate_key_and_a_wrong_key_is_named() {
    let (app, mut shop) = sealed_entries();
    record(&app, &["waits for its seal"]);
    let with = |command: &str, keys: &[(&str, &str)]| {
        let folder = app.database.folder.path().to_str().unwrap();
        let env: Vec<_> = keys.iter().copied().chain([("DATABASE_URL", app.database.text.as_str())]).collect();
        run(&[command, "--data-dir", folder], &env)
    };
    let intact = |key: &str| {
        let finished = with("verify-activity", &[("SECRET_KEY", key)]);
        assert_eq!(finished.code, 0, "{}", finished.stderr);
        finished.stdout
    };

    let both = [("SECRET_KEY", NEW), ("SECRET_KEY_PREVIOUS", KEY)];
    assert_eq!(with("verify-activity", &both).code, 0, "while the key is rotated");
    let rotated = with("rotate-key", &both);
    assert_eq!(rotated.code, 0, "{}", rotated.stderr);

    assert!(intact(NEW).contains("Head: 3:"), "{}", intact(NEW));
    assert!(intact(NEW).contains("not sealed yet: 2."), "one more, that the key was rotated: {}", intact(NEW));
    let wrong = with("verify-activity", &[("SECRET_KEY", KEY)]);
    assert_eq!(wrong.code, 1, "{}", wrong.stdout);
    assert!(wrong.stderr.contains("SECRET_KEY: this is not the key that the database was created with"));
    // The job of a node that was started before seals what waits: the key of the chain is the same.
    app.run_background();
    assert!(intact(NEW).contains("Head: 5:"), "{}", intact(NEW));
    shop.sql("UPDATE activity SET actor_name = 'Somebody else' WHERE subject_name = 'two'");
    assert_eq!(with("verify-activity", &[("SECRET_KEY", NEW)]).code, 1);
}

#[test]
fn seals_of_earlier_versions_are_verified_by_their_rule_up_to_a_recorded_number() {
    each_release(|before| {
        let (app, mut shop) = (&before.app, before.app.shop());
        let sealed = shop.number("SELECT MAX(id) FROM activity_seals");
        let told = format!("Entries sealed by an earlier version, without a key: {sealed}.");
        assert!(verify_activity(&app.database, &[]).contains(&told));
        app.advance(60);
        app.run_background();
        assert!(verify_activity(&app.database, &[]).contains(&told));
        assert!(shop.number("SELECT MAX(id) FROM activity_seals") > sealed, "what waited is sealed with the key");

        without_triggers(&mut shop);
        let second = "id = (SELECT activity_id FROM activity_seals WHERE id = 2)";
        shop.sql(&format!("UPDATE activity SET actor_name = 'Somebody else' WHERE {second}"));
        reseal_without_key(&mut shop, sealed);

        let found = broken(&app.database);
        assert!(
            found.contains(&format!("(seal {sealed}, ")),
            "the seal at the recorded number is another one: {found}"
        );
    });
}

#[test]
fn before_the_first_start_of_this_version_everything_is_verified_by_the_earlier_rule() {
    crate::upgrade::each_database(|database| {
        client_api_access::db::migrate(&database.url).unwrap();
        let mut conn = database.connect();
        let sealed: i64 = activity_seals::table.count().get_result(&mut conn).unwrap();

        let Verdict::Intact { without_key, head, .. } = verify(&mut conn, None, None).unwrap() else {
            panic!("it is intact")
        };

        assert_eq!((without_key, head.unwrap().number), (sealed, sealed));
        let told = verify_activity(&database, &[]);
        assert!(told.contains(&format!("without a key: {sealed}.")), "{told}");
        let vault = Vault::new(&MasterKey::from_text(KEY).unwrap(), None);
        assert!(Chain::open(&mut conn, &vault).unwrap().is_none(), "the check changes nothing");
    });
}
