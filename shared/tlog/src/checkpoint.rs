//! Owns checkpoints: a log's size and root under its name (C2SP `tlog-checkpoint`), signed as a
//! C2SP signed note.

use signed_note::{Note, NoteError, VerifierList};
use thiserror::Error;
use tlog_tiles::checkpoint;

use crate::hash::Hash;
use crate::key::{self, KeyError, SigningKey, VerifyingKey};
use crate::tree::Frontier;

/// What a checkpoint says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// What is wrong with a checkpoint.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The origin cannot be written into a checkpoint.
    #[error("the checkpoint cannot be written")]
    Origin(#[source] KeyError),
    /// The key signs for another log.
    #[error("the signing key is for {key:?}, the checkpoint for {origin:?}")]
    OtherSigner {
        /// The key's log.
        key: String,
        /// The checkpoint's log.
        origin: String,
    },
    /// Ed25519 itself would not sign.
    #[error("the checkpoint could not be signed")]
    Signing(#[source] NoteError),
    /// It is no signed note.
    #[error("not a signed note")]
    Note(#[source] NoteError),
    /// It is a note, but no checkpoint.
    #[error("the note's text is not a checkpoint")]
    Format,
    /// None of its signatures is by this key.
    #[error("not signed by the key {key:?}")]
    OtherKey {
        /// The key it was checked with.
        key: String,
    },
    /// It says to be signed by this key, and the signature is not of this text.
    #[error("the signature is not of this text: the note was altered")]
    Altered,
    /// The key is right, and the text speaks of another log.
    #[error("the checkpoint is for {found:?}, not for {expected:?}")]
    OtherOrigin {
        /// The key's log.
        expected: String,
        /// The checkpoint's log.
        found: String,
    },
}

impl Checkpoint {
    /// The checkpoint of a log at its present size.
    pub fn of(origin: &str, tree: &Frontier) -> Self {
        Self {
            origin: origin.to_owned(),
            size: tree.size(),
            root: tree.root(),
        }
    }
}

/// Signs a checkpoint. The same checkpoint and key give the same note.
///
/// # Errors
/// [`CheckpointError`] if the origin cannot be written or the key is for another log.
pub fn sign(checkpoint: &Checkpoint, signer: &SigningKey) -> Result<String, CheckpointError> {
    key::check_origin(&checkpoint.origin).map_err(CheckpointError::Origin)?;
    if signer.origin() != checkpoint.origin {
        return Err(CheckpointError::OtherSigner {
            key: signer.origin().to_owned(),
            origin: checkpoint.origin.clone(),
        });
    }
    let text = checkpoint::Checkpoint::new(
        &checkpoint.origin,
        checkpoint.size,
        checkpoint.root.inner(),
        "",
    )
    .map_err(|_| CheckpointError::Format)?
    .to_bytes();
    let mut note = Note::new(&text, &[]).map_err(CheckpointError::Note)?;
    note.add_sigs(&[signer.inner()])
        .map_err(CheckpointError::Signing)?;
    Ok(String::from_utf8(note.to_bytes()).expect("a note is made of UTF-8 texts"))
}

/// Reads a signed checkpoint of the log that the key is for. Signatures by other keys are let be.
///
/// # Errors
/// [`CheckpointError`], which tells a note by another key from one that was altered.
pub fn open(note: &str, verifier: &VerifyingKey) -> Result<Checkpoint, CheckpointError> {
    let note = Note::from_bytes(note.as_bytes()).map_err(CheckpointError::Note)?;
    let known = VerifierList::new(vec![Box::new(verifier.inner().clone())]);
    note.verify(&known).map_err(|error| match error {
        NoteError::InvalidSignature { .. } => CheckpointError::Altered,
        NoteError::UnverifiedNote => CheckpointError::OtherKey {
            key: verifier.as_str().to_owned(),
        },
        other => CheckpointError::Note(other),
    })?;
    let read = read(&note)?;
    if read.origin != verifier.origin() {
        return Err(CheckpointError::OtherOrigin {
            expected: verifier.origin().to_owned(),
            found: read.origin,
        });
    }
    Ok(read)
}

/// What a checkpoint says, whoever signed it: for those who come to know only later whether to
/// believe it.
///
/// # Errors
/// [`CheckpointError::Note`] and [`CheckpointError::Format`].
pub fn said(note: &str) -> Result<Checkpoint, CheckpointError> {
    read(&Note::from_bytes(note.as_bytes()).map_err(CheckpointError::Note)?)
}

fn read(note: &Note) -> Result<Checkpoint, CheckpointError> {
    let read =
        checkpoint::Checkpoint::from_bytes(note.text()).map_err(|_| CheckpointError::Format)?;
    Ok(Checkpoint {
        origin: read.origin().to_owned(),
        size: read.size(),
        root: Hash::from_inner(*read.hash()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "log.example/lab";

    fn keys(origin: &str) -> (SigningKey, VerifyingKey) {
        let pair = key::generate(origin).unwrap();
        (pair.signer.parse().unwrap(), pair.verifier.parse().unwrap())
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: ORIGIN.to_owned(),
            size: 3,
            root: Hash::of_leaf(b"hello world"),
        }
    }

    #[test]
    fn a_signed_checkpoint_reads_back_and_has_the_standard_form() {
        let (signer, verifier) = keys(ORIGIN);
        let note = sign(&checkpoint(), &signer).unwrap();
        let form = "log.example/lab\n3\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n\n— log.example/lab ";
        assert!(note.starts_with(form), "{note}");
        assert_eq!(open(&note, &verifier).unwrap(), checkpoint());
        assert_eq!(sign(&checkpoint(), &signer).unwrap(), note);
        assert_eq!(said(&note).unwrap(), checkpoint());
    }

    #[test]
    fn a_note_by_another_key_is_refused_as_such() {
        let (signer, _) = keys(ORIGIN);
        let note = sign(&checkpoint(), &signer).unwrap();
        for origin in [ORIGIN, "log.example/other"] {
            let (_, stranger) = keys(origin);
            let refused = open(&note, &stranger).unwrap_err();
            assert!(
                matches!(refused, CheckpointError::OtherKey { .. }),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_note_that_was_altered_anywhere_is_refused() {
        let (signer, verifier) = keys(ORIGIN);
        let note = sign(&checkpoint(), &signer).unwrap();
        let grown = note.replacen("\n3\n", "\n4\n", 1);
        assert!(matches!(
            open(&grown, &verifier),
            Err(CheckpointError::Altered)
        ));
        for (place, letter) in note.char_indices().filter(|(_, c)| c.is_ascii()) {
            let other = if letter == 'A' { 'B' } else { 'A' };
            let mut altered = note.clone();
            altered.replace_range(place..=place, &other.to_string());
            assert!(open(&altered, &verifier).is_err(), "{altered}");
        }
    }

    #[test]
    fn what_is_no_checkpoint_is_told_from_what_is_no_note() {
        let (signer, verifier) = keys(ORIGIN);
        for no_note in ["", "x", "log.example/lab\n3\nAAAA\n"] {
            let refused = open(no_note, &verifier).unwrap_err();
            assert!(matches!(refused, CheckpointError::Note(_)), "{refused}");
        }
        let mut other_text = Note::new(b"not a tree\n", &[]).unwrap();
        other_text.add_sigs(&[signer.inner()]).unwrap();
        let other_text = String::from_utf8(other_text.to_bytes()).unwrap();
        let refused = open(&other_text, &verifier).unwrap_err();
        assert!(matches!(refused, CheckpointError::Format), "{refused}");
    }

    #[test]
    fn a_key_signs_and_vouches_for_its_own_log_only() {
        let (signer, verifier) = keys(ORIGIN);
        let mut other = checkpoint();
        other.origin = "log.example/other".to_owned();
        let refused = sign(&other, &signer).unwrap_err();
        assert!(
            matches!(refused, CheckpointError::OtherSigner { .. }),
            "{refused}"
        );

        let text = format!("log.example/other\n3\n{}\n", other.root);
        let mut note = Note::new(text.as_bytes(), &[]).unwrap();
        note.add_sigs(&[signer.inner()]).unwrap();
        let note = String::from_utf8(note.to_bytes()).unwrap();
        let refused = open(&note, &verifier).unwrap_err();
        assert!(
            matches!(refused, CheckpointError::OtherOrigin { .. }),
            "{refused}"
        );
    }
}
