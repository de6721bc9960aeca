//! Owns a stand-in for the commit statuses of GitHub, GitLab, and Gitea or Forgejo, over HTTP on the
//! loopback. It is as strict as they are about what it is told, and has the moods of
//! [`crate::hooks_api::mood`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::hooks_api::mood::{Mood, Moods};

/// The token that it takes at first.
pub const TOKEN: &str = "a-status-token-for-tests-alone";
/// Largest request that it reads, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Whose API it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// GitHub.
    Github,
    /// GitLab.
    Gitlab,
    /// Gitea or Forgejo.
    Gitea,
}

/// A status that it was told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posted {
    /// `owner/name`, with GitLab's groups.
    pub repository: String,
    /// The commit.
    pub commit: String,
    /// In the forge's words.
    pub state: String,
    /// Whose mark it is.
    pub context: String,
    /// For people.
    pub description: String,
    /// Where they read more.
    pub target_url: Option<String>,
}

/// A loopback API that runs until it is dropped.
#[derive(Debug)]
pub struct StatusApi {
    desk: Arc<Desk>,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Desk {
    dialect: Dialect,
    token: Mutex<String>,
    moods: Mutex<Moods>,
    posted: Mutex<Vec<Posted>>,
    asked: Mutex<u64>,
    missing: Mutex<BTreeSet<String>>,
    marks: Mutex<BTreeMap<(String, String, String), String>>,
    held: watch::Sender<bool>,
}

impl StatusApi {
    /// Serves on a free port.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start(dialect: Dialect) -> Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let listener = listener.context("listen on the loopback")?;
        let address = listener.local_addr().context("ask for the port")?;
        let desk = Arc::new(Desk {
            dialect,
            token: Mutex::new(TOKEN.to_owned()),
            moods: Mutex::default(),
            posted: Mutex::default(),
            asked: Mutex::default(),
            missing: Mutex::default(),
            marks: Mutex::default(),
            held: watch::channel(false).0,
        });
        let app = Router::new().fallback(answer).with_state(desk.clone());
        let serving = tokio::spawn(async move {
            // It ends with the task that runs it.
            axum::serve(listener, app).await.ok();
        });
        Ok(Self {
            desk,
            address,
            serving,
        })
    }

    /// Where it is: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes this token alone from now on.
    pub fn set_token(&self, token: &str) {
        token.clone_into(&mut lock(&self.desk.token));
    }

    /// From now on it is in this mood.
    pub fn set_mood(&self, mood: Mood) {
        lock(&self.desk.moods).set(0, mood);
    }

    /// From now on it has no such repository.
    pub fn forget(&self, repository: &str) {
        lock(&self.desk.missing).insert(repository.to_owned());
    }

    /// While it holds, what it is told counts and its answers do not come.
    pub fn hold(&self, holds: bool) {
        self.desk.held.send_replace(holds);
    }

    /// What it was told and took, in order.
    pub fn posted(&self) -> Vec<Posted> {
        lock(&self.desk.posted).clone()
    }

    /// How often it was asked, whatever it answered.
    pub fn asked(&self) -> u64 {
        *lock(&self.desk.asked)
    }

    /// Requests that came while a limit still held: nobody may make one.
    pub fn too_early(&self) -> u64 {
        lock(&self.desk.moods).too_early()
    }
}

impl Drop for StatusApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Desk {
    /// Takes a status, or says why not.
    fn take(&self, (repository, commit): (String, String), body: &Value) -> Response {
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let one = Posted {
            repository,
            commit,
            state: text("state"),
            context: text("context"),
            description: text("description"),
            target_url: body["target_url"].as_str().map(str::to_owned),
        };
        if lock(&self.missing).contains(&one.repository) {
            return refusal(StatusCode::NOT_FOUND, "Not Found");
        }
        let (states, chars_max, refused): (&[&str], _, _) = match self.dialect {
            Dialect::Github => {
                let states: &[&str] = &["error", "failure", "pending", "success"];
                (states, 140, StatusCode::UNPROCESSABLE_ENTITY)
            }
            Dialect::Gitlab => {
                let states: &[&str] = &["pending", "running", "success", "failed", "canceled"];
                (states, 255, StatusCode::BAD_REQUEST)
            }
            Dialect::Gitea => {
                let states: &[&str] = &["error", "failure", "pending", "success", "warning"];
                (states, usize::MAX, StatusCode::BAD_REQUEST)
            }
        };
        if !states.contains(&one.state.as_str()) || one.description.chars().count() > chars_max {
            return refusal(refused, "state or description is invalid");
        }
        let mark = (
            one.repository.clone(),
            one.commit.clone(),
            one.context.clone(),
        );
        let before = lock(&self.marks).insert(mark, one.state.clone());
        if self.dialect == Dialect::Gitlab && before.as_ref() == Some(&one.state) {
            let text = "Cannot transition status via :enqueue from :pending";
            return refusal(StatusCode::BAD_REQUEST, text);
        }
        lock(&self.posted).push(one);
        (StatusCode::CREATED, axum::Json(json!({ "id": 1 }))).into_response()
    }
}

async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    *lock(&desk.asked) += 1;
    let mood = lock(&desk.moods).answer(Instant::now());
    if let Some(answer) = mood {
        return answer.give();
    }
    let expected = format!("Bearer {}", *lock(&desk.token));
    let token = request.headers().get(header::AUTHORIZATION);
    if token.is_none_or(|token| token.as_bytes() != expected.as_bytes()) {
        return refusal(StatusCode::UNAUTHORIZED, "Bad credentials");
    }
    let place = read(desk.dialect, request.method(), request.uri().path());
    let body = to_bytes(request.into_body(), BODY_BYTES_MAX).await;
    let body = body
        .ok()
        .and_then(|body| serde_json::from_slice(&body).ok());
    let mut answer = match (place, body) {
        (None, _) => refusal(StatusCode::NOT_FOUND, "Not Found"),
        (Some(_), None) => refusal(StatusCode::BAD_REQUEST, "Problems parsing JSON"),
        (Some(place), Some(body)) => desk.take(place, &body),
    };
    let farewell = lock(&desk.moods).farewell(Instant::now());
    answer.headers_mut().extend(farewell);
    let mut held = desk.held.subscribe();
    // The sender is the desk's own, and lives as long.
    held.wait_for(|held| !held).await.ok();
    answer
}

/// Reads `/repos/<owner>/<name>/statuses/<sha>`, and GitLab's
/// `/projects/<its escaped path>/statuses/<sha>`.
fn read(dialect: Dialect, method: &Method, path: &str) -> Option<(String, String)> {
    if method != Method::POST {
        return None;
    }
    let (repository, commit) = path.split_once("/statuses/")?;
    let repository = match dialect {
        Dialect::Gitlab => {
            let escaped = repository.strip_prefix("/projects/")?;
            (!escaped.contains('/')).then(|| escaped.replace("%2F", "/"))?
        }
        Dialect::Github | Dialect::Gitea => repository.strip_prefix("/repos/")?.to_owned(),
    };
    Some((repository, commit.to_owned()))
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, axum::Json(json!({ "message": message }))).into_response()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
