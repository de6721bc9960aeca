//! Owns a stand-in for GitHub's REST API about webhooks, over HTTP on the loopback: hooks, the
//! deliveries that they made, and making one again, which posts the webhook under the same GUID.
//! It has moods: rate limits, errors, garbage, silence.

pub mod book;
pub mod mood;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::delivery::SignedDelivery;
use crate::hooks_api::book::{Book, Try};
use crate::hooks_api::mood::{Mood, Moods};

/// The token that it takes.
pub const TOKEN: &str = "a-token-for-tests-alone";
/// Entries of a page where nobody asks for fewer, and the most there are.
const PAGE: (usize, usize) = (30, 100);

/// A loopback API that runs until it is dropped.
#[derive(Debug)]
pub struct HooksApi {
    desk: Arc<Desk>,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

/// What requests are answered from.
#[derive(Debug)]
struct Desk {
    book: Mutex<Book>,
    moods: Mutex<Moods>,
    /// What was asked for, in order: `GET /repos/a/b/hooks`.
    asked: Mutex<Vec<String>>,
    /// Most entries of a page, so that a few deliveries can fill several.
    page_max: Mutex<usize>,
    client: reqwest::Client,
    base: String,
}

/// What a request asks for.
enum Asked<'a> {
    Hooks(&'a str),
    Deliveries(u64),
    Delivery(u64, u64),
    Again(u64, u64),
}

impl HooksApi {
    /// Serves on a free port.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start() -> Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Serves at an address of the loopback.
    ///
    /// # Errors
    /// If the address is not of the loopback, or is taken.
    pub async fn start_at(address: SocketAddr) -> Result<Self> {
        ensure!(
            address.ip().is_loopback(),
            "{address} is no address of the loopback"
        );
        let listener = TcpListener::bind(address).await;
        let listener = listener.context("listen on the loopback")?;
        let address = listener.local_addr().context("ask for the port")?;
        let desk = Arc::new(Desk {
            book: Mutex::default(),
            moods: Mutex::default(),
            asked: Mutex::default(),
            page_max: Mutex::new(PAGE.1),
            client: reqwest::Client::new(),
            base: format!("http://{address}"),
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

    /// Makes a hook of `organization` or `owner/name` that delivers to `url`; gives its number.
    pub fn add_hook(&self, owner: &str, url: &str) -> u64 {
        lock(&self.desk.book).add_hook(owner, url)
    }

    /// Makes a delivery: posts it to the hook's URL, and keeps what was answered. Gives the status,
    /// 0 for none.
    pub async fn deliver(&self, hook: u64, signed: &SignedDelivery) -> u16 {
        self.desk.post(hook, signed, false).await
    }

    /// Keeps a delivery as made although it is not: as one of which nothing came, that was
    /// `answered` all the same, and `seconds_ago`.
    pub fn pretend(&self, hook: u64, signed: &SignedDelivery, answered: u16, seconds_ago: u64) {
        lock(&self.desk.book).keep(hook, signed, answered, false, seconds_ago);
    }

    /// The tries of a delivery, the oldest first.
    pub fn tries(&self, guid: &str) -> Vec<Try> {
        lock(&self.desk.book).tries(guid)
    }

    /// Lets a page have no more than so many entries.
    pub fn bound_pages(&self, entries_max: usize) {
        *lock(&self.desk.page_max) = entries_max;
    }

    /// From now on it is in this mood.
    pub fn set_mood(&self, mood: Mood) {
        self.set_mood_after(0, mood);
    }

    /// After so many requests that it answers well it is in this mood.
    pub fn set_mood_after(&self, requests: u64, mood: Mood) {
        lock(&self.desk.moods).set(requests, mood);
    }

    /// What was asked for, in order, as `GET /repos/a/b/hooks`.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.desk.asked).clone()
    }

    /// Requests that came while a limit still held: nobody may make one.
    pub fn too_early(&self) -> u64 {
        lock(&self.desk.moods).too_early()
    }
}

impl Drop for HooksApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Desk {
    /// Posts a webhook and keeps the try.
    async fn post(&self, hook: u64, signed: &SignedDelivery, again: bool) -> u16 {
        let url = lock(&self.book).url_of(hook);
        let mut request = self.client.post(url).body(signed.body.clone());
        for (name, value) in &signed.headers {
            request = request.header(*name, value);
        }
        let answered = request.send().await;
        let status = answered.map_or(0, |answer| answer.status().as_u16());
        lock(&self.book).keep(hook, signed, status, again, 0);
        status
    }

    async fn carry_out(&self, asked: Asked<'_>, query: &HashMap<String, String>) -> Response {
        match asked {
            Asked::Hooks(owner) => {
                let hooks = lock(&self.book).hooks_of(owner);
                json_of(StatusCode::OK, &Value::Array(hooks), HeaderMap::new())
            }
            Asked::Deliveries(hook) => self.page(hook, query),
            Asked::Delivery(hook, delivery) => match lock(&self.book).detail(hook, delivery) {
                Some(detail) => json_of(StatusCode::OK, &detail, HeaderMap::new()),
                None => nothing(),
            },
            Asked::Again(hook, delivery) => {
                let Some(signed) = lock(&self.book).signed(hook, delivery) else {
                    return nothing();
                };
                self.post(hook, &signed, true).await;
                json_of(StatusCode::ACCEPTED, &json!({}), HeaderMap::new())
            }
        }
    }

    /// A page of a hook's deliveries, the newest first; `Link` names the next by its cursor.
    fn page(&self, hook: u64, query: &HashMap<String, String>) -> Response {
        let wanted = query.get("per_page").and_then(|text| text.parse().ok());
        let entries = wanted.unwrap_or(PAGE.0).min(*lock(&self.page_max));
        let cursor = query
            .get("cursor")
            .and_then(|text| text.strip_prefix("v1_"));
        let cursor = cursor.and_then(|text| text.parse().ok());
        let (page, next) = lock(&self.book).page(hook, cursor, entries);
        let mut headers = HeaderMap::new();
        if let Some(next) = next {
            let base = &self.base;
            let link = format!("<{base}/x?per_page={entries}&cursor=v1_{next}>; rel=\"next\"");
            headers.insert(header::LINK, link.parse().expect("it is visible ASCII"));
        }
        json_of(StatusCode::OK, &Value::Array(page), headers)
    }
}

async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    lock(&desk.asked).push(format!("{method} {path}"));
    let mood = lock(&desk.moods).answer(Instant::now());
    if let Some(answer) = mood {
        return answer.give();
    }
    let token = request.headers().get(header::AUTHORIZATION);
    if token.is_none_or(|token| token.as_bytes() != format!("Bearer {TOKEN}").as_bytes()) {
        return json_of(StatusCode::UNAUTHORIZED, &json!({}), HeaderMap::new());
    }
    let query = query_of(request.uri().query().unwrap_or_default());
    let mut answer = match read(&method, &path) {
        Some(asked) => desk.carry_out(asked, &query).await,
        None => nothing(),
    };
    let farewell = lock(&desk.moods).farewell(Instant::now());
    answer.headers_mut().extend(farewell);
    answer
}

/// Reads `/repos/<owner>/<name>/hooks…` and `/orgs/<owner>/hooks…`.
fn read<'a>(method: &Method, path: &'a str) -> Option<Asked<'a>> {
    let (owner, rest) = path.split_once("/hooks")?;
    let owner = owner
        .strip_prefix("/repos/")
        .or(owner.strip_prefix("/orgs/"))?;
    let parts: Vec<&str> = rest.split('/').skip(1).collect();
    let number = |at: usize| parts.get(at)?.parse().ok();
    match (method, parts.as_slice()) {
        (&Method::GET, []) => Some(Asked::Hooks(owner)),
        (&Method::GET, [_, "deliveries"]) => Some(Asked::Deliveries(number(0)?)),
        (&Method::GET, [_, "deliveries", _]) => Some(Asked::Delivery(number(0)?, number(2)?)),
        (&Method::POST, [_, "deliveries", _, "attempts"]) => {
            Some(Asked::Again(number(0)?, number(2)?))
        }
        _ => None,
    }
}

/// A query whose values need no unescaping: cursors and numbers.
fn query_of(query: &str) -> HashMap<String, String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn nothing() -> Response {
    let body = json!({ "message": "Not Found" });
    json_of(StatusCode::NOT_FOUND, &body, HeaderMap::new())
}

fn json_of(status: StatusCode, body: &Value, headers: HeaderMap) -> Response {
    (status, headers, axum::Json(body)).into_response()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
