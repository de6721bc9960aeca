//! Owns the messages that follow a push's snapshots: pure.

use std::collections::HashSet;

use contract::job::{
    ATTEMPTS_PER_JOB_MAX, AttemptToPreserve, CommitsFound, FoundCommit, Handed, PreservedTree,
    SnapshotRequested, VerificationRequested,
};
use contract::name::CommitSha;
use contract::unchecked::UncheckedRequested;

/// The request to verify an attempt, if the lab wants it verified.
pub(crate) fn verification(
    job: &SnapshotRequested,
    attempt: &AttemptToPreserve,
    tree: PreservedTree,
) -> Option<VerificationRequested> {
    Some(VerificationRequested {
        push: job.push.clone(),
        request: attempt.request?,
        attempt: attempt.attempt,
        commit: attempt.commit.clone(),
        tree,
        try_number: job.try_number,
        not_before: None,
        lane: job.lane,
        handed: Handed::default(),
    })
}

/// What follows where nothing is run for the attempts that bear a request, if any does.
pub(crate) fn unchecked(job: &SnapshotRequested) -> Option<UncheckedRequested> {
    let attempts = job.attempts.iter();
    let requests: Vec<_> = attempts.filter_map(|one| one.request).collect();
    (!requests.is_empty()).then_some(UncheckedRequested {
        delivery: job.push.delivery,
        push: job.push.push,
        session: job.push.session,
        requests,
        try_number: job.try_number,
    })
}

/// What git has of a push beyond what its message lists, in messages that fit. The division
/// depends on nothing but the message and git, so that a redelivery divides the same way.
pub(crate) fn found(
    job: &SnapshotRequested,
    in_git: Vec<FoundCommit>,
    left_out: u64,
) -> Vec<CommitsFound> {
    let listed: HashSet<&CommitSha> = job.attempts.iter().map(|a| &a.commit).collect();
    let unlisted: Vec<FoundCommit> = in_git
        .into_iter()
        .filter(|found| !listed.contains(&found.commit))
        .collect();
    let mut parts: Vec<&[FoundCommit]> = unlisted.chunks(ATTEMPTS_PER_JOB_MAX).collect();
    if parts.is_empty() && job.lists {
        // That there is nothing more is awaited too.
        parts.push(&[]);
    }
    let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let message = |(commits, part): (&[FoundCommit], u32)| CommitsFound {
        push: job.push.clone(),
        commits: commits.to_vec(),
        part,
        parts: if job.lists { count } else { 0 },
        left_out: if part == 0 { left_out } else { 0 },
        lane: job.lane,
    };
    parts.into_iter().zip(0..).map(message).collect()
}

#[cfg(test)]
mod tests {
    use contract::digest::Digest;
    use contract::ids::{AttemptId, DeliveryId, LabVersionId, PushId, RequestId, SessionId};
    use contract::job::PushOfSession;
    use contract::message::Lane;
    use contract::time::Timestamp;

    use super::*;

    fn sha(n: usize) -> CommitSha {
        format!("{:040x}", n + 1).parse().unwrap()
    }

    fn job(listed: usize) -> SnapshotRequested {
        let attempt = |n| AttemptToPreserve {
            attempt: AttemptId::new(),
            commit: sha(n),
            request: (n == 0).then(RequestId::new),
        };
        SnapshotRequested {
            push: PushOfSession {
                delivery: DeliveryId::compute("github", "1"),
                push: PushId::new(),
                session: SessionId::new(),
                lab_version: LabVersionId::new(),
                repository: "github:a/b".parse().unwrap(),
                branch: "main".into(),
                before: None,
                after: sha(0),
                starting: None,
                received_at: Timestamp::UNIX_EPOCH,
            },
            attempts: (0..listed).map(attempt).collect(),
            part: 0,
            lists: false,
            try_number: 3,
            not_before: None,
            lane: Lane::Bulk,
        }
    }

    fn in_git(commits: std::ops::Range<usize>) -> Vec<FoundCommit> {
        let found = |n| FoundCommit {
            commit: sha(n),
            author_email: String::new(),
            committed_at: None,
        };
        commits.map(found).collect()
    }

    #[test]
    fn an_attempt_without_a_request_is_followed_by_nothing() {
        let job = job(2);
        let tree = PreservedTree::Kept {
            digest: Digest::of(b""),
        };
        let asked = verification(&job, &job.attempts[0], tree.clone()).unwrap();
        assert_eq!((asked.try_number, asked.lane), (3, Lane::Bulk));
        assert_eq!(asked.commit, sha(0));
        assert_eq!(verification(&job, &job.attempts[1], tree), None);
    }

    #[test]
    fn only_what_is_not_listed_is_handed_on_in_parts_of_the_allowed_size() {
        assert!(found(&job(3), in_git(0..3), 0).is_empty());
        let one = found(&job(3), in_git(0..4), 0);
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].commits, in_git(3..4));
        let parts = found(&job(0), in_git(0..2 * ATTEMPTS_PER_JOB_MAX + 1), 7);
        let sizes: Vec<_> = parts
            .iter()
            .map(|part| (part.part, part.commits.len()))
            .collect();
        assert_eq!(
            sizes,
            [(0, ATTEMPTS_PER_JOB_MAX), (1, ATTEMPTS_PER_JOB_MAX), (2, 1)]
        );
        assert_eq!(parts[1].commits[0].commit, sha(ATTEMPTS_PER_JOB_MAX));
        let left_out: Vec<_> = parts.iter().map(|part| part.left_out).collect();
        assert_eq!(left_out, [7, 0, 0]);
        assert!(parts.iter().all(|part| part.parts == 0));
    }

    #[test]
    fn a_list_that_is_awaited_is_handed_on_with_its_number_of_parts_even_when_it_adds_nothing() {
        let awaited = SnapshotRequested {
            lists: true,
            ..job(3)
        };
        let nothing = found(&awaited, in_git(0..3), 0);
        assert_eq!((nothing.len(), nothing[0].parts), (1, 1));
        assert!(nothing[0].commits.is_empty());
        let two = found(&awaited, in_git(0..ATTEMPTS_PER_JOB_MAX + 4), 0);
        let said: Vec<_> = two.iter().map(|part| (part.part, part.parts)).collect();
        assert_eq!(said, [(0, 2), (1, 2)]);
    }
}
