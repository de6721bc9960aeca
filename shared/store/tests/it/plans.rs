//! How the database goes through a large ledger: by its indexes, never through whole tables.

mod batch;
mod erased;
mod work;

use contract::ids::{AttemptId, CommandId, DeliveryId, RequestId, SessionId};
use contract::reprocess::{Looked, Selection};
use contract::time::now;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};
use servers::postgres::OWNER;
use store::reprocess::{self, order};
use store::{transaction, verification_request, view};
use testkit::house::House;
use uuid::Uuid;

/// Attempts a page looks at.
const PAGE: i64 = 500;
/// A ledger of 200 sessions with 60 attempts each: judged, and each of a tree of its own.
const LARGE: &str = "
    CREATE TEMP TABLE the AS SELECT gen_random_uuid() AS lab, gen_random_uuid() AS version,
        gen_random_uuid() AS command, now() AS at;
    INSERT INTO command SELECT command, 'lab-publish', 'o', '{}', 'accepted', NULL, NULL, at
        FROM the;
    INSERT INTO lab SELECT lab, 'calculator', at FROM the;
    INSERT INTO lab_version SELECT version, lab, 1, 'd', 't', '{\"verify\":{\"commits\":\"all\"}}', 'c', 'l',
        0, 0, command, at
        FROM the;
    CREATE TEMP TABLE each AS SELECT n, gen_random_uuid() AS session,
        now() - n * interval '1 hour' AS at, lab, version
        FROM generate_series(1, 200) AS n, the;
    CREATE TEMP TABLE pushed AS SELECT each.*, m, gen_random_uuid() AS delivery
        FROM each, generate_series(1, 60) AS m;
    INSERT INTO lab_session (id, lab_id, lab_version_id, repository, opened_by, recorded_at)
        SELECT session, lab, version, 'github:a/r' || n, 'test', at FROM each;
    INSERT INTO delivery_receipt SELECT delivery, 'github', n || '-' || m, 'd', delivery, 1, at
        FROM pushed;
    INSERT INTO delivery SELECT delivery, 'github', 'push', 'd', 1, 'k', 't', delivery, 1, at, at
        FROM pushed;
    INSERT INTO push SELECT gen_random_uuid(), delivery, 'd', 'github:a/r' || n, 'refs/heads/' || m,
        'branch', NULL, 'c' || m, false, 1, NULL, at, at FROM pushed;
    INSERT INTO lab_attempt SELECT gen_random_uuid(), session, push.id, delivery, after_sha, 'main',
        NULL, NULL, NULL, at + m * interval '1 s', 'payload', 't', at
        FROM pushed JOIN push ON push.delivery_id = delivery;
    INSERT INTO listing_due SELECT gen_random_uuid(), push_id, lab_session_id, recorded_at
        FROM lab_attempt;
    INSERT INTO listing_part SELECT push_id, lab_session_id, 1, 0, 0, recorded_at FROM lab_attempt;
    INSERT INTO verification_request SELECT gen_random_uuid(), 'push:' || push_id, id, version,
        'live', 't', at FROM lab_attempt, the;
    INSERT INTO verification_attempt (id, request_id, try_number, token, result, cause, points,
        points_max, steps, limits, peaks, snapshot_digest, lab_version_digest, runner, worker,
        started_at, finished_at, recorded_at)
        SELECT gen_random_uuid(), id, 1, 1, 'error', 'worker-lost', 0, 1, '[]', '{}', '{}', 'd',
        'd', 'r', 'w', at, at, at FROM verification_request, the;
    INSERT INTO snapshot SELECT gen_random_uuid(), lab_session_id, id::text, 1, 1, 'b', recorded_at
        FROM lab_attempt;
    INSERT INTO attempt_snapshot SELECT attempt.id, snapshot.id, NULL, attempt.recorded_at
        FROM lab_attempt AS attempt JOIN snapshot ON snapshot.digest = attempt.id::text;
    ANALYZE";
/// What must not be gone through whole.
const LARGE_TABLES: [&str; 8] = [
    "listing_due",
    "listing_part",
    "lab_attempt",
    "push",
    "verification_request",
    "verification_attempt",
    "attempt_snapshot",
    "snapshot",
];

#[tokio::test]
async fn a_page_of_whatever_selection_goes_by_indexes_wherever_it_begins() {
    let house = House::with_postgres().await;
    house.sql(LARGE).await;
    let one = "SELECT lab_session_id AS session, delivery_id AS delivery, received_at, id \
               FROM lab_attempt ORDER BY received_at OFFSET 6000 LIMIT 1";
    let one: Value = serde_json::from_str(&house.rows(one).await[0]).unwrap();
    let session: SessionId = serde_json::from_value(one["session"].clone()).unwrap();
    let delivery: DeliveryId = serde_json::from_value(one["delivery"].clone()).unwrap();
    let attempt: AttemptId = serde_json::from_value(one["id"].clone()).unwrap();
    let received_at: contract::time::Timestamp =
        one["received_at"].as_str().unwrap().parse().unwrap();
    let middle = Looked {
        received_at,
        attempt,
    };
    let store = house.store(OWNER, 1);
    let conn = &mut store.connection().await.unwrap();
    for selection in [
        json!({}),
        json!({ "result": "error" }),
        json!({ "result": "none" }),
        json!({ "cause": "worker-lost" }),
        json!({ "lab": "calculator" }),
        json!({ "session": session }),
        json!({ "repository": "github:a/r7" }),
        json!({ "since": received_at }),
        json!({ "until": received_at }),
        json!({ "delivery": delivery }),
        json!({ "since": received_at, "lab": "calculator", "result": "error" }),
    ] {
        let chosen: Selection = serde_json::from_value(selection.clone()).unwrap();
        for after in [None, Some(middle)] {
            let plan = reprocess::explain_page(conn, &chosen, now(), after, PAGE).await;
            let plan = plan.unwrap().join("\n");
            assert!(plan.contains(" on lab_attempt"), "{selection}:\n{plan}");
            for table in LARGE_TABLES {
                // A line names the table with its alias behind it, or its end.
                let whole = format!("Seq Scan on {table} ");
                assert!(!plan.contains(&whole), "{selection}:\n{plan}");
            }
        }
    }
}

