//! Owns taking `AUDIT` from its queue: what lanes and services say becomes rows and entries; and
//! hearing the broker, whose word is put there first.

use std::time::Duration;

use bus::advisory::Advisories;
use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use contract::lane::LaneManifest;
use contract::message::Message;
use contract::notice::{
    BrokerChanged, HooksRefused, SecretsChanged, SpoolChanged, TopologyApplied,
};
use contract::time::{Timestamp, now, to_text};
use retry::delays::Delays;
use retry::policy::DEPENDENCY;
use serde_json::{Value, json};
use service::ground::Ground;
use store::audit_entry::{self, PendingEntry};
use store::error::StoreError;
use store::lane::{self, ManifestRow};
use store::row::LedgerRow;
use store::transaction;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::completeness::entry::{self, Told};
use crate::completeness::manifest;

/// Longest wait for the queue to take what the broker said, in seconds; then it is lost, and counted.
const HEARD_SECS_MAX: u64 = 300;
/// Records what is said.
pub(crate) struct Recorder {
    pub(crate) ground: Ground,
}

impl Handler for Recorder {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let recorded = match incoming.header("ce-type").unwrap_or_default() {
            LaneManifest::KIND => match incoming.decode::<LaneManifest>() {
                Ok(said) if manifest::fits(&said) => self.manifest(&said).await,
                Ok(_) => return Outcome::Never("the manifest does not add up".to_owned()),
                Err(reason) => return Outcome::Never(reason),
            },
            _ => match read(incoming) {
                Ok(entry) => self.append(entry).await,
                Err(reason) => return Outcome::Never(reason),
            },
        };
        match recorded {
            Ok(()) => Outcome::Done,
            Err(error) => self.ground.ledger_refused(&error),
        }
    }
}

impl Recorder {
    async fn append(&self, entry: PendingEntry) -> Result<(), StoreError> {
        let mut conn = self.ground.store.connection().await?;
        let entries = [entry];
        let work = async |conn: &mut _| audit_entry::append(conn, &entries).await;
        transaction::run(&mut conn, work).await
    }

    async fn manifest(&self, said: &LaneManifest) -> Result<(), StoreError> {
        let at = now();
        let (row, heard) = (manifest::row(said, at), manifest::heard(said));
        let mut conn = self.ground.store.connection().await?;
        let (row, heard) = (&row, &heard);
        let work = async |conn: &mut _| {
            lane::hear(conn, heard).await?;
            let new = ManifestRow::insert(conn, row.as_slice()).await?;
            let new = row.as_ref().filter(|row| new.contains(&row.id));
            let entries: Vec<_> = new.map(|row| told(row, said, at)).into_iter().collect();
            audit_entry::append(conn, &entries).await
        };
        transaction::run(&mut conn, work).await
    }
}

fn told(row: &ManifestRow, said: &LaneManifest, at: Timestamp) -> PendingEntry {
    let action = if said.closing {
        "lane-closed"
    } else {
        "lane-told"
    };
    entry::of(Told {
        action,
        subject: row.id.to_string(),
        is_good: true,
        trace_id: None,
        fields: vec![
            ("assay.lane.id", json!(said.lane)),
            ("assay.lane.from", json!(said.from)),
            ("assay.lane.through", json!(said.through)),
            ("assay.lane.given", json!(said.given)),
            ("assay.deliveries", json!(said.deliveries.len())),
        ],
        rows: vec![row.covered()],
        at,
    })
}

/// The entry of what a service says that has no ledger.
fn read(incoming: &Incoming) -> Result<PendingEntry, String> {
    match incoming.header("ce-type").unwrap_or_default() {
        HooksRefused::KIND => incoming.decode().map(|said| hooks_refused(&said)),
        SpoolChanged::KIND => incoming.decode().map(|said| spool_changed(&said)),
        SecretsChanged::KIND => incoming.decode().map(|said| secrets_changed(&said)),
        TopologyApplied::KIND => incoming.decode().map(|said| topology_applied(&said)),
        BrokerChanged::KIND => incoming.decode().map(|said| broker_changed(&said)),
        kind => Err(format!("nothing is known of messages of kind {kind:?}")),
    }
}

