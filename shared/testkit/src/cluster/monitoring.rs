//! Asks the servers' monitoring how the cluster is.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::cluster::config::Member;

/// How long an answer may take, in milliseconds: a server that is paused or cut off gives none.
const ANSWER_MS_MAX: u64 = 1_000;

impl Member {
    pub(crate) fn monitoring_url(&self) -> String {
        format!("http://{}:{}", self.address, self.monitoring)
    }

    /// Whether it is a server of a cluster that has a leader, and has caught up with it.
    pub(crate) async fn is_whole(&self) -> Result<(), String> {
        let health = self.get("/healthz").await.ok_or("no answer")?;
        if health["status"] != "ok" {
            return Err(health.to_string());
        }
        let page = self.get("/jsz").await.ok_or("no answer")?;
        match page["meta_cluster"]["leader"].as_str() {
            Some(leader) if !leader.is_empty() => Ok(()),
            _ => Err(format!("{} knows no leader", self.name)),
        }
    }

    /// A page of its monitoring. By hand: it is one line of HTTP/1.0 to a server of ours.
    async fn get(&self, path: &str) -> Option<Value> {
        let asking = async {
            let mut stream = TcpStream::connect((self.address, self.monitoring)).await?;
            let request = format!("GET {path} HTTP/1.0\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let limit = Duration::from_millis(ANSWER_MS_MAX);
        let answer = tokio::time::timeout(limit, asking).await.ok()?.ok()?;
        let answer = String::from_utf8(answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        serde_json::from_str(body).ok()
    }
}

/// The streams as one server sees them.
pub(crate) struct Streams(Value);

impl Streams {
    pub(crate) async fn of(member: &Member) -> Option<Self> {
        member.get("/jsz?streams=true").await.map(Self)
    }

    /// The name of the server that leads a stream.
    pub(crate) fn leader(&self, stream: &str) -> Option<String> {
        let accounts = self.0["account_details"].as_array()?.iter();
        let mut streams = accounts.flat_map(|account| account["stream_detail"].as_array());
        let found = streams.find_map(|all| all.iter().find(|one| one["name"] == stream));
        found?["cluster"]["leader"].as_str().map(str::to_owned)
    }
}
