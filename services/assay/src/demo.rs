//! Owns `assay demo`: a push's whole way, shown to a person and checked step by step.

mod checks;
mod forge;
mod post;
mod show;
mod story;
mod watch;

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use process::exit;
use process::settings::Settings;
use process::shutdown::Shutdown;
use process::telemetry::Telemetry;
use serde_json::json;
use tokio::sync::oneshot;

use crate::cli::Place;
use crate::demo::checks::Checks;
use crate::demo::forge::Forge;
use crate::demo::story::Story;
use crate::up::house::House;
use crate::up::overlay::SOURCE;

pub(crate) async fn demo(place: &Place) -> anyhow::Result<u8> {
    let data = place.data.join("demo");
    // The demo's own folder of the run before; nobody else's.
    let scratch = servers::place::reachable(&data.join("house")).join("scratch");
    verifier::sandbox::scratch::release(&scratch).context("release the demo before")?;
    servers::folder::remove(&data).context("remove the folder of the demo before")?;
    let settings = Settings::load(place.config.as_deref())?;
    // A person reads the story; only trouble may interrupt it.
    let settings = settings
        .with("telemetry.level", "warn")?
        .with("telemetry.log", "text")?;
    let telemetry = Telemetry::start(&settings.telemetry, "assay")?;
    let shutdown = Shutdown::listen()?;
    let stop = shutdown.token();
    let mut checks = Checks::default();
    let told = tokio::select! {
        told = tell(settings, &data, &mut checks) => told,
        () = stop.cancelled() => Err(anyhow::anyhow!("interrupted")),
    };
    telemetry.flush().await;
    told?;
    checks.conclude();
    Ok(if checks.all_held() {
        exit::OK
    } else {
        exit::FAILED
    })
}

async fn tell(settings: Settings, data: &Path, checks: &mut Checks) -> anyhow::Result<()> {
    show::opening();
    let begin = Instant::now();
    let forge = Forge::start(&data.join("forge"))
        .await
        .context("start the demo's forge")?;
    let any_port = "127.0.0.1:0";
    let settings = settings
        .with("http.listen", any_port)?
        .with("health.listen", any_port)?
        .with(
            &format!("sources.{SOURCE}"),
            json!({
                "provider": "github",
                "fetch_url": forge.fetch_url(),
                "secrets": [{ "name": "demo", "file": forge.secret_file() }],
            }),
        )?;
    let house = House::open(settings, &data.join("house"))
        .await
        .context("start the house")?;
    let house_data = house.data.clone();
    let (is_ready, ready) = oneshot::channel();
    let stop = tokio_util::sync::CancellationToken::new();
    let _ends_with_the_story = stop.clone().drop_guard();
    let serving = house.serve(stop.clone(), |settings, endpoints, _| {
        let _ = is_ready.send((settings.clone(), endpoints.clone()));
    });
    let telling = async {
        let (settings, endpoints) = ready.await.context("wait until every service is ready")?;
        show::ready(&endpoints, &house_data, begin.elapsed());
        let told = Story::new(settings, &endpoints, &forge, checks)?
            .tell()
            .await;
        stop.cancel();
        told
    };
    let (served, told) = tokio::join!(serving, telling);
    served.context("run the house")?;
    told
}
