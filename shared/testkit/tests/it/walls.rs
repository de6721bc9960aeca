//! The walls of the real workspace: its manifests and the length of its files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::rules::{Arrow, Manifest, forbidden};

/// No file of code is longer, in lines.
const LINES_MAX: usize = 500;
/// Generated, and as long as the schema is wide.
const GENERATED: &str = "schema/src/tables.rs";
/// Where crates are: one folder, and folders of folders.
const SCHEMA: &str = "schema";
const SHELVES: [&str; 3] = ["shared", "services", "loadtest"];

fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

fn manifests() -> Vec<Manifest> {
    let root = workspace();
    let mut folders = vec![SCHEMA.to_owned()];
    for shelf in SHELVES {
        for entry in fs::read_dir(root.join(shelf)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            folders.push(format!("{shelf}/{name}"));
        }
    }
    let has_manifest = |folder: &String| root.join(folder).join("Cargo.toml").exists();
    let folders = folders.into_iter().filter(has_manifest);
    folders.map(|folder| manifest(&root, folder)).collect()
}

fn manifest(root: &Path, folder: String) -> Manifest {
    let text = fs::read_to_string(root.join(&folder).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let mut arrows = arrows(&manifest);
    // Those for one system only count as well.
    for (_, target) in manifest
        .get("target")
        .and_then(|t| t.as_table())
        .into_iter()
        .flatten()
    {
        arrows.extend(self::arrows(target.as_table().unwrap()));
    }
    let name = manifest["package"]["name"].as_str().unwrap().to_owned();
    Manifest {
        name,
        folder,
        arrows,
    }
}

fn arrows(table: &toml::Table) -> Vec<Arrow> {
    let kinds = [
        ("dependencies", false),
        ("build-dependencies", false),
        ("dev-dependencies", true),
    ];
    let mut arrows = Vec::new();
    for (kind, for_tests) in kinds {
        let entries = table.get(kind).and_then(|entries| entries.as_table());
        for (key, entry) in entries.into_iter().flatten() {
            // A dependency may go by another name than its package.
            let package = entry.get("package").and_then(|package| package.as_str());
            let to = package.unwrap_or(key).to_owned();
            arrows.push(Arrow { to, for_tests });
        }
    }
    arrows
}

/// Every file of code below a folder, by its path from the workspace's root.
fn code(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            code(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(
                path.strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
        }
    }
}

/// The code of a folder, all of it together.
fn text_of(folder: &str) -> String {
    let (root, mut files) = (workspace(), Vec::new());
    code(&root, &root.join(folder), &mut files);
    let read = |file: &String| fs::read_to_string(root.join(file)).unwrap();
    files.iter().map(read).collect()
}

#[test]
fn every_kind_of_entry_is_written_and_whoever_writes_holds_it_against_the_schema() {
    let schema = include_str!("../../../../docs/audit-entry.schema.json");
    let written = text_of("services") + &text_of("shared");
    let kinds = schema.split("\"const\": \"").skip(1);
    let kinds: Vec<&str> = kinds.filter_map(|kind| kind.split('"').next()).collect();
    assert!(kinds.len() > 30, "{kinds:?}");
    let unwritten = kinds.iter();
    let unwritten = unwritten.filter(|kind| !written.contains(&format!("\"{kind}\"")));
    assert_eq!(unwritten.collect::<Vec<_>>(), [&""; 0]);
    let unheld: Vec<String> = manifests()
        .into_iter()
        .map(|manifest| manifest.folder)
        .filter(|folder| folder.starts_with("services/"))
        .filter(|folder| text_of(&format!("{folder}/src")).contains("AuditEvent {"))
        .filter(|folder| {
            !text_of(&format!("{folder}/tests")).contains("entries_are_by_the_schema()")
        })
        .collect();
    assert_eq!(unheld, [""; 0]);
}

#[test]
fn no_arrow_goes_through_a_wall() {
    let manifests = manifests();
    assert!(
        manifests.len() > 10,
        "the manifests are not where they were: {manifests:?}"
    );
    assert_eq!(forbidden(&manifests), [""; 0]);
}

#[test]
fn no_file_of_code_is_too_long() {
    let root = workspace();
    let mut files = Vec::new();
    for shelf in SHELVES.iter().chain([&SCHEMA]) {
        code(&root, &root.join(shelf), &mut files);
    }
    assert!(files.iter().any(|file| file == GENERATED), "{files:?}");
    let length = |file: &String| fs::read_to_string(root.join(file)).unwrap().lines().count();
    let too_long = |file: &&String| *file != GENERATED && length(file) > LINES_MAX;
    let too_long: Vec<&String> = files.iter().filter(too_long).collect();
    assert_eq!(
        too_long, [""; 0],
        "split them: no file has more than {LINES_MAX} lines"
    );
}
