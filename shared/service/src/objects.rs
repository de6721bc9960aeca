//! Owns the object store that the settings name: a folder, or a bucket.

use std::time::Duration;

use anyhow::Context as _;
use objects::s3::Bucket;
use objects::store::Objects;
use process::settings::Settings;

/// Opens the store. A folder is made where it is missing; a bucket is asked nothing yet.
///
/// # Errors
/// The folder cannot be opened, or what the bucket's settings name cannot be read.
pub fn open(settings: &Settings) -> anyhow::Result<Objects> {
    let opened = match bucket(settings)? {
        None => Objects::open_folder(&settings.objects.folder),
        Some(bucket) => Objects::open_bucket(&bucket),
    };
    opened.context("open the objects")
}

/// Where the store is, for people.
pub fn place(settings: &Settings) -> String {
    match &settings.objects.s3 {
        None => settings.objects.folder.display().to_string(),
        Some(s3) => {
            let prefix = s3.prefix.iter().map(|prefix| format!("/{prefix}"));
            let prefix: String = prefix.collect();
            let endpoint = s3.endpoint.trim_end_matches('/');
            format!("{endpoint}/{}{prefix}", s3.bucket)
        }
    }
}

fn bucket(settings: &Settings) -> anyhow::Result<Option<Bucket>> {
    let (Some(s3), Some(secret)) = (&settings.objects.s3, settings.bucket_secret()?) else {
        return Ok(None);
    };
    let secret_key = secret.expose_str().context("the secret is UTF-8")?;
    Ok(Some(Bucket {
        endpoint: s3.endpoint.clone(),
        name: s3.bucket.clone(),
        region: s3.region.clone(),
        prefix: s3.prefix.clone(),
        path_style: s3.path_style,
        access_key: s3.access_key.clone(),
        secret_key: secret_key.to_owned(),
        ca_file: s3.ca_file.clone(),
        answer_max: Duration::from_secs(s3.answer_seconds_max),
        retries_max: s3.retries_max,
    }))
}
