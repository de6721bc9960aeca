//! Owns HTTP over one kept connection, as little of it as a driver needs that shares its machine with
//! what it measures: a request goes out of one buffer, and an answer says how long it is.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use hyper::Uri;
use sample::delivery::SignedDelivery;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Room for an answer at first, in bytes: more than a receipt takes.
const ANSWER_BYTES: usize = 4 * 1024;
/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A request as it goes over the wire, head and body in one piece. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Request(Bytes);

impl Request {
    /// The request of a delivery, under another id than its own if one is given.
    pub fn new(url: &Uri, signed: &SignedDelivery, id: Option<&str>) -> Self {
        let host = url.authority().map_or("", |host| host.as_str());
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let mut bytes = Vec::with_capacity(signed.body.len() + 512);
        let length = signed.body.len();
        let first = format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n");
        bytes.extend(first.as_bytes());
        for (name, value) in &signed.headers {
            let value = match id {
                Some(id) if *name == "x-github-delivery" => id,
                _ => value,
            };
            for part in [name, ": ", value, "\r\n"] {
                bytes.extend(part.as_bytes());
            }
        }
        bytes.extend(b"\r\n");
        bytes.extend(&signed.body);
        Self(bytes.into())
    }
}

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// Whether the connection ends with it.
    closes: bool,
}

/// A connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
    is_open: bool,
}

impl Wire {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// If nobody answers.
    pub async fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("connect")?;
        stream.set_nodelay(true).context("connect")?;
        Ok(Self {
            stream,
            read: Vec::with_capacity(ANSWER_BYTES),
            is_open: true,
        })
    }

    /// Whether another request can go over it: an idle connection may have been closed meanwhile.
    pub fn is_open(&self) -> bool {
        let nothing = std::io::ErrorKind::WouldBlock;
        let read = self.stream.try_read(&mut [0; 1]);
        self.is_open && read.is_err_and(|error| error.kind() == nothing)
    }

    /// Posts a request, and awaits the whole answer.
    ///
    /// # Errors
    /// If no answer comes, or none whose length is told.
    pub async fn post(&mut self, request: &Request) -> Result<Answer> {
        self.is_open = false;
        self.stream.write_all(&request.0).await.context("send")?;
        self.read.clear();
        loop {
            let read = self.stream.read_buf(&mut self.read).await;
            ensure!(
                read.context("read the answer")? > 0,
                "the connection was closed"
            );
            if let Some(answer) = whole(&self.read)? {
                self.is_open = !answer.closes;
                return Ok(answer);
            }
            ensure!(
                self.read.len() <= ANSWER_BYTES_MAX,
                "the answer is too large"
            );
        }
    }
}

/// The answer, once all of it is there.
fn whole(read: &[u8]) -> Result<Option<Answer>> {
    let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = str::from_utf8(&read[..end]).context("read the answer's head")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|first| first.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok());
    let status = status.context("the answer has no status")?;
    let (mut length, mut closes) = (None, false);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            bail!("the answer's header {line:?} is none");
        };
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        if is("content-length") {
            length = value.trim().parse::<usize>().ok();
        } else if is("connection") {
            closes = value.trim().eq_ignore_ascii_case("close");
        }
    }
    let length = length.context("the answer does not say how long it is")?;
    let body = &read[end + 4..];
    Ok((body.len() >= length).then(|| Answer {
        status,
        body: body[..length].to_vec(),
        closes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is_and_no_sooner() {
        let text = b"HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody";
        for cut in 0..text.len() {
            assert_eq!(whole(&text[..cut]).unwrap(), None, "cut at {cut}");
        }
        let answer = Answer {
            status: 202,
            body: b"body".to_vec(),
            closes: true,
        };
        assert_eq!(whole(text).unwrap(), Some(answer));
        let kept = whole(b"HTTP/1.1 401 No\r\ncontent-length:0\r\n\r\n").unwrap();
        assert!(kept.is_some_and(|answer| answer.status == 401 && !answer.closes));
    }

    #[test]
    fn an_answer_that_does_not_say_how_long_it_is_is_refused() {
        for bad in [
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            "what\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        ] {
            assert!(whole(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_request_has_its_headers_and_its_body_and_another_id_if_one_is_given() {
        let signed = SignedDelivery {
            headers: vec![("x-github-delivery", "first".to_owned())],
            body: Bytes::from_static(b"{}"),
        };
        let url = "http://127.0.0.1:8080/hooks/github".parse().unwrap();
        let text = |id| String::from_utf8(Request::new(&url, &signed, id).0.to_vec()).unwrap();
        assert_eq!(
            text(None),
            "POST /hooks/github HTTP/1.1\r\nhost: 127.0.0.1:8080\r\ncontent-length: 2\r\n\
             x-github-delivery: first\r\n\r\n{}"
        );
        assert!(text(Some("second")).contains("x-github-delivery: second\r\n"));
    }
}
