//! Follows symbolic links one path segment at a time, so that no link leaves the tree. Every kind of tree uses
//! this code.

use crate::{FileError, FileErrorKind, FileKind, TreePath};

/// The most links that are followed for one path before it counts as a loop; the same as Linux's limit.
const MOST_LINKS: usize = 40;

/// What a path is; links are not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Not a link.
    Is(FileKind),
    /// A link whose target is relative to the folder that contains the link.
    Link(String),
    /// A link whose target is relative to the tree's root.
    LinkFromRoot(String),
}

/// Follows every link in `path`. The result contains no links and is inside the tree. `look` returns what a path
/// is; it is called with paths whose folders contain no links.
pub fn follow(
    path: &TreePath,
    mut look: impl FnMut(&TreePath) -> Result<Found, FileError>,
) -> Result<(TreePath, FileKind), FileError> {
    let mut links = 0;
    let mut here = TreePath::root();
    let mut kind = FileKind::Dir;
    let mut todo: Vec<String> = path.parts().map(str::to_owned).collect();
    todo.reverse();
    while let Some(part) = todo.pop() {
        if part == ".." {
            here = here.parent().ok_or_else(|| FileError::new(path, FileErrorKind::Escapes))?;
            kind = FileKind::Dir;
            continue;
        }
        if kind != FileKind::Dir {
            return Err(FileError::new(path, FileErrorKind::NotFound));
        }
        let next = here.join(&part).ok_or_else(|| FileError::new(path, FileErrorKind::Escapes))?;
        let target = match look(&next)? {
            Found::Is(found) => {
                (here, kind) = (next, found);
                continue;
            }
            Found::Link(target) => target,
            Found::LinkFromRoot(target) => {
                here = TreePath::root();
                target
            }
        };
        links += 1;
        if links > MOST_LINKS {
            return Err(FileError::new(path, FileErrorKind::LinkLoop));
        }
        kind = FileKind::Dir;
        todo.extend(target.split('/').rev().filter(|p| !p.is_empty() && *p != ".").map(str::to_owned));
    }
    Ok((here, kind))
}
