//! Owns recorded deliveries: a file of JSON lines, and what the checker wants to know of each.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use sample::delivery::sign_bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::traffic::{Delivery, Kind};

/// A delivery as it was recorded.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// When, in milliseconds from the begin of the recording.
    pub at_ms: u64,
    /// The forge's id of it.
    pub delivery: String,
    /// The event, as GitHub names it.
    pub event: String,
    /// The body, whose very bytes are sent, and signed anew.
    pub body: String,
}

/// Reads a file, and gives when each delivery is to be sent, and what.
///
/// # Errors
/// A file that cannot be read, the first line that is none, or moments that go back.
pub fn read(
    file: &Path,
    (source, secret): (&str, &[u8]),
    speed: f64,
) -> Result<(Vec<Duration>, Vec<Delivery>)> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let mut moments = Vec::new();
    let mut deliveries = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let recorded: Recorded = serde_json::from_str(line)
            .with_context(|| format!("understand line {} of {}", number + 1, file.display()))?;
        let at = Duration::from_secs_f64(recorded.at_ms as f64 / 1_000.0 / speed);
        ensure!(
            moments.last().is_none_or(|last| *last <= at),
            "line {} of {} goes back in time",
            number + 1,
            file.display()
        );
        moments.push(at);
        deliveries.push(delivery(recorded, source, secret));
    }
    Ok((moments, deliveries))
}

fn delivery(recorded: Recorded, source: &str, secret: &[u8]) -> Delivery {
    let Recorded {
        delivery: forge_id,
        event,
        body,
        ..
    } = recorded;
    let is_push = event == "push";
    let push = if is_push { pushed(source, &body) } else { None };
    let body = Bytes::from(body);
    let commits = push
        .as_ref()
        .and_then(|push| push["commits"].as_array())
        .map_or(0, Vec::len);
    let line = json!({
        "source": source, "provider": "github", "forge_delivery": forge_id, "event": event,
        "body_sha256": hex::encode(Sha256::digest(&body)),
        "expect": if is_push { "recorded" } else { "nothing" },
        "pushes": push.into_iter().collect::<Vec<_>>(),
    });
    Delivery {
        kind: if is_push {
            Kind::Push
        } else {
            Kind::OtherEvent
        },
        signed: sign_bytes(&event, &forge_id, body, secret),
        forge_id,
        line,
        commits,
    }
}

/// What a body in GitHub's shape says of its ref, read without the code that is measured.
fn pushed(source: &str, body: &str) -> Option<Value> {
    let body: Value = serde_json::from_str(body).ok()?;
    let name = body["repository"]["full_name"].as_str()?.to_lowercase();
    let sha = |place: &str| {
        body[place]
            .as_str()
            .filter(|sha| !sha.bytes().all(|b| b == b'0'))
    };
    let commits = body["commits"].as_array().into_iter().flatten();
    let shas: Vec<&str> = commits.filter_map(|commit| commit["id"].as_str()).collect();
    Some(json!({
        "repository": format!("{source}:{name}"), "ref": body["ref"],
        "before": sha("before"), "after": sha("after"), "commits": shas,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(lines: &[Recorded]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text: Vec<String> = lines.iter().map(|line| json!(line).to_string()).collect();
        std::fs::write(file.path(), text.join("\n")).unwrap();
        file
    }

    fn recorded(at_ms: u64, event: &str) -> Recorded {
        let body = json!({
            "ref": "refs/heads/main", "before": "0".repeat(40), "after": "a".repeat(40),
            "repository": { "full_name": "Class/A" }, "commits": [{ "id": "a".repeat(40) }],
        });
        Recorded {
            at_ms,
            delivery: format!("d-{at_ms}"),
            event: event.to_owned(),
            body: body.to_string(),
        }
    }

    #[test]
    fn what_was_recorded_is_sent_byte_for_byte_at_its_own_pace_or_faster() {
        let lines = [recorded(0, "push"), recorded(500, "ping")];
        let file = file(&lines);
        let (moments, sent) = read(file.path(), ("github", b"secret"), 2.0).unwrap();
        assert_eq!(moments, [Duration::ZERO, Duration::from_millis(250)]);
        assert_eq!(sent[0].signed.body, lines[0].body.as_bytes());
        let push = &sent[0].line["pushes"][0];
        assert_eq!(push["repository"], "github:class/a");
        assert_eq!(
            (&push["before"], &push["after"]),
            (&Value::Null, &json!("a".repeat(40)))
        );
        assert_eq!((sent[1].kind, sent[0].commits), (Kind::OtherEvent, 1));
    }

    #[test]
    fn a_file_that_goes_back_or_does_not_read_is_refused_with_its_line() {
        let back = file(&[recorded(5, "push"), recorded(4, "push")]);
        let error = read(back.path(), ("github", b"secret"), 1.0).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
        let broken = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(broken.path(), "{}\n").unwrap();
        let error = read(broken.path(), ("github", b"secret"), 1.0).unwrap_err();
        assert!(error.to_string().contains("line 1"), "{error}");
    }
}
