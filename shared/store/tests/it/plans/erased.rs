//! What goes with the erased.

use super::{LARGE, LARGE_TABLES, PAGE};
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use servers::postgres::OWNER;
use store::{removal, transaction};
use testkit::house::House;
use uuid::Uuid;

/// Somebody who is erased, and whose are fifty commits of that ledger, judged with a log and of a tree each:
/// forty that they pushed, and ten that they wrote and nobody knows who pushed.
const ERASED: &str = "
    INSERT INTO principal SELECT gen_random_uuid(), 'github', n::text, now()
        FROM generate_series(1, 100) AS n;
    INSERT INTO push SELECT gen_random_uuid(), delivery, 'theirs', 'github:a/r' || n,
        'refs/heads/' || m, 'branch', NULL, 'theirs', false, 1, principal.id, at, at
        FROM pushed JOIN principal ON account = '1' WHERE m = 7 AND n <= 40;
    INSERT INTO push SELECT gen_random_uuid(), delivery, 'theirs', 'github:a/r' || n,
        'refs/heads/' || m, 'branch', NULL, 'theirs', false, 1, NULL, at, at
        FROM pushed WHERE m = 8 AND n > 40 AND n <= 50;
    INSERT INTO lab_attempt SELECT gen_random_uuid(), session, push.id, delivery, after_sha, 'main',
        principal.id, NULL, NULL, at, 'payload', 't', at
        FROM pushed JOIN push ON push.delivery_id = delivery AND push.body_digest = 'theirs'
        JOIN principal ON account = '1';
    CREATE TEMP TABLE theirs AS SELECT * FROM lab_attempt WHERE commit_sha = 'theirs';
    INSERT INTO verification_request SELECT gen_random_uuid(), 'push:' || push_id, id, version,
        'live', 't', at FROM theirs, the;
    INSERT INTO verification_attempt (id, request_id, try_number, token, result, points, points_max,
        steps, limits, peaks, snapshot_digest, lab_version_digest, log_digest, runner, worker,
        started_at, finished_at, recorded_at)
        SELECT gen_random_uuid(), request.id, 1, 1, 'pass', 1, 1, '[]', '{}', '{}', 'd', 'd', 'l',
        'r', 'w', at, at, at
        FROM verification_request AS request JOIN theirs ON theirs.id = lab_attempt_id, the;
    INSERT INTO snapshot SELECT gen_random_uuid(), lab_session_id, id::text, 1, 1, 'b', recorded_at
        FROM theirs;
    INSERT INTO attempt_snapshot SELECT theirs.id, snapshot.id, NULL, theirs.recorded_at
        FROM theirs JOIN snapshot ON snapshot.digest = theirs.id::text;
    INSERT INTO erasure SELECT gen_random_uuid(), gen_random_uuid(), id, now(), now()
        FROM principal WHERE account = '1'";

#[derive(QueryableByName)]
struct RowsRead {
    #[diesel(sql_type = Text)]
    relname: String,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// How many rows of each table the transaction has read so far, whole or by an index.
const READ: &str = "SELECT relname::text, (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int8 \
    AS rows FROM pg_stat_xact_user_tables";

#[tokio::test]
async fn what_goes_with_the_erased_is_read_and_nothing_else() {
    for (erased, expected) in [("", 0), (ERASED, 50)] {
        let house = House::with_postgres().await;
        house.sql(&format!("{LARGE}; {erased}")).await;
        let store = house.store(OWNER, 1);
        let conn = &mut store.connection().await.unwrap();
        let read = transaction::by_keys(conn, async |conn: &mut _| {
            let due = removal::of_erased(conn, PAGE).await?;
            for kind in [removal::LOG, removal::SNAPSHOT] {
                assert_eq!(due.iter().filter(|due| due.kind == kind).count(), expected);
            }
            Ok(sql_query(READ).load::<RowsRead>(conn).await?)
        });
        for table in read.await.unwrap() {
            let is_large = LARGE_TABLES.contains(&&*table.relname);
            // Each of them at most twice, for its log and for its tree, or as who pushed it and who wrote it;
            // the planner looks at the ends of indexes.
            let most = i64::try_from(expected).unwrap() * 2 + 10;
            assert!(
                !is_large || table.rows <= most,
                "{}: {}",
                table.relname,
                table.rows
            );
        }
    }
}

#[tokio::test]
async fn what_is_gone_is_asked_of_each_though_it_was_planned_while_the_tables_were_empty() {
    let house = House::with_postgres().await;
    house.sql("VACUUM").await;
    let store = house.store(OWNER, 1);
    let conn = &mut store.connection().await.unwrap();
    for _ in 0..6 {
        let work = async |conn: &mut _| removal::gone(conn, &[Uuid::now_v7()]).await;
        let gone = transaction::by_keys(conn, work).await.unwrap();
        assert!(gone.is_empty());
    }
    let large = LARGE.strip_suffix("ANALYZE").unwrap();
    house.sql(&format!("{large}; {ERASED}")).await;
    let ids = async |which: &str| -> Vec<Uuid> {
        let text = format!("SELECT id FROM lab_attempt WHERE {which} ORDER BY id LIMIT 50");
        let rows = house.rows(&text).await.into_iter();
        let row = |row: String| serde_json::from_str::<Value>(&row).unwrap();
        rows.map(|text| serde_json::from_value(row(text)["id"].clone()).unwrap())
            .collect()
    };
    let (theirs, others) = (
        ids("commit_sha = 'theirs'").await,
        ids("commit_sha <> 'theirs'").await,
    );
    let asked = [theirs.clone(), others].concat();
    let work = async |conn: &mut _| {
        let gone = removal::gone(conn, &asked).await?;
        Ok((gone, sql_query(READ).load::<RowsRead>(conn).await?))
    };
    let (mut gone, read) = transaction::by_keys(conn, work).await.unwrap();
    gone.sort();
    assert_eq!((gone, asked.len()), (theirs, 100));
    for table in read {
        // Each attempt in both parts of who is erased, and its push in both.
        let most = 4 * 100 + 10;
        assert!(table.rows <= most, "{}: {}", table.relname, table.rows);
    }
}
