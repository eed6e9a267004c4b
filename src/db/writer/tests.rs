//! The group commit: what one job does to the others, and what its caller is told.

use super::*;
use crate::db::DatabaseUrl;
use crate::db::Db;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

fn database(folder: &tempfile::TempDir) -> Db {
    let db = Db::open(&DatabaseUrl::Sqlite(folder.path().join("test.db")), 2).expect("opens");
    let mut conn = crate::db::connect(&DatabaseUrl::Sqlite(folder.path().join("test.db"))).expect("opens");
    conn.batch_execute("CREATE TABLE numbers (n BIGINT NOT NULL UNIQUE)").expect("creates");
    db
}

fn insert(conn: &mut DbConnection, n: i64) -> Result<()> {
    diesel::sql_query("INSERT INTO numbers (n) VALUES ($1)").bind::<BigInt, _>(n).execute(conn)?;
    Ok(())
}

async fn sum(db: &Db) -> i64 {
    db.read(|conn| {
        let sum = diesel::dsl::sql::<BigInt>("(SELECT COALESCE(SUM(n), 0) FROM numbers)");
        Ok(diesel::select(sum).get_result::<i64>(conn)?)
    })
    .await
    .expect("reads")
}

#[actix_web::test]
async fn a_job_that_fails_or_panics_rolls_back_only_its_own_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = database(&folder);

    let (kept, failed, panicked, kept_too) = futures_util::future::join4(
        db.write(|conn| insert(conn, 1)),
        db.write(|conn| insert(conn, 10).and_then(|()| insert(conn, 10))),
        db.write(|conn| {
            insert(conn, 100)?;
            #[expect(unreachable_code)]
            {
                panic!("on purpose");
                Ok(())
            }
        }),
        db.write(|conn| insert(conn, 1000)),
    )
    .await;

    assert!(kept.is_ok() && kept_too.is_ok());
    assert!(failed.is_err() && panicked.is_err());
    assert_eq!(sum(&db).await, 1001);
    db.write(|conn| insert(conn, 10_000)).await.expect("the writer lives on");
    assert_eq!(sum(&db).await, 11_001);
}

#[actix_web::test]
async fn a_job_whose_caller_disconnected_while_it_was_queued_is_skipped() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = database(&folder);

    let slow = db.write(|conn| {
        std::thread::sleep(Duration::from_millis(200));
        insert(conn, 1)
    });
    let abandoned = db.clone();
    let task = actix_web::rt::spawn(async move {
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
        let job = abandoned.write(|conn| insert(conn, 2));
        drop(tokio::time::timeout(Duration::from_millis(20), job).await);
    });

    slow.await.expect("written");
    task.await.expect("ran");
    db.write(|conn| insert(conn, 4)).await.expect("written");

    assert_eq!(sum(&db).await, 5);
}

#[actix_web::test]
async fn a_job_whose_caller_timed_out_is_skipped_or_rolled_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = database(&folder);
    let hasty = db.with_timeout(Duration::from_millis(100));
    let slow = |n| {
        move |conn: &mut DbConnection| {
            insert(conn, n)?;
            std::thread::sleep(Duration::from_millis(400));
            Ok(())
        }
    };

    // The first runs alone; the next two wait for it, and the last two are one group.
    let alone = hasty.write(slow(1));
    let queued = hasty.write(|conn| insert(conn, 10));
    let group = async {
        actix_web::rt::time::sleep(Duration::from_millis(350)).await;
        futures_util::future::join(hasty.write(slow(100)), db.write(|conn| insert(conn, 1000))).await
    };
    let (alone, queued, (running, patient)) = futures_util::future::join3(alone, queued, group).await;

    for refused in [alone, queued, running] {
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    }
    patient.expect("written");
    db.write(|conn| insert(conn, 10_000)).await.expect("written");
    assert_eq!(sum(&db).await, 11_000);
}

#[actix_web::test]
async fn a_group_that_takes_long_is_committed_before_it_is_complete() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = database(&folder);
    let begun = Instant::now();
    let slow = |n| {
        let db = db.clone();
        async move {
            db.write(move |conn| {
                std::thread::sleep(Duration::from_millis(100));
                insert(conn, n)
            })
            .await
            .expect("written");
            begun.elapsed()
        }
    };

    let times = futures_util::future::join_all((0..6).map(slow)).await;

    assert!(times[1] + Duration::from_millis(250) < times[5], "{times:?}");
    assert_eq!(sum(&db).await, 15);
}

#[actix_web::test]
async fn only_what_is_committed_is_counted() {
    use crate::db::tally;
    use crate::metrics::{Act, Reading};
    let folder = tempfile::tempdir().expect("a folder");
    let db = database(&folder);
    let refreshed = |conn: &mut DbConnection, n| {
        tally(conn, Act::Refreshed, n);
        insert(conn, n)
    };

    let (kept, failed, kept_too) = futures_util::future::join3(
        db.write(move |conn| refreshed(conn, 1)),
        db.write(move |conn| refreshed(conn, 10).and_then(|()| refreshed(conn, 10))),
        db.write(move |conn| refreshed(conn, 100)),
    )
    .await;

    assert!(kept.is_ok() && failed.is_err() && kept_too.is_ok());
    let text = db.manager.metrics().text(&Reading::default());
    assert!(text.contains("client_api_access_tokens_refreshed_total{kind=\"refresh_token\"} 101\n"), "{text}");
}
