//! Signatures of an id, a time and a body, by tables: Standard Webhooks' and GitLab's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac as _;

use crate::provider::Provider::{self, Gitlab, StandardWebhooks};
use crate::signature::tests::{headers_of, window};
use crate::signature::{Key, SignatureError, hmac_sha256, verify};

/// The vector that the specification's own libraries are tested with.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
/// Signatures by nobody.
const NOBODYS: &str = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const ED25519: &str = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpX";

const KEY: Key<'static> = Key {
    name: "right",
    secret: SECRET.as_bytes(),
};

struct Sent<'a> {
    id: Option<&'a str>,
    timestamp: Option<String>,
    signature: Option<&'a str>,
    token: Option<&'a str>,
}

fn sent(signature: &str) -> Sent<'_> {
    Sent {
        id: Some(ID),
        timestamp: Some(AT.to_string()),
        signature: Some(signature),
        token: None,
    }
}

impl Sent<'_> {
    fn judged_at<'k>(
        &self,
        provider: Provider,
        keys: &[Key<'k>],
        now: i64,
    ) -> Result<&'k str, SignatureError> {
        let all = [
            ("webhook-id", self.id),
            ("webhook-timestamp", self.timestamp.as_deref()),
            ("webhook-signature", self.signature),
            ("x-gitlab-token", self.token),
        ];
        let there = all
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value)?)));
        let there: Vec<_> = there.collect();
        verify(
            provider,
            &headers_of(provider, &there),
            BODY,
            keys,
            window(now),
        )
    }

    fn judged(&self) -> Result<&'static str, SignatureError> {
        self.judged_at(StandardWebhooks, &[KEY], AT)
    }
}

#[test]
fn the_specifications_own_vector_is_accepted_among_signatures_and_secrets_that_rotate() {
    let other = Key {
        name: "other",
        secret: b"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    for provider in [StandardWebhooks, Gitlab] {
        for signature in [
            SIGNATURE.to_owned(),
            format!("{NOBODYS} {SIGNATURE}"),
            format!("{SIGNATURE} {NOBODYS}"),
            format!("{ED25519} {SIGNATURE}"),
            format!("{SIGNATURE} v2,anything"),
        ] {
            for keys in [vec![KEY], vec![other, KEY], vec![KEY, other]] {
                let judged = sent(&signature).judged_at(provider, &keys, AT);
                assert_eq!(judged, Ok("right"), "{provider} {signature}");
            }
            let judged = sent(&signature).judged_at(provider, &[other], AT);
            assert_eq!(judged, Err(SignatureError::Mismatch), "{provider}");
        }
    }
}

#[test]
fn a_timestamp_is_good_to_the_border_of_the_tolerance_on_both_sides() {
    for (now, expected) in [
        (AT - 301, Err(SignatureError::OutsideTolerance)),
        (AT - 300, Ok("right")),
        (AT, Ok("right")),
        (AT + 300, Ok("right")),
        (AT + 301, Err(SignatureError::OutsideTolerance)),
    ] {
        let judged = sent(SIGNATURE).judged_at(StandardWebhooks, &[KEY], now);
        assert_eq!(judged, expected, "{now}");
    }
    // Whoever has no secret is not told how the clock stands.
    let judged = sent(NOBODYS).judged_at(StandardWebhooks, &[KEY], AT + 301);
    assert_eq!(judged, Err(SignatureError::Mismatch));
}

#[test]
fn what_is_signed_is_the_id_and_the_time_too() {
    let mut another = sent(SIGNATURE);
    another.id = Some("msg_another");
    assert_eq!(another.judged(), Err(SignatureError::Mismatch));
    let mut later = sent(SIGNATURE);
    later.timestamp = Some((AT + 1).to_string());
    assert_eq!(later.judged(), Err(SignatureError::Mismatch));
    // The same number, written otherwise, is not what was signed.
    later.timestamp = Some(format!("0{AT}"));
    assert_eq!(later.judged(), Err(SignatureError::Mismatch));
}

