//! The walls of the workspace, as rules on manifests without IO. The reasons are in the house's
//! map, docs/ARCHITECTURE.md.

/// A crate of the workspace: its name, its folder from the root, and what its manifest names.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) folder: String,
    pub(crate) arrows: Vec<Arrow>,
}

/// One dependency, by the name of the package it is really of.
#[derive(Clone, Debug)]
pub(crate) struct Arrow {
    pub(crate) to: String,
    pub(crate) for_tests: bool,
}

/// Heavy libraries, and the rooms whose door they enter by.
const DOORS: [(&str, &[&str]); 15] = [
    ("async-nats", &["bus", "testkit"]),
    ("diesel", &["store", "schema", "testkit"]),
    ("diesel-async", &["store", "testkit"]),
    ("diesel_migrations", &["store", "schema"]),
    ("tokio-postgres", &["store", CHECKER, LOAD_TEST]),
    ("deadpool", &["store"]),
    ("backoff", &["retry"]),
    ("opentelemetry_sdk", &["process"]),
    ("opentelemetry-otlp", &["process"]),
    ("tracing-subscriber", &["process"]),
    ("opentelemetry-proto", &["testkit", "process"]),
    ("tonic", &["testkit", "process"]),
    ("object_store", &["objects"]),
    ("tlog_tiles", &["tlog"]),
    ("signed_note", &["tlog"]),
];
/// Rooms of thought: nothing in them waits for anything.
const PURE: [&str; 5] = ["contract", "forge", "lab", "report", "tlog"];
/// The one program that knows every service.
const OPERATOR: &str = "assay";
/// Shares nothing with what it checks.
const CHECKER: &str = "assay-checker";
/// Asks the ledger when what was written, and what the same rows cost without us.
const LOAD_TEST: &str = "loadtest";
/// Hands arbitrary bytes to whatever reads bytes from outside, a service's own forms too.
const FUZZED: &str = "fuzzed";
/// Rooms for tests alone; the operator's demo may use the sample, and load tests are tests.
const FOR_TESTS: [&str; 3] = ["testkit", "sample", "witness"];

/// Every arrow that goes through a wall, in words.
pub(crate) fn forbidden(manifests: &[Manifest]) -> Vec<String> {
    let mut found = Vec::new();
    for from in manifests {
        for arrow in &from.arrows {
            let to = manifests.iter().find(|manifest| manifest.name == arrow.to);
            let reason = match to {
                Some(to) => inside(from, to, arrow.for_tests),
                None => through_a_door(from, arrow),
            };
            let (name, other) = (&from.name, &arrow.to);
            found.extend(reason.map(|reason| format!("{name} -> {other}: {reason}")));
        }
    }
    found
}

fn inside(from: &Manifest, to: &Manifest, for_tests: bool) -> Option<&'static str> {
    let is_service = |manifest: &Manifest| manifest.folder.starts_with("services/");
    let is_load_test = |manifest: &Manifest| manifest.folder.starts_with("loadtest/");
    if from.name == "schema" {
        return Some("schema depends on nothing of ours");
    }
    if is_load_test(to) {
        return Some("nothing depends on load tests");
    }
    if from.name == CHECKER && !for_tests {
        return Some("the checker shares no code with what it checks");
    }
    if from.name == FUZZED && is_service(to) {
        return None;
    }
    if is_service(to) && is_load_test(from) {
        return Some("load tests know programs, not services");
    }
    if is_service(to) && !is_service(from) {
        return Some("shared never depends on services");
    }
    if is_service(to) && from.name != OPERATOR {
        return Some("services never depend on each other; the bus is their only tie");
    }
    let demo = from.name == OPERATOR && to.name == "sample";
    let is_for_tests = FOR_TESTS.contains(&to.name.as_str());
    if is_for_tests && !for_tests && !demo && !is_load_test(from) {
        return Some("it is for tests");
    }
    None
}

