//! Owns one process of a service: started, ended as a deployment ends it, killed, and asked how it
//! is.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use process::settings::service::Service;
use rustix::process::Signal;
use testkit::port::Port;
use testkit::program::{Plan, Program};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::fleet::POOL_SIZE;
use crate::http;

/// How long a process may take to be ready, and to end when it is asked to, in seconds.
const READY_SECS_MAX: u64 = 90;
const END_SECS_MAX: u64 = 120;
/// The pause between two looks, in milliseconds.
const LOOK_MS: u64 = 20;
/// How long a webhook-ingest still takes requests when it is asked to end, in seconds: four times as
/// long as the proxy takes to notice.
const GRACE_SECS: u64 = 3;

/// Which process of which service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Who {
    /// The service.
    pub service: Service,
    /// Counts from 1.
    pub number: usize,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.service, self.number)
    }
}

/// The place of one process.
#[derive(Debug)]
pub struct Replica {
    /// Whose it is.
    pub who: Who,
    /// Where webhooks are posted, if it is webhook-ingest's.
    pub hooks: Port,
    /// Where it says how it is.
    pub health: Port,
    program: Mutex<Option<Program>>,
    assay: PathBuf,
    folder: PathBuf,
}

impl Replica {
    pub(crate) fn new(who: Who, assay: &Path, folder: &Path) -> Self {
        Self {
            who,
            hooks: Port::take(),
            health: Port::take(),
            program: Mutex::new(None),
            assay: assay.to_owned(),
            folder: folder.to_owned(),
        }
    }

    /// Starts its process; does nothing while it runs.
    pub async fn start(&self) {
        let own = self.folder.join(self.who.to_string()).display().to_string();
        let config = self.folder.join("assay.toml").display().to_string();
        let plan = Plan {
            program: self.assay.clone(),
            arguments: vec![
                "--config".into(),
                config,
                "run".into(),
                self.who.service.to_string(),
            ],
            variables: vec![
                ("ASSAY__HEALTH__LISTEN", self.health.address.to_string()),
                ("ASSAY__HTTP__LISTEN", self.hooks.address.to_string()),
                ("ASSAY__SNAPSHOTS__CACHE_FOLDER", format!("{own}/git-cache")),
                ("ASSAY__INGEST__SPOOL__FOLDER", format!("{own}/spool")),
                ("ASSAY__VERIFIER__SCRATCH_FOLDER", format!("{own}/scratch")),
                ("ASSAY__POSTGRES__POOL_SIZE", POOL_SIZE.to_string()),
                ("ASSAY__INGEST__GRACE_SECONDS", GRACE_SECS.to_string()),
            ],
            folder: &self.folder,
        };
        let mut program = self.program.lock().await;
        if program.as_mut().is_none_or(|one| one.has_ended().is_some()) {
            *program = Some(plan.start(&self.log()));
        }
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// If it ends, or is not ready in time.
    pub async fn until_ready(&self) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(READY_SECS_MAX);
        while self.page("ready").await.is_err() {
            let mut program = self.program.lock().await;
            let ended = program.as_mut().and_then(Program::has_ended);
            if ended.is_some() || Instant::now() > until {
                bail!("{} is not ready: {}", self.who, self.last_words());
            }
            drop(program);
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        }
        Ok(())
    }

    /// Ends it as a deployment does: SIGTERM, and the time that it needs. Gives how long it took.
    ///
    /// # Errors
    /// If it does not run, does not end in time, or does not end well.
    pub async fn end(&self) -> Result<Duration> {
        let mut program = self.program.lock().await;
        let program = program.as_mut().context("it does not run")?;
        let began = Instant::now();
        program.signal(Signal::TERM);
        let status = loop {
            if let Some(status) = program.has_ended() {
                break status;
            }
            if began.elapsed() > Duration::from_secs(END_SECS_MAX) {
                bail!("{} does not end: {}", self.who, self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        };
        if !status.success() {
            bail!("{} ended with {status}: {}", self.who, self.last_words());
        }
        Ok(began.elapsed())
    }

    /// Kills it, as a crash would.
    pub async fn kill(&self) {
        if let Some(mut program) = self.program.lock().await.take() {
            program.kill();
        }
    }

    /// Its process id, if it has been started.
    pub async fn process_id(&self) -> Option<u32> {
        self.program.lock().await.as_ref().map(Program::id)
    }

    /// Where it writes its log.
    pub fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.who))
    }

    fn last_words(&self) -> String {
        let said = std::fs::read_to_string(self.log()).unwrap_or_default();
        let mut last: Vec<&str> = said.lines().rev().take(3).collect();
        last.reverse();
        last.join("\n")
    }

    async fn page(&self, name: &str) -> Result<bytes::Bytes> {
        http::get(&format!("http://{}/{name}", self.health.address)).await
    }

    /// What its metrics say: the sum of all series of each name that has one of these labels.
    /// Nothing, where it does not answer.
    pub async fn metrics(&self) -> Metrics {
        let page = self.page("metrics").await.unwrap_or_default();
        Metrics::read(&String::from_utf8_lossy(&page))
    }
}

/// The series of one process, by the text before their value.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    fn read(text: &str) -> Self {
        let series = text.lines().filter(|line| !line.starts_with('#'));
        let series = series.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(series.collect())
    }

    /// The sum of the series of a name that have all of these labels.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let is_wanted = |series: &&String| {
            let (own, with) = series.split_once('{').unwrap_or((series, ""));
            own == name && labels.iter().all(|label| with.contains(label))
        };
        let wanted = self.0.iter().filter(|(series, _)| is_wanted(series));
        wanted.map(|(_, value)| value).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_by_name_and_labels() {
        let text = "# HELP a_total A.\na_total{x=\"1\",y=\"2\"} 3\na_total{x=\"2\",y=\"2\"} 4\n\
                    a_total_more{x=\"1\"} 9\nb 1.5\n";
        let metrics = Metrics::read(text);
        assert_eq!(metrics.sum("a_total", &[]), 7.0);
        assert_eq!(metrics.sum("a_total", &["x=\"1\""]), 3.0);
        assert_eq!(metrics.sum("b", &[]), 1.5);
        assert_eq!(metrics.sum("c", &[]), 0.0);
    }
}
