//! Owns the site: servers, a forge, settings, and five services that are a process each.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use process::settings::postgres::ROLE_PLACEHOLDER;
use process::settings::service::Service;
use reqwest::{Client, StatusCode};
use rustix::process::Signal;
use sample::forge::LoopbackForge;
use serde_json::Value;
use servers::postgres::OWNER;
use tempfile::TempDir;
use testkit::house::House;
use testkit::port::Port;
use testkit::program::{Plan, Program, Said};
use testkit::wait;

/// What webhooks are signed with.
pub(crate) const SECRET: &[u8] = b"a secret of the tests";
/// The log's name.
pub(crate) const ORIGIN: &str = "assay.test/log";

/// Everything that a push meets, each service its own process.
pub(crate) struct Site {
    // Dropped first: services end before what they stand on.
    running: BTreeMap<&'static str, Program>,
    pub(crate) house: House,
    pub(crate) forge: LoopbackForge,
    pub(crate) client: Client,
    /// The folder of the settings, the logs, and what the services keep.
    folder: TempDir,
    hooks: Port,
    log: Port,
    health: BTreeMap<&'static str, Port>,
}

impl Site {
    /// The servers and the forge, with every service running and ready.
    pub(crate) async fn start() -> Self {
        let mut site = Self::furnish(House::start().await, "").await;
        site.start_all().await;
        site
    }

    /// The settings around servers that are there, and no service yet. `more` is added to the
    /// settings file.
    pub(crate) async fn furnish(house: House, more: &str) -> Self {
        let owner_url = house.owner_url();
        Self::furnish_with(house, &owner_url, more).await
    }

    /// The same with a ledger that is not the house's.
    pub(crate) async fn furnish_with(house: House, owner_url: &str, more: &str) -> Self {
        let folder = open_folder();
        let forge = LoopbackForge::start(&folder.path().join("forge")).await;
        let health = Service::ALL.map(|service| (service.as_str(), Port::take()));
        let site = Self {
            running: BTreeMap::new(),
            house,
            forge: forge.expect("a forge on the loopback"),
            client: Client::new(),
            folder,
            hooks: Port::take(),
            log: Port::take(),
            health: BTreeMap::from(health),
        };
        site.write_secrets();
        let settings = format!("{}\n{more}", site.settings(owner_url));
        write(&site.config(), &settings);
        site
    }

