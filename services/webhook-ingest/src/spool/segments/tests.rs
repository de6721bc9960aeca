//! What was appended is found again, whatever happened to the files; and nothing else is.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::spool::record::scan;

const AT: u64 = 1_700_000_000_000_000;

fn limits(folder: &TempDir, segment_bytes_max: u64) -> Limits {
    Limits {
        folder: folder.path().join("spool"),
        bytes_max: 64 * 1024,
        segment_bytes_max,
        persistent: true,
    }
}

fn message(number: u64) -> Outgoing {
    let payload = vec![number as u8; 100].into();
    Outgoing::raw(
        "test",
        "kind",
        "subject".into(),
        &number.to_string(),
        payload,
    )
    .unwrap()
}

fn append(segments: &mut Segments, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        assert_eq!(segments.append(&[message(number)], AT + number), [Ok(())]);
    }
}

/// Takes everything out in its order: the messages' ids, and what was put aside.
fn drain(segments: &mut Segments) -> (Vec<u64>, usize) {
    let (mut ids, mut damaged) = (Vec::new(), 0);
    while let Some(sealed) = segments.oldest() {
        let bytes = segments.read(&sealed).unwrap();
        let found = scan(sealed.name.marker, &bytes).unwrap();
        for record in &found.records {
            let message = message::decode(bytes.slice(record.body.clone())).unwrap();
            ids.push(message.message_id().parse().unwrap());
        }
        damaged += found.damage.len();
        let aside = (!found.damage.is_empty()).then_some(Aside::Damaged);
        segments.done(&sealed, aside);
    }
    (ids, damaged)
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.filter(|path| !path.ends_with("lock")).collect();
    files.sort();
    files
}

#[test]
fn what_was_appended_survives_in_its_order_over_many_files() {
    let folder = tempfile::tempdir().unwrap();
    let limits = limits(&folder, 1024);
    for round in 0..3 {
        let mut segments = Segments::open(&limits).unwrap();
        assert_eq!(segments.status().records, 10 * round);
        append(&mut segments, 10 * round + 1..=10 * round + 10);
    }
    let mut segments = Segments::open(&limits).unwrap();
    assert!(files(&limits.folder).len() > 5);
    assert_eq!(segments.status().oldest_micros, Some(AT + 1));
    assert_eq!(drain(&mut segments), ((1..=30).collect(), 0));
    assert_eq!(segments.status(), Status::default());
    assert_eq!(files(&limits.folder).len(), 0);
}

#[test]
fn only_its_owner_can_look_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let limits = limits(&folder, 1024);
    let mut segments = Segments::open(&limits).unwrap();
    append(&mut segments, 1..=1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&limits.folder), 0o700);
    for file in files(&limits.folder) {
        assert_eq!(mode(&file), 0o600);
    }
}

#[test]
fn a_second_owner_is_refused_and_told_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let limits = limits(&folder, 1024);
    let first = Segments::open(&limits).unwrap();
    let refused = Segments::open(&limits).unwrap_err().to_string();
    assert!(
        refused.contains("another process uses the spool"),
        "{refused}"
    );
    assert!(refused.contains("ingest.spool.folder"), "{refused}");
    drop(first);
    Segments::open(&limits).unwrap();
}

#[test]
fn it_never_grows_past_its_bound_and_has_room_again_when_a_file_is_drained() {
    let folder = tempfile::tempdir().unwrap();
    let limits = limits(&folder, 4 * 1024);
    let mut segments = Segments::open(&limits).unwrap();
    let group: Vec<_> = (1..=1_000).map(message).collect();
    let answers: Vec<_> = group
        .chunks(10)
        .flat_map(|group| segments.append(group, AT))
        .collect();
    let kept = answers.iter().filter(|answer| answer.is_ok()).count() as u64;
    assert!(kept > 100 && kept < 1_000, "{kept}");
    assert_eq!(segments.status().records, kept);
    let on_disk = || -> u64 {
        let files = files(&limits.folder).into_iter();
        files.map(|file| fs::metadata(file).unwrap().len()).sum()
    };
    assert_eq!(segments.status().bytes, on_disk());
    assert!(on_disk() <= limits.bytes_max);
    assert!(segments.status().refusing.unwrap().contains("65536"));
    assert_eq!(segments.append(&[message(7)], AT), [Err(NotSpooled)]);
    let oldest = segments.oldest().unwrap();
    segments.done(&oldest, None);
    assert_eq!(segments.append(&[message(7)], AT), [Ok(())]);
    assert_eq!(segments.status().refusing, None);
}

