//! Paths inside a tree: normalized, relative, separated by `/`, never above the root.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A normalized path relative to a tree's root. The root itself is the empty path, displayed as `.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreePath(Arc<str>);

impl TreePath {
    /// The tree's root.
    pub fn root() -> Self {
        Self(Arc::from(""))
    }

    /// Normalizes a path: `.` and empty segments are removed, `..` goes up. `None` if the path is absolute or
    /// leaves the root.
    pub fn new(path: &str) -> Option<Self> {
        Self::root().join(path)
    }

    /// Joins `path` to this folder, as text only: links are not followed. `None` if `path` is absolute, contains a
    /// NUL byte or leaves the root.
    pub fn join(&self, path: &str) -> Option<Self> {
        if path.starts_with('/') || path.contains('\0') {
            return None;
        }
        let mut parts: Vec<&str> = self.parts().collect();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop()?;
                }
                name => parts.push(name),
            }
        }
        Some(Self(Arc::from(parts.join("/"))))
    }

    /// The folder that contains this path; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(Self(Arc::from(self.0.rsplit_once('/').map_or("", |(dir, _)| dir))))
    }

    /// The last segment; empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The segments from the root down; none for the root.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|p| !p.is_empty())
    }

    /// Whether this path is `dir` or below it.
    pub fn is_within(&self, dir: &Self) -> bool {
        dir.is_root()
            || self.0.strip_prefix(&*dir.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The path as text; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

impl Borrow<str> for TreePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::TreePath;

    fn path(p: &str) -> TreePath {
        TreePath::new(p).unwrap()
    }

    #[test]
    fn cleans_and_climbs() {
        assert_eq!(path("./a//b/../c").as_str(), "a/c");
        assert_eq!(path("overlays/dev").join("../../base").unwrap().as_str(), "base");
        assert_eq!(path("a").join(".."), Some(TreePath::root()));
        assert_eq!(path("a").join("../.."), None);
        assert_eq!(TreePath::new("/etc/passwd"), None);
        assert_eq!(TreePath::new("a\0b"), None);
    }

    #[test]
    fn knows_its_place() {
        assert_eq!(path("a/b/c").parent(), Some(path("a/b")));
        assert_eq!(path("a").parent(), Some(TreePath::root()));
        assert_eq!(TreePath::root().parent(), None);
        assert_eq!((path("a/b").name(), TreePath::root().name()), ("b", ""));
        assert!(path("a/b").is_within(&path("a")) && !path("ab").is_within(&path("a")));
        assert!(path("a").is_within(&TreePath::root()) && path("a").is_within(&path("a")));
    }
}
