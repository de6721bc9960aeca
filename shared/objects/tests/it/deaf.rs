//! A bucket's server that is not heard, that refuses, or that does not do as it is asked: what is
//! seen of it on the wire.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use contract::ids::SessionId;
use objects::owner::Owner;
use objects::s3::Bucket;
use objects::store::{Objects, ObjectsError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Opens a bucket whose every request is answered so; tells how many there were.
async fn answered(answer: fn(&str) -> Option<String>) -> (Objects, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answer, Arc::clone(&counted)));
        }
    });
    let bucket = Bucket {
        endpoint,
        name: "assay".to_owned(),
        region: "here".to_owned(),
        prefix: None,
        path_style: true,
        access_key: "id".to_owned(),
        secret_key: "a secret of the tests".to_owned(),
        ca_file: None,
        answer_max: Duration::from_secs(1),
        retries_max: 2,
    };
    (Objects::open_bucket(&bucket).unwrap(), requests)
}

/// One request a connection, whose head fits into what is read at once.
async fn serve(
    mut stream: TcpStream,
    answer: fn(&str) -> Option<String>,
    counted: Arc<AtomicUsize>,
) {
    let mut head = String::new();
    let mut bytes = [0; 4096];
    while !head.contains("\r\n\r\n") {
        match stream.read(&mut bytes).await {
            Ok(count @ 1..) => head.push_str(&String::from_utf8_lossy(&bytes[..count])),
            _ => return,
        }
    }
    counted.fetch_add(1, Ordering::SeqCst);
    if let Some(answer) = answer(&head) {
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
    while let Ok(1..) = stream.read(&mut bytes).await {}
}

fn says(status: &str, body: &str) -> Option<String> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n");
    Some(format!(
        "{head}ETag: \"e\"\r\nLast-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n\r\n{body}"
    ))
}

async fn refusal(answer: fn(&str) -> Option<String>) -> (ObjectsError, usize) {
    let (objects, requests) = answered(answer).await;
    let owner = Owner::Session(SessionId::new());
    let refused = objects.put(owner, "hello".into()).await.unwrap_err();
    let shown = format!("{refused:?}");
    assert!(!shown.contains("a secret of the tests"), "{shown}");
    assert!(refused.is_transient(), "{shown}");
    (refused, requests.load(Ordering::SeqCst))
}

#[tokio::test]
async fn what_is_refused_for_now_is_asked_again_so_often_and_no_more() {
    let (refused, requests) = refusal(|_| says("503 Slow Down", "")).await;
    assert!(matches!(refused, ObjectsError::Store { .. }), "{refused:?}");
    assert_eq!(requests, 3);
}

#[tokio::test]
async fn what_is_refused_for_good_is_asked_once() {
    let (refused, requests) = refusal(|_| says("403 Forbidden", "")).await;
    assert!(matches!(refused, ObjectsError::Store { .. }), "{refused:?}");
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn a_server_that_is_silent_is_not_waited_for() {
    let (refused, requests) = refusal(|_| None).await;
    let cause = refused.source().unwrap().to_string();
    assert!(cause.contains("no answer within"), "{cause}");
    assert_eq!(requests, 3);
}

/// The server gives what it has under any name, and takes whatever it is given.
#[tokio::test]
async fn nothing_is_put_into_a_bucket_whose_server_overwrites() {
    let heedless = |head: &str| match head.starts_with("PUT") {
        true if !head.to_ascii_lowercase().contains("if-none-match: *") => None,
        true => says("200 OK", ""),
        false => says("200 OK", "an identity"),
    };
    let (refused, _) = refusal(heedless).await;
    assert!(matches!(refused, ObjectsError::Overwrites), "{refused:?}");
}
