//! The entries of an archive as a tree. An entry takes a few bytes besides its name, however long its path is, and
//! a lookup takes one step for each part of a path.

use keyfill_files::{FileError, FileErrorKind, FileKind, TreePath};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::ops::Range;

/// The most links that are followed for one path; with more it is a loop. Linux has the same number.
const MOST_LINKS: usize = 40;

/// The number of an entry; 0 is the root.
pub type Id = u32;

const ROOT: Id = 0;

/// What is at a path of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A folder.
    Dir,
    /// A file.
    File {
        /// The bytes of the file's content.
        size: u64,
        /// The number of its content among those that were kept; `None` if it was not kept.
        kept: Option<u32>,
    },
    /// A symbolic link, with its target.
    Link(Box<str>),
    /// A hard link, with the path of its target in the archive.
    Same(Box<str>),
    /// A device, a pipe, or a link whose target is not UTF-8.
    Other,
}

impl Node {
    fn kind(&self) -> FileKind {
        match self {
            Self::Dir => FileKind::Dir,
            Self::File { .. } => FileKind::File,
            Self::Link(_) | Self::Same(_) | Self::Other => FileKind::Other,
        }
    }
}

struct Entry {
    above: Id,
    /// Start and length of the entry's name in the string of all names, in bytes.
    name: (u32, u32),
    node: Node,
}

/// A tree to which entries are added.
pub struct Growing {
    entries: Vec<Entry>,
    names: String,
    /// The entries by folder and a hash of the name. The hash has a random key, so nobody can choose two names with
    /// the same hash.
    known: HashMap<(Id, u64), Id>,
    digest: RandomState,
}

/// A tree that is complete.
pub struct Tree {
    entries: Vec<Entry>,
    names: String,
    /// All entries but the root, sorted by folder and then by name.
    order: Vec<Id>,
    /// The range of `order` that holds the entries of a folder.
    inside: HashMap<Id, Range<u32>>,
}

impl Growing {
    /// A tree that holds only an empty root.
    pub fn new() -> Self {
        let root = Entry { above: ROOT, name: (0, 0), node: Node::Dir };
        Self { entries: vec![root], names: String::new(), known: HashMap::new(), digest: RandomState::new() }
    }

    /// The number of entries so far, including folders that the archive does not name.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an entry at a path, and replaces what was there. Missing folders of the path are added; a file or link
    /// in the place of such a folder becomes a folder. `None` if there are too many entries or names.
    pub fn put(&mut self, path: &TreePath, node: Node) -> Option<()> {
        let mut here = ROOT;
        for part in path.parts() {
            if self.entries[here as usize].node != Node::Dir {
                self.entries[here as usize].node = Node::Dir;
            }
            here = self.below(here, part)?;
        }
        let entry = &mut self.entries[here as usize];
        // The root is always a folder.
        if here != ROOT {
            entry.node = node;
        }
        Some(())
    }

    /// The entry with this name in a folder; it is added as a folder if there is none.
    fn below(&mut self, folder: Id, name: &str) -> Option<Id> {
        let key = (folder, self.digest.hash_one(name));
        if let Some(&id) = self.known.get(&key) {
            return Some(id);
        }
        let id = Id::try_from(self.entries.len()).ok()?;
        let start = u32::try_from(self.names.len()).ok()?;
        let length = u32::try_from(name.len()).ok()?;
        self.names.push_str(name);
        self.entries.push(Entry { above: folder, name: (start, length), node: Node::Dir });
        self.known.insert(key, id);
        Some(id)
    }

    /// Completes the tree.
    pub fn finish(self) -> Tree {
        let Self { mut entries, names, known, .. } = self;
        drop(known);
        entries.shrink_to_fit();
        let name = |id: &Id| text(&names, &entries[*id as usize]);
        let mut order: Vec<Id> = (1..entries.len() as Id).collect();
        order.sort_unstable_by(|a, b| {
            (entries[*a as usize].above, name(a)).cmp(&(entries[*b as usize].above, name(b)))
        });
        let mut inside: HashMap<Id, Range<u32>> = HashMap::new();
        for (at, id) in (0..).zip(&order) {
            inside.entry(entries[*id as usize].above).or_insert(at..at).end = at + 1;
        }
        Tree { entries, names, order, inside }
    }
}

fn text<'a>(names: &'a str, entry: &Entry) -> &'a str {
    &names[entry.name.0 as usize..][..entry.name.1 as usize]
}

impl Tree {
    /// What an entry is.
    pub fn node(&self, id: Id) -> &Node {
        &self.entries[id as usize].node
    }

    /// An entry's own name.
    pub fn name(&self, id: Id) -> &str {
        text(&self.names, &self.entries[id as usize])
    }

    /// The entries of a folder, sorted by name.
    pub fn inside(&self, folder: Id) -> &[Id] {
        let range = self.inside.get(&folder).cloned().unwrap_or_default();
        &self.order[range.start as usize..range.end as usize]
    }

    fn find(&self, folder: Id, name: &str) -> Option<Id> {
        let inside = self.inside(folder);
        inside.binary_search_by(|id| self.name(*id).cmp(name)).ok().map(|at| inside[at])
    }

    /// The path of an entry.
    pub fn path(&self, mut id: Id) -> TreePath {
        let mut parts = Vec::new();
        while id != ROOT {
            parts.push(self.name(id));
            id = self.entries[id as usize].above;
        }
        parts.reverse();
        TreePath::new(&parts.join("/")).unwrap_or_else(TreePath::root)
    }

