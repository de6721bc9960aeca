//! Looks at this machine: the settings, folders and the room on their disks, git, the sandbox.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use objects::store::{Objects, ObjectsError};
use process::settings::Settings;
use process::settings::nats::USER_PLACEHOLDER;
use process::settings::postgres::{ROLE_PLACEHOLDER, Role};
use process::settings::service::Service;
use snapshot_builder::git::version::GIT_VERSION_MIN;
use verifier::sandbox::Sandbox;
use verifier::sandbox::account::Account;

use crate::doctor::finding::{Finding, room};

/// An error with its causes, on one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// What each service needs of the settings.
pub(super) fn settings(settings: &Settings, services: &[Service]) -> Vec<Finding> {
    let judge = |service: &Service| match settings.check_for(*service) {
        Ok(()) => Finding::good("settings", format!("{service} has what it needs")),
        Err(error) => {
            let said = format!("{service}: {}", chain(&error));
            let mend = "deploy/local/assay.toml.example says what may stand there";
            Finding::bad("settings", said, mend)
        }
    };
    services.iter().map(judge).collect()
}

/// Looks at what these services use of the machine.
pub(super) async fn look(settings: &Settings, services: &[Service]) -> Vec<Finding> {
    use Service::{SnapshotBuilder, Verifier, WebhookIngest};
    let any = |of: &[Service]| of.iter().any(|service| services.contains(service));
    let mut findings = secrets(settings);
    if services.iter().any(|service| service.keeps_objects()) {
        findings.extend(objects(settings).await);
    }
    if any(&[WebhookIngest]) {
        findings.extend(spool(settings));
    }
    if any(&[SnapshotBuilder]) {
        findings.push(git().await);
        findings.push(disk("the caches of git", &settings.snapshots.cache_folder));
    }
    if any(&[Verifier]) {
        findings.push(disk(
            "the verifier's scratch",
            &settings.verifier.scratch_folder,
        ));
        findings.push(sandbox(settings).await);
    }
    findings
}

/// The files with what services and operators log in with.
fn logins(settings: &Settings) -> Vec<PathBuf> {
    let users = deploy::users::users().into_iter().map(|user| user.name);
    let seed = settings.nats.nkey_seed_file.as_deref();
    let seeds = users.filter_map(|user| Some(seed?.replace(USER_PLACEHOLDER, &user)));
    let password = settings.postgres.password_file.as_deref();
    let passwords = Role::ALL.iter();
    let passwords =
        passwords.filter_map(|role| Some(password?.replace(ROLE_PLACEHOLDER, role.as_str())));
    seeds.chain(passwords).map(PathBuf::from).collect()
}

/// Files with keys and passwords that everybody of the machine may read.
fn secrets(settings: &Settings) -> Vec<Finding> {
    let sources = settings.sources.values();
    let of_sources = sources.flat_map(|source| source.secrets.iter().map(|secret| &secret.file));
    let bucket = settings.objects.s3.as_ref();
    let tls_key = settings
        .nats
        .tls
        .as_ref()
        .and_then(|tls| tls.key_file.clone());
    let files = [
        bucket.map_or(&None, |s3| &s3.secret_key_file),
        &settings.nats.password_file,
        &tls_key,
        &settings.log.signing_key_file,
        &settings.privacy.pseudonym_key_file,
    ];
    let named = files.into_iter().chain(of_sources).flatten().cloned();
    let keys = settings.privacy.master_keys.iter();
    let keys = keys.filter_map(|key| key.file.clone());
    let logins = logins(settings);
    let open = named.chain(keys).chain(logins).filter(|file| {
        let mode = fs::metadata(file).map(|metadata| metadata.permissions().mode());
        mode.is_ok_and(|mode| mode & 0o007 != 0)
    });
    open.map(|file| {
        let said = format!("everybody on this machine may read {}", file.display());
        let mend = format!(
            "chmod o-rwx {}, unless a container is its only reader",
            file.display()
        );
        Finding::warning("secrets", said, mend)
    })
    .collect()
}

