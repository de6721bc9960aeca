//! Owns the list of all metrics: names, units, labels. A name that is here stays; dashboards and
//! alerts are held against it, and so is the code. Units are seconds, bytes and plain ratios, and
//! stand at the end of the name, before `_total`.

use crate::settings::service::Service;
use crate::settings::service::Service::{
    AttemptWriter, Auditor, Reconciler, SnapshotBuilder, StatusReporter, Verifier, WebhookIngest,
};

/// A metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it does with time.
    pub kind: Kind,
    /// Its labels; their values are few, and never from outside.
    pub labels: &'static [&'static str],
    /// Who has it.
    pub of: &'static [Service],
    /// What it says.
    pub help: &'static str,
}

/// What a metric does with time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It only grows, from 0 at the start of its process.
    Counter,
    /// It is what it is now.
    Gauge,
    /// How often there were values up to each of some bounds.
    Histogram,
}

const EVERYBODY: &[Service] = &Service::ALL;
/// Who takes messages.
const CONSUMERS: &[Service] = &[
    AttemptWriter,
    SnapshotBuilder,
    Verifier,
    Reconciler,
    Auditor,
    StatusReporter,
];
/// Who reads sources again while it runs.
const READERS: &[Service] = &[WebhookIngest, Reconciler, StatusReporter];

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    of: &'static [Service],
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        of,
        help,
    }
}

use Kind::{Counter, Gauge, Histogram};