    /// Follows all links of a path. Returns the entry that it leads to, and whether there were links.
    pub fn follow(&self, path: &TreePath) -> Result<(Id, bool), FileError> {
        self.walk(ROOT, path.as_str(), path)
    }

    /// The kind of an entry after its links are followed; `Other` if they lead nowhere.
    pub fn kind_behind(&self, id: Id) -> FileKind {
        match self.node(id) {
            Node::Link(_) | Node::Same(_) => {
                let (above, name) = (self.entries[id as usize].above, self.name(id));
                let found = self.walk(above, name, &TreePath::root());
                found.map_or(FileKind::Other, |(id, _)| self.node(id).kind())
            }
            node => node.kind(),
        }
    }

    /// Follows a path from a folder. Errors name the path `asked`.
    fn walk(&self, from: Id, text: &str, asked: &TreePath) -> Result<(Id, bool), FileError> {
        let error = |kind| Err(FileError::new(asked, kind));
        let mut here = from;
        let mut links = 0;
        // The rests of paths that are still to be followed, the next one last.
        let mut texts: Vec<&str> = vec![text];
        while let Some(text) = texts.pop() {
            let (part, rest) = text.split_once('/').unwrap_or((text, ""));
            if !rest.is_empty() {
                texts.push(rest);
            }
            match part {
                "" | "." => continue,
                ".." if here == ROOT => return error(FileErrorKind::Escapes),
                ".." => {
                    here = self.entries[here as usize].above;
                    continue;
                }
                _ => {}
            }
            let found = if *self.node(here) == Node::Dir { self.find(here, part) } else { None };
            let Some(next) = found else { return error(FileErrorKind::NotFound) };
            match self.node(next) {
                // An absolute target would be a path of the sender's disk, not of the archive.
                Node::Link(target) if target.starts_with('/') => return error(FileErrorKind::Escapes),
                Node::Link(target) => texts.push(target),
                Node::Same(target) => {
                    here = ROOT;
                    texts.push(target);
                }
                _ => {
                    here = next;
                    continue;
                }
            }
            links += 1;
            if links > MOST_LINKS {
                return error(FileErrorKind::LinkLoop);
            }
        }
        Ok((here, links > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Growing, Node};
    use keyfill_files::{FileErrorKind, FileKind, TreePath};

    fn at(path: &str) -> TreePath {
        TreePath::new(path).unwrap()
    }

    fn tree(entries: &[(&str, Node)]) -> super::Tree {
        let mut growing = Growing::new();
        for (path, node) in entries {
            growing.put(&at(path), node.clone()).unwrap();
        }
        growing.finish()
    }

    fn file() -> Node {
        Node::File { size: 0, kept: None }
    }

    fn link(target: &str) -> Node {
        Node::Link(target.into())
    }

    #[test]
    fn a_folder_lists_its_own_entries_by_name() {
        let tree =
            tree(&[("b/y", file()), ("a", file()), ("b/x", file()), ("b-c/z", file()), ("b", Node::Dir)]);
        let names = |path: &str| {
            let (id, _) = tree.follow(&at(path)).unwrap();
            tree.inside(id).iter().map(|id| tree.name(*id)).collect::<Vec<_>>()
        };
        assert_eq!((names(""), names("b")), (vec!["a", "b", "b-c"], vec!["x", "y"]));
        let (id, followed) = tree.follow(&at("b/x")).unwrap();
        assert!(tree.path(id) == at("b/x") && !followed);
    }

    #[test]
    fn links_are_followed_and_never_leave_the_tree() {
        let tree = tree(&[
            ("app/l", link("../base/./d")),
            ("base/d/f", file()),
            ("base/up", link("../../x")),
            ("app/abs", link("/etc")),
            ("r1", link("r2")),
            ("r2", link("r1")),
            ("h", Node::Same("base/d/f".into())),
            ("through", link("base/d/f/..")),
        ]);
        let to = |path: &str| tree.follow(&at(path)).map(|(id, _)| tree.path(id)).map_err(|e| e.kind());
        assert_eq!(to("app/l/f"), Ok(at("base/d/f")));
        assert_eq!(to("h"), Ok(at("base/d/f")));
        assert_eq!(to("base/up"), Err(FileErrorKind::Escapes));
        assert_eq!(to("app/abs/x"), Err(FileErrorKind::Escapes));
        assert_eq!(to("r1"), Err(FileErrorKind::LinkLoop));
        assert_eq!(to("base/d/f/x"), Err(FileErrorKind::NotFound));
        let kind = |path: &str, name: &str| {
            let (folder, _) = tree.follow(&at(path)).unwrap();
            let id = tree.inside(folder).iter().find(|id| tree.name(**id) == name).unwrap();
            tree.kind_behind(*id)
        };
        assert_eq!(
            (kind("app", "l"), kind("", "h"), kind("app", "abs")),
            (FileKind::Dir, FileKind::File, FileKind::Other)
        );
    }

    #[test]
    fn the_last_of_two_entries_with_the_same_path_counts() {
        let tree = tree(&[("a", file()), ("a", link("b")), ("x/y", file()), ("x", file()), ("x/z", file())]);
        let (root, _) = tree.follow(&TreePath::root()).unwrap();
        assert_eq!(tree.inside(root).len(), 2);
        assert_eq!(tree.kind_behind(tree.inside(root)[1]), FileKind::Dir);
    }
}
