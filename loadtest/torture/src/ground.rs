//! Owns the ground of a run: real servers, a forge, settings, and a seat with wires for each
//! process.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chrono::TimeDelta;
use contract::time;
use process::settings::postgres::ROLE_PLACEHOLDER;
use process::settings::service::Service;
use sample::dialect::Dialect;
use sample::forge::LoopbackForge;
use sample::status_api::{self, StatusApi};
use servers::log;
use servers::postgres::OWNER;
use tempfile::TempDir;
use testkit::house::House;
use testkit::program::Plan;
use testkit::users;
use testkit::wire::Wire;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::mischief;
use crate::seat::{self, Login, ROSTER, Seat, Who};
use witness::programs::Programs;

/// What webhooks are signed with.
pub const SECRET: &[u8] = b"a secret of the torture";
/// What signs only from so many hours after the start on.
pub const LATER_SECRET: &str = "a later secret of the torture";
const LATER_HOURS: i64 = 1;
/// How long a command of the operator's may take, in seconds: to check a whole ledger takes the
/// longer the more was done before.
const COMMAND_SECS_MAX: u64 = 1_800;
/// The source that webhooks come to.
pub const SOURCE: &str = "github";
/// The log's name.
const ORIGIN: &str = "assay.test/torture";
/// Connections of each process: few, so that a pool can be exhausted.
const POOL_SIZE: u8 = 4;
/// How long the house may take to be ready, in seconds.
const READY_SECS_MAX: u64 = 90;
/// The pause between two looks, in milliseconds.
const LOOK_MS: u64 = 50;

/// Everything that is tortured, and what it stands on.
#[derive(Debug)]
pub struct Ground {
    /// The seats, as in the roster.
    pub seats: Vec<Seat>,
    /// The forge.
    pub forge: LoopbackForge,
    /// Where its commits are marked.
    pub marks: StatusApi,
    /// The programs.
    pub programs: Programs,
    house: Mutex<House>,
    owner_url: String,
    reader_url: String,
    folder: TempDir,
}

impl Ground {
    /// Starts the servers and the forge, writes the settings, and lays the wires. Nobody sits yet.
    ///
    /// # Errors
    /// What is missing.
    pub async fn lay(programs: Programs) -> Result<Self> {
        let house = House::start().await;
        let folder = tempfile::tempdir().context("make a folder")?;
        // The accounts of boxes and servers get through.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        let forge = LoopbackForge::start(&folder.path().join("forge")).await?;
        let marks = StatusApi::start(status_api::Dialect::Github).await?;
        let nats = house.nats().url().replace("nats://", "");
        let mischief = mischief::build(folder.path());
        let mut seats = Vec::with_capacity(ROSTER.len());
        for who in ROSTER {
            let own = folder.path().join(who.to_string());
            std::fs::create_dir_all(&own)?;
            std::fs::set_permissions(&own, Permissions::from_mode(0o711))?;
            let to_nats = Wire::to_nats(nats.parse().context("read the port of NATS")?).await;
            let sockets = house.postgres().socket_folder();
            let to_postgres = Wire::to_postgres(&sockets, &own.join("pg")).await;
            seats.push(Seat::new(
                who,
                [to_nats, to_postgres],
                &programs.assay,
                mischief.as_deref(),
                folder.path(),
            ));
        }
        let ground = Self {
            seats,
            forge,
            marks,
            programs,
            owner_url: house.owner_url(),
            reader_url: house.database_url("assay_reader"),
            house: Mutex::new(house),
            folder,
        };
        ground.write_settings().await?;
        Ok(ground)
    }

