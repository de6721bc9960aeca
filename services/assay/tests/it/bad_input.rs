//! What anybody may send: each request gets the status that is right, and the house works on.

use reqwest::StatusCode;
use sample::delivery::{SignedDelivery, sign, sign_bytes};
use sample::lab::{FAILING, PASSING};
use serde_json::json;
use testkit::house::House;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::site::{SECRET, Site};

/// The cap on bodies in these tests, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn no_request_breaks_the_house() {
    let more = format!("[ingest]\nbody_bytes_max = {BODY_BYTES_MAX}");
    let mut site = Site::furnish(House::start().await, &more).await;
    site.start_all().await;
    let (_lab, learner) = site.publish_lab().await;
    let first = site.push(&learner, PASSING).await;
    site.until_judged(&first).await;

    refuses_what_is_not_signed(&site, &first.signed).await;
    refuses_what_is_no_delivery(&site).await;
    refuses_what_is_too_large(&site, &first.signed).await;
    // Nothing of all that went on from the door.
    let recorded = site.house.number("SELECT count(*) FROM delivery").await;
    assert_eq!(recorded, 1);

    let odd = takes_signed_json_that_is_no_push(&site).await;

    let last = site.push(&learner, FAILING).await;
    let seen = site.until_judged(&last).await;
    assert_eq!(seen["verifications"][0]["result"], "fail");
    site.misses_nothing(odd).await;
    site.stop_all().await;
    site.assay_ok(&["verify-log"]).await;
}

/// A delivery with one of its headers replaced, or left out.
fn with(signed: &SignedDelivery, name: &str, value: Option<&str>) -> SignedDelivery {
    let mut changed = signed.clone();
    changed.headers.retain(|(header, _)| *header != name);
    let name = signed.headers.iter().find(|(header, _)| *header == name);
    let (name, _) = name.expect("a header of the sample's");
    changed
        .headers
        .extend(value.map(|value| (*name, value.to_owned())));
    changed
}

async fn refuses_what_is_not_signed(site: &Site, signed: &SignedDelivery) {
    const SIGNATURE: &str = "x-hub-signature-256";
    let right = signed.headers.iter().find(|(name, _)| *name == SIGNATURE);
    let right = &right.unwrap().1;
    let others = sign("push", "1", &json!({}), b"another secret");
    let others = &others.headers.iter().find(|(name, _)| *name == SIGNATURE);
    for (what, value) in [
        ("no signature", None),
        ("an empty one", Some("")),
        ("no digits", Some("sha256=")),
        ("another body's", Some(others.unwrap().1.as_str())),
        ("one that is cut", Some(&right[..right.len() - 2])),
        ("one that is too long", Some(&format!("{right}00"))),
        ("another algorithm", Some(&right.replace("sha256", "sha1"))),
        (
            "no hexadecimal",
            Some(&right.replace(|c: char| c.is_ascii_digit(), "g")),
        ),
    ] {
        let sent = with(signed, SIGNATURE, value);
        let body = site.answers(what, &sent, StatusCode::UNAUTHORIZED).await;
        assert_eq!(body["error"], "unsigned", "{what}: {body}");
    }
    let mut altered = signed.clone();
    altered.body = [&altered.body[..], b" "].concat().into();
    site.answers("an altered body", &altered, StatusCode::UNAUTHORIZED)
        .await;
    // Who has no secret is told nothing of the rest.
    let nameless = with(&altered, "x-github-delivery", None);
    site.answers("altered, nameless", &nameless, StatusCode::UNAUTHORIZED)
        .await;
}

async fn refuses_what_is_no_delivery(site: &Site) {
    let push = json!({ "ref": "refs/heads/main" });
    let signed = sign("push", "72d3162e", &push, SECRET);
    let long = "7".repeat(1_000);
    for (what, name, value) in [
        ("no delivery id", "x-github-delivery", None),
        ("an empty one", "x-github-delivery", Some("")),
        ("one with spaces", "x-github-delivery", Some("a b")),
        (
            "one that is too long",
            "x-github-delivery",
            Some(long.as_str()),
        ),
        ("no event", "x-github-event", None),
    ] {
        site.answers(what, &with(&signed, name, value), StatusCode::BAD_REQUEST)
            .await;
    }
    for text in [
        "",
        "{",
        "{\"ref\": nonsense}",
        "\u{feff}{}",
        "\0",
        "[]",
        "null",
    ] {
        let bytes = text.as_bytes().to_vec().into();
        let sent = sign_bytes("push", "72d3162e", bytes, SECRET);
        let body = site.answers(text, &sent, StatusCode::BAD_REQUEST).await;
        assert_eq!(body["error"], "malformed", "{text:?}: {body}");
    }
    let elsewhere = site.hooks_url().replace("/github", "/gitlab");
    let (url, status) = (elsewhere.as_str(), StatusCode::NOT_FOUND);
    let answer = site.client.post(url).send().await.unwrap();
    assert_eq!(answer.status(), status, "an unknown source");
    let answer = site.client.get(site.hooks_url()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
}

async fn refuses_what_is_too_large(site: &Site, signed: &SignedDelivery) {
    let declared = format!("content-length: {}\r\n\r\n", BODY_BYTES_MAX + 1);
    let answer = talk(site, signed, declared.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // One chunk that is one byte over the cap, and no end.
    let mut chunked = b"transfer-encoding: chunked\r\n\r\n".to_vec();
    chunked.extend(format!("{:x}\r\n", BODY_BYTES_MAX + 1).bytes());
    chunked.resize(chunked.len() + BODY_BYTES_MAX + 1, b' ');
    let answer = talk(site, signed, &chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // At the cap it is read, and judged by its signature.
    let declared = format!("content-length: {BODY_BYTES_MAX}\r\n\r\n");
    let full = [declared.as_bytes(), &vec![b' '; BODY_BYTES_MAX]].concat();
    let answer = talk(site, signed, &full).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

/// Sends a request by hand, from the header that says how long the body is; gives what comes back
/// until the connection says no more than that.
async fn talk(site: &Site, signed: &SignedDelivery, rest: &[u8]) -> String {
    let mut stream = TcpStream::connect(site.hooks_address()).await.unwrap();
    let head = site.request_head(signed);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(rest).await.unwrap();
    let mut answer = vec![0; 4_096];
    let read = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

/// Signed JSON is taken in whatever it is; what cannot be read as a push becomes a dead letter,
/// which an operator can look at. Gives how many there are.
async fn takes_signed_json_that_is_no_push(site: &Site) -> usize {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let odd = [
        "{}",
        r#"{ "ref": 7 }"#,
        r#"{ "ref": "refs/heads/main", "repository": { "full_name": "../../etc" } }"#,
        &format!(r#"{{ "ref": "refs/heads/main", "repository": {deep} }}"#),
    ];
    for text in odd {
        let id = Uuid::now_v7().to_string();
        let sent = sign_bytes("push", &id, text.as_bytes().to_vec().into(), SECRET);
        let what: String = text.chars().take(80).collect();
        site.answers(&what, &sent, StatusCode::ACCEPTED).await;
    }
    site.until_dead(odd.len()).await;
    odd.len()
}
