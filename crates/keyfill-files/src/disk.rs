//! A folder on disk as a tree. The kernel follows symbolic links if it can confine them to the root; else they are
//! followed here, one path segment at a time, so that no link leaves the root.

#[cfg(target_os = "linux")]
use crate::beneath::Beneath;
use crate::links::{Found, follow};
use crate::{Entry, FileError, FileErrorKind, FileKind, Files, Later, TreePath};
use bytes::Bytes;
use std::collections::HashSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// A cache of paths that are folders and have no link in them. Without it, a tree with the root `/` would check
/// the same few folders again for each file. If such a folder is replaced by a link later, the kernel still
/// confines what is opened to the root.
type Folders = Arc<RwLock<HashSet<TreePath>>>;

/// A folder on disk, which is only read.
#[derive(Clone, Debug)]
pub struct DiskFiles {
    root: Arc<Path>,
    most_bytes: u64,
    folders: Folders,
    #[cfg(target_os = "linux")]
    beneath: Option<Beneath>,
}

impl DiskFiles {
    /// The tree below `root`, whose links are resolved. Files larger than `most_bytes` are refused.
    pub fn open(root: &Path, most_bytes: u64) -> std::io::Result<Self> {
        let root = fs::canonicalize(root)?;
        if !root.is_dir() {
            return Err(std::io::ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            #[cfg(target_os = "linux")]
            beneath: Beneath::new(&root),
            root: root.into(),
            most_bytes,
            folders: Folders::default(),
        })
    }

    /// The root's path on disk.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path on disk of a tree path; links are not followed.
    pub fn on_disk(&self, path: &TreePath) -> PathBuf {
        if path.is_root() { self.root.to_path_buf() } else { self.root.join(path.as_str()) }
    }

    /// The tree path of a path on disk; `None` if it is outside the tree. Links are not followed.
    pub fn tree_path(&self, place: &Path) -> Option<TreePath> {
        TreePath::new(place.strip_prefix(&self.root).ok()?.to_str()?)
    }

    fn follow(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        if path.parent().is_some_and(|folder| self.is_known_folder(&folder))
            && let Found::Is(kind) = self.look(path, path)?
        {
            return Ok((path.clone(), kind));
        }
        follow(path, |next| self.look(next, path))
    }

