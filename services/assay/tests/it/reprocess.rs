//! `assay reprocess` as an operator uses it: what each filter means, and what is refused.

#[cfg(target_os = "linux")]
pub(crate) mod many;
mod ordered;

use process::settings::service::Service;
use serde_json::{Value, json};
use testkit::house::House;
use testkit::wait;

use crate::site::Site;
use testkit::past::Past;

const REASON: &str = "the checks were mended";

/// Everything that an order could change: rows of each table, and messages of each stream.
async fn everything(site: &Site) -> Value {
    let tables = "SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public' \
                  AND relname NOT LIKE '\\_\\_diesel%' ORDER BY relname";
    let mut counts = serde_json::Map::new();
    for row in site.house.rows(tables).await {
        let row: Value = serde_json::from_str(&row).unwrap();
        let table = row["relname"].as_str().unwrap();
        let count = format!("SELECT count(*) FROM {table}");
        counts.insert(table.to_owned(), json!(site.house.number(&count).await));
    }
    let streams = site.house.bus("tests").await.stream_states().await.unwrap();
    for stream in streams {
        counts.insert(
            stream.name.to_owned(),
            json!([stream.messages, stream.last_sequence]),
        );
    }
    Value::Object(counts)
}

/// Attempts of five kinds, and a writer.
async fn site_with_a_past() -> Site {
    let mut site = Site::furnish(House::start().await, "").await;
    for (repository, lab, result, attempts, hours_ago) in [
        ("github:a/pass", "one", "pass", 2, 1),
        ("github:a/fail", "one", "fail", 3, 2),
        ("github:a/source", "two", "source-unavailable", 5, 3),
        ("github:a/worker", "two", "worker-lost", 7, 4),
        ("github:a/none", "two", "", 11, 30),
    ] {
        let past = Past {
            repository,
            lab,
            result,
            attempts,
            hours_ago,
            ..Past::default()
        };
        past.write(&site.house).await;
    }
    site.start_one(Service::AttemptWriter);
    site.until_ready(Service::AttemptWriter).await;
    site
}

async fn field(site: &Site, query: &str) -> String {
    let row: Value = serde_json::from_str(&site.house.rows(query).await[0]).unwrap();
    row["it"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_means_what_it_says_in_a_plan_that_changes_nothing_and_in_an_order() {
    let site = site_with_a_past().await;
    let session = "SELECT id AS it FROM lab_session WHERE repository = 'github:a/pass'";
    let session = field(&site, session).await;
    let delivery = "SELECT forge_delivery AS it FROM delivery_receipt \
                    JOIN push USING (delivery_id) \
                    WHERE repository = 'github:a/fail'";
    let delivery = field(&site, delivery).await;
    let before = everything(&site).await;
    let filters: [(&[&str], u64); 12] = [
        (&["--result", "pass"], 2),
        (&["--result", "fail"], 3),
        (&["--result", "error"], 12),
        (&["--result", "none"], 11),
        (&["--cause", "worker-lost"], 7),
        (&["--lab", "one"], 5),
        (&["--repository", "github:a/source"], 5),
        (&["--session", &session], 2),
        (&["--delivery", &delivery], 3),
        (&["--since", "150m"], 5),
        (&["--until", "1d"], 11),
        (&["--result", "error", "--since", "210m", "--lab", "two"], 5),
    ];
    for (filter, meant) in filters {
        let plan = [&["reprocess", "--plan", "--json"], filter].concat();
        let plan = site.assay_json(&plan).await;
        assert_eq!(plan["attempts"], meant, "{filter:?}: {plan}");
        let sample = plan["sample"].as_array().unwrap().len() as u64;
        assert_eq!(sample, meant.min(10), "{filter:?}: {plan}");
    }
    let text = site
        .assay_ok(&["reprocess", "--result", "fail", "--plan"])
        .await;
    assert!(
        text.starts_with("3 attempts would be verified again"),
        "{text}"
    );
    assert!(text.contains("github:a/fail"), "{text}");
    assert_eq!(everything(&site).await, before, "a plan changes nothing");

    for (filter, meant) in filters {
        let said = [
            &["reprocess", "--json", "--detach", "--reason", REASON],
            filter,
        ]
        .concat();
        let said = site.assay_json(&said).await;
        assert_eq!(said["attempts"], meant, "{filter:?}: {said}");
        let command = said["command"].as_str().unwrap().to_owned();
        let asked = format!(
            "SELECT count(*) FROM verification_request \
             WHERE cause = 'command:{command}' AND lane = 'bulk'"
        );
        wait::until("all of them are asked for, in the bulk lane", async || {
            let asked = site.house.number(&asked).await;
            (asked == meant as i64)
                .then_some(())
                .ok_or(format!("{asked}"))
        })
        .await;
    }
    site.misses_nothing(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_cannot_be_is_refused_and_the_answer_says_what_to_do() {
    let site = site_with_a_past().await;
    let before = everything(&site).await;
    for (arguments, code, words) in [
        (vec!["--reason", REASON], 64, "say which attempts: --result"),
        (
            vec!["--result", "fail"],
            64,
            "say why, for the record: --reason",
        ),
        (vec!["--result", "fail", "--reason", " "], 64, "--reason"),
        (
            vec!["--result", "bad"],
            64,
            "one of pass, fail, error, unchecked, none",
        ),
        (vec!["--cause", "bad"], 64, "source-unavailable"),
        (vec!["--repository", "a/fail"], 64, "source:owner/name"),
        (vec!["--session", "7"], 64, "--session"),
        (vec!["--since", "yesterday"], 64, "write 90m, 36h, 2d, 1w"),
        (vec!["--result", "fail", "--rate", "0"], 64, "write 50/s"),
        (vec!["--lab", "nobodys", "--plan"], 1, "assay lab list"),
        (
            vec![
                "--session",
                "01900000-0000-7000-8000-000000000002",
                "--plan",
            ],
            1,
            "no session",
        ),
        (
            vec!["--delivery", "never", "--plan"],
            1,
            "no delivery never is recorded",
        ),
        (
            vec!["--result", "pass", "--cause", "worker-lost", "--plan"],
            1,
            "only an error has a cause",
        ),
        (
            vec!["--since", "1h", "--until", "2h", "--plan"],
            1,
            "the time ends before it begins",
        ),
    ] {
        let said = site.assay(&[&["reprocess"], &arguments[..]].concat()).await;
        assert_eq!(said.code, Some(code), "{arguments:?}: {said:?}");
        assert!(said.err.contains(words), "{arguments:?}: {said:?}");
        assert_eq!(said.out, "", "{arguments:?}");
    }
    for order in ["stop", "watch"] {
        let unknown = "01900000-0000-7000-8000-000000000008";
        let mut arguments = vec!["reprocess", order, unknown];
        if order == "stop" {
            arguments.extend(["--reason", REASON]);
        }
        let said = site.assay(&arguments).await;
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(
            said.err.contains("is no accepted order to reprocess"),
            "{said:?}"
        );
    }
    // But for the order to stop, which is on record as refused.
    let mut after = everything(&site).await;
    for changed in ["command", "audit_entry", "ledger_pending", "COMMANDS"] {
        after[changed] = before[changed].clone();
    }
    assert_eq!(after, before);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_attempts_are_asked_for_once_although_the_writer_dies_on_the_way() {
    let course = many::Course {
        attempts: 3_000,
        killed_at: 500,
        measured_at: 1_000,
        step: 1_000,
    };
    many::all_are_asked_for_once_in_flat_memory(&course).await;
}
