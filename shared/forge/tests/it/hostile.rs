//! What strangers may send: whatever the bytes are, nothing panics, and nothing grows far beyond
//! its input. The changes are made by numbers that are the same in every run.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use forge::body::json_of;
use forge::headers::Headers;
use forge::identity::identify;
use forge::provider::Provider;
use forge::push::read;
use forge::signature::{Key, Window, verify};

/// A push of each provider, small, with every field that is read.
const PUSHES: &str = include_str!("../data/pushes.jsonl");
/// How often each push is spoilt.
const ROUNDS: usize = 4_000;
/// What is put into the middle of a push.
const ODD: [&str; 16] = [
    "null",
    "{}",
    "[]",
    "\"\"",
    "-1",
    "1e999",
    "0",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "true",
    "[[[[",
    "}}",
    ",",
    "\"",
    "99999999999999999999999999",
    "\u{feff}",
];

/// Numbers that look random and are not.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

fn pushes() -> Vec<(Provider, String)> {
    let of = |line: &str| {
        let (provider, json) = line.split_once(' ').unwrap();
        (provider.parse().unwrap(), json.to_owned())
    };
    PUSHES.lines().map(of).collect()
}

fn spoil(text: &str, numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len());
        let end = (at + numbers.below(24)).min(bytes.len());
        let odd = ODD[numbers.below(ODD.len())].as_bytes();
        match numbers.below(5) {
            0 => bytes[at] = u8::try_from(numbers.below(256)).unwrap(),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..end, odd.iter().copied())),
            3 => bytes.extend_from_within(at..end),
            _ => {
                // A value in place of another: the text stays JSON most of the time.
                let colon = bytes[at..].iter().position(|&byte| byte == b':');
                let from = at + colon.map_or(0, |colon| colon + 1);
                let length = bytes[from..].iter().position(|b| b",}]".contains(b));
                drop(bytes.splice(from..from + length.unwrap_or(0), odd.iter().copied()));
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

#[test]
fn each_providers_push_is_read_before_it_is_spoilt() {
    for (provider, json) in pushes() {
        let pushes = read(provider, &json).unwrap();
        assert_eq!(pushes.len(), 1, "{provider}");
        assert!(pushes[0].head().is_some(), "{provider}");
        assert_eq!(pushes[0].commits.len(), 1, "{provider}");
    }
    let of: Vec<_> = pushes().iter().map(|(provider, _)| *provider).collect();
    assert_eq!(of, Provider::ALL);
}

#[test]
fn no_spoilt_push_panics_in_any_providers_reader() {
    let (mut numbers, mut read_anyhow) = (Numbers(7), 0);
    for (_, json) in pushes() {
        for _ in 0..ROUNDS {
            let bytes = spoil(&json, &mut numbers);
            let Ok(json) = json_of(Some("application/json"), &bytes) else {
                continue;
            };
            for provider in Provider::ALL {
                let headers = Headers::default();
                let _ = identify(provider, &headers, &bytes);
                let pushes = read(provider, &json).unwrap_or_default();
                for push in &pushes {
                    assert!(push.commits.len() <= 2_048);
                    let _ = push.head();
                    read_anyhow += 1;
                }
            }
        }
    }
    assert!(read_anyhow > 1_000, "{read_anyhow}");
}

#[test]
fn no_header_panics_in_any_providers_check() {
    let names = [
        "x-hub-signature",
        "x-hub-signature-256",
        "x-gitea-signature",
        "x-forgejo-signature",
        "x-gitlab-token",
        "x-gitlab-token-hmac-sha256",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "x-gitlab-event",
        "content-type",
    ];
    let parts = [
        "",
        "sha256=",
        "v1,",
        "v1a,",
        " ",
        ",",
        "whsec_",
        "AAAA",
        "=",
        "00",
        "é",
        "\0",
        "9",
        "99999999999",
        "-",
        "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    ];
    let keys = [
        Key {
            name: "raw",
            secret: b"x",
        },
        Key {
            name: "signing",
            secret: b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        },
        Key {
            name: "odd",
            secret: b"whsec_\xff",
        },
    ];
    let mut numbers = Numbers(8);
    for _ in 0..20_000 {
        let mut map = BTreeMap::new();
        for name in names {
            if numbers.below(3) > 0 {
                let pieces = (0..numbers.below(4)).map(|_| parts[numbers.below(parts.len())]);
                map.insert(name.to_owned(), pieces.collect::<String>());
            }
        }
        let headers = Headers::from_map(map);
        let window = Window {
            received_at: Utc::now(),
            tolerance: TimeDelta::seconds(300),
        };
        for provider in Provider::ALL {
            let judged = verify(provider, &headers, b"{}", &keys, window);
            assert!(judged.is_err(), "{provider} {judged:?}");
            let _ = identify(provider, &headers, b"{}");
        }
    }
}

#[test]
fn what_is_large_is_read_to_its_limits_alone() {
    let many = |one: &str, times: usize| vec![one; times].join(",");
    let (sha, deep) = ("6113728f27ae82c7b1a177c8d03f9e96e0adf246", 200_000);
    let deep = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
    for (provider, json) in pushes() {
        let id = format!("{{\"id\":\"{sha}\",\"hash\":\"{sha}\"}}");
        // Put behind, so that of two equal keys it is the one that holds.
        let list = format!(",\"commits\":[{}]", many(&id, 100_000));
        let inner = match provider {
            Provider::Bitbucket => json.replacen("}]}}", &format!("{list}}}]}}}}"), 1),
            Provider::StandardWebhooks => json.replacen("}}", &format!("{list}}}}}"), 1),
            _ => format!("{}{list}}}", &json[..json.len() - 1]),
        };
        let pushes = read(provider, &inner).unwrap();
        let commits = pushes[0].commits.len();
        assert!(commits == 1 || commits == 2_048, "{provider} {commits}");
        let nested = format!("{{\"x\":{deep},{}", &json[1..]);
        assert!(read(provider, &nested).is_ok(), "{provider}");
        let fields: Vec<_> = (0..2_000).map(|n| format!("\"{n}\":0")).collect();
        let wide = format!("{{{},{}", fields.join(","), &json[1..]);
        assert!(read(provider, &wide).is_err(), "{provider}");
    }
}
