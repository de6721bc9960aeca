//! Owns the first contact: the bus and the ledger are waited for, then held against what the
//! program was built with.

use anyhow::Context as _;
use bus::connect::{Bus, ConnectSettings, Tls};
use bus::error::ConnectError;
use bus::key::{BadSeed, UserKey};
use process::health::Part;
use process::settings::Settings;
use process::settings::postgres::Role;
use process::settings::secrets::NatsLogin;
use retry::policy::DEPENDENCY;
use retry::retry::{Step, retry};
use store::pool::Store;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::ground::chain;

/// The service was told to stop while it was still starting: an end as good as any other.
#[derive(Debug, Error)]
#[error("stopped before {0}")]
pub struct Stopped(pub(crate) &'static str);

/// Connects to the bus as `name`, waiting for it as long as it takes; then checks its topology.
///
/// # Errors
/// A bad setting, a server too old, a topology that is not ours, or the stop signal.
pub async fn bus(
    settings: &Settings,
    name: &'static str,
    part: &Part,
    stop: &CancellationToken,
) -> anyhow::Result<Bus> {
    let connect = connect_settings(settings, name)?;
    let connected = retry(&DEPENDENCY, "connect to the bus", async || {
        let bus = match Bus::connect(&connect, name).await {
            Ok(bus) => bus,
            Err(error @ ConnectError::Unreachable { .. }) => {
                part.not_ready(chain(&error));
                return Err(Step::Again(anyhow::Error::new(error)));
            }
            Err(error @ ConnectError::TooOld { .. }) => return Err(Step::Stop(error.into())),
        };
        match bus.check_topology().await {
            Ok(()) => Ok(bus),
            Err(error) if error.is_transient() => Err(Step::Again(error.into())),
            Err(error) => Err(Step::Stop(error.into())),
        }
    });
    tokio::select! {
        () = stop.cancelled() => Err(Stopped("the bus was there").into()),
        bus = connected => bus,
    }
}

/// Opens the ledger as `role`, waiting for it as long as it takes; then checks its migrations.
///
/// # Errors
/// A bad setting, a schema that is not ours, or the stop signal.
pub async fn ledger(
    settings: &Settings,
    role: Role,
    part: &Part,
    stop: &CancellationToken,
) -> anyhow::Result<Store> {
    let url = settings.postgres_url(role)?;
    let url = url.expose_str().context("postgres.url is no text")?;
    let store = Store::open(url, settings.postgres.pool_size as usize)?;
    let checked = retry(
        &DEPENDENCY,
        "open the ledger",
        async || match store::migrate::check(&store).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_transient() => {
                part.not_ready(chain(&error));
                Err(Step::Again(error))
            }
            Err(error) => Err(Step::Stop(error)),
        },
    );
    tokio::select! {
        () = stop.cancelled() => return Err(Stopped("the ledger was there").into()),
        checked = checked => checked?,
    }
    Ok(store)
}

/// The bus's address, and the login of `user`, out of the settings.
///
/// # Errors
/// The key or the password cannot be read.
pub fn connect_settings(settings: &Settings, user: &str) -> anyhow::Result<ConnectSettings> {
    let (mut credentials, mut key) = (None, None);
    match settings.nats_login(user)? {
        Some(NatsLogin::Key { seed }) => {
            let seed = seed.expose_str().ok_or(BadSeed);
            let read = seed.and_then(UserKey::of_seed);
            let bad = |error: BadSeed| settings.refused("nats.nkey_seed_file", error.to_string());
            key = Some(read.map_err(bad)?);
        }
        Some(NatsLogin::Password { user, password }) => {
            let password = password.expose_str();
            let password = password.context("the password of NATS is no text")?;
            credentials = Some((user, password.to_owned()));
        }
        None => {}
    }
    let tls = settings.nats.tls.as_ref().map(|tls| Tls {
        ca_file: tls.ca_file.clone(),
        own: tls.cert_file.clone().zip(tls.key_file.clone()),
    });
    Ok(ConnectSettings {
        url: settings.nats.url.clone(),
        credentials,
        key,
        tls,
    })
}
