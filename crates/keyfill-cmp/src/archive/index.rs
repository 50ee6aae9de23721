//! An archive as a tree of files. It is expanded once for the index. Small files are kept in memory then; the
//! others are expanded again when they are read. Links may come before their targets, and never lead out of the
//! tree.

use super::Limits;
use super::packed::Packed;
use super::tree::{Growing, Id, Node, Tree};
use crate::Error;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use keyfill_diag::Cx;
use keyfill_files::{Entry, FileError, FileErrorKind, FileKind, Files, TreePath};
use std::io::{self, Read};
use std::ops::ControlFlow;

/// The most bytes of a file that is kept in memory. What rendering reads is usually smaller; a larger file is
/// expanded when it is read.
const LARGEST_KEPT: u64 = 1 << 20;

/// The most bytes of a file that is kept in memory although it is outside of the app's folder and its name is not
/// that of a manifest. Most of these are never read.
const LARGEST_KEPT_ELSEWHERE: u64 = 16 << 10;

/// How the names of files end that are read from other folders of the repository: bases, components, values,
/// charts.
const MANIFEST_ENDINGS: [&str; 6] = [".yaml", ".yml", ".json", ".tpl", ".tgz", "kustomization"];

/// The files of an archive, which are read-only.
pub struct ArchiveFiles {
    packed: Packed,
    tree: Tree,
    kept: Vec<Bytes>,
    limits: Limits,
    cx: Cx,
}

impl ArchiveFiles {
    /// Indexes an archive. `.git` is skipped. Files of the app's folder and files with names of manifests are
    /// preferred for being kept in memory. It is an error if `app` is not a folder of the archive.
    pub fn open(packed: Packed, app: &TreePath, limits: Limits, cx: &Cx) -> Result<Self, Error> {
        let mut indexer = Indexer { app, tree: Growing::new(), contents: Vec::new(), limits, kept: 0, cx };
        let walked = packed.read(|compressed| indexer.walk(compressed));
        walked.map_err(|e| Error::io("cannot read the archive", e))??;
        let (tree, kept) = (indexer.tree.finish(), indexer.contents);
        let files = Self { packed, tree, kept, limits, cx: cx.clone() };
        match files.resolve(app) {
            Ok((_, FileKind::Dir)) => Ok(files),
            Ok(_) => Err(Error::request(format!("the app's path {:?} is not a folder", app.as_str()))),
            Err(error) => {
                Err(Error::request(format!("the app's path {:?} cannot be used: {error}", app.as_str())))
            }
        }
    }

    /// Expands the archive again and calls `look` with each file, until `look` returns `Break`.
    fn expand(
        &self,
        mut look: impl FnMut(TreePath, &mut dyn Read) -> io::Result<ControlFlow<()>>,
    ) -> io::Result<()> {
        self.packed.read(|compressed| {
            let bounded = Bounded::new(compressed, self.limits.expanded, &self.cx);
            let mut archive = tar::Archive::new(bounded);
            for entry in archive.entries()? {
                let mut entry = entry?;
                let place = entry.header().entry_type().is_file().then(|| place_of(&entry)).flatten();
                if let Some(path) = place
                    && look(path, &mut entry)?.is_break()
                {
                    break;
                }
            }
            Ok(())
        })?
    }

