//! Owns the dump of the ledger: one moment of it, by `pg_dump`, with what is in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use contract::time::{self, Timestamp};
use process::secret::Secret;
use process::settings::Settings;
use process::settings::postgres::Role;
use servers::client::{Clients, Login};
use store::backup;
use store::migrate;
use store::pool::{Connection, Store};

use crate::backup::progress::{self, Progress};

/// The dump's file.
pub(crate) const DUMP: &str = "ledger.dump";
/// Connections that a backup or a restore has at a time.
const CONNECTIONS_MAX: usize = 4;
/// How often the size of the growing dump is looked at, in milliseconds.
const LOOK_MS: u64 = 500;
/// Versions of Postgres as one number: 15.18 is 150018.
const PER_MAJOR: i64 = 10_000;

/// What a dump has.
pub(crate) struct Dumped {
    pub(crate) made_at: Timestamp,
    pub(crate) postgres: i64,
    pub(crate) pg_dump: u32,
    pub(crate) migrations: Vec<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) rows: BTreeMap<String, i64>,
}

/// The owner's way to the ledger, for our own connections and for Postgres' programs.
pub(crate) struct OwnersWay {
    url: String,
    password: Option<Secret>,
    pub(crate) store: Store,
}

impl OwnersWay {
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Self> {
        let whole = settings.postgres_url(Role::Owner)?;
        let whole = whole.expose_str().context("postgres.url is no text")?;
        Ok(Self {
            url: settings.postgres_url_without_password(Role::Owner),
            password: settings.postgres_password(Role::Owner)?,
            store: Store::open(whole, CONNECTIONS_MAX)?,
        })
    }

    pub(crate) fn login(&self) -> anyhow::Result<Login<'_>> {
        let password = match &self.password {
            Some(secret) => Some(secret.expose_str().context("the password is no text")?),
            None => None,
        };
        Ok(Login {
            url: &self.url,
            password,
        })
    }

    pub(crate) async fn connection(&self) -> anyhow::Result<Connection> {
        let connected = self.store.connection().await;
        connected.context("reach the ledger as its owner")
    }
}

/// The major version of a server.
pub(crate) fn major(server_version: i64) -> anyhow::Result<u32> {
    u32::try_from(server_version / PER_MAJOR).context("a server's version is a small number")
}

/// Dumps the ledger into a folder: one moment of it, while it is at work.
pub(crate) async fn dump(way: &OwnersWay, folder: &Path) -> anyhow::Result<Dumped> {
    let mut progress = Progress::begin("the ledger");
    let mut conn = way
        .store
        .dedicated()
        .await
        .context("reach the ledger as its owner")?;
    migrate::finished(&mut conn).await?;
    let postgres = backup::server_version(&mut conn).await?;
    let clients = Clients::find(major(postgres)?)?;
    let made_at = time::now();
    let moment = backup::hold_moment(&mut conn).await?;
    let mut dumped = Dumped {
        made_at,
        postgres,
        pg_dump: clients.major,
        migrations: migrate::applied(&mut conn).await?,
        roles: backup::roles(&mut conn).await?,
        rows: BTreeMap::new(),
    };
    if dumped.migrations.is_empty() {
        bail!("there is no ledger in this database: nothing to back up");
    }
    for table in backup::tables(&mut conn).await? {
        let rows = backup::count(&mut conn, &table).await?;
        dumped.rows.insert(table.name, rows);
    }
    let file = folder.join(DUMP);
    let login = way.login()?;
    let arguments: [OsString; 5] = [
        "--format=custom".into(),
        // Whoever restores it owns it.
        "--no-owner".into(),
        format!("--snapshot={moment}").into(),
        "--file".into(),
        file.clone().into(),
    ];
    let dumping = clients.dump(&login, &arguments);
    tokio::pin!(dumping);
    loop {
        tokio::select! {
            ended = &mut dumping => {
                ended?;
                break;
            }
            () = tokio::time::sleep(Duration::from_millis(LOOK_MS)) => {
                let size = std::fs::metadata(&file).map_or(0, |meta| meta.len());
                progress.tell(|| progress::bytes(size));
            }
        }
    }
    make_private(&file)?;
    let size = std::fs::metadata(&file).map_or(0, |meta| meta.len());
    let rows: i64 = dumped.rows.values().sum();
    progress.end(&format!("{rows} rows, {}", progress::bytes(size)));
    Ok(dumped)
}

fn make_private(file: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(file, private).with_context(|| format!("close {}", file.display()))
}
