//! References, from their files and from `packed-refs`.

use super::super::object::Id;
use super::text;
use std::path::Path;

/// The folders with references.
pub(super) struct References<'a> {
    pub(super) git_dir: &'a Path,
    pub(super) common_dir: &'a Path,
}

/// The longest chain of symbolic references that is followed.
const MOST_STEPS: usize = 10;

impl References<'_> {
    /// The object of a short name. As in git, the name is tried as it is, as a tag, as a branch, and as a branch of a
    /// remote.
    pub(super) fn find(&self, name: &str) -> Option<Id> {
        let name = if name == "@" { "HEAD" } else { name };
        if !is_safe(name) {
            return None;
        }
        let places = ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"];
        let direct = places.iter().find_map(|place| self.full(&format!("{place}{name}")));
        direct.or_else(|| self.full(&format!("refs/remotes/{name}/HEAD")))
    }

    /// The object of a full name, such as `refs/heads/main`.
    fn full(&self, name: &str) -> Option<Id> {
        let mut name = name.to_owned();
        for _ in 0..MOST_STEPS {
            let loose = [self.git_dir, self.common_dir].iter().find_map(|dir| text(&dir.join(&name)));
            let Some(held) = loose else { return self.packed(&name) };
            match held.trim().strip_prefix("ref:") {
                Some(next) if is_safe(next.trim()) => name = next.trim().to_owned(),
                Some(_) => return None,
                None => return id(held.split_whitespace().next()?),
            }
        }
        None
    }

    fn packed(&self, name: &str) -> Option<Id> {
        let packed = text(&self.common_dir.join("packed-refs"))?;
        let found = packed.lines().find_map(|line| line.split_once(' ').filter(|(_, held)| *held == name));
        id(found?.0)
    }
}

/// Whether a name is safe as a path below the git folder.
fn is_safe(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['/', '-'])
        && !name.contains(['\\', '\0', ':', ' ', '*', '?', '['])
        && name.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

/// Parses the 40 digits of an object name.
pub(super) fn id(hex: &str) -> Option<Id> {
    let mut id = [0; 20];
    crate::digest::from_hex(hex, &mut id).then_some(id)
}
