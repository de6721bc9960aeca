//! Owns the proxy before the webhook-ingests: a real haproxy, which asks each one's `/ready`, and
//! tries a request again elsewhere only where no connection could be made, as it may without
//! knowing what a request does.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use process::settings::service::Service;
use testkit::port::Port;
use testkit::program::{Plan, Program};
use tokio::time::Instant;

use crate::fleet::replica::Replica;
use crate::http;

/// How long it may take to begin, in seconds.
const READY_SECS_MAX: u64 = 20;
/// The pause between two looks, in milliseconds.
const LOOK_MS: u64 = 20;
/// Where it may be beside the folders of the `PATH`: not everybody's has those of the system.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"];

/// The proxy.
#[derive(Debug)]
pub struct Proxy {
    program: Option<Program>,
    haproxy: PathBuf,
    config: String,
    folder: PathBuf,
    hooks: Port,
    statistics: Port,
}

/// What went through it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Passed {
    /// Requests.
    pub requests: u64,
    /// Answers of 500 and above that its clients saw.
    pub failures: u64,
    /// Connections that it tried again, elsewhere at last.
    pub retries: u64,
}

/// Finds the program.
///
/// # Errors
/// Says how it is had where it is not there.
pub fn find() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    let mut programs = folders.map(|folder| folder.join("haproxy"));
    match programs.find(|program| program.is_file()) {
        Some(program) => Ok(program),
        None => bail!("haproxy is missing: run `deploy/local/prerequisites --all`"),
    }
}

impl Proxy {
    pub(crate) fn new(haproxy: PathBuf, replicas: &[Replica], folder: &Path) -> Self {
        let (hooks, statistics) = (Port::take(), Port::take());
        let ingests = replicas
            .iter()
            .filter(|replica| replica.who.service == Service::WebhookIngest);
        let servers = ingests.map(|one| {
            let (name, hooks, health) = (one.who, one.hooks.address, one.health.address.port());
            format!("    server {name} {hooks} check port {health}\n")
        });
        let config = config(
            hooks.address,
            statistics.address,
            &servers.collect::<String>(),
        );
        Self {
            program: None,
            haproxy,
            config,
            folder: folder.to_owned(),
            hooks,
            statistics,
        }
    }

    /// Starts it, and waits until it lets requests through.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let file = self.folder.join("haproxy.cfg");
        std::fs::write(&file, &self.config).context("write the proxy's settings")?;
        let plan = Plan {
            program: self.haproxy.clone(),
            arguments: vec!["-db".into(), "-f".into(), file.display().to_string()],
            variables: Vec::new(),
            folder: &self.folder,
        };
        let log = self.folder.join("haproxy.log");
        self.program = Some(plan.start(&log));
        let until = Instant::now() + Duration::from_secs(READY_SECS_MAX);
        while self.passed().await.is_err() {
            if Instant::now() > until {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                bail!("haproxy does not begin: {said}");
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        }
        Ok(())
    }

    /// Where requests are sent.
    pub fn url(&self) -> String {
        format!("http://{}", self.hooks.address)
    }

    pub(crate) fn process_id(&self) -> Option<u32> {
        self.program.as_ref().map(Program::id)
    }

    /// What went through it so far.
    ///
    /// # Errors
    /// If it does not say.
    pub async fn passed(&self) -> Result<Passed> {
        let url = format!("http://{}/statistics;csv", self.statistics.address);
        let page = http::get(&url).await.context("ask haproxy")?;
        read(&String::from_utf8_lossy(&page)).context("understand haproxy's statistics")
    }
}

fn config(hooks: SocketAddr, statistics: SocketAddr, servers: &str) -> String {
    format!(
        include_str!("haproxy.cfg"),
        hooks = hooks,
        statistics = statistics,
        servers = servers
    )
}

fn read(text: &str) -> Option<Passed> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next()?.trim_start_matches("# ").split(',').collect();
    let place = |name: &str| names.iter().position(|one| *one == name);
    let row = |server: &str| {
        let rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let mut rows =
            rows.filter(|row| row.first() == Some(&"hooks") || row.first() == Some(&"ingest"));
        rows.find(|row| row.get(1) == Some(&server))
    };
    let (front, back) = (row("FRONTEND")?, row("BACKEND")?);
    let number = |row: &[&str], name: &str| row.get(place(name)?)?.parse::<u64>().ok();
    Some(Passed {
        requests: number(&front, "req_tot")?,
        failures: number(&front, "hrsp_5xx")?,
        retries: number(&back, "wretr")? + number(&back, "wredis")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_statistics_are_read_by_name() {
        let text = "# pxname,svname,wretr,wredis,hrsp_5xx,req_tot,\n\
                    hooks,FRONTEND,,,2,70,\n\
                    ingest,webhook-ingest-1,1,0,0,,\n\
                    ingest,BACKEND,3,1,2,70,\n\
                    statistics,FRONTEND,,,0,5,\n";
        let passed = Passed {
            requests: 70,
            failures: 2,
            retries: 4,
        };
        assert_eq!(read(text), Some(passed));
        assert_eq!(read("# pxname,svname,\n"), None);
    }
}
