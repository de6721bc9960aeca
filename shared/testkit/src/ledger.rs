//! Owns a test's own look at the ledger: plain SQL, beside the store that is being tested.

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use servers::postgres::{DATABASE, OWNER};

use crate::house::House;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl House {
    /// Runs statements as the role; gives back what the database says against it.
    pub async fn sql_as(&self, role: &str, statements: &str) -> Result<(), String> {
        let mut conn = self.connect(role).await;
        let run = conn.batch_execute(statements).await;
        run.map_err(|error| error.to_string())
    }

    /// Runs statements as the database's owner, who may do anything; panics if they fail.
    pub async fn sql(&self, statements: &str) {
        let run = self.sql_as(OWNER, statements).await;
        run.unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// The one whole number that a query as the owner finds: `SELECT count(*) FROM push`.
    pub async fn number(&self, query: &str) -> i64 {
        let mut conn = self.connect(OWNER).await;
        let of_the_query = sql_query(format!("SELECT ({query})::bigint AS number"));
        let found = of_the_query.get_result::<Number>(&mut conn).await;
        found
            .unwrap_or_else(|error| panic!("{query}: {error}"))
            .number
    }

    /// The rows that a query as the owner finds, each as JSON text: `{"result":"pass"}`.
    pub async fn rows(&self, query: &str) -> Vec<String> {
        let mut conn = self.connect(OWNER).await;
        let of_the_query = format!(
            "SELECT row_to_json(of_the_query)::text AS line FROM ({query}) AS of_the_query"
        );
        let found = sql_query(of_the_query).get_results::<Line>(&mut conn).await;
        let found = found.unwrap_or_else(|error| panic!("{query}: {error}"));
        found.into_iter().map(|row| row.line).collect()
    }

    /// Takes the database away with all that is in it, and the services' roles; an empty one is
    /// there in its place.
    pub async fn lose_database(&self) {
        let roles: Vec<String> = self
            .rows("SELECT rolname FROM pg_roles WHERE rolname LIKE 'assay\\_%'")
            .await
            .into_iter()
            .filter_map(|row| row.split('"').nth(3).map(str::to_owned))
            .filter(|role| role != OWNER)
            .collect();
        let elsewhere = self.postgres().url(OWNER, "postgres");
        let mut conn = AsyncPgConnection::establish(&elsewhere)
            .await
            .expect("a connection to the private Postgres");
        let mut statements = vec![
            format!("DROP DATABASE {DATABASE} WITH (FORCE)"),
            format!("CREATE DATABASE {DATABASE}"),
        ];
        statements.extend(roles.iter().map(|role| format!("DROP ROLE {role}")));
        for statement in statements {
            let run = conn.batch_execute(&statement).await;
            run.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }

    async fn connect(&self, role: &str) -> AsyncPgConnection {
        let connected = AsyncPgConnection::establish(&self.database_url(role)).await;
        connected.expect("a connection to the private Postgres")
    }
}
