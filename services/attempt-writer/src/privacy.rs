//! Owns the orders about people and about what is kept: who is exported, held, released, erased,
//! what retention removes, which master key wraps, and what is given up as missing. One is carried
//! out after the other.

mod accept;
pub mod erase;
pub mod export;
mod hold;
pub(crate) mod keeper;
mod people;
mod rewrap;

use std::sync::Arc;
use std::time::Duration;

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use contract::command::completeness::HoleAcceptRequested;
use contract::command::privacy::{
    PEOPLE_MAX, PrivacyOrder, PrivacyOrdered, REASON_CHARS_MAX, RetentionRequested, RewrapRequested,
};
use contract::ids::CommandId;
use contract::message::Message;
use contract::time::{Timestamp, now};
use objects::store::Objects;
use process::dependency::Dependency;
use process::settings::Settings;
use serde_json::{Map, Value, json};
use service::ground::Ground;
use store::dead_letter::DeadLetterRow;
use store::erasure::{self, HELD, RELEASED};
use store::error::StoreError;
use store::principal;
use store::transaction::LedgerConnection;
use store::{audit_entry, command, transaction};
use uuid::Uuid;

use crate::outcome::{self, Decided};
use crate::privacy::erase::Planned;
use crate::pseudonym::Pseudonyms;
use crate::remove::RemoveError;
use crate::retention;
use crate::seal::MasterKeys;

/// Pause before an order is carried on with whose objects or letters could not be had, in seconds.
const AWAY_RETRY_SECS: u64 = 2;

/// Why a reason is not kept.
const NAMES: &str = "the reason names the person, and reasons are kept for ever: say it otherwise";
/// What is kept in its place.
const WITHHELD: &str = "withheld";

/// Carries out orders about people.
pub(crate) struct Privacy {
    pub(crate) ground: Ground,
    pub(crate) settings: Arc<Settings>,
    pub(crate) objects: Objects,
    pub(crate) store_of_objects: Dependency,
    pub(crate) pseudonyms: Arc<Pseudonyms>,
    pub(crate) masters: Arc<MasterKeys>,
}

impl Handler for Privacy {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let carried_out = match incoming.header("ce-type") {
            Some(RetentionRequested::KIND) => match read::<RetentionRequested>(incoming) {
                Ok(asked) => retention::ordered(self, &asked).await,
                Err(reason) => return Outcome::Never(reason),
            },
            Some(HoleAcceptRequested::KIND) => match read::<HoleAcceptRequested>(incoming) {
                Ok(asked) => accept::accept(self, &asked).await,
                Err(reason) => return Outcome::Never(reason),
            },
            Some(RewrapRequested::KIND) => match read::<RewrapRequested>(incoming) {
                Ok(asked) => rewrap::rewrap(self, &asked).await,
                Err(reason) => return Outcome::Never(reason),
            },
            _ => match read::<PrivacyOrdered>(incoming) {
                Ok(asked) => self.ordered(&asked).await,
                Err(reason) => return Outcome::Never(reason),
            },
        };
        carried_out.err().unwrap_or(Outcome::Done)
    }
}

fn read<M: Message>(incoming: &Incoming) -> Result<M, String> {
    let asked: M = incoming.decode()?;
    if incoming.subject != asked.subject() {
        return Err("the command names another actor than its subject".to_owned());
    }
    Ok(asked)
}

impl Privacy {
    async fn ordered(&self, asked: &PrivacyOrdered) -> Result<(), Outcome> {
        let is_decided = self.is_decided(asked.command).await;
        if !is_decided.map_err(|error| self.refused(&error))? {
            self.decide(asked).await?;
        }
        if asked.order == PrivacyOrder::Erase {
            self.follow(asked.command).await?;
        }
        Ok(())
    }

    /// Whether a command has its outcome.
    pub(crate) async fn is_decided(&self, command: CommandId) -> Result<bool, StoreError> {
        let mut conn = self.ground.store.connection().await?;
        Ok(command::find(&mut conn, command).await?.is_some())
    }

    async fn decide(&self, asked: &PrivacyOrdered) -> Result<(), Outcome> {
        let refused = |error: StoreError| self.refused(&error);
        let mut conn = self.ground.store.connection().await.map_err(refused)?;
        let known = self.known(&mut conn, asked).await.map_err(refused)?;
        let planned = match known {
            Ok(people) if asked.order == PrivacyOrder::Erase => {
                let found = people::planned(self, &mut conn, asked, people).await?;
                Ok(found)
            }
            Ok(people) => Ok(Planned {
                people,
                letters: Vec::new(),
            }),
            Err(reason) => Err(reason),
        };
        let work = async |conn: &mut _| {
            let at = now();
            erasure::lock(conn).await?;
            let (outcome, letters) = match planned.clone() {
                Ok(mut planned) => {
                    planned.letters = erase::still_open(conn, &planned.letters).await?;
                    let outcome = self.carry_out(conn, asked, &planned, at).await?;
                    (outcome, planned.letters)
                }
                Err(reason) => (Err(reason), Vec::new()),
            };
            let closes = outcome.is_ok() && !asked.plan;
            record(conn, asked, outcome, at).await?;
            if closes {
                // They name the command, whose row is there now.
                DeadLetterRow::insert(conn, &letters).await?;
            }
            Ok(())
        };
        transaction::run(&mut conn, work).await.map_err(refused)
    }

