//! Owns the thought: which deliveries and refs are gaps, and what is to be done about each. No
//! clock, no ledger, no forge.

use std::collections::{BTreeMap, HashMap, HashSet};

use contract::delivery::RefFound;
use contract::ids::PushId;
use contract::name::{CommitSha, Repository};
use contract::time::Timestamp;
use forge_api::github::{Delivery, Owner};
use git::refs::Ref;
use store::reconciliation::KnownRef;

/// Most tries that a delivery may have had: one that failed this often is not asked for again.
pub(crate) const TRIES_MAX: usize = 24;

/// A delivery as the forge tells of it, all its tries together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    pub(crate) guid: String,
    pub(crate) event: String,
    pub(crate) owner: Owner,
    pub(crate) hook: u64,
    /// The number of its newest try, by which it is made again.
    pub(crate) newest: u64,
    pub(crate) last_status: u16,
    pub(crate) first_at: Timestamp,
    /// Whether any try was answered with a 2xx.
    pub(crate) answered: bool,
    pub(crate) tries: usize,
}

/// The deliveries of a hook, gathered from the forge's pages.
#[derive(Debug)]
pub(crate) struct Gathered {
    owner: Owner,
    hook: u64,
    told: HashMap<String, Told>,
}

impl Gathered {
    pub(crate) fn new(owner: Owner, hook: u64) -> Self {
        Self {
            owner,
            hook,
            told: HashMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.told.len()
    }

    /// Takes a try in. The order in which they come says nothing.
    pub(crate) fn take(&mut self, tried: &Delivery) {
        let told = self.told.entry(tried.guid.clone()).or_insert_with(|| Told {
            guid: tried.guid.clone(),
            event: tried.event.clone(),
            owner: self.owner.clone(),
            hook: self.hook,
            newest: tried.id,
            last_status: tried.status_code,
            first_at: tried.at(),
            answered: false,
            tries: 0,
        });
        told.tries += 1;
        told.answered |= tried.is_answered();
        told.first_at = told.first_at.min(tried.at());
        if tried.id >= told.newest {
            told.newest = tried.id;
            told.last_status = tried.status_code;
        }
    }

    /// All of them, by their GUIDs.
    pub(crate) fn into_told(self) -> BTreeMap<String, Told> {
        self.told.into_iter().collect()
    }
}

/// What is done about a delivery that the ledger lacks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// The forge is asked to make it again.
    Redelivery,
    /// The push is recorded as one that was found.
    Record,
    /// Nothing more: it was tried too often.
    Nothing,
}

impl Action {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Redelivery => "redelivery",
            Self::Record => "record",
            Self::Nothing => "none",
        }
    }
}

impl Told {
    /// `delivery-lost` is the grave one: we answered with a 2xx, and the ledger does not have it.
    pub(crate) fn kind(&self) -> &'static str {
        if self.answered {
            "delivery-lost"
        } else {
            "delivery-failed"
        }
    }

    pub(crate) fn action(&self) -> Action {
        if self.tries < TRIES_MAX {
            Action::Redelivery
        } else {
            Action::Nothing
        }
    }
}

/// The refs of a repository that are elsewhere than the ledger last saw them. One that is where one
/// of the repository's sessions started is no push.
pub(crate) fn elsewhere(
    repository: &Repository,
    starting: &[String],
    refs: &[Ref],
    known: &[KnownRef],
) -> Vec<RefFound> {
    let mut found = Vec::new();
    let here: HashMap<&str, &CommitSha> = refs
        .iter()
        .map(|one| (one.ref_name.as_str(), &one.head))
        .collect();
    let seen: HashSet<&str> = known.iter().map(|known| known.ref_name.as_str()).collect();
    for known in known {
        let head = here.get(known.ref_name.as_str()).copied();
        let at = head.map(CommitSha::as_str);
        // Linkage says where the ref is; the newest push has a say where pushes are missing between
        // the others, so that what was found once is not found again and again.
        if known.head_sha.as_deref() == at || known.newest_sha.as_deref() == at {
            continue;
        }
        found.push(RefFound {
            repository: repository.clone(),
            ref_name: known.ref_name.clone(),
            before: known.head_sha.as_deref().and_then(|sha| sha.parse().ok()),
            after: head.cloned(),
            since: Some(PushId::from_uuid(known.newest_push)),
        });
    }
    let new = refs.iter().filter(|one| {
        let is_start = starting.iter().any(|sha| sha == one.head.as_str());
        !is_start && !seen.contains(one.ref_name.as_str())
    });
    found.extend(new.map(|one| RefFound {
        repository: repository.clone(),
        ref_name: one.ref_name.clone(),
        before: None,
        after: Some(one.head.clone()),
        since: None,
    }));
    found
}

/// Whether what was found is a tag that the ledger never saw. A fork has its origin's tags, which
/// nobody pushed: only one whose commit the ledger has a push of counts.
pub(crate) fn is_new_tag(found: &RefFound) -> bool {
    found.since.is_none() && found.ref_name.starts_with(git::refs::TAGS)
}

#[cfg(test)]
mod tests;
