//! Owns where a repository is fetched from, and as whom: what the settings say of its source, and
//! nothing that a payload says.

use contract::name::{Repository, SourceName};
use git::access::{Access, Login, Network};
use git::origin::{Origin, Place};
use process::settings::Settings;
use process::settings::error::SettingsError;
use process::settings::fetch::FetchLogin;

/// Where a repository is fetched from; `None` if its source is not configured here.
///
/// # Errors
/// The source's token or key is not where the settings say.
pub fn origin_of(
    settings: &Settings,
    repository: &Repository,
) -> Result<Option<Origin>, SettingsError> {
    let name = repository.source();
    let Some(source) = settings.source(&name) else {
        return Ok(None);
    };
    let Ok(origin) = Origin::url(&source.fetch_url_of(repository)) else {
        return Ok(None);
    };
    access(settings, &name).map(|access| Some(origin.with_access(access)))
}

/// Where an operator's own location is fetched from: at a forge that is a source's, as that source.
///
/// # Errors
/// As [`origin_of`].
pub fn origin_at(settings: &Settings, origin: Origin) -> Result<Origin, SettingsError> {
    let at = |origin: &Origin| {
        let Origin::Url { scheme, .. } = origin else {
            return None;
        };
        let Place { host, port, .. } = origin.place()?;
        Some((*scheme, host.to_ascii_lowercase(), port))
    };
    let Some(place) = at(&origin) else {
        return Ok(origin);
    };
    let same = settings.sources.iter().find(|(_, source)| {
        let forge = Origin::url(&source.fetch_url).ok();
        forge.as_ref().and_then(at).as_ref() == Some(&place)
    });
    match same {
        Some((name, _)) => Ok(origin.with_access(access(settings, name)?)),
        None => Ok(origin),
    }
}

fn access(settings: &Settings, source: &SourceName) -> Result<Access, SettingsError> {
    let login = match settings.fetch_login(source)? {
        Some(FetchLogin::Token { user, token }) => token
            .expose_str()
            .and_then(|token| Login::token(&user, token)),
        Some(FetchLogin::Key { key, known_hosts }) => Some(Login::Key { key, known_hosts }),
        None => None,
    };
    let is_private = settings
        .source(source)
        .is_some_and(|found| found.fetch.private_network);
    let network = if is_private {
        Network::Any
    } else {
        Network::Public
    };
    Ok(Access { login, network })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(fetch_url: &str, fetch: serde_json::Value) -> Settings {
        let source = json!({
            "provider": "github",
            "fetch_url": fetch_url,
            "fetch": fetch,
            "secrets": [{ "name": "first", "env": "CARGO_MANIFEST_DIR" }],
        });
        let settings = Settings::load_from(None, []).unwrap();
        settings.with("sources.github", source).unwrap()
    }

    fn access_of(origin: Origin) -> Access {
        match origin {
            Origin::Url { access, .. } => access,
            Origin::Folder(_) => panic!("a folder"),
        }
    }

    #[test]
    fn a_source_is_fetched_as_its_settings_say_and_shown_without_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "hunter2\n").unwrap();
        let fetch = json!({ "token_file": file, "user": "oauth2", "private_network": true });
        let settings = settings("https://forge.example/{full_name}.git", fetch);
        let repository = "github:octo/hello".parse().unwrap();
        let origin = origin_of(&settings, &repository).unwrap().unwrap();
        assert_eq!(origin.as_text(), "https://forge.example/octo/hello.git");
        assert!(!format!("{origin:?} {origin} {settings:?}").contains("hunter2"));
        let access = access_of(origin);
        assert_eq!(access.login, Login::token("oauth2", "hunter2"));
        assert_eq!(access.network, Network::Any);

        // A lab at the same forge, and one elsewhere.
        for (location, same) in [
            ("https://FORGE.example:443/course/lab.git", true),
            ("https://forge.example.evil/course/lab.git", false),
            ("https://forge.example:444/course/lab.git", false),
            ("http://forge.example/course/lab.git", false),
        ] {
            let lab = Origin::of_operator(location).unwrap();
            let access = access_of(origin_at(&settings, lab).unwrap());
            assert_eq!(access.login.is_some(), same, "{location}");
        }

        // Replaced in its file, it is the new one; gone, the source is not asked as nobody.
        std::fs::write(&file, "swordfish").unwrap();
        let origin = origin_of(&settings, &repository).unwrap().unwrap();
        assert_eq!(access_of(origin).login, Login::token("oauth2", "swordfish"));
        std::fs::remove_file(&file).unwrap();
        let refused = origin_of(&settings, &repository).unwrap_err().to_string();
        assert!(
            refused.contains("sources.github.fetch.token_file"),
            "{refused}"
        );
    }

    #[test]
    fn a_source_that_is_not_there_has_no_origin() {
        let settings = settings("https://forge.example/{full_name}.git", json!({}));
        let repository = "elsewhere:octo/hello".parse().unwrap();
        assert_eq!(origin_of(&settings, &repository).unwrap(), None);
        let repository = "github:octo/hello".parse().unwrap();
        let origin = origin_of(&settings, &repository).unwrap().unwrap();
        assert_eq!(access_of(origin), Access::default());
    }
}
