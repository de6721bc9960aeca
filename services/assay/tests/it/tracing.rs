//! One push is one trace (promise P6), over five processes.

use std::collections::{BTreeMap, BTreeSet};

use process::settings::service::Service;
use sample::lab::PASSING;
use serde_json::Value;
use testkit::collector::{Collector, ReceivedSpan};
use testkit::house::House;

use crate::site::Site;

const RECEIVED: &str = "webhook-ingest: POST /hooks/{source}";
const RECORDED: &str = "attempt-writer: attempt-writer dev.assay.delivery.received.v1";
const PRESERVED: &str = "snapshot-builder: snapshot-builder-live dev.assay.snapshot.requested.v1";
const VERIFIED: &str = "verifier: verifier-live dev.assay.verification.requested.v1";
const LEAF: &str = "auditor: auditor.leaf";

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_one_trace_from_the_request_to_the_result_and_its_leaf() {
    let collector = Collector::start().await;
    let more = format!("[telemetry]\notlp_endpoint = \"{}\"", collector.endpoint());
    let mut site = Site::furnish(House::start().await, &more).await;
    site.start_all().await;
    let (_lab, learner) = site.publish_lab().await;
    let posted = site.push(&learner, PASSING).await;
    let seen = site.until_judged(&posted).await;
    // The last spans are sent before a process leaves.
    site.stop_all().await;

    let trace = posted.receipt["trace_id"].as_str().unwrap();
    let spans = collector.trace(trace);
    let services: BTreeSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
    // Reconciler has no part in a push whose delivery came; status-reporter only hears of it, by
    // facts, which carry no trace.
    let mut all = BTreeSet::from(Service::ALL.map(Service::as_str));
    all.remove(Service::Reconciler.as_str());
    all.remove(Service::StatusReporter.as_str());
    assert_eq!(services, all);

    let tree = tree(&spans);
    for (parent, child, count) in [
        ("", RECEIVED, 1),
        (RECEIVED, RECORDED, 1),
        (RECORDED, PRESERVED, 1),
        (PRESERVED, VERIFIED, 1),
        (RECORDED, LEAF, 1),
        (PRESERVED, LEAF, 1),
        (VERIFIED, LEAF, 1),
    ] {
        let edge = (parent.to_owned(), child.to_owned());
        assert_eq!(tree.get(&edge), Some(&count), "{edge:?} in {tree:#?}");
    }
    let roots = tree.keys().filter(|(parent, _)| parent.is_empty()).count();
    assert_eq!(roots, 1, "the request is the only root: {tree:#?}");
    has_the_ledgers_leaves(&spans, &seen);
}

/// How often each child stands under each parent; the parent of a root is empty.
fn tree(spans: &[ReceivedSpan]) -> BTreeMap<(String, String), usize> {
    let label = |span: &ReceivedSpan| format!("{}: {}", span.service, span.name);
    let by_id: BTreeMap<&str, &ReceivedSpan> = spans
        .iter()
        .map(|span| (span.span_id.as_str(), span))
        .collect();
    assert_eq!(by_id.len(), spans.len(), "no span is sent twice");
    let mut tree = BTreeMap::new();
    for span in spans {
        let parent = span.parent_span_id.as_deref().map(|id| {
            let parent = by_id.get(id);
            label(parent.unwrap_or_else(|| panic!("nobody sent the parent of {span:?}")))
        });
        let edge = (parent.unwrap_or_default(), label(span));
        *tree.entry(edge).or_insert(0) += 1;
    }
    tree
}

/// The spans of leaves name the entries and the places that the ledger has for the push.
fn has_the_ledgers_leaves(spans: &[ReceivedSpan], seen: &Value) {
    let sent: BTreeSet<(String, String)> = spans
        .iter()
        .filter(|span| span.name == "auditor.leaf")
        .map(|span| {
            let told = |name: &str| span.attributes[name].clone();
            (told("audit_entry.id"), told("leaf.index"))
        })
        .collect();
    let entries = seen["entries"].as_array().unwrap().iter();
    let kept = entries.map(|entry| {
        let id = entry["id"].as_str().unwrap().to_owned();
        (id, entry["leaf_index"].to_string())
    });
    assert_eq!(sent, kept.collect());
}
