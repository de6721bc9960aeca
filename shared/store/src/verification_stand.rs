//! Owns how tries of many requests stand: whether they are claimed, and whether they are over.

use contract::ids::RequestId;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::AsyncPgConnection;
use uuid::Uuid;

use crate::error::StoreError;

/// How a request's try stands.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct StandRow {
    /// The request.
    #[diesel(sql_type = SqlUuid)]
    pub request_id: Uuid,
    /// The lab version that it is to be verified with; `None` where there is no such request.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub lab_version_id: Option<Uuid>,
    /// The newest claim's token; 0 where nobody has claimed it.
    #[diesel(sql_type = BigInt)]
    pub token: i64,
    /// Whether it has a result.
    #[diesel(sql_type = Bool)]
    pub is_over: bool,
}

/// How these tries stand: a row for each, in any order.
///
/// # Errors
/// What the database answers.
pub async fn of(
    conn: &mut AsyncPgConnection,
    tries: &[(RequestId, i32)],
) -> Result<Vec<StandRow>, StoreError> {
    let requests: Vec<Uuid> = tries.iter().map(|(request, _)| request.as_uuid()).collect();
    let numbers: Vec<i32> = tries.iter().map(|(_, number)| *number).collect();
    let query = sql_query(include_str!("verification_stand.sql"))
        .bind::<Array<SqlUuid>, _>(requests)
        .bind::<Array<Integer>, _>(numbers);
    Ok(crate::prepared::RunPrepared::load(query, conn).await?)
}
