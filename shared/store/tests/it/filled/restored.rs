//! Owns the rows of a ledger that was made anew from a backup.

use super::*;

pub(super) async fn fill(
    conn: &mut Connection,
    covered: &mut Vec<CoveredRow>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let restore = put!(
        conn,
        covered,
        RestoreRow {
            id: Uuid::now_v7(),
            backup_id: Uuid::now_v7(),
            manifest_digest: Digest::of(b"manifest").to_string(),
            backup_made_at: now,
            recorded_at: now,
        }
    );
    put!(
        conn,
        covered,
        RestoreStepRow {
            restore_id: restore.id,
            step: "finished".to_owned(),
            detail: odd_json(),
            recorded_at: now,
        }
    );
    Ok(())
}
