//! Every proof of small trees checks, and none that was altered does.

use super::*;

const SIZE_MAX: u64 = 70;

fn leaf(index: u64) -> Hash {
    Hash::of_leaf(&index.to_be_bytes())
}

fn root(size: u64) -> Hash {
    let mut tree = Frontier::new();
    (0..size).for_each(|index| {
        tree.append(leaf(index));
    });
    tree.root()
}

fn inclusion(index: u64, size: u64) -> InclusionProof {
    let mut prover = InclusionProver::new(index, size).unwrap();
    (0..size).for_each(|index| prover.push(leaf(index)).unwrap());
    prover.finish().unwrap()
}

fn consistency(old: u64, new: u64) -> ConsistencyProof {
    let mut prover = ConsistencyProver::new(old, new).unwrap();
    (0..new).for_each(|index| prover.push(leaf(index)).unwrap());
    prover.finish().unwrap()
}

/// The path with one bit of one hash turned, with a hash left out, and with one put in.
fn altered(path: &[Hash]) -> Vec<Vec<Hash>> {
    let mut paths = Vec::new();
    for place in 0..path.len() {
        let mut bytes = *path[place].as_bytes();
        bytes[place % 32] ^= 1 << (place % 8);
        let mut turned = path.to_vec();
        turned[place] = Hash::from_bytes(bytes);
        let mut shorter = path.to_vec();
        shorter.remove(place);
        let mut longer = path.to_vec();
        longer.insert(place, path[place]);
        paths.extend([turned, shorter, longer]);
    }
    paths.push([path, &[Hash::EMPTY_TREE]].concat());
    paths
}

#[test]
fn every_leaf_of_every_tree_is_proven_and_no_altered_proof_checks() {
    for size in 1..=SIZE_MAX {
        let (root_hash, later_root) = (root(size), root(size + 1));
        for index in 0..size {
            let proof = inclusion(index, size);
            assert_eq!(
                proof.check(leaf(index), root_hash),
                Ok(()),
                "{index} of {size}"
            );
            let refused = Err(ProofError::NotIncluded { index, size });
            for path in altered(&proof.path) {
                let bad = InclusionProof { path, ..proof };
                assert_eq!(bad.check(leaf(index), root_hash), refused);
            }
            assert_eq!(proof.check(leaf(index + 1), root_hash), refused);
            assert_eq!(proof.check(leaf(index), later_root), refused);
            let others = [0, index ^ 1, size - 1 - index, size - 1];
            for other in others
                .into_iter()
                .filter(|other| *other != index && *other < size)
            {
                let moved = InclusionProof {
                    index: other,
                    ..proof.clone()
                };
                assert!(moved.check(leaf(index), root_hash).is_err());
            }
        }
    }
}

#[test]
fn every_tree_is_proven_to_be_the_beginning_of_every_later_one() {
    let roots: Vec<Hash> = (0..=SIZE_MAX + 1).map(root).collect();
    for new in 1..=SIZE_MAX {
        for old in 1..=new {
            let (old_root, new_root) = (roots[old as usize], roots[new as usize]);
            let proof = consistency(old, new);
            assert_eq!(proof.check(old_root, new_root), Ok(()), "{old} of {new}");
            let refused = Err(ProofError::NotConsistent { old, new });
            for path in altered(&proof.path) {
                let bad = ConsistencyProof { path, ..proof };
                assert_eq!(bad.check(old_root, new_root), refused, "{old} of {new}");
            }
            assert_eq!(proof.check(roots[old as usize - 1], new_root), refused);
            assert_eq!(proof.check(old_root, roots[new as usize + 1]), refused);
        }
    }
}

#[test]
fn what_cannot_be_proven_is_refused_before_any_leaf() {
    for (index, size) in [(0, 0), (1, 1), (5, 4), (u64::MAX, 9)] {
        let refused = ProofError::NoSuchLeaf { index, size };
        assert_eq!(InclusionProver::new(index, size).unwrap_err(), refused);
        let path = Vec::new();
        let proof = InclusionProof { index, size, path };
        assert_eq!(proof.check(leaf(0), root(1)), Err(refused));
    }
    for (old, new) in [(0, 0), (0, 1), (2, 1)] {
        let refused = ProofError::NoBeginning { old, new };
        assert_eq!(ConsistencyProver::new(old, new).unwrap_err(), refused);
        let path = Vec::new();
        let proof = ConsistencyProof { old, new, path };
        assert_eq!(proof.check(root(1), root(1)), Err(refused));
    }
}

#[test]
fn a_prover_wants_exactly_as_many_leaves_as_the_tree_has() {
    let mut prover = InclusionProver::new(1, 3).unwrap();
    (0..3).for_each(|index| prover.push(leaf(index)).unwrap());
    assert_eq!(prover.push(leaf(3)), Err(ProofError::TooManyLeaves(3)));
    let mut prover = ConsistencyProver::new(2, 3).unwrap();
    (0..2).for_each(|index| prover.push(leaf(index)).unwrap());
    let refused = Err(ProofError::TooFewLeaves { size: 3, found: 2 });
    assert_eq!(prover.finish(), refused);
}

#[test]
fn a_proof_of_an_absurd_size_is_refused_and_not_computed() {
    let proof = InclusionProof {
        index: 0,
        size: u64::MAX,
        path: vec![leaf(0)],
    };
    assert!(proof.check(leaf(0), root(1)).is_err());
    let proof = ConsistencyProof {
        old: u64::MAX - 1,
        new: u64::MAX,
        path: vec![leaf(0)],
    };
    assert!(proof.check(root(1), root(2)).is_err());
}
