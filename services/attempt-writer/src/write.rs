//! Owns the transaction: receipts, and in the same transaction everything that follows from them.

use std::collections::{HashMap, HashSet};

use contract::ids::{AttemptId, RequestId};
use contract::job::{AttemptToPreserve, SnapshotRequested};
use contract::message::Lane;
use contract::name::CommitSha;
use contract::time::{Timestamp, now};
use store::attempt::{self, AttemptRow};
use store::audit_entry;
use store::delivery::{self, BodyRow, ConflictRow, DeliveryRow, ReceiptRow};
use store::error::StoreError;
use store::lab_session::SessionRules;
use store::principal::{PersonRow, PrincipalRow};
use store::push::{self, PushRow};
use store::row::LedgerRow;
use store::transaction::LedgerConnection;
use store::verification_request::{self, RequestRow};
use uuid::Uuid;

use crate::audit::{self, Brought};
use crate::open;
use crate::plan::{self, People, Standing, sorted};
use crate::pseudonym::Pseudonyms;
use crate::taken::{Pushed, Taken};

/// What became of one delivery.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) standing: Standing,
    /// What follows: to be published after the commit, however often the delivery is recorded.
    pub(crate) jobs: Vec<SnapshotRequested>,
    /// Whether a session took the push.
    pub(crate) matched: bool,
}

/// Records deliveries, and gives back what became of each, in their order.
pub(crate) async fn record(
    conn: &mut LedgerConnection,
    takens: &[Taken],
    pseudonyms: &Pseudonyms,
) -> Result<Vec<Recorded>, StoreError> {
    let now = now();
    let people: Vec<Option<People>> = takens
        .iter()
        .map(|taken| {
            taken
                .pushed
                .as_ref()
                .map(|pushed| plan::people(pushed, pseudonyms, now))
        })
        .collect();
    let (standings, mut brought) = receipts(conn, takens, now).await?;
    persons(conn, &people).await?;
    let pushes = pushes(conn, takens, &people, &mut brought, now).await?;
    let sessions = open::sessions_of(conn, takens, now).await?;
    let wanted = wanted(takens, &people, &pushes, &sessions, now);
    let wanted = attempts(conn, wanted, &mut brought).await?;
    let asked = requests(conn, &wanted, takens, &mut brought, now).await?;
    let entries: Vec<_> = takens
        .iter()
        .zip(&standings)
        .zip(brought)
        .filter_map(|((taken, standing), rows)| audit::of_delivery(taken, *standing, rows, now))
        .collect();
    audit_entry::append(conn, &entries).await?;
    Ok(recorded(takens, &standings, &wanted, &asked))
}

/// Receipts, deliveries, bodies and conflicts.
async fn receipts(
    conn: &mut LedgerConnection,
    takens: &[Taken],
    now: Timestamp,
) -> Result<(Vec<Standing>, Vec<Brought>), StoreError> {
    let rows = sorted(
        takens.iter().map(|taken| plan::receipt(taken, now)),
        |row| row.delivery_id,
    );
    let new = ReceiptRow::insert(conn, &rows).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.delivery_id).collect();
    let known: HashMap<Uuid, ReceiptRow> = delivery::receipts_of(conn, &ids)
        .await?
        .into_iter()
        .map(|row| (row.delivery_id, row))
        .collect();
    let (mut standings, mut brought) = (Vec::new(), Vec::new());
    let (mut deliveries, mut conflicts) = (Vec::new(), Vec::new());
    for taken in takens {
        let receipt = &known[&taken.received.delivery.as_uuid()];
        let standing = plan::standing(taken, receipt, new.contains(&receipt.delivery_id));
        let mut rows = Brought::default();
        match standing {
            Standing::First => {
                let delivery = plan::delivery(taken, now);
                rows.rows.extend([receipt.covered(), delivery.covered()]);
                deliveries.push(delivery);
            }
            Standing::Conflict => conflicts.push(plan::conflict(taken, receipt, now)),
            Standing::Again | Standing::Repeat => {}
        }
        standings.push(standing);
        brought.push(rows);
    }
    let deliveries = sorted(deliveries, |row| row.id);
    DeliveryRow::insert(conn, &deliveries).await?;
    let conflicts = sorted(conflicts, |row| (row.delivery_id, row.body_digest.clone()));
    let new = ConflictRow::insert(conn, &conflicts).await?;
    for row in conflicts.iter().filter(|row| new.contains(&row.id)) {
        let of = |taken: &Taken| {
            taken.received.delivery.as_uuid() == row.delivery_id
                && taken.received.body_digest.to_string() == row.body_digest
        };
        if let Some(place) = takens.iter().position(of) {
            brought[place].rows.push(row.covered());
        }
    }
    // What the ledger has already is not written again.
    let kept = takens
        .iter()
        .filter(|taken| taken.received.body != contract::delivery::BodyPlace::Ledger);
    let bodies = sorted(kept.map(|taken| plan::body(taken, now)), |row| {
        (row.delivery_id, row.body_digest.clone())
    });
    BodyRow::insert(conn, &bodies).await?;
    Ok((standings, brought))
}

async fn persons(conn: &mut LedgerConnection, people: &[Option<People>]) -> Result<(), StoreError> {
    let named = people
        .iter()
        .flatten()
        .flat_map(|p| p.pusher.iter().chain(p.authors.values()));
    let named = sorted(named.cloned(), |pseudonym| pseudonym.principal.id);
    let principals: Vec<PrincipalRow> = named.iter().map(|p| p.principal.clone()).collect();
    let persons: Vec<PersonRow> = named.into_iter().map(|p| p.person).collect();
    PrincipalRow::insert(conn, &principals).await?;
    PersonRow::insert(conn, &persons).await?;
    Ok(())
}

