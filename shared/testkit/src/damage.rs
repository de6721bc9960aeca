//! Owns the harm that a disk does to the broker: a bit of a stopped server's file is flipped.

use std::path::{Path, PathBuf};

use crate::house::House;

/// The bit that is flipped, within its byte.
const BIT: u8 = 0b0001_0000;

impl House {
    /// Flips one bit in the first block of a stream's messages: in the middle of the first `run` of
    /// bytes that lies in the block's second half. Within a message's text the server, once it is
    /// started again, has the message and gives it to nobody. The server must be stopped.
    ///
    /// # Panics
    /// Where there is no such block, or no such run in it.
    pub fn flip_a_bit(&self, stream: &str, run: &[u8]) {
        let file = first_block(&self.nats().streams_folder(), stream);
        let mut bytes = std::fs::read(&file).expect("a block of messages");
        let at = middle_of(&bytes, run)
            .unwrap_or_else(|| panic!("{} has no such bytes", file.display()));
        bytes[at] ^= BIT;
        std::fs::write(file, bytes).expect("a block of messages");
    }
}

/// The place of the middle of the first such run in the second half.
fn middle_of(bytes: &[u8], run: &[u8]) -> Option<usize> {
    let half = bytes.len() / 2;
    let mut runs = bytes[half..].windows(run.len());
    let at = runs.position(|found| found == run)?;
    Some(half + at + run.len() / 2)
}

/// The file in which the broker keeps the first messages of a stream.
fn first_block(folder: &Path, stream: &str) -> PathBuf {
    let wanted = Path::new(stream).join("msgs/1.blk");
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the broker's") {
            let path = entry.expect("an entry of a folder").path();
            if path.is_dir() {
                open.push(path);
            } else if path.ends_with(&wanted) {
                return path;
            }
        }
    }
    panic!("no messages of {stream} in {}", folder.display());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bit_lies_within_a_run_of_the_second_half() {
        let bytes = b"-run-1-----run-2--";
        for (run, at) in [
            (&b"run"[..], Some(12)),
            (b"run-2", Some(13)),
            (b"run-1", None),
        ] {
            assert_eq!(middle_of(bytes, run), at);
        }
    }
}
