//! Owns the question what the database's server is: version, clock, whether it syncs, its room.

use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Bool, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::StoreError;

/// The database's server, as one role sees it.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct ServerRow {
    /// Its major version.
    #[diesel(sql_type = BigInt)]
    pub major: i64,
    /// Its version, in its own words.
    #[diesel(sql_type = Text)]
    pub version: String,
    /// Its clock.
    #[diesel(sql_type = Timestamptz)]
    pub clock: Timestamp,
    /// Whether what is committed is on the disk.
    #[diesel(sql_type = Bool)]
    pub durable: bool,
    /// Connections that it takes.
    #[diesel(sql_type = BigInt)]
    pub connections_max: i64,
    /// Connections that there are.
    #[diesel(sql_type = BigInt)]
    pub connections: i64,
    /// Whether it only follows another one.
    #[diesel(sql_type = Bool)]
    pub standby: bool,
    /// Whether whoever asks may do more than any service must: everything, or change the ledger.
    #[diesel(sql_type = Bool)]
    pub privileged: bool,
}

/// Asks the server.
///
/// # Errors
/// Those of a query.
pub async fn server(conn: &mut AsyncPgConnection) -> Result<ServerRow, StoreError> {
    Ok(sql_query(include_str!("server.sql"))
        .get_result(conn)
        .await?)
}
