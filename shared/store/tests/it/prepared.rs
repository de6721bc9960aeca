//! What writes rows is prepared once a connection, and an upgrade in its midst disturbs it not.

use contract::time::now;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store::principal::{self, PrincipalRow};
use testkit::house::House;
use uuid::Uuid;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many statements that begin so the connection keeps.
async fn kept(conn: &mut AsyncPgConnection, beginning: &str) -> i64 {
    let text = "SELECT count(*) AS count FROM pg_prepared_statements \
                WHERE statement LIKE $1 || '%'";
    let count: Count = sql_query(text)
        .bind::<Text, _>(beginning)
        .get_result(conn)
        .await
        .unwrap();
    count.count
}

fn person() -> PrincipalRow {
    PrincipalRow {
        id: Uuid::now_v7(),
        provider: "github".to_owned(),
        account: Uuid::now_v7().to_string(),
        recorded_at: now(),
    }
}

#[tokio::test]
async fn rows_are_written_by_what_was_prepared_before_while_an_upgrade_adds_a_column() {
    let house = House::with_postgres().await;
    let store = house.store("assay_attempt_writer", 1);
    let mut conn = store.connection().await.unwrap();
    let (first, second, third) = (person(), person(), person());
    for rows in [vec![first.clone()], vec![second.clone(), first.clone()]] {
        PrincipalRow::insert(&mut conn, &rows).await.unwrap();
    }
    assert_eq!(kept(&mut conn, "INSERT INTO principal ").await, 1);
    let ids = [first.id, second.id, third.id];
    let found = principal::find(&mut conn, &ids).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(kept(&mut conn, "SELECT * FROM principal").await, 0);

    house
        .sql("ALTER TABLE principal ADD COLUMN later text")
        .await;
    let new = PrincipalRow::insert(&mut conn, &[third.clone(), first]).await;
    assert_eq!(new.unwrap().into_iter().collect::<Vec<_>>(), [third.id]);
    let found = principal::find(&mut conn, &ids).await.unwrap();
    assert_eq!(found.len(), 3);
}

#[tokio::test]
async fn a_connection_has_no_plan_compiled() {
    let house = House::with_postgres().await;
    let store = house.store("assay_attempt_writer", 1);
    let mut conn = store.connection().await.unwrap();
    let text = "SELECT (setting = 'off')::int::bigint AS count FROM pg_settings WHERE name = 'jit'";
    let off: Count = sql_query(text).get_result(&mut conn).await.unwrap();
    assert_eq!(off.count, 1);
}
