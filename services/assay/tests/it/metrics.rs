//! What operators look at is there for real: each service of a running house tells its rate, errors
//! and duration, what waits for it, and what its promises hang on.

use process::metrics::list::{Kind, METRICS};
use process::settings::service::Service;
use reqwest::StatusCode;

use crate::push::Posted;
use crate::site::Site;

/// What a service tells of itself after a push that came twice and was judged; what is counted only
/// when something goes wrong is in the tests of what does.
const TOLD: &[(Service, &[&str])] = &[
    (
        Service::WebhookIngest,
        &[
            "assay_hooks_total{source=\"github\",answer=\"accepted\"} ",
            "assay_hooks_total{source=\"github\",answer=\"duplicate\"} ",
            "assay_hook_duration_seconds_bucket{source=\"github\"",
            "assay_ingest_batch_messages_count ",
            "assay_spool_bytes_max 0",
            "assay_http_connections ",
        ],
    ),
    (
        Service::AttemptWriter,
        &[
            "assay_messages_total{consumer=\"attempt-writer\",outcome=\"done\"} ",
            "assay_handling_duration_seconds_bucket{consumer=\"attempt-writer\"",
            "assay_message_age_seconds_bucket{consumer=\"attempt-writer\"",
            "assay_consumer_pending{consumer=\"attempt-writer\"} ",
            "assay_consumer_unacked{consumer=\"attempt-writer\"} ",
            "assay_consumer_oldest_age_seconds{consumer=\"attempt-writer\"} ",
            "assay_consumer_drain_seconds{consumer=\"attempt-writer\"} ",
            "assay_deliveries_recorded_total{standing=\"new\"} ",
            "assay_dead_letters_open ",
            "assay_dead_full_percent ",
            "assay_stream_full_ratio{stream=\"DELIVERIES\"} ",
            "assay_ready{part=\"jobs\"} 1",
        ],
    ),
    (
        Service::SnapshotBuilder,
        &[
            "assay_messages_total{consumer=\"snapshot-builder-live\",outcome=\"done\"} ",
            "assay_handling_duration_seconds_bucket{consumer=\"snapshot-builder-live\"",
            "assay_consumer_oldest_age_seconds{consumer=\"snapshot-builder-bulk\"} ",
            "assay_consumer_drain_seconds{consumer=\"snapshot-builder-live\"} ",
            "assay_snapshots_preserved_total ",
        ],
    ),
    (
        Service::Verifier,
        &[
            "assay_messages_total{consumer=\"verifier-live\",outcome=\"done\"} ",
            "assay_handling_duration_seconds_bucket{consumer=\"verifier-live\"",
            "assay_consumer_oldest_age_seconds{consumer=\"verifier-bulk\"} ",
            "assay_consumer_drain_seconds{consumer=\"verifier-live\"} ",
            "assay_verifier_slots ",
            "assay_verifier_runs{lane=\"live\"} ",
            "assay_verifier_runs_waiting{lane=\"live\"} ",
            "assay_verifications_total{result=\"pass\"} ",
            "assay_verification_duration_seconds_bucket{result=\"pass\"",
        ],
    ),
    (
        Service::Reconciler,
        &[
            "assay_consumer_pending{consumer=\"reconciler\"} ",
            "assay_consumer_drain_seconds{consumer=\"reconciler\"} ",
        ],
    ),
    (
        Service::Auditor,
        &[
            "assay_messages_total{consumer=\"auditor\",outcome=\"done\"} ",
            "assay_handling_duration_seconds_bucket{consumer=\"auditor\"",
            "assay_log_leader 1",
            "assay_log_pending ",
            "assay_log_pending_age_seconds ",
            "assay_log_leaf_delay_seconds_bucket{",
            "assay_log_published_size ",
            "assay_facts_pending ",
            "assay_lane_holes_open 0",
        ],
    ),
    (
        Service::StatusReporter,
        &[
            "assay_messages_total{consumer=\"status-reporter\",outcome=\"done\"} ",
            "assay_handling_duration_seconds_bucket{consumer=\"status-reporter\"",
            "assay_consumer_drain_seconds{consumer=\"status-reporter\"} ",
        ],
    ),
];

/// After this push, which is sent once more: each service's metrics say what they must, and nothing
/// that the list does not have.
pub(crate) async fn are_told(site: &Site, posted: &Posted) {
    let again = site
        .answers("a repeat", &posted.signed, StatusCode::ACCEPTED)
        .await;
    assert_eq!(again["duplicate"], true, "{again}");
    for (service, lines) in TOLD {
        for line in *lines {
            site.until_counted(*service, line).await;
        }
        let part = "assay_build_info{version=\"";
        site.until_counted(*service, part).await;
        let (_, text) = site.ask(*service, "/metrics").await.unwrap();
        only_what_the_list_has(*service, &text);
    }
}

fn only_what_the_list_has(service: Service, text: &str) {
    let series = text.lines().filter(|line| line.starts_with("assay_"));
    for line in series {
        let name = line.split(['{', ' ']).next().unwrap();
        let metric = METRICS.iter().find(|metric| {
            let rest = name.strip_prefix(metric.name);
            rest.is_some_and(|rest| match metric.kind {
                Kind::Histogram => ["_bucket", "_sum", "_count"].contains(&rest),
                Kind::Counter | Kind::Gauge => rest.is_empty(),
            })
        });
        let metric = metric.unwrap_or_else(|| panic!("{service} has {line}"));
        assert!(metric.of.contains(&service), "{service} has {line}");
    }
}
