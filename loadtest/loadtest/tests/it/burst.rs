//! A burst against a real house.

use serde_json::Value;

use crate::program::Ran;

/// Deliveries of the burst.
const COUNT: u64 = 200;

#[tokio::test]
async fn a_burst_is_recorded_once_unchecked_and_reported_for_people_and_programs() {
    let count = COUNT.to_string();
    let ran = Ran::with(&["burst", "--count", &count, "--repositories", "20"]).await;
    assert_eq!(ran.said.code, Some(0), "{}{}", ran.said.out, ran.said.err);
    assert!(
        ran.said.out.contains("nothing is lost, doubled or wrong"),
        "{}",
        ran.said.out
    );
    let report = ran.report();
    let counts = &report["counts"];
    assert_eq!(counts["sent"], COUNT, "{counts}");
    // Bad signatures are answered as they must be, too.
    assert_eq!(counts["answered well"], COUNT, "{counts}");
    let verdict = &report["verdict"];
    assert_eq!(
        (&verdict["lost"], &verdict["doubled"]),
        (&0.into(), &0.into()),
        "{verdict}"
    );
    // Every commit of every push has its result.
    assert!(
        counts["results"].as_u64() >= counts["commits"].as_u64(),
        "{counts}"
    );
    for stage in ["accept", "write", "verify", "leaf", "push to result"] {
        assert!(
            report["stages"][stage]["p99"].as_f64().unwrap() > 0.0,
            "{stage}: {report}"
        );
    }
    for process in [
        "webhook-ingest",
        "attempt-writer",
        "nats-server",
        "postgres",
    ] {
        assert!(
            report["memory_mib_max"][process].as_f64().unwrap() > 1.0,
            "{process}"
        );
    }
    let page = ran.left("report.html");
    assert!(page.matches("<svg").count() == 5 && page.contains("attempt-writer"));
    let lines: Vec<Value> = ran
        .left("sent.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines.iter().filter(|line| line["kind"] == "sent").count() as u64,
        COUNT
    );
}
