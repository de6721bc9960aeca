//! A transaction that lost against another is run again; no other is.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::sql_query;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use servers::postgres::OWNER;
use store::error::StoreError;
use store::pool::Store;
use store::transaction::{TRIES_MAX, run};
use testkit::house::House;
use tokio::sync::Barrier;

async fn execute(conn: &mut AsyncPgConnection, statement: &str) -> Result<usize, StoreError> {
    Ok(sql_query(statement).execute(conn).await?)
}

/// A house with one row that two transactions can fight over.
async fn arena() -> (House, Store) {
    let house = House::with_postgres().await;
    house
        .sql(
            "CREATE TABLE arena (id int PRIMARY KEY, n int NOT NULL); \
             INSERT INTO arena VALUES (1, 0), (2, 0)",
        )
        .await;
    let store = house.store(OWNER, 4);
    (house, store)
}

/// Adds to one row and then to another; both fighters stand at the barrier in between, the first
/// time each runs.
async fn fight(store: &Store, rows: [u32; 2], isolation: &str, ring: &Barrier) -> u32 {
    let runs = AtomicU32::new(0);
    let mut conn = store.connection().await.unwrap();
    let work = async |conn: &mut AsyncPgConnection| {
        let run = runs.fetch_add(1, Ordering::SeqCst);
        execute(
            conn,
            &format!("SET TRANSACTION ISOLATION LEVEL {isolation}"),
        )
        .await?;
        let add = |row| format!("UPDATE arena SET n = n + 1 WHERE id = {row}");
        execute(conn, &add(rows[0])).await?;
        if run == 0 {
            ring.wait().await;
        }
        execute(conn, &add(rows[1])).await?;
        Ok(())
    };
    self::run(&mut conn, work).await.unwrap();
    runs.into_inner()
}

#[tokio::test]
async fn of_two_that_wait_for_each_other_one_is_run_again_and_both_succeed() {
    let (house, store) = arena().await;
    let ring = Barrier::new(2);
    let (one, other) = tokio::join!(
        fight(&store, [1, 2], "READ COMMITTED", &ring),
        fight(&store, [2, 1], "READ COMMITTED", &ring),
    );
    let (winner, loser) = (one.min(other), one.max(other));
    assert!(winner == 1 && loser > 1, "{winner} and {loser} runs");
    assert_eq!(house.number("SELECT sum(n) FROM arena").await, 4);
}

#[tokio::test]
async fn a_serialization_failure_is_run_again_and_nothing_is_counted_twice() {
    let (house, store) = arena().await;
    let runs = AtomicU32::new(0);
    let mut conn = store.connection().await.unwrap();
    let beside = &store;
    let work = async |conn: &mut AsyncPgConnection| {
        let isolation = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ";
        execute(conn, isolation).await?;
        execute(conn, "SELECT * FROM arena").await?;
        let add = "UPDATE arena SET n = n + 1 WHERE id = 1";
        if runs.fetch_add(1, Ordering::SeqCst) == 0 {
            // Another one is faster.
            let mut other = beside.connection().await?;
            execute(&mut other, add).await?;
        }
        execute(conn, add).await?;
        Ok(())
    };
    run(&mut conn, work).await.unwrap();
    assert_eq!(runs.into_inner(), 2);
    assert_eq!(house.number("SELECT n FROM arena WHERE id = 1").await, 2);
}

#[tokio::test]
async fn a_transaction_that_always_loses_is_given_up() {
    let (_house, store) = arena().await;
    let runs = AtomicU32::new(0);
    let mut conn = store.connection().await.unwrap();
    let work = async |conn: &mut AsyncPgConnection| {
        runs.fetch_add(1, Ordering::SeqCst);
        execute(
            conn,
            "DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$",
        )
        .await?;
        Ok(())
    };
    let lost = run(&mut conn, work).await.unwrap_err();
    assert_eq!(runs.into_inner(), TRIES_MAX);
    assert!(lost.is_serialization_failure() && lost.is_transient());
    store.ping().await.unwrap();
}

#[tokio::test]
async fn any_other_failure_is_given_back_at_once_and_nothing_of_it_stays() {
    let (house, store) = arena().await;
    let mut conn = store.connection().await.unwrap();
    for statement in [
        "INSERT INTO arena VALUES (1, 1)",
        "INSERT INTO arena VALUES (4, NULL)",
        "SELECT 1 / 0",
        "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '57014'; END $$",
    ] {
        let runs = AtomicU32::new(0);
        let work = async |conn: &mut AsyncPgConnection| {
            runs.fetch_add(1, Ordering::SeqCst);
            execute(conn, "INSERT INTO arena VALUES (3, 0)").await?;
            execute(conn, statement).await?;
            Ok(())
        };
        run(&mut conn, work).await.unwrap_err();
        assert_eq!(runs.into_inner(), 1, "{statement}");
        let rows = "SELECT count(*) FROM arena";
        assert_eq!(house.number(rows).await, 2, "{statement}");
    }
    // The connection is as good as new.
    let work = async |conn: &mut AsyncPgConnection| execute(conn, "SELECT 1").await;
    run(&mut conn, work).await.unwrap();
}
