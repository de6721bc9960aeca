//! Looks at NATS: each server, whether it syncs before it acks, its clock and room, the streams and
//! consumers, and their copies.

use std::time::Duration;

use bus::connect::{Bus, ConnectSettings};
use bus::error::ConnectError;
use contract::time::{self, Timestamp};
use process::settings::Settings;
use process::settings::service::Service;
use reqwest::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::doctor::finding::{Finding, clock, full};
use crate::doctor::machine::chain;
use crate::doctor::wires;

/// Longest wait for an answer, in seconds.
const ANSWER_SECS_MAX: u64 = 5;
/// Copies of each stream where there are servers for them.
const COPIES: usize = 3;

/// What a server says of itself, `/varz`.
#[derive(Deserialize)]
struct Varz {
    server_name: String,
    now: Timestamp,
    #[serde(default)]
    jetstream: JetStream,
}

#[derive(Default, Deserialize)]
struct JetStream {
    config: Option<Config>,
    stats: Option<Stats>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
    #[serde(default)]
    max_storage: i64,
}

#[derive(Deserialize)]
struct Stats {
    #[serde(default)]
    storage: u64,
}

/// What a server says of its streams, `/jsz`.
#[derive(Deserialize)]
struct Jsz {
    #[serde(default)]
    account_details: Vec<Account>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    stream_detail: Vec<Stream>,
}

#[derive(Deserialize)]
struct Stream {
    name: String,
    config: Option<StreamConfig>,
}

#[derive(Deserialize)]
struct StreamConfig {
    num_replicas: usize,
}

/// Looks at everything of the bus.
pub(super) async fn look(settings: &Settings, services: &[Service]) -> Vec<Finding> {
    let mut findings = servers(settings, services).await;
    findings.extend(monitors(settings).await);
    findings
}

/// Each server by itself, and the topology by the first that answers.
async fn servers(settings: &Settings, services: &[Service]) -> Vec<Finding> {
    let (user, login) = match wires::login(settings, services) {
        Ok(login) => login,
        Err(error) => {
            let mend = "put the key or the password where the settings say";
            return vec![Finding::bad("nats.login", format!("{error:#}"), mend)];
        }
    };
    let (mut findings, mut reached) = (Vec::new(), None);
    for url in settings.nats.servers() {
        let login = ConnectSettings {
            url: url.to_owned(),
            ..login.clone()
        };
        let limit = Duration::from_secs(ANSWER_SECS_MAX);
        match tokio::time::timeout(limit, Bus::connect(&login, user)).await {
            Ok(Ok(bus)) => {
                let said = format!("{url} answers, version {}", bus.server_version());
                findings.push(Finding::good("nats.server", said));
                reached = reached.or(Some(bus));
            }
            Ok(Err(error)) => findings.push(refused(&error)),
            Err(_) => {
                let said = format!("{url} does not answer within {ANSWER_SECS_MAX} s");
                findings.push(Finding::bad("nats.server", said, REACH));
            }
        }
    }
    if let Some(bus) = reached {
        findings.push(topology(&bus).await);
        findings.push(wires::rights(&bus).await);
    }
    findings
}

const REACH: &str = "is the server running, is nats.url its address, does a firewall lie between?";

fn refused(error: &ConnectError) -> Finding {
    let mend = match error {
        ConnectError::Unreachable { .. } => {
            "is the server running, is nats.url its address, is the login its own \
             (nats.nkey_seed_file), and known to the server; with TLS, is nats.tls.ca_file its authority?"
        }
        ConnectError::TooOld { .. } => "bring the server up to date, one of the cluster at a time",
    };
    Finding::bad("nats.server", chain(error), mend)
}

async fn topology(bus: &Bus) -> Finding {
    if let Err(said) = bus.ping().await {
        let mend = "enable JetStream on the server, and give the user an account that has it; in a \
                    cluster, look for a meta leader in /jsz";
        return Finding::bad("nats.jetstream", said, mend);
    }
    match bus.check_topology().await {
        Ok(()) => Finding::good("nats.topology", "streams and consumers are those needed"),
        Err(error) => {
            let mend = "run `assay topology apply` (--replicas 3 in a cluster), then start what \
                        ended";
            Finding::bad("nats.topology", chain(&error), mend)
        }
    }
}

/// What only the servers' monitoring shows.
async fn monitors(settings: &Settings) -> Vec<Finding> {
    let monitors: Vec<&str> = settings.nats.monitors().collect();
    if monitors.is_empty() {
        let said = "nats.monitor_url is not set: whether servers sync before they ack is unknown";
        let mend = "set it to each server's monitoring, http://host:8222 with commas between";
        return vec![Finding::warning("nats.sync", said, mend)];
    }
    let Ok(client) = Client::builder()
        .timeout(Duration::from_secs(ANSWER_SECS_MAX))
        .build()
    else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for monitor in &monitors {
        let monitor = monitor.trim_end_matches('/');
        let asked = time::now();
        match ask::<Varz>(&client, &format!("{monitor}/varz")).await {
            Ok(varz) => findings.extend(server(&varz, asked, time::now())),
            Err(error) => {
                let said = format!("{monitor} does not answer: {}", chain(&error));
                let mend = "give the server `http: 8222`, and let this machine reach that port";
                findings.push(Finding::bad("nats.monitoring", said, mend));
            }
        }
    }
    let url = format!(
        "{}/jsz?accounts=true&streams=true&config=true",
        monitors[0].trim_end_matches('/')
    );
    if let Ok(jsz) = ask::<Jsz>(&client, &url).await {
        findings.push(copies(&jsz, monitors.len()));
    }
    findings
}

