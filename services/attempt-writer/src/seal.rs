//! Owns sealing: what identifies a person is encrypted by the person's own key, and that key by a
//! master key. XChaCha20-Poly1305 with random nonces; what is sealed says, unreadably, where it
//! belongs, so that it opens nowhere else.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use contract::time::Timestamp;
use hmac::{Hmac, Mac};
use process::settings::privacy::LoadedMasterKey;
use rand::RngCore as _;
use rand::rngs::OsRng;
use sha2::Sha256;
use store::error::StoreError;
use store::person_key::PersonKeyRow;
use thiserror::Error;
use uuid::Uuid;

/// First byte of all that is sealed: the form of what follows.
const FORM: u8 = 1;
/// Length of a key, in bytes.
const KEY_BYTES: usize = 32;
/// Length of a nonce, in bytes: long enough to be drawn by chance for ever.
const NONCE_BYTES: usize = 24;
/// What the keys are for, so that the same secret elsewhere makes other keys.
const PURPOSE: &[u8] = b"assay master key of people's keys/1";

/// Why something could not be opened.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum SealError {
    /// The settings have no such master key.
    #[error("the master key {0:?} wraps it, and privacy.master_keys has none of that id")]
    NoMasterKey(String),
    /// It was sealed by another key, for another place, or altered.
    #[error("{0} does not open: another key, another place, or altered bytes")]
    Altered(&'static str),
}

impl From<SealError> for StoreError {
    fn from(error: SealError) -> Self {
        Self::Sealed {
            reason: error.to_string(),
        }
    }
}

/// Where something sealed is kept: it opens there alone.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// The table.
    pub table: &'static str,
    /// The row's key.
    pub row: &'a str,
    /// The column.
    pub column: &'static str,
}

impl Cell<'_> {
    fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for part in [self.table, self.row, self.column] {
            text.extend((part.len() as u64).to_be_bytes());
            text.extend(part.as_bytes());
        }
        text
    }
}

/// The keys that wrap people's keys; the first wraps new ones.
pub struct MasterKeys {
    keys: Vec<(String, XChaCha20Poly1305)>,
}

/// A person's key.
pub struct PersonKey(XChaCha20Poly1305);

impl MasterKeys {
    /// Takes the keys of the settings, of which there is at least one.
    pub fn new(loaded: &[LoadedMasterKey]) -> Self {
        let key = |loaded: &LoadedMasterKey| {
            let secret = loaded.secret.expose();
            let hash = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(secret);
            let mut hash = hash.expect("HMAC takes a key of any length");
            hash.update(PURPOSE);
            let key: [u8; KEY_BYTES] = hash.finalize().into_bytes().into();
            (loaded.id.clone(), XChaCha20Poly1305::new(&key.into()))
        };
        let keys = loaded.iter().map(key).collect();
        Self { keys }
    }

    /// The id of the key that wraps new ones.
    ///
    /// # Errors
    /// [`SealError::NoMasterKey`] where there is none.
    pub fn first(&self) -> Result<&str, SealError> {
        Ok(&self.newest()?.0)
    }

    /// Makes a key for an owner, by chance.
    ///
    /// # Errors
    /// [`SealError::NoMasterKey`] where nothing can wrap it.
    pub fn mint(&self, owner: Uuid, now: Timestamp) -> Result<PersonKeyRow, SealError> {
        let mut key = [0; KEY_BYTES];
        OsRng.fill_bytes(&mut key);
        self.wrap(owner, &key, now)
    }

    /// Opens an owner's key.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn unwrap(&self, row: &PersonKeyRow) -> Result<PersonKey, SealError> {
        let key = self.plain(row)?;
        Ok(PersonKey(XChaCha20Poly1305::new(&key.into())))
    }

    /// The same key, wrapped by the first master key.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn rewrap(&self, row: &PersonKeyRow) -> Result<PersonKeyRow, SealError> {
        let key = self.plain(row)?;
        self.wrap(row.owner_id, &key, row.recorded_at)
    }

    fn newest(&self) -> Result<&(String, XChaCha20Poly1305), SealError> {
        let first = self.keys.first();
        first.ok_or_else(|| SealError::NoMasterKey("any".to_owned()))
    }

    fn wrap(
        &self,
        owner: Uuid,
        key: &[u8; KEY_BYTES],
        now: Timestamp,
    ) -> Result<PersonKeyRow, SealError> {
        let (id, master) = self.newest()?;
        let row = wrapped_as(owner, id);
        Ok(PersonKeyRow {
            owner_id: owner,
            master_key: id.clone(),
            wrapped: seal(master, &key_cell(&row), key),
            recorded_at: now,
        })
    }

    fn plain(&self, row: &PersonKeyRow) -> Result<[u8; KEY_BYTES], SealError> {
        let master = self.keys.iter().find(|(id, _)| *id == row.master_key);
        let Some((id, master)) = master else {
            return Err(SealError::NoMasterKey(row.master_key.clone()));
        };
        let name = wrapped_as(row.owner_id, id);
        let plain = open(master, &key_cell(&name), &row.wrapped)?;
        let altered = |_| SealError::Altered("a person's key");
        plain.try_into().map_err(altered)
    }
}

