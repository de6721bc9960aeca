//! Owns which key signs: the one that the log is signed by, until a leaf says that another follows
//! and a checkpoint of the old one covers that leaf. It decides; the database is read elsewhere.

use contract::audit::{AuditEntry, AuditEvent};
use contract::time::Timestamp;
use serde_json::{Map, json};
use store::ledger_leaf::LeafRow;
use store::log_checkpoint::CheckpointRow;
use store::log_key::{self, KeyChangeRow};
use tlog::checkpoint::{self, Checkpoint};
use tlog::key::{SigningKey, VerifyingKey};
use tlog::key_change;
use uuid::Uuid;

use crate::keys::{CannotSign, Keys, in_force, new_key};

/// What signs for the log while this auditor leads.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    keys: Keys,
    /// Whether the next key has taken the place of the first.
    changed: bool,
    /// The entry that says that the next key follows, once it was made, and its leaf.
    announced: Option<(Uuid, Option<u64>)>,
}

impl Signer {
    /// Judges by which of its keys the log is to be signed: `newest` is the newest checkpoint of
    /// all its epochs.
    pub(crate) fn judge(
        keys: &Keys,
        changes: &[KeyChangeRow],
        newest: Option<&CheckpointRow>,
    ) -> Result<Self, CannotSign> {
        let changed = match (in_force(changes), newest) {
            (Some(key), _) => keys.which(|ours| ours.as_str() == key, &key)?,
            (None, Some(row)) => {
                let signed = |ours: &VerifyingKey| {
                    let renamed = ours.renamed(&row.origin).ok();
                    renamed.is_some_and(|key| checkpoint::open(&row.note, &key).is_ok())
                };
                keys.which(signed, "another")?
            }
            (None, None) => false,
        };
        let mut signer = Self {
            keys: keys.clone(),
            changed,
            announced: None,
        };
        let expected = signer
            .next()
            .map(|next| next.verifying().as_str().to_owned());
        let last = changes.last().filter(|last| !last.covered);
        if let Some(last) = last
            && new_key(last) == expected
        {
            let leaf = last.leaf_index.unsigned_abs();
            signer.announced = Some((last.audit_entry_id, Some(leaf)));
        }
        Ok(signer)
    }

    /// The key that is to follow and does not yet.
    fn next(&self) -> Option<&SigningKey> {
        self.keys.next().filter(|_| !self.changed)
    }

    /// The entry that says that the next key follows, if there is one to be written.
    pub(crate) fn announce(&mut self, at: Timestamp) -> Result<Option<AuditEntry>, CannotSign> {
        let next = match (self.next(), self.announced) {
            (Some(next), None) => next.verifying(),
            _ => return Ok(None),
        };
        let old = self.keys.signing();
        let change = key_change::sign(&next, old).map_err(CannotSign::KeyChange)?;
        let mut fields = Map::new();
        let old = old.verifying();
        let subject = format!("{} {}", old.as_str(), next.as_str());
        fields.insert("assay.log.key.old".into(), json!(old.as_str()));
        fields.insert("assay.log.key.new".into(), json!(next.as_str()));
        fields.insert("assay.log.key_change".into(), json!(change));
        let entry = AuditEvent {
            action: log_key::ACTION,
            subject: &subject,
            service: "auditor",
            outcome: "success",
            trace_id: None,
            at,
            fields,
            rows: Vec::new(),
        }
        .entry();
        self.announced = Some((entry.id.as_uuid(), None));
        Ok(Some(entry))
    }

    /// Signs a checkpoint.
    pub(crate) fn sign(&self, checkpoint: &Checkpoint) -> Result<String, CannotSign> {
        self.keys.sign(checkpoint, self.changed)
    }

    /// Hears of leaves that were committed, and of the size that was signed with them.
    pub(crate) fn committed<'a>(
        &mut self,
        leaves: impl IntoIterator<Item = &'a LeafRow>,
        signed: Option<u64>,
    ) -> bool {
        if let Some((entry, place @ None)) = &mut self.announced {
            let mut leaves = leaves.into_iter();
            let found = leaves.find(|leaf| leaf.audit_entry_id == *entry);
            *place = found.map(|leaf| leaf.leaf_index.unsigned_abs());
        }
        let Some((_, Some(leaf))) = self.announced else {
            return false;
        };
        let changes = !self.changed && signed.is_some_and(|size| size > leaf);
        self.changed |= changes;
        changes
    }

    /// The key that signs now, as those who check know it.
    pub(crate) fn key(&self) -> VerifyingKey {
        self.keys.key(self.changed).verifying()
    }
}

