//! Owns what a push says, in words of our own, whoever says it.

use contract::name::CommitSha;
use contract::time::Timestamp;
use thiserror::Error;

use crate::provider::Provider;
use crate::{bitbucket, gitea, github, gitlab, standard};

/// Longest name of a ref, in bytes: more than any git accepts as one file's path.
pub const REF_BYTES_MAX: usize = 1_024;
/// Most paths of each kind that are taken of a listed commit, of up to 3,000 that GitHub lists: a
/// body of the largest size has more of them than anybody wants to hold.
pub const PATHS_MAX: usize = 200;

/// What a delivery says of one ref. A hint: git is the truth.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Push {
    /// The repository's full name, `owner/name`, as the forge writes it.
    pub repository: String,
    /// What kind of ref.
    pub kind: RefKind,
    /// The ref's name: without `refs/heads/` or `refs/tags/`, else whole.
    pub name: String,
    /// What the ref named before; `None` when it was created.
    pub before: Option<CommitSha>,
    /// What the ref names now; `None` when it was deleted. For an annotated tag it is the tag
    /// object: see [`Push::head`].
    pub after: Option<CommitSha>,
    /// Whether the ref is new.
    pub created: bool,
    /// Whether the ref is gone.
    pub deleted: bool,
    /// Whether `before` was left behind. A new ref can be forced too. GitLab, Gitea and Forgejo do
    /// not say: then it is `false`, and git knows.
    pub forced: bool,
    /// The commit that the ref leads to, where the forge names it apart from `after`.
    pub head_sha: Option<CommitSha>,
    /// That commit as the forge describes it apart from `commits`.
    pub head_commit: Option<ListedCommit>,
    /// The commits that the forge lists, oldest first. [`Push::listing`] says whether there are
    /// more.
    pub commits: Vec<ListedCommit>,
    /// Whether the list is all that the push brought.
    pub listing: Listing,
    /// Who pushed, by name and address.
    pub pusher: Option<Person>,
    /// Whose account sent it.
    pub sender: Option<Account>,
    /// When the forge says it happened.
    pub pushed_at: Option<Timestamp>,
}

/// Whether a push's list of commits is all that it brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listing {
    /// All: the forge says so, or lists fewer than it would before it stops. Also where there is
    /// nothing to list: a deletion, a tag.
    Whole,
    /// Not all; the total where the forge says it.
    Cut {
        /// How many commits the forge counts.
        total: Option<u64>,
    },
    /// Nobody can know from the payload: the list is at the forge's cap and there is no total, or
    /// the ref is new and the forge lists it against a branch of its own choice.
    Unknown,
}

/// What kind of ref.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefKind {
    /// `refs/heads/`
    Branch,
    /// `refs/tags/`
    Tag,
    /// Any other.
    Other,
}

/// A commit as a payload lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedCommit {
    /// Its SHA.
    pub sha: CommitSha,
    /// Its author.
    pub author: Person,
    /// Its time, as git has it.
    pub committed_at: Option<Timestamp>,
    /// Paths of files that it adds, at most [`PATHS_MAX`].
    pub added: Vec<String>,
    /// Paths of files that it removes, likewise.
    pub removed: Vec<String>,
    /// Paths of files that it changes, likewise.
    pub modified: Vec<String>,
    /// How many paths the payload lists of all three kinds.
    pub paths_listed: usize,
}

/// A person as a payload names them. Personal data: sealed before it is stored.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// The name.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The login of the account that the forge knows behind the address.
    pub login: Option<String>,
}

/// An account of the forge. Personal data: becomes a pseudonym before it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The forge's number of the account, as text: it may exceed what a float holds.
    pub id: String,
    /// The login, which its owner may change.
    pub login: Option<String>,
}

/// A payload that is no push we can read.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{at} of the push: {problem}")]
pub struct Unreadable {
    /// Where, as `commits[3].id`.
    pub at: String,
    /// What is wrong; nothing of the payload itself.
    pub problem: String,
}

impl Push {
    /// The commit that the ref leads to: for an annotated tag the commit, not the tag object.
    /// `None` for a deletion, and for a tag whose commit the forge does not say.
    pub fn head(&self) -> Option<&CommitSha> {
        if self.deleted {
            return None;
        }
        let named = self.head_commit.as_ref().map(|commit| &commit.sha);
        match (named.or(self.head_sha.as_ref()), self.kind) {
            (Some(named), _) => Some(named),
            (None, RefKind::Branch) => self.after.as_ref(),
            (None, RefKind::Tag | RefKind::Other) => None,
        }
    }
}

/// Reads the pushes in `json`, the JSON text of a delivery's body: one for each ref. Only
/// Bitbucket puts more than one ref, or none, into a delivery.
///
/// # Errors
/// [`Unreadable`] where something essential is missing or of another form: the repository, the
/// ref, what it names, a listed commit's SHA. All else may be missing.
pub fn read(provider: Provider, json: &str) -> Result<Vec<Push>, Unreadable> {
    let one = match provider {
        Provider::Github => github::push::read(json),
        Provider::Gitlab => gitlab::push::read(json),
        Provider::Gitea | Provider::Forgejo => gitea::push::read(json),
        Provider::Bitbucket => return bitbucket::push::read(json),
        Provider::StandardWebhooks => standard::push::read(json),
    };
    one.map(|push| vec![push])
}

/// Splits a ref's full name.
pub(crate) fn split_ref(full: &str) -> (RefKind, &str) {
    if let Some(name) = full.strip_prefix("refs/heads/") {
        (RefKind::Branch, name)
    } else if let Some(name) = full.strip_prefix("refs/tags/") {
        (RefKind::Tag, name)
    } else {
        (RefKind::Other, full)
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person(not shown)")
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Account(not shown)")
    }
}
