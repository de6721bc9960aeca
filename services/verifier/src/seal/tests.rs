use std::os::unix::fs::symlink;

use super::*;

fn patterns(text: &str) -> Patterns {
    Patterns::new(&[text.to_owned().try_into().unwrap()])
}

#[test]
fn a_judge_gets_plain_files_alone_and_only_their_bytes() {
    let (work, sealed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (at, into) = (work.path(), sealed.path());
    fs::create_dir_all(at.join("out/shut")).unwrap();
    fs::write(at.join("out/a"), "one").unwrap();
    fs::write(at.join("out/shut/b"), "two").unwrap();
    fs::write(at.join("secret"), "not asked for").unwrap();
    fs::set_permissions(at.join("out/a"), Permissions::from_mode(0o4777)).unwrap();
    fs::set_permissions(at.join("out/shut/b"), Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(at.join("out/shut"), Permissions::from_mode(0o000)).unwrap();
    symlink("/etc/passwd", at.join("out/link")).unwrap();
    symlink("/etc", at.join("out/folder")).unwrap();

    let left_out = files(at, &patterns("out/**"), into).unwrap();
    assert_eq!(fs::read(into.join("files/out/a")).unwrap(), b"one");
    assert_eq!(fs::read(into.join("files/out/shut/b")).unwrap(), b"two");
    let mode = fs::metadata(into.join("files/out/a"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o7777, 0o444);
    for absent in ["files/secret", "files/out/link", "files/out/folder"] {
        assert!(fs::symlink_metadata(into.join(absent)).is_err(), "{absent}");
    }
    assert_eq!(left_out.len(), 2, "{left_out:?}");
}

#[test]
fn a_judge_gets_no_more_than_the_caps() {
    let (work, sealed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sparse = File::create(work.path().join("sparse")).unwrap();
    sparse.set_len(BYTES_MAX + 1).unwrap();
    let refused = files(work.path(), &patterns("sparse"), sealed.path());
    assert!(
        matches!(refused, Err(CannotSeal::TooMuch(_))),
        "{refused:?}"
    );
    let sealed = tempfile::tempdir().unwrap();
    let left_out = files(work.path(), &patterns("other"), sealed.path()).unwrap();
    assert!(left_out.is_empty());
}