/// Every metric, by its name.
#[rustfmt::skip]
pub const METRICS: &[Metric] = &[
    metric("assay_build_info", Gauge, &["version"], EVERYBODY, "1, with the version that runs"),
    metric("assay_bundles_unpacked_total", Counter, &["consumer"], CONSUMERS, "messages that brought several, of which some were put into the queue alone"),
    metric("assay_bus_refused_total", Counter, &[], EVERYBODY, "what NATS did not permit this user"),
    metric("assay_commits_left_out_total", Counter, &[], &[AttemptWriter], "commits of pushes of more than 10,000"),
    metric("assay_consumer_drain_seconds", Gauge, &["consumer"], CONSUMERS, "how long until nothing waits: what waits and is worked on, over what was handled a second in the last minute; 0 for nothing, 604800 (a week) for longer or never"),
    metric("assay_consumer_oldest_age_seconds", Gauge, &["consumer"], CONSUMERS, "how long the oldest message that is not acked has been in its stream; 0 for none"),
    metric("assay_consumer_pending", Gauge, &["consumer"], CONSUMERS, "messages not delivered yet"),
    metric("assay_consumer_unacked", Gauge, &["consumer"], CONSUMERS, "messages delivered and not acked: worked on, or waiting for their time"),
    metric("assay_dead_full_percent", Gauge, &[], CONSUMERS, "how much of the room in DEAD is used, by bytes or messages"),
    metric("assay_dead_letters_open", Gauge, &[], &[AttemptWriter], "dead letters that nobody has decided on"),
    metric("assay_dead_letters_total", Counter, &["stream", "consumer"], CONSUMERS, "messages that became dead letters"),
    metric("assay_dead_letters_unstored_total", Counter, &["consumer"], CONSUMERS, "dead letters that found no room; their messages wait"),
    metric("assay_deliveries_recorded_total", Counter, &["standing"], &[AttemptWriter], "deliveries in the ledger: new, unmatched, redelivered, duplicate, conflict"),
    metric("assay_delivery_conflicts_total", Counter, &["source"], &[AttemptWriter], "deliveries with a known id and another body"),
    metric("assay_facts_pending", Gauge, &[], &[Auditor], "leaves that are not told yet"),
    metric("assay_facts_total", Counter, &[], &[Auditor], "leaves that were told"),
    metric("assay_handling_duration_seconds", Histogram, &["consumer"], CONSUMERS, "how long a handler took, for a message or a batch"),
    metric("assay_hook_duration_seconds", Histogram, &["source"], &[WebhookIngest], "how long a webhook's answer took, from its headers on"),
    metric("assay_hook_key_last_used_timestamp_seconds", Gauge, &["source", "key"], &[WebhookIngest], "when a secret last signed, in Unix time; 0 for never"),
    metric("assay_hook_keys_live", Gauge, &["source"], &[WebhookIngest], "secrets that sign now"),
    metric("assay_hook_keys_total", Counter, &["source", "key"], &[WebhookIngest], "webhooks by the secret that verified them"),
    metric("assay_hooks_refused_total", Counter, &["source", "status"], &[WebhookIngest], "webhooks answered 429 or 503"),
    metric("assay_hooks_total", Counter, &["source", "answer"], &[WebhookIngest], "webhooks by their answer"),
    metric("assay_http_connections", Gauge, &[], &[WebhookIngest], "open connections of senders"),
    metric("assay_http_connections_cut_total", Counter, &[], &[WebhookIngest], "idle connections that made room"),
    metric("assay_ingest_batch_messages", Histogram, &[], &[WebhookIngest], "deliveries in a batch"),
    metric("assay_ingest_body_bytes", Gauge, &[], &[WebhookIngest], "room that bodies take"),
    metric("assay_ingest_body_bytes_most", Gauge, &[], &[WebhookIngest], "the most room that bodies ever took"),
    metric("assay_ingest_memory_bytes_max", Gauge, &[], &[WebhookIngest], "the room that there is for bodies"),
    metric("assay_lane_holes_accepted", Gauge, &[], &[Auditor], "missing deliveries that an operator has given up"),
    metric("assay_lane_holes_open", Gauge, &[], &[Auditor], "accepted deliveries that are in no row, no queue and no spool"),
    metric("assay_lane_holes_total", Counter, &["what"], &[Auditor], "holes in the numbers of what was accepted: found missing, read again, there after all"),
    metric("assay_lane_numbers_waiting", Gauge, &[], &[Auditor], "numbers of what was accepted that nobody has accounted for yet"),
    metric("assay_lane_tails_unknown", Gauge, &[], &[Auditor], "webhook-ingest that ended without saying how far they got"),
    metric("assay_live_notes_lost_total", Counter, &[], &[Verifier], "notes of running verifications that nobody was told"),
    metric("assay_log_altered_entries_total", Counter, &[], &[Auditor], "entries that were not what their digest said; must stay 0"),
    metric("assay_log_checkpoint_size", Gauge, &[], &[Auditor], "leaves that are signed"),
    metric("assay_log_checkpoints_total", Counter, &[], &[Auditor], "checkpoints that were signed"),
    metric("assay_log_epoch", Gauge, &[], &[Auditor], "the log's epoch; each restore begins another"),
    metric("assay_log_files_total", Counter, &[], &[Auditor], "files of the log that were written"),
    metric("assay_log_leader", Gauge, &[], &[Auditor], "1 for the auditor that leads"),
    metric("assay_log_leaf_delay_seconds", Histogram, &[], &[Auditor], "from an effect to its leaf"),
    metric("assay_log_leaves_total", Counter, &[], &[Auditor], "leaves that were added"),
    metric("assay_log_pending", Gauge, &[], &[Auditor], "entries that have no leaf yet"),
    metric("assay_log_pending_age_seconds", Gauge, &[], &[Auditor], "how long the oldest of them has waited"),
    metric("assay_log_published_size", Gauge, &[], &[Auditor], "leaves of the checkpoint that stands in the log's files"),
    metric("assay_log_size", Gauge, &[], &[Auditor], "leaves in the log"),
    metric("assay_log_unsigned", Gauge, &[], &[Auditor], "leaves that no checkpoint signs yet"),
    metric("assay_message_age_seconds", Histogram, &["consumer"], CONSUMERS, "how long ago a message was first stored when its handler began"),
    metric("assay_messages_renewed_total", Counter, &["consumer"], CONSUMERS, "messages put back as fresh ones after an outage"),
    metric("assay_messages_total", Counter, &["consumer", "outcome"], CONSUMERS, "messages handled: done, later, never, panicked"),
    metric("assay_messages_untraced_total", Counter, &["consumer"], CONSUMERS, "messages that came without a trace; operators' orders have none"),
    metric("assay_notices_lost_total", Counter, &[], &[WebhookIngest], "notices for the log that found no room"),
    metric("assay_queue_stranded_messages", Gauge, &["stream"], &[Auditor], "messages that lie in a queue and are no consumer's"),
    metric("assay_ready", Gauge, &["part"], EVERYBODY, "whether a part is ready: 1 or 0"),
    metric("assay_reconcile_gaps", Gauge, &["source", "kind"], &[Reconciler], "what the last comparison found missing"),
    metric("assay_reconcile_gaps_expired", Gauge, &["source", "kind"], &[Reconciler], "missing for more than three days"),
    metric("assay_reconcile_gaps_open", Gauge, &["source", "kind"], &[Reconciler], "missing still, of all ever found"),
    metric("assay_reconcile_last_success_timestamp_seconds", Gauge, &["source"], &[Reconciler], "when a comparison last saw everything, in Unix time"),
    metric("assay_reconcile_oldest_gap_seconds", Gauge, &["source"], &[Reconciler], "age of the oldest open gap; 0 for none"),
    metric("assay_reconcile_redeliveries_requested_total", Counter, &["source"], &[Reconciler], "deliveries that the forge was asked to make again"),
    metric("assay_reconcile_runs_total", Counter, &["source", "outcome"], &[Reconciler], "comparisons"),
    metric("assay_reprocessed_total", Counter, &[], &[AttemptWriter], "attempts asked to be verified again by orders"),
    metric("assay_snapshots_missing_total", Counter, &["cause"], &[SnapshotBuilder], "trees that could not be preserved"),
    metric("assay_snapshots_preserved_total", Counter, &[], &[SnapshotBuilder], "trees preserved"),
    metric("assay_sources_refused", Gauge, &[], READERS, "1 while newer settings are bad and not used"),
    metric("assay_sources_reloads_total", Counter, &["outcome"], READERS, "settings read again: applied, unchanged, refused"),
    metric("assay_spool_appended_total", Counter, &[], &[WebhookIngest], "deliveries put into the spool"),
    metric("assay_spool_bytes", Gauge, &[], &[WebhookIngest], "the spool's size on the disk"),
    metric("assay_spool_bytes_max", Gauge, &[], &[WebhookIngest], "the spool's bound; 0 without a spool"),
    metric("assay_spool_damaged_records_total", Counter, &[], &[WebhookIngest], "damaged places in the spool; must stay 0"),
    metric("assay_spool_drained_total", Counter, &[], &[WebhookIngest], "deliveries published out of the spool"),
    metric("assay_spool_oldest_age_seconds", Gauge, &[], &[WebhookIngest], "how long the oldest delivery has waited in the spool; 0 for none"),
    metric("assay_spool_records", Gauge, &[], &[WebhookIngest], "deliveries that wait in the spool"),
    metric("assay_spool_refused_total", Counter, &[], &[WebhookIngest], "deliveries answered 503, since the spool took nothing"),
    metric("assay_status_closed", Gauge, &["source"], &[StatusReporter], "places where the forge refuses us; the source itself is one"),
    metric("assay_status_due", Gauge, &["source"], &[StatusReporter], "attempts whose forge is to be told"),
    metric("assay_status_reports_total", Counter, &["source", "outcome"], &[StatusReporter], "what forges were told: a state, refused, closed, limited, later"),
    metric("assay_stream_full_ratio", Gauge, &["stream"], CONSUMERS, "the part of its bound in bytes that a stream uses, 0 to 1"),
    metric("assay_verification_duration_seconds", Histogram, &["result"], &[Verifier], "from a try's claim to its result"),
    metric("assay_verification_errors_total", Counter, &["cause"], &[Verifier], "tries that could not be judged, by their cause"),
    metric("assay_verifications_put_aside_total", Counter, &[], &[Verifier], "verifications put behind another one of their session"),
    metric("assay_verifications_refused_total", Counter, &[], &[Verifier], "results that came too late"),
    metric("assay_verifications_total", Counter, &["result"], &[Verifier], "tries with a result"),
    metric("assay_verifier_checks_failed_total", Counter, &[], &[Verifier], "self-checks of the sandbox that did not hold"),
    metric("assay_verifier_runs", Gauge, &["lane"], &[Verifier], "runs under way"),
    metric("assay_verifier_runs_waiting", Gauge, &["lane"], &[Verifier], "runs that wait for a slot or for memory"),
    metric("assay_verifier_slots", Gauge, &[], &[Verifier], "runs of pushes that are possible at once"),
    metric("assay_work_remade_total", Counter, &["kind"], &[AttemptWriter], "work in no queue, asked for again: requests, trees, listings, orders"),
];

/// Tells the recorder what each metric says, so that `/metrics` does.
pub(super) fn describe() {
    for metric in METRICS {
        match metric.kind {
            Counter => metrics::describe_counter!(metric.name, metric.help),
            Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Histogram => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_there_once() {
        for pair in METRICS.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
        }
    }

    #[test]
    fn names_follow_prometheus_conventions() {
        for metric in METRICS {
            let name = metric.name;
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(
                name.starts_with("assay_") && name.chars().all(plain),
                "{name}"
            );
            let is_total = name.ends_with("_total");
            assert_eq!(is_total, metric.kind == Counter, "{name}");
            for unit in ["_ms", "_millis", "_minutes", "_hours", "_kib", "_mib"] {
                assert!(!name.ends_with(unit), "{name}");
            }
            assert!(!metric.of.is_empty() && !metric.help.is_empty(), "{name}");
        }
    }
}
