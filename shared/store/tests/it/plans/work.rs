//! What is asked and told of a run, and of a tree before it is preserved.

use super::{LARGE, PAGE, SCANNED, Scanned, assert_none_whole};
use contract::digest::Digest;
use contract::ids::{AttemptId, PushId, RequestId, SessionId};
use contract::time::now;
use diesel::sql_query;
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};
use servers::postgres::OWNER;
use store::transaction::LedgerConnection;
use store::work_lease::RunOf;
use store::{
    attempt_snapshot, push, removal, snapshot, transaction, verification_attempt,
    verification_claim, verification_request, work_lease, work_sweep, work_turn,
};
use testkit::house::House;

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
        let gone = removal::gone(conn, &[attempt.as_uuid()]).await?;
        assert!(gone.is_empty());
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
