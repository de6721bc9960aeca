//! Owns the wire between a service and a server: it can be cut, slowed and held, and it springs a
//! trap when a certain message passes, without a hook in either end.

mod frames;
mod line;
mod traps;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::wire::frames::{Framer, Language, Said, Way};
use crate::wire::line::{Far, Line, Near};
use crate::wire::traps::{Fate, Traps};

/// What is read at one time, in bytes.
const READ_BYTES: usize = 64 * 1024;
/// The name of the socket that clients of Postgres look for in a folder.
const SOCKET: &str = ".s.PGSQL.5432";

/// A message on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// A client asks Postgres to commit.
    CommitAsked,
    /// Postgres says that it has committed.
    CommitAnswered,
    /// A client publishes on a subject that begins so.
    Published(&'static str),
    /// The stream says that it has stored a message.
    PublishAnswered(&'static str),
    /// A client acks a message of the stream.
    Acked(&'static str),
    /// A message of the stream is given to a client.
    HandedOut(&'static str),
}

/// What becomes of the message that springs a trap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// It is lost, and nothing else.
    Lose,
    /// It and all that comes after it wait, both ways, until the wire is cut or released.
    Hold,
    /// It is lost with its connection, and all others of the wire.
    Cut,
    /// It passes, and then it is told.
    Pass,
}

/// Tells that a trap was sprung; a wire that goes away before says so by an error.
pub type Sprung = oneshot::Receiver<()>;

/// A wire that lives as long as this value.
#[derive(Debug)]
pub struct Wire {
    shared: Arc<Shared>,
    address: String,
    /// The folder that clients of Postgres are told.
    folder: Option<PathBuf>,
    listening: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    language: Language,
    far: Far,
    traps: Traps,
    /// Counts the cuts: a connection ends when it changes.
    cuts: watch::Sender<u64>,
    held: watch::Sender<bool>,
    /// What each message is late by.
    delay: watch::Sender<Duration>,
    /// Messages of a [`Moment`]'s kind that came, whatever became of them.
    work: AtomicU64,
}

impl Wire {
    /// A wire to a nats-server, on a port of its own.
    pub async fn to_nats(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port for the wire");
        let address = listener.local_addr().expect("a bound port has an address");
        let shared = Shared::new(Language::Nats, Far::Tcp(server));
        Self::of(
            shared,
            Near::Tcp(listener),
            format!("nats://{address}"),
            None,
        )
    }

    /// A wire to the Postgres whose socket lies in `server`, on a socket in `folder`, which it
    /// makes.
    pub async fn to_postgres(server: &Path, folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("a folder for the wire's socket");
        let listener = UnixListener::bind(folder.join(SOCKET)).expect("a socket for the wire");
        let shared = Shared::new(Language::Postgres, Far::Unix(server.join(SOCKET)));
        let address = folder.display().to_string();
        Self::of(
            shared,
            Near::Unix(listener),
            address,
            Some(folder.to_owned()),
        )
    }

    fn of(shared: Shared, near: Near, address: String, folder: Option<PathBuf>) -> Self {
        let shared = Arc::new(shared);
        Self {
            listening: tokio::spawn(listen(Arc::clone(&shared), near)),
            shared,
            address,
            folder,
        }
    }

    /// Where clients of nats-server connect.
    pub fn url(&self) -> String {
        self.address.clone()
    }

    /// Where a role (or a placeholder for one) reaches a database of Postgres.
    pub fn postgres_url(&self, role: &str, database: &str) -> String {
        let folder = self.folder.as_ref().expect("this is a wire to Postgres");
        let host = folder.display().to_string().replace('/', "%2F");
        format!("postgres://{role}@{host}/{database}")
    }

    /// Ends every connection now, with what was on its way. New ones are let through.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// Lets nothing through, either way, and ends nothing: a black hole.
    pub fn hold(&self) {
        self.shared.held.send_replace(true);
    }

    /// Lets through what was held.
    pub fn release(&self) {
        self.shared.held.send_replace(false);
    }

    /// Makes every message late by this much; nothing for none.
    pub fn slow(&self, delay: Duration) {
        self.shared.delay.send_replace(delay);
    }

    /// Lays a trap for the next message of its kind.
    pub fn lay(&self, moment: Moment, act: Act) -> Sprung {
        self.shared.traps.lay(moment, act)
    }

    /// How many messages came so far in which work shows: commits, publishes, acks, and what is
    /// handed out.
    pub fn work(&self) -> u64 {
        self.shared.work.load(Ordering::Relaxed)
    }

    /// Takes away every trap that was not sprung.
    pub fn clear(&self) {
        self.shared.traps.clear();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Shared {
    fn new(language: Language, far: Far) -> Self {
        Self {
            language,
            far,
            traps: Traps::default(),
            cuts: watch::Sender::new(0),
            held: watch::Sender::new(false),
            delay: watch::Sender::new(Duration::ZERO),
            work: AtomicU64::new(0),
        }
    }

    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    fn fate_of(&self, said: &Said) -> Fate {
        if *said == Said::Other {
            return Fate::Goes;
        }
        self.work.fetch_add(1, Ordering::Relaxed);
        self.traps.spring(said, &self.held)
    }

    /// Waits for the delay and while the wire is held.
    async fn until_open(&self) {
        let delay = *self.delay.borrow();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let mut held = self.held.subscribe();
        // The sender lives as long as `self`.
        let _ = held.wait_for(|held| !held).await;
    }
}

async fn listen(shared: Arc<Shared>, near: Near) {
    // Gone with the wire: every connection ends when this task does.
    let mut connections = JoinSet::new();
    loop {
        let Ok(client) = near.accept().await else {
            continue;
        };
        connections.spawn(connect(Arc::clone(&shared), client));
        while connections.try_join_next().is_some() {}
    }
}

/// Carries one connection until one end closes it, or the wire is cut.
async fn connect(shared: Arc<Shared>, client: Line) {
    let mut cuts = shared.cuts.subscribe();
    let age = *cuts.borrow();
    let Ok(server) = shared.far.connect().await else {
        // Nobody listens there: so it is here.
        client.reset();
        return;
    };
    let (client_read, client_write) = tokio::io::split(client);
    let (server_read, server_write) = tokio::io::split(server);
    let mut up = Pump::new(Way::ToServer, client_read, server_write);
    let mut down = Pump::new(Way::ToClient, server_read, client_write);
    let is_cut = tokio::select! {
        _ = cuts.changed() => true,
        cut = up.run(&shared, age) => cut,
        cut = down.run(&shared, age) => cut,
    };
    if is_cut {
        up.read.unsplit(down.write).reset();
        down.read.unsplit(up.write).reset();
    }
}

struct Pump {
    way: Way,
    read: ReadHalf<Line>,
    write: WriteHalf<Line>,
}

impl Pump {
    fn new(way: Way, read: ReadHalf<Line>, write: WriteHalf<Line>) -> Self {
        Self { way, read, write }
    }

    /// Carries messages one way; says whether the connection is to be torn, not closed. The
    /// connection began when the wire had been cut `age` times.
    async fn run(&mut self, shared: &Shared, age: u64) -> bool {
        let mut framer = Framer::new(shared.language, self.way);
        let mut buffer = BytesMut::with_capacity(READ_BYTES);
        loop {
            match self.read.read_buf(&mut buffer).await {
                Ok(0) => return self.write.shutdown().await.is_err(),
                Ok(_) => {}
                Err(_) => return true,
            }
            while let Some((message, said)) = framer.next(&mut buffer) {
                let told = match shared.fate_of(&said) {
                    Fate::Goes => None,
                    Fate::Told(told) => Some(told),
                    Fate::Lost => continue,
                    Fate::Torn => {
                        shared.cut();
                        return true;
                    }
                };
                shared.until_open().await;
                // What was held is lost when the wire is cut and then released, also where both
                // happen while this task is on its way to wait.
                if *shared.cuts.borrow() != age {
                    return true;
                }
                if self.write.write_all(&message).await.is_err() {
                    return true;
                }
                if let Some(told) = told {
                    // Who laid the trap may have gone.
                    let _ = told.send(());
                }
            }
        }
    }
}
