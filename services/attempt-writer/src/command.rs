//! Owns the command that opens a session: its outcome is a row that the caller reads.

use std::sync::Arc;

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use bus::outgoing::Outgoing;
use bytes::Bytes;
use contract::command::SessionOpenRequested;
use contract::delivery::{BodyPlace, DELIVERY_HEADER, DELIVERY_RECEIVED, DeliveryReceived};
use contract::ids::{DeliveryId, LaneId};
use contract::time::now;
use process::settings::Settings;
use serde_json::{Map, Value, json};
use service::ground::Ground;
use store::command::{self, CommandRow};
use store::delivery::UnmatchedDelivery;
use store::error::StoreError;
use store::lab_session;
use store::row::LedgerRow;
use store::transaction::LedgerConnection;
use store::{audit_entry, delivery, transaction};

use crate::{audit, open};

/// Most deliveries of a repository that are taken in again when its session is opened.
const TAKEN_IN_MAX: i64 = 10_000;

/// Opens sessions.
pub(crate) struct Commands {
    pub(crate) ground: Ground,
    pub(crate) settings: Arc<Settings>,
}

impl Handler for Commands {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let asked: SessionOpenRequested = match incoming.decode() {
            Ok(asked) => asked,
            Err(reason) => return Outcome::Never(reason),
        };
        if incoming.subject != contract::message::Message::subject(&asked) {
            return Outcome::Never("the command names another actor than its subject".to_owned());
        }
        match self.carry_out(&asked).await {
            Ok(()) => {}
            Err(error) => return self.ground.ledger_refused(&error),
        }
        match self.take_in(&asked).await {
            Ok(()) => Outcome::Done,
            Err(outcome) => outcome,
        }
    }
}

impl Commands {
    async fn carry_out(&self, asked: &SessionOpenRequested) -> Result<(), StoreError> {
        let mut conn = self.ground.store.connection().await?;
        if command::find(&mut conn, asked.command).await?.is_some() {
            return Ok(());
        }
        let has_source = self
            .settings
            .sources
            .contains_key(&asked.repository.source());
        let work = async |conn: &mut _| carry_out(conn, asked, has_source).await;
        transaction::run(&mut conn, work).await
    }

    /// Queues the repository's deliveries again that no session took.
    async fn take_in(&self, asked: &SessionOpenRequested) -> Result<(), Outcome> {
        let unmatched = async {
            let mut conn = self.ground.store.connection().await?;
            delivery::unmatched(&mut conn, asked.repository.as_str(), TAKEN_IN_MAX).await
        };
        let unmatched = unmatched
            .await
            .map_err(|error| self.ground.ledger_refused(&error))?;
        for row in unmatched {
            let again = again(asked, row).map_err(Outcome::Never)?;
            let published = self.ground.bus.publish_raw(again).await;
            published.map_err(|error| self.ground.bus_refused(&error))?;
        }
        Ok(())
    }
}

async fn carry_out(
    conn: &mut LedgerConnection,
    asked: &SessionOpenRequested,
    has_source: bool,
) -> Result<(), StoreError> {
    let now = now();
    let decided = decide(conn, asked, has_source).await?;
    let (outcome, reason, result) = match decided {
        Ok(result) => ("accepted", None, Some(result)),
        Err(reason) => ("refused", Some(reason), None),
    };
    let row = CommandRow {
        id: asked.command.as_uuid(),
        kind: SessionOpenRequested::TOKEN.to_owned(),
        actor: asked.actor.to_string(),
        body: json!({
            "lab": asked.lab,
            "repository": asked.repository,
            "starting": asked.starting,
        }),
        outcome: outcome.to_owned(),
        reason,
        result,
        recorded_at: now,
    };
    CommandRow::insert(conn, std::slice::from_ref(&row)).await?;
    let mut fields = Map::new();
    fields.insert("assay.command.id".into(), json!(row.id));
    fields.insert("assay.command.kind".into(), json!(row.kind));
    fields.insert("assay.command.outcome".into(), json!(outcome));
    fields.insert("assay.actor".into(), json!(row.actor));
    let subject = row.id.to_string();
    let entry = audit::of_rows(
        "command-carried-out",
        &subject,
        None,
        fields,
        vec![row.covered()],
        now,
    );
    audit_entry::append(conn, &[entry]).await
}

/// Opens the session, or says why not.
async fn decide(
    conn: &mut LedgerConnection,
    asked: &SessionOpenRequested,
    has_source: bool,
) -> Result<Result<Value, String>, StoreError> {
    if !has_source {
        let source = asked.repository.source();
        return Ok(Err(format!(
            "no source {source} is configured: a repository is written source:owner/name"
        )));
    }
    let Some(version) = lab_session::newest_version(conn, &asked.lab).await? else {
        let lab = &asked.lab;
        return Ok(Err(format!(
            "no lab {lab} is published: see `assay lab list`"
        )));
    };
    let spec = open::spec(&version)?;
    let starting = asked.starting.as_ref().map(ToString::to_string);
    let opened_by = format!("command:{}", asked.command);
    let row = open::row(
        &version,
        &spec,
        &asked.repository,
        starting,
        opened_by,
        now(),
    );
    let new = open::insert(conn, std::slice::from_ref(&row), row.recorded_at).await?;
    if new.contains(&row.id) {
        return Ok(Ok(
            json!({ "session": row.id, "lab_version": version.number }),
        ));
    }
    let sessions = lab_session::of_repositories(conn, &[asked.repository.as_str()]).await?;
    let existing = sessions
        .iter()
        .find(|session| session.lab_id == version.lab_id);
    let id = existing
        .map(|session| session.id.to_string())
        .unwrap_or_default();
    Ok(Err(format!(
        "{} has an open session of {} already: {id}",
        asked.repository, asked.lab
    )))
}

/// The message that takes a recorded delivery in again. The lane and number are those of the
/// message that recorded it: it is the same delivery, not a repeat by the forge.
fn again(asked: &SessionOpenRequested, row: UnmatchedDelivery) -> Result<Outgoing, String> {
    let bad = |error: &dyn std::fmt::Display| format!("read the delivery {}: {error}", row.id);
    let received = DeliveryReceived {
        delivery: DeliveryId::from_uuid(row.id),
        source: row.source.parse().map_err(|error| bad(&error))?,
        forge_delivery: row.forge_delivery.clone(),
        event: row.event.clone(),
        body_digest: row.body_digest.parse().map_err(|error| bad(&error))?,
        body_bytes: u64::try_from(row.body_bytes).map_err(|error| bad(&error))?,
        body: BodyPlace::Ledger,
        headers: serde_json::from_value(row.headers.clone()).map_err(|error| bad(&error))?,
        key: row.key.clone(),
        received_at: row.received_at,
        lane: LaneId::from_uuid(row.lane_id),
        number: u64::try_from(row.lane_number).map_err(|error| bad(&error))?,
    };
    let header = serde_json::to_string(&received).map_err(|error| bad(&error))?;
    let id = format!("again:{}:{}", received.delivery, asked.command);
    let made = Outgoing::raw(
        audit::SERVICE,
        DELIVERY_RECEIVED,
        received.subject(),
        &id,
        Bytes::new(),
    );
    let mut made = made.map_err(|error| bad(&error))?;
    made.set(DELIVERY_HEADER, &header)
        .map_err(|error| bad(&error))?;
    Ok(made)
}
