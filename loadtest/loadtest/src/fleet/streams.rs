//! Owns how far one stream goes: the same messages into a stream of one copy, of three, and into
//! two streams at once, on one cluster of three that syncs.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use testkit::cluster::{Cluster, SERVERS};
use tokio_util::sync::CancellationToken;
use witness::dice::Seed;

use crate::cli::Common;
use crate::figures::Figure;
use crate::limits::broker::{Broker, fill};
use crate::orders::settle;
use crate::traffic::Traffic;

/// Two streams that messages go into at once.
const SUBJECTS: [&str; 2] = ["assay.delivery.limits", "assay.job.record.limits"];

/// Measures, and says what came of it.
///
/// # Errors
/// A server that does not start, or refuses a message.
pub async fn streams(
    traffic: &Traffic,
    count: u64,
    common: &Common,
    stop: &CancellationToken,
) -> Result<u8> {
    let bodies: Vec<Bytes> = (0..count)
        .map(|number| traffic.delivery(number).signed.body)
        .collect();
    let mut figures = Vec::new();
    for copies in [1, SERVERS] {
        if stop.is_cancelled() {
            break;
        }
        let folder = tempfile::tempdir().context("make a folder")?;
        let cluster = Cluster::start(folder.path()).await;
        let bus = cluster.bus("webhook-ingest").await;
        bus.apply_topology(copies)
            .await
            .context("apply the topology")?;
        let one = fill(&bus, SUBJECTS[0], &bodies).await?;
        let half = bodies.split_at(bodies.len() / 2);
        let other = cluster.bus("webhook-ingest").await;
        let two = tokio::try_join!(
            fill(&bus, "assay.audit.limits", half.0),
            fill(&other, SUBJECTS[1], half.1)
        )?;
        let two = Broker {
            batches: two.0.batches + two.1.batches,
            hundreds: two.0.hundreds + two.1.hundreds,
            waiting: two.0.waiting + two.1.waiting,
            singles: two.0.singles + two.1.singles,
        };
        for (streams, broker) in [("one stream", one), ("two streams", two)] {
            println!(
                "{streams:<12} of {copies} copies: {:>8.0} messages/s in atomic batches, \
                 {:>7.0} one by one",
                broker.batches, broker.singles
            );
            let name = format!("streams.{}.copies-{copies}", streams.replace(' ', "-"));
            let add = |kind: &str, value| Figure::measured(&format!("{name}.{kind}"), value, "1/s");
            figures.push(add("batches", broker.batches));
            figures.push(add("singles", broker.singles));
        }
    }
    settle(&figures, common)
}

/// What is published: the load test's own bodies.
pub(crate) async fn traffic(common: &Common) -> Result<Traffic> {
    let folder = tempfile::tempdir().context("make a folder")?;
    let forge = sample::forge::LoopbackForge::start(folder.path()).await?;
    let template = crate::template::Template::make(&forge).await?;
    forge.stop().await?;
    Ok(Traffic {
        seed: Seed(common.seed),
        bodies: common.bodies,
        shares: common.shares(),
        repositories: common.repositories,
        source: "limits".to_owned(),
        secret: b"of no importance".to_vec(),
        enrolled: true,
        template,
    })
}
