//! An archive as a tree of files. It is expanded once to be indexed; small files are kept on that way, the
//! others are expanded again when they are read. Links may come before their targets, none leaves the tree.

use super::Limits;
use super::budget::Share;
use super::intake::Received;
use crate::Error;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use keyfill_files::{Entry, FileError, FileErrorKind, Files, Found, Kind, TreePath, follow};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Mutex;

/// A file above this is not kept on the way: what rendering reads is smaller, and it is expanded when asked for.
const LARGEST_KEPT: u64 = 1 << 20;

/// The same for a file that lies elsewhere in the repository and whose name says nothing of manifests: most of
/// them are never asked for.
const LARGEST_KEPT_ELSEWHERE: u64 = 16 << 10;

/// Endings of what is read from other places of the repository: bases, components, values, charts.
const MANIFEST_ENDINGS: [&str; 6] = [".yaml", ".yml", ".json", ".tpl", ".tgz", "kustomization"];

/// The files of an archive. They are read-only and live as long as their request.
pub struct ArchiveFiles {
    received: Received,
    nodes: BTreeMap<TreePath, Node>,
    limits: Limits,
    /// The part of the budget that the kept files take.
    _share: Mutex<Share>,
}

/// What the archive holds at a path.
enum Node {
    Dir,
    /// Its content, where it was kept, else its size.
    File(Result<Bytes, u64>),
    Link(String),
    /// A hard link: another path of the archive.
    Same(TreePath),
    Other,
}

impl ArchiveFiles {
    /// Indexes an archive. `.git` is skipped. Files of the app's folder and files with the names of manifests are kept first.
    pub fn index(received: Received, app: &TreePath, limits: Limits) -> Result<Self, Error> {
        let mut indexer = Indexer {
            app,
            nodes: BTreeMap::from([(TreePath::root(), Node::Dir)]),
            limits,
            share: received.budget.share(),
            kept: 0,
        };
        let walked = received.bytes.read(|compressed| indexer.walk(compressed));
        walked.map_err(|e| Error::io("cannot read the archive", e))??;
        Ok(Self { nodes: indexer.nodes, limits, _share: Mutex::new(indexer.share), received })
    }

    fn follow(&self, path: &TreePath) -> Result<(TreePath, Kind), FileError> {
        follow(path, |next| match self.nodes.get(next) {
            Some(Node::Dir) => Ok(Found::Is(Kind::Dir)),
            Some(Node::File(_)) => Ok(Found::Is(Kind::File)),
            Some(Node::Other) => Ok(Found::Is(Kind::Other)),
            // An absolute target names a place of the sender's disk, not one of the archive.
            Some(Node::Link(target)) if target.starts_with('/') => {
                Err(FileError::new(path, FileErrorKind::Escapes))
            }
            Some(Node::Link(target)) => Ok(Found::Link(target.clone())),
            Some(Node::Same(target)) => Ok(Found::LinkFromRoot(target.as_str().to_owned())),
            None => Err(FileError::new(path, FileErrorKind::NotFound)),
        })
    }

    /// Expands the archive again up to one file.
    fn expand(&self, path: &TreePath) -> io::Result<Option<Bytes>> {
        self.received.bytes.read(|compressed| {
            let mut archive = tar::Archive::new(MultiGzDecoder::new(compressed));
            // Of a path that occurs twice the last one counts, as when it is unpacked.
            let mut found = None;
            for entry in archive.entries()? {
                let mut entry = entry?;
                if entry.header().entry_type().is_file() && place_of(&entry).as_ref() == Some(path) {
                    let mut content = Vec::new();
                    (&mut entry).take(self.limits.file).read_to_end(&mut content)?;
                    found = Some(content.into());
                }
            }
            Ok(found)
        })?
    }
}

struct Indexer<'a> {
    app: &'a TreePath,
    nodes: BTreeMap<TreePath, Node>,
    limits: Limits,
    share: Share,
    kept: u64,
}

/// Counts what comes out of the decompression and ends it at a bound.
struct Bounded<R> {
    inner: R,
    left: u64,
}

/// Marks the error of an archive that expands beyond its bound.
const BOMB: &str = "expands beyond its bound";

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| io::Error::other(BOMB))?;
        Ok(n)
    }
}

