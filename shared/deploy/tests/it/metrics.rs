//! The list of metrics against the code that has them, the page that explains them, and what asks
//! for them: alerts and the dashboard.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use process::metrics::list::{Kind, METRICS, Metric};
use process::settings::postgres::Role;

use crate::files::{read, same};

/// Every file of code, without tests, below a folder.
fn code(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if name != "tests" && name != "benches" && name != "target" {
                code(&path, found);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// The words of a text that begin as our metrics do.
fn words(text: &str) -> BTreeSet<String> {
    let inside = |c: char| c.is_ascii_lowercase() || c == '_';
    text.split(|c| !inside(c))
        .filter(|word| word.starts_with("assay_"))
        .map(str::to_owned)
        .collect()
}

/// The names that the code gives to metrics: texts that are nothing else.
fn named() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for shelf in ["shared", "services"] {
        code(&root.join(shelf), &mut files);
    }
    assert!(files.len() > 200, "the code is not where it was");
    let mut names = BTreeSet::new();
    for file in files {
        if file.ends_with("metrics/list.rs") || file.starts_with(root.join("shared/testkit")) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        if ["counter!", "gauge!", "histogram!"]
            .iter()
            .all(|word| !text.contains(word))
        {
            continue;
        }
        let quoted = text.split('"').skip(1).step_by(2);
        names.extend(
            quoted
                .filter(|word| words(word).contains(*word))
                .map(str::to_owned),
        );
    }
    names.retain(|name| Role::ALL.iter().all(|role| role.as_str() != name));
    names
}

/// The metric that a name in a query is of.
fn metric_of(name: &str) -> Option<&'static Metric> {
    let found = METRICS.iter().find(|metric| metric.name == name);
    found.or_else(|| {
        let parts = ["_bucket", "_sum", "_count"];
        let base = parts.iter().find_map(|part| name.strip_suffix(part))?;
        let is_histogram = |metric: &&Metric| metric.name == base && metric.kind == Kind::Histogram;
        METRICS.iter().find(is_histogram)
    })
}

#[test]
fn the_list_names_every_metric_of_the_code_and_no_other() {
    let listed: BTreeSet<String> = METRICS
        .iter()
        .map(|metric| metric.name.to_owned())
        .collect();
    let named = named();
    let unlisted: Vec<_> = named.difference(&listed).collect();
    assert!(
        unlisted.is_empty(),
        "not in process::metrics::list: {unlisted:?}"
    );
    // The recorder's own are in the room of the list itself.
    let own = ["assay_build_info", "assay_ready"];
    let unused: Vec<_> = listed
        .difference(&named)
        .filter(|name| !own.contains(&name.as_str()))
        .collect();
    assert!(unused.is_empty(), "in no code: {unused:?}");
}

#[test]
fn the_page_of_metrics_is_written_from_the_list() {
    let mut text = String::from(
        "# Metrics\n\n`/metrics` of every process, in Prometheus's text; written from \
         `process::metrics::list` by\n`ASSAY_WRITE_DEPLOY=1 cargo test -p deploy`. Names and \
         units stay: what must change gets another name.\nUnits are seconds, bytes and ratios. \
         Durations have bounds from half a millisecond to two hours.\n\n\
         Rate, errors and duration: of webhook-ingest `assay_hooks_total` (by `answer`) and\n\
         `assay_hook_duration_seconds`; of all others, for each of their consumers, \
         `assay_messages_total` (by\n`outcome`) and `assay_handling_duration_seconds`. What waits \
         is `assay_consumer_…`: every process says\nthe same of its service's consumers, so take \
         `max by (consumer)`, not the sum.\n\n\
         Which alert asks for what: [alerts.yml](../deploy/prometheus/alerts.yml); what to do \
         then:\n[RUNBOOKS](RUNBOOKS.md).\n\n| metric | kind | labels | of | says |\n\
         |---|---|---|---|---|\n",
    );
    for metric in METRICS {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<_> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let of: Vec<_> = metric.of.iter().map(|service| service.as_str()).collect();
        let of = match of.len() {
            7.. => "all".to_owned(),
            4.. => "who takes messages".to_owned(),
            _ => of.join(", "),
        };
        let (name, help) = (metric.name, metric.help);
        text += &format!(
            "| `{name}` | {kind} | {} | {of} | {help} |\n",
            labels.join(", ")
        );
    }
    same("../docs/METRICS.md", &text);
}

#[test]
fn every_metric_that_is_asked_for_is_in_the_list() {
    for file in [
        "prometheus/alerts.yml",
        "prometheus/alerts_test.yml",
        "grafana/assay.json",
    ] {
        let asked = words(&read(file));
        assert!(asked.len() > 20, "{file}");
        for name in asked {
            assert!(metric_of(&name).is_some(), "{file} asks for {name}");
        }
    }
}

/// The alerts, in their order.
fn alerts() -> Vec<String> {
    let text = read("prometheus/alerts.yml");
    let names = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    names.map(str::to_owned).collect()
}

#[test]
fn every_alert_has_its_runbook_and_is_tested_both_ways() {
    let (tests, runbooks) = (
        read("prometheus/alerts_test.yml"),
        read("../docs/RUNBOOKS.md"),
    );
    let rules = read("prometheus/alerts.yml");
    let alerts = alerts();
    assert!(alerts.len() > 20, "{alerts:?}");
    for alert in &alerts {
        for way in ["fires", "is quiet"] {
            assert!(
                tests.contains(&format!("- name: {alert} {way}\n")),
                "{alert} {way}"
            );
        }
        assert!(
            runbooks.contains(&format!("\n## {alert}\n")),
            "{alert} has no runbook"
        );
        let link = format!("runbook: docs/RUNBOOKS.md#{}\n", alert.to_lowercase());
        assert!(rules.contains(&link), "{alert} has no link");
    }
    let headings = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("## Assay"));
    for heading in headings {
        assert!(
            alerts.contains(&format!("Assay{heading}")),
            "Assay{heading} is no alert"
        );
    }
}

#[test]
fn every_promise_has_an_alert_and_a_panel() {
    let (rules, dashboard) = (read("prometheus/alerts.yml"), read("grafana/assay.json"));
    for promise in 1..=8 {
        assert!(
            rules.contains(&format!("promise: P{promise}}}")),
            "P{promise}"
        );
        assert!(dashboard.contains(&format!("\"P{promise} ")), "P{promise}");
    }
}

#[test]
fn names_in_queries_are_found_by_their_histogram() {
    for (name, found) in [
        ("assay_hook_duration_seconds_bucket", true),
        ("assay_hooks_total_bucket", false),
        ("assay_hooks_total", true),
        ("assay_no_such_total", false),
    ] {
        assert_eq!(metric_of(name).is_some(), found, "{name}");
    }
}
