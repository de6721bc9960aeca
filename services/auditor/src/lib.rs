#![doc = include_str!("../README.md")]

pub mod batch;
pub mod epoch;
mod completeness;
pub mod facts;
mod head;
pub mod keys;
pub mod lead;
pub mod prove;
mod sequence;
pub mod verify;

use process::health::Health;
use process::settings::Settings;
use process::settings::postgres::Role;
use tokio_util::sync::CancellationToken;

use crate::completeness::Completeness;
use crate::facts::Teller;
use crate::keys::{CannotSign, Keys};
use crate::lead::Auditor;

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
    let keys = keys(settings);
    let store = service::connect::ledger(settings, Role::Auditor, &log, &stop).await?;
    let origin = settings.log.origin.clone();
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
        origin,
        keys,
        log,
        signing,
        stop,
    };
    tokio::join!(auditor.serve(), completeness.run());
    Ok(())
}

fn keys(settings: &Settings) -> Result<Keys, CannotSign> {
    let missing =
        |error: process::settings::error::SettingsError| CannotSign::NoKey(error.to_string());
    let signing = settings.log_signing_key().map_err(missing)?;
    let signing = signing
        .expose_str()
        .ok_or_else(|| CannotSign::NoKey("it is no text".to_owned()))?;
    let verifying = settings.log_verifier_key().map_err(missing)?;
    Keys::read(&settings.log.origin, signing, verifying.as_deref())
}
