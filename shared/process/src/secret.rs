//! Owns the secret: bytes that no log line, error or `Debug` output ever shows.

use std::fmt;
use std::path::Path;

/// Largest file or variable that is read as a secret, in bytes.
pub const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// A secret's bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes the bytes as they are.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the one call that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text; `None` when they are not UTF-8.
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Reads a secret from a file; one line end at the end of the file is not part of it.
    ///
    /// # Errors
    /// Why not, in words that show nothing of the file's content.
    pub(crate) fn from_file(path: &Path) -> Result<Self, String> {
        let size = match path.metadata() {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            Ok(_) => return Err(format!("{} is no file", path.display())),
            Err(err) => return Err(format!("the file {} cannot be read: {err}", path.display())),
        };
        if size > SECRET_BYTES_MAX {
            return Err(format!(
                "{} is larger than {SECRET_BYTES_MAX} bytes",
                path.display()
            ));
        }
        let bytes = std::fs::read(path)
            .map_err(|err| format!("the file {} cannot be read: {err}", path.display()))?;
        Self::nonempty(bytes).ok_or_else(|| format!("the file {} is empty", path.display()))
    }

    /// Reads a secret from an environment variable.
    ///
    /// # Errors
    /// Why not, in words that show nothing of the variable's content.
    pub(crate) fn from_variable(name: &str) -> Result<Self, String> {
        let value =
            std::env::var_os(name).ok_or_else(|| format!("the variable {name} is not set"))?;
        let bytes = value.into_encoded_bytes();
        Self::nonempty(bytes).ok_or_else(|| format!("the variable {name} is empty"))
    }

    fn nonempty(mut bytes: Vec<u8>) -> Option<Self> {
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        (!bytes.is_empty()).then_some(Self(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(not shown)");
    }

    #[test]
    fn one_line_end_at_the_end_of_a_file_is_not_part_of_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (written, read) in [
            ("a", Some("a")),
            ("a\n", Some("a")),
            ("a\r\n", Some("a")),
            ("a\n\n", Some("a\n")),
            (" a ", Some(" a ")),
            ("", None),
            ("\n", None),
        ] {
            std::fs::write(&path, written).unwrap();
            let secret = Secret::from_file(&path).ok();
            assert_eq!(
                secret.as_ref().and_then(Secret::expose_str),
                read,
                "{written:?}"
            );
        }
        assert!(
            Secret::from_file(folder.path())
                .unwrap_err()
                .contains("no file")
        );
        assert!(Secret::from_file(&folder.path().join("none")).is_err());
    }
}
