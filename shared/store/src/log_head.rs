//! Owns `log_head`, the one row that fences the log's sequencer, and the lock that chooses it.

use contract::time::{self, Timestamp};
use diesel::sql_types::{BigInt, Bool, Bytea, Nullable, Text, Timestamptz};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::error::StoreError;

/// The advisory lock of the log's leader: "log-head" in ASCII.
const LEADER_LOCK: i64 = 0x6c6f_672d_6865_6164;
/// After how long without a statement the server ends a leader's connection, in seconds: one that
/// is frozen, or whose machine is gone, must not keep the lock. A leader speaks far more often. With
/// the half second after which those that stand by ask again another leads within five.
pub const LEADER_SILENCE_SECS_MAX: u32 = 4;

/// The log's head: how far it goes, and from where it grows.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct HeadRow {
    /// Which epoch of the log it is in.
    #[diesel(sql_type = BigInt)]
    pub epoch: i64,
    /// That epoch's name in checkpoints.
    #[diesel(sql_type = Text)]
    pub origin: String,
    /// How many leaves it has.
    #[diesel(sql_type = BigInt)]
    pub tree_size: i64,
    /// The root over them: 32 bytes.
    #[diesel(sql_type = Bytea)]
    pub root_hash: Vec<u8>,
    /// The right edge of the tree, as `tlog` writes it.
    #[diesel(sql_type = Bytea)]
    pub frontier: Vec<u8>,
}

/// The head beside what it must agree with, all of one moment.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct StandingRow {
    /// The head.
    #[diesel(embed)]
    pub head: HeadRow,
    /// The index of the epoch's last leaf, if it has leaves.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub last_leaf: Option<i64>,
    /// The largest checkpoint's size, if there are checkpoints.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub checkpoint_size: Option<i64>,
    /// The largest checkpoint's root.
    #[diesel(sql_type = Nullable<Bytea>)]
    pub checkpoint_root: Option<Vec<u8>>,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Makes a connection of its own fit for leading: the server ends it, and with it the lock, when
/// nothing is heard for [`LEADER_SILENCE_SECS_MAX`].
///
/// # Errors
/// What the database answers.
pub async fn prepare_leader(conn: &mut AsyncPgConnection) -> Result<(), StoreError> {
    let silence = LEADER_SILENCE_SECS_MAX;
    let text = format!(
        "SET idle_session_timeout = '{silence}s'; \
         SET idle_in_transaction_session_timeout = '{silence}s'; \
         SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; \
         SET tcp_keepalives_count = 3"
    );
    Ok(conn.batch_execute(&text).await?)
}

/// Tries to become the leader of the log; the lock goes when the connection does.
///
/// # Errors
/// What the database answers.
pub async fn try_lead(conn: &mut AsyncPgConnection) -> Result<bool, StoreError> {
    let answer: Answer = sql_query("SELECT pg_try_advisory_lock($1) AS yes")
        .bind::<BigInt, _>(LEADER_LOCK)
        .get_result(conn)
        .await?;
    Ok(answer.yes)
}

/// Makes the head of a new log, unless there is a head.
///
/// # Errors
/// What the database answers.
pub async fn begin(conn: &mut AsyncPgConnection, head: &HeadRow) -> Result<(), StoreError> {
    let text = "INSERT INTO log_head (origin, tree_size, root_hash, frontier, updated_at, epoch) \
                VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    sql_query(text)
        .bind::<Text, _>(&head.origin)
        .bind::<BigInt, _>(head.tree_size)
        .bind::<Bytea, _>(&head.root_hash)
        .bind::<Bytea, _>(&head.frontier)
        .bind::<Timestamptz, _>(time::now())
        .bind::<BigInt, _>(head.epoch)
        .execute(conn)
        .await?;
    Ok(())
}

/// The head with the last leaf and the largest checkpoint of its log; `None` before the first
/// auditor has started.
///
/// # Errors
/// What the database answers.
pub async fn standing(conn: &mut AsyncPgConnection) -> Result<Option<StandingRow>, StoreError> {
    let text = "SELECT head.epoch, head.origin, head.tree_size, head.root_hash, head.frontier, \
                       (SELECT max(leaf_index) FROM ledger_leaf WHERE epoch = head.epoch) \
                           AS last_leaf, \
                       newest.tree_size AS checkpoint_size, newest.root_hash AS checkpoint_root \
                FROM log_head AS head LEFT JOIN LATERAL \
                    (SELECT tree_size, root_hash FROM log_checkpoint \
                     WHERE origin = head.origin ORDER BY tree_size DESC LIMIT 1) AS newest ON true";
    Ok(sql_query(text).get_result(conn).await.optional()?)
}

/// Moves the head from `old` to `new`, into another epoch too, and says whether it did: not when it
/// is elsewhere, because somebody else leads.
///
/// # Errors
/// What the database answers.
pub async fn swap(
    conn: &mut AsyncPgConnection,
    old: &HeadRow,
    new: &HeadRow,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let text = "UPDATE log_head \
                SET tree_size = $1, root_hash = $2, frontier = $3, updated_at = $4, \
                    epoch = $5, origin = $6 \
                WHERE epoch = $7 AND origin = $8 AND tree_size = $9 AND root_hash = $10";
    let swapped = sql_query(text)
        .bind::<BigInt, _>(new.tree_size)
        .bind::<Bytea, _>(&new.root_hash)
        .bind::<Bytea, _>(&new.frontier)
        .bind::<Timestamptz, _>(at)
        .bind::<BigInt, _>(new.epoch)
        .bind::<Text, _>(&new.origin)
        .bind::<BigInt, _>(old.epoch)
        .bind::<Text, _>(&old.origin)
        .bind::<BigInt, _>(old.tree_size)
        .bind::<Bytea, _>(&old.root_hash)
        .execute(conn)
        .await?;
    Ok(swapped == 1)
}