#[cfg(test)]
mod tests {
    use contract::time;
    use tlog::key::{self, KeyPair};
    use tlog::tree::Frontier;

    use super::*;

    const ORIGIN: &str = "log.example/lab";

    fn pair() -> KeyPair {
        key::generate(ORIGIN).unwrap()
    }

    fn keys(signing: &KeyPair, next: Option<&KeyPair>) -> Keys {
        let next = next.map(|pair| pair.signer.as_str());
        Keys::read(ORIGIN, &signing.signer, next, None).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint::of(ORIGIN, &Frontier::new())
    }

    fn signed_by(pair: &KeyPair) -> CheckpointRow {
        CheckpointRow {
            origin: ORIGIN.to_owned(),
            tree_size: 0,
            root_hash: vec![0; 32],
            note: checkpoint::sign(&checkpoint(), &pair.signer.parse().unwrap()).unwrap(),
            recorded_at: time::now(),
        }
    }

    fn change(entry: &AuditEntry, covered: bool) -> KeyChangeRow {
        KeyChangeRow {
            audit_entry_id: entry.id.as_uuid(),
            epoch: 1,
            leaf_index: 7,
            entry: entry.text.clone(),
            covered,
        }
    }

    fn signs_with(signer: &Signer, pair: &KeyPair) -> bool {
        let note = signer.sign(&checkpoint()).unwrap();
        checkpoint::open(&note, &pair.verifier.parse().unwrap()).is_ok()
    }

    #[test]
    fn the_next_key_signs_once_a_checkpoint_of_the_old_one_covers_the_leaf_that_says_so() {
        let (old, new) = (pair(), pair());
        let both = keys(&old, Some(&new));
        let mut signer = Signer::judge(&both, &[], Some(&signed_by(&old))).unwrap();
        let entry = signer.announce(time::now()).unwrap().unwrap();
        assert_eq!(signer.announce(time::now()).unwrap(), None);
        assert!(!signer.committed(&[], Some(7)));
        let leaf = LeafRow {
            epoch: 1,
            leaf_index: 7,
            audit_entry_id: entry.id.as_uuid(),
            leaf_hash: vec![0; 32],
            recorded_at: time::now(),
        };
        assert!(!signer.committed(&[leaf], Some(7)));
        assert!(signs_with(&signer, &old));
        assert!(signer.committed(&[], Some(8)));
        assert!(signs_with(&signer, &new));
        assert_eq!(signer.key().as_str(), new.verifier);
        assert!(!signer.committed(&[], Some(9)));
    }

    #[test]
    fn who_begins_to_lead_goes_on_with_the_key_that_the_log_is_signed_by() {
        let (old, new, stranger) = (pair(), pair(), pair());
        let both = keys(&old, Some(&new));
        let entry = Signer::judge(&both, &[], None).unwrap();
        let entry = entry.clone().announce(time::now()).unwrap().unwrap();
        let judge = |keys: &Keys, changes: &[KeyChangeRow], by: &KeyPair| {
            Signer::judge(keys, changes, Some(&signed_by(by)))
        };
        let (waits, done) = ([change(&entry, false)], [change(&entry, true)]);
        for (keys, changes, by, with) in [
            (&both, &[][..], &old, &old),
            (&both, &waits[..], &old, &old),
            (&both, &done[..], &old, &new),
            (&both, &done[..], &new, &new),
            (&keys(&new, None), &done[..], &new, &new),
            (&keys(&new, None), &[][..], &new, &new),
        ] {
            let mut signer = judge(keys, changes, by).unwrap();
            assert!(signs_with(&signer, with));
            let announces = signer.announce(time::now()).unwrap().is_some();
            assert_eq!(announces, changes.is_empty() && keys.next().is_some());
        }
        for (keys, changes, by) in [
            (&keys(&new, None), &[][..], &old),
            (&keys(&old, None), &done[..], &new),
            (&keys(&stranger, Some(&old)), &done[..], &new),
        ] {
            let refused = judge(keys, changes, by).unwrap_err();
            assert!(matches!(refused, CannotSign::OtherKey(_)), "{refused}");
        }
    }
}