impl Indexer<'_> {
    fn walk(&mut self, compressed: &mut dyn Read) -> Result<(), Error> {
        let expanded = self.limits.expanded;
        let broken = |e: io::Error| {
            if e.to_string().contains(BOMB) {
                return Error::limit(format!("the archive expands to more than {} MiB", expanded >> 20));
            }
            Error::request(format!("the archive is broken: {e}"))
        };
        let mut archive =
            tar::Archive::new(Bounded { inner: MultiGzDecoder::new(compressed), left: expanded });
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            self.add(&mut entry).map_err(|refused| refused.unwrap_or_else(broken))?;
        }
        Ok(())
    }

    /// Takes one entry in. The error is ours, or one of the archive's own.
    fn add(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> Result<(), Refused> {
        if self.nodes.len() >= self.limits.entries {
            return Err(
                Error::limit(format!("the archive has more than {} entries", self.limits.entries)).into()
            );
        }
        if entry.path_bytes().len() > self.limits.path {
            return Err(Error::limit(format!(
                "the archive has a path longer than {} bytes",
                self.limits.path
            ))
            .into());
        }
        let Some(path) = place_of(entry) else {
            let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            return Err(Error::request(format!("the archive's path {shown:?} leaves the repository")).into());
        };
        if path.is_root() || path.parts().any(|part| part == ".git") {
            return Ok(());
        }
        let node = self.node(entry, &path)?;
        self.add_folders(&path);
        self.nodes.insert(path, node);
        Ok(())
    }

    fn node(&mut self, entry: &mut tar::Entry<'_, impl Read>, path: &TreePath) -> Result<Node, Refused> {
        let link = |entry: &tar::Entry<'_, _>| {
            let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned);
            target.and_then(|name| String::from_utf8(name).ok())
        };
        let kind = entry.header().entry_type();
        Ok(if kind.is_dir() {
            Node::Dir
        } else if kind.is_symlink() {
            link(entry).map_or(Node::Other, Node::Link)
        } else if kind.is_hard_link() {
            link(entry).and_then(|name| TreePath::new(&name)).map_or(Node::Other, Node::Same)
        } else if kind.is_file() {
            let size = entry.size();
            if self.keeps(path, size) {
                let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
                entry.read_to_end(&mut content)?;
                Node::File(Ok(content.into()))
            } else {
                Node::File(Err(size))
            }
        } else {
            Node::Other
        })
    }

    /// Whether a file is kept; then its part of the bounds is taken.
    fn keeps(&mut self, path: &TreePath, size: u64) -> bool {
        let near =
            path.is_within(self.app) || MANIFEST_ENDINGS.iter().any(|end| path.as_str().ends_with(end));
        let most = if near { LARGEST_KEPT } else { LARGEST_KEPT_ELSEWHERE };
        // What lies elsewhere leaves room for what is near and comes later.
        let bound = if near { self.limits.kept } else { self.limits.kept / 4 };
        let keeps = size <= most && self.kept + size <= bound && self.share.take(size);
        self.kept += if keeps { size } else { 0 };
        keeps
    }

    /// The folders on the way to a path, which not every archive names.
    fn add_folders(&mut self, path: &TreePath) {
        let mut above = path.parent();
        while let Some(dir) = above {
            above = dir.parent();
            if let Some(Node::Dir) = self.nodes.get(&dir) {
                return;
            }
            self.nodes.insert(dir, Node::Dir);
        }
    }
}

/// An error while an entry is taken in.
enum Refused {
    Ours(Error),
    Io(io::Error),
}

