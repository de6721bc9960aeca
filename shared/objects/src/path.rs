//! Owns the path of a tree's entry: bytes that cannot leave the tree, nor pass for `.git` on any
//! file system, and their escaped text.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Why a path was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum BadPath {
    /// The path, or a part of it, is empty.
    #[error("path has an empty part")]
    Empty,
    /// A part is `.` or `..`.
    #[error("path has a part . or ..")]
    Dots,
    /// It holds a NUL byte.
    #[error("path holds a NUL byte")]
    Nul,
    /// A part is `.git`, or some file system would take it for that.
    #[error("path has a part that passes for .git")]
    DotGit,
    /// The text is not the one way to write a path.
    #[error("path is not escaped as it should be")]
    Escape,
}

/// The path of an entry, relative to the tree's root; parts are joined by `/`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreePath(Vec<u8>);

impl TreePath {
    /// Takes a path's raw bytes, as git has them.
    ///
    /// # Errors
    /// [`BadPath`] says which rule the path breaks.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, BadPath> {
        let bytes = bytes.into();
        if bytes.contains(&0) {
            return Err(BadPath::Nul);
        }
        for part in bytes.split(|&byte| byte == b'/') {
            match part {
                b"" => return Err(BadPath::Empty),
                b"." | b".." => return Err(BadPath::Dots),
                // On Windows a backslash separates too; it is an ordinary byte elsewhere.
                _ if part.split(|&byte| byte == b'\\').any(|part| part == b"..") => {
                    return Err(BadPath::Dots);
                }
                _ if part.split(|&byte| byte == b'\\').any(passes_for_dot_git) => {
                    return Err(BadPath::DotGit);
                }
                _ => {}
            }
        }
        Ok(Self(bytes))
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many parts it has.
    pub fn depth(&self) -> usize {
        self.0.split(|&byte| byte == b'/').count()
    }

    /// The paths of the folders it lies in, the outermost first.
    pub fn folders(&self) -> impl Iterator<Item = &[u8]> {
        self.0
            .iter()
            .enumerate()
            .filter(|&(_, &byte)| byte == b'/')
            .map(|(at, _)| &self.0[..at])
    }
}

/// Whether `part` is `.git`, or is taken for it on a file system that ignores case, on NTFS
/// (`git~1`, trailing dots and spaces, a stream behind a colon) or on HFS+ (ignored code points).
/// The rules are git's own, from `path.c` and `utf8.c`.
fn passes_for_dot_git(part: &[u8]) -> bool {
    let visible = without_ignored_by_hfs(part);
    if visible.eq_ignore_ascii_case(b".git") {
        return true;
    }
    [&b".git"[..], b"git~1"].iter().any(|name| {
        let Some((head, tail)) = visible.split_at_checked(name.len()) else {
            return false;
        };
        let before_stream = tail.split(|&byte| byte == b':').next().unwrap_or_default();
        head.eq_ignore_ascii_case(name)
            && before_stream
                .iter()
                .all(|&byte| byte == b'.' || byte == b' ')
    })
}

/// Drops the code points that HFS+ ignores when it compares names.
fn without_ignored_by_hfs(part: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(part.len());
    let mut rest = part;
    while let Some((&first, after)) = rest.split_first() {
        let ignored = match rest {
            [0xe2, 0x80, last, ..] => matches!(last, 0x8c..=0x8f | 0xaa..=0xae),
            [0xe2, 0x81, last, ..] => matches!(last, 0xaa..=0xaf),
            [0xef, 0xbb, 0xbf, ..] => true,
            _ => false,
        };
        if ignored {
            rest = &rest[3..];
        } else {
            kept.push(first);
            rest = after;
        }
    }
    kept
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&self.0))
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreePath({self})")
    }
}

impl FromStr for TreePath {
    type Err = BadPath;

    /// Reads the escaped text back. Only the text that [`fmt::Display`] writes is taken.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = Self::new(unescape(text).ok_or(BadPath::Escape)?)?;
        if path.to_string() == text {
            Ok(path)
        } else {
            Err(BadPath::Escape)
        }
    }
}

/// Writes bytes as printable ASCII: others, and the backslash, as `\xhh`.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' | ..0x20 | 0x7f.. => text.push_str(&format!("\\x{byte:02x}")),
            _ => text.push(char::from(byte)),
        }
    }
    text
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'\\' {
            let digits = after.strip_prefix(b"x")?.get(..2)?;
            let digits = std::str::from_utf8(digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[3..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back_what_it_writes() {
        for (bytes, text) in [
            (&b"calc.sh"[..], "calc.sh"),
            (b"a b/c", "a b/c"),
            (b"caf\xc3\xa9", r"caf\xc3\xa9"),
            (b"\xff\n\\", r"\xff\x0a\x5c"),
            (b".gitignore", ".gitignore"),
        ] {
            let path = TreePath::new(bytes).unwrap();
            assert_eq!(path.to_string(), text);
            assert_eq!(text.parse(), Ok(path));
        }
        for bad in [
            r"\x61", r"\xFF", r"\", r"\x", r"\xf", r"\n", r"\xg0", "é", r"\x+f",
        ] {
            assert_eq!(bad.parse::<TreePath>(), Err(BadPath::Escape), "{bad}");
        }
    }

    #[test]
    fn a_path_that_could_leave_the_tree_is_refused() {
        for (bytes, why) in [
            (&b""[..], BadPath::Empty),
            (b"/etc", BadPath::Empty),
            (b"a//b", BadPath::Empty),
            (b"a/", BadPath::Empty),
            (b"..", BadPath::Dots),
            (b"a/../b", BadPath::Dots),
            (b"./a", BadPath::Dots),
            (b"..\\a", BadPath::Dots),
            (b"a/b\\..\\c", BadPath::Dots),
            (b"a\0b", BadPath::Nul),
        ] {
            assert_eq!(TreePath::new(bytes), Err(why), "{}", escape(bytes));
        }
        for good in [&b"..."[..], b"a..b", b"..a"] {
            assert!(TreePath::new(good).is_ok(), "{}", escape(good));
        }
    }

    #[test]
    fn a_path_that_passes_for_dot_git_on_any_file_system_is_refused() {
        for bad in [
            &b".git"[..],
            b".GIT/config",
            b"a/.Git/hooks/x",
            b"git~1",
            b"GIT~1/x",
            b".git. .",
            b".git ",
            b".git::$INDEX_ALLOCATION/x",
            b"git~1...:x",
            b"a\\.git\\config",
            b".g\xe2\x80\x8cit",
            b"\xef\xbb\xbf.git",
            b".gi\xe2\x81\xaft",
        ] {
            assert_eq!(TreePath::new(bad), Err(BadPath::DotGit), "{}", escape(bad));
        }
        for good in [
            &b".gitignore"[..],
            b".github/x",
            b"git",
            b"git~2",
            b"a.git",
            b".git~1",
        ] {
            assert!(TreePath::new(good).is_ok(), "{}", escape(good));
        }
    }

    #[test]
    fn folders_come_outermost_first() {
        let path = TreePath::new(*b"a/b/c").unwrap();
        assert_eq!(path.folders().collect::<Vec<_>>(), [&b"a"[..], b"a/b"]);
        assert_eq!(path.depth(), 3);
    }
}
