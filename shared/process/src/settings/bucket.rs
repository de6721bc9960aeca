//! Owns the settings of an object store that speaks S3.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::secret::Secret;
use crate::settings::Settings;
use crate::settings::check::Check;
use crate::settings::error::SettingsError;

/// Shortest and longest name of a bucket.
const NAME_CHARS: (usize, usize) = (3, 63);
/// Longest prefix of keys: what follows it is shorter than 200, and S3 takes 1024.
const PREFIX_CHARS_MAX: usize = 512;

/// `[objects.s3]`: a bucket instead of the folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// The server, as a URL.
    pub endpoint: String,
    /// The bucket's name. It is there already: nothing of ours makes or removes one.
    pub bucket: String,
    /// The region that requests are signed for.
    #[serde(default = "region")]
    pub region: String,
    /// What every key begins with, where the bucket is shared with something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Whether the bucket's name is a part of the path, and not of the host.
    #[serde(default = "path_style")]
    pub path_style: bool,
    /// The access key's id; no secret.
    pub access_key: String,
    /// A file with the access key's secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_file: Option<PathBuf>,
    /// The variable with the access key's secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_env: Option<String>,
    /// A file with certificates, PEM, that the server's is checked by instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// How long an answer, or the next part of it, may take, in seconds.
    #[serde(default = "answer_seconds_max")]
    pub answer_seconds_max: u64,
    /// How often a request is made again that was answered 5xx, or not at all.
    #[serde(default = "retries_max")]
    pub retries_max: u32,
}

fn region() -> String {
    "us-east-1".to_owned()
}

fn path_style() -> bool {
    true
}

fn answer_seconds_max() -> u64 {
    10
}

fn retries_max() -> u32 {
    3
}

impl Bucket {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        let refused = |key: &str, reason| Err(check.refused(&setting(key), reason));
        check.url(&setting("endpoint"), &self.endpoint, &["https", "http"])?;
        let bare = Url::parse(&self.endpoint).is_ok_and(|url| {
            url.path() == "/" && url.query().is_none() && url.username().is_empty()
        });
        if !bare {
            return refused("endpoint", "expected a scheme, a host and a port alone");
        }
        let (low, high) = NAME_CHARS;
        let is_of_a_name =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
        let named = (low..=high).contains(&self.bucket.len());
        if !named || !self.bucket.chars().all(is_of_a_name) {
            let reason = "expected 3 to 63 of a-z, 0-9, '.', '-' and '_'";
            return refused("bucket", reason);
        }
        if self.region.is_empty() {
            return refused("region", "is empty; any word will do where there are none");
        }
        if self.access_key.is_empty() {
            return refused("access_key", "is empty; expected the id of an access key");
        }
        if self.prefix.as_deref().is_some_and(|text| !is_prefix(text)) {
            let reason = "expected names of a-z, A-Z, 0-9, '.', '-' and '_' with '/' between them";
            return refused("prefix", reason);
        }
        let (seconds, times) = (self.answer_seconds_max, self.retries_max);
        check.number(&setting("answer_seconds_max"), seconds, 1..=300)?;
        check.number(&setting("retries_max"), times, 0..=10)
    }
}

fn setting(key: &str) -> String {
    format!("objects.s3.{key}")
}

fn is_prefix(text: &str) -> bool {
    let is_name = |part: &str| {
        let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(is_of_a_name)
    };
    text.len() <= PREFIX_CHARS_MAX && text.split('/').all(is_name)
}

impl Settings {
    /// The access key's secret; `None` where the store is a folder.
    ///
    /// # Errors
    /// It is not where the settings say.
    pub fn bucket_secret(&self) -> Result<Option<Secret>, SettingsError> {
        let Some(s3) = &self.objects.s3 else {
            return Ok(None);
        };
        let (file, variable) = (s3.secret_key_file.clone(), s3.secret_key_env.as_deref());
        let read = self.secret_at("objects.s3", "secret_key", file, variable)?;
        match read {
            Some(secret) if secret.expose_str().is_some() => Ok(Some(secret)),
            Some(_) => Err(self
                .check()
                .refused(&setting("secret_key_file"), "expected UTF-8")),
            None => {
                let reason = "expected the path of a file with the access key's secret";
                Err(self.check().refused(&setting("secret_key_file"), reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::tests::load;

    const GOOD: [(&str, &str); 3] = [
        ("endpoint", "\"https://s3.example.net\""),
        ("bucket", "\"assay\""),
        ("access_key", "\"AKIA\""),
    ];

    /// The good settings with one of them as it is given here.
    fn text(key: &str, value: &str) -> String {
        let kept = GOOD.iter().filter(|(name, _)| *name != key);
        let lines = kept.map(|(name, value)| format!("{name} = {value}\n"));
        format!(
            "[objects.s3]\n{}{key} = {value}\n",
            lines.collect::<String>()
        )
    }

    #[test]
    fn a_bucket_is_told_by_its_server_its_name_and_a_key() {
        let (settings, _) = load(&text("bucket", "\"assay\""), &[]);
        let s3 = settings.unwrap().objects.s3.unwrap();
        assert_eq!((s3.region.as_str(), s3.path_style), ("us-east-1", true));
        assert_eq!((s3.answer_seconds_max, s3.retries_max), (10, 3));
    }

    #[test]
    fn what_is_no_bucket_is_refused_by_its_setting() {
        for (key, value) in [
            ("endpoint", "\"s3.example.net\""),
            ("endpoint", "\"https://s3.example.net/bucket\""),
            ("endpoint", "\"https://key:secret@s3.example.net\""),
            ("bucket", "\"As\""),
            ("bucket", "\"UPPER\""),
            ("bucket", "\"a/b/c\""),
            ("region", "\"\""),
            ("access_key", "\"\""),
            ("prefix", "\"/a\""),
            ("prefix", "\"a/../b\""),
            ("answer_seconds_max", "0"),
            ("retries_max", "11"),
        ] {
            let (settings, _) = load(&text(key, value), &[]);
            let said = settings.unwrap_err().to_string();
            assert!(said.contains(&format!("objects.s3.{key}")), "{said}");
            assert!(!said.contains("secret@"), "{said}");
        }
    }

    #[test]
    fn the_keys_secret_is_read_from_its_file_and_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "s3cret\n").unwrap();
        let value = format!("{:?}", file.display().to_string());
        let (settings, _) = load(&text("secret_key_file", &value), &[]);
        let secret = settings.unwrap().bucket_secret().unwrap().unwrap();
        assert_eq!(secret.expose_str(), Some("s3cret"));

        let (settings, _) = load(&text("bucket", "\"assay\""), &[]);
        let said = settings.unwrap().bucket_secret().unwrap_err().to_string();
        assert!(said.contains("objects.s3.secret_key_file"), "{said}");
        assert!(load("", &[]).0.unwrap().bucket_secret().unwrap().is_none());
    }
}