    /// The content of a file that was not kept in memory.
    fn content(&self, path: &TreePath) -> io::Result<Option<Bytes>> {
        // If a path occurs twice, the last one counts, as when the archive is unpacked.
        let mut found = None;
        self.expand(|place, content| {
            if place == *path {
                found = Some(read_whole(content, self.limits.file)?);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    fn read_node(&self, path: &TreePath, id: Id) -> Result<Bytes, FileError> {
        match self.tree.node(id) {
            Node::File { kept: Some(number), .. } => Ok(self.kept[*number as usize].clone()),
            Node::File { size, .. } if *size > self.limits.file => {
                Err(FileError::new(path, FileErrorKind::TooLarge))
            }
            Node::File { .. } => {
                let content = self.content(&self.tree.path(id)).map_err(|e| FileError::io(path, e))?;
                content.ok_or_else(|| FileError::new(path, FileErrorKind::NotFound))
            }
            Node::Dir => Err(FileError::new(path, FileErrorKind::IsDir)),
            _ => Err(FileError::new(path, FileErrorKind::NotRegular)),
        }
    }
}

fn read_whole(content: &mut dyn Read, most: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    content.take(most).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

struct Indexer<'a> {
    app: &'a TreePath,
    tree: Growing,
    contents: Vec<Bytes>,
    limits: Limits,
    /// The bytes of all contents that are kept.
    kept: u64,
    cx: &'a Cx,
}

/// Decompresses, and fails beyond a number of bytes, or when the run's deadline is exceeded or the run is
/// cancelled.
struct Bounded<'a, R> {
    inner: MultiGzDecoder<R>,
    left: u64,
    cx: &'a Cx,
}

/// The message by which the error of an archive that expands to too many bytes is recognized.
const BOMB: &str = "expands beyond its bound";

impl<'a, R: Read> Bounded<'a, R> {
    fn new(compressed: R, most: u64, cx: &'a Cx) -> Self {
        Self { inner: MultiGzDecoder::new(compressed), left: most, cx }
    }
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.cx.check().map_err(|stopped| io::Error::other(stopped.to_string()))?;
        let n = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| io::Error::other(BOMB))?;
        Ok(n)
    }
}

impl Indexer<'_> {
    fn walk(&mut self, compressed: &mut dyn Read) -> Result<(), Error> {
        let cx = self.cx;
        let expanded = self.limits.expanded;
        let broken = |e: io::Error| {
            if e.to_string().contains(BOMB) {
                return Error::limit(format!("the archive expands to more than {} MiB", expanded >> 20));
            }
            match cx.check() {
                Err(stopped) => Error::stopped(format!("stopped while the archive was read: {stopped}")),
                Ok(()) => Error::request(format!("the archive is broken: {e}")),
            }
        };
        let mut archive = tar::Archive::new(Bounded::new(compressed, expanded, cx));
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            self.add(&mut entry).map_err(|refused| match refused {
                Refused::Ours(error) => error,
                Refused::Io(error) => broken(error),
            })?;
        }
        Ok(())
    }

    /// Adds an entry of the archive to the tree.
    fn add(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> Result<(), Refused> {
        let Limits { entries, path: longest, depth, .. } = self.limits;
        if entry.path_bytes().len() > longest {
            return Err(Error::limit(format!("the archive has a path longer than {longest} bytes")).into());
        }
        let Some(path) = place_of(entry) else {
            let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            return Err(Error::request(format!("the archive's path {shown:?} leaves the repository")).into());
        };
        if path.parts().count() > depth {
            return Err(Error::limit(format!("the archive has folders nested deeper than {depth}")).into());
        }
        if path.is_root() || path.parts().any(|part| part == ".git") {
            return Ok(());
        }
        let node = self.node(entry, &path)?;
        self.tree.put(&path, node);
        if self.tree.len() > entries {
            return Err(Error::limit(format!("the archive has more than {entries} entries")).into());
        }
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
            link(entry).map_or(Node::Other, |target| Node::Link(target.into()))
        } else if kind.is_hard_link() {
            let target = link(entry).and_then(|name| TreePath::new(&name));
            target.map_or(Node::Other, |target| Node::Same(target.as_str().into()))
        } else if kind.is_file() {
            let size = entry.size();
            let kept = if self.keeps(path, size) {
                let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
                entry.read_to_end(&mut content)?;
                self.contents.push(content.into());
                u32::try_from(self.contents.len() - 1).ok()
            } else {
                None
            };
            Node::File { size, kept }
        } else {
            Node::Other
        })
    }

    /// Whether a file is kept in memory. If so, its bytes are counted.
    fn keeps(&mut self, path: &TreePath, size: u64) -> bool {
        let near =
            path.is_within(self.app) || MANIFEST_ENDINGS.iter().any(|end| path.as_str().ends_with(end));
        let most = if near { LARGEST_KEPT } else { LARGEST_KEPT_ELSEWHERE };
        // Files of other folders may take a quarter, so that there is room for files of the app that come later.
        let bound = if near { self.limits.kept } else { self.limits.kept / 4 };
        let keeps = size <= most && self.kept + size <= bound;
        self.kept += if keeps { size } else { 0 };
        keeps
    }
}

/// An error while an entry is added: one of ours, or one of reading the archive.
enum Refused {
    Ours(Error),
    Io(io::Error),
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

/// The path of an entry; `None` if it leads out of the tree or is not UTF-8.
fn place_of(entry: &tar::Entry<'_, impl Read>) -> Option<TreePath> {
    let path = entry.path_bytes();
    let text = std::str::from_utf8(&path).ok()?;
    TreePath::new(text.strip_suffix('/').unwrap_or(text))
}

impl Files for ArchiveFiles {
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError> {
        let (id, _) = self.tree.follow(path)?;
        self.read_node(path, id)
    }

    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError> {
        let (folder, _) = self.tree.follow(dir)?;
        if *self.tree.node(folder) != Node::Dir {
            return Err(FileError::new(dir, FileErrorKind::NotDir));
        }
        let entry = |id: &Id| Entry {
            name: self.tree.name(*id).to_owned(),
            kind: self.tree.kind_behind(*id),
            is_link: matches!(self.tree.node(*id), Node::Link(_)),
        };
        Ok(self.tree.inside(folder).iter().map(entry).collect())
    }

