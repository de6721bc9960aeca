//! What is made of git's words.

use super::*;

fn explain(said: &str) -> GitError {
    super::explain(said, Bounds::default())
}

#[test]
fn gits_words_are_put_into_ours() {
    for (said, ours) in [
        (
            "fatal: repository 'http://u:p@h/a.git/' not found",
            "the forge has no such repository",
        ),
        (
            "fatal: unable to access 'http://h/': Failed to connect to h port 1 after 0 ms: \
             Couldn't connect to server",
            "the forge cannot be reached",
        ),
        (
            "fatal: unable to access 'http://h/': The requested URL returned error: 302",
            "the forge sends us elsewhere",
        ),
        (
            "fatal: unable to access 'http://h/': The requested URL returned error: 503",
            "the forge has trouble of its own",
        ),
        (
            "fatal: could not read Username for 'http://h': terminal prompts disabled",
            "the forge asks for credentials",
        ),
    ] {
        let err = explain(said);
        assert!(
            matches!(err, GitError::SourceUnavailable { .. }),
            "{said}: {err:?}"
        );
        assert_eq!(err.to_string(), ours);
    }
    let missing = explain("fatal: remote error: upload-pack: not our ref 12ab");
    assert!(matches!(missing, GitError::NoSuchCommit), "{missing:?}");
    let refused =
        explain("error: object 1: hasDotdot: contains '..'\nfatal: fsck error in packed object");
    assert!(matches!(refused, GitError::Refused { .. }), "{refused:?}");
    assert!(
        refused
            .to_string()
            .ends_with("malformed objects: hasDotdot")
    );
    // What a forge says is no fault of this machine's, nor of ours.
    for said in [
        "remote: No space left on device\nfatal: early EOF",
        "fatal: remote error: No space left on device",
        "remote: fatal: Out of memory, malloc failed\nfatal: protocol error",
    ] {
        let theirs = explain(said);
        assert!(
            matches!(theirs, GitError::SourceUnavailable { .. }),
            "{said}: {theirs:?}"
        );
    }
    for (said, ours) in [
        ("error: index-pack died of signal 24", "the 60 s of a fetch"),
        ("fatal: write error: File too large", "more than 512 MiB"),
        (
            "fatal: Out of memory, malloc failed (tried 9 bytes)",
            "the 1024 MiB of a fetch",
        ),
    ] {
        let told = explain(said).to_string();
        assert!(told.ends_with(ours), "{told}");
    }
    let full = explain("fatal: write error: No space left on device");
    assert!(full.is_transient(), "{full:?}");
    let odd = explain("warning: x\nfatal: loose object 1 is corrupt\n\n");
    assert!(matches!(odd, GitError::Corrupt { .. }), "{odd:?}");
}

#[test]
fn last_words_hold_no_url() {
    let said = "a\nfatal: unable to access 'https://u:p@h/x/': odd\u{7}\n";
    assert_eq!(last_words(said), "fatal: unable to access … odd");
    assert_eq!(last_words(&"x".repeat(500)).len(), SAID_CHARS_MAX);
    assert_eq!(last_words(""), "");
}