    /// The people that an order is about, or what is wrong with it.
    async fn known(
        &self,
        conn: &mut LedgerConnection,
        asked: &PrivacyOrdered,
    ) -> Result<Result<Vec<Uuid>, String>, StoreError> {
        let ids: Vec<Uuid> = asked.people.iter().map(|person| person.as_uuid()).collect();
        if ids.is_empty() || ids.len() > PEOPLE_MAX {
            return Ok(Err(format!("an order names 1 to {PEOPLE_MAX} people")));
        }
        if let Err(why) = reason_is_good(&asked.reason) {
            return Ok(Err(why));
        }
        let found = principal::find(conn, &ids).await?;
        if let Some(unknown) = ids
            .iter()
            .find(|id| !found.iter().any(|row| row.id == **id))
        {
            return Ok(Err(format!("the ledger knows no person {unknown}")));
        }
        for named in people::opened(conn, &self.masters, &ids).await?.values() {
            if people::is_named(named, &asked.reason) {
                return Ok(Err(NAMES.to_owned()));
            }
        }
        Ok(Ok(ids))
    }

    /// Does what is ordered; says what came of it, or why it is refused.
    async fn carry_out(
        &self,
        conn: &mut LedgerConnection,
        asked: &PrivacyOrdered,
        planned: &Planned,
        at: Timestamp,
    ) -> Result<Result<Value, String>, StoreError> {
        let held = erasure::held(conn, &planned.people).await?;
        match asked.order {
            PrivacyOrder::Export => {
                let entry = hold::entry("person-exported", asked, Vec::new(), &planned.people, at);
                audit_entry::append(conn, &[entry]).await?;
                Ok(Ok(json!({ "people": planned.people })))
            }
            PrivacyOrder::Hold if held.len() == planned.people.len() => {
                Ok(Err("a legal hold is on already".to_owned()))
            }
            PrivacyOrder::Release if held.is_empty() => Ok(Err("no legal hold is on".to_owned())),
            PrivacyOrder::Hold => hold::hold(conn, asked, planned, (HELD, "person-held"), at).await,
            PrivacyOrder::Release => {
                hold::hold(conn, asked, planned, (RELEASED, "person-released"), at).await
            }
            PrivacyOrder::Erase => match held.first() {
                Some(row) => Ok(Err(hold::held_by(row))),
                None if asked.plan => people::plan(conn, planned).await.map(Ok),
                None => {
                    let gone = erase::erase(conn, asked, planned, &self.masters, at).await?;
                    Ok(Ok(gone))
                }
            },
        }
    }

    /// What follows an erasure that was written.
    async fn follow(&self, command: CommandId) -> Result<(), Outcome> {
        let followed = erase::follow(&self.ground.store, &self.objects, command).await;
        followed.map_err(|error| self.not_removed(&error))?;
        let letters = async {
            let mut conn = self.ground.store.connection().await?;
            erase::letters_of(&mut conn, command).await
        };
        let letters = letters.await.map_err(|error| self.refused(&error))?;
        for (place, letter) in letters {
            let removed = self.ground.bus.remove_dead_letter(place, letter).await;
            removed.map_err(|error| {
                tracing::warn!(%error, "take a letter of an erased person out");
                Outcome::Later(Duration::from_secs(AWAY_RETRY_SECS))
            })?;
        }
        Ok(())
    }

    pub(crate) fn refused(&self, error: &StoreError) -> Outcome {
        self.ground.ledger_refused(error)
    }

    /// What becomes of an order whose removals could not be carried out.
    pub(crate) fn not_removed(&self, error: &RemoveError) -> Outcome {
        match error {
            RemoveError::Ledger(error) => self.refused(error),
            RemoveError::Objects(error) => {
                tracing::warn!(%error, "remove objects");
                self.store_of_objects.report_trouble(error.to_string());
                Outcome::Later(Duration::from_secs(AWAY_RETRY_SECS))
            }
        }
    }
}

/// Whether a reason can be kept.
pub(crate) fn reason_is_good(reason: &str) -> Result<(), String> {
    if reason.trim().is_empty() {
        return Err("a reason is missing".to_owned());
    }
    if reason.chars().count() > REASON_CHARS_MAX {
        return Err(format!(
            "a reason has at most {REASON_CHARS_MAX} characters"
        ));
    }
    Ok(())
}

async fn record(
    conn: &mut LedgerConnection,
    asked: &PrivacyOrdered,
    outcome: Result<Value, String>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let is_kept = outcome.as_ref().err().is_none_or(|why| why != NAMES);
    let reason = if is_kept {
        asked.reason.as_str()
    } else {
        WITHHELD
    };
    let decided = Decided {
        command: asked.command,
        kind: asked.order.as_str(),
        actor: &asked.actor,
        body: json!({ "people": asked.people, "reason": reason, "plan": asked.plan }),
        outcome,
        fields: Map::new(),
    };
    outcome::record(conn, decided, at).await
}
