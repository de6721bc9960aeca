use contract::ids::{DeliveryId, PushId, SessionId};

use super::*;

const NOTHING_RUN: &str = "[lab]\nslug = \"a\"\n[verify]\nexecutor = \"none\"\n";
const STEPS: &str = "[lab]\nslug = \"a\"\n[[step]]\nname = \"a\"\nrun = \"true\"\nreport = \"exit-code\"\npoints = 1\n";

fn asked(requests: &[RequestId], try_number: u32) -> Asked {
    Asked {
        job: UncheckedRequested {
            delivery: DeliveryId::compute("github", "1"),
            push: PushId::new(),
            session: SessionId::new(),
            requests: requests.to_vec(),
            try_number,
        },
        try_number: i32::try_from(try_number).unwrap(),
        traceparent: None,
    }
}

fn version(toml: &str) -> (Uuid, Arc<Version>) {
    let spec = lab::spec::parse("lab.toml", toml).map_err(|error| error.to_string());
    let digest = "d".to_owned();
    (Uuid::now_v7(), Arc::new(Version { digest, spec }))
}

fn stand(request: RequestId, version: Uuid) -> StandRow {
    StandRow {
        request_id: request.as_uuid(),
        lab_version_id: Some(version),
        token: 0,
        is_over: false,
    }
}

fn by(allow_executor_none: bool) -> By {
    By {
        worker: "verifier-1".into(),
        runner: "runner".into(),
        allow_executor_none,
    }
}

fn recorded(results: &[(&str, u64)]) -> Standing {
    let results = results.iter();
    Standing::Recorded(
        results
            .map(|&(result, count)| (result.to_owned(), count))
            .collect(),
    )
}

#[test]
fn a_request_that_is_named_twice_is_recorded_once_and_both_messages_are_done() {
    let [one, two] = [(); 2].map(|()| RequestId::new());
    let (id, version) = version(NOTHING_RUN);
    let messages = [asked(&[one, two, one], 1), asked(&[two], 1)];
    let stands = [stand(one, id), stand(two, id)];
    let versions = HashMap::from([(id, version)]);
    let planned = plan(
        &messages,
        &stands,
        &versions,
        &by(true),
        Timestamp::UNIX_EPOCH,
    );
    let both = [recorded(&[("unchecked", 2)]), recorded(&[])];
    assert_eq!(planned.standings, both);
    assert_eq!(planned.results.len(), 2);
    let entries = entries(&messages, &planned, &HashMap::new());
    assert_eq!(entries.len(), 1, "what brought nothing says nothing");
    assert_eq!(entries[0].entry.action, "unchecked-recorded");
}

#[test]
fn what_is_over_is_passed_over_and_an_older_claim_is_taken_from_its_worker() {
    let [over, claimed] = [(); 2].map(|()| RequestId::new());
    let (id, version) = version(NOTHING_RUN);
    let mut stands = [stand(over, id), stand(claimed, id)];
    (stands[0].is_over, stands[1].token) = (true, 4);
    let versions = HashMap::from([(id, version)]);
    let messages = [asked(&[over, claimed], 1)];
    let planned = plan(
        &messages,
        &stands,
        &versions,
        &by(true),
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!(planned.standings, [recorded(&[("unchecked", 1)])]);
    assert_eq!(planned.results[0].token, 5);
    assert_eq!(planned.results[0].request_id, claimed.as_uuid());
}

#[test]
fn a_bad_message_is_given_up_by_itself() {
    let [good, unknown, run, tried] = [(); 4].map(|()| RequestId::new());
    let ((none, nothing), (steps, something)) = (version(NOTHING_RUN), version(STEPS));
    let mut stands = [good, unknown, run, tried].map(|request| stand(request, none));
    stands[1].lab_version_id = None;
    stands[2].lab_version_id = Some(steps);
    let versions = HashMap::from([(none, nothing), (steps, something)]);
    let messages = [
        asked(&[good, unknown], 1),
        asked(&[good], 1),
        asked(&[run], 1),
        asked(&[tried], 1),
        asked(&[tried], 2),
        asked(&[], 1),
    ];
    let planned = plan(
        &messages,
        &stands,
        &versions,
        &by(true),
        Timestamp::UNIX_EPOCH,
    );
    let never = |reason: String| Standing::Never(reason);
    let expected = [
        never(format!("no request {unknown}")),
        recorded(&[("unchecked", 1)]),
        never(format!("the lab of the request {run} has steps to run")),
        recorded(&[("unchecked", 1)]),
        Standing::Again,
        recorded(&[]),
    ];
    assert_eq!(planned.standings, expected);
    assert_eq!(planned.results.len(), 2);
}

#[test]
fn where_it_is_not_allowed_or_does_not_read_the_lab_is_to_blame() {
    let broken = (
        Uuid::now_v7(),
        Arc::new(Version {
            digest: "d".into(),
            spec: Err("why".into()),
        }),
    );
    for ((id, version), said) in [
        (version(NOTHING_RUN), "verifier.allow_executor_none"),
        (broken, "do not read: why"),
    ] {
        let request = RequestId::new();
        let versions = HashMap::from([(id, version)]);
        let messages = [asked(&[request], 1)];
        let stands = [stand(request, id)];
        let planned = plan(
            &messages,
            &stands,
            &versions,
            &by(false),
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(planned.standings, [recorded(&[("error", 1)])]);
        let row = &planned.results[0];
        assert_eq!(row.cause.as_deref(), Some("lab-broken"));
        assert!(row.detail.as_ref().unwrap().contains(said), "{row:?}");
        assert_eq!(row.retry_at, None);
    }
}

#[test]
fn parts_have_no_more_requests_than_allowed_unless_one_message_has() {
    let of = |count: usize| asked(&vec![RequestId::new(); count], 1);
    for (messages, expected) in [
        (vec![1, 1, 1, 1], vec![3, 1]),
        (vec![2, 2], vec![1, 1]),
        (vec![9, 1, 2], vec![1, 2]),
        (vec![1, 9], vec![1, 1]),
    ] {
        let messages: Vec<Asked> = messages.into_iter().map(of).collect();
        let sizes: Vec<usize> = parts(&messages, 3).iter().map(|part| part.len()).collect();
        assert_eq!(sizes, expected);
    }
}
