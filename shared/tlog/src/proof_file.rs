//! Owns the text of a proof that is kept in a file: C2SP `tlog-proof`. The entry itself is its
//! extra data, so that whoever has the file and the log's key needs nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::hash::Hash;

/// The first line.
const FORM: &str = "c2sp.org/tlog-proof@v1";
/// Most hashes in a proof: a tree of 2^63 leaves needs no more.
const PATH_MAX: usize = 63;

/// A proof as it is kept: nothing in it is checked but its form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProofFile {
    /// The entry, if the file brings it.
    pub extra: Option<Vec<u8>>,
    /// The leaf.
    pub index: u64,
    /// The hashes beside the way from the leaf up to the root.
    pub path: Vec<Hash>,
    /// The signed note of the checkpoint.
    pub note: String,
}

/// Why a text is no proof.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ProofFileError {
    /// It ends before its checkpoint.
    #[error("it ends at line {0}, before its checkpoint")]
    Short(usize),
    /// It begins otherwise.
    #[error("line 1 is not {FORM:?}")]
    Form,
    /// The extra data is not base64.
    #[error("line 2: the extra data is not base64")]
    Extra,
    /// There is no index where it should be.
    #[error("line {0} is not \"index\" and a number")]
    Index(usize),
    /// A hash cannot be read.
    #[error("line {0} is not a hash in base64")]
    Hash(usize),
    /// There are too many hashes.
    #[error("it has more than {PATH_MAX} hashes")]
    Long,
}

impl ProofFileError {
    /// Whether something is missing at its end, as after a copy that was broken off.
    pub const fn is_short(&self) -> bool {
        match self {
            Self::Short(_) => true,
            Self::Form | Self::Extra | Self::Index(_) | Self::Hash(_) | Self::Long => false,
        }
    }
}

impl ProofFile {
    /// Writes it.
    pub fn to_text(&self) -> String {
        let mut text = format!("{FORM}\n");
        if let Some(extra) = &self.extra {
            text.push_str(&format!("extra {}\n", STANDARD.encode(extra)));
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in &self.path {
            text.push_str(&format!("{hash}\n"));
        }
        text + "\n" + &self.note
    }

    /// Reads it. There is one way to write each proof: what is written otherwise is refused.
    ///
    /// # Errors
    /// [`ProofFileError`].
    pub fn read(text: &str) -> Result<Self, ProofFileError> {
        let mut rest = Lines { text, number: 0 };
        if rest.next()? != FORM {
            return Err(ProofFileError::Form);
        }
        let mut line = rest.next()?;
        let mut extra = None;
        if let Some(data) = line.strip_prefix("extra ") {
            extra = Some(STANDARD.decode(data).map_err(|_| ProofFileError::Extra)?);
            line = rest.next()?;
        }
        let index = line
            .strip_prefix("index ")
            .and_then(decimal)
            .ok_or(ProofFileError::Index(rest.number))?;
        let mut path = Vec::new();
        loop {
            let line = rest.next()?;
            if line.is_empty() {
                break;
            }
            if path.len() == PATH_MAX {
                return Err(ProofFileError::Long);
            }
            let hash = line.parse();
            path.push(hash.map_err(|_| ProofFileError::Hash(rest.number))?);
        }
        if rest.text.is_empty() {
            return Err(ProofFileError::Short(rest.number));
        }
        let note = rest.text.to_owned();
        Ok(Self {
            extra,
            index,
            path,
            note,
        })
    }
}

struct Lines<'a> {
    text: &'a str,
    number: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a str, ProofFileError> {
        let (line, rest) = self
            .text
            .split_once('\n')
            .ok_or(ProofFileError::Short(self.number))?;
        self.text = rest;
        self.number += 1;
        Ok(line)
    }
}

/// A number without sign and leading zeroes.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof() -> ProofFile {
        ProofFile {
            extra: Some(b"{\"event.id\":\"1\"}".to_vec()),
            index: 7,
            path: vec![Hash::of_leaf(b"a"), Hash::of_leaf(b"b")],
            note: "log.example/lab\n8\nroot\n\n— log.example/lab sig\n".to_owned(),
        }
    }

    #[test]
    fn a_proof_reads_back_and_has_the_standard_form() {
        let text = proof().to_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "c2sp.org/tlog-proof@v1");
        assert_eq!(lines[1], "extra eyJldmVudC5pZCI6IjEifQ==");
        assert_eq!(lines[2], "index 7");
        assert_eq!(lines[3], Hash::of_leaf(b"a").to_string());
        assert_eq!((lines[5], lines[6]), ("", "log.example/lab"));
        assert_eq!(ProofFile::read(&text), Ok(proof()));
        let mut bare = proof();
        (bare.extra, bare.path) = (None, Vec::new());
        assert_eq!(ProofFile::read(&bare.to_text()), Ok(bare));
    }

    #[test]
    fn a_proof_that_was_cut_before_its_checkpoint_is_short() {
        let text = proof().to_text();
        let head = text.len() - proof().note.len();
        for length in 0..=head {
            let cut = ProofFile::read(&text[..length]).unwrap_err();
            assert!(cut.is_short(), "{length}: {cut}");
        }
    }

    #[test]
    fn what_is_written_otherwise_is_no_proof() {
        let text = proof().to_text();
        let hash = Hash::of_leaf(b"a").to_string();
        for (was, is, refused) in [
            ("@v1", "@v2", ProofFileError::Form),
            ("extra eyJ", "extra !yJ", ProofFileError::Extra),
            ("fQ==", "fR==", ProofFileError::Extra),
            ("index 7", "index 07", ProofFileError::Index(3)),
            ("index 7", "index +7", ProofFileError::Index(3)),
            ("index 7", "index -7", ProofFileError::Index(3)),
            ("index 7", "indes 7", ProofFileError::Index(3)),
            ("extra ", "extri ", ProofFileError::Index(2)),
            ("index 7\n", "index 7\r\n", ProofFileError::Index(3)),
            (&hash[..3], "=", ProofFileError::Hash(4)),
            (&hash[..4], "", ProofFileError::Hash(4)),
        ] {
            let altered = text.replacen(was, is, 1);
            assert_eq!(ProofFile::read(&altered), Err(refused), "{altered}");
        }
        let mut long = proof();
        long.path = vec![Hash::EMPTY_TREE; PATH_MAX + 1];
        assert_eq!(ProofFile::read(&long.to_text()), Err(ProofFileError::Long));
        long.path.pop();
        assert_eq!(ProofFile::read(&long.to_text()), Ok(long));
    }
}
