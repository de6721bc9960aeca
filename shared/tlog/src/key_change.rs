//! Owns the text by which a log's key vouches for the one that follows it: a C2SP signed note,
//! which cannot pass for a checkpoint. The leaf of the change (`log.key`) brings it, so that
//! whoever pinned the old key comes to the new one by the log's files alone.

use signed_note::{Note, NoteError, VerifierList};
use thiserror::Error;

use crate::key::{KeyError, SigningKey, VerifyingKey};

/// The first line.
const FORM: &str = "assay log.key v1";

/// What is wrong with a change of the key.
#[derive(Debug, Error)]
pub enum KeyChangeError {
    /// The new key is for another log.
    #[error("the new key is for {new:?}, the old one for {old:?}")]
    OtherLog {
        /// The old key's log.
        old: String,
        /// The new key's log.
        new: String,
    },
    /// It is no signed note, or could not be signed.
    #[error("not a signed note")]
    Note(#[source] NoteError),
    /// The old key did not sign it.
    #[error("not signed by the key {0:?}")]
    OtherKey(String),
    /// It says to be signed by the old key, and the signature is not of this text.
    #[error("the signature is not of this text: the note was altered")]
    Altered,
    /// The text is not a change of a key.
    #[error("the note's text is not the change of a key")]
    Format,
    /// The new key cannot be read.
    #[error("the new key")]
    Key(#[source] KeyError),
}

/// Vouches with the old key for the new one.
///
/// # Errors
/// [`KeyChangeError::OtherLog`].
pub fn sign(new: &VerifyingKey, old: &SigningKey) -> Result<String, KeyChangeError> {
    of_one_log(old.origin(), new)?;
    let text = format!("{FORM}\n{}\n", new.as_str());
    let mut note = Note::new(text.as_bytes(), &[]).map_err(KeyChangeError::Note)?;
    note.add_sigs(&[old.inner()])
        .map_err(KeyChangeError::Note)?;
    Ok(String::from_utf8(note.to_bytes()).expect("a note is made of UTF-8 texts"))
}

/// The new key, for which the old one vouches.
///
/// # Errors
/// [`KeyChangeError`].
pub fn open(note: &str, old: &VerifyingKey) -> Result<VerifyingKey, KeyChangeError> {
    let note = Note::from_bytes(note.as_bytes()).map_err(KeyChangeError::Note)?;
    let known = VerifierList::new(vec![Box::new(old.inner().clone())]);
    note.verify(&known).map_err(|error| match error {
        NoteError::InvalidSignature { .. } => KeyChangeError::Altered,
        NoteError::UnverifiedNote => KeyChangeError::OtherKey(old.as_str().to_owned()),
        other => KeyChangeError::Note(other),
    })?;
    let text = str::from_utf8(note.text()).map_err(|_| KeyChangeError::Format)?;
    let new = text
        .strip_prefix(FORM)
        .and_then(|rest| rest.strip_prefix('\n')?.strip_suffix('\n'))
        .ok_or(KeyChangeError::Format)?;
    let new: VerifyingKey = new.parse().map_err(KeyChangeError::Key)?;
    of_one_log(old.origin(), &new)?;
    Ok(new)
}

fn of_one_log(old: &str, new: &VerifyingKey) -> Result<(), KeyChangeError> {
    if new.origin() == old {
        return Ok(());
    }
    Err(KeyChangeError::OtherLog {
        old: old.to_owned(),
        new: new.origin().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{self, Checkpoint};
    use crate::key;
    use crate::tree::Frontier;

    const ORIGIN: &str = "log.example/lab";

    fn keys(origin: &str) -> (SigningKey, VerifyingKey) {
        let pair = key::generate(origin).unwrap();
        (pair.signer.parse().unwrap(), pair.verifier.parse().unwrap())
    }

    #[test]
    fn the_old_key_vouches_for_the_new_one_and_nobody_else_does() {
        let ((old, old_public), (_, new)) = (keys(ORIGIN), keys(ORIGIN));
        let note = sign(&new, &old).unwrap();
        assert_eq!(open(&note, &old_public).unwrap().as_str(), new.as_str());
        let (_, stranger) = keys(ORIGIN);
        let refused = open(&note, &stranger).unwrap_err();
        assert!(matches!(refused, KeyChangeError::OtherKey(_)), "{refused}");
        for (place, letter) in note.char_indices().filter(|(_, c)| c.is_ascii()) {
            let other = if letter == 'A' { 'B' } else { 'A' };
            let mut altered = note.clone();
            altered.replace_range(place..=place, &other.to_string());
            assert!(open(&altered, &old_public).is_err(), "{altered}");
        }
    }

    #[test]
    fn neither_another_logs_key_nor_a_checkpoint_is_a_change_of_the_key() {
        let (old, old_public) = keys(ORIGIN);
        let (_, elsewhere) = keys("log.example/other");
        let refused = sign(&elsewhere, &old).unwrap_err();
        assert!(
            matches!(refused, KeyChangeError::OtherLog { .. }),
            "{refused}"
        );
        let signed = checkpoint::sign(&Checkpoint::of(ORIGIN, &Frontier::new()), &old).unwrap();
        let refused = open(&signed, &old_public).unwrap_err();
        assert!(matches!(refused, KeyChangeError::Format), "{refused}");
        let change = sign(&keys(ORIGIN).1, &old).unwrap();
        assert!(checkpoint::open(&change, &old_public).is_err());
    }
}