    /// The servers, for one's own use.
    pub async fn house(&self) -> MutexGuard<'_, House> {
        self.house.lock().await
    }

    /// The seat of somebody.
    pub fn seat(&self, who: Who) -> &Seat {
        let found = self.seats.iter().find(|seat| seat.who == who);
        found.expect("everybody on the roster has a seat")
    }

    /// Whether clocks and disks of single processes can be disturbed.
    pub fn has_mischief(&self) -> bool {
        self.seats.iter().all(|seat| seat.mischief.is_some())
    }

    /// Where webhooks are posted: to the first webhook-ingest, or the second.
    pub fn hooks_url(&self, ingest: usize) -> String {
        self.hooks_url_of(ingest, SOURCE)
    }

    /// The same for a source.
    pub fn hooks_url_of(&self, ingest: usize, source: &str) -> String {
        let seat = self.ingest(ingest);
        format!("http://{}/hooks/{source}", seat.hooks.address)
    }

    /// The first webhook-ingest, or the second.
    pub fn ingest(&self, ingest: usize) -> &Seat {
        let ingests = self.seats.iter();
        let mut ingests = ingests.filter(|seat| seat.who.service == Service::WebhookIngest);
        ingests.nth(ingest).expect("there are two of them")
    }

    /// Where the owner of the ledger reaches it, past all wires.
    pub fn owner_url(&self) -> &str {
        &self.owner_url
    }

    /// Where the ledger is read, past all wires.
    pub fn reader_url(&self) -> &str {
        &self.reader_url
    }

    /// How often Postgres said something. Its own counts end with a crash.
    pub async fn postgres_said(&self, words: &str) -> usize {
        let log = self.house().await.postgres().log();
        let log = std::fs::read_to_string(log).unwrap_or_default();
        log.matches(words).count()
    }

    /// The folder of the run's files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts everybody, and waits until each is ready.
    ///
    /// # Errors
    /// If somebody does not get ready.
    pub async fn seat_all(&self) -> Result<()> {
        for seat in &self.seats {
            seat.start().await;
        }
        self.until_ready().await
    }

    /// Waits until everybody is ready.
    ///
    /// # Errors
    /// If somebody does not get ready.
    pub async fn until_ready(&self) -> Result<()> {
        let client = reqwest::Client::new();
        let until = Instant::now() + Duration::from_secs(READY_SECS_MAX);
        for seat in &self.seats {
            loop {
                let asked = client
                    .get(format!("{}/ready", seat.health_url()))
                    .send()
                    .await;
                let said = match asked {
                    Ok(answer) if answer.status().is_success() => break,
                    Ok(answer) => answer.text().await.unwrap_or_default(),
                    Err(error) => error.to_string(),
                };
                if Instant::now() > until {
                    // The folder goes with the run.
                    bail!(
                        "{} is not ready: {said}; its log ends with\n{}",
                        seat.who,
                        log::tail(&seat.log())
                    );
                }
                seat.start().await;
                tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
            }
        }
        Ok(())
    }

    /// Runs a command of the operator's, past all wires.
    ///
    /// # Errors
    /// What the command says, where it does not succeed.
    pub async fn assay(&self, arguments: &[&str]) -> Result<String> {
        let config = self.config().display().to_string();
        let mut all = vec!["--config".to_owned(), config];
        all.extend(arguments.iter().map(|&text| text.to_owned()));
        let plan = Plan {
            program: self.programs.assay.clone(),
            arguments: all,
            variables: Login::Key.variables(self.folder.path()),
            folder: self.folder.path(),
        };
        let said = plan.run_within(Duration::from_secs(COMMAND_SECS_MAX)).await;
        if said.code != Some(0) {
            bail!("assay {arguments:?}: {}{}", said.out, said.err);
        }
        Ok(said.out)
    }

    /// The file with the settings of all processes; each reads it when it starts.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("assay.toml")
    }

    async fn write_settings(&self) -> Result<()> {
        let house = self.house.lock().await;
        let folder = self.folder.path();
        let (_, password) = house.nats().credentials();
        let pair = tlog::key::generate(ORIGIN).context("make a key for the log")?;
        let secret = String::from_utf8_lossy(SECRET).into_owned();
        for (name, text) in [
            (seat::OWNERS_PASSWORD, password.as_str()),
            ("webhook", &secret),
            ("webhook-later", LATER_SECRET),
            ("webhook-timed", Dialect::StandardWebhooks.example_secret()),
            ("pseudonym", "a key of the torture, thirty-two bytes"),
            (
                "privacy-master",
                "a master key of the torture, thirty-two bytes",
            ),
            ("marks", status_api::TOKEN),
            ("log-signing", &pair.signer),
            ("log-verifier", &pair.verifier),
        ] {
            std::fs::write(folder.join(name), text)?;
        }
        users::write(house.keys(), folder)?;
        let settings = format!(
            include_str!("assay.toml"),
            nats = house.nats().url(),
            monitoring = house.nats().monitoring_url(),
            postgres = self.owner_url.replacen(OWNER, ROLE_PLACEHOLDER, 1),
            folder = folder.display(),
            fetch = self.forge.fetch_url_template(),
            pool = POOL_SIZE,
            origin = ORIGIN,
            source = SOURCE,
            marks = self.marks.url(),
            later = time::to_text(time::now() + TimeDelta::hours(LATER_HOURS)),
        );
        std::fs::write(self.config(), settings)?;
        Ok(())
    }
}
