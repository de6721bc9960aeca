//! Owns the house: private servers where none are configured, the ledger migrated, the topology
//! applied, every service running, and all of it ended in order.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use bus::rights::TOPOLOGY;
use process::health::Health;
use process::metrics::Metrics;
use process::settings::Settings;
use process::settings::postgres::{ROLE_PLACEHOLDER, Role};
use servers::folder::DataFolder;
use servers::nats::{NatsSettings, PrivateNats};
use servers::place;
use servers::postgres::{DATABASE, Durability, OWNER, PostgresSettings, PrivatePostgres};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::context::{Context, RUNNING};
use crate::services;
use crate::up::keys::{self, Keys};
use crate::up::overlay::{self, is_free};

/// Connections that the private Postgres takes: every service's pool, and the operator's commands.
const POSTGRES_CONNECTIONS: u16 = 100;

/// Everything that is started and not yet serving.
pub(crate) struct House {
    pub(crate) settings: Settings,
    pub(crate) data: PathBuf,
    hooks: TcpListener,
    health: TcpListener,
    private: Private,
    _folder: Arc<DataFolder>,
}

/// The servers of the house's own.
#[derive(Default)]
struct Private {
    nats: Option<PrivateNats>,
    postgres: Option<PrivatePostgres>,
}

/// Where the house answers.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    pub(crate) hooks: SocketAddr,
    pub(crate) health: SocketAddr,
}

impl House {
    /// Starts what is missing and makes it ready. Nothing serves before [`House::serve`].
    ///
    /// # Errors
    /// A folder that another process has, a server that does not start, a port that is taken.
    pub(crate) async fn open(settings: Settings, data: &Path) -> anyhow::Result<Self> {
        let folder = DataFolder::open(data)?;
        let data = folder.path().to_owned();
        let keys = Keys::make(&data, &settings.log.origin)?;
        // Learners' work: the data folder itself must let the private Postgres through.
        for own in ["objects", "git-cache"] {
            keys::make_private(&data.join(own))?;
        }
        let scratch = place::reachable(&data).join("scratch");
        let settings = overlay::folders_and_keys(settings, &data, &scratch, &keys)?;
        let settings = overlay::limits(settings)?;
        let (settings, private) = Private::start(settings, &folder, &keys).await?;
        let context = Context::with(settings);
        prepare(&context).await?;
        let mut settings = context.settings;
        let hooks = listen(&settings, "http.listen", settings.http.listen).await?;
        let health = listen(&settings, "health.listen", settings.health.listen).await?;
        settings = settings.with("http.listen", hooks.local_addr()?)?;
        settings = settings.with("health.listen", health.local_addr()?)?;
        keys::write(&data.join(RUNNING), &toml::to_string(&settings)?)?;
        Ok(Self {
            settings,
            data,
            hooks,
            health,
            private,
            _folder: folder,
        })
    }

    /// Runs every service until the stop signal; calls `ready` once all of them are. Then ends
    /// them in order, and the servers after them.
    ///
    /// # Errors
    /// A service, or a server of the house's own, that ended early.
    pub(crate) async fn serve(
        mut self,
        stop: CancellationToken,
        ready: impl FnOnce(&Settings, &Endpoints, &Path) + Send,
    ) -> anyhow::Result<()> {
        let endpoints = Endpoints {
            hooks: self.hooks.local_addr()?,
            health: self.health.local_addr()?,
        };
        let (health, ended) = (Health::new(), CancellationToken::new());
        services::expect_all(&health);
        let answering = tokio::spawn(process::health_server::serve(
            self.health,
            health.clone(),
            Metrics::install()?,
            ended.clone(),
        ));
        let services = services::all(&self.settings, self.hooks, &health, &stop);
        let watch = async {
            until_ready(&health).await;
            ready(&self.settings, &endpoints, &self.data);
            stop.cancelled().await;
            health.stopping();
        };
        let result = tokio::select! {
            result = async { tokio::join!(services, watch).0 } => result,
            server = self.private.ended() => Err(anyhow::anyhow!("{server} ended: see its log")),
        };
        stop.cancel();
        self.private.stop().await;
        ended.cancel();
        let _ = answering.await;
        // Commands must not believe that the house still stands.
        let _ = std::fs::remove_file(self.data.join(RUNNING));
        result
    }
}

