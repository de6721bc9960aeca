//! Builds the newest released version's program from its commit, once: it stays below the build's
//! folder.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The program of the newest version in the table of those that a roll may begin at.
pub(super) fn program() -> PathBuf {
    let commit = commit();
    let folder = folder();
    std::fs::create_dir_all(&folder).unwrap();
    // Tests are processes of their own: one builds, the others wait.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let own = folder.join(&commit);
    let program = own.join("assay");
    if !program.exists() {
        let source = own.join("source");
        unpack(&commit, &source);
        build(&source, &folder.join("built"));
        // Under a name of its own first: what bears the last name is whole.
        let whole = own.join("assay.whole");
        std::fs::copy(folder.join("built/debug/assay"), &whole).unwrap();
        std::fs::rename(&whole, &program).unwrap();
    }
    program
}

/// The commit that the table names last.
fn commit() -> String {
    let text = std::fs::read_to_string(Path::new(ROOT).join("docs/compatibility.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let versions = table["version"].as_array().unwrap();
    let newest = versions.last().unwrap();
    newest["commit"].as_str().unwrap().to_owned()
}

/// Below the folder that this program was built in, which is as reachable for the accounts of
/// servers and boxes as its own program is.
fn folder() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let target = own.ancestors().nth(3).unwrap();
    target.join("previous")
}

fn unpack(commit: &str, source: &Path) {
    std::fs::create_dir_all(source).unwrap();
    let archive = source.with_extension("tar");
    let (to, from) = (archive.display().to_string(), source.display().to_string());
    run(
        Command::new("git").args(["-C", ROOT, "archive", "--output", &to, commit]),
        "the commit of the version before must be in the repository: git fetch --unshallow",
    );
    run(
        Command::new("tar").args(["-xf", &to, "-C", &from]),
        "its source must unpack",
    );
    std::fs::remove_file(&archive).unwrap();
}

fn build(source: &Path, target: &Path) {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--locked", "--package", "assay", "--target-dir"])
        .arg(target)
        .current_dir(source)
        // Nobody debugs it, and nobody changes it.
        .envs([("CARGO_PROFILE_DEV_DEBUG", "0"), ("CARGO_INCREMENTAL", "0")])
        // Those of this build are not its own.
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("CARGO_MANIFEST_DIR");
    run(&mut cargo, "the version before must build");
}

fn run(command: &mut Command, must: &str) {
    let status = command.status();
    let succeeded = status.as_ref().is_ok_and(std::process::ExitStatus::success);
    assert!(succeeded, "{must}: {command:?}: {status:?}");
}