#[test]
fn a_last_write_that_was_cut_off_costs_nothing_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let limits = limits(&folder, 1024);
    append(&mut Segments::open(&limits).unwrap(), 1..=7);
    let last = files(&limits.folder).pop().unwrap();
    let whole = fs::read(&last).unwrap();
    let mut lost = None;
    // Every cut of the last file, from its end on; what is cut stays cut.
    for length in (0..whole.len()).rev() {
        let file = OpenOptions::new().write(true).open(&last);
        let Ok(file) = file else { break };
        file.set_len(length as u64).unwrap();
        let segments = Segments::open(&limits).unwrap();
        let records = segments.status().records;
        let before = lost.replace(records).unwrap_or(7);
        assert!(records == before || records == before - 1, "{length}");
        assert_eq!(segments.status().bytes, {
            let files = files(&limits.folder).into_iter();
            files
                .map(|file| fs::metadata(file).unwrap().len())
                .sum::<u64>()
        });
    }
    let mut segments = Segments::open(&limits).unwrap();
    let (ids, damaged) = drain(&mut segments);
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
    assert!(!ids.is_empty() && damaged == 0);
    // It is written to again after all that.
    append(&mut segments, 100..=100);
    assert_eq!(drain(&mut segments).0, [100]);
}

#[test]
fn damage_is_kept_aside_counted_in_the_bound_and_hides_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let limits = limits(&folder, 1024);
    append(&mut Segments::open(&limits).unwrap(), 1..=9);
    let damaged = files(&limits.folder).remove(1);
    let mut bytes = fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&damaged, &bytes).unwrap();
    let mut segments = Segments::open(&limits).unwrap();
    assert_eq!(segments.status().records, 8);
    let (ids, places) = drain(&mut segments);
    assert_eq!((ids.len(), places), (8, 1));
    assert!(
        ids.is_sorted() && ids.starts_with(&[1, 2]) && ids.ends_with(&[9]),
        "{ids:?}"
    );
    let left = files(&limits.folder);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].extension().unwrap(), "damaged");
    assert_eq!(fs::read(&left[0]).unwrap(), bytes);
    assert_eq!(segments.status().bytes, bytes.len() as u64);
    drop(segments);
    assert_eq!(
        Segments::open(&limits).unwrap().status().bytes,
        bytes.len() as u64
    );
}

#[test]
fn a_file_with_nothing_but_damage_is_kept_aside_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let limits = limits(&folder, 1024);
    append(&mut Segments::open(&limits).unwrap(), 1..=1);
    let file = files(&limits.folder).remove(0);
    let length = fs::metadata(&file).unwrap().len();
    fs::write(&file, vec![0x55; usize::try_from(length).unwrap()]).unwrap();
    let segments = Segments::open(&limits).unwrap();
    assert_eq!(
        (segments.status().records, segments.status().bytes),
        (0, length)
    );
    assert_eq!(files(&limits.folder)[0].extension().unwrap(), "damaged");
}

#[test]
fn a_file_of_another_version_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let limits = limits(&folder, 1024);
    append(&mut Segments::open(&limits).unwrap(), 1..=1);
    let file = files(&limits.folder).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    bytes[8..12].copy_from_slice(&2_u32.to_be_bytes());
    let sum = *contract::digest::Digest::of(&bytes[..20]).as_bytes();
    bytes[20..28].copy_from_slice(&sum[..8]);
    fs::write(&file, &bytes).unwrap();
    let refused = Segments::open(&limits).unwrap_err();
    assert!(matches!(refused, SpoolError::Version { .. }), "{refused:?}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_file_that_broke_keeps_what_was_synced_and_the_next_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let limits = limits(&folder, 64 * 1024);
    let mut segments = Segments::open(&limits).unwrap();
    append(&mut segments, 1..=3);
    // What a sync that failed leaves behind: bytes that nobody was promised.
    let broken = segments.active.take().unwrap();
    let path = limits.folder.join(broken.segment.name.file());
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    let unpromised = frame_head(broken.segment.name.marker, 4, AT, b"no message");
    file.write_all(&unpromised).unwrap();
    file.write_all(b"no message").unwrap();
    segments.seal(broken);
    append(&mut segments, 4..=5);
    assert_eq!(segments.status().records, 5);
    assert_eq!(drain(&mut segments), (vec![1, 2, 3, 4, 5], 0));
}
