//! Owns what can go wrong with the ledger, in the words of a service that uses it.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use thiserror::Error;

/// What can go wrong with the ledger.
#[derive(Debug, Error)]
pub enum StoreError {
    /// No connection could be had in time.
    #[error("get a connection to the ledger")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The ledger's address cannot be read.
    #[error("read the ledger's address")]
    Address(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A statement was not carried out.
    #[error("query the ledger")]
    Query(#[from] DieselError),
    /// The database is not at the migration that this program was built with.
    #[error("the ledger's schema is at {found}, this program needs {needed}: run `assay migrate`")]
    Schema {
        /// The newest migration that was run, or `nothing`.
        found: String,
        /// The newest migration that this program knows.
        needed: String,
    },
    /// The ledger is being made anew from a backup, and that is not finished.
    #[error(
        "the ledger is being restored from the backup {backup}, begun at {since}, and nothing may \
         serve before that is finished: give `assay restore` again"
    )]
    Restoring {
        /// The backup.
        backup: String,
        /// When the restore was begun.
        since: String,
    },
    /// What is sealed does not open, or cannot be sealed: a master key is not the one that it was.
    #[error("open what is sealed: {reason}")]
    Sealed {
        /// Why; free of what is sealed.
        reason: String,
    },
    /// Another one wrote the same in this moment: what was planned is not how it stands any more.
    #[error("another one wrote the same in this moment")]
    Overtaken,
    /// A migration did not run.
    #[error("migrate the ledger: {0}")]
    Migrate(String),
    /// A column holds what the program cannot read: another version wrote it, or somebody else.
    #[error("read {column} of {table}: {reason}")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// Why.
        reason: String,
    },
}

impl StoreError {
    /// The error of adding what was not there when the transaction looked.
    pub(crate) fn of_new(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Overtaken,
            error => Self::Query(error),
        }
    }

    /// Whether the same call may succeed later with nobody changing anything: the database is
    /// away, restarting, or busy.
    pub fn is_transient(&self) -> bool {
        match self {
            // Somebody puts the key back: nothing is given up until then.
            Self::Connect(_) | Self::Sealed { .. } | Self::Overtaken => true,
            Self::Query(error) => is_transient_query(error),
            Self::Address(_)
            | Self::Schema { .. }
            | Self::Restoring { .. }
            | Self::Migrate(_)
            | Self::Unreadable { .. } => false,
        }
    }

    /// Whether the transaction lost against another one and can be run again as it is.
    pub fn is_serialization_failure(&self) -> bool {
        match self {
            Self::Overtaken => true,
            Self::Query(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => {
                true
            }
            // Diesel has no kind for 40P01; Postgres' words for it are fixed.
            Self::Query(DieselError::DatabaseError(DatabaseErrorKind::Unknown, info)) => {
                info.message() == "deadlock detected"
            }
            _ => false,
        }
    }
}

fn is_transient_query(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(kind, info) => match kind {
            DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::SerializationFailure
            | DatabaseErrorKind::ReadOnlyTransaction => true,
            // 57P01–57P03, 53xxx and 40P01 arrive without a kind of their own.
            DatabaseErrorKind::Unknown => {
                let message = info.message();
                [
                    "terminating connection",
                    "the database system is",
                    "connection closed",
                    "too many clients",
                    "remaining connection slots",
                    "deadlock detected",
                    "could not extend file",
                    "No space left on device",
                    "out of shared memory",
                    "canceling statement",
                ]
                .iter()
                .any(|words| message.contains(words))
            }
            _ => false,
        },
        DieselError::BrokenTransactionManager | DieselError::AlreadyInTransaction => true,
        // The connection died at the commit, and could not roll back either.
        DieselError::RollbackErrorOnCommit { commit_error, .. } => is_transient_query(commit_error),
        _ => false,
    }
}
