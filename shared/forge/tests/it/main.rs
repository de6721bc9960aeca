//! Deliveries recorded from GitHub, taken the whole way: signature, identity, body, push.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected is"
)]

mod hostile;

use chrono::{TimeDelta, Utc};
use forge::body::json_of;
use forge::headers::Headers;
use forge::identity::{EventKind, identify};
use forge::provider::Provider::Github;
use forge::push::{Push, RefKind, read};
use forge::signature::{Key, Window, verify};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, value::RawValue};
use sha2::Sha256;

const RECORDED: &str = include_str!("../data/github-deliveries.jsonl");
const SECRET: &[u8] = b"a secret of the tests";
const DELIVERY: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";

#[derive(serde::Deserialize)]
struct Recorded<'a> {
    event: String,
    #[serde(borrow)]
    payload: &'a RawValue,
}

fn recorded() -> impl Iterator<Item = Recorded<'static>> {
    RECORDED
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
}

fn window() -> Window {
    Window {
        received_at: Utc::now(),
        tolerance: TimeDelta::seconds(300),
    }
}

fn sign(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn headers(event: &str, content_type: &str, body: &[u8]) -> Headers {
    let signature = sign(body);
    Headers::pick(Github, |name| match name {
        "x-github-delivery" => Some(DELIVERY.as_bytes()),
        "x-github-event" => Some(event.as_bytes()),
        "x-hub-signature-256" => Some(signature.as_bytes()),
        "content-type" => Some(content_type.as_bytes()),
        _ => None,
    })
}

#[test]
fn every_recorded_delivery_is_believed_named_and_carries_json_in_either_form() {
    let keys = [Key {
        name: "only",
        secret: SECRET,
    }];
    for Recorded { event, payload } in recorded() {
        let json = payload.get();
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", json)
            .finish();
        for (content_type, body) in [
            ("application/json", json),
            ("application/x-www-form-urlencoded", &form),
        ] {
            let headers = headers(&event, content_type, body.as_bytes());
            assert_eq!(
                verify(Github, &headers, body.as_bytes(), &keys, window()),
                Ok("only"),
                "{event}"
            );
            let identity = identify(Github, &headers, b"").unwrap();
            assert_eq!(
                (identity.delivery.as_str(), &identity.event),
                (DELIVERY, &event)
            );
            let carried = json_of(headers.content_type(), body.as_bytes()).unwrap();
            assert_eq!(carried, json, "{event}");
        }
    }
}

#[test]
fn the_recorded_pushes_are_read_and_nothing_else_is_taken_for_one() {
    let mut pushes = Vec::new();
    for Recorded { event, payload } in recorded() {
        let headers = headers(&event, "application/json", payload.get().as_bytes());
        match identify(Github, &headers, b"").unwrap().kind {
            EventKind::Push => pushes.extend(read(Github, payload.get()).unwrap()),
            EventKind::Ping | EventKind::Other => {
                // Even if somebody reads it as a push, it is refused and breaks nothing.
                assert!(read(Github, payload.get()).is_err(), "{event}");
            }
        }
    }
    let said: Vec<_> = pushes.iter().map(summary).collect();
    let tag_gone = "Tag simple-tag gone, 0 listed, head -";
    let new_master = "Branch master new, 1 listed, head 6113728f";
    assert_eq!(
        said,
        [
            "Tag simple-tag new, 0 listed, head 6113728f",
            tag_gone,
            tag_gone,
            tag_gone,
            new_master,
            new_master,
            tag_gone,
        ]
    );
    for push in &pushes {
        assert_eq!(push.repository, "Codertocat/Hello-World");
        assert_eq!(push.sender.as_ref().unwrap().id, "21031067");
        assert!(push.pushed_at.is_some() && !push.forced);
    }
}

fn summary(push: &Push) -> String {
    let kind = match push.kind {
        RefKind::Branch => "Branch",
        RefKind::Tag => "Tag",
        RefKind::Other => "Other",
    };
    let change = match (push.created, push.deleted) {
        (true, false) => "new",
        (false, true) => "gone",
        (false, false) => "moved",
        (true, true) => "nothing",
    };
    let head = push.head().map_or("-", |sha| &sha.as_str()[..8]);
    format!(
        "{kind} {} {change}, {} listed, head {head}",
        push.name,
        push.commits.len()
    )
}

#[test]
fn no_cut_of_a_recorded_push_is_read_as_another_push() {
    let Some(Recorded { payload, .. }) = recorded().find(|one| one.event == "push") else {
        panic!("a push is recorded")
    };
    let text = payload.get();
    let whole: Value = serde_json::from_str(text).unwrap();
    assert!(whole.is_object());
    for end in (0..text.len())
        .step_by(97)
        .filter(|end| text.is_char_boundary(*end))
    {
        assert!(
            json_of(Some("application/json"), &text.as_bytes()[..end]).is_err(),
            "{end}"
        );
        assert!(read(Github, &text[..end]).is_err(), "{end}");
    }
}
