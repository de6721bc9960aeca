//! The order of admission, by tables of values.

use chrono::{DateTime, Utc};
use forge::provider::Provider;
use hmac::{Hmac, KeyInit as _, Mac as _};
use process::settings::Settings;
use serde_json::json;
use sha2::Sha256;

use super::*;
use crate::source::{Configured, Sources};

/// A secret by its name: settings refuse short ones.
fn long(name: &str) -> String {
    format!("the {name} secret of the tests")
}

/// What was admitted, in a word; for a delivery the secret's name.
fn judged(secret: &str, event: &str, body: &str, now: &str) -> Result<String, &'static str> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, long(name)).unwrap();
        path
    };
    let source = json!({
        "provider": "github",
        "fetch_url": "https://forge.example/{full_name}.git",
        "secrets": [
            { "name": "old", "file": file("old"), "not_after": "2026-07-01T00:00:00Z" },
            { "name": "new", "file": file("new"), "not_before": "2026-06-01T00:00:00Z" },
        ],
    });
    let settings = Settings::default().with("sources.github", source).unwrap();
    let sources = Sources::new(&Configured::read(&settings).unwrap(), None);
    let mut mac = Hmac::<Sha256>::new_from_slice(long(secret).as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let headers = Headers::pick(Provider::Github, |name| match name {
        "content-type" => Some(b"application/json"),
        "x-github-event" => Some(event.as_bytes()),
        "x-github-delivery" => Some(b"72d3162e"),
        "x-hub-signature-256" => Some(signature.as_bytes()),
        _ => None,
    });
    let now: DateTime<Utc> = now.parse().unwrap();
    let source = sources.get("github").unwrap();
    let mut counted = None;
    let count = |key: &str| counted = Some(key.to_owned());
    let empty = now.timestamp() == EMPTY;
    let take_token = || if empty { Err(7) } else { Ok(()) };
    let admitted = admit(&source, &headers, body.as_bytes(), now, count, take_token);
    // A use of a key is counted when it signs, whatever becomes of what it signed.
    let is_unsigned = matches!(admitted, Err(Problem::Unsigned(_)));
    assert_eq!(counted.is_none(), is_unsigned);
    let admitted = admitted.map_err(|problem| problem.word())?;
    assert_eq!(counted.as_ref(), Some(&admitted.key));
    match admitted.what {
        What::Ping => Ok("ping".to_owned()),
        What::Ignored(identity) => Ok(format!("ignored {}", identity.event)),
        What::Delivery(identity) => Ok(format!("{} by {}", identity.event, admitted.key)),
    }
}

/// When the bucket is empty: 2026-06-16T00:00:00Z.
const EMPTY: i64 = 1_781_568_000;

#[test]
fn a_secret_signs_from_its_first_moment_to_its_last_and_both_do_in_between() {
    const OLD: Result<&str, &str> = Ok("push by old");
    const NEW: Result<&str, &str> = Ok("push by new");
    const NEITHER: Result<&str, &str> = Err("unsigned");
    for (now, old, new) in [
        ("2026-01-01T00:00:00Z", OLD, NEITHER),
        ("2026-05-31T23:59:59.999999Z", OLD, NEITHER),
        ("2026-06-01T00:00:00Z", OLD, NEW),
        ("2026-06-30T23:59:59.999999Z", OLD, NEW),
        ("2026-07-01T00:00:00Z", NEITHER, NEW),
    ] {
        for (secret, expected) in [("old", old), ("new", new), ("other", NEITHER)] {
            let found = judged(secret, "push", "{}", now);
            assert_eq!(found, expected.map(str::to_owned), "{secret} {now}");
        }
    }
}

#[test]
fn the_signature_goes_first_then_the_rate_then_the_event_then_the_body() {
    const NOW: &str = "2026-06-15T00:00:00Z";
    for (secret, event, body, expected) in [
        ("other", "ping", "{", Err("unsigned")),
        ("other", "push", "{}", Err("unsigned")),
        ("new", "ping", "{", Ok("ping")),
        ("new", "issues", "{", Ok("ignored issues")),
        ("new", "push", "{", Err("malformed")),
        ("new", "push", "{}", Ok("push by new")),
        ("new", "", "{}", Err("malformed")),
    ] {
        let found = judged(secret, event, body, NOW);
        assert_eq!(
            found,
            expected.map(str::to_owned),
            "{secret} {event} {body}"
        );
    }
    for (secret, event, body, expected) in [
        ("other", "push", "{}", Err("unsigned")),
        ("new", "ping", "{", Err("too-many")),
        ("new", "issues", "{", Err("too-many")),
        ("new", "push", "{", Err("too-many")),
        ("new", "push", "{}", Err("too-many")),
    ] {
        let found = judged(secret, event, body, "2026-06-16T00:00:00Z");
        assert_eq!(
            found,
            expected.map(|word: &str| word.to_owned()),
            "{secret} {event} {body}"
        );
    }
}
