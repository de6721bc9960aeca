//! Owns a cluster of three nats-servers, as processes of one machine: on loopback, or each in a
//! network of its own, where root may make one, so that it can be cut off from everybody.
//!
//! What cannot be had is a panic, as with everything here.

mod config;
mod monitoring;
mod network;

use std::fs;
use std::path::{Path, PathBuf};

use async_nats::jetstream;
use bus::connect::{Bus, ConnectSettings};
use rustix::process::Signal;
use serde_json::Value;

use crate::cluster::config::Member;
use crate::cluster::monitoring::Streams;
use crate::cluster::network::Network;
use crate::house::pinned_nats_server;
use crate::port::Port;
use crate::program::{Plan, Program};
use crate::users::{self, Keys};
use crate::wait;

/// Servers of a cluster: the fewest of which one may be away.
pub const SERVERS: usize = 3;
/// The user who may do anything.
const USER: &str = "assay";
/// Its password; nobody but the test reaches these servers.
const PASSWORD: &str = "of-a-test-on-one-machine";

/// Three servers that belong to the test. Dropping the cluster kills them.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order: who lives in the network first.
    servers: Vec<Server>,
    network: Option<Network>,
    keys: Keys,
}

#[derive(Debug)]
struct Server {
    member: Member,
    program: Option<Program>,
    folder: PathBuf,
    command: Vec<String>,
    _ports: [Port; 3],
}

impl Cluster {
    /// Starts three servers on loopback, and waits until they are one cluster.
    pub async fn start(folder: &Path) -> Self {
        Self::within(folder, None).await
    }

    /// The same, each in a network of its own on a bridge, so that [`Cluster::isolate`] works.
    ///
    /// # Errors
    /// Why this machine does not allow that.
    pub async fn start_apart(folder: &Path) -> Result<Self, String> {
        let network = Network::make(SERVERS)?;
        Ok(Self::within(folder, Some(network)).await)
    }

    async fn within(folder: &Path, network: Option<Network>) -> Self {
        let ports: Vec<[Port; 3]> = (0..SERVERS)
            .map(|_| [Port::take(), Port::take(), Port::take()])
            .collect();
        let members: Vec<Member> = ports
            .iter()
            .enumerate()
            .map(|(place, [client, route, monitoring])| Member {
                name: format!("assay-{}", place + 1),
                address: match &network {
                    Some(network) => network.address(place),
                    None => client.address.ip(),
                },
                client: client.address.port(),
                route: route.address.port(),
                monitoring: monitoring.address.port(),
            })
            .collect();
        let nats = pinned_nats_server().unwrap_or_else(|| PathBuf::from("nats-server"));
        let keys = users::keys();
        let entries = users::entries(&keys);
        let servers = ports.into_iter().enumerate().map(|(place, ports)| {
            let member = members[place].clone();
            let own = folder.join(&member.name);
            fs::create_dir_all(&own).expect("a folder for the server");
            let settings = own.join("nats-server.conf");
            let text = member.config(&members, (USER, PASSWORD), &entries, &own.join("store"));
            fs::write(&settings, text).expect("the server's settings");
            let mut command = match &network {
                Some(network) => network.enter(place),
                None => Vec::new(),
            };
            command.extend([nats.display().to_string(), "-c".to_owned()]);
            command.push(settings.display().to_string());
            Server {
                member,
                program: None,
                folder: own,
                command,
                _ports: ports,
            }
        });
        let mut cluster = Self {
            servers: servers.collect(),
            network,
            keys,
        };
        for place in 0..SERVERS {
            cluster.start_again(place);
        }
        cluster.until_whole().await;
        cluster
    }

    /// Each server's address for clients, with commas between them.
    pub fn url(&self) -> String {
        self.join(|member| format!("nats://{}:{}", member.address, member.client))
    }

    /// Each server's monitoring, with commas between them.
    pub fn monitoring_urls(&self) -> String {
        self.join(Member::monitoring_url)
    }

    fn join(&self, of: impl Fn(&Member) -> String) -> String {
        let each = self.servers.iter().map(|server| of(&server.member));
        each.collect::<Vec<_>>().join(",")
    }

    /// The key of each user who has the rights of a service or an operator, and no others.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The user and the password of who may do anything.
    pub fn credentials(&self) -> (String, String) {
        (USER.to_owned(), PASSWORD.to_owned())
    }

    /// What who may do anything needs to connect.
    pub fn connect_settings(&self) -> ConnectSettings {
        ConnectSettings {
            url: self.url(),
            credentials: Some(self.credentials()),
            ..ConnectSettings::default()
        }
    }

