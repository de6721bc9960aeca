//! Owns the ids: what each one names, and how the computed ones are computed.
//! Must never use a stream's sequence as an identity: a broker that lost data hands it out again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::digest::hex_text;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Mints an id that sorts by the time it was minted (UUIDv7).
            #[allow(clippy::new_without_default, reason = "an id is minted on purpose, never by default")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// Takes an id that was minted or computed before, as a column or a message holds it.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id as the database stores it.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }
    };
}

id!(
    /// A delivery: one webhook request, however often it arrives. Always computed.
    DeliveryId
);
id!(
    /// What a delivery says of one ref.
    PushId
);
id!(
    /// An exercise.
    LabId
);
id!(
    /// One immutable state of a lab.
    LabVersionId
);
id!(
    /// One person's run of a lab in one repository.
    SessionId
);
id!(
    /// One commit pushed in a session.
    AttemptId
);
id!(
    /// A reason to verify an attempt with a lab version.
    RequestId
);
id!(
    /// One try of a verification request, with its result.
    VerificationId
);
id!(
    /// A preserved tree.
    SnapshotId
);
id!(
    /// A pseudonymous person.
    PrincipalId
);
id!(
    /// An operator's or a page's command.
    CommandId
);
id!(
    /// An entry of the audit log.
    AuditEntryId
);
id!(
    /// Something that a forge had and the ledger lacked. Always computed.
    GapId
);
id!(
    /// A message that died. Always computed.
    DeadLetterId
);
id!(
    /// One run of one ingest process, which numbers what it publishes.
    LaneId
);
id!(
    /// What a lane said of some of its numbers. Always computed.
    ManifestId
);
id!(
    /// A number that was promised and is not in the ledger, or what became of it. Always computed.
    HoleId
);

impl DeliveryId {
    /// Computes the id of the delivery that the forge named `forge_delivery_id`, as received by
    /// `source`. Every copy of it has the same id.
    pub fn compute(source: &str, forge_delivery_id: &str) -> Self {
        Self(compute("delivery", &[source, forge_delivery_id]))
    }

    /// The trace that follows this delivery from the webhook to the result: the id's own 128 bits,
    /// so that whoever knows the one knows the other.
    pub fn trace_id(self) -> TraceId {
        TraceId(self.0.into_bytes())
    }
}

impl CommandId {
    /// Computes the id of a command that a service gives by itself, from its kind and what it is
    /// about, so that giving it again is the same command.
    pub fn compute(kind: &str, subject: &str) -> Self {
        Self(compute("command", &[kind, subject]))
    }
}

impl GapId {
    /// Computes the id of what the ledger lacked of a source, by the forge's id of the delivery or
    /// the id under which a ref's push is recorded.
    pub fn compute(source: &str, subject: &str) -> Self {
        Self(compute("gap", &[source, subject]))
    }
}

impl ManifestId {
    /// Computes the id of what a lane said of its numbers beyond `from` up to `through`; what it
    /// said at its end is another thing.
    pub fn compute(lane: LaneId, from: u64, through: u64, closing: bool) -> Self {
        let what = if closing { "closing" } else { "going on" };
        let (from, through) = (from.to_string(), through.to_string());
        let lane = lane.to_string();
        Self(compute("lane-manifest", &[&lane, &from, &through, what]))
    }
}

impl HoleId {
    /// Computes the id of what is said of a lane's number that is missing.
    pub fn compute(lane: LaneId, number: u64, what: &str) -> Self {
        let (lane, number) = (lane.to_string(), number.to_string());
        Self(compute("lane-hole", &[&lane, &number, what]))
    }
}

impl DeadLetterId {
    /// Computes the id of a death from its letter's message id, so that recording it again is no
    /// second death.
    pub fn compute(letter: &str) -> Self {
        Self(compute("dead-letter", &[letter]))
    }
}

impl PrincipalId {
    /// Computes the pseudonym's id from the provider and the keyed hash of the account.
    pub fn compute(provider: &str, account: &str) -> Self {
        Self(compute("principal", &[provider, account]))
    }
}

impl AuditEntryId {
    /// Computes the id of the entry of `kind` about `subject`, so that writing it again is no
    /// second entry.
    pub fn compute(kind: &str, subject: &str) -> Self {
        Self(compute("audit", &[kind, subject]))
    }
}

/// A W3C trace id: 16 bytes, never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// The bytes, most significant first.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(hex_text(&self.0, &mut [0; 32]))
    }
}

/// A UUIDv8 of the SHA-256 of the parts, each with its length before it, so that no two lists of
/// parts read the same.
fn compute(domain: &str, parts: &[&str]) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(b"assay-id/1 ");
    for part in std::iter::once(&domain).chain(parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let full: [u8; 32] = hash.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&full[..16]);
    Uuid::new_v8(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_id_depends_on_source_and_forge_id_and_on_nothing_between_them() {
        let id = DeliveryId::compute("github", "72d3162e");
        assert_eq!(id, DeliveryId::compute("github", "72d3162e"));
        assert_ne!(id, DeliveryId::compute("github2", "72d3162e"));
        assert_ne!(
            DeliveryId::compute("ab", "c"),
            DeliveryId::compute("a", "bc")
        );
    }

    #[test]
    fn the_trace_id_is_the_delivery_id_without_its_dashes() {
        let id = DeliveryId::compute("github", "72d3162e");
        assert_eq!(id.trace_id().to_string(), id.to_string().replace('-', ""));
    }
}
