//! The files of a commit as one file in the store: the contents of all files, then an index with the name and the
//! digest of each. The digest of the index is that of the tree. A content is checked against its digest when it is
//! read.
//!
//! If the server can filter, a snapshot holds the names of the files and the targets of links only, and files are
//! fetched folder by folder ([`super::Tree`]).

use super::folder::{self, Part};
use super::object::{self, Id, Mode, ObjectKind};
use super::pack::Pack;
use super::unusable;
use crate::Digest;
use crate::digest::from_hex;
use crate::store::{Store, Writer};
use crate::web::unkept;
use bytes::Bytes;
use keyfill_diag::Cx;
use keyfill_files::{
    Entry, FetchError, FileError, FileErrorKind, FileKind, Files, Found, Submodule, TreePath, follow,
};
use keyfill_http::Sink as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

/// The deepest nesting of folders.
const DEEPEST: usize = 128;
/// The most entries of a tree: files, folders, links and submodules. Trees of manifests have fewer.
const MOST_FILES: usize = 200_000;
/// The last bytes of a snapshot, after the length of its index: its format and version.
const MAGIC: &[u8; 8] = b"kftree1\n";

/// The files of a commit.
pub struct Snapshot {
    items: BTreeMap<TreePath, Item>,
    /// Whether the commit has a submodule.
    has_submodules: bool,
    file: Mutex<File>,
}

#[derive(Clone, Debug)]
enum Item {
    Folder,
    File {
        start: u64,
        size: u64,
        digest: Digest,
        is_program: bool,
    },
    /// A file whose content is not in the snapshot.
    Absent {
        id: Id,
        is_program: bool,
    },
    Link(String),
    /// A submodule: the 40 digits of its commit.
    Submodule(String),
}

impl Snapshot {
    /// Writes the files of a commit, from a pack, into the store.
    pub(crate) fn write(store: &Store, pack: &[u8], commit: &str, cx: &Cx) -> Result<Digest, FetchError> {
        let pack = Pack::read(pack, cx).map_err(unusable)?;
        Self::write_of(store, &pack, Contents::Whole, commit, cx)
    }

    /// Writes the names of the files and the targets of the links of a commit into the store. The pack `trees` holds
    /// the trees of the commit, `links` the objects that [`Self::links`] names.
    pub(crate) fn write_structure(
        store: &Store,
        trees: &Pack<'_>,
        links: &Pack<'_>,
        commit: &str,
        cx: &Cx,
    ) -> Result<Digest, FetchError> {
        Self::write_of(store, trees, Contents::Links(links), commit, cx)
    }

