//! Tool folders: the example labs in two languages, without a network; a tool that is missing, and
//! one that has changed.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use contract::result::{ErrorCause, Verdict};
use objects::manifest::BlobKind::Regular;
use process::settings::tools::Tool;
use process::settings::work;
use serde_json::json;
use tempfile::TempDir;
use verifier::local::{CannotVerify, Local, LocalResult, verify};
use verifier::tools::content::digest;
use verifier::tools::{Shelf, ToolError};

use crate::author::{example, folder};
use crate::bench::scratch;
use crate::workshop::{TreeEntry, Workshop};

const RIGHT_PY: &str = "import sys\nverb, a, b = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])\n\
    print(a + b if verb == 'add' else a - b)\n";
const WRONG_PY: &str = "print(5)\n";
const RIGHT_JS: &str = "const [verb, a, b] = process.argv.slice(2);\n\
    console.log(verb === 'add' ? +a + +b : a - b);\n";
const WRONG_JS: &str = "console.log(5);\n";
/// The parts of Python's library that the example needs, beside its single files.
const PYTHON_PARTS: [&str; 6] = [
    "collections",
    "encodings",
    "importlib",
    "json",
    "lib-dynload",
    "re",
];

/// Settings of a verifier that has this tool.
fn with_tool(name: &str, folder: &Path) -> work::Verifier {
    let tool = Tool {
        folder: folder.to_owned(),
        digest: digest(folder).unwrap().digest,
    };
    work::Verifier {
        tools: BTreeMap::from([(name.parse().unwrap(), tool)]),
        // Limits hold where the machine can, and have tests of their own.
        dangerously_run_without_limits: true,
        ..work::Verifier::default()
    }
}

async fn verified(
    lab: &str,
    learner: &[(&str, &str)],
    settings: &work::Verifier,
) -> Result<LocalResult, CannotVerify> {
    let learner = folder(learner);
    let local = Local {
        learner: learner.path(),
        lab: &example(lab),
        settings,
    };
    verify(local, |_event| {}).await
}

/// A folder that boxes can get to.
fn tool_folder() -> TempDir {
    let folder = scratch();
    fs::create_dir(folder.path().join("bin")).unwrap();
    folder
}

/// One of the system's own programs, which every box has as well.
fn of_the_system(name: &str) -> Option<PathBuf> {
    let places = ["/usr/bin", "/usr/local/bin"].map(|folder| Path::new(folder).join(name));
    places.into_iter().find(|place| place.exists())
}

