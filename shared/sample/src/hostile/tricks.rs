//! Owns the repositories whose content would have somebody do something: submodules, attributes,
//! hooks, links, odd modes.

use crate::hostile::Expected::{Kept, NotKept, Refused};
use crate::hostile::What::{Blob, Commit, Tree};
use crate::hostile::{Expected, Hostile, Make, Planted};

const SCRIPT: super::What = Blob(b"#!/bin/sh\ntouch CANARY\n");
const X: super::What = Blob(b"x\n");
/// What no filter, no conversion and no keyword may change.
const TEXT: super::What = Blob(b"$Id$ $Format:%H$\r\n\xef\xbb\xbf\r\n");
/// A pointer of Git LFS.
const POINTER: super::What = Blob(
    b"version https://git-lfs.github.com/spec/v1\n\
      oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n",
);
const CONFIG: super::What = Blob(
    b"[core]\n\tbare = true\n\tfsmonitor = touch CANARY\n\tsshCommand = touch CANARY\n\
      [include]\n\tpath = /etc/gitconfig\n[filter \"evil\"]\n\tsmudge = touch CANARY\n",
);

const fn tree(name: &'static str, entries: &'static [Planted], expected: Expected) -> Hostile {
    Hostile {
        name,
        make: Make::Tree(entries),
        expected,
    }
}

macro_rules! modules {
    ($what:literal, $text:literal, $fault:literal) => {
        tree(
            $what,
            &[
                ("100644", b".gitmodules", Blob($text)),
                ("160000", b"sub", Commit),
            ],
            Refused($fault),
        )
    };
}

macro_rules! mode {
    ($what:literal, $mode:literal, $expected:expr) => {
        tree($what, &[($mode, b"odd", X)], $expected)
    };
}

pub(super) const CORPUS: &[Hostile] = &[
    modules!(
        "a submodule whose URL is an option",
        b"[submodule \"a\"]\n\tpath = sub\n\turl = -u./payload\n",
        "malformed objects: gitmodulesUrl"
    ),
    modules!(
        "a submodule whose name leaves",
        b"[submodule \"../../hooks\"]\n\tpath = sub\n\turl = https://forge.invalid/a\n",
        "malformed objects: gitmodulesName"
    ),
    modules!(
        "a submodule whose path is an option",
        b"[submodule \"a\"]\n\tpath = -sub\n\turl = https://forge.invalid/a\n",
        "malformed objects: gitmodulesPath"
    ),
    modules!(
        "a submodule that is updated by a command",
        b"[submodule \"a\"]\n\tpath = sub\n\turl = https://forge.invalid/a\n\tupdate = !touch CANARY\n",
        "malformed objects: gitmodulesUpdate"
    ),
    tree(
        "a submodule with a carriage return in its path",
        &[
            (
                "100644",
                b".gitmodules",
                Blob(b"[submodule \"a\"]\n\tpath = \"sub\r\"\n\turl = http://127.0.0.1:1/a\n"),
            ),
            ("160000", b"sub", Commit),
            ("120000", b"sub\r", Blob(b".git/modules/sub/hooks")),
        ],
        Kept(&["sub", r"sub\x0d", ".gitmodules"]),
    ),
    tree(
        ".gitmodules as a link",
        &[("120000", b".gitmodules", Blob(b"/etc/passwd"))],
        Refused("malformed objects: gitmodulesSymlink"),
    ),
    tree(
        "attributes that would filter and convert",
        &[
            (
                "100644",
                b".gitattributes",
                Blob(
                    b"* filter=evil diff=evil merge=evil ident text eol=crlf export-subst\n\
                      *.lfs filter=lfs -text\na.txt working-tree-encoding=UTF-16\n",
                ),
            ),
            ("100644", b"a.txt", TEXT),
            ("100644", b"big.lfs", POINTER),
        ],
        Kept(&["a.txt", "big.lfs"]),
    ),
    tree(
        "hooks, configurations and a bare repository inside",
        &[
            ("100644", b".gitconfig", CONFIG),
            ("100644", b".netrc", X),
            ("100644", b"HEAD", Blob(b"ref: refs/heads/main\n")),
            ("100644", b"config", CONFIG),
            ("40000", b"hooks", Tree(&[("100755", b"post-checkout", SCRIPT)])),
            ("40000", b"objects", Tree(&[("100644", b"a", X)])),
            ("40000", b"refs", Tree(&[("100644", b"a", X)])),
        ],
        Kept(&["HEAD", "config", "hooks/post-checkout"]),
    ),
    tree(
        "links out, to nowhere, and in a circle",
        &[
            ("120000", b"absolute", Blob(b"/etc/passwd")),
            ("120000", b"circle", Blob(b"circle2")),
            ("120000", b"circle2", Blob(b"circle")),
            ("120000", b"dangling", Blob(b"nowhere/at/all")),
            ("120000", b"itself", Blob(b"itself")),
            ("120000", b"out", Blob(b"../../../../../../etc")),
            ("120000", b"proc", Blob(b"/proc/self/root")),
        ],
        Kept(&["absolute", "circle", "dangling", "itself", "out"]),
    ),
    tree(
        "a link whose target is longer than Linux takes",
        &[("120000", b"long", Blob(&[b'l'; 5000]))],
        Refused(""),
    ),
    tree(
        "a file through a link of the same name",
        &[
            ("120000", b"d", Blob(b"/tmp")),
            ("40000", b"d", Tree(&[("100644", b"evil", X)])),
        ],
        Refused("malformed objects: duplicateEntries"),
    ),
    tree(
        "a file and a folder of the same name, apart",
        &[
            ("100644", b"d", X),
            ("100644", b"d.txt", X),
            ("40000", b"d", Tree(&[("100644", b"evil", X)])),
        ],
        Refused("malformed objects: duplicateEntries"),
    ),
    tree(
        "a name twice",
        &[("100644", b"d", X), ("100755", b"d", SCRIPT)],
        Refused("malformed objects: duplicateEntries"),
    ),
    tree(
        "a tree that is not sorted",
        &[("100644", b"b", X), ("100644", b"a", X)],
        Refused("malformed objects: treeNotSorted"),
    ),
    // git reads what is neither file nor link nor folder as a commit of another repository.
    mode!("a pipe", "10644", Kept(&["odd"])),
    mode!("a device", "20644", Kept(&["odd"])),
    mode!("a socket", "140755", Kept(&["odd"])),
    mode!("a file of another mode", "100666", Kept(&["odd"])),
    mode!("a file with the set-uid bit", "104755", Kept(&["odd"])),
    mode!("a mode with a leading zero", "0100644", Refused("zeroPaddedFilemode")),
    mode!("a mode that is no number", "banana", NotKept),
    mode!("a blob that is called a folder", "40000", NotKept),
];
