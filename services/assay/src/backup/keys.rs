//! Owns the keys of a backup: the files that the settings name, kept apart from the backup itself.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use deploy::users::users;
use process::settings::Settings;
use process::settings::nats::USER_PLACEHOLDER;
use process::settings::postgres::{ROLE_PLACEHOLDER, Role};
use serde_json::Value;

use crate::backup::place;

/// A key by its setting, and the file that it is in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct KeyFile {
    /// The dotted path of the setting; of a file per role or user, with its name after it.
    pub(crate) setting: String,
    pub(crate) file: PathBuf,
}

/// Settings whose key cannot be replaced: what was made with it can be read or continued with it
/// alone. Webhooks' secrets and passwords can be set anew.
pub(crate) fn is_irreplaceable(setting: &str) -> bool {
    setting == "log.signing_key_file"
        // The log may be signed by it already.
        || setting == "log.next_signing_key_file"
        || setting == "privacy.pseudonym_key_file"
        || setting.starts_with("privacy.master_keys.")
}

/// The files of keys that settings name.
pub(crate) fn files(settings: &Settings) -> anyhow::Result<Vec<KeyFile>> {
    let values = serde_json::to_value(settings).context("read the settings")?;
    let mut found = Vec::new();
    collect(&values, String::new(), &mut found);
    found.sort();
    Ok(found)
}

/// Settings that name a variable which holds a key: those are kept by whoever sets them.
pub(crate) fn variables(settings: &Settings) -> anyhow::Result<Vec<String>> {
    let values = serde_json::to_value(settings).context("read the settings")?;
    let mut found = Vec::new();
    walk(&values, String::new(), &mut |setting, name, _| {
        if name == "env" || name.ends_with("_env") {
            found.push(setting.to_owned());
        }
    });
    Ok(found)
}

fn collect(values: &Value, at: String, found: &mut Vec<KeyFile>) {
    walk(values, at, &mut |setting, name, value| {
        if name != "file" && !name.ends_with("_file") {
            return;
        }
        let mut add = |setting: String, file: String| {
            let file = PathBuf::from(file);
            found.push(KeyFile { setting, file });
        };
        let Some((placeholder, names)) = each_of(value) else {
            return add(setting.to_owned(), value.to_owned());
        };
        for name in names {
            let file = value.replace(placeholder, &name);
            add(format!("{setting}.{name}"), file);
        }
    });
}

/// What stands for a name in a path, and the names: there is a file for each.
fn each_of(path: &str) -> Option<(&'static str, Vec<String>)> {
    if path.contains(ROLE_PLACEHOLDER) {
        let roles = Role::ALL.iter().map(|role| role.as_str().to_owned());
        return Some((ROLE_PLACEHOLDER, roles.collect()));
    }
    path.contains(USER_PLACEHOLDER).then(|| {
        let users = users().into_iter().map(|user| user.name);
        (USER_PLACEHOLDER, users.collect())
    })
}

/// Calls `each` with the path, the name and the value of every text in the settings.
fn walk(values: &Value, at: String, each: &mut impl FnMut(&str, &str, &str)) {
    let below = |name: &str| match at.is_empty() {
        true => name.to_owned(),
        false => format!("{at}.{name}"),
    };
    match values {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Value::String(text) = value {
                    each(&below(name), name, text);
                }
                walk(value, below(name), each);
            }
        }
        Value::Array(values) => {
            for (place, value) in values.iter().enumerate() {
                walk(value, below(&place.to_string()), each);
            }
        }
        _ => {}
    }
}

/// Whether one of two folders lies in the other, or is it.
pub(crate) fn are_together(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// Copies the keys into a folder; gives how many there were.
pub(crate) fn copy(settings: &Settings, to: &Path) -> anyhow::Result<usize> {
    place::make_private(to)?;
    let mut copied = 0;
    for key in files(settings)? {
        match fs::read(&key.file) {
            Ok(bytes) => {
                place::write(&to.join(&key.setting), &bytes)?;
                copied += 1;
            }
            // A password of a role that this machine does not run, for instance.
            Err(error) if !is_irreplaceable(&key.setting) => {
                eprintln!(
                    "{} is not copied: {}: {error}",
                    key.setting,
                    key.file.display()
                );
            }
            Err(error) => {
                let reading = || format!("read {}, {}", key.setting, key.file.display());
                return Err(error).with_context(reading);
            }
        }
    }
    Ok(copied)
}

/// Puts keys back to where the settings look for them; gives which were put. One that is there and
/// is another key is left alone, and nothing is restored under it.
pub(crate) fn put_back(settings: &Settings, from: &Path) -> anyhow::Result<Vec<String>> {
    let mut put = Vec::new();
    for key in files(settings)? {
        let Ok(bytes) = fs::read(from.join(&key.setting)) else {
            continue;
        };
        match fs::read(&key.file) {
            Ok(there) if there == bytes => {}
            Ok(_) => bail!(
                "{} names {}, and another key is there already: put one of them aside",
                key.setting,
                key.file.display()
            ),
            Err(_) => {
                if let Some(folder) = key.file.parent() {
                    place::make_private(folder)?;
                }
                place::write(&key.file, &bytes)?;
                put.push(key.setting);
            }
        }
    }
    Ok(put)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_file_of_a_key_is_found_by_its_setting() {
        let values = json!({
            "log": { "origin": "o", "signing_key_file": "/k/log" },
            "nats": { "user": "{user}", "nkey_seed_file": "/k/nats-{user}" },
            "postgres": { "password_file": "/k/{role}" },
            "sources": { "github": { "secrets": [{ "name": "first", "file": "/k/hook" }] } },
            "privacy": { "master_keys": [{ "id": "a", "env": "KEY" }] },
        });
        let mut found = Vec::new();
        collect(&values, String::new(), &mut found);
        let of = |setting: &str| {
            let key = found.iter().find(|key| key.setting == setting);
            key.map(|key| key.file.display().to_string())
        };
        assert_eq!(of("log.signing_key_file").as_deref(), Some("/k/log"));
        assert_eq!(
            of("sources.github.secrets.0.file").as_deref(),
            Some("/k/hook")
        );
        let role = of("postgres.password_file.assay_auditor");
        assert_eq!(role.as_deref(), Some("/k/assay_auditor"));
        let seed = of("nats.nkey_seed_file.attempt-writer");
        assert_eq!(seed.as_deref(), Some("/k/nats-attempt-writer"));
        assert_eq!(found.len(), 2 + Role::ALL.len() + users().len());
        let unnamed = found
            .iter()
            .find(|key| key.file.to_string_lossy().contains('{'));
        assert_eq!(unnamed, None, "every file has its own name");
    }

    #[test]
    fn keys_lie_neither_in_the_backup_nor_around_it() {
        for (one, other, together) in [
            ("/b", "/b", true),
            ("/b", "/b/keys", true),
            ("/b/1", "/b", true),
            ("/b", "/bb", false),
            ("/a/b", "/a/c", false),
        ] {
            assert_eq!(are_together(Path::new(one), Path::new(other)), together);
        }
    }
}
