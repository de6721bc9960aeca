//! Owns what GitHub tells of a repository, its owner and who pushed beyond what anybody reads, as thought: the
//! addresses of their parts. They are some five of the seven to nine KB of a common push there, four here.

use std::fmt::{self, Write as _};

use crate::template::FORGE;

/// Whose addresses they are, in the order in which a body has more of them the larger it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Of {
    Repository,
    Owner,
    Sender,
}

/// A member's name, and what of its address is behind that of the repository or account.
type Part = (&'static str, &'static str);

/// As recorded pushes have them (`shared/forge/tests/data`).
const REPOSITORY: [Part; 36] = [
    ("forks_url", "forks"),
    ("keys_url", "keys{/key_id}"),
    ("collaborators_url", "collaborators{/collaborator}"),
    ("teams_url", "teams"),
    ("hooks_url", "hooks"),
    ("issue_events_url", "issues/events{/number}"),
    ("events_url", "events"),
    ("assignees_url", "assignees{/user}"),
    ("branches_url", "branches{/branch}"),
    ("tags_url", "tags"),
    ("blobs_url", "git/blobs{/sha}"),
    ("git_tags_url", "git/tags{/sha}"),
    ("git_refs_url", "git/refs{/sha}"),
    ("trees_url", "git/trees{/sha}"),
    ("statuses_url", "statuses/{sha}"),
    ("languages_url", "languages"),
    ("stargazers_url", "stargazers"),
    ("contributors_url", "contributors"),
    ("subscribers_url", "subscribers"),
    ("subscription_url", "subscription"),
    ("commits_url", "commits{/sha}"),
    ("git_commits_url", "git/commits{/sha}"),
    ("comments_url", "comments{/number}"),
    ("issue_comment_url", "issues/comments{/number}"),
    ("contents_url", "contents/{+path}"),
    ("compare_url", "compare/{base}...{head}"),
    ("merges_url", "merges"),
    ("archive_url", "{archive_format}{/ref}"),
    ("downloads_url", "downloads"),
    ("issues_url", "issues{/number}"),
    ("pulls_url", "pulls{/number}"),
    ("milestones_url", "milestones{/number}"),
    (
        "notifications_url",
        "notifications{?since,all,participating}",
    ),
    ("labels_url", "labels{/name}"),
    ("releases_url", "releases{/id}"),
    ("deployments_url", "deployments"),
];
/// As [`REPOSITORY`].
const ACCOUNT: [Part; 9] = [
    ("followers_url", "followers"),
    ("following_url", "following{/other_user}"),
    ("gists_url", "gists{/gist_id}"),
    ("starred_url", "starred{/owner}{/repo}"),
    ("subscriptions_url", "subscriptions"),
    ("organizations_url", "orgs"),
    ("repos_url", "repos"),
    ("events_url", "events{/privacy}"),
    ("received_events_url", "received_events"),
];

impl Of {
    const ALL: [Self; 3] = [Self::Repository, Self::Owner, Self::Sender];

    fn parts(self) -> &'static [Part] {
        match self {
            Self::Repository => &REPOSITORY,
            Self::Owner | Self::Sender => &ACCOUNT,
        }
    }

    /// The member under which a template has the first of them, and with it the others.
    pub(crate) fn first(self) -> &'static str {
        self.parts()[0].0
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Repository => "repos",
            Self::Owner | Self::Sender => "users",
        }
    }

    /// How many of so many are of this one: the first in any case.
    fn share(self, count: usize) -> usize {
        let before = Self::ALL.into_iter().take_while(|of| *of != self);
        let before: usize = before.map(|of| of.parts().len()).sum();
        count.saturating_sub(before).clamp(1, self.parts().len())
    }

    /// Writes the value of the first, and the others as members of their own: as many as this has of `count`.
    pub(crate) fn write(self, body: &mut String, count: usize, whose: &str) -> fmt::Result {
        let parts = self.parts().iter().take(self.share(count));
        for (number, (name, part)) in parts.enumerate() {
            if number > 0 {
                write!(body, ",\"{name}\":")?;
            }
            write!(body, "\"{FORGE}/{}/{whose}/{part}\"", self.kind())?;
        }
        Ok(())
    }
}

/// How many take no more than so many bytes, and how many bytes those take, for this repository and about as long
/// names of accounts as its owner's.
pub(crate) fn within(bytes: usize, repository: &str) -> (usize, usize) {
    let owner = repository.split('/').next().unwrap_or_default();
    let all = Of::ALL.into_iter().flat_map(|of| {
        let whose = match of {
            Of::Repository => repository,
            Of::Owner | Of::Sender => owner,
        };
        let around = "\"\":\"////\",".len() + FORGE.len() + of.kind().len() + whose.len();
        of.parts()
            .iter()
            .map(move |(name, part)| around + name.len() + part.len())
    });
    let mut taken = (0, 0);
    for size in all {
        if taken.1 + size > bytes {
            break;
        }
        taken = (taken.0 + 1, taken.1 + size);
    }
    taken
}
