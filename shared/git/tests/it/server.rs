//! Owns a server of the loopback that answers each request as a test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Longest request that is read, in bytes.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// A server that runs until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Server {
    /// Answers each request with what `answer` makes of it, and closes the connection.
    pub(crate) async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&requests);
        let serving = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = head(&mut stream).await;
                let answered = answer(&request);
                heard.lock().unwrap().push(request);
                // Who has heard enough closes its end.
                let _ = stream.write_all(&answered).await;
                let _ = stream.shutdown().await;
            }
        });
        Self {
            address,
            requests,
            serving,
        }
    }

    /// `host:port`.
    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// What was asked so far: the heads of the requests.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut chunk = [0; 4096];
    while !read.windows(4).any(|end| end == b"\r\n\r\n") && read.len() < REQUEST_BYTES_MAX {
        match stream.read(&mut chunk).await {
            Ok(1..) => read.extend_from_slice(&chunk),
            Ok(0) | Err(_) => break,
        }
    }
    read.retain(|&byte| byte != 0);
    String::from_utf8_lossy(&read).into_owned()
}

/// A whole answer with a status line, headers and a body.
pub(crate) fn reply(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// What begins a smart answer to `info/refs`.
pub(crate) fn advertisement(body: &[u8]) -> Vec<u8> {
    let kind = "Content-Type: application/x-git-upload-pack-advertisement\r\n";
    reply("200 OK", kind, body)
}
