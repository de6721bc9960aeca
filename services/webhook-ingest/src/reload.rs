//! Owns reading the sources again: their part of the settings and their secrets, every second and
//! at SIGHUP. What holds is kept until something better is there: a bad configuration is said once,
//! and ends nothing.

use std::io::IsTerminal as _;
use std::time::Duration;

use contract::time::now;
use process::health::Part;
use process::settings::Settings;
use process::settings::service::Service;
use process::settings::settled::{Judge, Verdict};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::live::Live;
use crate::source::Configured;

/// Between two looks at the settings and the secrets, in seconds.
const LOOK_EVERY_SECS: u64 = 1;

/// Reads the sources again until `stop`, and swaps them in `live`; `changed` is told of what held
/// before and what holds now.
pub(crate) async fn watch(
    settings: &Settings,
    holds: Configured,
    live: &Live,
    part: &Part,
    changed: impl Fn(&Configured, &Configured),
    stop: &CancellationToken,
) {
    let mut holding = holds.clone();
    let mut judge = Judge::new(holds);
    part.ready();
    count("refused", 0);
    metrics::gauge!("assay_sources_refused").set(0.0);
    let mut looks = tokio::time::interval(Duration::from_secs(LOOK_EVERY_SECS));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut hangups = hangups();
    loop {
        let asked = tokio::select! {
            _ = looks.tick() => false,
            () = hangup(&mut hangups) => true,
            () = stop.cancelled() => return,
        };
        let again = settings.clone();
        // Files may be slow. One that panics is as bad as one that cannot be read.
        let read = tokio::task::spawn_blocking(move || read(&again)).await;
        let read = read.unwrap_or_else(|_| Err("the settings could not be read".to_owned()));
        let verdict = judge.judge(read, asked);
        if let Verdict::Swap(new) = &verdict {
            changed(&holding, new);
            holding.clone_from(new);
        }
        carry_out(verdict, live, part, asked);
        live.now().show_live(now());
    }
}

fn read(settings: &Settings) -> Result<Configured, String> {
    let read = || {
        let settings = settings.reread()?;
        settings.check_for(Service::WebhookIngest)?;
        Configured::read(&settings)
    };
    read().map_err(|error| match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    })
}

fn carry_out(verdict: Verdict<Configured>, live: &Live, part: &Part, asked: bool) {
    match verdict {
        Verdict::Keep => {
            if asked {
                count("unchanged", 1);
            }
            return;
        }
        Verdict::Mended => {
            count("unchanged", 1);
            tracing::info!("the settings hold again, and their sources are those in use");
        }
        Verdict::Swap(configured) => {
            live.swap(&configured);
            count("applied", 1);
            let sources = configured.len();
            tracing::info!(sources, "the sources were read again: {sources} are in use");
        }
        Verdict::Refuse(reason) => {
            count("refused", 1);
            metrics::gauge!("assay_sources_refused").set(1.0);
            tracing::error!(
                reason,
                "the changed settings are not used, those before still hold: {reason}"
            );
            part.note(Some(format!("the changed settings are not used: {reason}")));
            return;
        }
    }
    metrics::gauge!("assay_sources_refused").set(0.0);
    part.note(None);
}

fn count(outcome: &'static str, by: u64) {
    metrics::counter!("assay_sources_reloads_total", "outcome" => outcome).increment(by);
}

/// SIGHUP, unless it means that the terminal is gone, and with it whoever started this.
fn hangups() -> Option<Signal> {
    if std::io::stdin().is_terminal() {
        return None;
    }
    signal(SignalKind::hangup())
        .inspect_err(|error| tracing::warn!(%error, "SIGHUP cannot be heard"))
        .ok()
}

async fn hangup(hangups: &mut Option<Signal>) {
    let heard = match hangups {
        Some(hangups) => hangups.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests;
