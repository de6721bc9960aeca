//! Owns the one way to run a transaction: READ COMMITTED, and run again when it lost against
//! another one. No network call but the ledger's own belongs inside.

use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager};
use retry::delays::Delays;
use retry::policy::QUICK;

use crate::error::StoreError;

/// A connection, inside a transaction or not: what the queries of this crate take first.
pub type LedgerConnection = AsyncPgConnection;

/// How each transaction begins, but those that find rows by their keys.
const BEGIN: &str = "BEGIN";
/// How a transaction begins that finds rows by their keys alone. A plan that a connection keeps was
/// made when tables may have been empty, and would go through the whole of them later: these never do.
/// It does not know the values either, which change no plan by keys.
const BEGIN_BY_KEYS: &str = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; \
                             SET LOCAL enable_seqscan = off";

/// How often a transaction that lost against another is run before its error is given back.
pub const TRIES_MAX: u32 = 5;

/// An async closure over a connection whose future can be sent between threads. Stable Rust has
/// no way to say so but a trait of its own, which every such closure has.
pub trait Work<'conn, T>:
    AsyncFn(&'conn mut AsyncPgConnection) -> Result<T, StoreError>
    + Fn(&'conn mut AsyncPgConnection) -> <Self as Work<'conn, T>>::Future
{
    /// The closure's future.
    type Future: Future<Output = Result<T, StoreError>>;
}

impl<'conn, T, F, Fut> Work<'conn, T> for F
where
    F: AsyncFn(&'conn mut AsyncPgConnection) -> Result<T, StoreError>
        + Fn(&'conn mut AsyncPgConnection) -> Fut,
    Fut: Future<Output = Result<T, StoreError>>,
{
    type Future = Fut;
}

/// Runs `work` in a transaction and commits it; rolls back when it fails.
///
/// # Errors
/// What `work` gives back, or what the database answers to BEGIN or COMMIT. A serialization
/// failure or a deadlock is given back only after [`TRIES_MAX`] runs.
pub async fn run<T, F>(conn: &mut AsyncPgConnection, work: F) -> Result<T, StoreError>
where
    for<'r> F: Work<'r, T, Future: Send> + Send + Sync,
    T: Send,
{
    again(conn, BEGIN, work).await
}

/// As [`run`], for work that finds rows by their keys alone: what it runs is planned once a
/// connection, and never goes through a whole table that has an index.
///
/// # Errors
/// As [`run`].
pub async fn by_keys<T, F>(conn: &mut AsyncPgConnection, work: F) -> Result<T, StoreError>
where
    for<'r> F: Work<'r, T, Future: Send> + Send + Sync,
    T: Send,
{
    again(conn, BEGIN_BY_KEYS, work).await
}

async fn again<T, F>(conn: &mut AsyncPgConnection, begin: &str, work: F) -> Result<T, StoreError>
where
    for<'r> F: Work<'r, T, Future: Send> + Send + Sync,
    T: Send,
{
    let mut tries = 0;
    let mut delays = Delays::new(&QUICK);
    loop {
        tries += 1;
        match once(conn, begin, &work).await {
            Err(error) if error.is_serialization_failure() && tries < TRIES_MAX => {
                tracing::debug!(tries, "run the transaction again: it lost against another");
                // At once it would take its first locks again before the winner, which was
                // waiting for them, is awake: and lose again.
                tokio::time::sleep(delays.next()).await;
            }
            outcome => return outcome,
        }
    }
}

async fn once<T, F>(conn: &mut AsyncPgConnection, begin: &str, work: &F) -> Result<T, StoreError>
where
    for<'r> F: Work<'r, T, Future: Send> + Send + Sync,
    T: Send,
{
    AnsiTransactionManager::begin_transaction_sql(conn, begin).await?;
    match work(conn).await {
        Ok(done) => {
            AnsiTransactionManager::commit_transaction(conn).await?;
            Ok(done)
        }
        Err(error) => {
            // The first error is the one that says what happened; a connection that cannot roll
            // back is thrown away by the pool.
            let _ = AnsiTransactionManager::rollback_transaction(conn).await;
            Err(error)
        }
    }
}
