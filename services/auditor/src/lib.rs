#![doc = include_str!("../README.md")]

pub mod batch;
mod completeness;
pub mod epoch;
pub mod facts;
pub mod follow;
mod growing;
mod head;
pub mod keys;
pub mod lead;
pub mod prove;
mod publish;
mod published;
mod recent;
mod sequence;
mod serve;
mod signer;
mod term;
pub mod verify;

use anyhow::Context as _;
use objects::store::Objects;
use process::health::Health;
use process::settings::Settings;
use process::settings::postgres::Role;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::completeness::Completeness;
use crate::facts::Teller;
use crate::keys::{CannotSign, Keys};
use crate::lead::Auditor;
use crate::publish::Publisher;

/// Keeps the log until `stop`: leads it, or stands by for the auditor that does. It needs the
/// ledger and not the bus, so the log goes on while NATS is away; the facts are told when it is back.
///
/// A signing key that is missing or wrong stops the signing and is a reason of `/ready`; entries
/// become leaves all the same.
///
/// # Errors
/// A bad setting, or a schema that is not the one it was built with.
pub async fn run(
    settings: &Settings,
    health: &Health,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let (log, signing) = (health.part("log"), health.part("signing"));
    let published = health.part("published");
    let keys = keys(settings);
    let store = service::connect::ledger(settings, Role::Auditor, &log, &stop).await?;
    let objects = service::objects::open(settings)?;
    let serving = serve(settings, &objects, &stop).await?;
    let publisher = Publisher {
        store: store.clone(),
        objects,
        part: published,
    };
    let teller = Teller {
        settings: settings.clone(),
        store: store.clone(),
        stop: stop.clone(),
    };
    let completeness = Completeness {
        settings: settings.clone(),
        part: health.part("completeness"),
        stop: stop.clone(),
    };
    let auditor = Auditor {
        store,
        teller,
        publisher,
        base: settings.log.origin.clone(),
        keys,
        log,
        signing,
        stop,
    };
    tokio::join!(auditor.serve(), completeness.run(), serving);
    Ok(())
}

/// What serves the published log, where the settings say.
async fn serve(
    settings: &Settings,
    objects: &Objects,
    stop: &CancellationToken,
) -> anyhow::Result<impl Future<Output = ()> + use<>> {
    let listener = match settings.log.listen {
        Some(address) => {
            let bound = TcpListener::bind(address).await;
            let listener = bound.with_context(|| format!("listen on {address} (log.listen)"))?;
            info!("serving the log on http://{}/log/", listener.local_addr()?);
            Some(listener)
        }
        None => None,
    };
    let (objects, stop) = (objects.clone(), stop.clone());
    Ok(async move {
        if let Some(listener) = listener {
            serve::serve(listener, objects, stop).await;
        }
    })
}

fn keys(settings: &Settings) -> Result<Keys, CannotSign> {
    let missing =
        |error: process::settings::error::SettingsError| CannotSign::NoKey(error.to_string());
    let signing = settings.log_signing_key().map_err(missing)?;
    let signing = signing
        .expose_str()
        .ok_or_else(|| CannotSign::NoKey("it is no text".to_owned()))?;
    let next = settings.log_next_signing_key().map_err(missing)?;
    let next = next.as_ref().and_then(|next| next.expose_str());
    let verifying = settings.log_verifier_key().map_err(missing)?;
    Keys::read(&settings.log.origin, signing, next, verifying.as_deref())
}
