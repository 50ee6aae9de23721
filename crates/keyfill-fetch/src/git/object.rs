//! Git's commits, tags and trees, as far as they are needed to find files.

/// The type of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObjectKind {
    Commit,
    Tree,
    Blob,
    Tag,
}

impl ObjectKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }
}

/// The name of an object: its SHA-1.
pub(crate) type Id = [u8; 20];

/// An entry of a tree.
pub(super) struct Entry<'a> {
    pub(super) mode: Mode,
    pub(super) name: &'a str,
    pub(super) id: Id,
}

/// The kind of an entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Folder,
    File,
    Executable,
    Link,
    /// A submodule: a commit of another repository.
    Submodule,
}

/// The object that the first line of an object names: `tree` in a commit, `object` in a tag.
pub(super) fn header(object: &[u8], key: &str) -> Option<Id> {
    let text = object.strip_prefix(key.as_bytes())?.strip_prefix(b" ")?;
    let hex = std::str::from_utf8(text.get(..40)?).ok()?;
    let mut id = [0; 20];
    (crate::digest::from_hex(hex, &mut id) && text.get(40) == Some(&b'\n')).then_some(id)
}

/// An entry of a tree whose name may be any bytes.
pub(super) struct Named {
    pub(super) mode: Mode,
    pub(super) name: Vec<u8>,
    pub(super) id: Id,
}

/// The entries of a tree. Their names are not checked.
pub(super) fn named(tree: &[u8]) -> Result<Vec<Named>, String> {
    let all = raw(tree)?.into_iter();
    Ok(all.map(|(mode, name, id)| Named { mode, name: name.to_vec(), id }).collect())
}

/// The entries of a tree. A name that could lead out of the tree, or that is `.git`, is an error.
pub(super) fn entries(tree: &[u8]) -> Result<Vec<Entry<'_>>, String> {
    let entry = |(mode, name, id)| {
        let name = std::str::from_utf8(name).map_err(|_| "a name is not UTF-8".to_owned())?;
        if name.is_empty()
            || name == "."
            || name == ".."
            || name.contains('/')
            || name.eq_ignore_ascii_case(".git")
        {
            return Err(format!("a file is called {name:?}"));
        }
        Ok(Entry { mode, name, id })
    };
    raw(tree)?.into_iter().map(entry).collect()
}

/// The mode, name and object of an entry.
type Raw<'a> = (Mode, &'a [u8], Id);

/// Parses the content of a tree.
fn raw(tree: &[u8]) -> Result<Vec<Raw<'_>>, String> {
    let broken = || "a tree is broken".to_owned();
    let mut rest = tree;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let space = rest.iter().position(|b| *b == b' ').ok_or_else(broken)?;
        let end = rest.iter().position(|b| *b == 0).filter(|end| *end > space).ok_or_else(broken)?;
        let mode = match &rest[..space] {
            b"40000" | b"040000" => Mode::Folder,
            b"100755" => Mode::Executable,
            b"120000" => Mode::Link,
            b"160000" => Mode::Submodule,
            mode if mode.starts_with(b"100") => Mode::File,
            _ => return Err(broken()),
        };
        let id = rest.get(end + 1..end + 21).and_then(|id| id.try_into().ok()).ok_or_else(broken)?;
        found.push((mode, &rest[space + 1..end], id));
        rest = &rest[end + 21..];
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{Mode, entries, header};

    fn entry(mode: &str, name: &str) -> Vec<u8> {
        [format!("{mode} {name}\0").as_bytes(), &[7; 20]].concat()
    }

    #[test]
    fn a_tree_lists_its_entries() {
        let tree = [entry("100644", "a b"), entry("40000", "d"), entry("160000", "sub")].concat();
        let found: Vec<_> =
            entries(&tree).expect("a tree").iter().map(|e| (e.mode, e.name.to_owned())).collect();
        let want = [(Mode::File, "a b"), (Mode::Folder, "d"), (Mode::Submodule, "sub")];
        assert_eq!(found, want.map(|(mode, name)| (mode, name.to_owned())));
    }

    #[test]
    fn names_that_leave_the_tree_are_errors() {
        for name in ["..", ".", "", "a/b", ".git", ".GIT"] {
            assert!(entries(&entry("100644", name)).is_err(), "{name:?}");
        }
        assert!(entries(b"100644 a\0short").is_err());
        assert!(entries(b"777 a\0").is_err());
    }

    #[test]
    fn a_commit_names_its_tree() {
        let commit = format!("tree {}\nauthor x\n", "0a".repeat(20));
        assert_eq!(header(commit.as_bytes(), "tree"), Some([10; 20]));
        assert_eq!(header(b"tree 12\n", "tree"), None);
        assert_eq!(header(commit.as_bytes(), "object"), None);
    }
}
