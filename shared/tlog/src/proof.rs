//! Owns proofs: that a leaf is in a tree, and that one tree is another's beginning.
//! They are made from the leaves as they pass by, one after the other, so that making one takes
//! memory for the proof and not for the log; or from the roots of the few subtrees that they need.

use std::collections::HashMap;

use thiserror::Error;
use tlog_tiles::tlog;

use crate::hash::Hash;
use crate::subtree::{self, Known, Subtree, Wish};
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
    /// The subtrees whose roots the proof of this leaf in the tree of this size is made of: as many
    /// as the tree has levels, at most.
    ///
    /// # Errors
    /// [`ProofError::NoSuchLeaf`] if the tree does not have it.
    pub fn needs(index: u64, size: u64) -> Result<Vec<Subtree>, ProofError> {
        if index >= size {
            return Err(ProofError::NoSuchLeaf { index, size });
        }
        Ok(subtree::needed(|reader| {
            tlog::prove_record(size, index, reader)
        }))
    }

    /// Makes the proof of the roots that it [needs](InclusionProof::needs); `None` where one is
    /// missing.
    pub fn of_roots(index: u64, size: u64, roots: &HashMap<Subtree, Hash>) -> Option<Self> {
        let path = tlog::prove_record(size, index, &Known(roots)).ok()?;
        let path = path.into_iter().map(Hash::from_inner).collect();
        Some(Self { index, size, path })
    }

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
    /// What is still to come, the first last.
    wanted: Vec<Subtree>,
    /// The subtree that is passing by.
    current: Frontier,
    roots: HashMap<Subtree, Hash>,
}

impl Nodes {
    /// Asks the prover which nodes it would read.
    fn needed<T>(size: u64, prove: impl FnOnce(&Wish) -> Result<T, tlog::Error>) -> Self {
        let mut wanted = subtree::needed(prove);
        wanted.reverse();
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
        let Some(subtree) = self.wanted.last().copied() else {
            return Ok(());
        };
        let leaves = subtree.leaves();
        if leaves.contains(&index) {
            self.current.append(leaf);
        }
        if self.seen == leaves.end {
            let passed = std::mem::take(&mut self.current);
            self.roots.insert(subtree, passed.root());
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
        let path =
            prove(&Known(&self.roots)).expect("it reads what it asked for, and all is there");
        Ok(path.into_iter().map(Hash::from_inner).collect())
    }
}

#[cfg(test)]
mod tests;
