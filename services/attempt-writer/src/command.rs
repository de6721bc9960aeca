//! Owns the command that opens a session: its outcome is a row that the caller reads.

use std::sync::Arc;

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use contract::command::SessionOpenRequested;
use contract::time::now;
use process::settings::Settings;
use serde_json::{Map, Value, json};
use service::ground::Ground;
use store::command;
use store::error::StoreError;
use store::lab_session;
use store::transaction;
use store::transaction::LedgerConnection;

use crate::outcome::{self, Decided};
use crate::seal::MasterKeys;
use crate::{open, take_in};

/// Opens sessions.
pub(crate) struct Commands {
    pub(crate) ground: Ground,
    pub(crate) settings: Arc<Settings>,
    pub(crate) masters: Arc<MasterKeys>,
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
        let cause = asked.command.to_string();
        match take_in::unmatched(&self.ground, &self.masters, &asked.repository, &cause).await {
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
        let has_source = self.settings.source(&asked.repository.source()).is_some();
        let work = async |conn: &mut _| carry_out(conn, asked, has_source).await;
        transaction::by_keys(&mut conn, work).await
    }
}

async fn carry_out(
    conn: &mut LedgerConnection,
    asked: &SessionOpenRequested,
    has_source: bool,
) -> Result<(), StoreError> {
    let decision = Decided {
        command: asked.command,
        kind: SessionOpenRequested::TOKEN,
        actor: &asked.actor,
        body: json!({
            "lab": asked.lab,
            "repository": asked.repository,
            "starting": asked.starting,
        }),
        outcome: decide(conn, asked, has_source).await?,
        fields: Map::new(),
    };
    outcome::record(conn, decision, now()).await
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