    /// The objects that hold the targets of the links of a commit.
    pub(crate) fn links(trees: &Pack<'_>, commit: &str, cx: &Cx) -> Result<Vec<Id>, FetchError> {
        let mut found = BTreeSet::new();
        let tree = root_tree(trees, id_of(commit).map_err(unusable)?).map_err(unusable)?;
        let (mut ahead, mut seen) = (vec![tree], BTreeSet::new());
        while let Some(tree) = ahead.pop() {
            cx.check().map_err(|e| unusable(e.to_string()))?;
            let (_, content) = trees.get(&tree).map_err(unusable)?;
            for entry in object::entries(&content).map_err(unusable)? {
                match entry.mode {
                    Mode::Link => {
                        found.insert(entry.id);
                    }
                    Mode::Folder if seen.insert(entry.id) => ahead.push(entry.id),
                    _ => {}
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    fn write_of(
        store: &Store,
        pack: &Pack<'_>,
        contents: Contents<'_>,
        commit: &str,
        cx: &Cx,
    ) -> Result<Digest, FetchError> {
        let tree = root_tree(pack, id_of(commit).map_err(unusable)?).map_err(unusable)?;
        let writer = store.writer().map_err(|e| unkept(&e))?;
        let mut walk = Walk { pack, contents, cx, writer, index: Vec::new(), files: 0 };
        walk.folder(&tree, "", 0).map_err(|stop| match stop {
            Stop::Broken(why) => unusable(why),
            Stop::Io(error) => unkept(&error),
        })?;
        let Walk { mut writer, index, .. } = walk;
        let digest = Digest::of(&index);
        let finish = || -> io::Result<Digest> {
            writer.write(&index)?;
            writer.write(&(index.len() as u64).to_le_bytes())?;
            writer.write(MAGIC)?;
            writer.finish_tree(digest)
        };
        finish().map_err(|e| unkept(&e))
    }

    /// Opens a tree in the store; `None` if the store does not hold it, or its index was changed.
    pub(crate) fn open(store: &Store, digest: &Digest) -> Option<Self> {
        Self::of_file(store.open_tree(digest).ok()??, digest)
    }

    /// Reads a tree from a file that is open, perhaps by another process; `None` if it is not the tree with this
    /// digest.
    pub fn of_file(file: File, digest: &Digest) -> Option<Self> {
        Self::read(file, digest).ok().flatten()
    }

    /// The file that holds the tree, for [`Self::of_file`] in another process.
    pub fn into_file(self) -> File {
        self.file.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(mut file: File, digest: &Digest) -> io::Result<Option<Self>> {
        let length = file.seek(SeekFrom::End(0))?;
        let Some(foot) = length.checked_sub(16) else { return Ok(None) };
        file.seek(SeekFrom::Start(foot))?;
        let mut end = [0; 16];
        file.read_exact(&mut end)?;
        let (size, magic) = end.split_at(8);
        let size = u64::from_le_bytes(size.try_into().unwrap_or_default());
        let Some(start) = foot.checked_sub(size).filter(|_| magic == MAGIC) else { return Ok(None) };
        file.seek(SeekFrom::Start(start))?;
        let mut index = vec![0; size as usize];
        file.read_exact(&mut index)?;
        if Digest::of(&index) != *digest {
            return Ok(None);
        }
        Ok(items(&index).map(|items| {
            let has_submodules = items.values().any(|item| matches!(item, Item::Submodule(_)));
            Self { items, has_submodules, file: Mutex::new(file) }
        }))
    }

    fn follow(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        follow(path, |next| match self.items.get(next) {
            Some(Item::File { .. } | Item::Absent { .. }) => Ok(Found::Is(FileKind::File)),
            Some(Item::Folder) => Ok(Found::Is(FileKind::Dir)),
            Some(Item::Submodule(_)) => Ok(Found::Is(FileKind::Other)),
            Some(Item::Link(target)) if target.starts_with('/') => {
                Err(FileError::new(path, FileErrorKind::Escapes))
            }
            Some(Item::Link(target)) => Ok(Found::Link(target.clone())),
            None => Err(FileError::new(path, FileErrorKind::NotFound)),
        })
    }

    /// The entries directly in a folder, sorted by name.
    fn directly_in<'a>(
        &'a self,
        dir: &TreePath,
    ) -> impl Iterator<Item = (&'a TreePath, &'a str, &'a Item)> + use<'a> {
        let below = if dir.is_root() { String::new() } else { format!("{dir}/") };
        let from = TreePath::new(&below).unwrap_or_else(TreePath::root);
        let last = below.clone();
        // Paths that sort between the folder and its entries, such as `dir-x` for `dir`, are skipped.
        let near = self.items.range(from..).take_while(move |(path, _)| {
            path.as_str().starts_with(last.as_str()) || path.as_str() < last.as_str()
        });
        near.filter_map(move |(path, item)| {
            let name = path.as_str().strip_prefix(below.as_str())?;
            (!name.is_empty() && !name.contains('/')).then_some((path, name, item))
        })
    }

    /// Whether the snapshot holds the contents of all files.
    pub(crate) fn is_whole(&self) -> bool {
        !self.items.values().any(|item| matches!(item, Item::Absent { .. }))
    }

    /// Whether a path is that of a folder. Links are not followed.
    pub(crate) fn has_folder(&self, dir: &TreePath) -> bool {
        matches!(self.items.get(dir), Some(Item::Folder))
    }

    /// The objects of the files directly in a folder whose contents are not in the snapshot.
    pub(crate) fn absent(&self, dir: &TreePath) -> Vec<Id> {
        let id = |item: &Item| match item {
            Item::Absent { id, .. } => Some(*id),
            _ => None,
        };
        self.directly_in(dir).filter_map(|(_, _, item)| id(item)).collect()
    }

    /// A folder as bytes. Contents that are not in the snapshot are taken from `blobs`.
    pub(crate) fn folder(&self, dir: &TreePath, blobs: &BTreeMap<Id, Bytes>) -> Result<Vec<u8>, FileError> {
        let missing = |path| FileError::io(path, io::Error::other("it was not fetched with its folder"));
        let mut contents = Vec::new();
        for (path, name, item) in self.directly_in(dir) {
            let content = match item {
                Item::File { start, size, digest, .. } => self.content(path, *start, *size, digest)?,
                Item::Absent { id, .. } => blobs.get(id).cloned().ok_or_else(|| missing(path))?,
                Item::Folder | Item::Link(_) | Item::Submodule(_) => Bytes::new(),
            };
            contents.push((name, item, content));
        }
        Ok(folder::encode(contents.iter().map(|(name, item, content)| {
            let part = match item {
                Item::Folder => Part::Folder,
                Item::Submodule(commit) => Part::Submodule(commit),
                Item::Link(target) => Part::Link(target),
                Item::File { is_program, .. } | Item::Absent { is_program, .. } => {
                    Part::File(content, *is_program)
                }
            };
            (*name, part)
        })))
    }

    fn content(&self, path: &TreePath, start: u64, size: u64, digest: &Digest) -> Result<Bytes, FileError> {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(start))?;
            let mut content = vec![0; size as usize];
            file.read_exact(&mut content)?;
            Ok(content)
        };
        let content = read().map_err(|e| FileError::io(path, e))?;
        if Digest::of(&content) != *digest {
            let changed = io::Error::other("the cache was changed: remove it");
            return Err(FileError::io(path, changed));
        }
        Ok(content.into())
    }
}

impl Files for Snapshot {
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError> {
        let (real, kind) = self.follow(path)?;
        match (kind, self.items.get(&real)) {
            (_, Some(Item::File { start, size, digest, .. })) => self.content(path, *start, *size, digest),
            (_, Some(Item::Absent { .. })) => {
                Err(FileError::io(path, io::Error::other("it was not fetched with its folder")))
            }
            (FileKind::Dir, _) => Err(FileError::new(path, FileErrorKind::IsDir)),
            _ => Err(FileError::new(path, FileErrorKind::NotRegular)),
        }
    }

    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError> {
        let (real, kind) = self.follow(dir)?;
        if kind != FileKind::Dir {
            return Err(FileError::new(dir, FileErrorKind::NotDir));
        }
        let entry = |(path, name, item): (&TreePath, &str, &Item)| {
            let kind = match item {
                Item::Folder => FileKind::Dir,
                Item::File { .. } | Item::Absent { .. } => FileKind::File,
                Item::Link(_) => self.follow(path).map_or(FileKind::Other, |(_, kind)| kind),
                Item::Submodule(_) => FileKind::Other,
            };
            Entry { name: name.to_owned(), kind, is_link: matches!(item, Item::Link(_)) }
        };
        Ok(self.directly_in(&real).map(entry).collect())
    }

    fn resolve(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        self.follow(path)
    }

    fn submodule(&self, path: &TreePath) -> Option<Submodule> {
        if !self.has_submodules {
            return None;
        }
        let parts: Vec<&str> = path.parts().collect();
        for end in 1..=parts.len() {
            let (way, below) = parts.split_at(end);
            // A path that does not exist is in no submodule.
            let (real, _) = self.follow(&TreePath::new(&way.join("/"))?).ok()?;
            if let Some(Item::Submodule(commit)) = self.items.get(&real) {
                let below = TreePath::new(&below.join("/"))?;
                return Some(Submodule { path: real, commit: commit.clone(), below });
            }
        }
        None
    }
}

fn id_of(commit: &str) -> Result<Id, String> {
    let mut id = [0; 20];
    if from_hex(commit, &mut id) { Ok(id) } else { Err(format!("{commit} is no commit")) }
}

/// The root tree of a commit, or of the commit that a tag points to.
fn root_tree(pack: &Pack<'_>, id: Id) -> Result<Id, String> {
    let mut id = id;
    for _ in 0..8 {
        let (kind, content) = pack.get(&id)?;
        match kind {
            ObjectKind::Tree => return Ok(id),
            ObjectKind::Commit => {
                return object::header(&content, "tree").ok_or_else(|| "a commit is broken".to_owned());
            }
            ObjectKind::Tag => id = object::header(&content, "object").ok_or("a tag is broken")?,
            ObjectKind::Blob => return Err("the reference is a file".to_owned()),
        }
    }
    Err("tags of tags do not end".to_owned())
}

enum Stop {
    Broken(String),
    Io(io::Error),
}

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Self::Broken(why)
    }
}

/// Which contents are written with the names.
#[derive(Clone, Copy)]
enum Contents<'a> {
    /// The contents of all files.
    Whole,
    /// Only the targets of links, from this pack.
    Links(&'a Pack<'a>),
}

