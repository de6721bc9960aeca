//! Owns the account of what was sent and answered: a file of JSON lines, as the README defines it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// One line of the file.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Line {
    Sent(Request),
    Answered(Answer),
    Unanswered {
        request: u64,
    },
    Silent(Silent),
    Poison(Poison),
    Fault {
        what: String,
    },
    #[serde(other)]
    Remark,
}

/// A webhook request, written down before it was sent.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    /// Its number in the account.
    pub(crate) request: u64,
    pub(crate) source: String,
    pub(crate) forge_delivery: String,
    pub(crate) event: String,
    pub(crate) body_sha256: String,
    #[serde(default)]
    pub(crate) expect: Expected,
    #[serde(default)]
    pub(crate) pushes: Vec<PushSent>,
}

/// What a 2xx to a request promises.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Expected {
    /// That the delivery is recorded.
    #[default]
    Recorded,
    /// Nothing: a ping, or an event that nobody wants.
    Nothing,
}

/// What a body says of one ref.
#[derive(Debug, Deserialize)]
pub(crate) struct PushSent {
    /// `source:owner/name`, in lower case.
    pub(crate) repository: String,
    #[serde(rename = "ref")]
    pub(crate) ref_name: String,
    #[serde(default)]
    pub(crate) before: Option<String>,
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// The commits that must become attempts where the repository has a session.
    #[serde(default)]
    pub(crate) commits: Vec<String>,
    /// Whether the repository must have a session.
    #[serde(default)]
    pub(crate) enrolled: bool,
    /// Whether the lab verifies every commit, and not the head alone.
    #[serde(default)]
    pub(crate) every_commit: bool,
    /// How the head must come out: `pass` or `fail`; every commit, where each is verified.
    #[serde(default)]
    pub(crate) result: Option<String>,
}

/// What a request was answered.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) request: u64,
    pub(crate) status: u16,
    /// The receipt's delivery.
    #[serde(default)]
    pub(crate) delivery: Option<String>,
    #[serde(default)]
    pub(crate) duplicate: bool,
}

/// A push that was made in git and of which no webhook was sent: it must be found.
#[derive(Debug, Deserialize)]
pub(crate) struct Silent {
    pub(crate) push: PushSent,
}

/// A message that was put straight into a stream and can never succeed.
#[derive(Debug, Deserialize)]
pub(crate) struct Poison {
    pub(crate) stream: String,
    pub(crate) message_id: String,
}

/// Everything that was sent and answered.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) requests: BTreeMap<u64, Request>,
    pub(crate) answers: BTreeMap<u64, Answer>,
    pub(crate) silent: Vec<Silent>,
    pub(crate) poisons: Vec<Poison>,
    /// How often each kind of fault was noted.
    pub(crate) faults: BTreeMap<String, u64>,
}

impl PushSent {
    /// The commits that a request is made for.
    pub(crate) fn verified(&self) -> impl Iterator<Item = &str> {
        let each = self.commits.iter().filter(|_| self.every_commit);
        let head = self
            .after
            .iter()
            .filter(|head| !self.every_commit || !self.commits.contains(head));
        each.chain(head).map(String::as_str)
    }
}

impl Account {
    /// Reads a file.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("understand {}", file.display()))
    }

    /// Understands the lines. One that was cut off at the end, by the death of its writer, counts
    /// for nothing: what it would have said of was not sent yet, or not answered.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut account = Self::default();
        for (number, line) in text.split_inclusive('\n').enumerate() {
            if !line.ends_with('\n') {
                break;
            }
            let number = number + 1;
            let read = serde_json::from_str(line).with_context(|| format!("line {number}"))?;
            account
                .take(read)
                .with_context(|| format!("line {number}"))?;
        }
        Ok(account)
    }

    fn take(&mut self, line: Line) -> Result<()> {
        match line {
            Line::Sent(request) => {
                let number = request.request;
                if self.requests.insert(number, request).is_some() {
                    bail!("request {number} was sent before");
                }
            }
            Line::Answered(answer) => {
                let number = answer.request;
                if !self.requests.contains_key(&number) {
                    bail!("request {number} is answered, and was never sent");
                }
                if self.answers.insert(number, answer).is_some() {
                    bail!("request {number} was answered before");
                }
            }
            Line::Unanswered { request } => {
                if !self.requests.contains_key(&request) {
                    bail!("request {request} has no answer, and was never sent");
                }
            }
            Line::Silent(silent) => self.silent.push(silent),
            Line::Poison(poison) => self.poisons.push(poison),
            Line::Fault { what } => *self.faults.entry(what).or_default() += 1,
            Line::Remark => {}
        }
        Ok(())
    }
}

impl Account {
    /// Everything that was pushed: what webhooks told of, and what none did.
    pub(crate) fn pushed(&self) -> impl Iterator<Item = &PushSent> {
        let told = self.requests.values().flat_map(|request| &request.pushes);
        told.chain(self.silent.iter().map(|silent| &silent.push))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "{\"kind\":\"sent\",\"request\":1,\"source\":\"s\",\
        \"forge_delivery\":\"d\",\"event\":\"push\",\"body_sha256\":\"x\"}";
    const ANSWERED: &str = r#"{"kind":"answered","request":1,"status":202}"#;

    #[test]
    fn an_account_is_read_line_by_line() {
        let lines = [SENT, ANSWERED, r#"{"kind":"weather","rain":true}"#, ""].join("\n");
        let account = Account::parse(&lines).unwrap();
        assert_eq!((account.requests.len(), account.answers.len()), (1, 1));
    }

    #[test]
    fn a_line_that_was_cut_off_counts_for_nothing() {
        let account = Account::parse(&format!("{SENT}\n{{\"kind\":\"answ")).unwrap();
        assert_eq!((account.requests.len(), account.answers.len()), (1, 0));
    }

    #[test]
    fn an_account_that_contradicts_itself_is_refused() {
        for lines in [
            format!("{SENT}\n{SENT}\n"),
            format!("{ANSWERED}\n"),
            format!("{SENT}\n{ANSWERED}\n{ANSWERED}\n"),
            "{\"kind\":\"sent\"}\n".to_owned(),
            "not JSON\n".to_owned(),
        ] {
            Account::parse(&lines).unwrap_err();
        }
    }
}
