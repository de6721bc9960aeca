//! Owns what webhook-ingest says of a delivery it accepted. The body travels beside it, as zstd of
//! the raw bytes that were signed, or in the object store under its digest (claim check).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::canonical::canonical_json;
use crate::digest::Digest;
use crate::ids::{DeliveryId, LaneId, PushId};
use crate::name::{CommitSha, Repository, SourceName};
use crate::time::Timestamp;

/// `ce-type` of a received delivery.
pub const DELIVERY_RECEIVED: &str = "dev.assay.delivery.received.v1";
/// The header that carries [`DeliveryReceived`] as JSON.
pub const DELIVERY_HEADER: &str = "Assay-Delivery";
/// Largest compressed body that travels inside the message, in bytes; a larger one is kept in the
/// object store and named by its digest.
pub const INLINE_BYTES_MAX: usize = 256 * 1024;
/// Prefix of every delivery's subject.
pub const SUBJECT_PREFIX: &str = "assay.delivery";

/// The event of a delivery that no forge sent: reconciler found that a ref is elsewhere than the
/// ledger last saw it. Its body is [`RefFound`]. No webhook may come under this name.
pub const REF_FOUND: &str = "assay-ref-found";
/// What stands for the secret's name in a delivery that reconciler made: nobody signed it.
pub const RECONCILER_KEY: &str = "assay-reconciler";

/// The body of a delivery of the event [`REF_FOUND`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RefFound {
    /// The repository.
    pub repository: Repository,
    /// The whole ref: `refs/heads/main`.
    pub ref_name: String,
    /// Where the ledger last saw it; `None` where it had never seen it, or seen it deleted.
    pub before: Option<CommitSha>,
    /// Where it is; `None` where it is gone.
    pub after: Option<CommitSha>,
    /// The ledger's newest push of the ref, by which a ref that goes to and fro is told apart.
    pub since: Option<PushId>,
}

impl RefFound {
    /// What stands for the forge's delivery id: the same for whoever finds this, as long as the
    /// ledger has no newer push of the ref.
    pub fn forge_delivery(&self) -> String {
        let digest = Digest::of(canonical_json(self).as_bytes());
        format!("{REF_FOUND}:{digest}")
    }
}

/// A webhook request that was verified and accepted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeliveryReceived {
    /// Computed from the source and the forge's id.
    pub delivery: DeliveryId,
    /// Who received it, and by whose secret it was verified.
    pub source: SourceName,
    /// The forge's own id of the delivery.
    pub forge_delivery: String,
    /// The forge's name of the event, `push` for instance.
    pub event: String,
    /// SHA-256 of the raw body.
    pub body_digest: Digest,
    /// Length of the raw body, in bytes.
    pub body_bytes: u64,
    /// Where the body is.
    pub body: BodyPlace,
    /// The headers that identify and sign the delivery, as received, in lower case, so that the
    /// signature can be checked again years later.
    pub headers: BTreeMap<String, String>,
    /// Which live secret verified it: its name in the settings, never the secret.
    pub key: String,
    /// Admission: what deadlines are judged by.
    pub received_at: Timestamp,
    /// The run of the ingest process that numbers what it publishes, and the number.
    pub lane: LaneId,
    /// Counts from 1 within the lane.
    pub number: u64,
}

/// Where the compressed body of a delivery is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyPlace {
    /// The message's payload is the zstd frame.
    Inline,
    /// The zstd frame is the object named by the raw body's digest; the payload is empty.
    Object,
    /// The ledger has it: the delivery is taken in again because a session was opened later.
    Ledger,
}

impl DeliveryReceived {
    /// The subject of this source's deliveries.
    pub fn subject(&self) -> String {
        format!("{SUBJECT_PREFIX}.{}", self.source)
    }

    /// Computed from the delivery and the body, so that a second body under the same id is not
    /// swallowed as a duplicate but reaches the writer.
    pub fn message_id(&self) -> String {
        format!("{}:{}", self.delivery, self.body_digest)
    }
}