/// The push of each delivery that is one, inserted or found.
async fn pushes(
    conn: &mut LedgerConnection,
    takens: &[Taken],
    people: &[Option<People>],
    brought: &mut [Brought],
    now: Timestamp,
) -> Result<Vec<Option<Uuid>>, StoreError> {
    type Key = (Uuid, String, String);
    let key = |row: &PushRow| -> Key {
        (
            row.delivery_id,
            row.body_digest.clone(),
            row.ref_name.clone(),
        )
    };
    let rows: Vec<Option<PushRow>> = takens
        .iter()
        .zip(people)
        .map(|(taken, people)| {
            let (pushed, people) = (taken.pushed.as_ref()?, people.as_ref()?);
            Some(plan::push(taken, pushed, people, now))
        })
        .collect();
    let new = PushRow::insert(conn, &sorted(rows.iter().flatten().cloned(), key)).await?;
    let deliveries: Vec<Uuid> = rows.iter().flatten().map(|row| row.delivery_id).collect();
    let known: HashMap<Key, Uuid> = push::of_deliveries(conn, &deliveries)
        .await?
        .iter()
        .map(|row| (key(row), row.id))
        .collect();
    for (row, brought) in rows.iter().zip(brought) {
        if let Some(row) = row.as_ref().filter(|row| new.contains(&row.id)) {
            brought.rows.push(row.covered());
        }
    }
    Ok(rows
        .iter()
        .map(|row| row.as_ref().map(|row| known[&key(row)]))
        .collect())
}

/// What one push asks for in one session.
struct Wanted<'a> {
    place: usize,
    pushed: &'a Pushed,
    push_id: Uuid,
    session: &'a SessionRules,
    attempts: Vec<AttemptRow>,
    /// Whether the head was not there before.
    head_is_new: bool,
}

fn wanted<'a>(
    takens: &'a [Taken],
    people: &[Option<People>],
    pushes: &[Option<Uuid>],
    sessions: &'a HashMap<String, Vec<SessionRules>>,
    now: Timestamp,
) -> Vec<Wanted<'a>> {
    let mut wanted = Vec::new();
    for (place, taken) in takens.iter().enumerate() {
        let (Some(pushed), Some(people), Some(push_id)) =
            (&taken.pushed, &people[place], pushes[place])
        else {
            continue;
        };
        for session in sessions
            .get(pushed.repository.as_str())
            .into_iter()
            .flatten()
        {
            let attempts = plan::attempts(taken, pushed, people, push_id, session, now);
            wanted.push(Wanted {
                place,
                pushed,
                push_id,
                session,
                attempts,
                head_is_new: false,
            });
        }
    }
    wanted
}

/// Inserts the attempts and puts the ids of those that were there in place of the minted ones.
async fn attempts<'a>(
    conn: &mut LedgerConnection,
    mut wanted: Vec<Wanted<'a>>,
    brought: &mut [Brought],
) -> Result<Vec<Wanted<'a>>, StoreError> {
    let key = |row: &AttemptRow| (row.lab_session_id, row.commit_sha.clone());
    let rows = sorted(wanted.iter().flat_map(|w| w.attempts.iter().cloned()), key);
    let new = AttemptRow::insert(conn, &rows).await?;
    let sessions: Vec<Uuid> = rows.iter().map(|row| row.lab_session_id).collect();
    let commits: Vec<&str> = rows.iter().map(|row| row.commit_sha.as_str()).collect();
    let known: HashMap<_, Uuid> = attempt::find(conn, &sessions, &commits)
        .await?
        .iter()
        .map(|row| (key(row), row.id))
        .collect();
    for wanted in &mut wanted {
        for (at, row) in wanted.attempts.iter_mut().enumerate() {
            if new.contains(&row.id) {
                brought[wanted.place].rows.push(row.covered());
                wanted.head_is_new |= at == 0;
            }
            row.id = known[&key(row)];
            // A request's cause is this push, whichever push brought the commit first.
            row.push_id = wanted.push_id;
        }
    }
    Ok(wanted)
}

/// The requests, inserted or found, by cause and attempt.
async fn requests(
    conn: &mut LedgerConnection,
    wanted: &[Wanted<'_>],
    takens: &[Taken],
    brought: &mut [Brought],
    now: Timestamp,
) -> Result<HashMap<(String, Uuid), Uuid>, StoreError> {
    let key = |row: &RequestRow| (row.cause.clone(), row.lab_attempt_id);
    let mut rows = Vec::new();
    let mut places: HashMap<Uuid, usize> = HashMap::new();
    for wanted in wanted {
        let kind = wanted.pushed.push.kind;
        let mut asked = plan::requests(
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
        rows.extend(asked);
    }
    let rows = sorted(rows, key);
    let new: HashSet<Uuid> = RequestRow::insert(conn, &rows).await?;
    for row in rows.iter().filter(|row| new.contains(&row.id)) {
        brought[places[&row.id]].rows.push(row.covered());
    }
    let causes: Vec<String> = wanted.iter().map(|w| cause(w.push_id)).collect();
    let known = verification_request::of_causes(conn, &causes).await?;
    Ok(known.iter().map(|row| (key(row), row.id)).collect())
}

fn cause(push_id: Uuid) -> String {
    format!("push:{push_id}")
}

fn recorded(
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
            matched: false,
        })
        .collect();
    for wanted in wanted {
        let recorded = &mut recorded[wanted.place];
        recorded.matched = true;
        let taken = &takens[wanted.place];
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
        recorded
            .jobs
            .extend(plan::jobs(&push, &attempts, Lane::Live));
    }
    recorded
}