#[test]
fn what_is_no_signature_is_refused_with_what_is_wrong() {
    use SignatureError::{Malformed, Missing, UnknownScheme};
    let many = vec![NOBODYS; 17].join(" ");
    for (signature, expected) in [
        ("", Malformed),
        ("v1", Malformed),
        ("v1,", Malformed),
        ("v1,%%%%", Malformed),
        ("v1,AAAA", Malformed),
        (&SIGNATURE[3..], Malformed),
        (many.as_str(), Malformed),
        (ED25519, UnknownScheme),
        ("v2,AAAA v3,BBBB", UnknownScheme),
    ] {
        assert_eq!(sent(signature).judged(), Err(expected), "{signature}");
    }
    for timestamp in ["", "-1", "+1", "1.5", "1e3", " 1", "999999999999", "now"] {
        let mut odd = sent(SIGNATURE);
        odd.timestamp = Some(timestamp.to_owned());
        assert_eq!(odd.judged(), Err(Malformed), "{timestamp:?}");
    }
    let mut odd = sent(SIGNATURE);
    odd.timestamp = Some("99999999999".to_owned());
    assert_eq!(odd.judged(), Err(SignatureError::Mismatch));
    for missing in 0..3 {
        let mut less = sent(SIGNATURE);
        match missing {
            0 => less.id = None,
            1 => less.timestamp = None,
            _ => less.signature = None,
        }
        assert_eq!(less.judged(), Err(Missing), "{missing}");
    }
}

#[test]
fn gitlab_is_never_believed_by_its_token_where_it_signs() {
    let token = Key {
        name: "token",
        secret: b"a token that is sent as it is",
    };
    let keys = [token, KEY];
    let shown = std::str::from_utf8(token.secret).unwrap();
    for (what, signature, expected) in [
        ("both right", SIGNATURE, Ok("right")),
        ("a wrong one", NOBODYS, Err(SignatureError::Mismatch)),
        ("an empty one", "", Err(SignatureError::Malformed)),
        (
            "an unknown one",
            ED25519,
            Err(SignatureError::UnknownScheme),
        ),
    ] {
        let mut both = sent(signature);
        both.token = Some(shown);
        assert_eq!(both.judged_at(Gitlab, &keys, AT), expected, "{what}");
        // Nor where the source has a token alone: then nothing that is signed can be checked.
        assert!(both.judged_at(Gitlab, &[token], AT).is_err(), "{what}");
    }
    let mut cut = sent(SIGNATURE);
    cut.token = Some(shown);
    cut.signature = None;
    assert_eq!(
        cut.judged_at(Gitlab, &keys, AT),
        Err(SignatureError::Missing)
    );
    cut.timestamp = None;
    assert_eq!(
        cut.judged_at(Gitlab, &keys, AT),
        Err(SignatureError::Missing)
    );
    // Without any sign of a signature the token counts, if the source has one.
    cut.id = None;
    assert_eq!(cut.judged_at(Gitlab, &keys, AT), Ok("token"));
    assert_eq!(
        cut.judged_at(Gitlab, &[KEY], AT),
        Err(SignatureError::Mismatch)
    );
    cut.token = Some(SECRET);
    assert_eq!(
        cut.judged_at(Gitlab, &keys, AT),
        Err(SignatureError::Mismatch)
    );
}

#[test]
fn a_secret_that_cannot_sign_is_refused_before_any_delivery() {
    let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
    for (secret, for_standard, for_gitlab) in [
        (SECRET.to_owned(), true, true),
        (of(23), false, false),
        (of(24), true, true),
        (of(64), true, true),
        (of(65), false, false),
        ("whsec_".to_owned(), false, false),
        ("whsec_not base64".to_owned(), false, false),
        (SECRET[6..].to_owned(), false, true),
        (
            "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
            false,
            true,
        ),
        (String::new(), false, false),
    ] {
        let is_good = |provider: Provider| provider.check_secret(secret.as_bytes()).is_ok();
        assert_eq!(is_good(StandardWebhooks), for_standard, "{secret:?}");
        assert_eq!(is_good(Gitlab), for_gitlab, "{secret:?}");
        assert_eq!(is_good(Provider::Github), !secret.is_empty(), "{secret:?}");
    }
    let refused = StandardWebhooks.check_secret(b"whpk_x").unwrap_err();
    assert!(refused.contains("ed25519"), "{refused}");
}

#[test]
fn an_id_with_dots_signs_what_it_says() {
    // The dots between the parts are not escaped; the body, which is JSON, cannot begin with the
    // digits of a time, so nothing signed reads as something else that is a delivery.
    let mac = hmac_sha256(&[7; 32], &[b"a.1.2.{}"])
        .finalize()
        .into_bytes();
    let signature = format!("v1,{}", STANDARD.encode(mac));
    let secret = format!("whsec_{}", STANDARD.encode([7; 32]));
    let key = Key {
        name: "k",
        secret: secret.as_bytes(),
    };
    let headers = [
        ("webhook-id", "a.1"),
        ("webhook-timestamp", "2"),
        ("webhook-signature", signature.as_str()),
    ];
    let headers = headers_of(StandardWebhooks, &headers);
    let judged = verify(StandardWebhooks, &headers, b"{}", &[key], window(2));
    assert_eq!(judged, Ok("k"));
}
