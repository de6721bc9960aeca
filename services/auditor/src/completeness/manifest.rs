//! Owns what a lane says, on its way into the ledger and back.

use contract::ids::{LaneId, ManifestId};
use contract::lane::{LaneManifest, Numbers};
use contract::time::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::json;
use store::lane::{LaneRow, ManifestRow};
use uuid::Uuid;

/// Postgres has no unsigned numbers; none of ours comes near the border.
pub(crate) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as a column holds it.
pub(crate) fn number(column: i64) -> u64 {
    column.unsigned_abs()
}

/// The row of a manifest; none of a mere sign of life.
pub(crate) fn row(said: &LaneManifest, now: Timestamp) -> Option<ManifestRow> {
    if said.through == said.from && !said.closing {
        return None;
    }
    let id = ManifestId::compute(said.lane, said.from, said.through, said.closing);
    let deliveries = said.deliveries.iter();
    Some(ManifestRow {
        id: id.as_uuid(),
        lane_id: said.lane.as_uuid(),
        from_number: column(said.from),
        through_number: column(said.through),
        given_number: column(said.given),
        void: json!(said.void),
        spooled: json!(said.spooled),
        sources: json!(said.sources),
        deliveries: deliveries
            .flat_map(|delivery| *delivery.as_uuid().as_bytes())
            .collect(),
        sequence_first: said.sequences.map(|sequences| column(sequences.first)),
        sequence_last: said.sequences.map(|sequences| column(sequences.last)),
        closing: said.closing,
        said_at: said.at,
        recorded_at: now,
    })
}

/// The sign of life.
pub(crate) fn heard(said: &LaneManifest) -> LaneRow {
    LaneRow {
        lane_id: said.lane.as_uuid(),
        given_number: column(said.given),
        through_number: column(said.through),
        spool_records: column(said.spool_records),
        closed: said.closing,
        opened_at: said.at,
        heard_at: said.at,
        judged_number: 0,
    }
}

/// Whether a manifest says things that fit together. One that does not is no message of ours.
pub(crate) fn fits(said: &LaneManifest) -> bool {
    let numbers = said.through.checked_sub(said.from);
    let void: u64 = said.void.iter().map(length).sum();
    let in_range = |range: &Numbers| said.from < range.first && range.last <= said.through;
    let ranges = said.void.iter().chain(&said.spooled);
    said.through <= said.given
        && ranges.clone().all(|range| range.first <= range.last)
        && ranges.clone().all(in_range)
        && numbers == Some(void + said.deliveries.len() as u64)
}

fn length(range: &Numbers) -> u64 {
    (range.last + 1).saturating_sub(range.first)
}

/// What a lane promised, as the ledger has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    pub(crate) lane: LaneId,
    pub(crate) from: u64,
    pub(crate) through: u64,
    pub(crate) void: Vec<Numbers>,
    pub(crate) spooled: Vec<Numbers>,
    pub(crate) sources: Vec<String>,
    pub(crate) deliveries: Vec<Uuid>,
    pub(crate) sequences: Option<Numbers>,
    pub(crate) recorded_at: Timestamp,
}

/// A number under which a delivery was promised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Promised {
    pub(crate) number: u64,
    pub(crate) delivery: Uuid,
}

impl Segment {
    pub(crate) fn of(row: &ManifestRow) -> Self {
        let sequences = row.sequence_first.zip(row.sequence_last);
        Self {
            lane: LaneId::from_uuid(row.lane_id),
            from: number(row.from_number),
            through: number(row.through_number),
            void: list(&row.void),
            spooled: list(&row.spooled),
            sources: list(&row.sources),
            deliveries: row
                .deliveries
                .chunks_exact(16)
                .filter_map(|bytes| Uuid::from_slice(bytes).ok())
                .collect(),
            sequences: sequences.map(|(first, last)| Numbers {
                first: number(first),
                last: number(last),
            }),
            recorded_at: row.recorded_at,
        }
    }

    /// The promised numbers beyond `judged`.
    pub(crate) fn promised(&self, judged: u64) -> Vec<Promised> {
        let numbers = (self.from + 1..=self.through).filter(|n| !Numbers::hold(&self.void, *n));
        numbers
            .zip(&self.deliveries)
            .map(|(number, delivery)| Promised {
                number,
                delivery: *delivery,
            })
            .filter(|promised| promised.number > judged)
            .collect()
    }
}

/// What the ledger's own column holds; what is no list of ours holds nothing.
fn list<T: DeserializeOwned>(value: &serde_json::Value) -> Vec<T> {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use contract::ids::DeliveryId;

    use super::*;

    fn said() -> LaneManifest {
        LaneManifest {
            lane: LaneId::new(),
            from: 2,
            through: 6,
            given: 7,
            void: vec![Numbers { first: 4, last: 5 }],
            spooled: Vec::new(),
            deliveries: ["a", "b"]
                .map(|id| DeliveryId::compute("github", id))
                .into(),
            sources: vec!["github".parse().unwrap()],
            sequences: Some(Numbers { first: 9, last: 9 }),
            spool_records: 0,
            closing: false,
            at: contract::time::now(),
        }
    }

    #[test]
    fn what_was_promised_comes_back_from_the_ledger_with_its_delivery() {
        let said = said();
        let segment = Segment::of(&row(&said, said.at).unwrap());
        let [a, b] = [said.deliveries[0].as_uuid(), said.deliveries[1].as_uuid()];
        let promised = |number, delivery| Promised { number, delivery };
        assert_eq!(segment.promised(0), [promised(3, a), promised(6, b)]);
        assert_eq!(segment.promised(3), [promised(6, b)]);
        assert_eq!(segment.sources, ["github"]);
        assert_eq!(segment.sequences, said.sequences);
    }

    #[test]
    fn a_sign_of_life_is_no_row_and_an_end_is_one() {
        let mut said = said();
        said.from = said.through;
        (said.void, said.deliveries) = (Vec::new(), Vec::new());
        assert!(fits(&said));
        assert_eq!(row(&said, said.at), None);
        said.closing = true;
        assert!(row(&said, said.at).is_some_and(|row| row.closing));
    }

    #[test]
    fn a_manifest_whose_numbers_do_not_add_up_does_not_fit() {
        let good = said();
        assert!(fits(&good));
        let changes: [fn(&mut LaneManifest); 6] = [
            |said| said.deliveries.truncate(1),
            |said| said.from = 7,
            |said| said.given = 5,
            |said| said.void[0].last = 7,
            |said| said.void[0] = Numbers { first: 5, last: 4 },
            |said| said.spooled.push(Numbers { first: 2, last: 2 }),
        ];
        for (place, change) in changes.iter().enumerate() {
            let mut bad = good.clone();
            change(&mut bad);
            assert!(!fits(&bad), "{place}");
        }
    }
}
