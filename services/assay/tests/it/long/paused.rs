//! An auditor whose process stops in the middle of leading, and wakes up while another leads.

use std::collections::BTreeMap;

use contract::audit::AuditEvent;
use contract::time::now;
use process::settings::service::Service;
use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::Map;
use store::audit_entry::{self, PendingEntry};
use store::pool::Store;
use testkit::house::House;
use testkit::wait;

use crate::site::Site;

/// Entries of one round.
const ENTRIES: i64 = 7;

/// Auditors that are a process each, and what they are given to log.
struct Log {
    site: Site,
    writer: Store,
    recorded: i64,
}

impl Log {
    async fn record(&mut self) {
        let entries: Vec<PendingEntry> = (self.recorded..self.recorded + ENTRIES)
            .map(|number| PendingEntry {
                entry: AuditEvent {
                    action: "delivery-recorded",
                    subject: &number.to_string(),
                    service: "attempt-writer",
                    outcome: "success",
                    trace_id: None,
                    at: now(),
                    fields: Map::new(),
                    rows: Vec::new(),
                }
                .entry(),
                traceparent: None,
            })
            .collect();
        self.recorded += ENTRIES;
        let mut conn = self.writer.connection().await.unwrap();
        audit_entry::append(&mut conn, &entries).await.unwrap();
    }

    /// Waits until all that was recorded is signed.
    async fn until_signed(&self) {
        let unsigned = "SELECT (SELECT count(*) FROM ledger_pending) + tree_size \
                        - (SELECT coalesce(max(tree_size), 0) FROM log_checkpoint) FROM log_head";
        wait::until("all is signed", async || {
            match self.site.house.number(unsigned).await {
                0 => Ok(()),
                unsigned => Err(format!("{unsigned} are not")),
            }
        })
        .await;
    }

    async fn checkpoints(&self) -> i64 {
        let count = "SELECT count(*) FROM log_checkpoint";
        self.site.house.number(count).await
    }

    /// The metrics of the auditor that the site has in its care.
    async fn metrics(&self) -> Result<BTreeMap<String, String>, String> {
        let (status, text) = self.site.ask(Service::Auditor, "/metrics").await?;
        if status != StatusCode::OK {
            return Err(text);
        }
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Ok(lines
            .map(|(name, value)| (name.into(), value.into()))
            .collect())
    }

    async fn until_it_leads(&self, leads: &str) -> BTreeMap<String, String> {
        wait::until(&format!("whether it leads is {leads}"), async || {
            let metrics = self.metrics().await?;
            let found = metrics.get("assay_log_leader").map(String::as_str);
            (found == Some(leads))
                .then(|| metrics.clone())
                .ok_or(format!("{found:?}"))
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_that_wakes_up_while_another_leads_signs_nothing_and_stands_by() {
    let mut site = Site::furnish(House::start().await, "").await;
    site.start_one(Service::Auditor);
    let writer = site.house.store("assay_attempt_writer", 1);
    let mut log = Log {
        site,
        writer,
        recorded: 0,
    };
    log.until_it_leads("1").await;
    log.record().await;
    log.until_signed().await;
    let mut paused = log.site.take(Service::Auditor);
    paused.signal(Signal::STOP);
    let its_own = log.checkpoints().await;
    // What it would sign when it wakes up.
    log.record().await;
    let second = log.site.second(Service::Auditor);
    log.until_signed().await;
    paused.signal(Signal::CONT);
    log.record().await;
    let after = log.until_it_leads("0").await;
    log.until_signed().await;
    assert!(log.checkpoints().await > its_own, "the other one signed");
    let signed = |metrics: &BTreeMap<String, String>| -> i64 {
        let count = metrics.get("assay_log_checkpoints_total");
        count.map_or(0, |count| count.parse().unwrap())
    };
    assert!(signed(&after) <= its_own, "it signed after it woke up");
    log.site.until_ready(Service::Auditor).await;
    let kept = log.metrics().await.unwrap();
    assert!(signed(&kept) <= its_own, "it signed while another led");
    let said = log.site.assay_ok(&["verify-log", "--ledger"]).await;
    assert!(said.starts_with("ok"), "{said}");

    // The other one goes, and the one that slept takes its place.
    drop(second);
    log.until_it_leads("1").await;
    log.record().await;
    log.until_signed().await;
    let said = log.site.assay_ok(&["verify-log", "--ledger"]).await;
    assert!(said.starts_with("ok"), "{said}");
    paused.signal(Signal::TERM);
    assert!(paused.ended().await.success());
}
