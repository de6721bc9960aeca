//! What a delivery is called, by tables.

use super::*;

fn of(delivery: Option<&str>, event: Option<&str>) -> Result<Identity, IdentityError> {
    let headers = Headers::pick(Provider::Github, |name| match name {
        "x-github-delivery" => delivery.map(str::as_bytes),
        "x-github-event" => event.map(str::as_bytes),
        _ => None,
    });
    identify(Provider::Github, &headers, b"")
}

#[test]
fn a_delivery_is_named_by_its_headers() {
    for (event, kind) in [
        ("push", EventKind::Push),
        ("ping", EventKind::Ping),
        ("issues", EventKind::Other),
        ("Push", EventKind::Other),
    ] {
        let identity = of(Some("72d3162e-cc78-11e3-81ab-4c9367dc0958"), Some(event)).unwrap();
        assert_eq!(identity.delivery, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
        assert_eq!((identity.event.as_str(), identity.kind), (event, kind));
    }
}

#[test]
fn a_delivery_id_that_could_not_be_a_header_again_is_refused() {
    assert!(of(Some(&"x".repeat(128)), Some("push")).is_ok());
    for bad in [
        "",
        "a b",
        "a\r\nb",
        "a\nb",
        "a\0",
        "é",
        "\u{7f}",
        &"x".repeat(129),
    ] {
        let refused = of(Some(bad), Some("push"));
        let malformed = IdentityError::Malformed {
            header: "x-github-delivery",
            bytes_max: 128,
        };
        assert_eq!(refused, Err(malformed), "{bad:?}");
    }
    let missing = |header| Err(IdentityError::Missing { header });
    assert_eq!(of(None, Some("push")), missing("x-github-delivery"));
    assert_eq!(of(Some("a"), None), missing("x-github-event"));
}

type Names = (
    Provider,
    &'static str,
    &'static str,
    &'static [(&'static str, EventKind)],
);

/// Each provider with the header of its delivery and of its event, and what its events are.
const NAMED: [Names; 5] = [
    (
        Provider::Github,
        "x-github-delivery",
        "x-github-event",
        &[
            ("push", EventKind::Push),
            ("ping", EventKind::Ping),
            ("delete", EventKind::Other),
        ],
    ),
    (
        Provider::Gitlab,
        "idempotency-key",
        "x-gitlab-event",
        &[
            ("Push Hook", EventKind::Push),
            ("Tag Push Hook", EventKind::Push),
            ("Job Hook", EventKind::Other),
            ("push", EventKind::Other),
        ],
    ),
    (
        Provider::Gitea,
        "x-gitea-delivery",
        "x-gitea-event",
        &[
            ("push", EventKind::Push),
            ("delete", EventKind::Push),
            ("create", EventKind::Other),
        ],
    ),
    (
        Provider::Forgejo,
        "x-forgejo-delivery",
        "x-forgejo-event",
        &[
            ("push", EventKind::Push),
            ("delete", EventKind::Push),
            ("issues", EventKind::Other),
        ],
    ),
    (
        Provider::Bitbucket,
        "x-request-uuid",
        "x-event-key",
        &[
            ("repo:push", EventKind::Push),
            ("diagnostics:ping", EventKind::Ping),
            ("repo:fork", EventKind::Other),
        ],
    ),
];

/// What others send beside their own, and what is no delivery's name.
const NO_NAMES: [&str; 7] = [
    "x-gogs-delivery",
    "x-github-hook-id",
    "x-gitlab-webhook-uuid",
    "x-gitlab-event-uuid",
    "x-hook-uuid",
    "x-gitlab-instance",
    "x-gogs-event",
];

fn named(
    provider: Provider,
    delivery: &str,
    event: (&str, &str),
) -> Result<Identity, IdentityError> {
    let headers = Headers::pick(provider, |name| match name {
        name if name == delivery => Some(b"1bc7"),
        name if name == event.0 => Some(event.1.as_bytes()),
        name if NO_NAMES.contains(&name) => Some(b"another"),
        _ => None,
    });
    identify(provider, &headers, b"")
}

#[test]
fn each_provider_names_its_deliveries_and_events_by_headers_of_its_own() {
    for (provider, delivery, header, events) in NAMED {
        for (event, kind) in events {
            let identity = named(provider, delivery, (header, event)).unwrap();
            assert_eq!(identity.delivery, "1bc7", "{provider}");
            assert_eq!((identity.event.as_str(), identity.kind), (*event, *kind));
        }
        let pushes = events.iter().filter(|(_, kind)| *kind == EventKind::Push);
        let pushes: Vec<_> = pushes.map(|(event, _)| *event).collect();
        assert_eq!(provider.push_events(), pushes, "{provider}");
        // Another provider's headers are no names.
        for (other, delivery, header, events) in NAMED {
            if other != provider {
                let refused = named(provider, delivery, (header, events[0].0));
                assert!(
                    matches!(refused, Err(IdentityError::Missing { .. })),
                    "{provider}"
                );
            }
        }
    }
}

#[test]
fn gitlabs_signed_id_goes_before_the_one_that_is_not() {
    let headers = Headers::pick(Provider::Gitlab, |name| match name {
        "idempotency-key" => Some(b"unsigned"),
        "webhook-id" => Some(b"signed"),
        "webhook-signature" => Some(b"v1,x"),
        "x-gitlab-event" => Some(b"Push Hook"),
        _ => None,
    });
    let identity = identify(Provider::Gitlab, &headers, b"").unwrap();
    assert_eq!(identity.delivery, "signed");
    for bad in [
        "",
        " Push Hook",
        "Push Hook ",
        "Push\tHook",
        "Pu\u{7f}sh",
        &"x".repeat(65),
    ] {
        let refused = named(Provider::Gitlab, "idempotency-key", ("x-gitlab-event", bad));
        let header = "x-gitlab-event";
        assert_eq!(
            refused,
            Err(IdentityError::MalformedEvent { header }),
            "{bad:?}"
        );
    }
}

#[test]
fn of_standard_webhooks_the_body_says_the_event() {
    let of = |content_type: &[u8], body: &str| {
        let headers = Headers::pick(Provider::StandardWebhooks, |name| match name {
            "webhook-id" => Some(b"msg_1"),
            "content-type" => Some(content_type),
            _ => None,
        });
        identify(Provider::StandardWebhooks, &headers, body.as_bytes())
    };
    let json = b"application/json";
    for (body, event, kind) in [
        (r#"{"type":"push"}"#, "push", EventKind::Push),
        (r#"{"type":"ping","data":{}}"#, "ping", EventKind::Ping),
        (r#"{"type":"repo.pushed"}"#, "repo.pushed", EventKind::Other),
        (r#"{"type":"ping","type":"push"}"#, "push", EventKind::Push),
    ] {
        let identity = of(json, body).unwrap();
        assert_eq!((identity.event.as_str(), identity.kind), (event, kind));
        assert_eq!(identity.delivery, "msg_1");
    }
    for body in [
        "{}",
        r#"{"type":7}"#,
        r#"{"type":""}"#,
        r#"{"type":"a\nb"}"#,
    ] {
        assert_eq!(of(json, body), Err(IdentityError::NoType), "{body}");
    }
    assert_eq!(
        of(json, "[]"),
        Err(IdentityError::Body(BodyError::NotAnObject))
    );
    let refused = of(b"text/plain", r#"{"type":"push"}"#);
    assert_eq!(refused, Err(IdentityError::Body(BodyError::ContentType)));
}
