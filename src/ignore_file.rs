//! `.keyfillignore`: files that keyfill ignores, in gitignore's syntax.
//!
//! A file applies to its own folder and all below. For a path the nearest file with a matching line decides, and
//! in it the last matching line.

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use keyfill_diag::{Class, Diagnostic, Place};
use keyfill_files::{Files, TreePath};
use std::collections::BTreeMap;

/// The file's name.
pub const NAME: &str = ".keyfillignore";

/// The largest file that is used, in bytes.
const MOST_BYTES: usize = 64 << 10;

/// The `.keyfillignore` files of a tree, each read when a path below its folder is asked for, and patterns of the
/// command line.
pub struct IgnoreFiles<'a> {
    files: &'a dyn Files,
    read: BTreeMap<TreePath, Option<Gitignore>>,
    more: Option<(TreePath, Gitignore)>,
    warnings: Vec<Diagnostic>,
}

impl<'a> IgnoreFiles<'a> {
    /// The files of a tree.
    pub fn new(files: &'a dyn Files) -> Self {
        Self { files, read: BTreeMap::new(), more: None, warnings: Vec::new() }
    }

    /// Adds patterns relative to `dir`, which have priority over all files. The error names an invalid pattern.
    pub fn exclude(&mut self, dir: &TreePath, globs: &[String]) -> Result<(), String> {
        let mut builder = GitignoreBuilder::new("");
        for glob in globs {
            // In git a pattern with an unclosed bracket matches nothing; on a command line it is a mistake.
            if has_open_bracket(glob) {
                return Err(format!(
                    "{glob:?} is not a glob: a bracket is not closed; write \\[ for the sign itself"
                ));
            }
            builder.add_line(None, glob).map_err(|e| format!("{glob:?} is not a glob: {e}"))?;
        }
        self.more = Some((dir.clone(), builder.build().map_err(|e| e.to_string())?));
        Ok(())
    }

    /// Whether a path itself is ignored. Its parent folders are not checked, since a walk of the tree does not
    /// enter ignored folders.
    pub fn holds(&mut self, path: &TreePath, is_dir: bool) -> bool {
        let excluded = self.more.as_ref().and_then(|(dir, rules)| decide(rules, dir, path, is_dir));
        if let Some(decided) = excluded {
            return decided;
        }
        let mut dir = path.parent();
        while let Some(folder) = dir {
            if let Some(decided) = self.rules(&folder).and_then(|rules| decide(rules, &folder, path, is_dir))
            {
                return decided;
            }
            dir = folder.parent();
        }
        false
    }

    /// Whether a path or one of its parent folders is ignored.
    pub fn holds_anywhere(&mut self, path: &TreePath, is_dir: bool) -> bool {
        let mut above = path.parent();
        while let Some(folder) = above.filter(|folder| !folder.is_root()) {
            if self.holds(&folder, true) {
                return true;
            }
            above = folder.parent();
        }
        self.holds(path, is_dir)
    }

    /// Returns and removes the warnings: invalid patterns, and files that are too large.
    pub fn take_warnings(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.warnings)
    }

    fn rules(&mut self, dir: &TreePath) -> Option<&Gitignore> {
        if !self.read.contains_key(dir) {
            let rules = self.read_file(dir);
            self.read.insert(dir.clone(), rules);
        }
        self.read.get(dir)?.as_ref()
    }

    fn read_file(&mut self, dir: &TreePath) -> Option<Gitignore> {
        let path = dir.join(NAME).filter(|path| self.files.is_file(path))?;
        let mut warn = |line: Option<u32>, why: String| {
            let message = format!("{path}: {why}");
            self.warnings
                .push(Diagnostic::warning(Class::Usage, message).at(Place::file(path.as_str(), line)));
        };
        let text = match self.files.read(&path) {
            Ok(text) if text.len() <= MOST_BYTES => text,
            Ok(_) => {
                warn(None, format!("it is longer than {} KiB and not used", MOST_BYTES >> 10));
                return None;
            }
            Err(error) => {
                warn(None, error.to_string());
                return None;
            }
        };
        let mut builder = GitignoreBuilder::new("");
        for (number, line) in String::from_utf8_lossy(&text).lines().enumerate() {
            if let Err(error) = builder.add_line(None, line) {
                warn(u32::try_from(number + 1).ok(), format!("this line is not a pattern: {error}"));
            }
        }
        builder.build().ok()
    }
}

