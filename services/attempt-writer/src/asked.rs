//! Owns what pushes ask for in their sessions: attempts, requests, and the jobs that follow.

use std::collections::{HashMap, HashSet};

use contract::delivery::REF_FOUND;
use contract::ids::{AttemptId, RequestId};
use contract::job::AttemptToPreserve;
use contract::message::Lane;
use contract::name::CommitSha;
use contract::time::Timestamp;
use store::attempt::{self, AttemptRow};
use store::error::StoreError;
use store::lab_session::SessionRules;
use store::listing::ListingDueRow;
use store::push;
use store::row::LedgerRow;
use store::transaction::LedgerConnection;
use store::verification_request::{self, RequestRow};
use uuid::Uuid;

use crate::audit::Brought;
use crate::open::opening;
use crate::plan::{self, People, Standing, sorted};
use crate::taken::{Pushed, Taken};
use crate::write::{Placed, Recorded};

/// The executor of a lab that has nothing run.
const NOTHING_RUN: &str = "none";

/// What one push asks for in one session.
pub(crate) struct Wanted<'a> {
    place: usize,
    pushed: &'a Pushed,
    push_id: Uuid,
    push_is_new: bool,
    session: &'a SessionRules,
    attempts: Vec<AttemptRow>,
    /// Whether git must list its commits.
    lists: bool,
    /// Whether the head was not there before.
    head_is_new: bool,
    /// Whether any attempt was not there before.
    any_is_new: bool,
}

/// What each push asks for in each session of its repository.
pub(crate) fn wanted<'a>(
    takens: &'a [Taken],
    people: &[Vec<People>],
    pushes: &[Vec<Placed>],
    sessions: &'a HashMap<String, Vec<SessionRules>>,
    now: Timestamp,
) -> Vec<Wanted<'a>> {
    let mut wanted = Vec::new();
    let of_each_push = takens.iter().enumerate().flat_map(|(place, taken)| {
        let pushed = taken.pushed.iter().zip(&people[place]);
        let pushed = pushed.zip(&pushes[place]);
        pushed.map(move |((pushed, people), push)| (place, taken, pushed, people, *push))
    });
    for (place, taken, pushed, people, push) in of_each_push {
        for session in sessions
            .get(pushed.repository.as_str())
            .into_iter()
            .flatten()
        {
            let attempts = plan::attempts::of_push(taken, pushed, people, push.id, session, now);
            wanted.push(Wanted {
                place,
                pushed,
                push_id: push.id,
                push_is_new: push.is_new,
                session,
                attempts,
                lists: plan::attempts::is_to_be_listed(&pushed.push, session),
                head_is_new: false,
                any_is_new: false,
            });
        }
    }
    wanted
}

/// Inserts the attempts and puts the ids of those that were there in place of the minted ones.
pub(crate) async fn attempts<'a>(
    conn: &mut LedgerConnection,
    mut wanted: Vec<Wanted<'a>>,
    brought: &mut [Brought],
    now: Timestamp,
) -> Result<Vec<Wanted<'a>>, StoreError> {
    let key = |row: &AttemptRow| (row.lab_session_id, row.commit_sha.clone());
    let rows = sorted(wanted.iter().flat_map(|w| &w.attempts), |row| key(row));
    let sessions: Vec<Uuid> = rows.iter().map(|row| row.lab_session_id).collect();
    let commits: Vec<&str> = rows.iter().map(|row| row.commit_sha.as_str()).collect();
    let before = attempt::named(conn, &sessions, &commits).await?.into_iter();
    let mut known: HashMap<(Uuid, String), Uuid> = before
        .map(|row| ((row.lab_session_id, row.commit_sha), row.id))
        .collect();
    let is_new = |row: &&AttemptRow| !known.contains_key(&key(row));
    let rows: Vec<&AttemptRow> = rows.into_iter().filter(is_new).collect();
    AttemptRow::insert_new(conn, &rows).await?;
    let new: HashSet<Uuid> = rows.iter().map(|row| row.id).collect();
    known.extend(rows.iter().map(|row| (key(row), row.id)));
    for wanted in &mut wanted {
        for (at, row) in wanted.attempts.iter_mut().enumerate() {
            if new.contains(&row.id) {
                brought[wanted.place].rows.push(row.covered());
                wanted.head_is_new |= at == 0;
                wanted.any_is_new = true;
            }
            row.id = known[&key(row)];
            // A request's cause is this push, whichever push brought the commit first.
            row.push_id = wanted.push_id;
        }
    }
    listings(conn, &wanted, brought, now).await?;
    Ok(wanted)
}

/// Says for the record which pushes git must list.
async fn listings(
    conn: &mut LedgerConnection,
    wanted: &[Wanted<'_>],
    brought: &mut [Brought],
    now: Timestamp,
) -> Result<(), StoreError> {
    let due = |wanted: &Wanted<'_>| ListingDueRow {
        id: Uuid::now_v7(),
        push_id: wanted.push_id,
        lab_session_id: wanted.session.id,
        recorded_at: now,
    };
    let listed = wanted.iter().filter(|wanted| wanted.lists);
    let places: HashMap<(Uuid, Uuid), usize> = listed
        .clone()
        .map(|wanted| ((wanted.push_id, wanted.session.id), wanted.place))
        .collect();
    let rows = sorted(listed.map(due), |row| (row.push_id, row.lab_session_id));
    let new = ListingDueRow::insert(conn, &rows).await?;
    for row in rows.iter().filter(|row| new.contains(&row.id)) {
        let place = places[&(row.push_id, row.lab_session_id)];
        brought[place].rows.push(row.covered());
    }
    Ok(())
}

