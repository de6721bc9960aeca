//! Postgres goes away and comes back: the pool recovers by itself, and the error says that it may.

use diesel::sql_query;
use diesel_async::RunQueryDsl;
use servers::postgres::OWNER;
use store::error::StoreError;
use store::pool::Store;
use store::transaction;
use testkit::house::House;
use testkit::wait;

async fn answers(store: &Store) -> Result<(), String> {
    store.ping().await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_killed_postgres_is_a_passing_trouble_and_the_pool_recovers() {
    let mut house = House::with_postgres().await;
    let store = house.store("assay_verifier", 3);
    // Every connection of the pool is in use, and dies.
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut conn = store.connection().await.unwrap();
        sql_query("SELECT 1").execute(&mut conn).await.unwrap();
        held.push(conn);
    }
    house.postgres_mut().kill().await.unwrap();
    for conn in &mut held {
        // Its backend answers until it notices that the server is gone.
        let died = wait::until("the connection dies", async || {
            let answered = sql_query("SELECT 1").execute(conn).await;
            answered.err().ok_or_else(|| "an answer".to_owned())
        });
        let died = StoreError::from(died.await);
        assert!(died.is_transient(), "{died:?}");
        assert!(!died.is_serialization_failure());
    }
    drop(held);
    // One that said that it dies is handed out again until it is seen to be closed.
    wait::until("no connection is to be had", async || {
        let refused = store.ping().await.unwrap_err();
        assert!(refused.is_transient(), "{refused:?}");
        match refused {
            StoreError::Connect(_) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;

    house.postgres_mut().start_again().await.unwrap();
    wait::until("the ledger answers", async || answers(&store).await).await;
    // Not by luck: each of its connections works.
    for _ in 0..3 {
        held = vec![store.connection().await.unwrap()];
        sql_query("SELECT 1").execute(&mut held[0]).await.unwrap();
    }
}

#[tokio::test]
async fn connections_that_died_in_the_pool_are_not_handed_out() {
    let mut house = House::with_postgres().await;
    let store = house.store("assay_verifier", 4);
    let pings = (0..4).map(|_| store.ping());
    futures::future::try_join_all(pings).await.unwrap();
    house.postgres_mut().stop().await.unwrap();
    house.postgres_mut().start_again().await.unwrap();
    wait::until("the ledger answers", async || answers(&store).await).await;
    let pings = (0..4).map(|_| store.ping());
    futures::future::try_join_all(pings).await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_dies_at_its_commit_may_be_tried_again() {
    let house = House::with_postgres().await;
    // The connection is ended by the commit itself.
    house
        .sql(
            "CREATE TABLE fragile (id int); \
             CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'; \
             CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON fragile \
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()",
        )
        .await;
    let store = house.store(OWNER, 1);
    let mut conn = store.connection().await.unwrap();
    let work = async |conn: &mut diesel_async::AsyncPgConnection| {
        sql_query("INSERT INTO fragile VALUES (1)")
            .execute(conn)
            .await?;
        Ok(())
    };
    let died = transaction::run(&mut conn, work).await.unwrap_err();
    assert!(died.is_transient(), "{died:?}");
    drop(conn);
    wait::until("the ledger answers", async || answers(&store).await).await;
    assert_eq!(house.number("SELECT count(*) FROM fragile").await, 0);
}

#[tokio::test]
async fn what_passes_by_itself_is_told_from_what_does_not() {
    let house = House::with_postgres().await;
    let store = house.store(OWNER, 1);
    let raise = |code: &str, message: &str| {
        format!("DO $$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '{code}'; END $$")
    };
    let timeout = "SET statement_timeout = 10; SELECT pg_sleep(60)".to_owned();
    for (statements, transient) in [
        (raise("40001", "could not serialize access"), true),
        (raise("40P01", "deadlock detected"), true),
        (
            raise(
                "57P01",
                "terminating connection due to administrator command",
            ),
            true,
        ),
        (raise("53300", "sorry, too many clients already"), true),
        (
            raise("53100", "could not extend file: No space left on device"),
            true,
        ),
        (
            raise("25006", "cannot execute INSERT in a read-only transaction"),
            true,
        ),
        (timeout, true),
        (raise("22021", "invalid byte sequence"), false),
        (raise("23505", "duplicate key"), false),
        (raise("23503", "foreign key"), false),
        (raise("42P01", "relation does not exist"), false),
        (raise("42501", "permission denied"), false),
        ("SELECT 1 FROM".to_owned(), false),
    ] {
        let mut conn = store.connection().await.unwrap();
        let failed = diesel_async::SimpleAsyncConnection::batch_execute(&mut *conn, &statements);
        let failed = StoreError::from(failed.await.unwrap_err());
        assert_eq!(failed.is_transient(), transient, "{statements}: {failed:?}");
    }
    let nowhere = Store::open("postgres://assay_reader@%2Fnowhere/assay", 1).unwrap();
    assert!(nowhere.ping().await.unwrap_err().is_transient());
}

#[tokio::test]
async fn a_pool_without_a_free_connection_does_not_wait_for_ever() {
    let house = House::with_postgres().await;
    let store = house.store("assay_verifier", 1);
    let _held = store.connection().await.unwrap();
    let refused = store.ping().await.unwrap_err();
    assert!(matches!(refused, StoreError::Connect(_)), "{refused:?}");
    assert!(refused.is_transient());
}
