//! Owns what is sent, as thought: the delivery of each number, drawn from the seed. The same seed
//! sends the same bytes.

use bytes::Bytes;
use rand::Rng as _;
use rand::rngs::StdRng;
use sample::delivery::{SignedDelivery, sign_bytes};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use witness::dice::Seed;

use crate::addresses;
use crate::shape::{Bodies, Rest};
use crate::template::{Commit, Template, Told};

/// Bytes of a body without commits, addresses and paths, about.
const BARE_BYTES: usize = 1_200;
/// Bytes of a commit with one path, about.
const COMMIT_BYTES: usize = 620;
/// Bytes of a made-up path, with its quotes and its comma.
const PATH_BYTES: usize = 36;
/// How far back a repeated delivery was first sent, at most.
const BACK_MAX: u64 = 1_000;
/// What a bad signature is made with.
const WRONG_SECRET: &[u8] = b"not the secret of this source";
/// The number of a push's last commit, however many it has: the next push begins there.
const HEAD: usize = usize::MAX;
/// The owner of all repositories: the lab of a load test enrols them.
pub const OWNER: &str = "class";

/// What of the traffic is no push of its own, in percent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shares {
    /// Earlier deliveries again, byte for byte.
    pub duplicates: u32,
    /// Signed with another secret.
    pub bad_signatures: u32,
    /// Pings, and events that nobody wants.
    pub other_events: u32,
    /// Pushes that lead a branch away from where it was.
    pub forced: u32,
}

/// Everything that decides what is sent.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Where all choices come from.
    pub seed: Seed,
    /// How large bodies are.
    pub bodies: Bodies,
    /// What is no push of its own.
    pub shares: Shares,
    /// Repositories that push.
    pub repositories: u64,
    /// The source they are sent to.
    pub source: String,
    /// What they are signed with.
    pub secret: Vec<u8>,
    /// Whether the house must have a session for each repository.
    pub enrolled: bool,
    /// What bodies are written from.
    pub template: Template,
}

/// What a number stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A push of its own.
    Push,
    /// An earlier push again.
    Repeat,
    /// It must be answered 401.
    BadSignature,
    /// It must be answered 2xx, and recorded nowhere.
    OtherEvent,
}

/// A request that is ready to be sent.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What it is.
    pub kind: Kind,
    /// The forge's id.
    pub forge_id: String,
    /// The signed request.
    pub signed: SignedDelivery,
    /// The line of the account.
    pub line: Value,
    /// Commits that it brings.
    pub commits: usize,
}

impl Traffic {
    /// The delivery of a number, from 0.
    pub fn delivery(&self, number: u64) -> Delivery {
        let mut dice = self.seed.dice("kind", number);
        match self.kind(&mut dice, number) {
            Kind::Repeat => {
                let back = 1 + dice.gen_range(0..BACK_MAX.min(number));
                self.push(number - back, Kind::Repeat)
            }
            Kind::OtherEvent => self.other(number, &mut dice),
            kind => self.push(number, kind),
        }
    }

    fn kind(&self, dice: &mut StdRng, number: u64) -> Kind {
        let Shares {
            duplicates,
            bad_signatures,
            other_events,
            ..
        } = self.shares;
        let drawn = dice.gen_range(0..100);
        if drawn < duplicates && number > 0 {
            Kind::Repeat
        } else if drawn < duplicates + bad_signatures {
            Kind::BadSignature
        } else if drawn < duplicates + bad_signatures + other_events {
            Kind::OtherEvent
        } else {
            Kind::Push
        }
    }

    fn other(&self, number: u64, dice: &mut StdRng) -> Delivery {
        let event = if dice.r#gen() { "ping" } else { "star" };
        let forge_id = format!("{:08x}-o-{number}", self.seed.0);
        let body = json!({ "zen": "Keep it simple.", "hook_id": number }).to_string();
        self.signed(Kind::OtherEvent, event, forge_id, (body, json!([]), 0))
    }