impl Refused {
    fn unwrap_or_else(self, of_io: impl FnOnce(io::Error) -> Error) -> Error {
        match self {
            Self::Ours(error) => error,
            Self::Io(error) => of_io(error),
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Where an entry belongs; `None` when that is outside of the tree, or no UTF-8.
fn place_of(entry: &tar::Entry<'_, impl Read>) -> Option<TreePath> {
    let path = entry.path_bytes();
    let text = std::str::from_utf8(&path).ok()?;
    TreePath::new(text.strip_suffix('/').unwrap_or(text))
}

impl Files for ArchiveFiles {
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError> {
        let (real, kind) = self.follow(path)?;
        match (kind, self.nodes.get(&real)) {
            (_, Some(Node::File(Ok(content)))) => Ok(content.clone()),
            (_, Some(Node::File(Err(size)))) if *size > self.limits.file => {
                Err(FileError::new(path, FileErrorKind::TooLarge))
            }
            (_, Some(Node::File(Err(_)))) => {
                let content = self.expand(&real).map_err(|e| FileError::io(path, e))?;
                content.ok_or_else(|| FileError::new(path, FileErrorKind::NotFound))
            }
            (Kind::Dir, _) => Err(FileError::new(path, FileErrorKind::IsDir)),
            _ => Err(FileError::new(path, FileErrorKind::NotRegular)),
        }
    }

    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError> {
        let (real, kind) = self.follow(dir)?;
        if kind != Kind::Dir {
            return Err(FileError::new(dir, FileErrorKind::NotDir));
        }
        let depth = real.parts().count() + 1;
        let below = self
            .nodes
            .range(real.clone()..)
            .take_while(|(path, _)| path.is_within(&real) || is_between(path, &real));
        let mut entries = Vec::new();
        for (path, node) in below.filter(|(path, _)| path.is_within(&real) && path.parts().count() == depth) {
            let is_link = matches!(node, Node::Link(_));
            let kind = self.follow(path).map_or(Kind::Other, |(_, kind)| kind);
            entries.push(Entry { name: path.name().to_owned(), kind, is_link });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn resolve(&self, path: &TreePath) -> Result<(TreePath, Kind), FileError> {
        self.follow(path)
    }
}

/// Whether a path sorts among those below `dir` without being one: `a-b` lies between `a` and `a/x`.
fn is_between(path: &TreePath, dir: &TreePath) -> bool {
    path.as_str().starts_with(dir.as_str())
}

#[cfg(test)]
mod tests {
    use super::ArchiveFiles;
    use crate::Error;
    use crate::archive::{Budget, Intake, Limits};
    use flate2::{Compression, write::GzEncoder};
    use keyfill_files::{FileErrorKind, Files, TreePath};
    use sha2::{Digest as _, Sha256};

    enum Put<'a> {
        File(&'a str, &'a [u8]),
        Link(&'a str, &'a str),
    }

    fn archive(entries: &[Put<'_>]) -> Vec<u8> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for entry in entries {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            match entry {
                Put::File(path, content) => {
                    header.set_size(content.len() as u64);
                    // The builder's own check of paths is what these tests go round.
                    header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
                    header.set_cksum();
                    tar.append(&header, *content).unwrap();
                }
                Put::Link(path, target) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    header.set_size(0);
                    header.set_link_name_literal(target).unwrap();
                    header.set_path(path).unwrap();
                    header.set_cksum();
                    tar.append(&header, &[][..]).unwrap();
                }
            }
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    fn index(bytes: &[u8], limits: Limits, memory: u64) -> Result<ArchiveFiles, Error> {
        let mut intake = Intake::new(bytes.len() as i64, limits, &Budget::new(memory))?;
        intake.push(bytes)?;
        let sum: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        ArchiveFiles::index(intake.finish(&sum)?, &at("app"), limits)
    }

    fn at(path: &str) -> TreePath {
        TreePath::new(path).unwrap()
    }

    #[test]
    fn files_are_read_whether_they_were_kept_or_not() {
        let big = vec![b'x'; 2 << 20];
        let bytes = archive(&[
            Put::Link("app/link", "../base/a"),
            Put::File("base/a", b"content"),
            Put::File("base/big", &big),
            Put::File("app-2/x", b""),
            Put::File(".git/config", b"secret"),
        ]);
        for memory in [0, 10, 1 << 30] {
            let files = index(&bytes, Limits::default(), memory).unwrap();
            assert_eq!(&files.read(&at("app/link")).unwrap()[..], b"content");
            assert_eq!(files.read(&at("base/big")).unwrap().len(), big.len());
            assert_eq!(files.read(&at(".git/config")).unwrap_err().kind(), FileErrorKind::NotFound);
            let names =
                |dir: &str| files.list(&at(dir)).unwrap().into_iter().map(|e| e.name).collect::<Vec<_>>();
            assert_eq!(names(""), ["app", "app-2", "base"]);
            assert_eq!(
                (names("app"), names("base")),
                (vec!["link".to_owned()], vec!["a".to_owned(), "big".to_owned()])
            );
        }
    }

    #[test]
    fn no_link_leaves_the_tree() {
        let bytes = archive(&[
            Put::Link("out", "../etc/passwd"),
            Put::Link("abs", "/etc/passwd"),
            Put::Link("a", "b"),
            Put::Link("b", "a"),
        ]);
        let files = index(&bytes, Limits::default(), 1 << 20).unwrap();
        let kind = |path: &str| files.read(&at(path)).unwrap_err().kind();
        assert_eq!(
            (kind("out"), kind("abs"), kind("a")),
            (FileErrorKind::Escapes, FileErrorKind::Escapes, FileErrorKind::LinkLoop)
        );
    }

    #[test]
    fn hostile_archives_are_refused() {
        let zeros = vec![0; 4 << 20];
        let cases = [
            (archive(&[Put::File("../x", b"")]), Limits::default(), "leaves the repository"),
            (archive(&[Put::File("/etc/x", b"")]), Limits::default(), "leaves the repository"),
            (
                archive(&[Put::File("z", &zeros)]),
                Limits { expanded: 1 << 20, ..Limits::default() },
                "expands to more",
            ),
            (
                archive(&[Put::File("a", b""), Put::File("b", b"")]),
                Limits { entries: 2, ..Limits::default() },
                "entries",
            ),
            (
                archive(&[Put::File("a/long/path", b"")]),
                Limits { path: 5, ..Limits::default() },
                "longer than 5",
            ),
            (b"not gzip".to_vec(), Limits::default(), "broken"),
            (archive(&[Put::File("a", &zeros)])[..200].to_vec(), Limits::default(), "broken"),
        ];
        for (bytes, limits, why) in cases {
            let error = index(&bytes, limits, 1 << 30).err().unwrap().to_string();
            assert!(error.contains(why), "{error}");
        }
        let bytes = archive(&[Put::File("a", &zeros)]);
        let files = index(&bytes, Limits { file: 100, ..Limits::default() }, 1 << 30).unwrap();
        assert_eq!(files.read(&at("a")).unwrap_err().kind(), FileErrorKind::TooLarge);
    }
}