impl Private {
    /// Starts the servers that nobody configured, and names them in the settings.
    async fn start(
        mut settings: Settings,
        folder: &Arc<DataFolder>,
        keys: &Keys,
    ) -> anyhow::Result<(Settings, Self)> {
        let mut private = Self::default();
        if is_free(&settings, "nats.url") {
            let nats = NatsSettings {
                users: keys.nats_users()?,
                ..NatsSettings::default()
            };
            let nats = PrivateNats::start(folder, nats).await?;
            let nats_settings = serde_json::json!({
                "url": nats.url(),
                "nkey_seed_file": keys.nats_seed_file(),
                "monitor_url": nats.monitoring_url(),
            });
            settings = settings.with("nats", nats_settings)?;
            private.nats = Some(nats);
        }
        (settings, private.postgres) = start_postgres(settings, folder).await?;
        Ok((settings, private))
    }

    /// Waits until one of the servers has ended, and names it; for ever where there is none.
    async fn ended(&self) -> &'static str {
        let nats = async {
            match &self.nats {
                Some(nats) => drop(nats.ended().await),
                None => std::future::pending().await,
            }
        };
        let postgres = async {
            match &self.postgres {
                Some(postgres) => drop(postgres.ended().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = nats => "the private nats-server",
            () = postgres => "the private Postgres",
        }
    }

    /// Ends the servers, the bus first: what it holds is synced, and nothing more comes.
    async fn stop(&mut self) {
        if let Some(nats) = &mut self.nats
            && let Err(error) = nats.stop().await
        {
            tracing::warn!(%error, "stop the private nats-server");
        }
        if let Some(postgres) = &mut self.postgres
            && let Err(error) = postgres.stop().await
        {
            tracing::warn!(%error, "stop the private Postgres");
        }
    }
}

/// Starts a Postgres where nobody configured one, and names it in the settings.
pub(crate) async fn start_postgres(
    settings: Settings,
    folder: &Arc<DataFolder>,
) -> anyhow::Result<(Settings, Option<PrivatePostgres>)> {
    if !is_free(&settings, "postgres.url") {
        return Ok((settings, None));
    }
    let postgres = PostgresSettings::new(Durability::Durable, POSTGRES_CONNECTIONS);
    let postgres = PrivatePostgres::start(folder, postgres).await?;
    // Braces would be escaped: the place of the role is made afterwards.
    let url = postgres
        .url(OWNER, DATABASE)
        .replacen(OWNER, ROLE_PLACEHOLDER, 1);
    Ok((settings.with("postgres.url", url)?, Some(postgres)))
}

/// Migrates the ledger and applies the topology.
async fn prepare(context: &Context) -> anyhow::Result<()> {
    let url = context.settings.postgres_url(Role::Owner)?;
    let url = url.expose_str().context("postgres.url is no text")?;
    store::migrate::up_unless_restoring(url).await?;
    let bus = context.bus_as(TOPOLOGY).await?;
    bus.apply_topology(1).await?;
    Ok(())
}

/// Opens a port. The default one may be taken, by another house for instance: then any will do,
/// and the house says which.
async fn listen(
    settings: &Settings,
    setting: &str,
    address: SocketAddr,
) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(_) if is_free(settings, setting) => {
            let any = SocketAddr::new(address.ip(), 0);
            TcpListener::bind(any)
                .await
                .with_context(|| format!("open a port for {setting}"))
        }
        bound => bound.with_context(|| format!("open {setting}, {address}")),
    }
}

/// Waits until every part of every service is ready.
async fn until_ready(health: &Health) {
    let mut delays = retry::delays::Delays::new(&retry::policy::QUICK);
    // An empty report is ready too, and says only that no service has begun.
    loop {
        let report = health.report();
        if report.ready && report.parts.len() >= PARTS_MIN {
            return;
        }
        tokio::time::sleep(delays.next()).await;
    }
}

/// Each of the six services has one part at least.
const PARTS_MIN: usize = 6;
