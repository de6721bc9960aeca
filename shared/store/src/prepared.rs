//! Owns running statements that each connection prepares once: those that write rows, a step of the
//! log, and what a batch finds by keys. Diesel prepares the text of a `sql_query` anew each time, which
//! costs a round trip and the planner's work. What else looks rows up is better planned anew: a plan
//! that was made while a table was empty would read the whole of it later, but in a transaction
//! [by keys](crate::transaction::by_keys).

use diesel::QueryResult;
use diesel::pg::{Pg, PgQueryBuilder};
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};
use diesel_async::methods::{ExecuteDsl, LoadQuery};
use diesel_async::return_futures::{GetResult, LoadFuture};
use diesel_async::{AsyncConnectionCore, AsyncPgConnection, RunQueryDsl};

/// A query whose text is one of few: a connection keeps what it prepared of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prepared<Q>(Q);

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, backend: &Pg) -> QueryResult<bool> {
        let mut text = PgQueryBuilder::default();
        self.0.to_sql(&mut text, backend)?;
        Ok(!names_all_columns(&text.finish()))
    }
}

/// Whether a query gives all columns of a table. While an upgrade adds one, what was prepared before
/// is refused ("cached plan must not change result type"), on that connection for ever.
fn names_all_columns(text: &str) -> bool {
    ["SELECT *", ".*", ") * FROM", "RETURNING *"]
        .iter()
        .any(|all| text.contains(all))
}

impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();

    // It is told apart by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}

/// Runs a statement, prepared once a connection; used in the place of [`RunQueryDsl`], whose names
/// it has.
pub(crate) trait RunPrepared: Sized {
    /// As [`RunQueryDsl::execute`].
    fn execute<'conn, 'query>(
        self,
        conn: &'conn mut AsyncPgConnection,
    ) -> <AsyncPgConnection as AsyncConnectionCore>::ExecuteFuture<'conn, 'query>
    where
        Prepared<Self>: ExecuteDsl<AsyncPgConnection> + 'query,
    {
        RunQueryDsl::execute(Prepared(self), conn)
    }

    /// As [`RunQueryDsl::load`].
    fn load<'query, 'conn, U: Send>(
        self,
        conn: &'conn mut AsyncPgConnection,
    ) -> LoadFuture<'conn, 'query, Prepared<Self>, AsyncPgConnection, U>
    where
        Prepared<Self>: LoadQuery<'query, AsyncPgConnection, U> + 'query,
    {
        RunQueryDsl::load(Prepared(self), conn)
    }

    /// As [`RunQueryDsl::get_result`].
    fn get_result<'query, 'conn, U: Send + 'conn>(
        self,
        conn: &'conn mut AsyncPgConnection,
    ) -> GetResult<'conn, 'query, Prepared<Self>, AsyncPgConnection, U>
    where
        Prepared<Self>: LoadQuery<'query, AsyncPgConnection, U> + 'query,
    {
        RunQueryDsl::get_result(Prepared(self), conn)
    }
}

impl<Q> RunPrepared for Q where Q: QueryFragment<Pg> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_all_columns_is_not_kept() {
        for (text, expected) in [
            ("SELECT * FROM push WHERE id = $1", true),
            ("SELECT lab_attempt.* FROM lab_attempt", true),
            ("SELECT DISTINCT ON (lab_id) * FROM lab_version", true),
            ("INSERT INTO t (id) SELECT $1 RETURNING *", true),
            ("SELECT id, count(*) FROM push GROUP BY id", false),
            ("INSERT INTO t (id) SELECT UNNEST($1) RETURNING id", false),
        ] {
            assert_eq!(names_all_columns(text), expected, "{text}");
        }
    }
}
