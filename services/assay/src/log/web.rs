//! Owns the reading of a mirror over HTTP, as an auditor serves it.

use std::time::Duration;

use anyhow::bail;
use proofs::files::{Files, FilesError};
use reqwest::{Client, StatusCode};

/// Longest wait for a file, in seconds.
const ANSWER_SECS_MAX: u64 = 60;
/// How many numbers without an epoch end the search for the next one: numbers may leave some out.
const GAP_MAX: u64 = 8;

/// A log that is served over HTTP.
pub(super) struct Web {
    base: String,
    client: Client,
}

impl Web {
    pub(super) fn new(location: &str) -> anyhow::Result<Self> {
        if location.starts_with("https://") {
            bail!(
                "https is not spoken here: copy the log's folder with any client, and give that as \
                 --mirror (everything in it is signed, so that the way is of no matter)"
            );
        }
        let client = Client::builder()
            .timeout(Duration::from_secs(ANSWER_SECS_MAX))
            .build()?;
        Ok(Self {
            base: location.trim_end_matches('/').to_owned(),
            client,
        })
    }

    async fn ask(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
        let url = format!("{}/{path}", self.base);
        let answer = self.client.get(url).send().await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let mut answer = answer.error_for_status()?;
        let mut bytes = Vec::new();
        while bytes.len() <= bytes_max {
            let Some(chunk) = answer.chunk().await? else {
                break;
            };
            bytes.extend(chunk);
        }
        bytes.truncate(bytes_max + 1);
        Ok(Some(bytes))
    }
}

impl Files for Web {
    async fn read(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, FilesError> {
        self.ask(path, bytes_max)
            .await
            .map_err(|source| FilesError {
                path: path.to_owned(),
                source: source.into(),
            })
    }

    async fn epochs(&self) -> Result<Vec<u64>, FilesError> {
        let (mut numbers, mut next, mut missed) = (Vec::new(), 1, 0);
        while missed < GAP_MAX {
            let found = self.read(&format!("{next}/checkpoint"), 0).await?;
            if found.is_some() {
                numbers.push(next);
                missed = 0;
            } else {
                missed += 1;
            }
            next += 1;
        }
        Ok(numbers)
    }
}