/// Whether a glob has a `[` that no `]` closes.
fn has_open_bracket(glob: &str) -> bool {
    let mut signs = glob.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => {
                signs.next();
            }
            '[' => {
                let inside = signs.as_str();
                let inside = inside.strip_prefix(['!', '^']).unwrap_or(inside);
                // A `]` directly after `[` is a member of the set.
                let first = inside.chars().next().map_or(0, char::len_utf8);
                let Some(end) = inside[first..].find(']') else { return true };
                signs = inside[first + end + 1..].chars();
            }
            _ => {}
        }
    }
    false
}

/// Whether the rules of a folder ignore a path below it: `Some(true)` ignored, `Some(false)` kept, `None` no rule
/// matches.
fn decide(rules: &Gitignore, dir: &TreePath, path: &TreePath, is_dir: bool) -> Option<bool> {
    if !path.is_within(dir) {
        return None;
    }
    let below = path.as_str()[dir.as_str().len()..].trim_start_matches('/');
    match rules.matched(below, is_dir) {
        Match::None => None,
        Match::Ignore(_) => Some(true),
        Match::Whitelist(_) => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::IgnoreFiles;
    use keyfill_files::{MemoryFiles, TreePath};

    fn path(text: &str) -> TreePath {
        TreePath::new(text).unwrap()
    }

    #[test]
    fn the_nearest_file_decides_and_in_it_the_last_line() {
        let files: MemoryFiles = [
            (".keyfillignore", "# c\n/docs/\n*.gen.yaml\n!keep.gen.yaml\n"),
            ("apps/.keyfillignore", "/values.yaml\n!x.gen.yaml\n"),
        ]
        .into_iter()
        .collect();
        let mut ignored = IgnoreFiles::new(&files);
        let mut holds = |text: &str| ignored.holds(&path(text), false);
        assert!(holds("a/b.gen.yaml") && holds("apps/values.yaml"));
        assert!(!holds("keep.gen.yaml") && !holds("apps/x.gen.yaml") && !holds("apps/y/values.yaml"));
        assert!(ignored.holds(&path("docs"), true) && !ignored.holds(&path("docs"), false));
        assert!(ignored.holds_anywhere(&path("docs/a/b.yaml"), false));
    }

    #[test]
    fn patterns_of_the_command_line_come_first() {
        let files: MemoryFiles = [(".keyfillignore", "!a.yaml\n")].into_iter().collect();
        let mut ignored = IgnoreFiles::new(&files);
        ignored.exclude(&TreePath::root(), &["a.yaml".to_owned(), "legacy/**".to_owned()]).unwrap();
        assert!(ignored.holds(&path("a.yaml"), false) && ignored.holds(&path("legacy/x/b.yaml"), false));
        for bad in ["[z-a]", "[", "a[b", "[]", "[a]/[!"] {
            assert!(ignored.exclude(&TreePath::root(), &[bad.to_owned()]).is_err(), "{bad}");
        }
        for good in ["[ab]", r"\[", "[]a]", "[!]]x"] {
            assert_eq!(ignored.exclude(&TreePath::root(), &[good.to_owned()]), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_line_that_is_no_pattern_is_named() {
        let files: MemoryFiles = [(".keyfillignore", "a\n[z-a]\n")].into_iter().collect();
        let mut ignored = IgnoreFiles::new(&files);
        assert!(ignored.holds(&path("a"), false));
        let warnings = ignored.take_warnings();
        assert_eq!((warnings.len(), warnings[0].place.line), (1, Some(2)));
    }
}
