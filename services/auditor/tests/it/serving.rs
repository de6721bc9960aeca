//! The published log over HTTP: what each file says of itself, and what is no file of a log.

use std::fs;

use testkit::port::Port;
use tlog::tile::{Kind, Tile};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::ground::{Ground, Running};

const BYTES: &str = "application/octet-stream";
const TEXT: &str = "text/plain; charset=utf-8";
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// What was answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.headers.lines();
        let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(str::trim)
    }
}

/// Asks word for word: a client of HTTP would mend paths that are none.
async fn ask(port: &Port, method: &str, path: &str) -> Answer {
    let mut stream = TcpStream::connect(port.address).await.unwrap();
    let asked = format!("{method} {path} HTTP/1.1\r\nhost: log\r\nconnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let end = bytes.windows(4).position(|run| run == b"\r\n\r\n").unwrap();
    let headers = String::from_utf8(bytes[..end].to_vec()).unwrap();
    Answer {
        status: headers[9..12].parse().unwrap(),
        headers,
        body: bytes.split_off(end + 4),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_file_says_what_it_is_and_for_how_long_it_may_be_kept() {
    let ground = Ground::start().await;
    let port = Port::take();
    let settings = ground.settings().with("log.listen", port.address).unwrap();
    let auditor = Running::start(settings);
    ground.record(300).await;
    ground.until_published(1, 300).await;
    let tile = |kind, index| Tile::of_count(kind, index, 300).unwrap().to_string();
    let above = Tile::of_count(Kind::Hashes(1), 0, 1).unwrap().to_string();
    for (name, content, cache) in [
        ("checkpoint".to_owned(), TEXT, "public, max-age=1"),
        (tile(Kind::Hashes(0), 0), BYTES, FOR_EVER),
        (tile(Kind::Entries, 0), BYTES, FOR_EVER),
        (tile(Kind::Hashes(0), 1), BYTES, "public, max-age=60"),
        (tile(Kind::Entries, 1), BYTES, "public, max-age=60"),
        (above, BYTES, "public, max-age=60"),
    ] {
        let answer = ask(&port, "GET", &format!("/log/1/{name}")).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some(content), "{name}");
        assert_eq!(answer.header("cache-control"), Some(cache), "{name}");
        let file = fs::read(ground.objects_folder().join("log/1").join(&name));
        assert_eq!(answer.body, file.unwrap(), "{name}");
        let head = ask(&port, "HEAD", &format!("/log/1/{name}")).await;
        assert_eq!(head.status, 200, "{name}");
        assert_eq!(head.header("content-type"), Some(content), "{name}");
        assert!(head.body.is_empty(), "{name}");
    }
    for path in [
        // The next tile is not there yet, and may not be remembered as missing.
        "/log/1/tile/0/002",
        "/log/2/checkpoint",
        "/log/1/tile/0/001.p/45",
        "/log/1/../../identity",
        "/log/1/%2e%2e/%2e%2e/identity",
        "/log/01/checkpoint",
        "/log/1/",
        "/identity",
    ] {
        let answer = ask(&port, "GET", path).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        let cache = answer.header("cache-control");
        assert!(
            cache.is_none_or(|cache| cache == "no-store"),
            "{path}: {answer:?}"
        );
    }
    for method in ["POST", "PUT", "DELETE"] {
        let answer = ask(&port, method, "/log/1/checkpoint").await;
        assert_eq!(answer.status, 405, "{method}: {answer:?}");
    }
    auditor.stop().await;
}
