//! Owns what is sent, as thought: the delivery of each number, drawn from the seed. Commits that
//! exist are made by `learners`; here are pushes of repositories that nobody enrolled.

use rand::Rng as _;
use rand::rngs::StdRng;
use sample::delivery::{SignedDelivery, sign};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::ground::{SECRET, SOURCE};
use witness::dice::Seed;

/// Repositories that pushes come from.
const REPOSITORIES: u32 = 50;
/// Most commits in a push.
const COMMITS_MAX: usize = 5;
/// How far back a repeated delivery was first sent, at most.
const BACK_MAX: u64 = 300;

/// A request that is ready to be sent, with what the checker wants to know of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Ready {
    /// The signed request.
    pub signed: SignedDelivery,
    /// The line of the account.
    pub line: Value,
    /// Whether it goes to both ingests in the same moment.
    pub twin: bool,
    /// Whether the forge gives up after the first answer that is not 2xx.
    pub gives_up: bool,
}

impl Ready {
    /// A request with this body.
    pub fn of(event: &str, forge_id: &str, payload: &Value, pushes: Value) -> Self {
        let signed = sign(event, forge_id, payload, SECRET);
        let expect = if event == "push" {
            "recorded"
        } else {
            "nothing"
        };
        let line = json!({
            "source": SOURCE, "provider": "github", "forge_delivery": forge_id, "event": event,
            "body_sha256": hex::encode(Sha256::digest(&signed.body)),
            "expect": expect, "pushes": pushes,
        });
        Self {
            signed,
            line,
            twin: false,
            gives_up: false,
        }
    }

    /// The forge's id and the body's digest: what makes it another delivery.
    pub fn key(&self) -> (String, String) {
        let text = |name: &str| self.line[name].as_str().unwrap_or_default().to_owned();
        (text("forge_delivery"), text("body_sha256"))
    }
}

/// What a number stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// A push of its own.
    New,
    /// The same, to both ingests at once.
    Twin,
    /// An earlier delivery again, byte for byte.
    Repeat(u64),
    /// The id of an earlier one with another body.
    OtherBody(u64),
    /// A ping, or an event that nobody wants.
    Unwanted,
}

/// The delivery of a number, from 0.
pub fn delivery(seed: Seed, number: u64) -> Ready {
    let mut dice = seed.dice("delivery", number);
    let kind = kind(&mut dice, number);
    let gives_up = dice.gen_ratio(1, 15);
    let ready = match kind {
        Kind::Repeat(earlier) => first(seed, earlier),
        Kind::OtherBody(earlier) => push(&id(seed, earlier), &mut dice),
        Kind::Unwanted => {
            let event = if dice.r#gen() { "ping" } else { "star" };
            let payload = json!({ "zen": "Keep it simple.", "hook_id": number });
            Ready::of(event, &id(seed, number), &payload, json!([]))
        }
        Kind::New | Kind::Twin => first(seed, number),
    };
    Ready {
        twin: kind == Kind::Twin,
        gives_up,
        ..ready
    }
}

fn kind(dice: &mut StdRng, number: u64) -> Kind {
    let earlier = number.saturating_sub(1 + dice.gen_range(0..BACK_MAX));
    match dice.gen_range(0..100) {
        _ if number < 2 => Kind::New,
        0..12 => Kind::Repeat(earlier),
        12..17 => Kind::OtherBody(earlier),
        17..23 => Kind::Twin,
        23..27 => Kind::Unwanted,
        _ => Kind::New,
    }
}

/// A push whose body does not compress below this many bytes, for disks that are to be filled.
pub fn large(seed: Seed, number: u64, bytes: usize) -> Ready {
    let mut dice = seed.dice("large", number);
    let filler: Vec<u8> = (0..bytes).map(|_| dice.r#gen()).collect();
    let (mut payload, pushes) = body(&mut dice);
    payload["filler"] = json!(hex::encode(filler));
    Ready::of(
        "push",
        &format!("large-{}", id(seed, number)),
        &payload,
        pushes,
    )
}

/// The first push under the id of a number, whatever the number itself stands for.
fn first(seed: Seed, number: u64) -> Ready {
    push(&id(seed, number), &mut seed.dice("push", number))
}

fn id(seed: Seed, number: u64) -> String {
    format!("{:016x}-{number}", seed.0)
}

fn push(forge_id: &str, dice: &mut StdRng) -> Ready {
    let (payload, pushes) = body(dice);
    Ready::of("push", forge_id, &payload, pushes)
}

/// A push in GitHub's shape to a repository that no lab enrols, and what the checker wants to know
/// of it.
fn body(dice: &mut StdRng) -> (Value, Value) {
    let mut sha = || hex::encode(dice.r#gen::<[u8; 20]>());
    let before = sha();
    let shas: Vec<String> = (0..COMMITS_MAX).map(|_| sha()).collect();
    let shas = &shas[..dice.gen_range(1..=COMMITS_MAX)];
    let name = format!("repository-{}", dice.gen_range(0..REPOSITORIES));
    let who = json!({ "name": "Nobody", "email": "nobody@example.org", "username": "nobody" });
    let commit = |sha: &String| {
        json!({
            "id": sha, "message": "Elsewhere", "timestamp": "2026-01-05T09:00:00Z",
            "author": who, "committer": who, "added": [], "removed": [], "modified": ["a"],
        })
    };
    let commits: Vec<Value> = shas.iter().map(commit).collect();
    let after = shas.last().expect("there is at least one");
    let payload = json!({
        "ref": "refs/heads/main", "before": before, "after": after,
        "created": false, "deleted": false, "forced": false,
        "repository": {
            "id": 1, "name": name, "full_name": format!("elsewhere/{name}"),
            "owner": { "login": "elsewhere" },
        },
        "pusher": { "name": "nobody", "email": "nobody@example.org" },
        "sender": { "login": "nobody", "id": 1, "type": "User" },
        "commits": commits, "head_commit": commits.last(),
    });
    let pushes = json!([{
        "repository": format!("{SOURCE}:elsewhere/{name}"), "ref": "refs/heads/main",
        "before": before, "after": after, "commits": shas,
    }]);
    (payload, pushes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Seed = Seed(7);

    #[test]
    fn the_same_seed_sends_the_same_and_another_seed_something_else() {
        for number in 0..200 {
            assert_eq!(delivery(SEED, number), delivery(SEED, number));
        }
        assert_ne!(delivery(SEED, 5).signed, delivery(Seed(8), 5).signed);
    }

    #[test]
    fn among_a_few_hundred_is_every_kind() {
        let all: Vec<Ready> = (0..400).map(|number| delivery(SEED, number)).collect();
        let mut bodies = std::collections::HashMap::<_, Vec<_>>::new();
        for ready in &all {
            let (id, body) = ready.key();
            bodies.entry(id).or_default().push(body);
        }
        let same = |bodies: &Vec<String>| bodies.windows(2).any(|two| two[0] == two[1]);
        let other = |bodies: &Vec<String>| bodies.windows(2).any(|two| two[0] != two[1]);
        assert!(bodies.values().any(same), "some are repeated");
        assert!(bodies.values().any(other), "some have another body");
        assert!(all.iter().any(|ready| ready.twin));
        assert!(all.iter().any(|ready| ready.gives_up));
        assert!(all.iter().any(|ready| ready.line["event"] == "ping"));
    }
}