    /// A connection with all rights, as the service.
    pub async fn bus(&self, service: &'static str) -> Bus {
        let connected = Bus::connect(&self.connect_settings(), service).await;
        connected.expect("a connection to the cluster")
    }

    /// A server's process id, if it runs.
    pub fn process_id(&self, place: usize) -> Option<u32> {
        self.servers[place].program.as_ref().map(Program::id)
    }

    /// A server's log.
    pub fn log(&self, place: usize) -> PathBuf {
        self.servers[place].folder.join("nats-server.log")
    }

    /// Kills a server, as a crash would.
    pub fn kill(&mut self, place: usize) {
        if let Some(mut program) = self.servers[place].program.take() {
            program.kill();
        }
    }

    /// Starts a server on the folder and the ports that it had. Does nothing while it runs.
    pub fn start_again(&mut self, place: usize) {
        let log = self.log(place);
        let server = &mut self.servers[place];
        let runs = |program: &mut Program| program.has_ended().is_none();
        if server.program.as_mut().is_some_and(runs) {
            return;
        }
        let plan = Plan {
            program: PathBuf::from(&server.command[0]),
            arguments: server.command[1..].to_vec(),
            variables: Vec::new(),
            folder: &server.folder,
        };
        server.program = Some(plan.start(&log));
    }

    /// Freezes a server, as a stalled machine would.
    pub fn pause(&self, place: usize) {
        self.signal(place, Signal::STOP);
    }

    /// Wakes a frozen server.
    pub fn resume(&self, place: usize) {
        self.signal(place, Signal::CONT);
    }

    fn signal(&self, place: usize, signal: Signal) {
        let program = self.servers[place].program.as_ref();
        program.expect("the server runs").signal(signal);
    }

    /// Whether a server can be cut off from the others.
    pub fn can_isolate(&self) -> bool {
        self.network.is_some()
    }

    /// Takes a server's cable away: it runs, and reaches nobody.
    pub fn isolate(&self, place: usize) {
        self.network().cut(place);
    }

    /// Gives a server its cable back.
    pub fn rejoin(&self, place: usize) {
        self.network().join(place);
    }

    fn network(&self) -> &Network {
        let network = self.network.as_ref();
        network.expect("only servers in networks of their own can be cut off")
    }

    /// Waits until every server answers, knows the leader, and is up to date.
    pub async fn until_whole(&mut self) {
        for place in 0..SERVERS {
            let member = self.servers[place].member.clone();
            let program = self.servers[place].program.as_mut();
            let program = program.expect("every server runs");
            wait::until("the cluster is whole", async || {
                if let Some(status) = program.has_ended() {
                    return Err(format!("{} ended: {status}", member.name));
                }
                member.is_whole().await
            })
            .await;
        }
    }

    /// Which server leads a stream, as most of them see it; `None` while nobody does.
    pub async fn leader(&self, stream: &str) -> Option<usize> {
        let mut names = Vec::new();
        for server in &self.servers {
            let seen = Streams::of(&server.member).await;
            names.extend(seen.and_then(|seen| seen.leader(stream)));
        }
        let led = |place: &usize| {
            let name = &self.servers[*place].member.name;
            names.iter().filter(|one| *one == name).count() > SERVERS / 2
        };
        (0..SERVERS).find(led)
    }

    /// How many copies of a stream there are to be.
    pub async fn copies(&self, stream: &str) -> usize {
        let stream = self.context().await.get_stream(stream).await;
        let stream = stream.expect("the stream is there");
        stream.cached_info().config.num_replicas
    }

    /// Has the leader of a stream, or of one of its consumers, hand over to another server.
    pub async fn step_down(&self, stream: &str, consumer: Option<&str>) {
        let context = self.context().await;
        let subject = match consumer {
            None => format!("STREAM.LEADER.STEPDOWN.{stream}"),
            Some(consumer) => format!("CONSUMER.LEADER.STEPDOWN.{stream}.{consumer}"),
        };
        wait::until("the leader hands over", async || {
            let answer: Result<Value, _> = context.request(subject.clone(), &()).await;
            match answer {
                Ok(answer) if answer["success"] == true => Ok(()),
                Ok(answer) => Err(answer.to_string()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
    }

    async fn context(&self) -> jetstream::Context {
        let (user, password) = self.credentials();
        let options = async_nats::ConnectOptions::with_user_and_password(user, password);
        let servers: Vec<String> = self.url().split(',').map(str::to_owned).collect();
        let client = options.connect(servers).await;
        jetstream::new(client.expect("a connection to the cluster"))
    }
}
