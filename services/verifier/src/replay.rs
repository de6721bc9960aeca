//! Owns the orders to run a verification again: from the same snapshot, by the same lab version,
//! and compared with what came out before. The attempt's result stays what it is; what came of the
//! replay is the order's outcome.

mod compare;

use std::sync::Arc;

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use contract::audit::AuditEvent;
use contract::command::replay::ReplayRequested;
use contract::digest::Digest;
use contract::ids::SessionId;
use contract::message::{Lane, Message as _};
use contract::time;
use lab::spec::LabSpec;
use serde_json::{Map, Value, json};
use store::audit_entry::{self, PendingEntry};
use store::command::{self, CommandRow};
use store::error::StoreError;
use store::row::LedgerRow as _;
use store::verification_attempt::{self, Replayable};
use store::verification_origin::{self, OriginRow};
use store::{pool::Connection, transaction};

use crate::live::Telling;
use crate::once::Subject;
use crate::replay::compare::differences;
use crate::result::Came;
use crate::verify::{Trouble, Verifier};

/// Replays at once: each waits for a slot as what can wait does.
pub(crate) const REPLAYS_MAX: usize = 1;

/// Runs verifications again.
pub(crate) struct Replay {
    pub(crate) verifier: Arc<Verifier>,
}

impl Handler for Replay {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let asked: ReplayRequested = match incoming.decode() {
            Ok(asked) => asked,
            Err(reason) => return Outcome::Never(reason),
        };
        if incoming.subject != asked.subject() {
            return Outcome::Never("the command names another actor than its subject".to_owned());
        }
        match self.carry_out(&asked).await {
            Ok(()) => Outcome::Done,
            Err(trouble) => self.verifier.outcome(trouble),
        }
    }
}

impl Replay {
    async fn carry_out(&self, asked: &ReplayRequested) -> Result<(), Trouble> {
        let store = &self.verifier.ground.store;
        let mut conn = store.connection().await?;
        if command::find(&mut conn, asked.command).await?.is_some() {
            return Ok(());
        }
        let kept = verification_attempt::replayable(&mut conn, asked.verification).await?;
        let origin = verification_origin::find(&mut conn, asked.verification.as_uuid()).await?;
        drop(conn);
        let decided = match kept {
            None => Err(format!("no verification {}", asked.verification)),
            Some(kept) => self.again(&kept, origin.as_ref()).await?,
        };
        let mut conn = store.connection().await?;
        Ok(record(&mut conn, asked, decided).await?)
    }

    /// Runs it again; gives how it came out, or why it cannot be run.
    async fn again(
        &self,
        kept: &Replayable,
        origin: Option<&OriginRow>,
    ) -> Result<Result<Value, String>, Trouble> {
        let (spec, snapshot) = match material(kept) {
            Ok(material) => material,
            Err(reason) => return Ok(Err(reason)),
        };
        let subject = Subject {
            session: SessionId::from_uuid(kept.session_id),
            snapshot,
            version: &kept.version,
            spec: &spec,
            lane: Lane::Bulk,
        };
        let slot = self.verifier.slot(Lane::Bulk, &spec).await?;
        let came = self.verifier.run(subject, Telling::nobody(), slot).await?;
        Ok(self.told(kept, origin, came))
    }

    fn told(
        &self,
        kept: &Replayable,
        origin: Option<&OriginRow>,
        came: Came,
    ) -> Result<Value, String> {
        let (judgement, log) = match came {
            Came::Judged { judgement, log, .. } => (judgement, log),
            Came::Error { cause, detail } => {
                return Err(format!("it could not be run again: {cause}: {detail}"));
            }
            Came::Superseded { detail } => return Err(detail),
            Came::Unchecked => return Err("its lab has nothing run".to_owned()),
        };
        let differences = differences(&kept.verification, &judgement);
        let verifier = &self.verifier;
        let (spec, _) = material(kept)?;
        let tools = verifier.sandbox.record_of(&spec.verify.tools);
        let made_of = &verifier.made_of.with_tools(tools);
        let box_digest = made_of.box_digest().to_string();
        Ok(json!({
            "agrees": differences.is_empty(),
            "differences": differences,
            "result": judgement.verdict,
            "points": judgement.points,
            "points_max": judgement.points_max,
            "snapshot_digest": kept.verification.snapshot_digest,
            "lab_version_digest": kept.version.digest,
            "same_box": origin.map(|origin| origin.box_digest == box_digest),
            "same_tools": origin.map(|origin| origin.tools == made_of.tools),
            "box_digest": box_digest,
            "runner": self.verifier.runner,
            "log_digest": log.0,
        }))
    }
}

/// What it is run again from, or why it cannot be.
fn material(kept: &Replayable) -> Result<(LabSpec, Digest), String> {
    let Replayable {
        verification,
        version,
        ..
    } = kept;
    if !["pass", "fail"].contains(&verification.result.as_str()) {
        let result = &verification.result;
        return Err(format!("it was not judged: its result is {result}"));
    }
    if verification.lab_version_digest != version.digest {
        return Err("the lab version is not the one that judged it".to_owned());
    }
    let spec: LabSpec = serde_json::from_value(version.spec.clone())
        .map_err(|error| format!("the lab version's rules do not read: {error}"))?;
    if json!(spec.limits) != verification.limits {
        return Err("the lab version's limits are not those that it ran under".to_owned());
    }
    let snapshot = verification.snapshot_digest.as_deref();
    let snapshot = snapshot.and_then(|digest| digest.parse().ok());
    let snapshot = snapshot.ok_or("it has no snapshot")?;
    Ok((spec, snapshot))
}

/// Records what became of the order. The first to record it decides.
async fn record(
    conn: &mut Connection,
    asked: &ReplayRequested,
    decided: Result<Value, String>,
) -> Result<(), StoreError> {
    let (result, reason) = match decided {
        Ok(result) => (Some(result), None),
        Err(reason) => (None, Some(reason)),
    };
    let outcome = if reason.is_some() {
        "refused"
    } else {
        "accepted"
    };
    let row = CommandRow {
        id: asked.command.as_uuid(),
        kind: ReplayRequested::TOKEN.to_owned(),
        actor: asked.actor.to_string(),
        body: json!({ "verification": asked.verification }),
        outcome: outcome.to_owned(),
        reason,
        result,
        recorded_at: time::now(),
    };
    let entry = &entry(&row);
    let row = &row;
    let work = async |conn: &mut _| {
        if !CommandRow::insert(conn, std::slice::from_ref(row))
            .await?
            .is_empty()
        {
            audit_entry::append(conn, std::slice::from_ref(entry)).await?;
        }
        Ok(())
    };
    transaction::run(conn, work).await
}

fn entry(row: &CommandRow) -> PendingEntry {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("assay.command.id", json!(row.id));
    set("assay.command.kind", json!(row.kind));
    set("assay.command.outcome", json!(row.outcome));
    set("assay.actor", json!(row.actor));
    set("assay.verification.id", row.body["verification"].clone());
    let agrees = row.result.as_ref().map(|result| result["agrees"].clone());
    set("assay.replay.agrees", json!(agrees));
    let event = AuditEvent {
        action: "command-carried-out",
        subject: &row.id.to_string(),
        service: crate::result::SERVICE,
        outcome: "success",
        trace_id: None,
        at: row.recorded_at,
        fields,
        rows: vec![row.covered()],
    };
    PendingEntry {
        entry: event.entry(),
        traceparent: bus::trace::current_traceparent(),
    }
}
