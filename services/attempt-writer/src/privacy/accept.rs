//! Owns the acceptance of holes: what is missing and cannot be had again is no alarm any more, and is
//! said to be missing for ever. Must never call anything complete.

use bus::consume::Outcome;
use contract::command::completeness::HoleAcceptRequested;
use contract::time::{Timestamp, now};
use serde_json::{Map, Value, json};
use store::error::StoreError;
use store::lane_hole_accepted::{self, AcceptedRow, Named};
use store::row::LedgerRow;
use store::transaction::LedgerConnection;
use store::{audit_entry, transaction};

use crate::audit;
use crate::outcome::{self, Decided};
use crate::privacy::{Privacy, reason_is_good};

/// Carries out an order.
pub(super) async fn accept(desk: &Privacy, asked: &HoleAcceptRequested) -> Result<(), Outcome> {
    let refused = |error: StoreError| desk.refused(&error);
    if desk.is_decided(asked.command).await.map_err(refused)? {
        return Ok(());
    }
    let mut conn = desk.ground.store.connection().await.map_err(refused)?;
    let work = async |conn: &mut _| decide(conn, asked, now()).await;
    transaction::run(&mut conn, work).await.map_err(refused)
}

async fn decide(
    conn: &mut LedgerConnection,
    asked: &HoleAcceptRequested,
    at: Timestamp,
) -> Result<(), StoreError> {
    let number = asked.number.and_then(|number| i64::try_from(number).ok());
    let named = lane_hole_accepted::named(conn, asked.id, number).await?;
    let chosen = chosen(asked, &named);
    let holes: Vec<Value> = chosen.iter().flatten().map(|hole| told(hole)).collect();
    let decided = Decided {
        command: asked.command,
        kind: HoleAcceptRequested::NAME,
        actor: &asked.actor,
        body: json!({ "id": asked.id, "number": asked.number, "reason": asked.reason }),
        outcome: chosen
            .as_ref()
            .map(|_| json!({ "holes": holes }))
            .map_err(String::clone),
        fields: Map::new(),
    };
    outcome::record(conn, decided, at).await?;
    let rows = chosen.into_iter().flatten().map(|hole| AcceptedRow {
        lane_id: hole.lane_id,
        number: hole.number,
        delivery_id: hole.delivery_id,
        command_id: asked.command.as_uuid(),
        recorded_at: at,
    });
    let rows: Vec<AcceptedRow> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    AcceptedRow::insert(conn, &rows).await?;
    let mut fields = Map::new();
    fields.insert("assay.command.id".into(), json!(asked.command));
    fields.insert("assay.actor".into(), json!(asked.actor));
    fields.insert("assay.reason".into(), json!(asked.reason));
    let covered = rows.iter().map(LedgerRow::covered).collect();
    let subject = asked.command.to_string();
    let entry = audit::of_rows("delivery-given-up", &subject, None, fields, covered, at);
    audit_entry::append(conn, &[entry]).await
}

/// The holes that are accepted, or why none is.
fn chosen<'a>(asked: &HoleAcceptRequested, named: &'a [Named]) -> Result<Vec<&'a Named>, String> {
    reason_is_good(&asked.reason)?;
    if named.is_empty() {
        return Err(
            "nothing of that name is missing: `assay completeness` lists what is, by its delivery \
             and as lane/number"
                .to_owned(),
        );
    }
    if named.iter().all(|hole| hole.found) {
        return Err("its delivery has reached the ledger: nothing is missing".to_owned());
    }
    let open = named.iter().filter(|hole| !hole.found && !hole.accepted);
    let open: Vec<&Named> = open.collect();
    if open.is_empty() {
        return Err("it is accepted already".to_owned());
    }
    Ok(open)
}

fn told(hole: &Named) -> Value {
    json!({ "lane": hole.lane_id, "number": hole.number, "delivery": hole.delivery_id })
}

#[cfg(test)]
mod tests {
    use contract::ids::CommandId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_what_is_missing_and_not_accepted_is_accepted() {
        let hole = |accepted, found| Named {
            lane_id: Uuid::nil(),
            number: 1,
            delivery_id: Uuid::nil(),
            accepted,
            found,
        };
        let asked = |reason: &str| HoleAcceptRequested {
            command: CommandId::new(),
            actor: "operator".parse().unwrap(),
            id: Uuid::nil(),
            number: None,
            reason: reason.to_owned(),
        };
        let count = |reason: &str, holes: &[Named]| chosen(&asked(reason), holes).map(|h| h.len());
        assert_eq!(count("gone", &[hole(false, false)]), Ok(1));
        assert_eq!(
            count("gone", &[hole(true, false), hole(false, false)]),
            Ok(1)
        );
        for (reason, holes, refusal) in [
            ("", vec![hole(false, false)], "a reason is missing"),
            ("gone", vec![], "nothing of that name is missing"),
            ("gone", vec![hole(false, true)], "has reached the ledger"),
            ("gone", vec![hole(true, false)], "accepted already"),
        ] {
            let said = count(reason, &holes).unwrap_err();
            assert!(said.contains(refusal), "{said}");
        }
    }
}
