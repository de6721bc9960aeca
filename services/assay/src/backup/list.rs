//! Owns the list of a backup's objects: a line for each, its digest, its size, its key.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use objects::copy::Lying;

/// Writes a list, line by line: it may be of more objects than memory holds.
pub(crate) struct ListWriter {
    file: BufWriter<File>,
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
}

impl ListWriter {
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let mut options = std::fs::OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("make {}", path.display()))?;
        Ok(Self {
            file: BufWriter::new(file),
            objects: 0,
            bytes: 0,
        })
    }

    pub(crate) fn add(&mut self, object: &Lying) -> anyhow::Result<()> {
        self.objects += 1;
        self.bytes += object.bytes;
        writeln!(self.file, "{}", line(object)).context("write the list of objects")
    }

    pub(crate) fn finish(mut self) -> anyhow::Result<(u64, u64)> {
        self.file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all())
            .context("write the list of objects")?;
        Ok((self.objects, self.bytes))
    }
}

/// Reads a list, line by line.
pub(crate) fn read(path: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Lying>>> {
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| format!("open {name}"))?;
    Ok(BufReader::new(file).lines().map(move |text| {
        let text = text.with_context(|| format!("read {name}"))?;
        parse(&text).with_context(|| format!("a line of {name} names no object"))
    }))
}

fn line(object: &Lying) -> String {
    format!("{} {} {}", object.digest, object.bytes, object.key)
}

fn parse(text: &str) -> Option<Lying> {
    let mut parts = text.splitn(3, ' ');
    let object = Lying {
        digest: parts.next()?.parse().ok()?,
        bytes: parts.next()?.parse().ok()?,
        key: parts.next()?.to_owned(),
    };
    (!object.key.is_empty()).then_some(object)
}

#[cfg(test)]
mod tests {
    use contract::digest::Digest;

    use super::*;

    #[test]
    fn a_list_reads_back_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("objects.list");
        let all = ["sessions/a/b", "log/1/tile/entries/x000", "odd key"].map(|key| Lying {
            key: key.to_owned(),
            bytes: key.len() as u64,
            digest: Digest::of(key.as_bytes()),
        });
        let mut list = ListWriter::create(&path).unwrap();
        all.iter().for_each(|one| list.add(one).unwrap());
        assert_eq!(list.finish().unwrap(), (3, 42));
        let found: Vec<Lying> = read(&path).unwrap().map(Result::unwrap).collect();
        assert_eq!(found, all);
        std::fs::write(&path, "no digest 3 key\n").unwrap();
        assert!(read(&path).unwrap().all(|one| one.is_err()));
    }
}
