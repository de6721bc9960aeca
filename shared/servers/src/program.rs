//! Finds the programs: nats-server, the Postgres programs, setpriv. Installs nothing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::child::is_program;
use crate::error::ServerError;

/// Oldest nats-server whose streams behave as the topology expects.
const NATS_VERSION_MIN: (u32, u32) = (2, 14);
/// Oldest Postgres that the migrations suit.
const POSTGRES_MAJOR_MIN: u32 = 15;
/// Folders that hold one folder per Postgres version, and what its name begins with.
const POSTGRES_HOMES: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
];

/// A folder with the Postgres programs, and their major version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PostgresPrograms {
    pub(crate) folder: PathBuf,
    pub(crate) major: u32,
}

/// The nats-server to use: the one asked for, `ASSAY_NATS_SERVER`, `.tools/bin` of the project
/// this program was built in, or the `PATH`'s; new enough.
pub(crate) fn nats_server(wanted: Option<&Path>) -> Result<PathBuf, ServerError> {
    let found = wanted
        .map(Path::to_owned)
        .or_else(|| env::var_os("ASSAY_NATS_SERVER").map(PathBuf::from))
        .or_else(|| beside_this_program(".tools/bin/nats-server"))
        .or_else(|| on_path("nats-server"));
    let refuse = |looked: String| ServerError::NoProgram {
        program: "nats-server",
        looked,
    };
    let Some(found) = found else {
        let looked = "looked at ASSAY_NATS_SERVER, the project's .tools/bin and the PATH";
        return Err(refuse(looked.to_owned()));
    };
    let said = version_line(&found);
    match numbers(&said).as_slice() {
        [major, minor, ..]
            if said.starts_with("nats-server") && (*major, *minor) >= NATS_VERSION_MIN =>
        {
            Ok(found)
        }
        _ => {
            let (major, minor) = NATS_VERSION_MIN;
            let found = found.display();
            Err(refuse(format!(
                "{found} says {said:?}; {major}.{minor} is the oldest that works"
            )))
        }
    }
}

/// The Postgres programs to use: `ASSAY_POSTGRES_BIN` and nothing else where it is set, else the
/// `PATH`'s, else the newest that is installed. A folder that was made by one major version (`made_by`)
/// can only be served by that one.
pub(crate) fn postgres(made_by: Option<u32>) -> Result<PostgresPrograms, ServerError> {
    let candidates = match env::var_os("ASSAY_POSTGRES_BIN") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => postgres_folders("postgres"),
    };
    let found: Vec<PostgresPrograms> = candidates.into_iter().filter_map(postgres_in).collect();
    choose(&found, made_by).ok_or_else(|| {
        let wanted = match made_by {
            Some(major) => format!("{major}, which made the data folder"),
            None => format!("{POSTGRES_MAJOR_MIN} or newer"),
        };
        let majors: Vec<String> = found.iter().map(|one| one.major.to_string()).collect();
        let majors = majors.join(", ");
        let looked = format!("version {wanted}, is needed; versions found: [{majors}]");
        ServerError::NoProgram {
            program: "Postgres",
            looked,
        }
    })
}

/// Postgres' client programs for a server of this major version: of the same one, else of the next
/// newer one, which knows how to talk to it.
pub(crate) fn postgres_clients(server_major: u32) -> Result<PostgresPrograms, ServerError> {
    let candidates = match env::var_os("ASSAY_POSTGRES_BIN") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => postgres_folders("pg_dump"),
    };
    let found: Vec<PostgresPrograms> = candidates.into_iter().filter_map(clients_in).collect();
    let fitting = found.iter().filter(|one| one.major >= server_major);
    fitting.min_by_key(|one| one.major).cloned().ok_or_else(|| {
        let majors: Vec<String> = found.iter().map(|one| one.major.to_string()).collect();
        let majors = majors.join(", ");
        ServerError::NoProgram {
            program: "pg_dump and pg_restore",
            looked: format!(
                "version {server_major} or newer, as the server's; versions found: [{majors}]"
            ),
        }
    })
}

/// The program that gives a child its death signal; none where the system has no such signal.
pub(crate) fn with_death_signal() -> Option<PathBuf> {
    static SETPRIV: OnceLock<Option<PathBuf>> = OnceLock::new();
    let look = || {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let found = on_path("setpriv");
        if found.is_none() {
            tracing::warn!("setpriv is missing: servers outlive this process if it is killed");
        }
        found
    };
    SETPRIV.get_or_init(look).clone()
}

fn choose(found: &[PostgresPrograms], made_by: Option<u32>) -> Option<PostgresPrograms> {
    let fits = |one: &&PostgresPrograms| match made_by {
        Some(major) => one.major == major,
        None => one.major >= POSTGRES_MAJOR_MIN,
    };
    found.iter().find(fits).cloned()
}

fn postgres_in(folder: PathBuf) -> Option<PostgresPrograms> {
    let complete = is_program(&folder.join("postgres")) && is_program(&folder.join("initdb"));
    let major = complete.then(|| version_line(&folder.join("postgres")))?;
    let major = *numbers(&major).first()?;
    Some(PostgresPrograms { folder, major })
}

fn clients_in(folder: PathBuf) -> Option<PostgresPrograms> {
    let complete = is_program(&folder.join("pg_dump")) && is_program(&folder.join("pg_restore"));
    let major = complete.then(|| version_line(&folder.join("pg_dump")))?;
    let major = *numbers(&major).first()?;
    Some(PostgresPrograms { folder, major })
}

/// Where Postgres may be, the `PATH`'s first, by one of its programs, then newest first.
fn postgres_folders(program: &str) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = Vec::new();
    for (home, prefix) in POSTGRES_HOMES {
        let Ok(entries) = fs::read_dir(home) else {
            continue;
        };
        versions.extend(entries.flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let major = name.strip_prefix(prefix)?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        }));
    }
    versions.sort_by(|one, other| other.cmp(one));
    let from_path = on_path(program).and_then(|program| Some(program.parent()?.to_owned()));
    let installed = versions.into_iter().map(|(_, folder)| folder);
    from_path.into_iter().chain(installed).collect()
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|program| is_program(program))
}

/// A file of the project whose target folder this program lies in.
fn beside_this_program(file: &str) -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    program
        .ancestors()
        .map(|folder| folder.join(file))
        .find(|file| is_program(file))
}

fn version_line(program: &Path) -> String {
    match Command::new(program).arg("--version").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The numbers of the first dotted version in a line: `nats-server: v2.15.1` is 2, 15, 1.
fn numbers(line: &str) -> Vec<u32> {
    let version = line
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let parts = version
        .unwrap_or_default()
        .split(|c: char| !c.is_ascii_digit());
    parts.map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_programs_print() {
        for (line, expected) in [
            ("nats-server: v2.15.1", vec![2, 15, 1]),
            ("nats-server: v2.15.0-RC.1", vec![2, 15, 0]),
            (
                "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
                vec![15, 18],
            ),
            ("postgres (PostgreSQL) 18beta1", vec![18]),
            ("no such file", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(numbers(line), expected, "{line}");
        }
    }

    #[test]
    fn a_data_folder_is_served_by_the_version_that_made_it() {
        let of = |major| PostgresPrograms {
            folder: PathBuf::from(format!("/pg{major}")),
            major,
        };
        let found = [of(14), of(17), of(15)];
        assert_eq!(choose(&found, None), Some(of(17)));
        assert_eq!(choose(&found, Some(15)), Some(of(15)));
        assert_eq!(choose(&found, Some(16)), None);
        assert_eq!(choose(&found[..1], None), None);
    }
}
