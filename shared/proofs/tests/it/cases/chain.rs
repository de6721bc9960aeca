//! What can be wrong with a log as a whole: forgeries that agree with themselves, kept checkpoints,
//! links between epochs, keys.

use super::Change::{Copy, Remove, Replace};
use super::mirror::{
    CHECKPOINT, FULL_ENTRIES, FULL_LEAVES, LONGER_ENTRIES, LONGER_LEAVES, NODES, PART_ENTRIES,
    SECOND, SECOND_ENTRIES, SECOND_LEAVES, of,
};
use super::{Case, INCOMPLETE, TAMPERED, UNTRUSTED};
use crate::log::Keys;

pub(super) fn cases(keys: &Keys) -> Vec<Case> {
    [
        forged(keys),
        forks(keys),
        kept(keys),
        epochs(keys),
        pinned(keys),
    ]
    .concat()
}

/// A fork of the first epoch, made or shown after the second was opened.
fn forks(keys: &Keys) -> Vec<Case> {
    let with = |case: Case, files: &[(&'static str, &'static str)]| {
        let files = files.iter();
        files.fold(case, |case, (to, from)| case.with(Copy(to, from)))
    };
    let forged = [
        (FULL_ENTRIES, "forged/1/tile/entries/000"),
        (FULL_LEAVES, "forged/1/tile/0/000"),
        (NODES, "forged/1/tile/1/000.p/1"),
    ];
    let longer = [
        (CHECKPOINT, "longer/1/checkpoint"),
        (LONGER_ENTRIES, "longer/1/tile/entries/001.p/10"),
        (LONGER_LEAVES, "longer/1/tile/0/001.p/10"),
    ];
    let shorter = [(CHECKPOINT, "kept/forged-200")];
    let followed = [
        (CHECKPOINT, "forged/1/checkpoint"),
        (SECOND, "late/2/checkpoint"),
        (SECOND_ENTRIES, "late/2/tile/entries/000.p/5"),
        (SECOND_LEAVES, "late/2/tile/0/000.p/5"),
    ];
    let fork =
        |name, more: &[(&'static str, &'static str)]| with(with(of(name, keys), &forged), more);
    vec![
        with(
            of("the checkpoint alone is a fork's", keys),
            &[(CHECKPOINT, "forged/1/checkpoint")],
        )
        .found(TAMPERED, "a leaf from 0 to 261"),
        fork("a fork that goes on after the next epoch", &longer)
            .found(TAMPERED, "a leaf from 0 to 261"),
        fork(
            "a fork that ends before what the next epoch follows",
            &shorter,
        )
        .found(INCOMPLETE, "262"),
        fork("the same, against what was kept from before it", &shorter)
            .since("kept/100")
            .since("kept/260")
            .found(TAMPERED, "a leaf from 0 to 99"),
        fork("a fork and a next epoch that follows it", &followed)
            .since("kept/100")
            .found(TAMPERED, "a leaf from 0 to 99"),
        fork(
            "the same, against what was kept of the true next",
            &followed,
        )
        .since("kept/second-3")
        .found(TAMPERED, "epoch 2: a leaf from 0 to 2"),
    ]
}

fn forged(keys: &Keys) -> Vec<Case> {
    let forge = |name, files: &[(&'static str, &'static str)]| {
        files
            .iter()
            .fold(of(name, keys), |case, (to, from)| case.with(Copy(to, from)))
    };
    let (entries, leaves, nodes) = (
        (FULL_ENTRIES, "forged/1/tile/entries/000"),
        (FULL_LEAVES, "forged/1/tile/0/000"),
        (NODES, "forged/1/tile/1/000.p/1"),
    );
    let signed = (CHECKPOINT, "forged/1/checkpoint");
    vec![
        forge("a forged entry", &[entries]).found(TAMPERED, "leaf 17"),
        forge("a forged entry with its tile", &[entries, leaves])
            .found(TAMPERED, "leaves 0 to 255"),
        forge("a forged entry with all tiles", &[entries, leaves, nodes])
            .found(TAMPERED, "a leaf from 0 to 261"),
        forge(
            "a forged entry with all tiles, against kept ones",
            &[entries, leaves, nodes],
        )
        .since("kept/100")
        .found(TAMPERED, "a leaf from 0 to 99"),
        forge(
            "a fork that the log's own key signed",
            &[entries, leaves, nodes, signed],
        )
        .since("kept/100")
        .found(TAMPERED, "a leaf from 0 to 99"),
        forge(
            "a fork that the next epoch does not follow",
            &[entries, leaves, nodes, signed],
        )
        .found(TAMPERED, "a leaf from 0 to 261"),
        of("a stranger signed the first epoch", keys)
            .with(Copy(CHECKPOINT, "stranger/1/checkpoint"))
            .found(UNTRUSTED, "1/checkpoint"),
    ]
}

