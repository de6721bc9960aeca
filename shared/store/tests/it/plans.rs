//! How the database goes through a large ledger: by its indexes, never through whole tables.

use contract::digest::Digest;
use contract::ids::{AttemptId, CommandId, DeliveryId, PushId, RequestId, SessionId};
use contract::reprocess::{Looked, Selection};
use contract::time::now;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};
use servers::postgres::OWNER;
use store::reprocess::order;
use store::transaction::LedgerConnection;
use store::work_lease::RunOf;
use store::{
    attempt, attempt_snapshot, delivery, erasure, lab_session, person_key, principal, push,
    removal, reprocess, snapshot, transaction, verification_attempt, verification_claim,
    verification_request, verification_stand, view, work_lease, work_sweep, work_turn,
};
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

/// What a batch looks up.
struct Looks {
    tries: Vec<(RequestId, i32)>,
    sessions: Vec<Uuid>,
    commits: Vec<String>,
    deliveries: Vec<Uuid>,
    repositories: Vec<String>,
}

impl Looks {
    /// Of 400 of the ledger's attempts.
    async fn of(house: &House) -> Self {
        const ASKED: &str = "SELECT request.id, attempt.lab_session_id, attempt.commit_sha, \
            attempt.delivery_id, push.repository \
            FROM verification_request AS request JOIN lab_attempt AS attempt \
            ON attempt.id = lab_attempt_id JOIN push ON push.id = attempt.push_id LIMIT 400";
        let rows = house.rows(ASKED).await;
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| serde_json::from_str(row).unwrap())
            .collect();
        let texts = |name: &str| -> Vec<String> {
            let texts = rows.iter().map(|row| row[name].as_str().unwrap());
            texts.map(str::to_owned).collect()
        };
        let ids = |name: &str| -> Vec<Uuid> {
            let ids = texts(name).into_iter().map(|text| text.parse());
            ids.map(Result::unwrap).collect()
        };
        let requests = ids("id").into_iter().map(RequestId::from_uuid);
        Self {
            tries: requests.map(|request| (request, 1)).collect(),
            sessions: ids("lab_session_id"),
            commits: texts("commit_sha"),
            deliveries: ids("delivery_id"),
            repositories: texts("repository"),
        }
    }

    /// Of 400 that are not there.
    fn in_vain() -> Self {
        let ids = || (0..400).map(|_| Uuid::now_v7()).collect();
        let requests: Vec<Uuid> = ids();
        let requests = requests.into_iter().map(RequestId::from_uuid);
        Self {
            tries: requests.map(|request| (request, 1)).collect(),
            sessions: ids(),
            commits: vec!["c".to_owned(); 400],
            deliveries: ids(),
            repositories: vec!["github:a/r".to_owned(); 400],
        }
    }

    /// Looks all of it up; how many were found of each, and how the tables were gone through.
    async fn run(&self, conn: &mut LedgerConnection) -> ([usize; 4], Vec<Scanned>) {
        const TABLES: &str = "WHERE relname IN ('verification_attempt', 'verification_request', \
            'lab_attempt', 'delivery_receipt', 'lab_session', 'person_key', 'person', 'erasure')";
        let scanned = &format!("{SCANNED} {TABLES}");
        let both = transaction::by_keys(conn, async |conn: &mut _| {
            let stands = verification_stand::of(conn, &self.tries).await?;
            let commits: Vec<&str> = self.commits.iter().map(String::as_str).collect();
            let named = attempt::named(conn, &self.sessions, &commits).await?;
            let receipts = delivery::receipts_of(conn, &self.deliveries).await?;
            let repositories: Vec<&str> = self.repositories.iter().map(String::as_str).collect();
            let sessions = lab_session::of_repositories(conn, &repositories).await?;
            person_key::hold(conn, &self.sessions).await?;
            principal::persons_there(conn, &self.sessions).await?;
            erasure::of_people(conn, &self.sessions).await?;
            let found = [
                stands.iter().filter(|stand| stand.is_over).count(),
                named.len(),
                receipts.len(),
                sessions.len(),
            ];
            Ok((found, sql_query(scanned).load(conn).await?))
        });
        both.await.unwrap()
    }
}

fn assert_by_keys(scanned: Vec<Scanned>) {
    assert_eq!(scanned.len(), 8);
    for table in scanned {
        assert_eq!(table.whole, 0, "{}", table.relname);
        assert!(table.by_index > 0, "{}", table.relname);
    }
}

#[tokio::test]
async fn what_a_batch_finds_is_asked_by_keys_and_never_by_a_hash_of_a_table() {
    let house = House::with_postgres().await;
    house.sql(LARGE).await;
    let looks = Looks::of(&house).await;
    let store = house.store(OWNER, 1);
    let conn = &mut store.connection().await.unwrap();
    let ([stands, named, ..], scanned) = looks.run(conn).await;
    assert_eq!([stands, named], [400, 400]);
    assert_by_keys(scanned);
}

