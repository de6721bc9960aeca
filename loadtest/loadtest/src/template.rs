//! Owns the body of a push as it is written fast: a real one of the sample's, cut at the places
//! where pushes differ.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use sample::delivery::Push;
use sample::forge::LoopbackForge;
use sample::lab::PASSING;
use sample::repository::Clock;
use serde_json::{Value, json};

use crate::addresses::Of;

/// The repository that the body is of, until it is cut.
const MODEL: &str = "class/model-repository";
/// Where bodies say that the forge is, so that the same seed sends the same bytes.
pub(crate) const FORGE: &str = "https://forge.example";
/// What stands for a place, with the place's name between two of them.
const MARK: &str = "@@";

/// What differs from push to push.
#[derive(Clone, PartialEq, Debug)]
pub struct Told<'a> {
    /// `owner/name`.
    pub repository: &'a str,
    /// The forge's number of the repository, and of its learner.
    pub number: u64,
    /// The branch.
    pub branch: &'a str,
    /// Where it was.
    pub before: &'a str,
    /// Whether that was not on the way to where it is now.
    pub forced: bool,
    /// The commits, oldest first.
    pub commits: &'a [Commit],
    /// How many addresses it tells of its repository, the owner and who pushed; one of each in any case.
    pub addresses: usize,
}

/// A commit of a push.
#[derive(Clone, PartialEq, Debug)]
pub struct Commit {
    /// Its SHA.
    pub sha: String,
    /// Its tree's.
    pub tree: String,
    /// Its message.
    pub message: String,
    /// The paths that it changed.
    pub paths: Vec<String>,
}

/// A body that can be written again and again.
#[derive(Clone, PartialEq, Debug)]
pub struct Template {
    push: Vec<Piece>,
    commit: Vec<Piece>,
}

#[derive(Clone, PartialEq, Debug)]
enum Piece {
    Text(String),
    Place(String),
}

impl Template {
    /// Makes the body out of a real push of the sample's.
    ///
    /// # Errors
    /// What git says.
    pub async fn make(forge: &LoopbackForge) -> Result<Self> {
        let model = forge.create(MODEL, Clock::Fixed).await?;
        let before = model.commit("main", "Begin", &[]).await?;
        let after = model
            .commit("main", "Write add and subtract", PASSING)
            .await?;
        let push = Push {
            branch: "main",
            before: Some(&before),
            after: Some(&after),
        };
        let payload = push.payload(&model).await.context("make a push")?;
        Self::of(&payload, &forge.url())
    }

    /// Cuts a payload in GitHub's shape.
    ///
    /// # Errors
    /// If it lacks a place that every push has.
    pub fn of(payload: &Value, forge: &str) -> Result<Self> {
        let mut push = payload.clone();
        let mark = |name: &str| json!(format!("{MARK}{name}{MARK}"));
        let mut commit = push["head_commit"].take();
        ensure!(commit.is_object(), "the sample's push has no head commit");
        for (place, name) in [("id", "sha"), ("tree_id", "tree"), ("message", "message")] {
            commit[place] = mark(name);
        }
        commit["modified"] = mark("paths");
        for who in ["author", "committer"] {
            commit[who]["username"] = mark("login");
            commit[who]["name"] = mark("login");
            commit[who]["email"] = mark("email");
        }
        push["ref"] = json!(format!("refs/heads/{MARK}branch{MARK}"));
        push["before"] = mark("before");
        push["after"] = mark("after");
        push["forced"] = mark("forced");
        push["commits"] = mark("commits");
        push["head_commit"] = mark("head");
        push["repository"]["id"] = mark("number");
        push["repository"][Of::Repository.first()] = mark("addresses");
        push["repository"]["owner"][Of::Owner.first()] = mark("owner's");
        push["sender"][Of::Sender.first()] = mark("sender's");
        push["sender"]["id"] = mark("number");
        push["sender"]["login"] = mark("login");
        push["pusher"] = json!({ "name": mark("login"), "email": mark("email") });
        let text = |value: &Value| {
            let (_, name) = MODEL.split_once('/').unwrap_or_default();
            value
                .to_string()
                .replace(forge, FORGE)
                .replace(MODEL, &format!("{MARK}repository{MARK}"))
                .replace(name, &format!("{MARK}name{MARK}"))
        };
        Ok(Self {
            push: cut(&text(&push)),
            commit: cut(&text(&commit)),
        })
    }

    /// Writes a body.
    pub fn write(&self, told: &Told<'_>) -> String {
        let mut body = String::with_capacity(4 * 1024);
        for piece in &self.push {
            match piece {
                Piece::Text(text) => body.push_str(text),
                Piece::Place(place) => self.fill(&mut body, place, told),
            }
        }
        body
    }