fn kept(keys: &Keys) -> Vec<Case> {
    vec![
        of("the log differs from what was signed before", keys)
            .since("kept/forged-200")
            .found(TAMPERED, "a leaf from 0 to 199"),
        of("the log differs after what was signed first", keys)
            .since("kept/100")
            .since("kept/forged-200")
            .found(TAMPERED, "a leaf from 100 to 199"),
        of("a kept checkpoint was altered", keys)
            .since("kept/100")
            .with(Replace("kept/100", "\n100\n", "\n101\n"))
            .found(TAMPERED, ""),
        of("a kept checkpoint is by a stranger", keys)
            .since("kept/stranger-100")
            .found(UNTRUSTED, "kept/stranger-100"),
        of("a kept checkpoint is of another log", keys)
            .since("kept/second-9")
            .found(INCOMPLETE, "log.example/else"),
        of("the mirror ends before what was signed", keys)
            .since("kept/260")
            .with(Copy(CHECKPOINT, "kept/100"))
            .found(INCOMPLETE, "260"),
        of("a kept checkpoint of the second epoch, which is gone", keys)
            .since("kept/second-3")
            .with(Remove("mirror/2"))
            .found(INCOMPLETE, "epoch-2"),
    ]
}

fn epochs(keys: &Keys) -> Vec<Case> {
    let second = |name, folder: [&'static str; 3]| {
        of(name, keys)
            .with(Copy(SECOND, folder[0]))
            .with(Copy(SECOND_ENTRIES, folder[1]))
            .with(Copy(SECOND_LEAVES, folder[2]))
    };
    vec![
        of("the second epoch is tied to no other", keys)
            .with(Remove("mirror/2"))
            .with(Copy("mirror/2/checkpoint", "untied/2/checkpoint"))
            .with(Copy(
                "mirror/2/tile/entries/000.p/4",
                "untied/2/tile/entries/000.p/4",
            ))
            .with(Copy("mirror/2/tile/0/000.p/4", "untied/2/tile/0/000.p/4"))
            .found(TAMPERED, "epoch 2: leaf 0"),
        second(
            "the second epoch forgot leaves that were signed",
            [
                "early/2/checkpoint",
                "early/2/tile/entries/000.p/5",
                "early/2/tile/0/000.p/5",
            ],
        )
        .found(INCOMPLETE, "leaf 261"),
        second(
            "the second epoch follows another log than the first one's",
            [
                "late/2/checkpoint",
                "late/2/tile/entries/000.p/5",
                "late/2/tile/0/000.p/5",
            ],
        )
        .found(TAMPERED, "a leaf from 0 to 261"),
        of("the link's size is altered", keys)
            .with(Replace(
                SECOND_ENTRIES,
                "previous.size\":262",
                "previous.size\":261",
            ))
            .found(TAMPERED, "a leaf from 0 to 260"),
        of("the link's origin is altered", keys)
            .with(Replace(
                SECOND_ENTRIES,
                "log.example/lab",
                "log.example/lad",
            ))
            .found(TAMPERED, "leaf 0"),
        of("the change of the key is altered", keys)
            .with(Replace(PART_ENTRIES, "log.key v1", "log.key v2"))
            .found(TAMPERED, "leaf 259"),
    ]
}

fn pinned(keys: &Keys) -> Vec<Case> {
    let stranger = keys.stranger.verifying().as_str().to_owned();
    let elsewhere = keys.old.renamed("log.example/else").unwrap().verifying();
    let mut other = of("another log was pinned", keys).found(UNTRUSTED, "log.example/else");
    other.origin = "log.example/else".to_owned();
    let key = keys.old.verifying().as_str().to_owned();
    vec![
        of("another key was pinned", keys)
            .key(&stranger)
            .found(UNTRUSTED, "1/checkpoint"),
        of("another log's key was pinned", keys)
            .key(elsewhere.as_str())
            .found(UNTRUSTED, "log.example/else"),
        other,
        of("the pinned key lacks its end", keys)
            .key(&key[..key.len() - 4])
            .found(UNTRUSTED, "pinned key"),
        of("a letter of the pinned key is another", keys)
            .key(&key.replace("AYqI", "AYqJ"))
            .found(UNTRUSTED, "pinned key"),
        of("the pinned key's id is another", keys)
            .key(&key.replace("e61e2d95", "e61e2d96"))
            .found(UNTRUSTED, "pinned key"),
        of("the pinned key is no key", keys)
            .key("trust me")
            .found(UNTRUSTED, "pinned key"),
    ]
}
