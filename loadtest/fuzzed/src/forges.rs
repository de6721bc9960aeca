//! Owns what must hold for any request that claims to come from a forge.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use contract::time::Timestamp;
use forge::body::json_of;
use forge::headers::Headers;
use forge::identity::{DELIVERY_BYTES_MAX, EVENT_BYTES_MAX, identify};
use forge::provider::Provider;
use forge::push::read;
use forge::signature::{Key, Window, verify};

/// Nobody who invents a request knows it.
const SECRET: &[u8] = b"whsec_bm9ib2R5LWtub3dzLXRoaXMtc2VjcmV0LWhlcmU=";

/// Any bytes as a request: headers as lines, an empty line, a body; the first byte says whose.
/// Nothing that is not signed verifies, and what names it can be a header again.
pub(crate) fn signature(bytes: &[u8]) {
    let Some((provider, request)) = bytes.split_first() else {
        return;
    };
    let provider = Provider::ALL[usize::from(*provider) % Provider::ALL.len()];
    let (head, body) = halves(request);
    let sent = header_lines(head);
    let headers = Headers::pick(provider, |name| sent.get(name).copied());
    let keys = [Key {
        name: "only",
        secret: SECRET,
    }];
    let window = Window {
        received_at: Timestamp::UNIX_EPOCH,
        tolerance: TimeDelta::MAX,
    };
    assert!(
        verify(provider, &headers, body, &keys, window).is_err(),
        "nobody signed this"
    );
    assert!(
        verify(provider, &headers, body, &[], window).is_err(),
        "and no secret is live"
    );
    if let Ok(identity) = identify(provider, &headers, body) {
        for (name, bytes_max) in [
            (&identity.delivery, DELIVERY_BYTES_MAX),
            (&identity.event, EVENT_BYTES_MAX),
        ] {
            assert!((1..=bytes_max).contains(&name.len()), "{name:?} is no name");
            assert!(
                !name.contains(char::is_control),
                "{name:?} would end a header"
            );
        }
    }
    // Whatever it calls its body, the JSON in it is text.
    drop(json_of(headers.content_type(), body));
}

/// Any bytes as the body of a GitHub push.
pub(crate) fn push_github(bytes: &[u8]) {
    push(Provider::Github, bytes);
}

/// Any bytes as the body of a GitLab push.
pub(crate) fn push_gitlab(bytes: &[u8]) {
    push(Provider::Gitlab, bytes);
}

/// Any bytes as the body of a Gitea or Forgejo push.
pub(crate) fn push_gitea(bytes: &[u8]) {
    push(Provider::Gitea, bytes);
}

/// Any bytes as the body of a Bitbucket push.
pub(crate) fn push_bitbucket(bytes: &[u8]) {
    push(Provider::Bitbucket, bytes);
}

/// Any bytes as the body of a push by Standard Webhooks.
pub(crate) fn push_standard_webhooks(bytes: &[u8]) {
    push(Provider::StandardWebhooks, bytes);
}

fn push(provider: Provider, bytes: &[u8]) {
    let Ok(json) = json_of(Some("application/json"), bytes) else {
        return;
    };
    let Ok(pushes) = read(provider, &json) else {
        return;
    };
    assert_eq!(
        read(provider, &json).as_ref(),
        Ok(&pushes),
        "a body always says the same"
    );
    for push in pushes {
        assert!(!push.repository.is_empty(), "a push is of a repository");
        assert!(!push.name.is_empty(), "a push is of a ref");
        assert!(
            !(push.created && push.before.is_some()),
            "what is new was nothing before"
        );
        assert_eq!(
            push.deleted,
            push.after.is_none(),
            "what is gone names nothing"
        );
        if push.deleted {
            assert_eq!(push.head(), None, "what is gone leads nowhere");
        }
    }
}

fn halves(request: &[u8]) -> (&[u8], &[u8]) {
    let end = request.windows(2).position(|pair| pair == b"\n\n");
    end.map_or((request, &[]), |end| (&request[..end], &request[end + 2..]))
}

fn header_lines(head: &[u8]) -> BTreeMap<String, &[u8]> {
    let mut lines = BTreeMap::new();
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let (name, value) = line.split_at(colon);
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        lines.insert(name, value[1..].trim_ascii());
    }
    lines
}
