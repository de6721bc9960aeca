//! Owns the keys of users at NATS and the file that tells the servers of them: made, changed without
//! a gap, written out. The seed of a user lies in `nats-<user>`, its public halves in
//! `nats-<user>.pub`, one a line.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bus::key::UserKey;
use clap::Subcommand;
use deploy::users::{Keyed, accounts, user, users};
use process::exit;

use crate::say::say;
use crate::up::keys::{make_private, write};

/// What is asked of the users of NATS.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum NatsOrder {
    /// Print the servers' accounts file: each user with its rights, by the public halves of keys
    /// (`nats-<user>.pub`) in a folder.
    Accounts {
        /// The folder with the public halves.
        folder: PathBuf,
    },
    /// Make a key for a user: its first one, or one more, to change it for without a gap.
    Key {
        /// A service, `operator`, `topology`, or `operator-<actor>`, who gives orders in that name
        /// alone.
        user: String,
        /// The folder to make it in.
        folder: PathBuf,
    },
}

/// Carries an order out. It needs no settings, and no servers.
pub(crate) fn nats(order: &NatsOrder) -> anyhow::Result<u8> {
    match order {
        NatsOrder::Accounts { folder } => {
            say!("{}", accounts(&keyed(folder)?).trim_end());
        }
        NatsOrder::Key { user, folder } => one_more(user, folder)?,
    }
    Ok(exit::OK)
}

/// Makes a key for each user that has none in `folder`.
pub(crate) fn make_missing(folder: &Path) -> anyhow::Result<()> {
    for user in users() {
        if !seed_file(folder, &user.name).exists() {
            make(folder, &user.name)?;
        }
    }
    Ok(())
}

/// The users that have a key in `folder`, with the public halves of all that they have.
pub(crate) fn keyed(folder: &Path) -> anyhow::Result<Vec<Keyed>> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let stem = name
            .strip_prefix("nats-")
            .and_then(|n| n.strip_suffix(".pub"));
        let Some(user_name) = stem else { continue };
        let Some(user) = user(user_name) else {
            bail!("{name}: nobody is called {user_name}; remove the file, or rename it");
        };
        let keys = public_halves(&folder.join(&name))?;
        found.push(Keyed { user, keys });
    }
    for user in users() {
        if !found
            .iter()
            .any(|keyed: &Keyed| keyed.user.name == user.name)
        {
            bail!(
                "{} has no key in {}: `assay keys` makes what is missing",
                user.name,
                folder.display()
            );
        }
    }
    found.sort_by(|a, b| a.user.name.cmp(&b.user.name));
    Ok(found)
}

fn public_halves(file: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let lines = text.lines().map(str::trim);
    let keys: Vec<String> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let is_public = |key: &String| {
        key.starts_with('U') && key.chars().all(|c| matches!(c, 'A'..='Z' | '2'..='7'))
    };
    if keys.is_empty() || !keys.iter().all(is_public) {
        bail!(
            "{}: expected public halves of users\' keys, which begin with U, one a line",
            file.display()
        );
    }
    Ok(keys)
}

/// A user's first key, or the next one beside it.
fn one_more(name: &str, folder: &Path) -> anyhow::Result<()> {
    if user(name).is_none() {
        bail!(
            "nobody is called {name}; expected a service, operator, topology or operator-<actor>"
        );
    }
    let seed = seed_file(folder, name);
    if !seed.exists() {
        make_private(folder)?;
        make(folder, name)?;
        say!(
            "made {}; now `assay nats accounts`, and reload the servers",
            seed.display()
        );
        return Ok(());
    }
    let (next, public) = (
        folder.join(format!("nats-{name}.next")),
        public_file(folder, name),
    );
    if next.exists() {
        bail!("{} is there: finish that change first", next.display());
    }
    let key = UserKey::generate();
    let mut halves = public_halves(&public)?;
    halves.push(key.public.clone());
    write(&next, &key.seed)?;
    write(&public, &(halves.join("\n") + "\n"))?;
    say!(
        "made {}; both keys are {name}\'s now. What is next:",
        next.display()
    );
    say!(
        "  1. `assay nats accounts {}` into the servers\' accounts.conf;",
        folder.display()
    );
    say!("     reload each server (SIGHUP)");
    say!(
        "  2. move {} to {}; restart {name}",
        next.display(),
        seed.display()
    );
    say!("  3. leave {} alone in {};", key.public, public.display());
    say!("     then as in 1.: the old key is refused from then on");
    Ok(())
}

/// The public half first: a seed that no server knows would be of no use.
fn make(folder: &Path, name: &str) -> anyhow::Result<()> {
    let key = UserKey::generate();
    write(&public_file(folder, name), &format!("{}\n", key.public))?;
    write(&seed_file(folder, name), &key.seed)
}

fn seed_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("nats-{name}"))
}

fn public_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("nats-{name}.pub"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_gets_a_key_that_stays_and_the_servers_file_names_it() {
        let folder = tempfile::tempdir().unwrap();
        make_missing(folder.path()).unwrap();
        let seed = fs::read_to_string(seed_file(folder.path(), "verifier")).unwrap();
        make_missing(folder.path()).unwrap();
        assert_eq!(
            fs::read_to_string(seed_file(folder.path(), "verifier")).unwrap(),
            seed
        );
        let public = UserKey::of_seed(&seed).unwrap().public;
        let text = accounts(&keyed(folder.path()).unwrap());
        assert_eq!(text.matches(&public).count(), 1);
        assert!(!text.contains(&seed));
    }

    #[test]
    fn a_key_is_changed_by_way_of_a_time_with_two() {
        let folder = tempfile::tempdir().unwrap();
        make_missing(folder.path()).unwrap();
        one_more("verifier", folder.path()).unwrap();
        let verifier = |folder: &Path| {
            let all = keyed(folder).unwrap();
            all.into_iter()
                .find(|one| one.user.name == "verifier")
                .unwrap()
                .keys
        };
        let next = fs::read_to_string(folder.path().join("nats-verifier.next")).unwrap();
        let keys = verifier(folder.path());
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[1], UserKey::of_seed(&next).unwrap().public);
        // Half a change is not begun twice.
        assert!(one_more("verifier", folder.path()).is_err());
        assert!(one_more("nobody", folder.path()).is_err());
        one_more("operator-alice", folder.path()).unwrap();
        let alice = keyed(folder.path()).unwrap();
        assert!(alice.iter().any(|one| one.user.name == "operator-alice"));
    }

    #[test]
    fn a_file_that_is_no_public_half_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        make_missing(folder.path()).unwrap();
        let seed = fs::read_to_string(seed_file(folder.path(), "verifier")).unwrap();
        write(&public_file(folder.path(), "verifier"), &seed).unwrap();
        let refused = keyed(folder.path()).unwrap_err().to_string();
        assert!(
            refused.contains("nats-verifier.pub") && !refused.contains(&seed),
            "{refused}"
        );
        write(&public_file(folder.path(), "nobody"), "UA").unwrap();
        assert!(keyed(folder.path()).is_err());
    }
}