    /// The settings file.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("assay.toml")
    }

    /// A folder of the site's own.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts every service and waits until each says that it is ready.
    pub(crate) async fn start_all(&mut self) {
        for service in Service::ALL {
            self.start_one(service);
        }
        for service in Service::ALL {
            self.until_ready(service).await;
        }
    }

    /// Starts one service, and does not wait.
    pub(crate) fn start_one(&mut self, service: Service) {
        let log = self.folder.path().join(format!("{service}.log"));
        let program = self.plan(&["run", service.as_str()], service).start(&log);
        let before = self.running.insert(service.as_str(), program);
        assert!(before.is_none(), "{service} runs already");
    }

    /// Starts one service that finds its programs in `path` alone, and does not wait.
    pub(crate) fn start_with_path(&mut self, service: Service, path: &Path) {
        let log = self.folder.path().join(format!("{service}.log"));
        let mut plan = self.plan(&["run", service.as_str()], service);
        plan.variables.push(("PATH", path.display().to_string()));
        let before = self.running.insert(service.as_str(), plan.start(&log));
        assert!(before.is_none(), "{service} runs already");
    }

    /// A second process of a service by the same settings, with a health port of its own.
    pub(crate) fn second(&self, service: Service) -> Program {
        let log = self.folder.path().join(format!("{service}-2.log"));
        let mut plan = self.plan(&["run", service.as_str()], service);
        plan.variables.clear();
        plan.variables.extend([
            ("ASSAY__HEALTH__LISTEN", "127.0.0.1:0".to_owned()),
            ("ASSAY__LOG__LISTEN", "127.0.0.1:0".to_owned()),
        ]);
        plan.start(&log)
    }

    /// Kills one service, as a crash would.
    pub(crate) fn kill(&mut self, service: Service) {
        let mut program = self.take(service);
        program.kill();
    }

    /// Tells one service to stop; it must finish what it holds, and end well.
    pub(crate) async fn stop(&mut self, service: Service) {
        let mut program = self.take(service);
        program.signal(Signal::TERM);
        let status = program.ended().await;
        assert!(status.success(), "{service} ended by {status}");
    }

    /// Tells every service to stop.
    pub(crate) async fn stop_all(&mut self) {
        for service in Service::ALL {
            self.stop(service).await;
        }
        // A site may keep its ledger elsewhere.
        if self.house.has_postgres() {
            self.house.entries_are_by_the_schema().await;
        }
    }

    /// Takes a service's process out of the site's care.
    pub(crate) fn take(&mut self, service: Service) -> Program {
        let program = self.running.remove(service.as_str());
        program.unwrap_or_else(|| panic!("{service} does not run"))
    }

    /// The id of a service's process.
    pub(crate) fn process_of(&self, service: Service) -> u32 {
        self.running[service.as_str()].id()
    }

    /// Runs a command of the operator's to its end.
    pub(crate) async fn assay(&self, arguments: &[&str]) -> Said {
        // A command has no health port; any service's plan will do.
        self.plan(arguments, Service::Auditor).run().await
    }

    /// The same for a command that must succeed; gives what it printed.
    pub(crate) async fn assay_ok(&self, arguments: &[&str]) -> String {
        let said = self.assay(arguments).await;
        assert_eq!(said.code, Some(0), "assay {arguments:?}: {said:?}");
        said.out
    }

    /// The same for a command that prints JSON.
    pub(crate) async fn assay_json(&self, arguments: &[&str]) -> Value {
        let out = self.assay_ok(arguments).await;
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    /// Runs a service that is expected to end by itself.
    pub(crate) async fn run_to_end(&self, service: Service) -> Said {
        self.plan(&["run", service.as_str()], service).run().await
    }

    fn plan(&self, arguments: &[&str], service: Service) -> Plan<'_> {
        let config = self.config().display().to_string();
        let mut all = vec!["--config".to_owned(), config];
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let health = self.health[service.as_str()].address.to_string();
        Plan {
            program: env!("CARGO_BIN_EXE_assay").into(),
            arguments: all,
            variables: vec![("ASSAY__HEALTH__LISTEN", health)],
            folder: self.folder.path(),
        }
    }

    /// Where webhooks are posted.
    pub(crate) fn hooks_url(&self) -> String {
        format!("http://{}/hooks/github", self.hooks.address)
    }

    /// The same as an address.
    pub(crate) fn hooks_address(&self) -> SocketAddr {
        self.hooks.address
    }

    /// Where the auditor serves the log.
    pub(crate) fn log_url(&self) -> String {
        format!("http://{}/log", self.log.address)
    }

    /// Asks the health port of a service.
    pub(crate) async fn ask(
        &self,
        service: Service,
        path: &str,
    ) -> Result<(StatusCode, String), String> {
        let url = format!("http://{}{path}", self.health[service.as_str()].address);
        let asked = async {
            let answer = self.client.get(url).send().await?;
            Ok::<_, reqwest::Error>((answer.status(), answer.text().await?))
        };
        asked.await.map_err(|error| error.to_string())
    }

    /// Waits until a service's metrics have this line.
    pub(crate) async fn until_counted(&self, service: Service, line: &str) {
        wait::until(&format!("{service} counts {line:?}"), async || {
            let (_, metrics) = self.ask(service, "/metrics").await?;
            metrics.contains(line).then_some(()).ok_or(metrics)
        })
        .await;
    }

    /// Waits until a service says that it is ready.
    pub(crate) async fn until_ready(&self, service: Service) {
        wait::until(&format!("{service} is ready"), async || {
            match self.ask(service, "/ready").await? {
                (StatusCode::OK, _) => Ok(()),
                (status, body) => Err(format!("{status} {body}")),
            }
        })
        .await;
    }

    /// Waits until a service says that it is not ready, for this reason.
    pub(crate) async fn until_not_ready(&self, service: Service, why: &str) {
        wait::until(
            &format!("{service} is not ready: {why}"),
            async || match self.ask(service, "/ready").await? {
                (StatusCode::SERVICE_UNAVAILABLE, body) if body.contains(why) => Ok(()),
                (status, body) => Err(format!("{status} {body}")),
            },
        )
        .await;
    }

    fn settings(&self, owner_url: &str) -> String {
        let folder = self.folder.path().display();
        format!(
            include_str!("site.toml"),
            folder = folder,
            origin = ORIGIN,
            nats = self.house.nats().url(),
            monitoring = self.house.nats().monitoring_url(),
            postgres = owner_url.replacen(OWNER, ROLE_PLACEHOLDER, 1),
            hooks = self.hooks.address,
            log = self.log.address,
            fetch = self.forge.fetch_url_template(),
        )
    }

    fn write_secrets(&self) {
        // Each program connects with the rights of its own, and no others.
        for user in deploy::users::users() {
            let seed = &self.house.key_of(&user.name).seed;
            write(
                &self.folder.path().join(format!("nats-{}", user.name)),
                seed,
            );
        }
        let pair = tlog::key::generate(ORIGIN).expect("a key for the log");
        let secret = String::from_utf8(SECRET.to_vec()).expect("it is text");
        for (name, text) in [
            ("webhook", secret.as_str()),
            ("pseudonym", "a key of the tests, thirty-two bytes"),
            (
                "privacy-master",
                "a master key of the tests, thirty-two bytes",
            ),
            ("log-signing", &pair.signer),
            ("log-verifier", &pair.verifier),
        ] {
            write(&self.folder.path().join(name), text);
        }
    }
}

/// A folder that the accounts of boxes and servers can get to.
pub(crate) fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder of the test's own");
    let passable = Permissions::from_mode(0o711);
    std::fs::set_permissions(folder.path(), passable).expect("the folder is the test's own");
    folder
}

/// Writes a file.
pub(crate) fn write(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}
