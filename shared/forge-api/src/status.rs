//! Owns commit statuses: what a commit is marked with at GitHub, GitLab, and Gitea or Forgejo.
//! <https://docs.github.com/rest/commits/statuses>,
//! <https://docs.gitlab.com/api/commits/#set-commit-pipeline-status>,
//! <https://docs.gitea.com/api/> (`repoCreateStatus`).

use forge::provider::Provider;
use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Client, Question};
use crate::error::ApiError;

/// How a commit stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It waits for its judgement.
    Pending,
    /// It passed.
    Success,
    /// It failed.
    Failure,
    /// It could not be judged.
    Error,
}

/// What a commit is marked with. The forge keeps one mark for each context.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// How it stands.
    pub state: State,
    /// Whose mark it is: `assay/<lab>`.
    pub context: String,
    /// One line for people; more than the forge takes is cut off.
    pub description: String,
    /// Where people read more.
    pub target_url: Option<String>,
}

impl State {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }

    /// The forge's word. GitLab has none for what could not be judged, and `failed` would blame the
    /// learner.
    const fn word(self, provider: Provider) -> &'static str {
        match (provider, self) {
            (Provider::Gitlab, Self::Failure) => "failed",
            (Provider::Gitlab, Self::Error) => "canceled",
            _ => self.as_str(),
        }
    }
}

/// Longest description that the forge takes, in characters. Gitea and Forgejo name no bound.
const fn chars_max(provider: Provider) -> usize {
    match provider {
        Provider::Github => 140,
        _ => 255,
    }
}

impl Status {
    /// What is posted, in the forge's words.
    pub fn body(&self, provider: Provider) -> Value {
        let description = one_line(&self.description, chars_max(provider));
        let mut body = json!({
            "state": self.state.word(provider),
            "context": self.context,
            "description": description,
        });
        if let Some(url) = &self.target_url {
            body["target_url"] = json!(url);
        }
        body
    }
}

/// Marks a commit of `full_name` (`owner/name`, at GitLab any depth of groups). Once more is
/// harmless.
///
/// # Errors
/// [`ApiError`]; [`ApiError::Unmoved`] where it is marked so already.
pub async fn set(
    client: &Client,
    provider: Provider,
    full_name: &str,
    commit: &str,
    status: &Status,
) -> Result<(), ApiError> {
    let what = format!("status of {commit} of {full_name}");
    let mut path = match provider {
        // One part: its slashes are escaped.
        Provider::Gitlab => vec!["projects", full_name],
        _ => std::iter::once("repos")
            .chain(full_name.split('/'))
            .collect(),
    };
    path.extend(["statuses", commit]);
    if full_name
        .split('/')
        .any(|part| matches!(part, "" | "." | ".."))
    {
        return Err(ApiError::NotFound { what });
    }
    let question = Question {
        method: Method::POST,
        path: &path,
        query: &[],
        body: Some(status.body(provider).to_string().into_bytes()),
        what,
    };
    client.ask(question).await.map(drop)
}

/// The text on one line of at most `chars_max` characters, without what terminals or right-to-left
/// marks would do with it.
fn one_line(text: &str, chars_max: usize) -> String {
    let harmless = |c: char| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        !turns && (c.is_whitespace() || !c.is_control())
    };
    let kept: String = text.chars().filter(|c| harmless(*c)).collect();
    let line = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= chars_max {
        return line;
    }
    let cut = line.chars().take(chars_max - 1);
    cut.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_one_harmless_line_that_the_forge_takes() {
        for (text, expected) in [
            ("", ""),
            ("3 of 4", "3 of 4"),
            ("a\n\tb  c", "a b c"),
            ("\u{1b}[31mred\u{202e}", "[31mred"),
            ("0123456789", "0123456789"),
            ("0123456789a", "012345678…"),
            ("üüüüüüüüüüü", "üüüüüüüüü…"),
        ] {
            assert_eq!(one_line(text, 10), expected, "{text:?}");
        }
        let mut status = Status {
            state: State::Error,
            context: "assay/intro".to_owned(),
            description: "x".repeat(300),
            target_url: None,
        };
        for (provider, chars, word) in [
            (Provider::Github, 140, "error"),
            (Provider::Gitlab, 255, "canceled"),
            (Provider::Gitea, 255, "error"),
        ] {
            let body = status.body(provider);
            assert_eq!(body["description"].as_str().unwrap().chars().count(), chars);
            assert_eq!(body["state"], word);
            assert_eq!(body.get("target_url"), None);
        }
        status.target_url = Some("https://assay.example/a".to_owned());
        let body = status.body(Provider::Github);
        assert_eq!(body["target_url"], "https://assay.example/a");
    }
}
