//! One folder of a commit: what lies directly in it. A folder is fetched, stored and locked as a unit. So a lock
//! covers the folders whose files are used, and the contents of other folders need not be fetched.
//!
//! Its bytes are a header and a record for each entry, sorted by name: mode, size of the content, name, a NUL byte
//! and the content. The content of a link is its target, that of a submodule its commit. The SHA-256 of these bytes
//! is what a lock file holds.

use crate::Digest;
use bytes::Bytes;
use std::collections::BTreeMap;

/// The header of a folder's bytes.
const HEAD: &[u8] = b"keyfill folder 1\n";

/// An entry of a folder.
pub(super) enum Part<'a> {
    /// A folder, without what lies in it.
    Folder,
    /// A submodule: the 40 digits of its commit.
    Submodule(&'a str),
    /// A symbolic link: its target.
    Link(&'a str),
    /// A file: its content, and whether it is executable.
    File(&'a [u8], bool),
}

/// The bytes of a folder; its entries must be sorted by name.
pub(super) fn encode<'a>(entries: impl Iterator<Item = (&'a str, Part<'a>)>) -> Vec<u8> {
    let mut bytes = HEAD.to_vec();
    for (name, part) in entries {
        let (mode, content) = match part {
            Part::Folder => ('d', None),
            Part::Submodule(commit) => ('s', Some(commit.as_bytes())),
            Part::Link(target) => ('l', Some(target.as_bytes())),
            Part::File(content, is_program) => (if is_program { 'x' } else { 'f' }, Some(content)),
        };
        let content = content.unwrap_or_default();
        bytes.extend_from_slice(format!("{mode} {} {name}\0", content.len()).as_bytes());
        bytes.extend_from_slice(content);
    }
    bytes
}

/// The files of a folder.
#[derive(Debug)]
pub(crate) struct Folder {
    files: BTreeMap<String, Bytes>,
    digest: Digest,
}

impl Folder {
    /// Parses the bytes of a folder; `None` if they are not valid.
    pub(crate) fn read(bytes: &Bytes) -> Option<Self> {
        let mut files = BTreeMap::new();
        let mut at = HEAD.len();
        bytes.starts_with(HEAD).then_some(())?;
        while at < bytes.len() {
            let end = at + bytes[at..].iter().position(|byte| *byte == 0)?;
            let mut words = std::str::from_utf8(&bytes[at..end]).ok()?.splitn(3, ' ');
            let (mode, size, name) = (words.next()?, words.next()?, words.next()?);
            let (start, size) = (end + 1, size.parse::<usize>().ok()?);
            at = start.checked_add(size).filter(|end| *end <= bytes.len())?;
            match mode {
                "f" | "x" => drop(files.insert(name.to_owned(), bytes.slice(start..at))),
                "d" | "s" | "l" => {}
                _ => return None,
            }
        }
        Some(Self { files, digest: Digest::of(bytes) })
    }

    /// The digest that a lock file holds for the folder.
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    /// The content of a file in the folder.
    pub(super) fn file(&self, name: &str) -> Option<Bytes> {
        self.files.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::{Folder, HEAD, Part, encode};
    use bytes::Bytes;

    fn folder(parts: Vec<(&'static str, Part<'static>)>) -> Bytes {
        encode(parts.into_iter()).into()
    }

    #[test]
    fn files_come_back_as_they_were_written() {
        let bytes = folder(vec![
            ("a b", Part::File(b"one\0two", false)),
            ("base", Part::Folder),
            ("empty", Part::File(b"", true)),
            ("link", Part::Link("a b")),
            ("sub", Part::Submodule("0123456789012345678901234567890123456789")),
        ]);
        let read = Folder::read(&bytes).expect("a folder");
        assert_eq!(read.file("a b").as_deref(), Some(&b"one\0two"[..]));
        assert_eq!(read.file("empty").as_deref(), Some(&b""[..]));
        for name in ["base", "link", "sub", "none"] {
            assert!(read.file(name).is_none(), "{name}");
        }
    }

    #[test]
    fn the_digest_of_a_folder_depends_on_names_modes_and_contents() {
        let digest = |parts| Folder::read(&folder(parts)).expect("a folder").digest();
        let first = digest(vec![("a", Part::File(b"1", false)), ("b", Part::Folder)]);
        for other in [
            vec![("a", Part::File(b"2", false)), ("b", Part::Folder)],
            vec![("a", Part::File(b"1", true)), ("b", Part::Folder)],
            vec![("a", Part::File(b"1", false)), ("c", Part::Folder)],
            vec![("a", Part::File(b"1", false))],
            vec![("a", Part::Link("1")), ("b", Part::Folder)],
        ] {
            assert_ne!(digest(other), first);
        }
    }

    #[test]
    fn invalid_bytes_are_no_folder() {
        let broken = |rest: &[u8]| Folder::read(&[HEAD, rest].concat().into()).is_none();
        assert!(Folder::read(&Bytes::from_static(b"f 1 a\0x")).is_none(), "without its head");
        assert!(broken(b"f 9 a\0x") && broken(b"f 1 a") && broken(b"q 1 a\0x") && broken(b"f -1 a\0"));
        assert!(broken(b"f 18446744073709551615 a\0x"), "no number goes beyond the bytes");
        assert!(!broken(b""));
    }
}
