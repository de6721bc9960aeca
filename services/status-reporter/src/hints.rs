//! Owns reading facts: which attempts each is about. They are noted as due, and nothing else.

use std::sync::Arc;

use bus::consume::{BatchHandler, Outcome};
use bus::incoming::Incoming;
use contract::fact::Fact;
use contract::name::SourceName;
use contract::time::now;
use serde::Deserialize;
use store::error::StoreError;
use store::work_status::{self, Hints};
use uuid::Uuid;

use crate::desk::Desk;

/// Notes what facts hint at.
pub(crate) struct Facts {
    pub(crate) desk: Arc<Desk>,
}

impl BatchHandler for Facts {
    async fn handle(&self, batch: &[Incoming]) -> Vec<Outcome> {
        let names = self.desk.sources.names();
        let mut hints = Hints::default();
        let read = batch.iter().map(|incoming| {
            let fact: Fact = incoming.decode()?;
            take(&mut hints, &fact.text)
        });
        let read: Vec<Result<(), String>> = read.collect();
        let noted = self.note(&hints, &names).await;
        let outcome = |read: Result<(), String>| match (read, &noted) {
            (Err(reason), _) => Outcome::Never(reason),
            (Ok(()), Ok(())) => Outcome::Done,
            (Ok(()), Err(error)) => self.desk.ground.ledger_refused(error),
        };
        read.into_iter().map(outcome).collect()
    }

    /// While no forge is told anything, what happens is not even read.
    fn wants_nothing(&self) -> bool {
        self.desk.sources.names().is_empty()
    }
}

impl Facts {
    async fn note(&self, hints: &Hints, names: &[SourceName]) -> Result<(), StoreError> {
        if *hints == Hints::default() {
            return Ok(());
        }
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        let mut conn = self.desk.ground.store.connection().await?;
        work_status::note(&mut conn, hints, &names, now()).await
    }
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "assay.rows", default)]
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    table: String,
    key: String,
}

/// Adds what an entry of the log hints at: the rows that it covers, where those may change how an
/// attempt stands.
fn take(hints: &mut Hints, text: &str) -> Result<(), String> {
    let entry: Entry = serde_json::from_str(text)
        .map_err(|error| format!("the fact's entry does not read: {error}"))?;
    for row in entry.rows {
        let keys = match row.table.as_str() {
            "lab_attempt" => &mut hints.attempts,
            "verification_request" => &mut hints.requests,
            "verification_attempt" => &mut hints.verifications,
            _ => continue,
        };
        let key: Result<Uuid, _> = row.key.parse();
        keys.push(key.map_err(|_| "the fact's entry names a row by what is no id".to_owned())?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_hints_at_the_attempts_requests_and_verifications_that_it_covers() {
        let id = Uuid::from_u128;
        let mut hints = Hints::default();
        let row = |table: &str, key: String| format!(r#"{{"table":"{table}","key":"{key}"}}"#);
        let rows = [
            row("push", id(9).to_string()),
            row("lab_attempt", id(1).to_string()),
            row("verification_request", id(2).to_string()),
            row("verification_attempt", id(3).to_string()),
            row("verification_claim", format!("{}/1/1", id(4))),
        ];
        let text = format!(
            r#"{{"event.action":"a","assay.rows":[{}]}}"#,
            rows.join(",")
        );
        take(&mut hints, &text).unwrap();
        take(&mut hints, r#"{"event.action":"b"}"#).unwrap();
        assert_eq!(
            hints,
            Hints {
                attempts: vec![id(1)],
                requests: vec![id(2)],
                verifications: vec![id(3)],
            }
        );
        let strange = format!(r#"{{"assay.rows":[{}]}}"#, row("lab_attempt", "x".into()));
        for bad in ["", "7", r#"{"assay.rows":7}"#, &strange] {
            assert!(take(&mut hints, bad).is_err(), "{bad}");
        }
    }
}
