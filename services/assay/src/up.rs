//! Owns `assay up`: the whole house in one process.

mod announce;
pub(crate) mod foundations;
pub(crate) mod house;
pub(crate) mod keys;
pub(crate) mod overlay;

use anyhow::Context as _;
use process::exit;
use process::settings::Settings;
use process::shutdown::Shutdown;
use process::telemetry::Telemetry;

use crate::cli::Place;
use crate::up::house::House;

pub(crate) async fn up(place: &Place) -> anyhow::Result<u8> {
    let settings = Settings::load(place.config.as_deref())?;
    let settings = overlay::readable_logs(settings)?;
    let telemetry = Telemetry::start(&settings.telemetry, "assay")?;
    let shutdown = Shutdown::listen()?;
    let stop = shutdown.token();
    let opening = House::open(settings, &place.data);
    let house = tokio::select! {
        house = opening => house.context("start the house")?,
        () = stop.cancelled() => return Ok(exit::OK),
    };
    let ended = house.serve(stop, announce::ready).await;
    telemetry.flush().await;
    ended?;
    Ok(exit::OK)
}
