//! References by their files and by `packed-refs`.

use super::super::object::Id;
use super::text;
use std::path::Path;

/// Where references lie.
pub(super) struct References<'a> {
    pub(super) git_dir: &'a Path,
    pub(super) common_dir: &'a Path,
}

/// How many references may lead to each other.
const MOST_STEPS: usize = 10;

impl References<'_> {
    /// The object that a short name means, in git's order: as it is, a tag, a branch, a branch of a remote.
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

/// Whether a name stays in git's folder.
fn is_safe(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['/', '-'])
        && !name.contains(['\\', '\0', ':', ' ', '*', '?', '['])
        && name.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

/// An object's name from its 40 digits.
pub(super) fn id(hex: &str) -> Option<Id> {
    let mut id = [0; 20];
    crate::digest::from_hex(hex, &mut id).then_some(id)
}
