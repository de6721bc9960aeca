//! How many gaps are open, and for how long: from the ledger, whoever found them.

use process::metrics::Metrics;
use testkit::wait;

use crate::world::{World, push};

/// The value of a metric of the source, as text.
fn value(metrics: &Metrics, metric: &str) -> Option<String> {
    let text = metrics.render();
    let line = text.lines().find_map(|line| line.strip_prefix(metric))?;
    Some(line.trim().to_owned())
}

async fn until_value(metrics: &Metrics, metric: &str, expected: impl Fn(f64) -> bool) {
    wait::until(metric, async || {
        let value = value(metrics, metric).ok_or("no such metric")?;
        let number = value.parse().map_err(|_| value.clone())?;
        expected(number).then_some(()).ok_or(value)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_gaps_and_their_age_are_shown_until_they_are_closed_or_the_forge_keeps_them_no_more() {
    let metrics = Metrics::install().unwrap();
    let world = World::start().await;
    let hour = 3_600;
    world.api.pretend(world.hook, &push("old"), 202, 2 * hour);
    world.api.pretend(world.hook, &push("new"), 503, hour);
    world.reconciler().await.stop().await;
    // What another process found is shown as well.
    let reconciler = world.begin();
    let is = |expected: f64| move |value: f64| (value - expected).abs() < f64::EPSILON;
    let failed = "assay_reconcile_gaps_open{source=\"github\",kind=\"delivery-failed\"}";
    let lost = "assay_reconcile_gaps_open{source=\"github\",kind=\"delivery-lost\"}";
    let refs = "assay_reconcile_gaps_open{source=\"github\",kind=\"ref\"}";
    let age = "assay_reconcile_oldest_gap_seconds{source=\"github\"}";
    let expired = "assay_reconcile_gaps_expired{source=\"github\",kind=\"delivery-failed\"}";
    until_value(&metrics, failed, is(1.0)).await;
    until_value(&metrics, lost, is(1.0)).await;
    until_value(&metrics, refs, is(0.0)).await;
    let at_least = |secs: u64| move |age: f64| age >= secs as f64;
    until_value(&metrics, age, at_least(2 * hour)).await;

    world.record("old").await;
    until_value(&metrics, lost, is(0.0)).await;
    until_value(&metrics, age, |age| age < 2.0 * 3_600.0).await;
    // Found long ago: no forge makes it again.
    world
        .house
        .sql(
            "INSERT INTO reconciliation_gap (id, reconciliation_id, source, kind, subject, \
             first_attempt_at, action, recorded_at) \
             SELECT gen_random_uuid(), id, source, 'delivery-failed', 'forgotten', \
             now() - interval '4 days', 'redelivery', now() FROM reconciliation LIMIT 1",
        )
        .await;
    until_value(&metrics, expired, is(1.0)).await;
    world.record("new").await;
    until_value(&metrics, failed, is(0.0)).await;
    until_value(&metrics, age, is(0.0)).await;
    reconciler.stop().await;
}