#[tokio::test]
async fn a_look_for_unfinished_work_goes_by_indexes_in_each_range() {
    let house = House::with_postgres().await;
    house.sql(LARGE).await;
    let store = house.store(OWNER, 1);
    let conn = &mut store.connection().await.unwrap();
    for kind in store::unfinished::Kind::ALL {
        let after = Uuid::from_u128(1 << 127);
        let to = Uuid::from_u128((1 << 127) + (1 << 121));
        let range = store::unfinished::Range { after, to };
        let plan = store::unfinished::explain(conn, kind, range).await.unwrap();
        let plan = plan.join("\n");
        for table in LARGE_TABLES {
            let whole = format!("Seq Scan on {table} ");
            assert!(!plan.contains(&whole), "{kind:?}:\n{plan}");
        }
    }
}

#[derive(QueryableByName)]
struct Scanned {
    #[diesel(sql_type = Text)]
    relname: String,
    #[diesel(sql_type = BigInt)]
    whole: i64,
    #[diesel(sql_type = BigInt)]
    by_index: i64,
}

/// How the transaction went through the tables so far.
const SCANNED: &str = "SELECT relname::text, coalesce(seq_scan, 0) AS whole, \
    coalesce(idx_scan, 0) AS by_index FROM pg_stat_xact_user_tables";

#[tokio::test]
async fn what_a_push_or_an_order_had_verified_is_found_by_an_index() {
    let house = House::with_postgres().await;
    house.sql(LARGE).await;
    let one = "SELECT push.id AS push, push.delivery_id AS delivery, gen_random_uuid() AS command \
               FROM push WHERE after_sha = 'c7' LIMIT 1";
    let one: Value = serde_json::from_str(&house.rows(one).await[0]).unwrap();
    let causes = [format!("push:{}", one["push"].as_str().unwrap())];
    let delivery: DeliveryId = serde_json::from_value(one["delivery"].clone()).unwrap();
    let command: CommandId = serde_json::from_value(one["command"].clone()).unwrap();
    let store = house.store(OWNER, 1);
    let conn = &mut store.connection().await.unwrap();
    let scanned = transaction::run(conn, async |conn: &mut _| {
        let asked = verification_request::of_causes(conn, &causes).await?;
        assert_eq!(asked.len(), 1);
        let seen = view::timeline::of_delivery(conn, delivery).await?;
        assert_eq!(seen.unwrap().verifications.len(), 1);
        assert_eq!(order::progress(conn, command).await?.requests, 0);
        assert!(!order::has_begun(conn, command).await?);
        assert!(order::asked(conn, command).await?.is_none());
        Ok(sql_query(SCANNED).load(conn).await?)
    });
    assert_none_whole(scanned.await.unwrap());
}

#[tokio::test]
async fn whether_a_newer_push_took_a_place_is_asked_by_indexes() {
    let house = House::with_postgres().await;
    house.sql(LARGE).await;
    let one = "SELECT request.id AS request FROM verification_request AS request \
               JOIN push ON cause = 'push:' || push.id \
               WHERE repository = 'github:a/r7' AND after_sha = 'c7'";
    let one: Value = serde_json::from_str(&house.rows(one).await[0]).unwrap();
    let request: RequestId = serde_json::from_value(one["request"].clone()).unwrap();
    let follow = "INSERT INTO push SELECT gen_random_uuid(), delivery_id, 'e', repository, ref_name, \
        kind, after_sha, 'newer', false, 1, NULL, received_at, recorded_at FROM push \
        WHERE repository = 'github:a/r7' AND after_sha = 'c7'";
    house.sql(follow).await;
    let store = house.store(OWNER, 1);
    let conn = &mut store.connection().await.unwrap();
    let scanned = transaction::by_keys(conn, async |conn: &mut _| {
        let newer = verification_request::superseded_by(conn, request).await?;
        assert!(newer.is_some());
        Ok(sql_query(SCANNED).load(conn).await?)
    });
    assert_none_whole(scanned.await.unwrap());
}

fn assert_none_whole(scanned: Vec<Scanned>) {
    let tables = LARGE_TABLES.map(|large| scanned.iter().find(|table| table.relname == large));
    let touched = tables.iter().flatten();
    assert!(touched.clone().any(|table| table.by_index > 0));
    for table in touched {
        assert_eq!(table.whole, 0, "{}", table.relname);
    }
}