/// Python in a folder of its own: the program and its library, copied out of the system.
fn python() -> Option<TempDir> {
    let program = of_the_system("python3")?;
    let ask = "import sys, sysconfig; print(sysconfig.get_path('stdlib')); \
               print('python%d.%d' % sys.version_info[:2])";
    let said = Command::new(&program)
        .args(["-I", "-c", ask])
        .output()
        .ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let (library, version) = said.trim().split_once('\n')?;
    let tool = tool_folder();
    fs::copy(
        program.canonicalize().ok()?,
        tool.path().join("bin/python3"),
    )
    .ok()?;
    let inside = tool.path().join("lib").join(version);
    fs::create_dir_all(&inside).ok()?;
    for entry in fs::read_dir(library).ok()?.map(Result::unwrap) {
        let name = entry.file_name();
        let is_module = name.to_string_lossy().ends_with(".py");
        if is_module || PYTHON_PARTS.iter().any(|part| name == *part) {
            copy(&entry.path(), &inside.join(name));
        }
    }
    Some(tool)
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            if entry.file_name() != "__pycache__" {
                copy(&entry.path(), &to.join(entry.file_name()));
            }
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

/// Node by way of the system, which every box has; the folder pins the way.
fn node() -> Option<TempDir> {
    let program = of_the_system("node")?;
    let tool = tool_folder();
    symlink(program, tool.path().join("bin/node")).unwrap();
    Some(tool)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_lab_is_judged_by_a_python_of_its_tool_folder() {
    let Some(tool) = python() else {
        eprintln!("skipped: this machine has no python3 in /usr");
        return;
    };
    let settings = with_tool("python", tool.path());
    let right = verified("python-lab", &[("calc.py", RIGHT_PY)], &settings).await;
    let right = right.unwrap();
    assert_eq!(right.result, Verdict::Pass, "{right:#?}");
    assert_eq!((right.points, right.points_max), (10, 10));
    let wrong = verified("python-lab", &[("calc.py", WRONG_PY)], &settings).await;
    let wrong = wrong.unwrap();
    assert_eq!(
        (wrong.result, wrong.points),
        (Verdict::Fail, 5),
        "{wrong:#?}"
    );
    // It is the folder's Python, and the folder is not the learner's to change.
    let nosy = "import sys\nassert sys.executable == '/tools/python/bin/python3', sys.executable\n\
                try:\n    open('/tools/python/lib/x', 'w')\nexcept OSError:\n";
    let nosy = format!("{nosy}    {}", RIGHT_PY.trim_end().replace('\n', "\n    "));
    let nosy = verified("python-lab", &[("calc.py", &nosy)], &settings).await;
    let nosy = nosy.unwrap();
    assert_eq!(nosy.result, Verdict::Pass, "{nosy:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_lab_is_judged_by_the_node_of_its_tool_folder() {
    let Some(tool) = node() else {
        eprintln!("skipped: this machine has no node in /usr");
        return;
    };
    let settings = with_tool("node", tool.path());
    let right = verified("node-lab", &[("calc.mjs", RIGHT_JS)], &settings).await;
    let right = right.unwrap();
    assert_eq!(right.result, Verdict::Pass, "{right:#?}");
    let wrong = verified("node-lab", &[("calc.mjs", WRONG_JS)], &settings).await;
    let wrong = wrong.unwrap();
    assert_eq!(
        (wrong.result, wrong.points),
        (Verdict::Fail, 5),
        "{wrong:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_is_missing_is_the_labs_error_and_never_the_learners() {
    let none = work::Verifier {
        dangerously_run_without_limits: true,
        ..work::Verifier::default()
    };
    let came = verified("node-lab", &[("calc.mjs", RIGHT_JS)], &none).await;
    let came = came.unwrap();
    assert_eq!(came.result, Verdict::Error);
    assert_eq!(came.cause, Some(ErrorCause::LabBroken));
    assert_eq!(
        came.detail.as_deref(),
        Some("the lab names the tool node, which this verifier does not have")
    );
}

#[test]
fn a_tool_that_has_changed_is_not_taken_until_it_is_as_it_was() {
    let tool = tool_folder();
    let place = tool.path().join("bin/check");
    fs::write(&place, "#!/bin/sh\necho good\n").unwrap();
    fs::set_permissions(&place, Permissions::from_mode(0o755)).unwrap();
    let settings = with_tool("check", tool.path());
    let shelf = Shelf::open(&settings.tools).unwrap();
    let names = ["check".parse().unwrap()];
    assert!(shelf.take(&names).unwrap()[0].has_bin);
    fs::write(&place, "#!/bin/sh\necho evil\n").unwrap();
    let refused = shelf.take(&names).unwrap_err();
    assert!(matches!(refused, ToolError::Changed { .. }), "{refused:?}");
    assert!(matches!(
        Shelf::open(&settings.tools),
        Err(ToolError::Changed { .. })
    ));
    fs::write(&place, "#!/bin/sh\necho good\n").unwrap();
    assert_eq!(shelf.take(&names).unwrap().len(), 1);
    fs::remove_dir_all(tool.path().join("bin")).unwrap();
    assert!(shelf.take(&names).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_says_which_tools_made_it_and_a_changed_one_makes_an_error() {
    let tool = tool_folder();
    let place = tool.path().join("bin/check");
    // Anybody may write there, but nobody can from a box.
    let spoil = "(echo x >/tools/check/x; echo x >>/tools/check/bin/check) 2>/dev/null";
    let text = format!("#!/bin/sh\n{spoil}\necho 'ok 1 - checks'\necho 1..1\n");
    fs::write(&place, &text).unwrap();
    for open in [place.as_path(), tool.path()] {
        fs::set_permissions(open, Permissions::from_mode(0o777)).unwrap();
    }
    let pinned = digest(tool.path()).unwrap().digest;
    let mut workshop = Workshop::furnish().await;
    let tools = json!({ "check": { "folder": tool.path(), "digest": pinned } });
    let settings = workshop.settings().with("verifier.tools", tools).unwrap();
    workshop.serve_as(settings);
    let toml = "[lab]\nslug = \"a\"\n[verify]\ntools = [\"check\"]\n\
                [[step]]\nname = \"step\"\nrun = \"check\"\nreport = \"tap\"\n";
    let lab: Vec<TreeEntry<'_>> = vec![("lab.toml", Regular, toml)];
    let session = workshop.session(&lab).await;
    let tree = [("calc.sh", Regular, "")];
    let row = workshop.verify(&session, &tree).await;
    assert_eq!(row["result"], "pass", "{row:#}");
    let query = "SELECT tools FROM verification_origin";
    let made = workshop.house.rows(query).await;
    assert!(made[0].contains(&pinned.to_string()), "{made:?}");
    assert!(!tool.path().join("x").exists());
    assert_eq!(fs::read_to_string(&place).unwrap(), text);

    fs::write(
        &place,
        "#!/bin/sh\necho 'ok 1 - checks' # evil\necho 1..1\n",
    )
    .unwrap();
    let row = workshop
        .verify(&session, &[("calc.sh", Regular, "2")])
        .await;
    assert_eq!(
        (&row["result"], &row["cause"]),
        (&json!("error"), &json!("sandbox-unavailable"))
    );
    let detail = row["detail"].as_str().unwrap();
    assert!(detail.contains("the tool check has changed"), "{detail}");
    workshop.close().await;
}
