//! Owns proofs: that a leaf is in a tree, and that one tree is another's beginning.
//! They are made from the leaves as they pass by, one after the other, so that making one takes
//! memory for the proof and not for the log.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use thiserror::Error;
use tlog_tiles::tlog::{self, HashReader};

use crate::hash::Hash;
use crate::tree::Frontier;

/// What is wrong with a proof, or with what it was to be made from.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ProofError {
    /// The tree has no such leaf.
    #[error("a tree of {size} leaves has no leaf {index}")]
    NoSuchLeaf {
        /// The leaf asked for.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The old tree is empty, or larger than the new one.
    #[error("a tree of {old} leaves cannot be proven to be the beginning of one of {new}")]
    NoBeginning {
        /// The old size.
        old: u64,
        /// The new size.
        new: u64,
    },
    /// There are more leaves than the tree has.
    #[error("the proof is over {0} leaves, and there was one more")]
    TooManyLeaves(u64),
    /// The leaves ended before the tree.
    #[error("the proof is over {size} leaves, and there were only {found}")]
    TooFewLeaves {
        /// The tree's size.
        size: u64,
        /// How many leaves there were.
        found: u64,
    },
    /// The proof does not lead from the leaf to the root.
    #[error("the proof does not show leaf {index} in the tree of {size} leaves with this root")]
    NotIncluded {
        /// The leaf.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The proof does not lead from the old root to the new one.
    #[error("the proof does not show the tree of {old} leaves as the beginning of that of {new}")]
    NotConsistent {
        /// The old size.
        old: u64,
        /// The new size.
        new: u64,
    },
}

/// Proves that a leaf is in a tree: the audit path of RFC 6962.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InclusionProof {
    /// The leaf.
    pub index: u64,
    /// The tree's size.
    pub size: u64,
    /// The hashes beside the way from the leaf up to the root.
    pub path: Vec<Hash>,
}

impl InclusionProof {
    /// Checks that it leads from this leaf hash to this root. A root by itself is not bound to a
    /// size: take both from a checkpoint that was opened.
    ///
    /// # Errors
    /// [`ProofError`] if it does not.
    pub fn check(&self, leaf: Hash, root: Hash) -> Result<(), ProofError> {
        let Self { index, size, .. } = *self;
        if index >= size {
            return Err(ProofError::NoSuchLeaf { index, size });
        }
        let path = self.path.iter().map(|hash| hash.inner()).collect();
        tlog::check_record(&path, size, root.inner(), index, leaf.inner())
            .map_err(|_| ProofError::NotIncluded { index, size })
    }
}

/// Proves that an older tree is the beginning of a newer one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsistencyProof {
    /// The older tree's size.
    pub old: u64,
    /// The newer tree's size.
    pub new: u64,
    /// The hashes from which both roots follow.
    pub path: Vec<Hash>,
}

impl ConsistencyProof {
    /// Checks that it leads from the older root to the newer one.
    ///
    /// # Errors
    /// [`ProofError`] if it does not.
    pub fn check(&self, old_root: Hash, new_root: Hash) -> Result<(), ProofError> {
        let Self { old, new, .. } = *self;
        if !(1..=new).contains(&old) {
            return Err(ProofError::NoBeginning { old, new });
        }
        let path = self.path.iter().map(|hash| hash.inner()).collect();
        tlog::check_tree(&path, new, new_root.inner(), old, old_root.inner())
            .map_err(|_| ProofError::NotConsistent { old, new })
    }
}

/// Makes an [`InclusionProof`] from the leaves as they pass by.
#[derive(Debug)]
pub struct InclusionProver {
    index: u64,
    nodes: Nodes,
}

impl InclusionProver {
    /// Prepares the proof of the leaf in the tree of this size.
    ///
    /// # Errors
    /// [`ProofError::NoSuchLeaf`] if the tree does not have it.
    pub fn new(index: u64, size: u64) -> Result<Self, ProofError> {
        if index >= size {
            return Err(ProofError::NoSuchLeaf { index, size });
        }
        let nodes = Nodes::needed(size, |reader| tlog::prove_record(size, index, reader));
        Ok(Self { index, nodes })
    }

    /// Takes the hash of the next leaf, from leaf 0 on.
    ///
    /// # Errors
    /// [`ProofError::TooManyLeaves`] if the tree ended before it.
    pub fn push(&mut self, leaf: Hash) -> Result<(), ProofError> {
        self.nodes.push(leaf)
    }

    /// The proof.
    ///
    /// # Errors
    /// [`ProofError::TooFewLeaves`] if the tree has more leaves than came by.
    pub fn finish(self) -> Result<InclusionProof, ProofError> {
        let (index, size) = (self.index, self.nodes.size);
        let path = self
            .nodes
            .finish(|reader| tlog::prove_record(size, index, reader))?;
        Ok(InclusionProof { index, size, path })
    }
}

