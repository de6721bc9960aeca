//! Owns the check that no client can make through the bus itself: whether its servers sync a
//! message before they ack it. A 2xx is worth no more than that (promise P1).

use std::time::Duration;

use anyhow::{Context as _, bail};
use process::settings::Settings;
use reqwest::Client;
use retry::policy::DEPENDENCY;
use retry::retry::{Step, retry};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::connect::Stopped;

/// Longest wait for the monitoring's answer, in seconds.
const ANSWER_SECS_MAX: u64 = 5;

/// What of `/varz` is asked for.
#[derive(Deserialize)]
struct Varz {
    #[serde(default)]
    jetstream: JetStream,
}

#[derive(Default, Deserialize)]
struct JetStream {
    #[serde(default)]
    config: Option<Config>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
}

/// Asks each server's monitoring whether it syncs before it acks, waiting for those that do not
/// answer.
///
/// # Errors
/// A server that acks first or has no JetStream, or the stop signal; none where the settings
/// accept that danger by name.
pub async fn check(settings: &Settings, stop: &CancellationToken) -> anyhow::Result<()> {
    if settings.nats.dangerously_accept_unsynced {
        tracing::warn!("deliveries are accepted on servers that may not sync before they ack");
        return Ok(());
    }
    let timeout = Duration::from_secs(ANSWER_SECS_MAX);
    let client = Client::builder()
        .timeout(timeout)
        .build()
        .context("make a client")?;
    for monitor in settings.nats.monitors() {
        let url = format!("{}/varz", monitor.trim_end_matches('/'));
        let asking = retry(&DEPENDENCY, "ask the bus how it syncs", || {
            let asked = ask(&client, &url);
            async { asked.await.map_err(Step::Again) }
        });
        let config = tokio::select! {
            () = stop.cancelled() => return Err(Stopped("the bus's monitoring answered").into()),
            config = asking => config.with_context(|| format!("ask {url}"))?,
        };
        match config {
            Some(config) if config.sync_always => {}
            Some(_) => bail!(
                "the NATS server at {monitor} acks before it syncs: set `sync_interval: always` \
                 in its jetstream section"
            ),
            None => bail!("the NATS server at {monitor} has no JetStream"),
        }
    }
    Ok(())
}

async fn ask(client: &Client, url: &str) -> reqwest::Result<Option<Config>> {
    let answer = client.get(url).send().await?.error_for_status()?;
    Ok(answer.json::<Varz>().await?.jetstream.config)
}
