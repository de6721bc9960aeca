//! What the sample sends in each dialect, read by what reads the real ones.

use chrono::{TimeDelta, Utc};
use forge::headers::Headers;
use forge::identity::{EventKind, identify};
use forge::provider::Provider;
use forge::push::{Listing, read};
use forge::signature::{Key, Window, verify};
use sample::delivery::Push;
use sample::dialect::{Dialect, Envelope};
use sample::repository::Change;

use crate::world;

#[tokio::test]
async fn a_push_in_every_dialect_is_believed_named_and_read_as_the_same_push() {
    let world = world().await;
    let before = world.starting.clone();
    let (mut commits, mut after) = (Vec::new(), String::new());
    for number in 0..25 {
        let change = Change::File(b"notes.txt", &[b'a' + number]);
        after = world
            .learner
            .commit("main", "A change", &[change])
            .await
            .unwrap();
        commits.push(after.clone());
    }
    let now = Utc::now();
    for dialect in Dialect::ALL {
        let push = Push {
            branch: "main",
            before: Some(&before),
            after: Some(&after),
        };
        let envelope = Envelope {
            delivery: "0c64d6cd",
            secret: dialect.example_secret(),
            sent_at: now.timestamp().try_into().unwrap(),
        };
        let sent = dialect.push(&world.learner, push, envelope).await.unwrap();
        let provider: Provider = dialect.provider().parse().unwrap();
        assert_eq!(provider.check_secret(envelope.secret.as_bytes()), Ok(()));
        let headers = Headers::pick(provider, |name| {
            let found = sent.headers.iter().find(|(header, _)| *header == name);
            found.map(|(_, value)| value.as_bytes())
        });
        let keys = [Key {
            name: "first",
            secret: envelope.secret.as_bytes(),
        }];
        let window = Window {
            received_at: now,
            tolerance: TimeDelta::seconds(5),
        };
        let by = verify(provider, &headers, &sent.body, &keys, window);
        assert_eq!(by, Ok("first"), "{dialect:?}");
        // Years later, out of what was kept.
        let kept = Headers::from_map(headers.clone().into_kept(&sent.body));
        let by = verify(provider, &kept, &sent.body, &keys, window);
        assert_eq!(by, Ok("first"), "{dialect:?}");
        let identity = identify(provider, &kept, &sent.body).unwrap();
        assert_eq!(identity.delivery, "0c64d6cd", "{dialect:?}");
        assert_eq!(identity.kind, EventKind::Push, "{dialect:?}");

        let body = std::str::from_utf8(&sent.body).unwrap();
        let pushes = read(provider, body).unwrap();
        let [push] = pushes.as_slice() else {
            panic!("{dialect:?}: {pushes:?}")
        };
        assert_eq!(push.repository, world.learner.full_name(), "{dialect:?}");
        assert_eq!(push.before.as_ref().unwrap().as_str(), before);
        assert_eq!(push.head().unwrap().as_str(), after);
        let listed: Vec<_> = push.commits.iter().map(|c| c.sha.to_string()).collect();
        let (most, listing) = match dialect {
            Dialect::Github | Dialect::StandardWebhooks => (25, Listing::Whole),
            Dialect::GitlabToken | Dialect::GitlabSigned => (20, Listing::Cut { total: Some(25) }),
            Dialect::Gitea | Dialect::Forgejo => (5, Listing::Cut { total: Some(25) }),
            Dialect::Bitbucket => (5, Listing::Cut { total: None }),
        };
        assert_eq!(listed, commits[25 - most..], "{dialect:?}");
        assert_eq!(push.listing, listing, "{dialect:?}");
    }
}
