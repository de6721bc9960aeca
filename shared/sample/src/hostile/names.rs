//! Owns the repositories whose names lie: paths that leave, look-alikes of `.git`, names that no
//! terminal should see.

use crate::hostile::Expected::{Kept, NotKept, Refused};
use crate::hostile::What::{Blob, Tree};
use crate::hostile::{Expected, Hostile, Make, Planted};

const X: super::What = Blob(b"x\n");
const CONFIG: &[Planted] = &[(
    "100644",
    b"config",
    Blob(b"[core]\n\tfsmonitor = touch CANARY\n"),
)];

const fn file(name: &'static str, entry: &'static [Planted], expected: Expected) -> Hostile {
    Hostile {
        name,
        make: Make::Tree(entry),
        expected,
    }
}

/// Every look-alike is a folder with a configuration in it.
macro_rules! look_alike {
    ($what:literal, $name:literal) => {
        file(
            $what,
            &[("40000", $name, Tree(CONFIG))],
            Refused("malformed objects: hasDotgit"),
        )
    };
}

pub(super) const CORPUS: &[Hostile] = &[
    file(
        "a folder ..",
        &[("40000", b"..", Tree(CONFIG))],
        Refused("malformed objects: hasDotdot"),
    ),
    file(
        "a folder .",
        &[("40000", b".", Tree(CONFIG))],
        Refused("malformed objects: hasDot"),
    ),
    file(
        "a name with slashes that leave",
        &[("100644", b"../../evil", X)],
        Refused("malformed objects: fullPathname"),
    ),
    file(
        "an absolute path",
        &[("100644", b"/etc/evil", X)],
        Refused("malformed objects: fullPathname"),
    ),
    file(
        "backslashes that leave",
        &[("100644", b"..\\..\\evil", X)],
        Refused("path has a part . or .."),
    ),
    file("an empty name", &[("100644", b"", X)], NotKept),
    look_alike!(".git", b".git"),
    look_alike!(".git in capitals", b".GIT"),
    look_alike!(".git as NTFS shortens it", b"git~1"),
    look_alike!(".git with a blank", b".git "),
    look_alike!(".git with a dot", b".git."),
    look_alike!(".git as a stream of NTFS", b".git::$INDEX_ALLOCATION"),
    look_alike!(".git with what HFS+ ignores", b".g\xe2\x80\x8cit"),
    file(
        ".git behind a backslash",
        &[("100644", b"a\\.git\\config", X)],
        Refused(""),
    ),
    file(
        "names for terminals and other encodings",
        &[
            ("100644", b"\x1b[2J\x1b]0;owned\x07", X),
            ("100644", b"-rf", X),
            ("100644", b"a\nb\tc", X),
            ("100644", b"caf\xe9", X),
            ("100644", b"\xff\xfe", X),
        ],
        Kept(&[
            r"-rf",
            r"\x1b[2J\x1b]0;owned\x07",
            r"a\x0ab\x09c",
            r"caf\xe9",
            r"\xff\xfe",
        ]),
    ),
    file(
        "names that differ by case alone",
        &[("100644", b"README", X), ("100644", b"readme", X)],
        Kept(&["README", "readme"]),
    ),
    file(
        "a name of 255 bytes",
        &[("100644", &[b'n'; 255], X)],
        Kept(&[]),
    ),
    file(
        "a name of 256 bytes",
        &[("100644", &[b'n'; 256], X)],
        Refused("has a part of 256 bytes, more than 255"),
    ),
];
