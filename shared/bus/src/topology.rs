//! Owns the topology as data: every stream and consumer with every option that shapes behaviour.
//! The operator's command applies it; a service only checks it, and refuses to run on a mismatch.
//! Nothing here deletes or purges a stream.

mod apply;
mod check;
mod takes;

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType};

const MIB: i64 = 1024 * 1024;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamSpec {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub subjects: &'static [&'static str],
    /// Whether it is a queue (a message leaves when it is acked) or a record with an age.
    pub kind: StreamKind,
    /// Largest size, in bytes.
    pub bytes_max: i64,
    /// How long a message id is remembered. It only saves work: the ledger decides what is new.
    pub duplicate_window: Duration,
}

/// How a stream lets go of messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamKind {
    /// Work queue, no age limit; when it is full, what is new is refused.
    Queue,
    /// Kept for this long; when it is full, what is new is refused.
    Kept(Duration),
    /// Kept for this long; when it is full, what is old goes.
    Rolling(Duration),
}

/// A durable pull consumer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConsumerSpec {
    /// Its stream.
    pub stream: &'static str,
    /// Its name: the service's, with the lane where there are two.
    pub durable: &'static str,
    /// What it is given.
    pub filter: &'static str,
    /// How long a message may be worked on before it is given to somebody else, unless the work
    /// extends it.
    pub ack_wait: Duration,
    /// Most messages delivered and not yet acked, over all processes. Messages that wait for
    /// their time count, so it is far above what is worked on at once.
    pub unacked_max: i64,
}

/// How long dead letters are kept, in days.
pub const DEAD_DAYS: i64 = 90;

/// What every stream's duplicate window is.
const WINDOW: Duration = Duration::from_secs(120);

/// Every stream.
pub const STREAMS: &[StreamSpec] = &[
    StreamSpec {
        name: "DELIVERIES",
        subjects: &["assay.delivery.*"],
        kind: StreamKind::Queue,
        bytes_max: 4_096 * MIB,
        duplicate_window: WINDOW,
    },
    StreamSpec {
        name: "JOBS",
        subjects: &[
            "assay.job.record.*",
            "assay.job.snapshot.*",
            "assay.job.verify.*",
        ],
        kind: StreamKind::Queue,
        bytes_max: 2_048 * MIB,
        duplicate_window: WINDOW,
    },
    StreamSpec {
        name: "COMMANDS",
        subjects: &["assay.command.*.*"],
        kind: StreamKind::Queue,
        bytes_max: 64 * MIB,
        duplicate_window: WINDOW,
    },
    StreamSpec {
        name: "AUDIT",
        subjects: &["assay.audit.*"],
        kind: StreamKind::Queue,
        bytes_max: 256 * MIB,
        duplicate_window: WINDOW,
    },
    StreamSpec {
        name: "FACTS",
        subjects: &["assay.fact.*"],
        kind: StreamKind::Rolling(DAY.saturating_mul(7)),
        bytes_max: 512 * MIB,
        duplicate_window: WINDOW,
    },
    StreamSpec {
        name: "DEAD",
        subjects: &["assay.dead.*.*"],
        kind: StreamKind::Kept(DAY.saturating_mul(90)),
        bytes_max: 512 * MIB,
        duplicate_window: WINDOW,
    },
];

/// Takes deliveries in.
pub const ATTEMPT_WRITER: ConsumerSpec =
    consumer("DELIVERIES", "attempt-writer", "assay.delivery.*", 30);
/// Records commits that git has and the payload did not list.
pub const ATTEMPT_WRITER_LIVE: ConsumerSpec =
    consumer("JOBS", "attempt-writer-live", "assay.job.record.live", 30);
/// As [`ATTEMPT_WRITER_LIVE`], for work that can wait.
pub const ATTEMPT_WRITER_BULK: ConsumerSpec =
    consumer("JOBS", "attempt-writer-bulk", "assay.job.record.bulk", 30);
/// Preserves trees of pushes.
pub const SNAPSHOT_BUILDER_LIVE: ConsumerSpec = consumer(
    "JOBS",
    "snapshot-builder-live",
    "assay.job.snapshot.live",
    30,
);
/// As [`SNAPSHOT_BUILDER_LIVE`], for work that can wait.
pub const SNAPSHOT_BUILDER_BULK: ConsumerSpec = consumer(
    "JOBS",
    "snapshot-builder-bulk",
    "assay.job.snapshot.bulk",
    30,
);
/// Verifies pushes.
pub const VERIFIER_LIVE: ConsumerSpec =
    consumer("JOBS", "verifier-live", "assay.job.verify.live", 30);
/// As [`VERIFIER_LIVE`], for work that can wait.
pub const VERIFIER_BULK: ConsumerSpec =
    consumer("JOBS", "verifier-bulk", "assay.job.verify.bulk", 30);
/// Records what nothing is run for.
pub const VERIFIER_UNCHECKED: ConsumerSpec = consumer(
    "JOBS",
    "verifier-unchecked",
    "assay.job.verify.unchecked",
    30,
);
/// Runs verifications again.
pub const VERIFIER_REPLAY: ConsumerSpec =
    consumer("COMMANDS", "verifier-replay", "assay.command.replay.*", 30);
