//! Owns the dialects in which forges tell of a push: the headers and the signature of each.

mod payload;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::delivery::{self, Push, SignedDelivery};
use crate::repository::Repository;

/// What stands before a secret that signs an id and a time too.
const SIGNING_PREFIX: &str = "whsec_";

/// Whose words a delivery is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// GitHub.
    Github,
    /// GitLab, with its secret as a token.
    GitlabToken,
    /// GitLab, with a signature, and a token beside it.
    GitlabSigned,
    /// Gitea, which sends GitHub's headers too.
    Gitea,
    /// Forgejo, which sends Gitea's and GitHub's headers too.
    Forgejo,
    /// Bitbucket Cloud.
    Bitbucket,
    /// A forge of one's own.
    StandardWebhooks,
}

/// What is sent beside the body.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The forge's id of the delivery.
    pub delivery: &'a str,
    /// The secret, as the settings of a source have it.
    pub secret: &'a str,
    /// When it is sent, in seconds since 1970.
    pub sent_at: u64,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 7] = [
        Self::Github,
        Self::GitlabToken,
        Self::GitlabSigned,
        Self::Gitea,
        Self::Forgejo,
        Self::Bitbucket,
        Self::StandardWebhooks,
    ];

    /// The provider, as settings name it.
    pub const fn provider(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::GitlabToken | Self::GitlabSigned => "gitlab",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::Bitbucket => "bitbucket",
            Self::StandardWebhooks => "standard-webhooks",
        }
    }

    /// A secret as it has to be for this dialect; for tests and demonstrations alone.
    pub const fn example_secret(self) -> &'static str {
        match self {
            Self::GitlabSigned | Self::StandardWebhooks => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            _ => "a secret for an example alone",
        }
    }

    /// The event that a push to a branch is.
    pub const fn push_event(self) -> &'static str {
        match self {
            Self::GitlabToken | Self::GitlabSigned => "Push Hook",
            Self::Bitbucket => "repo:push",
            _ => "push",
        }
    }

    /// The delivery of a push to a branch, its body in this forge's shape.
    ///
    /// # Errors
    /// What git says.
    pub async fn push(
        self,
        repository: &Repository,
        push: Push<'_>,
        envelope: Envelope<'_>,
    ) -> Result<SignedDelivery> {
        let payload = payload::of(self, repository, push).await?;
        Ok(self.sign(self.push_event(), payload.to_string().into(), envelope))
    }

    /// A delivery of any body.
    pub fn sign(self, event: &str, body: Bytes, envelope: Envelope<'_>) -> SignedDelivery {
        let Envelope {
            delivery, secret, ..
        } = envelope;
        let event = event.to_owned();
        let hex = || hex::encode(hmac(secret.as_bytes(), &[&body]));
        let mut headers = vec![("content-type", "application/json".to_owned())];
        match self {
            Self::Github => {
                return delivery::sign_bytes(&event, delivery, body, secret.as_bytes());
            }
            Self::GitlabToken | Self::GitlabSigned => {
                headers.push(("user-agent", "GitLab/18.5.0".to_owned()));
                headers.push(("x-gitlab-event", event));
                headers.push(("idempotency-key", delivery.to_owned()));
                // One is new with every request, the other shared by hooks of one event.
                headers.push(("x-gitlab-webhook-uuid", format!("w-{}", envelope.sent_at)));
                headers.push(("x-gitlab-event-uuid", "e-1".to_owned()));
                headers.push(("x-gitlab-instance", "https://gitlab.example".to_owned()));
                if self == Self::GitlabToken {
                    headers.push(("x-gitlab-token", secret.to_owned()));
                } else {
                    headers.push(("x-gitlab-token", "a token that nobody needs".to_owned()));
                    headers.extend(signed(&body, envelope));
                }
            }
            Self::Gitea | Self::Forgejo => {
                let signature = hex();
                headers.extend(of_gitea(&event, delivery, &signature));
                if self == Self::Forgejo {
                    headers.push(("x-forgejo-delivery", delivery.to_owned()));
                    headers.push(("x-forgejo-event", event.clone()));
                    headers.push(("x-forgejo-event-type", event));
                    headers.push(("x-forgejo-signature", signature));
                }
            }
            Self::Bitbucket => {
                headers.push(("user-agent", "Bitbucket-Webhooks/2.0".to_owned()));
                headers.push(("x-event-key", event));
                headers.push(("x-request-uuid", delivery.to_owned()));
                headers.push(("x-hook-uuid", "f6a9c0b8".to_owned()));
                headers.push(("x-attempt-number", "1".to_owned()));
                headers.push(("x-hub-signature", format!("sha256={}", hex())));
            }
            Self::StandardWebhooks => headers.extend(signed(&body, envelope)),
        }
        SignedDelivery { headers, body }
    }
}

/// What Gitea sends: its own headers, and those of the forges that it came from.
fn of_gitea(event: &str, delivery: &str, signature: &str) -> Vec<(&'static str, String)> {
    let mut headers = vec![("x-gitea-signature", signature.to_owned())];
    headers.push(("x-hub-signature", format!("sha1={}", "0".repeat(40))));
    headers.push(("x-hub-signature-256", format!("sha256={signature}")));
    headers.push(("x-gogs-signature", signature.to_owned()));
    for name in ["x-gitea-delivery", "x-gogs-delivery", "x-github-delivery"] {
        headers.push((name, delivery.to_owned()));
    }
    for name in [
        "x-gitea-event",
        "x-gitea-event-type",
        "x-gogs-event",
        "x-github-event",
    ] {
        headers.push((name, event.to_owned()));
    }
    headers
}

/// The headers of a signature over id, time and body.
fn signed(body: &[u8], envelope: Envelope<'_>) -> [(&'static str, String); 3] {
    let Envelope {
        delivery, secret, ..
    } = envelope;
    let at = envelope.sent_at.to_string();
    let key = STANDARD.decode(secret.strip_prefix(SIGNING_PREFIX).unwrap_or(secret));
    let key = key.unwrap_or_else(|_| secret.as_bytes().to_vec());
    let content: [&[u8]; 5] = [delivery.as_bytes(), b".", at.as_bytes(), b".", body];
    let mac = hmac(&key, &content);
    [
        ("webhook-id", delivery.to_owned()),
        ("webhook-timestamp", at),
        ("webhook-signature", format!("v1,{}", STANDARD.encode(mac))),
    ]
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}
