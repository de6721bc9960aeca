//! The order of admission, by tables of values.

use chrono::{DateTime, Utc};
use forge::provider::Provider;
use hmac::{Hmac, KeyInit as _, Mac as _};
use process::settings::Settings;
use serde_json::json;
use sha2::Sha256;

use super::*;
use crate::source::Sources;

/// What was admitted, in a word; for a delivery the secret's name.
fn judged(secret: &str, event: &str, body: &str, now: &str) -> Result<String, &'static str> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, name).unwrap();
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
    let sources = Sources::load(&settings).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
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
    match admit(source, &headers, body.as_bytes(), now) {
        Ok(Admitted::Ping) => Ok("ping".to_owned()),
        Ok(Admitted::Ignored(identity)) => Ok(format!("ignored {}", identity.event)),
        Ok(Admitted::Delivery { identity, key }) => Ok(format!("{} by {key}", identity.event)),
        Err(problem) => Err(problem.word()),
    }
}

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
fn the_signature_goes_first_then_the_event_then_the_body() {
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
}
