//! Owns the count of everything: what is recorded, judged, running, queued.

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::StoreError;

macro_rules! counts {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, QueryableByName)]
        pub struct $name {
            $($(#[$fdoc])* #[diesel(sql_type = BigInt)] pub $field: i64,)+
        }
    };
}

counts! {
    /// How many of each there are.
    Status {
        /// Deliveries recorded.
        deliveries,
        /// Deliveries whose id came with another body.
        conflicts,
        /// Pushes in them.
        pushes,
        /// Sessions opened.
        sessions,
        /// Attempts recorded.
        attempts,
        /// Of those, the ones received after their session's deadline.
        late,
        /// Trees preserved.
        snapshots,
        /// People who were erased.
        people_erased,
        /// Attempts of theirs: the rows stay.
        attempts_erased,
        /// Raw bodies that were removed, by an erasure or a rule.
        raw_bodies_removed,
        /// Logs that were removed.
        logs_removed,
        /// Snapshots that were removed; they are counted among the preserved.
        snapshots_removed,
        /// Leaves of the log.
        leaves,
        /// Audit entries without a leaf yet.
        pending,
        /// Verification requests.
        requests,
        /// Those that passed.
        passed,
        /// Those that failed.
        failed,
        /// Those that a newer push took the place of.
        superseded,
        /// Those whose lab has nothing run.
        unchecked,
        /// Those that could not be judged and will not be tried again.
        errors,
        /// Those that could not be judged and will be tried again.
        retrying,
        /// Those that a worker has claimed.
        running,
        /// Those whose tree is preserved and that no worker has claimed.
        queued_to_verify,
        /// Those whose tree is not preserved yet.
        queued_to_snapshot,
        /// How often work was asked for again that no queue had any more.
        remade,
    }
}

impl Status {
    /// Requests that somebody must still work on.
    pub const fn open(&self) -> i64 {
        self.retrying + self.running + self.queued_to_verify + self.queued_to_snapshot
    }
}

/// Counts everything.
///
/// # Errors
/// What the database answers.
pub async fn status(conn: &mut AsyncPgConnection) -> Result<Status, StoreError> {
    Ok(sql_query(include_str!("status.sql"))
        .get_result(conn)
        .await?)
}