    fn fill(&self, body: &mut String, place: &str, told: &Told<'_>) {
        let last = told.commits.last();
        let wrote = match place {
            "repository" => write!(body, "{}", told.repository),
            "name" => {
                let name = told.repository.split_once('/');
                write!(body, "{}", name.map_or(told.repository, |(_, name)| name))
            }
            "branch" => write!(body, "{}", told.branch),
            "before" => write!(body, "\"{}\"", told.before),
            "after" => {
                let after = last.map_or(told.before, |commit| &commit.sha);
                write!(body, "\"{after}\"")
            }
            "forced" => write!(body, "{}", told.forced),
            "number" => write!(body, "{}", told.number),
            "login" => write!(body, "\"learner-{}\"", told.number),
            "email" => write!(body, "\"learner-{}@example.org\"", told.number),
            "commits" => {
                body.push('[');
                for (number, commit) in told.commits.iter().enumerate() {
                    if number > 0 {
                        body.push(',');
                    }
                    self.commit(body, commit, told);
                }
                body.push(']');
                Ok(())
            }
            "head" => {
                match last {
                    Some(commit) => self.commit(body, commit, told),
                    None => body.push_str("null"),
                }
                Ok(())
            }
            "addresses" => Of::Repository.write(body, told.addresses, told.repository),
            "owner's" => {
                let owner = told.repository.split('/').next();
                Of::Owner.write(body, told.addresses, owner.unwrap_or_default())
            }
            "sender's" => {
                let sender = format!("learner-{}", told.number);
                Of::Sender.write(body, told.addresses, &sender)
            }
            _ => Ok(()),
        };
        wrote.expect("a string takes all that is written");
    }

    fn commit(&self, body: &mut String, commit: &Commit, told: &Told<'_>) {
        for piece in &self.commit {
            match piece {
                Piece::Text(text) => body.push_str(text),
                Piece::Place(place) => match place.as_str() {
                    "sha" => quote(body, &commit.sha),
                    "tree" => quote(body, &commit.tree),
                    "message" => quote(body, &commit.message),
                    "paths" => {
                        body.push('[');
                        for (number, path) in commit.paths.iter().enumerate() {
                            if number > 0 {
                                body.push(',');
                            }
                            quote(body, path);
                        }
                        body.push(']');
                    }
                    other => self.fill(body, other, told),
                },
            }
        }
    }
}

/// Nothing that is written here has to be escaped.
fn quote(body: &mut String, text: &str) {
    body.push('"');
    body.push_str(text);
    body.push('"');
}

/// Cuts at the marks. One that is a whole string goes with its quotes.
fn cut(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (number, part) in text.split(MARK).enumerate() {
        if number % 2 == 1 {
            pieces.push(Piece::Place(part.to_owned()));
        } else if !part.is_empty() {
            pieces.push(Piece::Text(part.to_owned()));
        }
    }
    // Places that bring their own quotes, or none.
    let own = [
        "sha",
        "tree",
        "message",
        "paths",
        "login",
        "email",
        "before",
        "after",
        "forced",
        "commits",
        "head",
        "number",
        "addresses",
        "owner's",
        "sender's",
    ];
    for place in 0..pieces.len() {
        let is_own = matches!(&pieces[place], Piece::Place(name) if own.contains(&name.as_str()));
        if !is_own || place == 0 {
            continue;
        }
        let (left, right) = pieces.split_at_mut(place);
        if let (Some(Piece::Text(before)), Some(Piece::Text(after))) =
            (left.last_mut(), right.get_mut(1))
            && before.ends_with('"')
            && after.starts_with('"')
        {
            before.pop();
            after.remove(0);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use forge::provider::Provider;

    use super::*;

    #[tokio::test]
    async fn a_body_reads_as_the_push_that_it_tells_of() {
        let folder = tempfile::tempdir().unwrap();
        let served = LoopbackForge::start(folder.path()).await.unwrap();
        let template = Template::make(&served).await.unwrap();
        let commit = |n: usize| Commit {
            sha: format!("{n:040x}"),
            tree: format!("{:040x}", n + 100),
            message: format!("Answer {n}"),
            paths: vec![format!("src/{n}.rs"), "notes.txt".to_owned()],
        };
        let before = "f".repeat(40);
        let commits = [commit(1), commit(2)];
        let told = Told {
            repository: "class/learner-7",
            number: 7,
            branch: "main",
            before: &before,
            forced: true,
            commits: &commits,
            addresses: 3,
        };
        let body = template.write(&told);
        assert!(
            !body.contains(MARK) && !body.contains("127.0.0.1"),
            "{body}"
        );
        let json: Value = serde_json::from_str(&body).unwrap();
        let read = forge::push::read(Provider::Github, &body).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(json["repository"]["full_name"], "class/learner-7");
        assert_eq!(json["repository"]["name"], "learner-7");
        assert_eq!(json["sender"]["id"], 7);
        assert_eq!(
            (&json["after"], &json["forced"]),
            (&json!(commits[1].sha), &json!(true))
        );
        assert_eq!(json["head_commit"]["id"], commits[1].sha);
        assert_eq!(json["commits"][0]["modified"], json!(commits[0].paths));
        assert_eq!(json["commits"].as_array().unwrap().len(), 2);
        let told_of = &json["repository"];
        assert_eq!(
            told_of["keys_url"],
            format!("{FORGE}/repos/class/learner-7/keys{{/key_id}}")
        );
        assert!(told_of["forks_url"].is_string() && told_of["collaborators_url"].is_string());
        assert!(told_of["teams_url"].is_null());
        served.stop().await.unwrap();
    }
}
