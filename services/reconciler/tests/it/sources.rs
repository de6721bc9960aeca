//! Sources and tokens that change while a reconciler runs.

use sample::hooks_api::TOKEN;
use serde_json::Value;
use testkit::wait;

use crate::world::{World, push};

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_added_is_compared_without_a_restart_and_a_bad_file_ends_nothing() {
    let world = World::start().await;
    world.write_settings("");
    let reconciler = world.begin();
    world.api.pretend(world.hook, &push("refused"), 503, 1);
    let asked = world.asked();
    world.bus.publish(&asked).await.unwrap();
    let outcome = world.outcome(asked.command).await;
    assert_eq!(outcome["reason"], "no source github is configured");

    world.write_settings(&world.source(&world.api.url()));
    let scheduled = "reconciliation WHERE cause = 'schedule' AND delivery_gaps = 1";
    wait::until("the new source is compared by itself", async || {
        let made = world.count(scheduled).await;
        (made == 1).then_some(()).ok_or(made.to_string())
    })
    .await;

    world.write_settings("no settings");
    wait::until("the bad settings are told of", async || {
        let note = reconciler.note("sources").unwrap_or_default();
        let told = note.starts_with("the changed settings are not used");
        told.then_some(()).ok_or(note)
    })
    .await;
    let result = world.compared().await;
    assert_eq!(result["incomplete"], Value::Null, "{result}");
    reconciler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_replaced_is_used_without_a_restart_and_shown_nowhere() {
    let world = World::start().await;
    world.write_token("an-old-token");
    let reconciler = world.reconciler().await;
    let result = world.compared().await;
    let reason = result["incomplete"].as_str().unwrap();
    assert_eq!(reason, "the forge answers 401 for hooks of octo");
    world.write_token(TOKEN);
    wait::until("the new token is used", async || {
        let result = world.compared().await;
        let incomplete = &result["incomplete"];
        incomplete
            .is_null()
            .then_some(())
            .ok_or(incomplete.to_string())
    })
    .await;
    let rows = "SELECT row_to_json(r)::text || row_to_json(c)::text AS text \
                FROM reconciliation r, command c";
    let rows = world.house.rows(rows).await;
    assert!(!rows.is_empty());
    for row in rows {
        assert!(
            !row.contains(TOKEN) && !row.contains("an-old-token"),
            "{row}"
        );
    }
    reconciler.stop().await;
}