impl PersonKey {
    /// Seals bytes for their place.
    pub fn seal(&self, cell: &Cell<'_>, plain: &[u8]) -> Vec<u8> {
        seal(&self.0, cell, plain)
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`SealError::Altered`].
    pub fn open(&self, cell: &Cell<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        open(&self.0, cell, sealed)
    }
}

fn wrapped_as(owner: Uuid, master: &str) -> String {
    format!("{owner}/{master}")
}

fn key_cell(row: &str) -> Cell<'_> {
    Cell {
        table: "privacy.person_key",
        row,
        column: "wrapped",
    }
}

fn seal(cipher: &XChaCha20Poly1305, cell: &Cell<'_>, plain: &[u8]) -> Vec<u8> {
    let mut nonce = [0; NONCE_BYTES];
    OsRng.fill_bytes(&mut nonce);
    let aad = cell.text();
    let payload = Payload {
        msg: plain,
        aad: &aad,
    };
    let sealed = cipher.encrypt(&XNonce::from(nonce), payload);
    let sealed = sealed.expect("no body of ours comes near the cipher's 256 GiB");
    let mut bytes = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
    bytes.push(FORM);
    bytes.extend(nonce);
    bytes.extend(sealed);
    bytes
}

fn open(cipher: &XChaCha20Poly1305, cell: &Cell<'_>, bytes: &[u8]) -> Result<Vec<u8>, SealError> {
    let altered = || SealError::Altered(cell.table);
    let (form, rest) = bytes.split_first().ok_or_else(altered)?;
    let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES).ok_or_else(altered)?;
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| altered())?;
    if *form != FORM {
        return Err(altered());
    }
    let aad = cell.text();
    let payload = Payload {
        msg: sealed,
        aad: &aad,
    };
    cipher
        .decrypt(&XNonce::from(nonce), payload)
        .map_err(|_| altered())
}

#[cfg(test)]
mod tests {
    use process::secret::Secret;

    use super::*;

    fn masters(ids: &[&str]) -> MasterKeys {
        let loaded = ids.iter().map(|id| LoadedMasterKey {
            id: (*id).to_owned(),
            secret: Secret::new(format!("a master key of the tests, {id}")),
        });
        MasterKeys::new(&loaded.collect::<Vec<_>>())
    }

    fn cell(row: &str) -> Cell<'_> {
        Cell {
            table: "privacy.person",
            row,
            column: "sealed",
        }
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_alone_and_never_looks_the_same_twice() {
        let masters = masters(&["first"]);
        let row = masters
            .mint(Uuid::from_u128(1), contract::time::now())
            .unwrap();
        let key = masters.unwrap(&row).unwrap();
        let sealed = key.seal(&cell("1"), b"a@example.org");
        assert_eq!(key.open(&cell("1"), &sealed).unwrap(), b"a@example.org");
        assert_ne!(sealed, key.seal(&cell("1"), b"a@example.org"));
        assert!(!sealed.windows(7).any(|window| window == b"example"));
        let altered = Err(SealError::Altered("privacy.person"));
        assert_eq!(key.open(&cell("2"), &sealed), altered);
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone();
            bytes[at] ^= 1;
            assert_eq!(key.open(&cell("1"), &bytes), altered, "byte {at}");
            assert_eq!(key.open(&cell("1"), &sealed[..at]), altered, "cut at {at}");
        }
        let other = masters
            .mint(Uuid::from_u128(1), contract::time::now())
            .unwrap();
        let other = masters.unwrap(&other).unwrap();
        assert_eq!(other.open(&cell("1"), &sealed), altered);
    }

    #[test]
    fn a_key_is_wrapped_anew_by_the_first_master_key_and_stays_the_same_key() {
        let (old, both, new) = (masters(&["a"]), masters(&["b", "a"]), masters(&["b"]));
        let row = old.mint(Uuid::from_u128(1), contract::time::now()).unwrap();
        let sealed = old.unwrap(&row).unwrap().seal(&cell("1"), b"x");
        assert!(matches!(
            new.unwrap(&row),
            Err(SealError::NoMasterKey(id)) if id == "a"
        ));
        let again = both.rewrap(&row).unwrap();
        assert_eq!(again.master_key, "b");
        let key = new.unwrap(&again).unwrap();
        assert_eq!(key.open(&cell("1"), &sealed).unwrap(), b"x");
        // A wrapped key of one owner is none of another's.
        let stolen = PersonKeyRow {
            owner_id: Uuid::from_u128(2),
            ..again
        };
        assert!(new.unwrap(&stolen).is_err());
    }
}