fn through_a_door(from: &Manifest, arrow: &Arrow) -> Option<&'static str> {
    if arrow.to == "tokio" && PURE.contains(&from.name.as_str()) && !arrow.for_tests {
        return Some("a room of thought waits for nothing");
    }
    let (_, doors) = DOORS.iter().find(|(library, _)| *library == arrow.to)?;
    let enters = doors.contains(&from.name.as_str());
    (!enters).then_some("a heavy library enters by its own door only")
}

fn manifest(name: &str, folder: &str, arrows: &[(&str, bool)]) -> Manifest {
    let arrow = |(to, for_tests): &(&str, bool)| Arrow {
        to: (*to).to_owned(),
        for_tests: *for_tests,
    };
    Manifest {
        name: name.to_owned(),
        folder: folder.to_owned(),
        arrows: arrows.iter().map(arrow).collect(),
    }
}

/// A house where one crate has these arrows.
fn house_with(name: &str, folder: &str, arrows: &[(&str, bool)]) -> Vec<String> {
    let mut manifests = vec![
        manifest("schema", "schema", &[("diesel", false)]),
        manifest(
            "store",
            "shared/store",
            &[("schema", false), ("testkit", true)],
        ),
        manifest("tlog", "shared/tlog", &[("tlog_tiles", false)]),
        manifest("testkit", "shared/testkit", &[("store", false)]),
        manifest("sample", "shared/sample", &[]),
        manifest("verifier", "services/verifier", &[("store", false)]),
        manifest("auditor", "services/auditor", &[("tlog", false)]),
        manifest(
            "assay",
            "services/assay",
            &[("verifier", false), ("sample", false)],
        ),
        manifest("torture", "loadtest/torture", &[("testkit", false)]),
    ];
    manifests.retain(|manifest| manifest.name != name);
    manifests.push(manifest(name, folder, arrows));
    forbidden(&manifests)
}

#[test]
fn a_house_whose_arrows_run_one_way_is_let_stand() {
    let arrows = [("store", false), ("testkit", true), ("sample", true)];
    assert_eq!(house_with("auditor", "services/auditor", &arrows), [""; 0]);
    let bytes = [("auditor", false)];
    assert_eq!(house_with(FUZZED, "loadtest/fuzzed", &bytes), [""; 0]);
}

#[test]
fn each_kind_of_forbidden_arrow_is_named() {
    for (name, folder, to, for_tests) in [
        ("auditor", "services/auditor", "verifier", false),
        ("auditor", "services/auditor", "verifier", true),
        ("auditor", "services/auditor", "assay", false),
        ("auditor", "services/auditor", "testkit", false),
        ("auditor", "services/auditor", "sample", false),
        ("assay", "services/assay", "testkit", false),
        ("store", "shared/store", "auditor", false),
        ("store", "shared/store", "auditor", true),
        ("store", "shared/store", "testkit", false),
        ("schema", "schema", "tlog", false),
        ("schema", "schema", "testkit", true),
        ("auditor", "services/auditor", "async-nats", false),
        ("auditor", "services/auditor", "diesel", true),
        ("assay", "services/assay", "backoff", false),
        ("store", "shared/store", "object_store", false),
        ("tlog", "shared/tlog", "tokio", false),
        ("torture", "loadtest/torture", "verifier", false),
        ("torture", "loadtest/torture", "async-nats", false),
        (CHECKER, "loadtest/checker", "store", false),
        (CHECKER, "loadtest/checker", "tlog", false),
        (CHECKER, "loadtest/checker", "torture", true),
        ("testkit", "shared/testkit", "torture", false),
        ("assay", "services/assay", "torture", true),
    ] {
        let found = house_with(name, folder, &[(to, for_tests)]);
        assert_eq!(found.len(), 1, "{name} -> {to}: {found:?}");
        assert!(
            found[0].starts_with(&format!("{name} -> {to}: ")),
            "{found:?}"
        );
    }
}