/// The entry of a message, made once however often the message comes.
fn entry<M: Message>(
    message: &M,
    action: &'static str,
    is_good: bool,
    at: Timestamp,
    fields: Vec<(&'static str, Value)>,
) -> PendingEntry {
    entry::of(Told {
        action,
        subject: message.message_id(),
        is_good,
        trace_id: None,
        fields,
        rows: Vec::new(),
        at,
    })
}

fn hooks_refused(said: &HooksRefused) -> PendingEntry {
    let mut fields = vec![
        ("user.name", json!("webhook-ingest")),
        ("event.reason", json!("requests were not accepted")),
        ("event.start", json!(to_text(said.since))),
        ("event.end", json!(to_text(said.at))),
        ("assay.lane.id", json!(said.lane)),
        ("assay.refused", json!(said.counts)),
    ];
    if let Some(source) = &said.source {
        fields.push(("assay.source", json!(source)));
    }
    entry(said, "hooks-refused", false, said.at, fields)
}

fn spool_changed(said: &SpoolChanged) -> PendingEntry {
    let reason = match said.change.as_str() {
        "opened" => "the queue did not take deliveries",
        "drained" => "the queue took what the spool had kept",
        _ => "the spool has no room, or its disk fails",
    };
    let fields = vec![
        ("user.name", json!("webhook-ingest")),
        ("event.reason", json!(reason)),
        ("assay.lane.id", json!(said.lane)),
        ("assay.spool.change", json!(said.change)),
        ("assay.spool.records", json!(said.records)),
        ("assay.spool.bytes", json!(said.bytes)),
    ];
    let is_good = said.change.as_str() != "refusing";
    entry(said, "spool-changed", is_good, said.at, fields)
}

fn secrets_changed(said: &SecretsChanged) -> PendingEntry {
    let fields = vec![
        ("user.name", json!("webhook-ingest")),
        ("event.reason", json!("the settings were read again")),
        ("assay.lane.id", json!(said.lane)),
        ("assay.source", json!(said.source)),
        ("assay.secrets.appeared", json!(said.appeared)),
        ("assay.secrets.gone", json!(said.gone)),
        ("assay.secrets.replaced", json!(said.replaced)),
    ];
    entry(said, "secrets-changed", true, said.at, fields)
}

fn topology_applied(said: &TopologyApplied) -> PendingEntry {
    let fields = vec![
        ("user.name", json!(said.actor)),
        ("event.reason", json!(said.reason)),
        ("assay.changes", json!(said.changes)),
    ];
    entry(said, "topology-applied", true, said.at, fields)
}

fn broker_changed(said: &BrokerChanged) -> PendingEntry {
    let unnamed = "(no login)".to_owned();
    let mut fields = vec![
        ("user.name", json!(said.user.as_ref().unwrap_or(&unnamed))),
        ("event.reason", json!("the broker's API was called")),
        ("assay.broker.call", json!(said.call)),
        ("assay.stream", json!(said.stream)),
    ];
    if let Some(consumer) = &said.consumer {
        fields.push(("assay.consumer", json!(consumer)));
    }
    if let Some(client) = &said.client {
        fields.push(("assay.broker.client", json!(client)));
    }
    entry(said, "broker-changed", !said.refused, said.at, fields)
}

/// Hears what the broker says of changes, and puts it into `AUDIT`, until the stop signal.
///
/// # Errors
/// The broker does not let us listen.
pub(crate) async fn listen(ground: &Ground, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut advisories = ground.bus.advisories().await?;
    loop {
        let heard = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            heard = Advisories::next(&mut advisories) => heard,
        };
        let Some(changed) = heard else {
            anyhow::bail!("the connection to the broker is gone");
        };
        let telling = async {
            let mut delays = Delays::new(&DEPENDENCY);
            while let Err(error) = ground.bus.publish(&changed).await {
                tracing::debug!(%error, "what the broker said waits");
                sleep(delays.next()).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            told = tokio::time::timeout(Duration::from_secs(HEARD_SECS_MAX), telling) => {
                if told.is_err() {
                    metrics::counter!("assay_notices_lost_total").increment(1);
                    tracing::error!("what the broker said of a change is lost");
                }
            }
        }
    }
}