struct Walk<'a, 'p> {
    pack: &'a Pack<'p>,
    contents: Contents<'a>,
    cx: &'a Cx,
    writer: Writer<'a>,
    index: Vec<u8>,
    files: usize,
}

impl Walk<'_, '_> {
    fn folder(&mut self, id: &Id, path: &str, depth: usize) -> Result<(), Stop> {
        self.cx.check().map_err(|e| e.to_string())?;
        if depth > DEEPEST {
            return Err(Stop::Broken(format!("folders lie more than {DEEPEST} deep")));
        }
        let (kind, tree) = self.pack.get(id)?;
        if kind != ObjectKind::Tree {
            return Err(Stop::Broken(format!("{path} is not a folder")));
        }
        for entry in object::entries(&tree)? {
            let below =
                if path.is_empty() { entry.name.to_owned() } else { format!("{path}/{}", entry.name) };
            self.files += 1;
            if self.files > MOST_FILES {
                return Err(Stop::Broken(format!("it holds more than {MOST_FILES} files")));
            }
            match entry.mode {
                Mode::Folder => {
                    self.note("d", &Digest([0; 32]), 0, &below);
                    self.folder(&entry.id, &below, depth + 1)?;
                }
                Mode::Submodule => {
                    let mut padded = [0; 32];
                    padded[..20].copy_from_slice(&entry.id);
                    self.note("s", &Digest(padded), 0, &below);
                }
                Mode::File | Mode::Executable if matches!(self.contents, Contents::Links(_)) => {
                    let mut padded = [0; 32];
                    padded[..20].copy_from_slice(&entry.id);
                    let mode = if entry.mode == Mode::Executable { "p" } else { "n" };
                    self.note(mode, &Digest(padded), 0, &below);
                }
                Mode::File | Mode::Executable | Mode::Link => {
                    let (kind, content) = match self.contents {
                        Contents::Whole => self.pack.get(&entry.id)?,
                        Contents::Links(links) => links.get(&entry.id)?,
                    };
                    if kind != ObjectKind::Blob {
                        return Err(Stop::Broken(format!("{below} is not a file")));
                    }
                    let mode = match entry.mode {
                        Mode::Link => "l",
                        Mode::Executable => "x",
                        _ => "f",
                    };
                    self.writer.write(&content).map_err(Stop::Io)?;
                    self.note(mode, &Digest::of(&content), content.len(), &below);
                    if entry.mode == Mode::Link {
                        // The target is also in the index, so that links are followed without reading contents.
                        self.index.extend_from_slice(&content);
                        self.index.push(0);
                    }
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, mode: &str, digest: &Digest, size: usize, path: &str) {
        self.index.extend_from_slice(format!("{mode} {} {size} {path}\0", digest.hex()).as_bytes());
    }
}

/// Parses an index; `None` if it is not valid.
fn items(index: &[u8]) -> Option<BTreeMap<TreePath, Item>> {
    let mut items = BTreeMap::from([(TreePath::root(), Item::Folder)]);
    let mut start = 0;
    let mut records = index.strip_suffix(b"\0").unwrap_or(index).split(|b| *b == 0);
    while let Some(record) = records.next().filter(|record| !record.is_empty()) {
        let mut parts = std::str::from_utf8(record).ok()?.splitn(4, ' ');
        let (mode, digest, size, path) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (digest, size): (Digest, u64) = (Digest::parse(digest)?, size.parse().ok()?);
        let item = match mode {
            "d" => Item::Folder,
            "s" => Item::Submodule(digest.hex().get(..40)?.to_owned()),
            "l" => Item::Link(std::str::from_utf8(records.next()?).ok()?.to_owned()),
            "f" | "x" => Item::File { start, size, digest, is_program: mode == "x" },
            "n" | "p" => {
                let id = digest.0[..20].try_into().ok()?;
                Item::Absent { id, is_program: mode == "p" }
            }
            _ => return None,
        };
        start += size;
        items.insert(TreePath::new(path)?, item);
    }
    Some(items)
}
