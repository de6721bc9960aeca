//! What is told of a run while it runs.

use contract::job::PreservedTree;
use contract::live::{LiveEvent, LiveNote, subject};
use objects::manifest::BlobKind::Regular;
use objects::owner::Owner;

use crate::workshop::Workshop;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_on_the_bus_and_its_log_is_kept_whole() {
    let mut workshop = Workshop::open().await;
    let toml = "[lab]\nslug = \"a\"\n[limits]\noutput_kib = 1\n\
        [[step]]\nname = \"first\"\nrun = \"echo one; echo two >&2; exit 3\"\n\
        [[step]]\nname = \"second\"\nrun = \"yes\"\n";
    let session = workshop.session(&[("lab.toml", Regular, toml)]).await;
    let owner = Owner::Session(session.id);
    let digest = workshop.keep(owner, &[("a", Regular, "b")]).await;
    let tree = PreservedTree::Kept { digest };
    let job = workshop.request(&session, tree).await;
    let mut ear = workshop.bus.listen(subject(job.attempt)).await.unwrap();
    workshop.bus.publish(&job).await.unwrap();
    let row = workshop.result(&job).await;

    let mut told = Vec::new();
    while told
        .iter()
        .filter(|event| matches!(event, LiveEvent::StepEnded { .. }))
        .count()
        < 2
    {
        let note: LiveNote = serde_json::from_slice(&ear.next().await.unwrap()).unwrap();
        assert_eq!((note.attempt, note.request), (job.attempt, job.request));
        assert_eq!(note.number, told.len() as u64);
        told.push(note.event);
    }
    let name = "first".to_owned();
    assert_eq!(told[0], LiveEvent::StepBegan { step: 1, name });
    let mut printed = String::new();
    for event in &told[1..] {
        match event {
            LiveEvent::Printed { text, .. } => printed.push_str(text),
            LiveEvent::StepEnded { exit_code, .. } => {
                assert_eq!(*exit_code, Some(3));
                break;
            }
            LiveEvent::StepBegan { .. } => panic!("{told:?}"),
        }
    }
    // Two pipes have no order between them.
    assert!(
        printed == "one\ntwo\n" || printed == "two\none\n",
        "{printed:?}"
    );
    let last = told.last().unwrap();
    assert!(matches!(last, LiveEvent::StepEnded { limit: Some(limit), .. } if limit == "output"));

    let log = row["log_digest"].as_str().unwrap().parse().unwrap();
    let log = workshop.objects.get(owner, log, 10_000).await.unwrap();
    let log = String::from_utf8(log.to_vec()).unwrap();
    assert!(log.contains("-- exit code 3 after "), "{log}");
    assert!(
        log.contains("!! cut here: no more than 1 KiB are taken\n"),
        "{log}"
    );
    assert!(
        log.contains("-- stopped at the limit of 1 KiB of output after "),
        "{log}"
    );
    workshop.close().await;
}
