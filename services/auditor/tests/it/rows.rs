//! Ledger rows that were altered behind the triggers are found by the entries that cover them.

use auditor::verify::verdict::{RowFault, Tampering, Verdict};
use contract::audit::AuditEvent;
use contract::ids::LabId;
use contract::time;
use store::audit_entry::{self, PendingEntry};
use store::lab::LabRow;
use store::row::LedgerRow as _;

use crate::ground::Ground;

/// A log in which one entry covers two labs.
async fn two_labs() -> (Ground, Vec<LabRow>) {
    let ground = Ground::start().await;
    let lab = |slug: &str| LabRow {
        id: LabId::new().as_uuid(),
        slug: slug.to_owned(),
        recorded_at: time::now(),
    };
    let labs = vec![lab("first"), lab("second")];
    let builder = ground.house.store("assay_snapshot_builder", 1);
    let mut conn = builder.connection().await.unwrap();
    LabRow::insert(&mut conn, &labs).await.unwrap();
    let event = AuditEvent {
        action: "labs-made",
        subject: "a test",
        service: "auditor",
        outcome: "success",
        trace_id: None,
        at: time::now(),
        fields: serde_json::Map::new(),
        rows: labs.iter().map(LabRow::covered).collect(),
    };
    let entry = PendingEntry {
        entry: event.entry(),
        traceparent: None,
    };
    audit_entry::append(&mut conn, &[entry]).await.unwrap();
    (ground, labs)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_altered_deleted_or_swapped_is_named() {
    let (ground, labs) = two_labs().await;
    let auditor = ground.auditor();
    let report = testkit::wait::until("the rows are covered by a signed leaf", async || {
        let report = ground.verify().await;
        if report.signed == 1 {
            Ok(report)
        } else {
            Err(format!("{report:?}"))
        }
    })
    .await;
    assert_eq!((report.verdict, report.rows), (Verdict::Intact, 2));
    auditor.stop().await;
    let (first, second) = (labs[0].id, labs[1].id);
    let swap = format!(
        "UPDATE lab SET slug = 'x' WHERE id = '{first}'; \
         UPDATE lab SET slug = 'first' WHERE id = '{second}'; \
         UPDATE lab SET slug = 'second' WHERE id = '{first}'"
    );
    let back = format!(
        "UPDATE lab SET slug = 'x' WHERE id = '{first}'; \
         UPDATE lab SET slug = 'second' WHERE id = '{second}'; \
         UPDATE lab SET slug = 'first' WHERE id = '{first}'"
    );
    for (harm, mend, fault) in [
        (
            format!("UPDATE lab SET slug = 'other' WHERE id = '{first}'"),
            format!("UPDATE lab SET slug = 'first' WHERE id = '{first}'"),
            RowFault::Altered,
        ),
        (swap, back, RowFault::Altered),
        (
            format!("DELETE FROM lab WHERE id = '{first}'"),
            String::new(),
            RowFault::Gone,
        ),
    ] {
        past_the_triggers(&ground, &harm).await;
        let verdict = ground.verify().await.verdict;
        let named = Tampering::Row {
            index: 0,
            table: "lab".to_owned(),
            key: first.to_string(),
            fault,
        };
        assert_eq!(verdict, Verdict::Tampered(named), "{harm}");
        if !mend.is_empty() {
            past_the_triggers(&ground, &mend).await;
            assert_eq!(ground.verify().await.verdict, Verdict::Intact);
        }
    }
}

/// What a table's owner can do.
async fn past_the_triggers(ground: &Ground, statements: &str) {
    ground
        .house
        .sql("ALTER TABLE lab DISABLE TRIGGER ALL")
        .await;
    ground.house.sql(statements).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_slipped_in_is_named_and_one_whose_entry_waits_is_not() {
    let (ground, _) = two_labs().await;
    // The entry waits for its leaf, and covers its rows all the same.
    let verdict = ground.verify().await.verdict;
    assert!(!matches!(verdict, Verdict::Tampered(_)), "{verdict}");
    let id = LabId::new();
    let slip = format!("INSERT INTO lab (id, slug, recorded_at) VALUES ('{id}', 'mine', now())");
    past_the_triggers(&ground, &slip).await;
    let uncovered = Tampering::Uncovered {
        table: "lab".to_owned(),
        key: id.to_string(),
        total: 1,
    };
    assert_eq!(ground.verify().await.verdict, Verdict::Tampered(uncovered));
}
