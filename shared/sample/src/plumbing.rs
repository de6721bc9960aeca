//! Owns what no honest git would write: objects as they are told, whatever they say.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};

use crate::git;
use crate::repository::{AUTHOR_EMAIL, AUTHOR_NAME, FIRST_COMMIT_AT, Repository};

/// What begins a zlib stream, and a block of its own that is stored as it is.
const ZLIB_STORED: [u8; 3] = [0x78, 0x01, 0x01];

/// An entry of a tree as it is written: mode, name, the object's id.
pub type RawEntry<'a> = (&'a str, &'a [u8], &'a str);

impl Repository {
    /// Writes an object of a kind (`blob`, `tree`, `commit`, `tag`) without a look at it.
    ///
    /// # Errors
    /// What git says.
    pub async fn object(&self, kind: &str, bytes: &[u8]) -> Result<String> {
        let mut command = git::command(self.folder());
        command.args(["-c", "core.compression=1", "hash-object"]);
        command.args(["-t", kind, "-w", "--stdin", "--literally"]);
        let output = git::feed(&mut command, bytes).await?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "write a {kind}: {said}");
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Writes a tree: in this order, with these modes and names.
    ///
    /// # Errors
    /// What git says.
    pub async fn raw_tree(&self, entries: &[RawEntry<'_>]) -> Result<String> {
        let mut bytes = Vec::new();
        for (mode, name, id) in entries {
            bytes.extend_from_slice(mode.as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(name);
            bytes.push(0);
            bytes.extend(hex::decode(id).context("read an object's id")?);
        }
        self.object("tree", &bytes).await
    }

    /// Writes a commit of a tree that need not be there, with parents that need not be.
    ///
    /// # Errors
    /// What git says.
    pub async fn raw_commit(
        &self,
        tree: &str,
        parents: &[String],
        message: &[u8],
    ) -> Result<String> {
        let who = format!("{AUTHOR_NAME} <{AUTHOR_EMAIL}> {FIRST_COMMIT_AT} +0000");
        let parents: String = parents
            .iter()
            .map(|parent| format!("parent {parent}\n"))
            .collect();
        let head = format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n\n");
        self.object("commit", &[head.as_bytes(), message].concat())
            .await
    }

    /// The tree of a branch's head.
    ///
    /// # Errors
    /// What git says.
    pub async fn tree(&self, branch: &str) -> Result<String> {
        let name = format!("refs/heads/{branch}^{{tree}}");
        git::run(self.folder(), &["rev-parse", "--verify", "--quiet", &name]).await
    }

    /// Points a ref, of whatever name, at whatever object.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn point(&self, ref_name: &str, id: &str) -> Result<()> {
        self.plant(ref_name, format!("{id}\n").as_bytes())
    }

    /// Puts a file into the repository's own folder.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn plant(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder().join(path);
        let folder = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).context("make a folder in a repository")?;
        fs::write(path, bytes).context("put a file into a repository")
    }

    /// Writes a blob of so many zeros, which is small where it lies, and gives its id.
    ///
    /// # Errors
    /// What git says.
    pub async fn zeros(&self, bytes: u64) -> Result<String> {
        // A sparse file: git reads files in pieces, and pipes as a whole.
        let path = self.folder().join("zeros");
        let file = File::create(&path).context("make a sparse file")?;
        file.set_len(bytes).context("make a file long")?;
        let settings = ["-c", "core.bigFileThreshold=1m", "-c", "core.compression=1"];
        let place = path.to_string_lossy();
        let hash = ["hash-object", "-w", "--no-filters", &place];
        let id = git::run(self.folder(), &[&settings[..], &hash].concat()).await;
        fs::remove_file(&path).context("remove a sparse file")?;
        id
    }

    /// Puts a blob there that says it has `bytes` bytes, and has none: whoever asks for its size
    /// believes it, and nobody can unpack it. Gives its made-up id.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn plant_blob_of_size(&self, bytes: u64) -> Result<String> {
        let id = "b10b".repeat(10);
        let head = format!("blob {bytes}\0");
        let length = u16::try_from(head.len()).context("count a head's bytes")?;
        let mut stream = ZLIB_STORED.to_vec();
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(head.as_bytes());
        self.plant(&format!("objects/{}/{}", &id[..2], &id[2..]), &stream)?;
        Ok(id)
    }
}
