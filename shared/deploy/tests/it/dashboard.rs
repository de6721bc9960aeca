//! `deploy/grafana/assay.json`: one dashboard, a row for each promise.

use serde_json::{Value, json};

use crate::files::same;

/// A panel: its title, its unit in Grafana's words, its queries with their legends.
type Panel = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// The width of the dashboard, and of a panel; the height of a panel.
const WIDE: usize = 24;
const PANEL: (usize, usize) = (8, 7);

#[rustfmt::skip]
const ROWS: &[(&str, &[Panel])] = &[
    ("P1 A delivery that was answered 2xx is never lost", &[
        ("Webhooks by answer", "reqps", &[("sum by (answer) (rate(assay_hooks_total[$__rate_interval]))", "{{answer}}")]),
        ("Refused for our own sake", "reqps", &[("sum by (source, status) (rate(assay_hooks_refused_total[$__rate_interval]))", "{{source}} {{status}}")]),
        ("Spool: oldest delivery", "s", &[("max by (instance) (assay_spool_oldest_age_seconds)", "{{instance}}")]),
        ("Spool: used", "percentunit", &[("assay_spool_bytes / (assay_spool_bytes_max > 0)", "{{instance}}")]),
        ("Dead letters", "short", &[("max(assay_dead_letters_open)", "open"), ("sum by (consumer) (increase(assay_dead_letters_total[$__rate_interval]))", "new of {{consumer}}"), ("max(assay_dead_full_percent)", "% of DEAD")]),
        ("Gaps that forges show", "short", &[("max by (source, kind) (assay_reconcile_gaps_open)", "{{source}} {{kind}}")]),
    ]),
    ("P2 A delivery takes effect once", &[
        ("Deliveries in the ledger", "ops", &[("sum by (standing) (rate(assay_deliveries_recorded_total[$__rate_interval]))", "{{standing}}")]),
        ("Repeats, of all", "percentunit", &[("sum(rate(assay_hooks_total{answer=\"duplicate\"}[$__rate_interval])) / sum(rate(assay_hooks_total[$__rate_interval]))", "known to webhook-ingest"), ("sum(rate(assay_deliveries_recorded_total{standing=\"duplicate\"}[$__rate_interval])) / sum(rate(assay_deliveries_recorded_total[$__rate_interval]))", "found in the ledger")]),
        ("Conflicts", "short", &[("sum by (source) (increase(assay_delivery_conflicts_total[$__rate_interval]))", "{{source}}")]),
    ]),
    ("P3 The ledger only grows", &[
        ("Leaves", "short", &[("max(assay_log_size)", "in the log"), ("max(assay_log_checkpoint_size)", "signed")]),
        ("Altered entries", "short", &[("sum(increase(assay_log_altered_entries_total[$__rate_interval]))", "altered")]),
    ]),
    ("P4 Every result can be reproduced", &[
        ("Trees", "ops", &[("sum(rate(assay_snapshots_preserved_total[$__rate_interval]))", "preserved"), ("sum by (cause) (rate(assay_snapshots_missing_total[$__rate_interval]))", "missing: {{cause}}")]),
        ("Self-checks that did not hold", "short", &[("sum by (instance) (increase(assay_verifier_checks_failed_total[$__rate_interval]))", "{{instance}}")]),
    ]),
    ("P5 Everything can be proven offline", &[
        ("Entries without a leaf", "short", &[("max(assay_log_pending)", "entries")]),
        ("Oldest entry without a leaf", "s", &[("max(assay_log_pending_age_seconds)", "age")]),
        ("From effect to leaf", "s", &[("histogram_quantile(0.5, sum by (le) (rate(assay_log_leaf_delay_seconds_bucket[$__rate_interval])))", "half"), ("histogram_quantile(0.99, sum by (le) (rate(assay_log_leaf_delay_seconds_bucket[$__rate_interval])))", "99 of 100")]),
        ("Who leads", "short", &[("assay_log_leader", "{{instance}}")]),
        ("Leaves not told yet", "short", &[("max(assay_facts_pending)", "leaves")]),
    ]),
    ("P6 One push is one trace", &[
        ("Messages without a trace", "short", &[("sum by (consumer) (increase(assay_messages_untraced_total[$__rate_interval]))", "{{consumer}}")]),
    ]),
    ("P7 It scales, and a slow part pushes back", &[
        ("Waiting, by consumer", "short", &[("max by (consumer) (assay_consumer_pending)", "{{consumer}}")]),
        ("Oldest message, by consumer", "s", &[("max by (consumer) (assay_consumer_oldest_age_seconds)", "{{consumer}}")]),
        ("Seconds until a queue is empty", "s", &[("max by (consumer) (assay_consumer_drain_seconds)", "{{consumer}}")]),
        ("Messages handled", "ops", &[("sum by (consumer, outcome) (rate(assay_messages_total[$__rate_interval]))", "{{consumer}} {{outcome}}")]),
        ("Handling, 99 of 100", "s", &[("histogram_quantile(0.99, sum by (consumer, le) (rate(assay_handling_duration_seconds_bucket[$__rate_interval])))", "{{consumer}}")]),
        ("Waited before its handling, 99 of 100", "s", &[("histogram_quantile(0.99, sum by (consumer, le) (rate(assay_message_age_seconds_bucket[$__rate_interval])))", "{{consumer}}")]),
        ("Streams: used", "percentunit", &[("max by (stream) (assay_stream_full_ratio)", "{{stream}}")]),
        ("A webhook's answer", "s", &[("histogram_quantile(0.5, sum by (le) (rate(assay_hook_duration_seconds_bucket[$__rate_interval])))", "half"), ("histogram_quantile(0.99, sum by (le) (rate(assay_hook_duration_seconds_bucket[$__rate_interval])))", "99 of 100")]),
        ("Slots", "short", &[("sum(assay_verifier_slots)", "there"), ("sum by (lane) (assay_verifier_runs)", "taken: {{lane}}"), ("sum by (lane) (assay_verifier_runs_waiting)", "waiting: {{lane}}")]),
        ("Not ready", "short", &[("sum by (job, part) (1 - assay_ready) > 0", "{{job}} {{part}}")]),
        ("Versions", "short", &[("count by (job, version) (assay_build_info)", "{{job}} {{version}}")]),
        ("Connections, and room for bodies", "percentunit", &[("assay_ingest_body_bytes / assay_ingest_memory_bytes_max", "{{instance}}")]),
    ]),
    ("P8 A fault of ours is never the learner's", &[
        ("Tries by result", "ops", &[("sum by (result) (rate(assay_verifications_total[$__rate_interval]))", "{{result}}")]),
        ("Errors by cause", "ops", &[("sum by (cause) (rate(assay_verification_errors_total[$__rate_interval]))", "{{cause}}")]),
        ("A try takes, 99 of 100", "s", &[("histogram_quantile(0.99, sum by (result, le) (rate(assay_verification_duration_seconds_bucket[$__rate_interval])))", "{{result}}")]),
        ("Work asked for again", "short", &[("sum by (kind) (increase(assay_work_remade_total[$__rate_interval]))", "{{kind}}")]),
    ]),
];

