//! Owns the loopback forge: a folder of bare repositories, served over git's smart HTTP protocol
//! on 127.0.0.1, for fetches only.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use bytes::Bytes;
use contract::name;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::git;
use crate::repository::{Clock, Repository};

/// Largest request of a fetch, in bytes, as sent and once it is unpacked.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A forge that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct LoopbackForge {
    served: Arc<Served>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<std::io::Result<()>>,
}

#[derive(Debug)]
struct Served {
    folder: PathBuf,
    fetches: AtomicU64,
    /// The header that must come with every request, if one must.
    demanded: Mutex<Option<String>>,
    /// Whether objects are left out where whoever fetches asks for that.
    filters: AtomicBool,
    /// What git announced. Since version 2 that is what it can do, and nothing of what is pushed: no forge
    /// starts a program to say it again.
    announced: Mutex<HashMap<Announced, Bytes>>,
}

/// What an announcement depends on.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Announced {
    folder: PathBuf,
    protocol: String,
    filters: bool,
}

impl LoopbackForge {
    /// Serves the repositories in `folder` on a free port.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start(folder: &Path) -> Result<Self> {
        Self::start_at(folder, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Serves the repositories in `folder` at an address of the loopback.
    ///
    /// # Errors
    /// If the address is not of the loopback, or is taken.
    pub async fn start_at(folder: &Path, address: SocketAddr) -> Result<Self> {
        if !address.ip().is_loopback() {
            bail!("{address} is no address of the loopback");
        }
        let folder = std::path::absolute(folder).context("find the forge's folder")?;
        let served = Arc::new(Served {
            folder,
            fetches: AtomicU64::new(0),
            demanded: Mutex::new(None),
            filters: AtomicBool::new(true),
            announced: Mutex::default(),
        });
        let listener = TcpListener::bind(address)
            .await
            .context("listen on the loopback")?;
        let address = listener.local_addr().context("ask for the port")?;
        let app = Router::new().fallback(answer).with_state(served.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let stopped = async move { stopped.await.unwrap_or_default() };
            axum::serve(listener, app)
                .with_graceful_shutdown(stopped)
                .await
        });
        Ok(Self {
            served,
            address,
            stop: Some(stop),
            serving,
        })
    }

    /// Where it is: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The template of its repositories' fetch URLs, as a source's settings have it.
    pub fn fetch_url_template(&self) -> String {
        format!("{}/{{full_name}}.git", self.url())
    }

    /// How often a repository's objects were asked for, since the start.
    pub fn fetch_count(&self) -> u64 {
        self.served.fetches.load(Ordering::Relaxed)
    }

    /// Asks from now on for a login with every request.
    pub fn demand(&self, user: &str, password: &str) {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        let mut demanded = self.served.demanded.lock();
        let demanded = demanded.as_deref_mut().expect("nobody panics with it");
        *demanded = Some(format!("Basic {pair}"));
    }

    /// Sends from now on all objects of a fetch, as old forges do, whatever is to be left out.
    pub fn never_filter(&self) {
        self.served.filters.store(false, Ordering::Relaxed);
    }

    /// Makes an empty repository, in place of one that had the name.
    ///
    /// # Errors
    /// If `full_name` is not `owner/name`; what git says.
    pub async fn create(&self, full_name: &str, clock: Clock) -> Result<Repository> {
        let Some(folder) = self.served.repository(full_name) else {
            bail!("{full_name:?} is not owner/name");
        };
        match std::fs::remove_dir_all(&folder) {
            Err(err) if err.kind() != ErrorKind::NotFound => {
                return Err(err).context("remove the old repository");
            }
            _ => {}
        }
        self.served
            .announced()
            .retain(|announced, _| announced.folder != folder);
        let html_url = format!("{}/{full_name}", self.url());
        Repository::create(folder, full_name, html_url, clock).await
    }

    /// Takes no more, finishes what is asked, and leaves.
    ///
    /// # Errors
    /// If serving ended by an error.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
        (&mut self.serving)
            .await
            .context("wait for the forge")?
            .context("serve")
    }
}

impl Drop for LoopbackForge {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Served {
    fn announced(&self) -> MutexGuard<'_, HashMap<Announced, Bytes>> {
        self.announced.lock().expect("nobody panics with it")
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let demanded = self.demanded.lock();
        let demanded = demanded.as_deref().expect("nobody panics with it");
        demanded
            .as_deref()
            .is_none_or(|login| header_text(headers, "authorization") == login)
    }