    /// The push under the id of a number, whatever the number itself stands for.
    fn push(&self, number: u64, kind: Kind) -> Delivery {
        let mut dice = self.seed.dice("push", number);
        let place = number % self.repositories;
        let turn = number / self.repositories;
        let repository = format!("{OWNER}/learner-{:x}-{place}", self.seed.0);
        let shape = self.bodies.draw(&mut dice);
        let forced = dice.gen_range(0..100) < self.shares.forced;
        let before = match turn.checked_sub(1) {
            Some(turn) => self.sha(place, turn, HEAD),
            None => self.sha(place, u64::MAX, HEAD),
        };
        // The head commit is listed twice.
        let least = BARE_BYTES + (shape.commits + 1) * COMMIT_BYTES;
        let rest = shape.bytes.saturating_sub(least);
        let (addresses, taken) = match shape.rest {
            Rest::Addresses => addresses::within(rest, &repository),
            Rest::Paths => (0, 0),
        };
        let rest = rest.saturating_sub(taken);
        let paths = rest / PATH_BYTES / (shape.commits + 1);
        let commits = self.commits(&mut dice, (shape.commits, paths), (place, turn));
        let told = Told {
            repository: &repository,
            number: place + 1,
            branch: "main",
            before: &before,
            forced,
            commits: &commits,
            addresses,
        };
        let body = self.template.write(&told);
        // A bad signature has an id of its own: its body must not be taken for a copy.
        let what = if kind == Kind::BadSignature { "b" } else { "p" };
        let forge_id = format!("{:08x}-{what}-{number}", self.seed.0);
        let shas: Vec<&str> = commits.iter().map(|commit| commit.sha.as_str()).collect();
        let mut push = json!({
            "repository": format!("{}:{repository}", self.source), "ref": "refs/heads/main",
            "before": before, "after": shas.last(), "commits": shas,
        });
        if self.enrolled {
            push["enrolled"] = json!(true);
            push["every_commit"] = json!(true);
            push["result"] = json!("unchecked");
        }
        self.signed(kind, "push", forge_id, (body, json!([push]), commits.len()))
    }