fn panel(id: usize, place: (usize, usize), (title, unit, queries): &Panel) -> Value {
    let source = json!({"type": "prometheus", "uid": "${source}"});
    let targets: Vec<Value> = queries
        .iter()
        .enumerate()
        .map(|(at, (query, legend))| {
            json!({
                "datasource": source,
                "expr": query,
                "legendFormat": legend,
                "refId": char::from(b'A' + u8::try_from(at).unwrap()).to_string(),
            })
        })
        .collect();
    json!({
        "datasource": source,
        "fieldConfig": {"defaults": {"min": 0, "unit": unit}, "overrides": []},
        "gridPos": {"h": PANEL.1, "w": PANEL.0, "x": place.0, "y": place.1},
        "id": id,
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": targets,
        "title": title,
        "type": "timeseries",
    })
}

#[test]
fn the_dashboard_is_written_from_its_rows() {
    let mut panels = Vec::new();
    let mut y = 0;
    for (title, row) in ROWS {
        panels.push(json!({
            "collapsed": false, "gridPos": {"h": 1, "w": WIDE, "x": 0, "y": y},
            "id": panels.len() + 1, "panels": [], "title": title, "type": "row",
        }));
        y += 1;
        for (at, each) in row.iter().enumerate() {
            let per_line = WIDE / PANEL.0;
            let place = (at % per_line * PANEL.0, y + at / per_line * PANEL.1);
            panels.push(panel(panels.len() + 1, place, each));
        }
        y += row.len().div_ceil(WIDE / PANEL.0) * PANEL.1;
    }
    let dashboard = json!({
        "editable": false,
        "graphTooltip": 1,
        "panels": panels,
        "refresh": "30s",
        "schemaVersion": 39,
        "tags": ["assay"],
        "templating": {"list": [{
            "label": "Source", "name": "source", "query": "prometheus", "type": "datasource",
        }]},
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "utc",
        "title": "Assay: its promises",
        "uid": "assay",
    });
    let text = serde_json::to_string_pretty(&dashboard).unwrap();
    same("grafana/assay.json", &(text + "\n"));
}
