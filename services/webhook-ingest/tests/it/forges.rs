//! Each forge at the door: what it signs is accepted and kept with its proof, what it does not sign
//! is refused, and its words are its own.

use forge::headers::Headers;
use forge::provider::Provider;
use forge::signature::{Key, SignatureError, Window, verify};
use sample::dialect::{Dialect, Envelope};
use serde_json::{Value, json};

use crate::queue::{Stored, count, take_all};
use crate::request::{Answer, Request};
use crate::world::World;

/// The source of a dialect; GitLab has one with a token and one that signs.
pub(crate) fn source(dialect: Dialect) -> String {
    format!("{dialect:?}").to_lowercase()
}

/// An ingest with a source for each dialect. The folder has their secrets.
pub(crate) async fn world() -> (World, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let of = |dialect: Dialect| {
        let file = folder.path().join(source(dialect));
        std::fs::write(&file, dialect.example_secret()).unwrap();
        json!({
            "provider": dialect.provider(),
            "fetch_url": "https://forge.example/{full_name}.git",
            "secrets": [{ "name": "first", "file": file }],
        })
    };
    let others = Dialect::ALL.into_iter().filter(|&d| d != Dialect::Github);
    let settings: Vec<(String, Value)> = others
        .map(|dialect| (format!("sources.{}", source(dialect)), of(dialect)))
        .collect();
    let settings: Vec<(&str, Value)> = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    (World::start_with(&settings).await, folder)
}

/// What a dialect's forge sends; GitHub's with the secret of the tests' own source.
pub(crate) fn request(dialect: Dialect, event: &str, delivery: &str, body: &str) -> Request {
    sent_at(
        dialect,
        event,
        delivery,
        body,
        chrono::Utc::now().timestamp(),
    )
}

fn sent_at(dialect: Dialect, event: &str, delivery: &str, body: &str, at: i64) -> Request {
    let secret = match dialect {
        Dialect::Github => std::str::from_utf8(crate::request::SECRET).unwrap(),
        other => other.example_secret(),
    };
    let envelope = Envelope {
        delivery,
        secret,
        sent_at: at.try_into().unwrap(),
    };
    let signed = dialect.sign(event, body.to_owned().into(), envelope);
    Request {
        source: source(dialect),
        headers: signed.headers,
        body: signed.body.to_vec(),
    }
}

fn push_of(dialect: Dialect, delivery: &str) -> Request {
    let body = json!({ "type": "push", "of": format!("{dialect:?}") }).to_string();
    request(dialect, dialect.push_event(), delivery, &body)
}

fn unsigned(answer: &Answer) -> bool {
    answer.status == 401 && answer.json["error"] == "unsigned"
}

#[tokio::test]
async fn every_forge_is_accepted_and_what_is_kept_proves_it_years_later() {
    let (world, _folder) = world().await;
    for dialect in Dialect::ALL {
        let answer = push_of(dialect, "one-id-of-all").send(&world).await;
        assert_eq!(answer.status, 202, "{dialect:?} {answer:?}");
        assert_eq!(answer.json["duplicate"], false, "{dialect:?}");
        let again = push_of(dialect, "one-id-of-all").send(&world).await;
        assert_eq!(again.json["duplicate"], true, "{dialect:?}");
    }
    let stored = take_all(&world).await;
    assert_eq!(stored.len(), 2 * Dialect::ALL.len());
    for dialect in Dialect::ALL {
        let of = |message: &&Stored| message.received.source.as_str() == source(dialect);
        for message in stored.iter().filter(of) {
            proves_itself(dialect, message);
        }
    }
}

fn proves_itself(dialect: Dialect, message: &Stored) {
    let received = &message.received;
    assert_eq!(received.forge_delivery, "one-id-of-all");
    assert_eq!(received.event, dialect.push_event());
    let text = format!("{:?}", received.headers);
    assert!(!text.contains(dialect.example_secret()), "{text}");
    assert!(!text.contains("a token"), "{text}");
    let provider: Provider = dialect.provider().parse().unwrap();
    let secret = match dialect {
        Dialect::Github => crate::request::SECRET,
        other => other.example_secret().as_bytes(),
    };
    let key = |secret| Key { name: "k", secret };
    let window = Window {
        received_at: received.received_at,
        tolerance: chrono::TimeDelta::seconds(300),
    };
    let kept = Headers::from_map(received.headers.clone());
    let by = |secret| verify(provider, &kept, &message.body(), &[key(secret)], window);
    assert_eq!(by(secret), Ok("k"), "{dialect:?}");
    assert_eq!(by(b"another"), Err(SignatureError::Mismatch), "{dialect:?}");
}