async fn objects(settings: &Settings) -> Vec<Finding> {
    let check = "objects";
    let (place, folder) = (service::objects::place(settings), &settings.objects.folder);
    let is_folder = settings.objects.s3.is_none();
    if is_folder && !folder.exists() {
        let mend = "mount it, or make it: the same for every service and machine";
        return vec![Finding::bad(check, format!("{place} is not there"), mend)];
    }
    let tried = match service::objects::open(settings) {
        Ok(objects) => try_objects(&objects).await,
        Err(error) => Err(chain(error.as_ref())),
    };
    let first = match tried {
        Ok(Kept::Once) => Finding::good(check, format!("{place} takes objects")),
        Ok(Kept::InVersions) => {
            let said = format!("{place} keeps older versions: what is erased stays");
            let mend = "switch the bucket's versions off, or let old ones expire within days";
            Finding::warning(check, said, mend)
        }
        Err(said) if is_folder => {
            let mend = "let this user write there, and mount the store that the ledger knows";
            Finding::bad(check, said, mend)
        }
        Err(said) => {
            let mend = "see that its server answers, and that the key of [objects.s3] may list, get, \
                        put and delete there";
            Finding::bad(check, format!("{place}: {said}"), mend)
        }
    };
    match is_folder {
        true => vec![first, disk("the objects", folder)],
        false => vec![first],
    }
}

/// What becomes of an object that is removed.
enum Kept {
    Once,
    InVersions,
}

/// What the store said. Its own causes are in its words already.
fn said(error: &ObjectsError) -> String {
    let cause = error.source().map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

async fn try_objects(objects: &Objects) -> Result<Kept, String> {
    let versions = objects.keeps_versions().await;
    let versions = versions.map_err(|error| said(&error))?;
    // That a key may put does not say that it may list: erasing and backups need it.
    let listed = objects.is_empty().await;
    listed.map_err(|error| said(&error))?;
    Ok(match versions {
        true => Kept::InVersions,
        false => Kept::Once,
    })
}

fn spool(settings: &Settings) -> Vec<Finding> {
    let spool = &settings.ingest.spool;
    if !spool.persistent {
        let said = "there is no spool: while NATS is away deliveries are answered 503";
        let mend = "set ingest.spool.persistent where the folder outlives the process";
        return vec![Finding::warning("spool", said, mend)];
    }
    vec![disk("the spool", &spool.folder)]
}

async fn git() -> Finding {
    let (check, mend) = (
        "git",
        "install git 2.36 or newer where services find programs",
    );
    let asked = tokio::process::Command::new("git")
        .arg("--version")
        .output();
    let said = match asked.await {
        Ok(ended) => String::from_utf8_lossy(&ended.stdout).trim().to_owned(),
        Err(error) => return Finding::bad(check, format!("it does not run: {error}"), mend),
    };
    match git_version(&said) {
        Some(version) if version >= GIT_VERSION_MIN => Finding::good(check, said),
        _ => Finding::bad(check, format!("it says {said:?}"), mend),
    }
}

/// Reads `git version 2.39.5`.
fn git_version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.strip_prefix("git version ")?.split(['.', ' ']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The room where a folder is, or will be.
fn disk(what: &str, folder: &Path) -> Finding {
    let there = folder.ancestors().find(|place| place.exists());
    let place = there.unwrap_or(Path::new("."));
    let place = if place.as_os_str().is_empty() {
        Path::new(".")
    } else {
        place
    };
    match rustix::fs::statvfs(place) {
        Ok(found) => room("disk", what, found.f_bavail.saturating_mul(found.f_frsize)),
        Err(error) => {
            let said = format!("{}: {error}", place.display());
            Finding::bad("disk", said, "let this user enter the folder")
        }
    }
}

/// A scratch folder of our own: the verifier's is locked while one runs.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left there is emptied by the next verifier.
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn sandbox(settings: &Settings) -> Finding {
    let check = "sandbox";
    let name = format!("doctor-{}", std::process::id());
    let scratch = Scratch(settings.verifier.scratch_folder.join(name));
    let mut verifier = settings.verifier.clone();
    verifier.scratch_folder.clone_from(&scratch.0);
    let site = verifier::run::site(&verifier);
    match Sandbox::probe(site, Account::of_slot(0)).await {
        Ok(_) if verifier.dangerously_run_without_limits => {
            let said = "a box can be made; limits that this machine cannot enforce are waived";
            let mend = "take verifier.dangerously_run_without_limits away, except for a trial";
            Finding::warning(check, said, mend)
        }
        Ok(sandbox) => Finding::good(
            check,
            format!("a box can be made: {}", sandbox.identification()),
        ),
        Err(error) => Finding::bad(
            check,
            chain(&error),
            "give the verifier what docs/SECURITY.md says under Running strangers' code",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::git_version;

    #[test]
    fn the_version_is_read_from_what_git_says() {
        assert_eq!(
            git_version("git version 2.39.5 (Apple Git-154)"),
            Some((2, 39))
        );
        assert_eq!(git_version("git is not here"), None);
    }
}
