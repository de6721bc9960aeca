//! Who puts a session's objects and who removes them do not pass each other.

use contract::ids::SessionId;
use serde_json::Value;
use store::pool::{Connection, Store};
use store::transaction;
use store::work_sweep::{self, Mark, Sweeping};
use testkit::house::House;

use crate::filled::Filled;

const WRITER: &str = "assay_attempt_writer";

async fn session(house: &House) -> SessionId {
    Filled::fill(house).await;
    let rows = house.rows("SELECT id FROM lab_session").await;
    let row: Value = serde_json::from_str(&rows[0]).unwrap();
    row["id"].as_str().unwrap().parse().unwrap()
}

async fn still(conn: &mut Connection, session: SessionId, mark: Mark) -> bool {
    let work = async |conn: &mut _| work_sweep::still(conn, session, mark).await;
    transaction::run(conn, work).await.unwrap()
}

async fn want(store: &Store, session: SessionId) {
    let mut conn = store.connection().await.unwrap();
    let session = session.as_uuid();
    let work = async |conn: &mut _| work_sweep::want(conn, &[session]).await;
    transaction::run(&mut conn, work).await.unwrap();
}

async fn due(store: &Store) -> Vec<SessionId> {
    let mut conn = store.connection().await.unwrap();
    work_sweep::due(&mut conn, 10).await.unwrap()
}

#[tokio::test]
async fn who_put_objects_names_them_only_if_none_was_removed_since() {
    let house = House::with_postgres().await;
    let session = session(&house).await;
    let store = house.store(WRITER, 4);
    let builder = house.store("assay_snapshot_builder", 2);
    let conn = &mut builder.connection().await.unwrap();

    let mark = work_sweep::mark(conn, session).await.unwrap().unwrap();
    let sweeping = Sweeping::begin(&store, session).await.unwrap().unwrap();
    assert!(!still(conn, session, mark).await, "it may be under way");
    let during = work_sweep::mark(conn, session).await.unwrap();
    assert_eq!(during, None, "nothing is put meanwhile");
    sweeping.end().await.unwrap();
    assert!(still(conn, session, mark).await, "nothing went");

    let mut sweeping = Sweeping::begin(&store, session).await.unwrap().unwrap();
    sweeping.count().await.unwrap();
    // Its process dies: its lock ends with its connection, and the count stays.
    drop(sweeping);
    testkit::wait::until("the lock is free", async || {
        let mut conn = builder.connection().await.unwrap();
        let mark = work_sweep::mark(&mut conn, session).await.unwrap();
        mark.map(drop).ok_or("it is held".to_owned())
    })
    .await;
    assert!(!still(conn, session, mark).await, "something went");
    let mark = work_sweep::mark(conn, session).await.unwrap().unwrap();
    assert!(still(conn, session, mark).await);
}

#[tokio::test]
async fn nothing_is_removed_while_somebody_names_what_was_put() {
    let house = House::with_postgres().await;
    let session = session(&house).await;
    let store = house.store(WRITER, 4);
    let builder = house.store("assay_snapshot_builder", 2);
    let conn = &mut builder.connection().await.unwrap();
    let mark = work_sweep::mark(conn, session).await.unwrap().unwrap();
    let (store, begin) = (&store, session);
    let work = async |conn: &mut _| {
        assert!(work_sweep::still(conn, begin, mark).await?);
        let sweeping = Sweeping::begin(store, begin).await?;
        Ok(sweeping.is_none())
    };
    let is_refused: bool = transaction::run(conn, work).await.unwrap();
    assert!(is_refused);
    assert!(Sweeping::begin(store, session).await.unwrap().is_some());
}

#[tokio::test]
async fn a_session_is_swept_for_all_that_was_wanted_and_once_more_when_an_hour_has_passed() {
    let house = House::with_postgres().await;
    let session = session(&house).await;
    let store = house.store(WRITER, 4);
    let start = due(&store).await;
    assert_eq!(start, []);
    want(&store, session).await;
    assert_eq!(due(&store).await, [session]);
    let sweeping = Sweeping::begin(&store, session).await.unwrap().unwrap();
    sweeping.end().await.unwrap();
    assert_eq!(due(&store).await, []);
    let hour = "UPDATE work.sweep SET wanted_at = wanted_at - interval '61 minutes', \
                swept_at = swept_at - interval '61 minutes'";
    house.sql(hour).await;
    assert_eq!(due(&store).await, [session]);
    let sweeping = Sweeping::begin(&store, session).await.unwrap().unwrap();
    sweeping.end().await.unwrap();
    assert_eq!(due(&store).await, []);
    want(&store, session).await;
    assert_eq!(due(&store).await, [session], "wanted again");
}
