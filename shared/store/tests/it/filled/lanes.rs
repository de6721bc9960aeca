//! Owns the rows of what lanes said, and of what is missing.

use store::lane::ManifestRow;
use store::lane_hole::{HoleRow, MISSING};
use store::lane_hole_accepted::AcceptedRow;

use super::*;

/// `order` is a command: that somebody accepted the hole.
pub(super) async fn fill(
    conn: &mut Connection,
    covered: &mut Vec<CoveredRow>,
    order: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    let manifest = put!(
        conn,
        covered,
        ManifestRow {
            id: Uuid::now_v7(),
            lane_id: Uuid::now_v7(),
            from_number: 1,
            through_number: 3,
            given_number: 4,
            void: json!([{ "first": 3, "last": 3 }]),
            spooled: json!([]),
            sources: json!(["github"]),
            deliveries: Uuid::now_v7().as_bytes().to_vec(),
            sequence_first: Some(7),
            sequence_last: Some(7),
            closing: false,
            said_at: now,
            recorded_at: now,
        }
    );
    let hole = put!(
        conn,
        covered,
        HoleRow {
            id: Uuid::now_v7(),
            lane_id: manifest.lane_id,
            number: 2,
            delivery_id: Uuid::now_v7(),
            what: MISSING.to_owned(),
            sequence: None,
            recorded_at: now,
        }
    );
    put!(
        conn,
        covered,
        AcceptedRow {
            lane_id: hole.lane_id,
            number: hole.number,
            delivery_id: hole.delivery_id,
            command_id: order,
            recorded_at: now,
        }
    );
    Ok(())
}
