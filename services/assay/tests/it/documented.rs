//! What the pages for operators tell to type is there: each command and each of its options.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The pages.
const PAGES: [&str; 9] = [
    "README.md",
    "docs/OPERATIONS.md",
    "docs/RUNBOOKS.md",
    "docs/SECURITY.md",
    "docs/PROOFS.md",
    "docs/LABS.md",
    "docs/ARCHITECTURE.md",
    "docs/METRICS.md",
    "deploy/README.md",
];
/// Fewest commands that the pages name: fewer, and this looks in the wrong place.
const COMMANDS_MIN: usize = 30;

/// The commands that a page tells to type: in spans of code, and on lines of blocks.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, block) in text.split("```").enumerate() {
        if at % 2 == 1 {
            let joined = block.replace("\\\n", " ");
            let lines = joined
                .lines()
                .map(|line| line.trim().trim_start_matches("$ "));
            let typed = lines.map(|line| line.split(['#', '|', '>']).next().unwrap_or_default());
            found.extend(typed.map(str::to_owned));
        } else {
            let spans = block.split('`').skip(1).step_by(2);
            found.extend(spans.map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    found.retain(|command| command.starts_with("assay "));
    found
}

/// The words that name a command, and its options.
fn parts(command: &str) -> (Vec<String>, Vec<String>) {
    let is_word = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let mut words = command.split_whitespace().skip(1).peekable();
    // What stands before the command is everybody's.
    while words.next_if(|word| word.starts_with("--")).is_some() {
        words.next();
    }
    let mut name = Vec::new();
    while let Some(word) = words.next_if(|word| is_word(word) && !word.starts_with('-')) {
        name.push(word.to_owned());
    }
    let options = words.filter(|word| word.trim_start_matches('[').starts_with("--"));
    let bare = |word: &str| {
        let inside = |c: char| c.is_ascii_lowercase() || c == '-';
        let word = word.trim_start_matches('[');
        word.chars().take_while(|c| inside(*c)).collect::<String>()
    };
    (name, options.map(bare).collect())
}

/// What a command says of itself. A word that is an argument, and no command, is none of its name.
fn help(name: &[String]) -> Result<String, String> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_assay"));
    let told = program.args(name).arg("--help").output();
    let told = told.map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match told.status.success() {
        true => Ok(text(&told.stdout)),
        false => Err(text(&told.stderr)),
    }
}

#[test]
fn each_command_that_the_pages_tell_to_type_is_there_with_its_options() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut told: BTreeMap<Vec<String>, Result<String, String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for page in PAGES {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        for command in commands(&text) {
            let (name, options) = parts(&command);
            let help = told.entry(name.clone()).or_insert_with(|| help(&name));
            match help {
                Err(error) => wrong.push(format!("{page}: {command}: {error}")),
                Ok(help) => {
                    let missing = options
                        .iter()
                        .filter(|option| !help.contains(option.as_str()));
                    wrong.extend(missing.map(|option| format!("{page}: {command}: no {option}")));
                }
            }
        }
    }
    assert!(told.len() >= COMMANDS_MIN, "{:?}", told.keys());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn commands_are_found_in_spans_and_blocks_and_taken_apart() {
    let page = "Give `assay dead\nlist --json`, or\n```sh\nassay --data x up  # all\nls\n```\n";
    assert_eq!(
        commands(page),
        ["assay dead list --json", "assay --data x up  "]
    );
    let of = |command: &str| {
        let (name, options) = parts(command);
        (name.join(" "), options.join(" "))
    };
    for (command, name, options) in [
        ("assay dead list --json", "dead list", "--json"),
        ("assay --data .assay up", "up", ""),
        ("assay trace <delivery>", "trace", ""),
        (
            "assay reconcile --source S --since …",
            "reconcile",
            "--source --since",
        ),
        (
            "assay config check [--service S]",
            "config check",
            "--service",
        ),
    ] {
        assert_eq!(
            of(command),
            (name.to_owned(), options.to_owned()),
            "{command}"
        );
    }
}