#[tokio::test]
async fn an_event_is_said_in_each_forges_own_words() {
    let (world, _folder) = world().await;
    for (dialect, event, body, status) in [
        (Dialect::GitlabToken, "Tag Push Hook", "{}", 202),
        (Dialect::GitlabToken, "push", "{}", 0),
        (Dialect::Gitea, "delete", "{}", 202),
        (Dialect::Gitea, "Push Hook", "{}", 400),
        (Dialect::Forgejo, "issues", "{}", 0),
        (Dialect::Bitbucket, "repo:push", "{}", 202),
        (Dialect::Bitbucket, "push", "{}", 0),
        (Dialect::Bitbucket, "diagnostics:ping", "{}", 200),
        (Dialect::StandardWebhooks, "", r#"{"type":"push"}"#, 202),
        (Dialect::StandardWebhooks, "", r#"{"type":"ping"}"#, 200),
        (Dialect::StandardWebhooks, "", r#"{"type":"other"}"#, 0),
        (Dialect::StandardWebhooks, "", "{}", 400),
    ] {
        let delivery = format!("{event}-{body}").replace(' ', "-");
        let answer = request(dialect, event, &delivery, body).send(&world).await;
        let line = format!("{dialect:?} {event} {body}: {answer:?}");
        match status {
            0 => assert!(answer.json.get("ignored").is_some(), "{line}"),
            status => assert_eq!(answer.status, status, "{line}"),
        }
    }
}

#[tokio::test]
async fn an_empty_signature_is_refused_of_every_forge_that_signs() {
    let (world, _folder) = world().await;
    for dialect in Dialect::ALL {
        let good = push_of(dialect, "d");
        let proofs = good.headers.iter().map(|(name, _)| *name).filter(|name| {
            name.ends_with("signature") || name.ends_with("-256") || name.ends_with("token")
        });
        let proofs: Vec<_> = proofs.collect();
        for value in ["", "sha256=", "v1,", "sha1="] {
            let empty = |request: Request, name: &&'static str| request.with(name, value);
            let emptied = proofs.iter().fold(good.clone(), empty);
            let answer = emptied.send(&world).await;
            assert!(unsigned(&answer), "{dialect:?} {value:?}: {answer:?}");
        }
    }
    assert_eq!(count(&world).await, 0);
}

#[tokio::test]
async fn a_gitlab_request_with_both_token_and_signature_is_never_judged_by_the_token() {
    let (world, _folder) = world().await;
    let good = push_of(Dialect::GitlabSigned, "d");
    let nobodys = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let signature = "webhook-signature";
    for (what, request) in [
        ("a wrong signature", good.clone().with(signature, nobodys)),
        (
            "no signature beside its id",
            good.clone().without(signature),
        ),
    ] {
        // At the source that has the token, which is right, and at the one that has the key.
        for dialect in [Dialect::GitlabToken, Dialect::GitlabSigned] {
            let mut request = request
                .clone()
                .with("x-gitlab-token", dialect.example_secret());
            request.source = source(dialect);
            let answer = request.send(&world).await;
            assert!(unsigned(&answer), "{what} {dialect:?}: {answer:?}");
        }
    }
    // A secret that signs is no token.
    let mut token = push_of(Dialect::GitlabToken, "d")
        .with("x-gitlab-token", Dialect::GitlabSigned.example_secret());
    token.source = source(Dialect::GitlabSigned);
    assert!(unsigned(&token.send(&world).await));
    assert_eq!(count(&world).await, 0);
    assert_eq!(good.send(&world).await.status, 202);
}

#[tokio::test]
async fn a_signed_timestamp_outside_the_tolerance_is_refused() {
    let (world, _folder) = world().await;
    let now = chrono::Utc::now().timestamp();
    for dialect in [Dialect::GitlabSigned, Dialect::StandardWebhooks] {
        // A minute from the border, so that no slow machine comes across it.
        for (apart, status) in [(-360, 401), (-240, 202), (240, 202), (360, 401)] {
            let delivery = format!("at-{apart}");
            let body = r#"{"type":"push"}"#;
            let event = dialect.push_event();
            let request = sent_at(dialect, event, &delivery, body, now + apart);
            let answer = request.send(&world).await;
            assert_eq!(answer.status, status, "{dialect:?} {apart}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn no_header_makes_a_source_speak_as_another_forge() {
    use Dialect::{Bitbucket, Forgejo, Gitea, Github, GitlabToken, StandardWebhooks};
    let (world, _folder) = world().await;
    for (sender, receiver) in [
        (Github, Gitea),
        (Github, Forgejo),
        (Github, Bitbucket),
        (Github, GitlabToken),
        (Gitea, Bitbucket),
        (Gitea, GitlabToken),
        (Bitbucket, Gitea),
        (Bitbucket, Forgejo),
        (GitlabToken, Github),
        (GitlabToken, StandardWebhooks),
        (StandardWebhooks, GitlabToken),
        (StandardWebhooks, Github),
    ] {
        // The receiver's own secret, so that only the words differ.
        let envelope = Envelope {
            delivery: "d",
            secret: receiver.example_secret(),
            sent_at: chrono::Utc::now().timestamp().try_into().unwrap(),
        };
        let body = r#"{"type":"push"}"#.to_owned().into();
        let signed = sender.sign(receiver.push_event(), body, envelope);
        let request = Request {
            source: source(receiver),
            headers: signed.headers,
            body: signed.body.to_vec(),
        };
        let answer = request.send(&world).await;
        assert!(unsigned(&answer), "{sender:?} at {receiver:?}: {answer:?}");
    }
    assert_eq!(count(&world).await, 0);
}