    fn resolve(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        let (id, followed) = self.tree.follow(path)?;
        let real = if followed { self.tree.path(id) } else { path.clone() };
        Ok((real, self.tree.kind_behind(id)))
    }

    /// Files that were not kept in memory are read in one pass over the archive.
    fn any(&self, paths: &[TreePath], look: &mut dyn FnMut(&TreePath, &[u8]) -> bool) -> bool {
        let mut packed = std::collections::BTreeMap::new();
        for path in paths {
            let Ok((id, _)) = self.tree.follow(path) else { continue };
            match self.tree.node(id) {
                Node::File { kept: None, size } if *size <= self.limits.file => {
                    packed.insert(self.tree.path(id), path);
                }
                _ => {
                    if self.read_node(path, id).is_ok_and(|content| look(path, &content)) {
                        return true;
                    }
                }
            }
        }
        if packed.is_empty() {
            return false;
        }
        let mut found = false;
        // An error is ignored: the archive could be read before, so only the end of the run can cause one.
        let _ = self.expand(|place, content| {
            if let Some(path) = packed.get(&place) {
                found |= look(path, &read_whole(content, self.limits.file)?);
            }
            Ok(if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::ArchiveFiles;
    use crate::Error;
    use crate::archive::{Limits, Packed};
    use flate2::{Compression, write::GzEncoder};
    use keyfill_diag::Cx;
    use keyfill_files::{FileErrorKind, Files, TreePath};
    use std::time::Duration;
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
                    // Written directly, since the builder would refuse these paths.
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

    fn index(bytes: &[u8], limits: Limits) -> Result<ArchiveFiles, Error> {
        ArchiveFiles::open(
            Packed::Memory(bytes.to_vec().into()),
            &TreePath::root(),
            limits,
            &Cx::with_time(Duration::from_secs(60)),
        )
    }

    fn at(path: &str) -> TreePath {
        TreePath::new(path).unwrap()
    }

    #[test]
    fn files_can_be_read_whether_they_were_kept_in_memory_or_not() {
        let big = vec![b'x'; 2 << 20];
        let bytes = archive(&[
            Put::Link("app/link", "../base/a"),
            Put::File("base/a", b"content"),
            Put::File("base/big", &big),
            Put::File("app-2/x", b""),
            Put::File(".git/config", b"secret"),
        ]);
        for kept in [0, 10, 1 << 30] {
            let files = index(&bytes, Limits { kept, ..Limits::default() }).unwrap();
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
        let files = index(&bytes, Limits::default()).unwrap();
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
            (
                archive(&[Put::File("a/b/c/d", b"")]),
                Limits { depth: 3, ..Limits::default() },
                "nested deeper than 3",
            ),
            (b"not gzip".to_vec(), Limits::default(), "broken"),
            (archive(&[Put::File("a", &zeros)])[..200].to_vec(), Limits::default(), "broken"),
        ];
        for (bytes, limits, why) in cases {
            let error = index(&bytes, limits).err().unwrap().to_string();
            assert!(error.contains(why), "{error}");
        }
        let bytes = archive(&[Put::File("a", &zeros)]);
        let files = index(&bytes, Limits { file: 100, ..Limits::default() }).unwrap();
        assert_eq!(files.read(&at("a")).unwrap_err().kind(), FileErrorKind::TooLarge);
    }
    #[test]
    fn many_files_that_were_not_kept_are_read_in_one_pass() {
        let content = vec![b'x'; 2 << 20];
        let names: Vec<String> = (0..20).map(|i| format!("f{i:02}")).collect();
        let mut entries: Vec<Put<'_>> = names.iter().map(|name| Put::File(name, &content)).collect();
        entries.push(Put::File("small", b"yes"));
        let files = index(&archive(&entries), Limits::default()).unwrap();
        let paths: Vec<TreePath> =
            names.iter().map(|name| at(name)).chain([at("small"), at("none")]).collect();
        let mut seen = Vec::new();
        assert!(!files.any(&paths, &mut |path, bytes| {
            seen.push((path.to_string(), bytes.len()));
            false
        }));
        assert_eq!(seen.len(), 21, "{seen:?}");
        assert!(files.any(&paths, &mut |_, bytes| bytes == b"yes"));
        assert!(files.any(&paths, &mut |path, _| path.as_str() == "f07"));
    }

    #[test]
    fn opening_ends_at_the_deadline() {
        let bytes = archive(&[Put::File("a", &vec![0; 4 << 20])]);
        let late = Cx::with_time(Duration::ZERO);
        let packed = Packed::Memory(bytes.into());
        let error = ArchiveFiles::open(packed, &TreePath::root(), Limits::default(), &late).err().unwrap();
        assert!(error.to_string().contains("deadline"), "{error}");
    }
}
