//! Owns the rows of a verification that was judged, and of a result that came too late.

use contract::audit::CoveredRow;
use contract::digest::Digest;
use contract::ids::RequestId;
use contract::time::Timestamp;
use store::attempt::AttemptRow;
use store::error::StoreError;
use store::lab_version::LabVersionRow;
use store::pool::Connection;
use store::row::LedgerRow;
use store::status_report::StatusReportRow;
use store::verification_attempt::VerificationRow;
use store::verification_claim;
use store::verification_origin::OriginRow;
use store::verification_refused::RefusedRow;
use store::verification_request::RequestRow;
use uuid::Uuid;

use super::{ODD_TEXT, odd_json};

/// A request with its claim, and what became of it.
pub(super) async fn fill(
    conn: &mut Connection,
    covered: &mut Vec<CoveredRow>,
    attempt: &AttemptRow,
    version: &LabVersionRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    let request = put!(
        conn,
        covered,
        RequestRow {
            id: RequestId::new().as_uuid(),
            cause: format!("push:{}", attempt.push_id),
            lab_attempt_id: attempt.id,
            lab_version_id: version.id,
            lane: "live".to_owned(),
            trace_id: attempt.trace_id.clone(),
            recorded_at: now,
        }
    );
    put!(
        conn,
        covered,
        StatusReportRow {
            id: Uuid::now_v7(),
            lab_attempt_id: attempt.id,
            number: 1,
            request_id: request.id,
            try_number: None,
            state: "pending".to_owned(),
            digest: Digest::of(b"status").to_string(),
            outcome: "refused".to_owned(),
            reason: Some(ODD_TEXT.to_owned()),
            recorded_at: now,
        }
    );
    let id = RequestId::from_uuid(request.id);
    let claim = verification_claim::claim(conn, id, 1, "worker", now).await?;
    covered.push(claim.covered());
    let verification = put!(
        conn,
        covered,
        VerificationRow {
            id: Uuid::now_v7(),
            request_id: request.id,
            try_number: 1,
            token: claim.token,
            result: "error".to_owned(),
            cause: Some("worker-lost".to_owned()),
            detail: Some(ODD_TEXT.to_owned()),
            points: 1,
            points_max: 2,
            steps: odd_json(),
            limits: odd_json(),
            peaks: odd_json(),
            snapshot_digest: None,
            lab_version_digest: version.digest.clone(),
            log_digest: Some(Digest::of(b"log").to_string()),
            log_bytes: Some(3),
            runner: "bubblewrap".to_owned(),
            worker: "worker".to_owned(),
            retry_at: Some(now),
            started_at: now,
            finished_at: now,
            recorded_at: now,
        }
    );
    fill_outcome(conn, covered, &verification, now).await
}

/// What made a result, and one that came too late.
async fn fill_outcome(
    conn: &mut Connection,
    covered: &mut Vec<CoveredRow>,
    verification: &VerificationRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    put!(
        conn,
        covered,
        OriginRow {
            verification_attempt_id: verification.id,
            lane: "live".to_owned(),
            box_of: odd_json(),
            box_digest: Digest::of(b"box").to_string(),
            tools: odd_json(),
            recorded_at: now,
        }
    );
    put!(
        conn,
        covered,
        RefusedRow {
            request_id: verification.request_id,
            try_number: 1,
            token: 1,
            worker: "worker".to_owned(),
            result: "pass".to_owned(),
            cause: None,
            reason: ODD_TEXT.to_owned(),
            started_at: now,
            finished_at: now,
            recorded_at: now,
        }
    );
    Ok(())
}