#[tokio::test]
async fn what_was_planned_while_the_tables_were_empty_goes_by_keys_when_they_are_large() {
    let house = House::with_postgres().await;
    // Then the planner knows that they are empty, and nothing is cheaper than to read them whole.
    house.sql("VACUUM").await;
    let store = house.store(OWNER, 1);
    let conn = &mut store.connection().await.unwrap();
    // A plan is kept from the sixth time on.
    for _ in 0..6 {
        let (found, _) = Looks::in_vain().run(conn).await;
        assert_eq!(found, [0; 4]);
    }
    // Nobody has counted them yet: that would have everything planned anew.
    house.sql(LARGE.strip_suffix("ANALYZE").unwrap()).await;
    let ([stands, named, receipts, sessions], scanned) = Looks::of(&house).await.run(conn).await;
    assert_eq!([stands, named], [400, 400]);
    assert!(receipts > 0 && sessions > 0);
    assert_by_keys(scanned);
}

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

/// What is asked and told of one run, of a request that is there or not.
async fn run_once(
    conn: &mut LedgerConnection,
    (request, session): (RequestId, SessionId),
    is_there: bool,
) -> Vec<Scanned> {
    let digests = [Digest::of(b"tree")];
    let work = async |conn: &mut _| {
        let mark = work_sweep::mark(conn, session).await?.unwrap();
        let newer = verification_request::superseded_by(conn, request).await?;
        assert_eq!(newer, None);
        assert!(!work_turn::holds(conn, request).await?);
        let found = verification_attempt::find(conn, request, 1).await?;
        assert_eq!(found.is_some(), is_there);
        if is_there {
            work_turn::ask(conn, session, request, &json!({})).await?;
            work_lease::take(conn, request, 2, "worker").await?;
            let claim = verification_claim::claim(conn, request, 2, "worker", now()).await?;
            let token = claim.token;
            let run = RunOf {
                request,
                try_number: 2,
                token,
            };
            work_lease::name(conn, run).await?;
            assert!(work_lease::extend(conn, run).await?);
            work_turn::extend(conn, request).await?;
        }
        let claims = verification_claim::list(conn, request, 2).await?;
        assert_eq!(claims.len(), usize::from(is_there));
        assert!(snapshot::newest(conn, session, &digests).await?.is_empty());
        assert!(work_sweep::still(conn, session, mark).await?);
        work_turn::end(conn, session, request).await?;
        work_turn::called(conn, session).await?;
        work_lease::end(conn, request, 2).await?;
        Ok(sql_query(SCANNED).load(conn).await?)
    };
    transaction::by_keys(conn, work).await.unwrap()
}

#[tokio::test]
async fn what_a_run_asks_goes_by_keys_though_it_was_planned_while_the_tables_were_empty() {
    let house = House::with_postgres().await;
    house.sql("VACUUM").await;
    let store = house.store(OWNER, 1);
    let conn = &mut store.connection().await.unwrap();
    for _ in 0..6 {
        let unknown = (RequestId::new(), SessionId::new());
        run_once(conn, unknown, false).await;
    }
    house.sql(LARGE.strip_suffix("ANALYZE").unwrap()).await;
    let one = "SELECT request.id AS request, lab_session_id AS session \
               FROM verification_request AS request \
               JOIN lab_attempt AS attempt ON attempt.id = lab_attempt_id LIMIT 1";
    let one: Value = serde_json::from_str(&house.rows(one).await[0]).unwrap();
    let request: RequestId = serde_json::from_value(one["request"].clone()).unwrap();
    let session: SessionId = serde_json::from_value(one["session"].clone()).unwrap();
    let scanned = run_once(conn, (request, session), true).await;
    assert_none_whole(scanned);
}

/// What is asked before a tree is preserved, of an attempt that is there or not.
async fn ask_of_tree(
    conn: &mut LedgerConnection,
    (push, session, attempt): (PushId, SessionId, AttemptId),
    is_there: bool,
) -> Vec<Scanned> {
    let work = async |conn: &mut _| {
        let kept = attempt_snapshot::kept(conn, &[attempt]).await?;
        assert_eq!(kept.len(), usize::from(is_there));
        let past = push::past(conn, push, session, PAGE).await?;
        assert_eq!(past.iter().any(|commit| commit.always), is_there);
        assert_eq!(past.iter().any(|commit| !commit.always), is_there);
        Ok(sql_query(SCANNED).load(conn).await?)
    };
    transaction::by_keys(conn, work).await.unwrap()
}

#[tokio::test]
async fn what_a_tree_asks_goes_by_keys_though_it_was_planned_while_the_tables_were_empty() {
    let house = House::with_postgres().await;
    house.sql("VACUUM").await;
    let store = house.store(OWNER, 1);
    let conn = &mut store.connection().await.unwrap();
    for _ in 0..6 {
        let unknown = (PushId::new(), SessionId::new(), AttemptId::new());
        ask_of_tree(conn, unknown, false).await;
    }
    house.sql(LARGE.strip_suffix("ANALYZE").unwrap()).await;
    // Not the first of its repository.
    let one = "SELECT push_id AS push, lab_session_id AS session, id AS attempt FROM lab_attempt \
               ORDER BY push_id DESC LIMIT 1";
    let one: Value = serde_json::from_str(&house.rows(one).await[0]).unwrap();
    let push: PushId = serde_json::from_value(one["push"].clone()).unwrap();
    let session: SessionId = serde_json::from_value(one["session"].clone()).unwrap();
    let attempt: AttemptId = serde_json::from_value(one["attempt"].clone()).unwrap();
    let scanned = ask_of_tree(conn, (push, session, attempt), true).await;
    assert_none_whole(scanned);
}
