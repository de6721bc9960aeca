//! Owns the question by which key the log is signed: the changes of the key that are leaves.

use diesel::sql_types::{BigInt, Bool, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;

/// The action of an entry that changes the key.
pub const ACTION: &str = "log.key";

/// A change of the log's key.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct KeyChangeRow {
    /// The entry.
    #[diesel(sql_type = SqlUuid)]
    pub audit_entry_id: Uuid,
    /// The epoch of its leaf.
    #[diesel(sql_type = BigInt)]
    pub epoch: i64,
    /// Its leaf.
    #[diesel(sql_type = BigInt)]
    pub leaf_index: i64,
    /// The canonical text.
    #[diesel(sql_type = Text)]
    pub entry: String,
    /// Whether a checkpoint covers it.
    #[diesel(sql_type = Bool)]
    pub covered: bool,
}

/// The changes of the key in the order of the log.
///
/// # Errors
/// What the database answers.
pub async fn changes(conn: &mut AsyncPgConnection) -> Result<Vec<KeyChangeRow>, StoreError> {
    // The action stands in the text, so that the index of these few entries is used. OFFSET 0 keeps the
    // look-up of each leaf by its entry: a join read all leaves, whatever their number.
    let text = "SELECT entry.id AS audit_entry_id, leaf.epoch, leaf.leaf_index, entry.entry, \
                EXISTS (SELECT FROM log_checkpoint AS signed WHERE signed.origin = named.origin \
                    AND signed.tree_size > leaf.leaf_index) AS covered \
                FROM audit_entry AS entry \
                CROSS JOIN LATERAL (SELECT epoch, leaf_index FROM ledger_leaf \
                    WHERE audit_entry_id = entry.id OFFSET 0) AS leaf \
                JOIN log_epoch AS named ON named.epoch = leaf.epoch \
                WHERE entry.action = 'log.key' ORDER BY leaf.epoch, leaf.leaf_index";
    Ok(sql_query(text).load(conn).await?)
}