/// The requests, inserted or found, by cause and attempt.
pub(crate) async fn requests(
    conn: &mut LedgerConnection,
    wanted: &[Wanted<'_>],
    takens: &[Taken],
    brought: &mut [Brought],
    now: Timestamp,
) -> Result<HashMap<(String, Uuid), Uuid>, StoreError> {
    let key = |row: &RequestRow| (row.cause.clone(), row.lab_attempt_id);
    // A push that was not there has no requests.
    let (mut first, mut others) = (Vec::new(), Vec::new());
    let mut places: HashMap<Uuid, usize> = HashMap::new();
    let late = late(conn, wanted).await?;
    for wanted in wanted {
        // A push and its being found by reconciler are one: whichever comes second asks nothing.
        let was_found = takens[wanted.place].received.event == REF_FOUND;
        if !wanted.any_is_new && (was_found || late.contains(&wanted.push_id)) {
            continue;
        }
        let kind = wanted.pushed.push.kind;
        let mut asked = plan::attempts::requests(
            &wanted.attempts,
            wanted.head_is_new,
            kind,
            wanted.session,
            now,
        );
        for row in &mut asked {
            row.trace_id = takens[wanted.place]
                .received
                .delivery
                .trace_id()
                .to_string();
            places.insert(row.id, wanted.place);
        }
        let rows = if wanted.push_is_new {
            &mut first
        } else {
            &mut others
        };
        rows.extend(asked);
    }
    let (first, others) = (sorted(first, key), sorted(others, key));
    RequestRow::insert_new(conn, &first).await?;
    let mut new: HashSet<Uuid> = RequestRow::insert(conn, &others).await?;
    new.extend(first.iter().map(|row| row.id));
    let rows: Vec<RequestRow> = first.into_iter().chain(others).collect();
    for row in rows.iter().filter(|row| new.contains(&row.id)) {
        brought[places[&row.id]].rows.push(row.covered());
    }
    // A push that was not there before has no other requests than these.
    let before = wanted.iter().filter(|wanted| !wanted.push_is_new);
    let causes: Vec<String> = before.map(|wanted| cause(wanted.push_id)).collect();
    let found = verification_request::of_causes(conn, &causes).await?;
    let written = rows.iter().filter(|row| new.contains(&row.id));
    let known = written.chain(&found);
    Ok(known.map(|row| (key(row), row.id)).collect())
}

/// Of the pushes that bring nothing new, those that reconciler found before their delivery came.
async fn late(
    conn: &mut LedgerConnection,
    wanted: &[Wanted<'_>],
) -> Result<HashSet<Uuid>, StoreError> {
    let repeated = wanted.iter().filter(|wanted| !wanted.any_is_new);
    let pushes: Vec<Uuid> = repeated.map(|wanted| wanted.push_id).collect();
    push::found_before(conn, &pushes).await
}

fn cause(push_id: Uuid) -> String {
    format!("push:{push_id}")
}

/// What became of each delivery, with the jobs that follow from it.
pub(crate) fn recorded(
    takens: &[Taken],
    standings: &[Standing],
    wanted: &[Wanted<'_>],
    asked: &HashMap<(String, Uuid), Uuid>,
) -> Vec<Recorded> {
    let mut recorded: Vec<Recorded> = standings
        .iter()
        .map(|&standing| Recorded {
            standing,
            jobs: Vec::new(),
            unchecked: Vec::new(),
            matched: false,
            opened: false,
        })
        .collect();
    for wanted in wanted {
        let recorded = &mut recorded[wanted.place];
        recorded.matched = true;
        let taken = &takens[wanted.place];
        recorded.opened |= wanted.session.opened_by == opening(taken.received.delivery);
        let Some(push) =
            plan::push_of_session(taken, wanted.pushed, wanted.push_id, wanted.session)
        else {
            continue;
        };
        let attempts: Vec<AttemptToPreserve> = wanted
            .attempts
            .iter()
            .filter_map(|row| {
                let request = asked.get(&(cause(wanted.push_id), row.id)).copied();
                Some(AttemptToPreserve {
                    attempt: AttemptId::from_uuid(row.id),
                    commit: CommitSha::try_from(row.commit_sha.clone()).ok()?,
                    request: request.map(RequestId::from_uuid),
                })
            })
            .collect();
        // A list that git must complete is snapshot-builder's, whatever the lab has run.
        if wanted.session.executor == NOTHING_RUN && !wanted.lists {
            recorded.unchecked.extend(plan::unchecked(&push, &attempts));
            continue;
        }
        let mut jobs = plan::jobs(&push, &attempts, Lane::Live);
        if let Some(first) = jobs.first_mut() {
            first.lists = wanted.lists;
        }
        recorded.jobs.extend(jobs);
    }
    recorded
}
