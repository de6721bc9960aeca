//! Owns the reading of a mirror's files from a folder.

use std::future::Future;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Where a mirror's files come from.
pub trait Files {
    /// The first `bytes_max` bytes of a file, and one more if it has more; `None` where there is
    /// no such file. The path is relative, its parts separated by `/`.
    fn read(
        &self,
        path: &str,
        bytes_max: usize,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, FilesError>> + Send;

    /// The numbers of the folders that may be epochs, the smallest first.
    fn epochs(&self) -> impl Future<Output = Result<Vec<u64>, FilesError>> + Send;
}

/// A file could not be read, for another reason than that there is none.
#[derive(Debug, Error)]
#[error("read {path} of the mirror")]
pub struct FilesError {
    /// The file.
    pub path: String,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A mirror in a folder of this machine.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A mirror in this folder.
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }
}

impl Files for Folder {
    async fn read(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, FilesError> {
        let file = self.0.join(path);
        read(&file, bytes_max).map_err(|source| FilesError {
            path: path.to_owned(),
            source: source.into(),
        })
    }

    async fn epochs(&self) -> Result<Vec<u64>, FilesError> {
        epochs(&self.0).map_err(|source| FilesError {
            path: ".".to_owned(),
            source: source.into(),
        })
    }
}

fn epochs(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.parse::<u64>().ok());
        // One way to write each number.
        numbers.extend(number.filter(|number| *number > 0 && name == *number.to_string()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

// A disk is read faster than a task is handed to another thread and back.
fn read(file: &Path, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match std::fs::File::open(file) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // Where a folder should be there is a file: what it should hold is not there.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX) + 1;
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
