//! Owns the pool: small, direct, and never waiting for ever.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Object, QueueMode};
use diesel::{ConnectionError, ConnectionResult, sql_query};
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::error::StoreError;
use crate::tls;

/// Longest wait for a connection to come free, and for a new one to be made, in seconds.
pub const CONNECTION_WAIT_SECS: u64 = 5;

/// What each connection is told first. Postgres takes a second to compile a plan that it thinks dear, by
/// statistics that lag behind a ledger that grows, for queries that take some milliseconds (decision 0176).
const SETTINGS: &str = "SET jit = off";

/// A connection from the pool; it goes back when it is dropped.
pub type Connection = Object<AsyncDieselConnectionManager<AsyncPgConnection>>;

/// A connection that belongs to no pool; it is closed when it is dropped.
pub struct Dedicated(AsyncPgConnection);

impl Deref for Dedicated {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Dedicated {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// The ledger, as one role sees it. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: Pool<AsyncPgConnection>,
}

impl Store {
    /// Makes a pool of at most `connections_max` connections to `url`. No connection is opened
    /// before one is asked for.
    ///
    /// # Errors
    /// [`StoreError::Address`] if the pool cannot be made of these settings.
    pub fn open(url: &str, connections_max: usize) -> Result<Self, StoreError> {
        let mut config = ManagerConfig::default();
        // A query at each checkout would double the small transactions' round trips; a dead
        // connection shows at its first query, and that error is transient.
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(|url| Box::pin(connect(url)));
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let wait = Some(Duration::from_secs(CONNECTION_WAIT_SECS));
        let pool = Pool::builder(manager)
            .max_size(connections_max)
            // The one that was used last has at hand what it needs; in turns, each would have to make
            // its own ready, and to fetch it again.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .wait_timeout(wait)
            .create_timeout(wait)
            .recycle_timeout(wait)
            .build()
            .map_err(|error| StoreError::Address(error.into()))?;
        Ok(Self { pool })
    }

    /// Takes a connection.
    ///
    /// # Errors
    /// [`StoreError::Connect`] if none could be had in [`CONNECTION_WAIT_SECS`].
    pub async fn connection(&self) -> Result<Connection, StoreError> {
        self.pool
            .get()
            .await
            .map_err(|error| StoreError::Connect(error.into()))
    }

    /// Takes a connection out of the pool for good: for what is bound to one connection and must
    /// end with it, as a leader's lock is.
    ///
    /// # Errors
    /// As [`Store::connection`].
    pub async fn dedicated(&self) -> Result<Dedicated, StoreError> {
        Ok(Dedicated(Object::take(self.connection().await?)))
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// Those of [`Store::connection`], and what the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut conn = self.connection().await?;
        sql_query("SELECT 1").execute(&mut conn).await?;
        Ok(())
    }
}

async fn connect(url: &str) -> ConnectionResult<AsyncPgConnection> {
    let mut conn = tls::connect(url).await?;
    let set = conn.batch_execute(SETTINGS).await;
    set.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}
