//! Who is believed, by tables: each provider's signature, and what is none.

use super::*;

/// The example in GitHub's documentation of webhook signatures.
const SECRET: &[u8] = b"It's a Secret to Everybody";
const BODY: &[u8] = b"Hello, World!";
const HEX: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
/// The SHA-1 of an older example; what it says is never read.
const SHA1: &str = "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59";

const RIGHT: Key<'static> = Key {
    name: "right",
    secret: SECRET,
};
const OTHER: Key<'static> = Key {
    name: "other",
    secret: b"",
};

pub(crate) fn headers_of(provider: Provider, headers: &[(&str, &str)]) -> Headers {
    Headers::pick(provider, |name| {
        let found = headers.iter().find(|(header, _)| *header == name);
        found.map(|(_, value)| value.as_bytes())
    })
}

pub(crate) fn window(seconds: i64) -> Window {
    Window {
        received_at: chrono::DateTime::from_timestamp(seconds, 0).unwrap(),
        tolerance: TimeDelta::seconds(300),
    }
}

fn judged<'k>(
    provider: Provider,
    headers: &[(&str, &str)],
    body: &[u8],
    keys: &[Key<'k>],
) -> Result<&'k str, SignatureError> {
    let headers = headers_of(provider, headers);
    verify(provider, &headers, body, keys, window(0))
}

/// Where each provider of an HMAC over the body has it, and what stands before its digits.
const OF_BODY: [(Provider, &str, &str); 5] = [
    (Provider::Github, "x-hub-signature-256", "sha256="),
    (Provider::Gitea, "x-gitea-signature", ""),
    (Provider::Forgejo, "x-forgejo-signature", ""),
    (Provider::Forgejo, "x-gitea-signature", ""),
    (Provider::Bitbucket, "x-hub-signature", "sha256="),
];

#[test]
fn the_published_example_is_accepted_whichever_secret_it_is() {
    for (provider, header, prefix) in OF_BODY {
        let signature = format!("{prefix}{HEX}");
        let headers = [(header, signature.as_str())];
        for keys in [
            vec![RIGHT],
            vec![OTHER, RIGHT],
            vec![RIGHT, OTHER],
            vec![OTHER, RIGHT, RIGHT],
        ] {
            let judged = judged(provider, &headers, BODY, &keys);
            assert_eq!(judged, Ok("right"), "{provider} {keys:?}");
        }
        for (keys, body) in [
            (vec![], BODY),
            (vec![OTHER], BODY),
            (vec![RIGHT], b"Hello, World?".as_slice()),
            (vec![RIGHT], b"".as_slice()),
        ] {
            let judged = judged(provider, &headers, body, &keys);
            assert_eq!(judged, Err(SignatureError::Mismatch), "{provider} {keys:?}");
        }
    }
}

#[test]
fn a_signature_that_is_none_is_told_from_one_that_is_wrong() {
    use SignatureError::{Malformed, Mismatch, Missing};
    for (provider, header, prefix) in OF_BODY {
        let wrong_prefix = if prefix.is_empty() { "sha256=" } else { "" };
        for (signature, expected) in [
            (None, Missing),
            // What Gitea sends whose hook has no secret.
            (Some(String::new()), Malformed),
            (Some("sha256=".to_owned()), Malformed),
            (Some("sha256".to_owned()), Malformed),
            (Some(SHA1.to_owned()), Malformed),
            (Some(format!("{wrong_prefix}{HEX}")), Malformed),
            (Some(format!("{prefix}zz")), Malformed),
            (Some(format!("{prefix}75")), Malformed),
            (Some(format!("{prefix}{HEX}00")), Malformed),
            (Some(format!("{prefix}{HEX} ")), Malformed),
            (Some(format!("{prefix}{}8", &HEX[..63])), Mismatch),
        ] {
            let headers: Vec<_> = signature.iter().map(|s| (header, s.as_str())).collect();
            let judged = judged(provider, &headers, BODY, &[RIGHT]);
            assert_eq!(judged, Err(expected), "{provider} {signature:?}");
        }
    }
}

#[test]
fn no_provider_reads_the_signature_of_another() {
    let signature = format!("sha256={HEX}");
    let all = [
        ("x-hub-signature-256", signature.as_str()),
        ("x-hub-signature", &signature),
        ("x-gitea-signature", HEX),
        ("x-forgejo-signature", HEX),
    ];
    for (provider, header, _) in OF_BODY {
        let own = |name: &str| name == header || provider == Provider::Forgejo;
        let others: Vec<_> = all.iter().copied().filter(|(name, _)| !own(name)).collect();
        if provider != Provider::Forgejo {
            let judged = judged(provider, &others, BODY, &[RIGHT]);
            assert_eq!(judged, Err(SignatureError::Missing), "{provider}");
        }
    }
    // Github's header with an empty signature, as Gitea sends it, does not hurt Gitea's own.
    let both = [
        ("x-hub-signature-256", "sha256="),
        ("x-gitea-signature", HEX),
    ];
    assert_eq!(judged(Provider::Gitea, &both, BODY, &[RIGHT]), Ok("right"));
    assert!(judged(Provider::Github, &both, BODY, &[RIGHT]).is_err());
    // An empty one of Forgejo's own is not made good by Gitea's beside it.
    let both = [("x-forgejo-signature", ""), ("x-gitea-signature", HEX)];
    assert_eq!(
        judged(Provider::Forgejo, &both, BODY, &[RIGHT]),
        Err(SignatureError::Malformed)
    );
}

#[test]
fn a_token_is_compared_whole_and_what_is_kept_of_it_proves_the_same() {
    let keys = [
        Key {
            name: "signing",
            secret: b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        },
        RIGHT,
        OTHER,
    ];
    let right = std::str::from_utf8(SECRET).unwrap();
    let long = format!("{right}\0");
    for (token, expected) in [
        (right, Ok("right")),
        (&right[1..], Err(SignatureError::Mismatch)),
        (&long, Err(SignatureError::Mismatch)),
        ("", Err(SignatureError::Malformed)),
        // A secret that signs is never a token, not even for whoever knows it.
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            Err(SignatureError::Mismatch),
        ),
    ] {
        let headers = headers_of(Provider::Gitlab, &[("x-gitlab-token", token)]);
        let judged =
            |headers: &Headers, body| verify(Provider::Gitlab, headers, body, &keys, window(0));
        assert_eq!(judged(&headers, BODY), expected, "{token:?}");
        let kept = Headers::from_map(headers.into_kept(BODY));
        if !token.is_empty() {
            assert_eq!(judged(&kept, BODY), expected, "{token:?}");
        }
        assert_ne!(judged(&kept, b"{}"), Ok("right"));
    }
    let missing = judged(Provider::Gitlab, &[], BODY, &keys);
    assert_eq!(missing, Err(SignatureError::Missing));
}

#[test]
fn no_secret_is_shown() {
    let shown = format!(
        "{:?}",
        Key {
            name: "a",
            secret: b"hunter2"
        }
    );
    assert_eq!(shown, r#"Key { name: "a", .. }"#);
}
