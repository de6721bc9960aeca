//! Owns reading a delivery that reconciler made: a ref that no push of a forge led to where it is.
//! It has this form whoever the provider is, and nobody's signature.

use contract::delivery::{DeliveryReceived, RECONCILER_KEY, RefFound};
use forge::provider::Provider;
use forge::push::{Listing, Push, RefKind};

use crate::taken::Pushed;

/// What every branch's name begins with.
const BRANCHES: &str = "refs/heads/";
/// What every tag's name begins with.
const TAGS: &str = "refs/tags/";

/// Reads the push. What it brought is not known here: git is asked.
pub(crate) fn read(
    received: &DeliveryReceived,
    raw: &[u8],
    provider: Provider,
) -> Result<Pushed, String> {
    if received.key != RECONCILER_KEY {
        return Err("only reconciler says that it found a ref".to_owned());
    }
    let found: RefFound =
        serde_json::from_slice(raw).map_err(|error| format!("read the found ref: {error}"))?;
    if found.repository.source() != received.source {
        return Err("the found ref is of another source".to_owned());
    }
    let branch = found.ref_name.strip_prefix(BRANCHES);
    let tag = found.ref_name.strip_prefix(TAGS);
    let (kind, name) = match (branch, tag) {
        (Some(name), _) => (RefKind::Branch, name),
        (None, Some(name)) => (RefKind::Tag, name),
        (None, None) => return Err("the found ref is neither branch nor tag".to_owned()),
    };
    let push = Push {
        repository: found.repository.full_name().to_owned(),
        kind,
        name: name.to_owned(),
        created: found.before.is_none(),
        deleted: found.after.is_none(),
        forced: false,
        before: found.before,
        // Of a tag it is the commit that git says it leads to.
        head_sha: found.after.clone(),
        after: found.after,
        head_commit: None,
        commits: Vec::new(),
        listing: Listing::Unknown,
        pusher: None,
        sender: None,
        pushed_at: None,
    };
    Ok(Pushed {
        provider,
        repository: found.repository,
        push,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use contract::delivery::{BodyPlace, REF_FOUND};
    use contract::digest::Digest;
    use contract::ids::{DeliveryId, LaneId};
    use contract::time::now;
    use serde_json::{Value, json};

    use super::*;

    fn taken(key: &str, body: &Value) -> Result<Pushed, String> {
        let raw = body.to_string();
        let received = DeliveryReceived {
            delivery: DeliveryId::compute("github", "x"),
            source: "github".parse().unwrap(),
            forge_delivery: "x".to_owned(),
            event: REF_FOUND.to_owned(),
            body_digest: Digest::of(raw.as_bytes()),
            body_bytes: raw.len() as u64,
            body: BodyPlace::Inline,
            headers: BTreeMap::new(),
            key: key.to_owned(),
            received_at: now(),
            lane: LaneId::new(),
            number: 1,
        };
        read(&received, raw.as_bytes(), Provider::Gitea)
    }

    fn body(repository: &str, ref_name: &str, before: Value, after: Value) -> Value {
        json!({
            "repository": repository, "ref_name": ref_name, "before": before, "after": after,
            "since": null,
        })
    }

    #[test]
    fn a_found_ref_is_a_push_whose_commits_are_in_git() {
        let sha = "a".repeat(40);
        let main = body(
            "github:octo/hello",
            "refs/heads/a/b",
            json!(null),
            json!(sha),
        );
        let pushed = taken(RECONCILER_KEY, &main).unwrap();
        assert_eq!(pushed.push.name, "a/b");
        assert_eq!(pushed.push.head().unwrap().as_str(), sha);
        assert_eq!(pushed.push.listing, Listing::Unknown);
        assert!(pushed.push.created && !pushed.push.deleted);
        let tag = body("github:octo/hello", "refs/tags/v1", json!(null), json!(sha));
        let pushed = taken(RECONCILER_KEY, &tag).unwrap();
        assert_eq!(
            (pushed.push.kind, pushed.push.name.as_str()),
            (RefKind::Tag, "v1")
        );
        assert_eq!(pushed.push.head().unwrap().as_str(), sha);
        let gone = body("github:octo/hello", "refs/heads/a", json!(sha), json!(null));
        let pushed = taken(RECONCILER_KEY, &gone).unwrap();
        assert!(pushed.push.deleted && pushed.push.head().is_none());
    }

    #[test]
    fn what_is_not_reconcilers_or_no_ref_of_the_source_is_refused() {
        let sha = json!("a".repeat(40));
        let none = json!(null);
        let good = body(
            "github:octo/hello",
            "refs/heads/a",
            none.clone(),
            sha.clone(),
        );
        assert!(taken("main", &good).is_err());
        for bad in [
            body(
                "gitea:octo/hello",
                "refs/heads/a",
                none.clone(),
                sha.clone(),
            ),
            body(
                "github:octo/hello",
                "refs/pull/1/head",
                none.clone(),
                sha.clone(),
            ),
            body("github:octo/../a", "refs/heads/a", none.clone(), sha),
            body("github:octo/hello", "refs/heads/a", none, json!("x")),
            json!({}),
        ] {
            assert!(taken(RECONCILER_KEY, &bad).is_err(), "{bad}");
        }
    }
}