/// Makes a [`ConsistencyProof`] from the leaves as they pass by.
#[derive(Debug)]
pub struct ConsistencyProver {
    old: u64,
    nodes: Nodes,
}

impl ConsistencyProver {
    /// Prepares the proof that the tree of the old size is the beginning of that of the new size.
    ///
    /// # Errors
    /// [`ProofError::NoBeginning`] if the old one is empty, or larger than the new one.
    pub fn new(old: u64, new: u64) -> Result<Self, ProofError> {
        if !(1..=new).contains(&old) {
            return Err(ProofError::NoBeginning { old, new });
        }
        let nodes = Nodes::needed(new, |reader| tlog::prove_tree(new, old, reader));
        Ok(Self { old, nodes })
    }

    /// Takes the hash of the next leaf, from leaf 0 on.
    ///
    /// # Errors
    /// [`ProofError::TooManyLeaves`] if the new tree ended before it.
    pub fn push(&mut self, leaf: Hash) -> Result<(), ProofError> {
        self.nodes.push(leaf)
    }

    /// The proof.
    ///
    /// # Errors
    /// [`ProofError::TooFewLeaves`] if the new tree has more leaves than came by.
    pub fn finish(self) -> Result<ConsistencyProof, ProofError> {
        let (old, new) = (self.old, self.nodes.size);
        let path = self
            .nodes
            .finish(|reader| tlog::prove_tree(new, old, reader))?;
        Ok(ConsistencyProof { old, new, path })
    }
}

/// The complete subtrees whose roots a proof needs, filled while the leaves pass by.
#[derive(Debug)]
struct Nodes {
    size: u64,
    seen: u64,
    /// What is still to come, the first last: the leaves of the subtree, and its stored index.
    wanted: Vec<(Range<u64>, u64)>,
    /// The subtree that is passing by.
    current: Frontier,
    roots: HashMap<u64, Hash>,
}

impl Nodes {
    /// Asks the prover which nodes it would read.
    fn needed<T>(size: u64, prove: impl FnOnce(&Wish) -> Result<T, tlog::Error>) -> Self {
        let wish = Wish::default();
        // The wish answers with an error once it was told what to read; a prover that needs
        // nothing never asks.
        let _unread = prove(&wish);
        let mut wanted: Vec<_> = wish.0.take().into_iter().map(leaves_of).collect();
        wanted.sort_by_key(|(leaves, _)| std::cmp::Reverse(leaves.start));
        Self {
            size,
            seen: 0,
            wanted,
            current: Frontier::new(),
            roots: HashMap::new(),
        }
    }

    fn push(&mut self, leaf: Hash) -> Result<(), ProofError> {
        if self.seen == self.size {
            return Err(ProofError::TooManyLeaves(self.size));
        }
        let index = self.seen;
        self.seen += 1;
        let Some((leaves, node)) = self.wanted.last().cloned() else {
            return Ok(());
        };
        if leaves.contains(&index) {
            self.current.append(leaf);
        }
        if self.seen == leaves.end {
            let subtree = std::mem::take(&mut self.current);
            self.roots.insert(node, subtree.root());
            self.wanted.pop();
        }
        Ok(())
    }

    fn finish(
        self,
        prove: impl FnOnce(&Known) -> Result<Vec<tlog::Hash>, tlog::Error>,
    ) -> Result<Vec<Hash>, ProofError> {
        if self.seen < self.size {
            return Err(ProofError::TooFewLeaves {
                size: self.size,
                found: self.seen,
            });
        }
        let path = prove(&Known(self.roots)).expect("it reads what it asked for, and all is there");
        Ok(path.into_iter().map(Hash::from_inner).collect())
    }
}

/// The leaves under a node, by the index that `tlog_tiles` stores it at.
fn leaves_of(stored: u64) -> (Range<u64>, u64) {
    let (level, number) = tlog::split_stored_hash_index(stored);
    (number << level..(number + 1) << level, stored)
}

/// Remembers what it was asked for.
#[derive(Default)]
struct Wish(RefCell<Vec<u64>>);

impl HashReader for Wish {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        self.0.borrow_mut().extend(indexes);
        Err(tlog::Error::IndexesNotInTree)
    }
}

/// Gives what was gathered.
struct Known(HashMap<u64, Hash>);

impl HashReader for Known {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        let read = |index| self.0.get(index).map(|hash| hash.inner());
        indexes
            .iter()
            .map(read)
            .collect::<Option<_>>()
            .ok_or(tlog::Error::IndexesNotInTree)
    }
}

#[cfg(test)]
mod tests;
