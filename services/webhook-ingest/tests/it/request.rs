//! Owns requests as GitHub sends them, and those that it would never send.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::World;

/// The secret of the source in these tests.
pub(crate) const SECRET: &[u8] = b"a secret of the tests";

/// A signed request; each part can be spoilt.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) source: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) json: serde_json::Value,
}

/// The signature of a body as its header has it.
pub(crate) fn signature(secret: &[u8], body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

impl Request {
    pub(crate) fn new(event: &str, delivery: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-github-event", event.to_owned()),
            ("x-github-delivery", delivery.to_owned()),
            ("x-hub-signature-256", signature(SECRET, &body)),
        ];
        Self {
            source: "github".to_owned(),
            headers,
            body,
        }
    }

    /// A push whose body differs with its text.
    pub(crate) fn push(delivery: &str, text: &str) -> Self {
        let body = serde_json::json!({ "ref": "refs/heads/main", "text": text });
        Self::new("push", delivery, body.to_string())
    }

    /// The same with another value of a header.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same without a header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| *header != name);
        self
    }

    /// The same signed by another secret.
    pub(crate) fn signed_by(self, secret: &[u8]) -> Self {
        let signature = signature(secret, &self.body);
        self.with("x-hub-signature-256", &signature)
    }

    /// Sends it to another ingest than the world's.
    pub(crate) async fn send_to(&self, world: &World, url: &str) -> Answer {
        answer_of(self.post(&world.client, url)).await.unwrap()
    }

    pub(crate) async fn send(&self, world: &World) -> Answer {
        self.try_send(world).await.unwrap()
    }

    /// The request as a client can send it, wherever the world may be.
    pub(crate) fn post(&self, client: &reqwest::Client, url: &str) -> reqwest::RequestBuilder {
        let url = format!("{url}/hooks/{}", self.source);
        let post = client.post(url).body(self.body.clone());
        let with = |post: reqwest::RequestBuilder, (name, value): &(&'static str, String)| {
            post.header(*name, value)
        };
        self.headers.iter().fold(post, with)
    }

    pub(crate) async fn try_send(&self, world: &World) -> reqwest::Result<Answer> {
        answer_of(self.post(&world.client, &world.url)).await
    }

    /// The request's head as bytes, for what no client library sends.
    pub(crate) fn head(&self, more: &str) -> String {
        let mut head = format!("POST /hooks/{} HTTP/1.1\r\nhost: x\r\n", self.source);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        format!("{head}{more}connection: close\r\n\r\n")
    }
}

async fn answer_of(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let retry_after = response.headers().get("retry-after");
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after: retry_after.map(|value| value.to_str().unwrap().to_owned()),
        json: response.json().await?,
    })
}

/// Sends bytes and gives what comes back. Who refuses may stop reading before all is sent.
pub(crate) async fn send_raw(world: &World, bytes: &[u8]) -> String {
    let address = world.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut read, mut write) = stream.split();
    let writing = async {
        let _ = write.write_all(bytes).await;
    };
    let mut answer = Vec::new();
    let reading = async {
        // A reset after the answer is the server's way not to read on.
        let _ = read.read_to_end(&mut answer).await;
    };
    tokio::join!(writing, reading);
    String::from_utf8_lossy(&answer).into_owned()
}
