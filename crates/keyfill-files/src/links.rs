//! Following links by hand, part by part, so that none leaves the tree. Every kind of tree uses this one.

use crate::{FileError, FileErrorKind, Kind, TreePath};

/// Links followed on the way to one path before it is called a circle; the kernel's own number.
const MOST_LINKS: usize = 40;

/// What stands at a path, links not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Not a link.
    Is(Kind),
    /// A link to a place relative to the folder it lies in.
    Link(String),
    /// A link to a place relative to the tree's root.
    LinkFromRoot(String),
}

/// Follows every link on the way to `path`. The result has none left and lies in the tree. `look` says
/// what stands at a path whose folder has no links left.
pub fn follow(
    path: &TreePath,
    mut look: impl FnMut(&TreePath) -> Result<Found, FileError>,
) -> Result<(TreePath, Kind), FileError> {
    let mut links = 0;
    let mut here = TreePath::root();
    let mut kind = Kind::Dir;
    let mut todo: Vec<String> = path.parts().map(str::to_owned).collect();
    todo.reverse();
    while let Some(part) = todo.pop() {
        if part == ".." {
            here = here.parent().ok_or_else(|| FileError::new(path, FileErrorKind::Escapes))?;
            kind = Kind::Dir;
            continue;
        }
        if kind != Kind::Dir {
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
        kind = Kind::Dir;
        todo.extend(target.split('/').rev().filter(|p| !p.is_empty() && *p != ".").map(str::to_owned));
    }
    Ok((here, kind))
}