/// What one server says; `asked` and `answered` are around its clock.
fn server(varz: &Varz, asked: Timestamp, answered: Timestamp) -> Vec<Finding> {
    let name = &varz.server_name;
    let Some(config) = &varz.jetstream.config else {
        let mend = "add a jetstream section to its configuration";
        let said = format!("{name} has no JetStream");
        return vec![Finding::bad("nats.jetstream", said, mend)];
    };
    let sync = if config.sync_always {
        Finding::good("nats.sync", format!("{name} syncs before it acks"))
    } else {
        let said = format!("{name} acks before it syncs: a power cut loses what was answered 202");
        let mend = "set `sync_interval: always` in its jetstream section, and restart it";
        Finding::bad("nats.sync", said, mend)
    };
    let before = (asked - varz.now).to_std().unwrap_or_default();
    let after = (varz.now - answered).to_std().unwrap_or_default();
    let mut findings = vec![sync, clock("nats.clock", name, before.max(after))];
    if let (Some(stats), Ok(bound)) = (&varz.jetstream.stats, u64::try_from(config.max_storage)) {
        let mend = "see which stream fills (`assay status`), and who should empty it; never purge";
        let what = format!("the store of {name}");
        findings.push(full("nats.storage", &what, (stats.storage, bound), mend));
    }
    findings
}

/// Whether each stream has the copies that so many servers can have.
fn copies(jsz: &Jsz, servers: usize) -> Finding {
    let wanted = if servers >= COPIES { COPIES } else { 1 };
    let streams = jsz.account_details.iter().flat_map(|a| &a.stream_detail);
    let few: Vec<String> = streams
        .filter_map(|stream| {
            let copies = stream.config.as_ref()?.num_replicas;
            (copies < wanted).then(|| format!("{} ({copies})", stream.name))
        })
        .collect();
    if !few.is_empty() {
        let said = format!(
            "{servers} servers, and too few copies of {}",
            few.join(", ")
        );
        let mend = "run `assay topology apply --replicas 3`";
        return Finding::bad("nats.copies", said, mend);
    }
    if wanted == 1 {
        let said = "one copy of each stream: what is accepted is as safe as one disk";
        return Finding::good("nats.copies", said);
    }
    Finding::good("nats.copies", format!("{wanted} copies of each stream"))
}

async fn ask<T: DeserializeOwned>(client: &Client, url: &str) -> reqwest::Result<T> {
    let answer = client.get(url).send().await?.error_for_status()?;
    answer.json().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::State;

    fn states(findings: &[Finding]) -> Vec<(&'static str, State)> {
        findings.iter().map(|f| (f.check, f.state)).collect()
    }

    #[test]
    fn a_server_that_acks_first_or_has_another_clock_or_is_full_is_found() {
        let at: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        let varz = |sync: bool, now: &str, storage: u64| {
            let text = format!(
                r#"{{"server_name":"a","now":"{now}","jetstream":{{
                    "config":{{"sync_always":{sync},"max_storage":100}},
                    "stats":{{"storage":{storage}}}}}}}"#
            );
            serde_json::from_str::<Varz>(&text).unwrap()
        };
        for (varz, expected) in [
            (
                varz(true, "2026-11-21T08:00:00.123456789Z", 1),
                [State::Good, State::Good, State::Good],
            ),
            (
                varz(false, "2026-11-21T07:59:58Z", 75),
                [State::Bad, State::Warning, State::Warning],
            ),
            (
                varz(true, "2026-11-21T09:00:00Z", 95),
                [State::Good, State::Bad, State::Bad],
            ),
        ] {
            let found = server(&varz, at, at);
            let checks = ["nats.sync", "nats.clock", "nats.storage"];
            let expected: Vec<_> = checks.into_iter().zip(expected).collect();
            assert_eq!(states(&found), expected);
        }
        let bare: Varz =
            serde_json::from_str(r#"{"server_name":"a","now":"2026-11-21T08:00:00Z"}"#).unwrap();
        assert_eq!(
            states(&server(&bare, at, at)),
            [("nats.jetstream", State::Bad)]
        );
    }

    #[test]
    fn streams_have_three_copies_where_there_are_three_servers() {
        let jsz = |copies: usize| {
            let text = format!(
                r#"{{"account_details":[{{"stream_detail":[
                    {{"name":"JOBS","config":{{"num_replicas":{copies}}}}}]}}]}}"#
            );
            serde_json::from_str::<Jsz>(&text).unwrap()
        };
        for (copies, servers, state) in [
            (1, 1, State::Good),
            (1, 2, State::Good),
            (1, 3, State::Bad),
            (3, 3, State::Good),
        ] {
            let found = super::copies(&jsz(copies), servers);
            assert_eq!(found.state, state, "{copies} of {servers}: {}", found.said);
        }
    }
}
