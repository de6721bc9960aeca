//! Owns the rows that audit entries cover, as the ledger has them now: what the check of the log
//! holds against the digests that were logged.

use contract::audit::CoveredRow;
use diesel_async::AsyncPgConnection;
use uuid::Uuid;

use crate::attempt::AttemptRow;
use crate::attempt_snapshot::AttemptSnapshotRow;
use crate::command::CommandRow;
use crate::dead_letter::DeadLetterRow;
use crate::delivery::{ConflictRow, DeliveryRow, ReceiptRow};
use crate::erasure::{ErasureRow, HoldRow};
use crate::error::StoreError;
use crate::lab::LabRow;
use crate::lab_session::SessionRow;
use crate::lab_version::LabVersionRow;
use crate::lane::ManifestRow;
use crate::lane_hole::HoleRow;
use crate::lane_hole_accepted::AcceptedRow;
use crate::listing::{ListingDueRow, ListingPartRow};
use crate::principal::PrincipalRow;
use crate::push::PushRow;
use crate::reconciliation::{GapRow, ReconciliationRow};
use crate::removal::RemovalRow;
use crate::restore::{RestoreRow, RestoreStepRow};
use crate::row::{LedgerRow, covered_now, texts_now};
use crate::snapshot::SnapshotRow;
use crate::status_report::StatusReportRow;
use crate::verification_attempt::VerificationRow;
use crate::verification_claim::ClaimRow;
use crate::verification_origin::OriginRow;
use crate::verification_refused::RefusedRow;
use crate::verification_request::RequestRow;
use crate::work_remade::RemadeRow;

/// Declares which row type reads which table.
macro_rules! tables {
    ($($row:ident),+ $(,)?) => {
        /// The rows of `table` whose key begins with one of these ids, with their digests as they
        /// are now; `None` for a table that no entry covers.
        ///
        /// # Errors
        /// What the database answers.
        pub async fn now(
            conn: &mut AsyncPgConnection,
            table: &str,
            first: &[Uuid],
        ) -> Result<Option<Vec<CoveredRow>>, StoreError> {
            $(
                if table == $row::TABLE {
                    return Ok(Some(covered_now::<$row>(conn, first).await?));
                }
            )+
            Ok(None)
        }

        /// The same rows, each with its canonical text: what its digest is of.
        ///
        /// # Errors
        /// What the database answers.
        pub async fn texts(
            conn: &mut AsyncPgConnection,
            table: &str,
            first: &[Uuid],
        ) -> Result<Option<Vec<(CoveredRow, String)>>, StoreError> {
            $(
                if table == $row::TABLE {
                    return Ok(Some(texts_now::<$row>(conn, first).await?));
                }
            )+
            Ok(None)
        }

        /// The tables whose rows entries cover, each with the columns of its key.
        pub(crate) const TABLES: &[(&str, &[&str])] = &[$(($row::TABLE, $row::KEYS)),+];
    };
}

tables!(
    AcceptedRow,
    AttemptRow,
    AttemptSnapshotRow,
    ClaimRow,
    CommandRow,
    ConflictRow,
    DeadLetterRow,
    DeliveryRow,
    ErasureRow,
    GapRow,
    HoleRow,
    HoldRow,
    LabRow,
    LabVersionRow,
    ListingDueRow,
    ListingPartRow,
    ManifestRow,
    OriginRow,
    PrincipalRow,
    PushRow,
    ReceiptRow,
    ReconciliationRow,
    RefusedRow,
    RemadeRow,
    RemovalRow,
    RequestRow,
    RestoreRow,
    RestoreStepRow,
    SessionRow,
    SnapshotRow,
    StatusReportRow,
    VerificationRow,
);