    /// So many commits, with so many made-up paths each.
    fn commits(
        &self,
        dice: &mut StdRng,
        (commits, paths): (usize, usize),
        (place, turn): (u64, u64),
    ) -> Vec<Commit> {
        let mut commit = |number: usize| {
            let mut changed = vec![format!("exercises/{turn}/answer-{number}.rs")];
            let more =
                (0..paths).map(|_| format!("exercises/src/part-{:016x}", dice.r#gen::<u64>()));
            changed.extend(more);
            Commit {
                sha: match number + 1 == commits {
                    true => self.sha(place, turn, HEAD),
                    false => self.sha(place, turn, number),
                },
                tree: self.sha(place, turn, 1_000 + number),
                message: format!("Answer exercise {turn}, part {number}"),
                paths: changed,
            }
        };
        (0..commits).map(&mut commit).collect()
    }

    fn sha(&self, place: u64, turn: u64, number: usize) -> String {
        let mut hash = Sha256::new();
        hash.update(self.seed.0.to_be_bytes());
        hash.update(place.to_be_bytes());
        hash.update(turn.to_be_bytes());
        hash.update(number.to_be_bytes());
        hex::encode(&hash.finalize()[..20])
    }

    fn signed(
        &self,
        kind: Kind,
        event: &str,
        forge_id: String,
        (body, pushes, commits): (String, Value, usize),
    ) -> Delivery {
        let secret = match kind {
            Kind::BadSignature => WRONG_SECRET,
            _ => &self.secret,
        };
        let body = Bytes::from(body);
        let digest = hex::encode(Sha256::digest(&body));
        let is_recorded = matches!(kind, Kind::Push | Kind::Repeat);
        let line = json!({
            "source": self.source, "provider": "github", "forge_delivery": forge_id,
            "event": event, "body_sha256": digest,
            "expect": if is_recorded { "recorded" } else { "nothing" },
            "pushes": if is_recorded { pushes } else { json!([]) },
        });
        Delivery {
            kind,
            signed: sign_bytes(event, &forge_id, body, secret),
            forge_id,
            line,
            commits,
        }
    }
}

impl Kind {
    /// Whether an answer is what it must be.
    pub fn takes(self, status: u16) -> bool {
        match self {
            Self::Push | Self::Repeat | Self::OtherEvent => (200..300).contains(&status),
            Self::BadSignature => status == 401,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::{MEASURED, Shape};

    fn traffic(seed: u64) -> Traffic {
        let commit = json!({
            "id": "", "tree_id": "", "message": "", "modified": [], "author": {}, "committer": {},
        });
        let payload = json!({
            "ref": "", "before": "", "after": "", "forced": false, "commits": [],
            "head_commit": commit, "sender": { "id": 1, "login": "" },
            "repository": { "id": 1, "name": "model-repository", "full_name": "class/model-repository" },
        });
        Traffic {
            seed: Seed(seed),
            bodies: Bodies::Fixed(MEASURED),
            shares: Shares {
                duplicates: 10,
                bad_signatures: 5,
                other_events: 5,
                forced: 5,
            },
            repositories: 50,
            source: "github".to_owned(),
            secret: b"a secret of the tests".to_vec(),
            enrolled: true,
            template: Template::of(&payload, "http://127.0.0.1:1").unwrap(),
        }
    }

    #[test]
    fn the_same_seed_sends_the_same_and_another_seed_something_else() {
        for number in 0..100 {
            let (one, other) = (traffic(7).delivery(number), traffic(7).delivery(number));
            assert_eq!((one.signed, one.line), (other.signed, other.line));
        }
        assert_ne!(traffic(7).delivery(5).signed, traffic(8).delivery(5).signed);
    }

    #[test]
    fn among_a_few_hundred_is_every_kind_and_a_repeat_is_byte_for_byte() {
        let traffic = traffic(7);
        let all: Vec<Delivery> = (0..400).map(|number| traffic.delivery(number)).collect();
        for kind in [
            Kind::Push,
            Kind::Repeat,
            Kind::BadSignature,
            Kind::OtherEvent,
        ] {
            assert!(all.iter().any(|one| one.kind == kind), "{kind:?}");
        }
        for repeat in all.iter().filter(|one| one.kind == Kind::Repeat) {
            let number = repeat.forge_id.rsplit('-').next().unwrap().parse().unwrap();
            assert_eq!(repeat.signed, traffic.push(number, Kind::Push).signed);
        }
    }

    #[test]
    fn a_bodys_size_is_near_the_one_that_was_asked_for() {
        for (rest, paths) in [(Rest::Addresses, 1..9), (Rest::Paths, 20..40)] {
            let mut traffic = traffic(7);
            traffic.bodies = Bodies::Fixed(Shape { rest, ..MEASURED });
            let body = traffic.push(60, Kind::Push).signed.body;
            assert!((5_000..9_500).contains(&body.len()), "{}", body.len());
            let body: Value = serde_json::from_slice(&body).unwrap();
            let changed = body["commits"][0]["modified"].as_array().unwrap().len();
            assert!(paths.contains(&changed), "{changed}");
        }
    }

    #[test]
    fn a_small_body_tells_of_as_many_addresses_as_fit() {
        let told = |bytes: usize| {
            let mut traffic = traffic(7);
            let shape = Shape {
                bytes,
                commits: 1,
                ..MEASURED
            };
            traffic.bodies = Bodies::Fixed(shape);
            let body = traffic.push(60, Kind::Push).signed.body;
            let body: Value = serde_json::from_slice(&body).unwrap();
            let told = |object: &Value| {
                let members = object.as_object().unwrap().keys();
                members.filter(|name| name.ends_with("_url")).count()
            };
            [
                &body["repository"],
                &body["repository"]["owner"],
                &body["sender"],
            ]
            .map(told)
        };
        let [least, some, most] = [2 * 1024, 4 * 1024, 64 * 1024].map(told);
        assert!(
            least[0] < some[0] && some[0] < most[0],
            "{least:?} {some:?} {most:?}"
        );
        assert_eq!(
            (some[1..].to_vec(), most[1..].to_vec()),
            (vec![1, 1], vec![9, 9])
        );
    }

    #[test]
    fn a_push_begins_where_the_one_before_it_ended() {
        let traffic = traffic(7);
        let first = traffic.push(3, Kind::Push).line;
        let next = traffic.push(53, Kind::Push).line;
        assert_eq!(
            next["pushes"][0]["repository"],
            first["pushes"][0]["repository"]
        );
        assert_eq!(next["pushes"][0]["before"], first["pushes"][0]["after"]);
    }
}
