//! Owns the opening of sessions: by a lab's enrolment pattern when a push comes, or by command.

use std::collections::{HashMap, HashSet};

use contract::ids::{DeliveryId, SessionId};
use contract::name::Repository;
use contract::time::Timestamp;
use forge::push::RefKind;
use lab::pattern::Enrolment;
use lab::spec::LabSpec;
use serde_json::{Map, Value, json};
use store::audit_entry;
use store::error::StoreError;
use store::lab_session::{self, OpeningVersion, SessionRow, SessionRules};
use store::row::LedgerRow;
use store::transaction::LedgerConnection;
use uuid::Uuid;

use crate::audit;
use crate::plan::sorted;
use crate::taken::Taken;

/// What a session says that this delivery opened, by a lab's pattern.
pub(crate) fn opening(delivery: DeliveryId) -> String {
    format!("enrolment:{delivery}")
}

/// Whether a push opened the session by a lab's pattern.
pub(crate) fn is_enrolled(session: &SessionRules) -> bool {
    session.opened_by.starts_with("enrolment:")
}

/// What the branch was before the push that opens a session: what is there already is not the
/// learner's work in it.
fn starting(taken: &Taken) -> Option<String> {
    let mut pushes = taken.pushed.iter().map(|pushed| &pushed.push);
    let branch = pushes.find(|push| push.kind == RefKind::Branch)?;
    branch.before.as_ref().map(ToString::to_string)
}

/// The sessions of each repository that the deliveries push to, after opening those that a lab
/// enrols by its pattern.
pub(crate) async fn sessions_of(
    conn: &mut LedgerConnection,
    takens: &[Taken],
    now: Timestamp,
) -> Result<HashMap<String, Vec<SessionRules>>, StoreError> {
    let pushed: Vec<(&Taken, &Repository)> = takens
        .iter()
        .filter_map(|taken| Some((taken, &taken.pushed.first()?.repository)))
        .collect();
    if pushed.is_empty() {
        return Ok(HashMap::new());
    }
    let names: HashSet<&str> = pushed
        .iter()
        .map(|(_, repository)| repository.as_str())
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    let mut sessions = lab_session::of_repositories(conn, &names).await?;
    if enrol(conn, &pushed, &sessions, now).await? {
        sessions = lab_session::of_repositories(conn, &names).await?;
    }
    let mut by_repository: HashMap<String, Vec<SessionRules>> = HashMap::new();
    for session in sessions {
        by_repository
            .entry(session.repository.clone())
            .or_default()
            .push(session);
    }
    Ok(by_repository)
}

/// Opens the sessions that a lab's pattern admits and that are not there; says whether any was.
async fn enrol(
    conn: &mut LedgerConnection,
    pushed: &[(&Taken, &Repository)],
    sessions: &[SessionRules],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut rows = Vec::new();
    for version in lab_session::enrolling_versions(conn).await? {
        let is_open = |repository: &Repository| {
            sessions
                .iter()
                .any(|s| s.lab_id == version.lab_id && s.repository == repository.as_str())
        };
        let mut closed = pushed.iter().filter(|(_, name)| !is_open(name)).peekable();
        // Patterns are made ready only for somebody: most pushes come to sessions that are open.
        if closed.peek().is_none() {
            continue;
        }
        let spec = match spec(&version) {
            Ok(spec) => spec,
            Err(error) => {
                // One lab's version must not stop everybody's pushes; this one's are recorded as
                // unmatched, and taken in when its session is opened by command.
                tracing::error!(lab_version.id = %version.id, %error, "no enrolment by this lab");
                continue;
            }
        };
        let enrolment = Enrolment::new(&spec.session.enrol);
        for (taken, repository) in closed {
            if enrolment.admits(repository) {
                let opened_by = opening(taken.received.delivery);
                let starting = starting(taken);
                rows.push(row(&version, &spec, repository, starting, opened_by, now));
            }
        }
    }
    let rows = sorted(rows, |row| (row.lab_id, row.repository.clone()));
    insert(conn, &rows, now).await?;
    Ok(!rows.is_empty())
}

/// Inserts sessions with their audit entries; says which were new.
pub(crate) async fn insert(
    conn: &mut LedgerConnection,
    rows: &[SessionRow],
    now: Timestamp,
) -> Result<HashSet<Uuid>, StoreError> {
    let new = SessionRow::insert(conn, rows).await?;
    let entries: Vec<_> = rows
        .iter()
        .filter(|row| new.contains(&row.id))
        .map(|row| {
            let mut fields = Map::new();
            let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
            set("assay.session.id", json!(row.id));
            set("assay.lab_version.id", json!(row.lab_version_id));
            let subject = row.id.to_string();
            audit::of_rows(
                "session-opened",
                &subject,
                None,
                fields,
                vec![row.covered()],
                now,
            )
        })
        .collect();
    audit_entry::append(conn, &entries).await?;
    Ok(new)
}

/// The row of a session that is opened with a version.
pub(crate) fn row(
    version: &OpeningVersion,
    spec: &LabSpec,
    repository: &Repository,
    starting: Option<String>,
    opened_by: String,
    now: Timestamp,
) -> SessionRow {
    SessionRow {
        id: SessionId::new().as_uuid(),
        lab_id: version.lab_id,
        lab_version_id: version.id,
        repository: repository.to_string(),
        generation: 1,
        starting_commit: starting,
        closes_at: spec.session.closes_at,
        opened_by,
        recorded_at: now,
    }
}

/// Reads a version's specification.
pub(crate) fn spec(version: &OpeningVersion) -> Result<LabSpec, StoreError> {
    serde_json::from_value(version.spec.clone()).map_err(|error| StoreError::Unreadable {
        table: "lab_version",
        column: "spec",
        reason: error.to_string(),
    })
}