    fn is_known_folder(&self, path: &TreePath) -> bool {
        self.folders.read().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    /// The type of the file at `next`, whose folder has no links in its path. Errors name `path`, the path that
    /// was asked for.
    fn look(&self, next: &TreePath, path: &TreePath) -> Result<Found, FileError> {
        if self.is_known_folder(next) {
            return Ok(Found::Is(FileKind::Dir));
        }
        let place = self.on_disk(next);
        let own = fs::symlink_metadata(&place).map_err(|e| FileError::io(path, e))?.file_type();
        if !own.is_symlink() {
            if own.is_dir() {
                self.folders.write().unwrap_or_else(PoisonError::into_inner).insert(next.clone());
            }
            return Ok(Found::Is(kind_of(own)));
        }
        let target = fs::read_link(&place).map_err(|e| FileError::io(path, e))?;
        let text = |place: &Path| {
            let text = place.to_str().map(str::to_owned);
            text.ok_or_else(|| FileError::new(path, FileErrorKind::NotFound))
        };
        if target.is_relative() {
            return Ok(Found::Link(text(&target)?));
        }
        let inside = target.strip_prefix(&self.root);
        Ok(Found::LinkFromRoot(text(inside.map_err(|_| FileError::new(path, FileErrorKind::Escapes))?)?))
    }

    /// The kind of file that a link in a folder points to.
    fn kind_behind(&self, dir: &TreePath, name: &str) -> FileKind {
        let target = dir.join(name).and_then(|p| self.follow(&p).ok());
        target.map_or(FileKind::Other, |(_, kind)| kind)
    }

    /// Opens a regular file that is not too large, and returns its length too.
    fn open_file(&self, path: &TreePath) -> Result<(fs::File, u64), FileError> {
        let file = match self.open_beneath(path) {
            Some(file) => file,
            None => {
                let (real, kind) = self.follow(path)?;
                match kind {
                    FileKind::File => {}
                    FileKind::Dir => return Err(FileError::new(path, FileErrorKind::IsDir)),
                    FileKind::Other => return Err(FileError::new(path, FileErrorKind::NotRegular)),
                }
                fs::File::open(self.on_disk(&real)).map_err(|e| FileError::io(path, e))?
            }
        };
        let found = file.metadata().map_err(|e| FileError::io(path, e))?;
        if found.is_dir() {
            return Err(FileError::new(path, FileErrorKind::IsDir));
        }
        if !found.is_file() {
            return Err(FileError::new(path, FileErrorKind::NotRegular));
        }
        if found.len() > self.most_bytes {
            return Err(FileError::new(path, FileErrorKind::TooLarge));
        }
        Ok((file, found.len()))
    }

    #[cfg(target_os = "linux")]
    fn open_beneath(&self, path: &TreePath) -> Option<fs::File> {
        self.beneath.as_ref()?.file(path)
    }

    #[cfg(not(target_os = "linux"))]
    fn open_beneath(&self, _: &TreePath) -> Option<fs::File> {
        None
    }

    /// The entries of a folder, opened with [`Beneath`]; `None` if that fails or the file system does not return
    /// the types of entries.
    #[cfg(target_os = "linux")]
    fn list_opened(&self, dir: &TreePath) -> Option<Vec<Entry>> {
        use rustix::fs::FileType;
        let mut entries = Vec::new();
        for entry in self.beneath.as_ref()?.folder(dir)? {
            let entry = entry.ok()?;
            let name = match entry.file_name().to_str() {
                Ok("." | "..") => continue,
                Ok(name) => name.to_owned(),
                Err(_) => {
                    entries.push(nameless(&entry.file_name().to_string_lossy()));
                    continue;
                }
            };
            let (kind, is_link) = match entry.file_type() {
                FileType::RegularFile => (FileKind::File, false),
                FileType::Directory => (FileKind::Dir, false),
                FileType::Symlink => (self.kind_behind(dir, &name), true),
                FileType::Unknown => return None,
                _ => (FileKind::Other, false),
            };
            entries.push(Entry { name, kind, is_link });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Some(entries)
    }
}

/// An entry whose name is not UTF-8. It cannot be opened by a path, but whoever lists the folder sees that it exists.
fn nameless(shown: &str) -> Entry {
    Entry { name: shown.to_owned(), kind: FileKind::Other, is_link: false }
}

/// Translates a path below `real` to the path below `dir`, a link to `real`.
fn seen_through(path: &TreePath, real: &TreePath, dir: &TreePath) -> TreePath {
    let below = path.as_str()[real.as_str().len()..].trim_start_matches('/');
    dir.join(below).unwrap_or_else(|| path.clone())
}

fn kind_of(t: fs::FileType) -> FileKind {
    if t.is_file() {
        FileKind::File
    } else if t.is_dir() {
        FileKind::Dir
    } else {
        FileKind::Other
    }
}

impl Files for DiskFiles {
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError> {
        let (file, length) = self.open_file(path)?;
        let mut content = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
        // A file may grow after its size was checked, so that the number of bytes read is limited too.
        file.take(self.most_bytes + 1).read_to_end(&mut content).map_err(|e| FileError::io(path, e))?;
        if content.len() as u64 > self.most_bytes {
            return Err(FileError::new(path, FileErrorKind::TooLarge));
        }
        Ok(content.into())
    }

    fn later(&self, path: &TreePath) -> Result<Later, FileError> {
        let (_, length) = self.open_file(path)?;
        let (tree, path) = (self.clone(), path.clone());
        Ok(Later::new(length, move || tree.read(&path)))
    }

    fn open(&self, path: &TreePath) -> Result<Option<fs::File>, FileError> {
        self.open_file(path).map(|(file, _)| Some(file))
    }

    fn is_bounded(&self) -> bool {
        self.root.parent().is_some()
    }

    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError> {
        #[cfg(target_os = "linux")]
        if let Some(entries) = self.list_opened(dir) {
            return Ok(entries);
        }
        let (real, kind) = self.follow(dir)?;
        if kind != FileKind::Dir {
            return Err(FileError::new(dir, FileErrorKind::NotDir));
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.on_disk(&real)).map_err(|e| FileError::io(dir, e))? {
            let entry = entry.map_err(|e| FileError::io(dir, e))?;
            let name = match entry.file_name().into_string() {
                Ok(name) => name,
                Err(name) => {
                    entries.push(nameless(&name.to_string_lossy()));
                    continue;
                }
            };
            let own = entry.file_type().map_err(|e| FileError::io(dir, e))?;
            let kind = if own.is_symlink() { self.kind_behind(&real, &name) } else { kind_of(own) };
            entries.push(Entry { name, kind, is_link: own.is_symlink() });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn walk(&self, dir: &TreePath) -> Vec<TreePath> {
        let Ok((real, ..)) = self.follow(dir) else { return Vec::new() };
        let entries = walkdir::WalkDir::new(self.on_disk(&real)).follow_links(false).into_iter();
        let entered = entries.filter_entry(|e| e.file_name() != ".git" || !e.file_type().is_dir());
        let mut found: Vec<TreePath> = entered
            .flatten()
            .filter(|e| !e.file_type().is_dir())
            .filter_map(|e| Some((self.tree_path(e.path())?, e.file_type())))
            // A link is included if it points to a file of this tree.
            .filter(|(path, own)| own.is_file() || own.is_symlink() && self.is_file(path))
            .map(|(path, _)| if real == *dir { path } else { seen_through(&path, &real, dir) })
            .collect();
        found.sort();
        found
    }

    fn resolve(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        self.follow(path)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::DiskFiles;
    use crate::{FileErrorKind, FileKind, Files, TreePath};
    use std::os::unix::fs::symlink;

    #[test]
    fn links_stay_inside() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        std::fs::create_dir_all(root.join("base/sub")).unwrap();
        std::fs::write(root.join("base/a"), "a").unwrap();
        std::fs::write(dir.path().join("outside"), "no").unwrap();
        symlink("../base/a", root.join("base/up")).unwrap();
        symlink("base", root.join("link")).unwrap();
        symlink("../outside", root.join("out")).unwrap();
        symlink(dir.path().join("outside"), root.join("abs-out")).unwrap();
        symlink(root.join("base"), root.join("abs-in")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let files = DiskFiles::open(&root, 100).unwrap();
        let at = |p: &str| TreePath::new(p).unwrap();
        assert_eq!(files.resolve(&at("link/up")).unwrap(), (at("base/a"), FileKind::File));
        assert_eq!(&files.read(&at("abs-in/a")).unwrap()[..], b"a");
        assert_eq!(files.read(&at("out")).unwrap_err().kind(), FileErrorKind::Escapes);
        assert_eq!(files.read(&at("abs-out")).unwrap_err().kind(), FileErrorKind::Escapes);
        assert_eq!(files.read(&at("loop")).unwrap_err().kind(), FileErrorKind::LinkLoop);
        assert_eq!(files.read(&at("base")).unwrap_err().kind(), FileErrorKind::IsDir);
        // Links are still followed in a folder that is already in the cache.
        assert_eq!(files.resolve(&at("base/sub")).unwrap().1, FileKind::Dir);
        assert_eq!(files.resolve(&at("base/up")).unwrap(), (at("base/a"), FileKind::File));
        assert_eq!(files.resolve(&at("base/none")).unwrap_err().kind(), FileErrorKind::NotFound);
        let kinds: Vec<(String, FileKind)> =
            files.list(&TreePath::root()).unwrap().into_iter().map(|e| (e.name, e.kind)).collect();
        assert!(
            kinds.contains(&("out".into(), FileKind::Other))
                && kinds.contains(&("link".into(), FileKind::Dir))
        );
    }

    #[test]
    fn walks_files_and_links_to_files() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        std::fs::create_dir_all(root.join("a/.git")).unwrap();
        for name in ["a/.git/x", "a/y", "b", "a.txt"] {
            std::fs::write(root.join(name), "").unwrap();
        }
        symlink("../b", root.join("a/link")).unwrap();
        symlink("a", root.join("dir-link")).unwrap();
        symlink("/etc/passwd", root.join("out")).unwrap();
        let files = DiskFiles::open(&root, 100).unwrap();
        let walk = |at: &str| {
            let found = files.walk(&TreePath::new(at).unwrap());
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(walk(""), ["a.txt", "a/link", "a/y", "b"]);
        assert_eq!(walk("dir-link"), ["dir-link/link", "dir-link/y"]);
    }

    #[test]
    fn large_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("big"), [b'x'; 101]).unwrap();
        let files = DiskFiles::open(dir.path(), 100).unwrap();
        assert_eq!(files.read(&TreePath::new("big").unwrap()).unwrap_err().kind(), FileErrorKind::TooLarge);
    }
}
