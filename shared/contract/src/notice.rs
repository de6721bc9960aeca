//! Owns what is said to the auditor by those who have no ledger to write into: refusals, the use of
//! the spool, changes of secrets, and of the broker. Each becomes one entry of the audit log. Never a
//! secret, never personal data: names from the settings, counts and times.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::LaneId;
use crate::message::Message;
use crate::name::{Actor, SourceName};
use crate::time::Timestamp;

/// Requests that webhook-ingest refused of one source within one minute.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HooksRefused {
    /// The run of the ingest process.
    pub lane: LaneId,
    /// The source; `None` for requests that named none that is configured.
    pub source: Option<SourceName>,
    /// When the minute began.
    pub since: Timestamp,
    /// When it was told.
    pub at: Timestamp,
    /// How many for each reason: `unsigned`, `too-large`, `too-many`, `unavailable` and others.
    pub counts: BTreeMap<String, u64>,
}

/// The spool of an ingest process came into use, was emptied, or took nothing more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SpoolChanged {
    /// The run of the ingest process.
    pub lane: LaneId,
    /// What happened.
    pub change: SpoolChange,
    /// Deliveries in it at that moment.
    pub records: u64,
    /// What its files take, in bytes.
    pub bytes: u64,
    /// When.
    pub at: Timestamp,
}

/// What happened to a spool.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpoolChange {
    /// The first delivery came to an empty spool.
    Opened,
    /// It is empty again.
    Drained,
    /// It takes nothing: its bound is reached, or its disk fails.
    Refusing,
}

impl SpoolChange {
    /// The word in ids and entries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Drained => "drained",
            Self::Refusing => "refusing",
        }
    }
}

/// The secrets of a source are other ones. They are named by their names in the settings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SecretsChanged {
    /// The run of the ingest process that read the settings again.
    pub lane: LaneId,
    /// The source.
    pub source: SourceName,
    /// Names that are new.
    pub appeared: Vec<String>,
    /// Names that are gone.
    pub gone: Vec<String>,
    /// Names that stand for another secret, or hold at other times, than before.
    pub replaced: Vec<String>,
    /// When it was read.
    pub at: Timestamp,
}

/// The operator brought the streams and consumers up to date.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TopologyApplied {
    /// Who.
    pub actor: Actor,
    /// Why.
    pub reason: String,
    /// What was made or changed; none when everything was as it should be.
    pub changes: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// Somebody changed a stream or a consumer through the broker's own API, ours included.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BrokerChanged {
    /// The id that the broker gave to its advisory.
    pub advisory: String,
    /// What was asked for: `STREAM.DELETE`, for instance.
    pub call: String,
    /// The stream.
    pub stream: String,
    /// The consumer, where one was meant.
    pub consumer: Option<String>,
    /// The broker's name of who asked: a login of its configuration.
    pub user: Option<String>,
    /// What the client called itself.
    pub client: Option<String>,
    /// Whether the broker refused it.
    pub refused: bool,
    /// When.
    pub at: Timestamp,
}

impl Message for HooksRefused {
    const KIND: &'static str = "dev.assay.hooks.refused.v1";

    fn subject(&self) -> String {
        "assay.audit.webhook-ingest".to_owned()
    }

    fn message_id(&self) -> String {
        let source = self.source.as_ref().map_or("", |source| source.as_str());
        let since = self.since.timestamp_micros();
        format!("refused:{}:{source}:{since}", self.lane)
    }
}

impl Message for SpoolChanged {
    const KIND: &'static str = "dev.assay.spool.changed.v1";

    fn subject(&self) -> String {
        "assay.audit.webhook-ingest".to_owned()
    }

    fn message_id(&self) -> String {
        let micros = self.at.timestamp_micros();
        format!("spool:{}:{}:{micros}", self.lane, self.change.as_str())
    }
}

impl Message for SecretsChanged {
    const KIND: &'static str = "dev.assay.secrets.changed.v1";

    fn subject(&self) -> String {
        "assay.audit.webhook-ingest".to_owned()
    }

    fn message_id(&self) -> String {
        let micros = self.at.timestamp_micros();
        format!("secrets:{}:{}:{micros}", self.lane, self.source)
    }
}

impl Message for TopologyApplied {
    const KIND: &'static str = "dev.assay.topology.applied.v1";

    fn subject(&self) -> String {
        "assay.audit.assay".to_owned()
    }

    fn message_id(&self) -> String {
        let micros = self.at.timestamp_micros();
        format!("topology:{}:{micros}", self.actor)
    }
}

impl Message for BrokerChanged {
    const KIND: &'static str = "dev.assay.broker.changed.v1";

    fn subject(&self) -> String {
        "assay.audit.broker".to_owned()
    }

    /// The advisory's own: several auditors hear the same one.
    fn message_id(&self) -> String {
        format!("broker:{}", self.advisory)
    }
}