/// Opens sessions.
pub const ATTEMPT_WRITER_COMMANDS: ConsumerSpec = consumer(
    "COMMANDS",
    "attempt-writer",
    "assay.command.session-open.*",
    30,
);
/// Has attempts verified again.
pub const ATTEMPT_WRITER_REPROCESS: ConsumerSpec = consumer(
    "COMMANDS",
    "attempt-writer-reprocess",
    "assay.command.reprocess.*",
    30,
);
/// Sends dead letters back.
pub const ATTEMPT_WRITER_SEND_BACK: ConsumerSpec = consumer(
    "COMMANDS",
    "attempt-writer-send-back",
    "assay.command.dead-send-back.*",
    30,
);
/// Discards dead letters.
pub const ATTEMPT_WRITER_DISCARD: ConsumerSpec = consumer(
    "COMMANDS",
    "attempt-writer-discard",
    "assay.command.dead-discard.*",
    30,
);
/// Erases, holds and exports people, and removes what is over.
pub const ATTEMPT_WRITER_PRIVACY: ConsumerSpec = consumer(
    "COMMANDS",
    "attempt-writer-privacy",
    "assay.command.privacy.*",
    30,
);
/// Records dead letters.
pub const ATTEMPT_WRITER_DEAD: ConsumerSpec =
    consumer("DEAD", "attempt-writer-dead", "assay.dead.*.*", 30);
/// Publishes labs.
pub const SNAPSHOT_BUILDER_COMMANDS: ConsumerSpec = consumer(
    "COMMANDS",
    "snapshot-builder",
    "assay.command.lab-publish.*",
    60,
);
/// Compares forges with the ledger.
pub const RECONCILER_COMMANDS: ConsumerSpec =
    consumer("COMMANDS", "reconciler", "assay.command.reconcile.*", 60);
/// Writes what services without a database must say into the log.
pub const AUDITOR: ConsumerSpec = consumer("AUDIT", "auditor", "assay.audit.*", 30);

/// Hints at what the forges are to be told.
pub const STATUS_REPORTER: ConsumerSpec = consumer("FACTS", "status-reporter", "assay.fact.*", 30);

/// Every consumer.
pub const CONSUMERS: &[&ConsumerSpec] = &[
    &ATTEMPT_WRITER,
    &ATTEMPT_WRITER_LIVE,
    &ATTEMPT_WRITER_BULK,
    &SNAPSHOT_BUILDER_LIVE,
    &SNAPSHOT_BUILDER_BULK,
    &VERIFIER_LIVE,
    &VERIFIER_BULK,
    &VERIFIER_UNCHECKED,
    &VERIFIER_REPLAY,
    &ATTEMPT_WRITER_COMMANDS,
    &ATTEMPT_WRITER_REPROCESS,
    &ATTEMPT_WRITER_SEND_BACK,
    &ATTEMPT_WRITER_DISCARD,
    &ATTEMPT_WRITER_PRIVACY,
    &ATTEMPT_WRITER_DEAD,
    &SNAPSHOT_BUILDER_COMMANDS,
    &RECONCILER_COMMANDS,
    &AUDITOR,
    &STATUS_REPORTER,
];

const fn consumer(
    stream: &'static str,
    durable: &'static str,
    filter: &'static str,
    ack_wait_secs: u64,
) -> ConsumerSpec {
    let ack_wait = Duration::from_secs(ack_wait_secs);
    ConsumerSpec {
        stream,
        durable,
        filter,
        ack_wait,
        unacked_max: 100_000,
    }
}

impl StreamSpec {
    /// The server's form, with every option that shapes behaviour spelled out.
    fn config(&self, replicas: usize) -> stream::Config {
        let (retention, discard, max_age) = match self.kind {
            StreamKind::Queue => (
                RetentionPolicy::WorkQueue,
                DiscardPolicy::New,
                Duration::ZERO,
            ),
            StreamKind::Kept(age) => (RetentionPolicy::Limits, DiscardPolicy::New, age),
            StreamKind::Rolling(age) => (RetentionPolicy::Limits, DiscardPolicy::Old, age),
        };
        stream::Config {
            name: self.name.to_owned(),
            subjects: self
                .subjects
                .iter()
                .map(|&subject| subject.to_owned())
                .collect(),
            retention,
            discard,
            max_age,
            max_bytes: self.bytes_max,
            max_messages: -1,
            max_messages_per_subject: -1,
            max_message_size: -1,
            max_consumers: -1,
            storage: StorageType::File,
            num_replicas: replicas,
            duplicate_window: self.duplicate_window,
            deny_purge: true,
            deny_delete: false,
            allow_direct: true,
            allow_atomic_publish: true,
            allow_rollup: false,
            allow_message_ttl: false,
            allow_message_schedules: false,
            no_ack: false,
            ..stream::Config::default()
        }
    }
}

impl ConsumerSpec {
    /// The server's form, with every option that shapes behaviour spelled out.
    fn config(&self) -> pull::Config {
        pull::Config {
            durable_name: Some(self.durable.to_owned()),
            filter_subject: self.filter.to_owned(),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            // The bus decides when a message is hopeless: the server would leave it in the queue,
            // undelivered, for ever.
            max_deliver: -1,
            max_ack_pending: self.unacked_max,
            max_waiting: 512,
            ..pull::Config::default()
        }
    }

    /// Whether messages leave its stream when they are acked, as work does.
    pub(crate) fn is_of_a_queue(&self) -> bool {
        let own = STREAMS.iter().find(|spec| spec.name == self.stream);
        own.is_none_or(|spec| spec.kind == StreamKind::Queue)
    }

    pub(crate) fn what(&self) -> String {
        format!("the consumer {} of {}", self.durable, self.stream)
    }
}

#[cfg(test)]
mod tests;