    /// The folder of a repository. Forges compare names without case.
    fn repository(&self, full_name: &str) -> Option<PathBuf> {
        let full_name = full_name.to_ascii_lowercase();
        // The contract's rule for names keeps a path from leaving the folder.
        format!("forge:{full_name}")
            .parse::<name::Repository>()
            .ok()?;
        Some(self.folder.join(format!("{full_name}.git")))
    }
}

/// What a client of git's smart HTTP protocol may ask.
enum Asked {
    Advertisement,
    Objects,
}

async fn answer(State(served): State<Arc<Served>>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let query = request.uri().query().unwrap_or_default();
    let (full_name, asked) = if let Some(name) = path.strip_suffix(".git/info/refs")
        && request.method() == Method::GET
        && query == "service=git-upload-pack"
    {
        (name, Asked::Advertisement)
    } else if let Some(name) = path.strip_suffix(".git/git-upload-pack")
        && request.method() == Method::POST
    {
        (name, Asked::Objects)
    } else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Some(folder) = served
        .repository(full_name)
        .filter(|folder| folder.is_dir())
    else {
        return (StatusCode::NOT_FOUND, "no such repository\n").into_response();
    };
    if !served.admits(request.headers()) {
        let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"loopback\"")];
        return (StatusCode::UNAUTHORIZED, ask).into_response();
    }
    let filters = served.filters.load(Ordering::Relaxed);
    let (parts, body) = request.into_parts();
    let answered = match asked {
        Asked::Advertisement => advertise(&served, folder, &parts.headers, filters).await,
        Asked::Objects => {
            served.fetches.fetch_add(1, Ordering::Relaxed);
            give_objects(&folder, &parts.headers, (body, filters)).await
        }
    };
    answered.unwrap_or_else(|err| {
        tracing::warn!("answer for {full_name}: {err:#}");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

async fn advertise(
    served: &Served,
    folder: PathBuf,
    headers: &HeaderMap,
    filters: bool,
) -> Result<Response> {
    const KIND: &str = "application/x-git-upload-pack-advertisement";
    let announced = Announced {
        folder,
        protocol: header_text(headers, "git-protocol").to_owned(),
        filters,
    };
    let known = served.announced().get(&announced).cloned();
    if let Some(known) = known {
        return Ok(reply(KIND, known));
    }
    let mut command = upload_pack(&announced.folder, headers, filters);
    command.args(["--http-backend-info-refs", "."]);
    let output = git::feed(&mut command, &[]).await?;
    if is_version_2(headers) {
        let said = Bytes::from(output.stdout);
        if output.status.success() {
            served.announced().insert(announced, said.clone());
        }
        return Ok(reply(KIND, said));
    }
    // The versions before it begin with the service's name, and tell of refs.
    let name: &[u8] = b"001e# service=git-upload-pack\n0000";
    Ok(reply(KIND, [name, &output.stdout].concat()))
}

async fn give_objects(
    folder: &Path,
    headers: &HeaderMap,
    (body, filters): (Body, bool),
) -> Result<Response> {
    let body = to_bytes(body, REQUEST_BYTES_MAX)
        .await
        .context("read the request")?;
    let body = match header_text(headers, header::CONTENT_ENCODING.as_str()) {
        "gzip" => unpack(&body).await?,
        "" | "identity" => body,
        other => bail!("unknown content encoding {other:?}"),
    };
    let mut command = upload_pack(folder, headers, filters);
    command.arg(".");
    let output = git::feed(&mut command, &body).await?;
    // Git tells its client of an error inside the protocol; an exit code adds nothing to it.
    Ok(reply("application/x-git-upload-pack-result", output.stdout))
}

fn upload_pack(folder: &Path, headers: &HeaderMap, filters: bool) -> Command {
    let mut command = git::command(folder);
    let version = header_text(headers, "git-protocol");
    if !version.is_empty() {
        command.env("GIT_PROTOCOL", version);
    }
    let filter = format!("uploadpack.allowFilter={filters}");
    command.args(["-c", &filter, "upload-pack", "--strict", "--stateless-rpc"]);
    command
}

/// Unpacks what git compressed: it does so once a request is long.
async fn unpack(packed: &[u8]) -> Result<Bytes> {
    let output = git::feed(Command::new("gzip").arg("-dc").kill_on_drop(true), packed).await?;
    if !output.status.success() || output.stdout.len() > REQUEST_BYTES_MAX {
        bail!("request does not unpack to at most {REQUEST_BYTES_MAX} bytes");
    }
    Ok(output.stdout.into())
}

fn is_version_2(headers: &HeaderMap) -> bool {
    header_text(headers, "git-protocol")
        .split(':')
        .any(|part| part == "version=2")
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn reply(content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, body.into()).into_response()
}
