//! Owns a real server that speaks S3 for a test: `weed`, which `deploy/local/prerequisites --all`
//! brings. It makes a bucket when something is put into it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::port::Port;
use crate::program::{Plan, Program};
use crate::wait;

/// The only access key's id.
pub const ACCESS_KEY: &str = "assay-test";
/// Its secret; nobody but the test reaches this server.
pub const SECRET_KEY: &str = "of-a-test-on-one-machine";
/// What the server is told of them.
const IDENTITIES: &str = r#"{"identities":[{"name":"assay","credentials":
    [{"accessKey":"assay-test","secretKey":"of-a-test-on-one-machine"}],
    "actions":["Admin","Read","Write","List","Tagging"]}]}"#;
/// The parts of the server that each have a port for clients and one for their like.
const PARTS: [&str; 4] = ["master", "volume", "filer", "s3"];

/// A server that belongs to the test. Dropping it kills it.
#[derive(Debug)]
pub struct BucketServer {
    running: Option<Program>,
    folder: PathBuf,
    /// Of each part, for clients and for its like.
    ports: [[Port; 2]; PARTS.len()],
}

impl BucketServer {
    /// Starts the server in `folder` and waits until it takes objects.
    pub async fn start(folder: &Path) -> Self {
        std::fs::create_dir_all(folder.join("data")).expect("a folder for the server");
        std::fs::write(folder.join("s3.json"), IDENTITIES).expect("the server's settings");
        let mut server = Self {
            running: None,
            folder: folder.to_owned(),
            ports: PARTS.map(|_| [Port::take(), Port::take()]),
        };
        server.start_again().await;
        server
    }

    /// Where it speaks S3.
    pub fn address(&self) -> SocketAddr {
        self.ports[3][0].address
    }

    /// The same as a URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        let mut program = self.running.take().expect("the server runs");
        program.kill();
    }

    /// Sends it a signal: it can be held, and let go on.
    pub fn signal(&self, signal: Signal) {
        let program = self.running.as_ref().expect("the server runs");
        program.signal(signal);
    }

    /// Starts it again with what it has, on the same ports.
    pub async fn start_again(&mut self) {
        let plan = Plan {
            program: program(),
            arguments: self.arguments(),
            variables: Vec::new(),
            folder: &self.folder,
        };
        self.running = Some(plan.start(&self.folder.join("weed.log")));
        let (master, s3) = (self.ports[0][0].address, self.address());
        wait::until("the server of buckets takes objects", async || {
            let assigned = get(master, "/dir/assign").await?;
            if !assigned.contains("\"fid\"") {
                return Err(assigned);
            }
            // It does not know who asks, and says so.
            get(s3, "/").await.map(drop)
        })
        .await;
    }

    fn arguments(&self) -> Vec<String> {
        let folder = self.folder.display();
        let mut arguments = vec![
            "server".to_owned(),
            format!("-dir={folder}/data"),
            "-ip=127.0.0.1".to_owned(),
            "-ip.bind=127.0.0.1".to_owned(),
            // Nobody is told of it.
            "-master.telemetry=false".to_owned(),
            "-master.volumeSizeLimitMB=64".to_owned(),
            "-volume.max=100".to_owned(),
            "-volume.minFreeSpace=1".to_owned(),
            "-filer".to_owned(),
            format!("-filer.localSocket={folder}/filer.sock"),
            "-s3".to_owned(),
            format!("-s3.config={folder}/s3.json"),
            format!("-s3.localSocket={folder}/s3.sock"),
            "-s3.iam=false".to_owned(),
            "-s3.port.iceberg=0".to_owned(),
            "-s3.port.lance=0".to_owned(),
            "-s3.autoCreateBucket=true".to_owned(),
        ];
        for (part, [clients, others]) in PARTS.iter().zip(&self.ports) {
            arguments.push(format!("-{part}.port={}", clients.address.port()));
            arguments.push(format!("-{part}.port.grpc={}", others.address.port()));
        }
        arguments
    }
}

/// The project's own; `ASSAY_WEED` goes first.
fn program() -> PathBuf {
    if let Some(asked) = std::env::var_os("ASSAY_WEED") {
        return asked.into();
    }
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin/weed");
    assert!(
        pinned.exists(),
        "there is no {}: deploy/local/prerequisites --all brings it",
        pinned.display()
    );
    pinned
}

async fn get(server: SocketAddr, path: &str) -> Result<String, String> {
    let asked = async {
        let mut stream = TcpStream::connect(server).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {server}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    asked.await.map_err(|error| error.to_string())
}
